"""What MXNet can't be asked, written by hand in the language of `graphpass.ops.template`.

Signatures that depend on attributes, and conditions on several attributes together, are C++
functions in MXNet. The dump compares each signature with MXNet on random attribute values and
refuses to write a table that is wrong; of the conditions a test does so. Everything that is
constant is asked of MXNet and does not stand here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["REQUIREMENTS", "VARYING"]


def _two_parameters(first: str, second: str) -> dict[str, str]:
    """Take each parameter of a distribution as an input where the attribute is None."""
    return {"inputs": f"input1?{first}=None|{second}=None input2?{first}=None+{second}=None"}


_BATCH_NORM = {
    "outputs": "output mean~output_mean_var=False var~output_mean_var=False",
}
_LAYER_NORM = {
    "outputs": "output mean~output_mean_var=False std~output_mean_var=False",
}
_BIAS = {"inputs": "data weight bias?no_bias=False"}
_LIST = {"inputs": "(arg#)*num_args"}
_DATA_LIST = {"inputs": "(data#)*num_args"}
_AT_LEAST = {"inputs": "(ary#)*num_args", "outputs": "(_)*num_args"}
_QUANTIZED_BIAS = {
    "inputs": (
        "data weight bias?no_bias=False min_data max_data min_weight max_weight "
        "min_bias?no_bias=False max_bias?no_bias=False"
    ),
}
_SEQUENCE = {"inputs": "data sequence_length?use_sequence_length=True"}
_SPLIT = {"outputs": "(_)*indices.ndim?sections=0 (_)*sections?sections!=0"}
_WEIGHTS = "(_)*num_weights"
_TENSORS = "(_)*num_tensors"
_POOLED = {
    "outputs": ("output workspace?pool_type=max+kernel.ndim=1,2,3+layout=None,NCW,NCHW,NCDHW~"),
}
_PROPOSAL = {"outputs": "output score~output_score=False"}

_INSERT = {"inputs": "arr values?val=None"}
_QUANTIZED_OUTPUTS = {
    "outputs": "output min_output?quantized=True+enable_float_output=False "
    "max_output?quantized=True+enable_float_output=False",
}
_SUBGRAPH = {"inputs": "...", "from_subgraph": True}

# -- gradients, which are seldom saved, but in a saved subgraph -----------------------------------

_BACKWARD_CONVOLUTION = {"inputs": "_ _ _ _?no_bias=False", "outputs": "_ _ _?no_bias=False"}
_SPREAD = {"inputs": "_", "outputs": "(_)*num_args"}
_SPREAD_WITH_INPUTS = {"inputs": "_ (_)*num_args", "outputs": "(_)*num_args"}
_BACKWARD_SEQUENCE = {"outputs": "data sequence_length?use_sequence_length=True"}
_BACKWARD_SPLIT = {"inputs": "(_)*indices.ndim?sections=0 (_)*sections?sections!=0"}
_SOFTMAX_INPUTS = "ograd data?use_length=True|dtype!=None length?use_length=True output"
_LOC_SCALE = {
    "inputs": "_ _ _ _ _?loc=None _?scale=None",
    "outputs": "_?loc=None _?scale=None",
}


def _one_parameter(name: str) -> dict[str, str]:
    return {"inputs": f"_ _ _ _ _?{name}=None", "outputs": f"_?{name}=None"}


_BACKWARD: Mapping[str, Mapping[str, Any]] = {
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
    "_backward_Convolution": _BACKWARD_CONVOLUTION,
    "_backward_Deconvolution": _BACKWARD_CONVOLUTION,
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
    "_backward_SequenceLast": _BACKWARD_SEQUENCE,
    "_backward_SequenceMask": _BACKWARD_SEQUENCE,
    "_backward_SequenceReverse": _BACKWARD_SEQUENCE,
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
    "_npi_hsplit_backward": _BACKWARD_SPLIT,
    "_split_v2_backward": _BACKWARD_SPLIT,
}

# -- all -------------------------------------------------------------------------------------------

VARYING: Mapping[str, Mapping[str, Any]] = {
    "BatchNorm": _BATCH_NORM,
    "BatchNorm_v1": _BATCH_NORM,
    "_contrib_SyncBatchNorm": _BATCH_NORM,
    "_contrib_BatchNormWithReLU": {"outputs": _BATCH_NORM["outputs"] + " workspace~"},
    "LayerNorm": _LAYER_NORM,
    "GroupNorm": _LAYER_NORM,
    "Convolution": _BIAS,
    "Convolution_v1": _BIAS,
    "Deconvolution": _BIAS,
    "FullyConnected": _BIAS,
    "_contrib_DeformableConvolution": {
        "inputs": "data offset weight bias?no_bias=False",
    },
    "_contrib_ModulatedDeformableConvolution": {
        "inputs": "data offset mask weight bias?no_bias=False",
    },
    "_contrib_DeformablePSROIPooling": {"inputs": "data rois trans?no_trans=False"},
    "_contrib_BilinearResize2D": {"inputs": "data like?mode=like"},
    "_contrib_MultiProposal": _PROPOSAL,
    "_contrib_Proposal": _PROPOSAL,
    "Pooling": _POOLED,
    "LeakyReLU": {
        "inputs": "data gamma?act_type=prelu",
        "outputs": "output mask?act_type=rrelu",
        "initializers": {"1": '["Constant", {"value": 0.25}]'},
    },
    "UpSampling": {
        "inputs": "(arg#)*num_args?sample_type=nearest data?sample_type=bilinear "
        "weight?sample_type=bilinear",
        "initializers": {"1": '["bilinear", {}]'},
    },
    "CTCLoss": {
        "inputs": "data label data_lengths?use_data_lengths=True "
        "label_lengths?use_label_lengths=True"
    },
    "softmax": {"inputs": "data length?use_length=True"},
    "SequenceMask": _SEQUENCE,
    "SequenceLast": _SEQUENCE,
    "SequenceReverse": _SEQUENCE,
    "RNN": {
        "inputs": "data parameters state state_cell?mode=lstm "
        "sequence_length?use_sequence_length=True",
        "outputs": "output state_output?state_outputs=True "
        "statecell_output?state_outputs=True+mode=lstm",
    },
    "_contrib_quantized_rnn": {
        "inputs": "data parameters state state_cell min_data max_data",
        "outputs": "output state_output?state_outputs=True statecell_ouput?state_outputs=True",
    },
    "SliceChannel": {"outputs": "(output#)*num_outputs"},
    "_split_v2": _SPLIT,
    "_npi_hsplit": _SPLIT,
    "_npi_dsplit": _SPLIT,
    "topk": {"outputs": "_ _?ret_typ=value,both~ret_typ=value"},
    "_sample_multinomial": {"outputs": "_ _?get_prob=True"},
    "amp_multicast": {"inputs": "(data_#)*num_outputs", "outputs": "(_)*num_outputs"},
    "Concat": _LIST,
    "_rnn_param_concat": _LIST,
    "add_n": _LIST,
    "stack": _LIST,
    "Crop": _LIST,
    "khatri_rao": _LIST,
    "_npi_einsum": _LIST,
    "_npi_stack": _LIST,
    "_npi_column_stack": _LIST,
    "_npi_vstack": _LIST,
    "_npi_concatenate": _DATA_LIST,
    "_npi_hstack": _DATA_LIST,
    "_npi_dstack": _DATA_LIST,
    "_np_atleast_1d": _AT_LEAST,
    "_np_atleast_2d": _AT_LEAST,
    "_np_atleast_3d": _AT_LEAST,
    "_npi_average": {"inputs": "a weights?weighted=True", "outputs": "_ _~returned=False"},
    "_npi_bincount": {"inputs": "data weights?has_weights=True"},
    "_npi_choice": {
        "inputs": "input1?a=None|weighted=True input2?a=None+weighted=True",
    },
    "_npi_delete": {"inputs": "arr obj?step=None+int_ind=None"},
    "_npi_insert_scalar": _INSERT,
    "_npi_insert_slice": _INSERT,
    "_npi_insert_tensor": {"inputs": "arr values?val=None obj"},
    "_npi_percentile": {"inputs": "a q?q_scalar=None"},
    "_npi_multinomial": {"inputs": "data?pvals=None"},
    "_histogram": {"inputs": "data bins?bin_cnt=None"},
    "_npi_uniform": _two_parameters("low", "high"),
    "_npi_uniform_n": _two_parameters("low", "high"),
    "_npi_normal": _two_parameters("loc", "scale"),
    "_npi_normal_n": _two_parameters("loc", "scale"),
    "_npi_gumbel": _two_parameters("loc", "scale"),
    "_npi_logistic": _two_parameters("loc", "scale"),
    "_npi_gamma": _two_parameters("shape", "scale"),
    "_npi_bernoulli": {"inputs": "input1?prob=None+logit=None"},
    "_npi_exponential": {"inputs": "input1?scale=None"},
    "_npi_rayleigh": {"inputs": "input1?scale=None"},
    "_npi_pareto": {"inputs": "input1?a=None"},
    "_npi_powerd": {"inputs": "input1?a=None"},
    "_npi_weibull": {"inputs": "input1?a=None"},
    "_npi_ediff1d": {
        "inputs": "input1 input2?to_begin_arr_given=True|to_end_arr_given=True "
        "input3?to_begin_arr_given=True+to_end_arr_given=True"
    },
    "_npi_unique": {"outputs": "_ _?return_index=True _?return_inverse=True _?return_counts=True"},
    "_contrib_dgl_csr_neighbor_uniform_sample": {
        "inputs": "(_)*num_args",
        "outputs": "(_)*num_args-1 (_)*num_args-1 (_)*num_args-1",
    },
    "_contrib_dgl_csr_neighbor_non_uniform_sample": {
        "inputs": "(_)*num_args",
        "outputs": "(_)*num_args-2 (_)*num_args-2 (_)*num_args-2 (_)*num_args-2",
    },
    "_contrib_dgl_subgraph": {
        "inputs": "graph (varray#)*num_args-1",
        "outputs": "(_)*num_args-1 (_)*num_args-1?return_mapping=True",
    },
    "_contrib_dgl_graph_compact": {
        "inputs": "(_)*num_args",
        "outputs": "(_)*num_args/2 (_)*num_args/2?return_mapping=True",
    },
    "_foreach": {"inputs": "(data#)*num_args-1", "outputs": "(_)*num_outputs"},
    "_while_loop": {"inputs": "(data#)*num_args-2", "outputs": "(_)*num_outputs"},
    "_cond": {"inputs": "(data#)*num_args-3", "outputs": "(_)*num_outputs"},
    "_contrib_quantized_concat": {"inputs": "(arg#)*num_args (arg#_min arg#_max)*num_args"},
    "_contrib_quantized_conv": _QUANTIZED_BIAS,
    "_contrib_quantized_fully_connected": _QUANTIZED_BIAS,
    "_contrib_quantized_pooling": {
        "inputs": "data min_data max_data",
        "outputs": "output min_output max_output",
    },
    "_contrib_quantized_elemwise_mul": {
        "outputs": "output min_output?enable_float_output=False "
        "max_output?enable_float_output=False"
    },
    "_sg_mkldnn_selfatt_qk": {
        "inputs": "queries_keys_values min_qkv?quantized=True max_qkv?quantized=True",
        **_QUANTIZED_OUTPUTS,
    },
    "_sg_mkldnn_selfatt_valatt": {
        "inputs": "queries_keys_values attention min_qkv?quantized=True max_qkv?quantized=True "
        "min_attention?quantized=True max_attention?quantized=True",
        **_QUANTIZED_OUTPUTS,
    },
    "multi_all_finite": {"inputs": "(array_#)*num_arrays"},
    "multi_sum_sq": {"inputs": "(array_#)*num_arrays"},
    "reset_arrays": {"inputs": "(&array_#)*num_arrays", "outputs": ""},
    "multi_sgd_update": {"inputs": "(weight_# grad_#)*num_weights", "outputs": _WEIGHTS},
    "multi_sgd_mom_update": {"inputs": "(_ _ &_)*num_weights", "outputs": _WEIGHTS},
    "multi_mp_sgd_update": {
        "inputs": "(weight_# grad_# &weight32_#)*num_weights",
        "outputs": _WEIGHTS,
    },
    "multi_mp_sgd_mom_update": {
        "inputs": "(weight_# grad_# &mom_# &weight32_#)*num_weights",
        "outputs": _WEIGHTS,
    },
    "preloaded_multi_sgd_update": {
        "inputs": "(weight_# grad_#)*num_weights lrs wds",
        "outputs": _WEIGHTS,
    },
    "preloaded_multi_sgd_mom_update": {
        "inputs": "(_ _ &_)*num_weights _ _",
        "outputs": _WEIGHTS,
    },
    "preloaded_multi_mp_sgd_update": {
        "inputs": "(weight_# grad_# &weight32_#)*num_weights lrs wds",
        "outputs": _WEIGHTS,
    },
    "preloaded_multi_mp_sgd_mom_update": {
        "inputs": "(weight_# grad_# &mom_# &weight32_#)*num_weights lrs wds",
        "outputs": _WEIGHTS,
    },
    "_multi_adamw_update": {"inputs": "(_ _ &_ &_)*num_weights _", "outputs": _WEIGHTS},
    "_multi_mp_adamw_update": {"inputs": "(_ _ &_ &_ &_)*num_weights _", "outputs": _WEIGHTS},
    "_multi_lamb_update": {"inputs": "(_ _ &_ &_)*num_tensors", "outputs": _TENSORS},
    "_multi_mp_lamb_update": {"inputs": "(_ _ &_ &_ &_)*num_tensors", "outputs": _TENSORS},
    "_CachedOp": _SUBGRAPH,
    "_CachedOpThreadSafe": _SUBGRAPH,
    "_sg_mkldnn_conv": {
        **_SUBGRAPH,
        "outputs": "output output_min?quantized=True output_max?quantized=True",
    },
    "_sg_mkldnn_fully_connected": {
        **_SUBGRAPH,
        **_QUANTIZED_OUTPUTS,
    },
    **_BACKWARD,
}

# -- conditions that MXNet checks where it parses attributes --------------------------------------

_KERNEL = "kernel.ndim=1,2,3"
_WINDOW = f"{_KERNEL} stride.ndim=0,kernel.ndim dilate.ndim=0,kernel.ndim pad.ndim=0,kernel.ndim"
_POOLING = "global_pool=True|kernel.ndim=1,2,3"
_PLANE = "kernel.ndim=2"
_POOLED_SIZE = "pooled_size.ndim=2"

REQUIREMENTS: Mapping[str, str] = {
    "Convolution": _WINDOW,
    "Convolution_v1": "kernel.ndim=2,3",
    "Deconvolution": f"{_WINDOW} adj.ndim=0,kernel.ndim",
    "Pooling": _POOLING,
    "Pooling_v1": _POOLING,
    "ROIPooling": _POOLED_SIZE,
    "_contrib_DeformableConvolution": _PLANE,
    "_contrib_ModulatedDeformableConvolution": _PLANE,
    "_contrib_ROIAlign": _POOLED_SIZE,
    "_contrib_RROIAlign": _POOLED_SIZE,
    "_contrib_quantized_conv": _WINDOW,
    "_contrib_quantized_pooling": _POOLING,
    "_contrib_quantized_rnn": "mode=lstm",
    "im2col": _WINDOW,
    "col2im": _WINDOW,
    "_backward_Convolution": _WINDOW,
    "_backward_Convolution_v1": "kernel.ndim=2,3",
    "_backward_Deconvolution": f"{_WINDOW} adj.ndim=0,kernel.ndim",
    "_backward_Pooling": _POOLING,
    "_backward_Pooling_v1": _POOLING,
    "_backward_ROIAlign": _POOLED_SIZE,
    "_backward_ROIPooling": _POOLED_SIZE,
    "_backward_RROIAlign": _POOLED_SIZE,
    "_backward__contrib_DeformableConvolution": _PLANE,
    "_backward__contrib_ModulatedDeformableConvolution": _PLANE,
    "_backward_col2im": _WINDOW,
    "_backward_im2col": _WINDOW,
}
