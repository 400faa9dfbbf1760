"""Signatures of gradient operators that depend on attributes; see `graphpass.ops.dump.varying`.

Gradients are seldom saved, but a saved subgraph may hold them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["BACKWARD"]

_CONVOLUTION = {"inputs": "_ _ _ _?no_bias=False", "outputs": "_ _ _?no_bias=False"}
_SPREAD = {"inputs": "_", "outputs": "(_)*num_args"}
_SPREAD_WITH_INPUTS = {"inputs": "_ (_)*num_args", "outputs": "(_)*num_args"}
_SEQUENCE = {"outputs": "data sequence_length?use_sequence_length=True"}
_SPLIT = {"inputs": "(_)*indices.ndim?sections=0 (_)*sections?sections!=0"}
_SOFTMAX_INPUTS = "ograd data?use_length=True|dtype!=None length?use_length=True output"
_LOC_SCALE = {
    "inputs": "_ _ _ _ _?loc=None _?scale=None",
    "outputs": "_?loc=None _?scale=None",
}


def _one_parameter(name: str) -> dict[str, str]:
    return {"inputs": f"_ _ _ _ _?{name}=None", "outputs": f"_?{name}=None"}


BACKWARD: Mapping[str, Mapping[str, Any]] = {
    "_backward_Activation": {"inputs": "_ _ _?act_type!=relu"},
    "_backward_Concat": _SPREAD_WITH_INPUTS,
    "_backward_npi_einsum": _SPREAD_WITH_INPUTS,
    "_backward_np_column_stack": _SPREAD,
    "_backward_np_concat": _SPREAD,
    "_backward_np_dstack": _SPREAD,
    "_backward_np_hstack": _SPREAD,
    "_backward_np_vstack": _SPREAD,
    "_backward_stack": _SPREAD,
    "_backward_Crop": {"outputs": "(arg#)*num_args"},
    "_backward_amp_multicast": {"inputs": "(grad_#)*num_outputs", "outputs": "(_)*num_outputs"},
    "_backward_Convolution": _CONVOLUTION,
    "_backward_Deconvolution": _CONVOLUTION,
    "_backward_Convolution_v1": {"outputs": "data weight bias?no_bias=False"},
    "_backward__contrib_DeformableConvolution": {
        "outputs": "data offset weight bias?no_bias=False"
    },
    "_backward__contrib_ModulatedDeformableConvolution": {
        "outputs": "data offset mask weight bias?no_bias=False"
    },
    "_backward__contrib_DeformablePSROIPooling": {"outputs": "data rois trans?no_trans=False"},
    "_backward_FullyConnected": {"outputs": "_ _ _?no_bias=False"},
    "_backward_backward_FullyConnected": {"inputs": "_ _ _ _?no_bias=False"},
    "_backward_LeakyReLU": {
        "inputs": "_ _ _ _?act_type=prelu,rrelu _?act_type=rrelu",
        "outputs": "_ _?act_type=prelu",
    },
    "_backward_Pooling": {
        "inputs": "_ _ _ "
        "_?pool_type=max+kernel.ndim=1,2,3+layout=None,NCW,NCHW,NCDHW "
        "_?pool_type=max+kernel.ndim=1,2,3+layout=None,NCW,NCHW,NCDHW"
    },
    "_backward_RNN": {
        "inputs": "_ _ _ _ _ _?mode=lstm _?state_outputs=True _?state_outputs=True "
        "_?state_outputs=True+mode=lstm _?state_outputs=True+mode=lstm",
        "outputs": "_ _ _ _?mode=lstm _?use_sequence_length=True",
    },
    "_backward_SequenceLast": _SEQUENCE,
    "_backward_SequenceMask": _SEQUENCE,
    "_backward_SequenceReverse": _SEQUENCE,
    "_backward_UpSampling": {
        "inputs": "_ _?sample_type=bilinear _?sample_type=bilinear",
        "outputs": "(_)*num_args?sample_type=nearest _?sample_type=bilinear _?sample_type=bilinear",
    },
    "_backward_contrib_BilinearResize2D": {"outputs": "_ _?mode=like"},
    "_backward_ctc_loss": {"outputs": "_ _ _?use_data_lengths=True _?use_label_lengths=True"},
    "_backward_foreach": {
        "inputs": "(_)*num_args-1 (_ _)*num_outputs",
        "outputs": "(_)*num_args-1",
    },
    "_backward_while_loop": {
        "inputs": "(_)*num_args-2 (_ _)*num_outputs",
        "outputs": "(_)*num_args-2",
    },
    "_backward_cond": {
        "inputs": "(_)*num_args-3 (_ _)*num_outputs",
        "outputs": "(_)*num_args-3",
    },
    "_backward_broadcast_gumbel": _LOC_SCALE,
    "_backward_broadcast_logistic": _LOC_SCALE,
    "_backward_broadcast_normal": _LOC_SCALE,
    "_backward_broadcast_exponential": _one_parameter("scale"),
    "_backward_broadcast_rayleigh": _one_parameter("scale"),
    "_backward_broadcast_pareto": _one_parameter("a"),
    "_backward_broadcast_weibull": _one_parameter("a"),
    "_backward_softmax": {
        "inputs": _SOFTMAX_INPUTS,
        "outputs": "_ _?use_length=True",
    },
    "_backward_softmin": {"inputs": _SOFTMAX_INPUTS},
    "_backward_log_softmax": {"inputs": _SOFTMAX_INPUTS},
    "_backward_np_average": {
        "inputs": "_ _ _ _ _ _?weighted=True",
        "outputs": "_ _?weighted=True",
    },
    "_npi_backward_ediff1d": {
        "inputs": "_ _ _?to_begin_arr_given=True _?to_end_arr_given=True",
        "outputs": "_ _?to_begin_arr_given=True _?to_end_arr_given=True",
    },
    "_npi_hsplit_backward": _SPLIT,
    "_split_v2_backward": _SPLIT,
}
