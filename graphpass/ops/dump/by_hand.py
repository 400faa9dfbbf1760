"""What MXNet can't be asked, written by hand in the language of `graphpass.ops.template`.

Signatures that depend on attributes, and conditions on several attributes together, are C++
functions in MXNet. The dump compares each signature with MXNet on random attribute values and
refuses to write a table that is wrong; of the conditions a test does so. Everything that is
constant is asked of MXNet and does not stand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["REQUIREMENTS", "VARYING"]


def entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names of a text, each with what stands behind the colon."""
    for line in re.sub(r"\n +", " ", text).strip().splitlines():
        names, _, said = line.partition(":")
        for name in names.split():
            yield name, said.strip()


def record_of(name: str, signature: str) -> dict[str, Any]:
    """Return what the operator table has of a signature."""
    inputs, arrow, outputs = (part.strip() for part in signature.partition("->"))
    record: dict[str, Any] = {}
    if inputs == "subgraph":
        record.update({"inputs": "...", "from_subgraph": True})
    elif inputs:
        record["inputs"] = inputs
    if arrow:
        record["outputs"] = outputs
    if name in _INITIALIZERS:
        record["initializers"] = _INITIALIZERS[name]
    return record


_SIGNATURES = """
BatchNorm BatchNorm_v1 _contrib_SyncBatchNorm: -> output mean~output_mean_var=False
    var~output_mean_var=False
_contrib_BatchNormWithReLU: -> output mean~output_mean_var=False var~output_mean_var=False
    workspace~
LayerNorm GroupNorm: -> output mean~output_mean_var=False std~output_mean_var=False
Convolution Convolution_v1 Deconvolution FullyConnected: data weight bias?no_bias=False
_contrib_DeformableConvolution: data offset weight bias?no_bias=False
_contrib_ModulatedDeformableConvolution: data offset mask weight bias?no_bias=False
_contrib_DeformablePSROIPooling: data rois trans?no_trans=False
_contrib_BilinearResize2D: data like?mode=like
_contrib_MultiProposal _contrib_Proposal: -> output score~output_score=False
Pooling: -> output workspace?pool_type=max+kernel.ndim=1,2,3+layout=None,NCW,NCHW,NCDHW~
LeakyReLU: data gamma?act_type=prelu -> output mask?act_type=rrelu
UpSampling: (arg#)*num_args?sample_type=nearest data?sample_type=bilinear
    weight?sample_type=bilinear
CTCLoss: data label data_lengths?use_data_lengths=True label_lengths?use_label_lengths=True
softmax: data length?use_length=True
SequenceMask SequenceLast SequenceReverse: data sequence_length?use_sequence_length=True
RNN: data parameters state state_cell?mode=lstm sequence_length?use_sequence_length=True -> output
    state_output?state_outputs=True statecell_output?state_outputs=True+mode=lstm
_contrib_quantized_rnn: data parameters state state_cell min_data max_data -> output
    state_output?state_outputs=True statecell_ouput?state_outputs=True
SliceChannel: -> (output#)*num_outputs
_split_v2 _npi_hsplit _npi_dsplit: -> (_)*indices.ndim?sections=0 (_)*sections?sections!=0
topk: -> _ _?ret_typ=value,both~ret_typ=value
_sample_multinomial: -> _ _?get_prob=True
amp_multicast: (data_#)*num_outputs -> (_)*num_outputs
Concat _rnn_param_concat add_n stack Crop khatri_rao _npi_einsum _npi_stack _npi_column_stack
    _npi_vstack: (arg#)*num_args
_npi_concatenate _npi_hstack _npi_dstack: (data#)*num_args
_np_atleast_1d _np_atleast_2d _np_atleast_3d: (ary#)*num_args -> (_)*num_args
_npi_average: a weights?weighted=True -> _ _~returned=False
_npi_bincount: data weights?has_weights=True
_npi_choice: input1?a=None|weighted=True input2?a=None+weighted=True
_npi_delete: arr obj?step=None+int_ind=None
_npi_insert_scalar _npi_insert_slice: arr values?val=None
_npi_insert_tensor: arr values?val=None obj
_npi_percentile: a q?q_scalar=None
_npi_multinomial: data?pvals=None
_histogram: data bins?bin_cnt=None
_npi_uniform _npi_uniform_n: input1?low=None|high=None input2?low=None+high=None
_npi_normal _npi_normal_n _npi_gumbel _npi_logistic: input1?loc=None|scale=None
    input2?loc=None+scale=None
_npi_gamma: input1?shape=None|scale=None input2?shape=None+scale=None
_npi_bernoulli: input1?prob=None+logit=None
_npi_exponential _npi_rayleigh: input1?scale=None
_npi_pareto _npi_powerd _npi_weibull: input1?a=None
_npi_ediff1d: input1 input2?to_begin_arr_given=True|to_end_arr_given=True
    input3?to_begin_arr_given=True+to_end_arr_given=True
_npi_unique: -> _ _?return_index=True _?return_inverse=True _?return_counts=True
_contrib_dgl_csr_neighbor_uniform_sample: (_)*num_args -> (_)*num_args-1 (_)*num_args-1
    (_)*num_args-1
_contrib_dgl_csr_neighbor_non_uniform_sample: (_)*num_args -> (_)*num_args-2 (_)*num_args-2
    (_)*num_args-2 (_)*num_args-2
_contrib_dgl_subgraph: graph (varray#)*num_args-1 -> (_)*num_args-1
    (_)*num_args-1?return_mapping=True
_contrib_dgl_graph_compact: (_)*num_args -> (_)*num_args/2 (_)*num_args/2?return_mapping=True
_foreach: (data#)*num_args-1 -> (_)*num_outputs
_while_loop: (data#)*num_args-2 -> (_)*num_outputs
_cond: (data#)*num_args-3 -> (_)*num_outputs
_contrib_quantized_concat: (arg#)*num_args (arg#_min arg#_max)*num_args
_contrib_quantized_conv _contrib_quantized_fully_connected: data weight bias?no_bias=False
    min_data max_data min_weight max_weight min_bias?no_bias=False max_bias?no_bias=False
_contrib_quantized_pooling: data min_data max_data -> output min_output max_output
_contrib_quantized_elemwise_mul: -> output min_output?enable_float_output=False
    max_output?enable_float_output=False
_sg_mkldnn_selfatt_qk: queries_keys_values min_qkv?quantized=True max_qkv?quantized=True -> output
    min_output?quantized=True+enable_float_output=False
    max_output?quantized=True+enable_float_output=False
_sg_mkldnn_selfatt_valatt: queries_keys_values attention min_qkv?quantized=True
    max_qkv?quantized=True min_attention?quantized=True max_attention?quantized=True -> output
    min_output?quantized=True+enable_float_output=False
    max_output?quantized=True+enable_float_output=False
multi_all_finite multi_sum_sq: (array_#)*num_arrays
reset_arrays: (&array_#)*num_arrays ->
multi_sgd_update: (weight_# grad_#)*num_weights -> (_)*num_weights
multi_sgd_mom_update: (_ _ &_)*num_weights -> (_)*num_weights
multi_mp_sgd_update: (weight_# grad_# &weight32_#)*num_weights -> (_)*num_weights
multi_mp_sgd_mom_update: (weight_# grad_# &mom_# &weight32_#)*num_weights -> (_)*num_weights
preloaded_multi_sgd_update: (weight_# grad_#)*num_weights lrs wds -> (_)*num_weights
preloaded_multi_sgd_mom_update: (_ _ &_)*num_weights _ _ -> (_)*num_weights
preloaded_multi_mp_sgd_update: (weight_# grad_# &weight32_#)*num_weights lrs wds ->
    (_)*num_weights
preloaded_multi_mp_sgd_mom_update: (weight_# grad_# &mom_# &weight32_#)*num_weights lrs wds ->
    (_)*num_weights
_multi_adamw_update: (_ _ &_ &_)*num_weights _ -> (_)*num_weights
_multi_mp_adamw_update: (_ _ &_ &_ &_)*num_weights _ -> (_)*num_weights
_multi_lamb_update: (_ _ &_ &_)*num_tensors -> (_)*num_tensors
_multi_mp_lamb_update: (_ _ &_ &_ &_)*num_tensors -> (_)*num_tensors
_CachedOp _CachedOpThreadSafe: subgraph
_sg_mkldnn_conv: subgraph -> output output_min?quantized=True output_max?quantized=True
_sg_mkldnn_fully_connected: subgraph -> output min_output?quantized=True+enable_float_output=False
    max_output?quantized=True+enable_float_output=False
"""
"""Operators: inputs -> outputs, each where it varies; a line that is indented goes on.

``subgraph`` stands for inputs that follow from a subgraph.
"""

_GRADIENTS = """
_backward_Activation: _ _ _?act_type!=relu
_backward_Concat _backward_npi_einsum: _ (_)*num_args -> (_)*num_args
_backward_np_column_stack _backward_np_concat _backward_np_dstack _backward_np_hstack
    _backward_np_vstack _backward_stack: _ -> (_)*num_args
_backward_Crop: -> (arg#)*num_args
_backward_amp_multicast: (grad_#)*num_outputs -> (_)*num_outputs
_backward_Convolution _backward_Deconvolution: _ _ _ _?no_bias=False -> _ _ _?no_bias=False
_backward_Convolution_v1: -> data weight bias?no_bias=False
_backward__contrib_DeformableConvolution: -> data offset weight bias?no_bias=False
_backward__contrib_ModulatedDeformableConvolution: -> data offset mask weight bias?no_bias=False
_backward__contrib_DeformablePSROIPooling: -> data rois trans?no_trans=False
_backward_FullyConnected: -> _ _ _?no_bias=False
_backward_backward_FullyConnected: _ _ _ _?no_bias=False
_backward_LeakyReLU: _ _ _ _?act_type=prelu,rrelu _?act_type=rrelu -> _ _?act_type=prelu
_backward_Pooling: _ _ _ _?pool_type=max+kernel.ndim=1,2,3+layout=None,NCW,NCHW,NCDHW
    _?pool_type=max+kernel.ndim=1,2,3+layout=None,NCW,NCHW,NCDHW
_backward_RNN: _ _ _ _ _ _?mode=lstm _?state_outputs=True _?state_outputs=True
    _?state_outputs=True+mode=lstm _?state_outputs=True+mode=lstm -> _ _ _ _?mode=lstm
    _?use_sequence_length=True
_backward_SequenceLast _backward_SequenceMask _backward_SequenceReverse: -> data
    sequence_length?use_sequence_length=True
_backward_UpSampling: _ _?sample_type=bilinear _?sample_type=bilinear ->
    (_)*num_args?sample_type=nearest _?sample_type=bilinear _?sample_type=bilinear
_backward_contrib_BilinearResize2D: -> _ _?mode=like
_backward_ctc_loss: -> _ _ _?use_data_lengths=True _?use_label_lengths=True
_backward_foreach: (_)*num_args-1 (_ _)*num_outputs -> (_)*num_args-1
_backward_while_loop: (_)*num_args-2 (_ _)*num_outputs -> (_)*num_args-2
_backward_cond: (_)*num_args-3 (_ _)*num_outputs -> (_)*num_args-3
_backward_broadcast_gumbel _backward_broadcast_logistic _backward_broadcast_normal: _ _ _ _
    _?loc=None _?scale=None -> _?loc=None _?scale=None
_backward_broadcast_exponential _backward_broadcast_rayleigh: _ _ _ _ _?scale=None -> _?scale=None
_backward_broadcast_pareto _backward_broadcast_weibull: _ _ _ _ _?a=None -> _?a=None
_backward_softmax: ograd data?use_length=True|dtype!=None length?use_length=True output -> _
    _?use_length=True
_backward_softmin _backward_log_softmax: ograd data?use_length=True|dtype!=None
    length?use_length=True output
_backward_np_average: _ _ _ _ _ _?weighted=True -> _ _?weighted=True
_npi_backward_ediff1d: _ _ _?to_begin_arr_given=True _?to_end_arr_given=True -> _
    _?to_begin_arr_given=True _?to_end_arr_given=True
_npi_hsplit_backward _split_v2_backward: (_)*indices.ndim?sections=0 (_)*sections?sections!=0
"""
"""The same of gradients, which are seldom saved, but in a saved subgraph."""

_CONDITIONS = """
Convolution _contrib_quantized_conv im2col col2im _backward_Convolution _backward_col2im
    _backward_im2col: kernel.ndim=1,2,3 stride.ndim=0,kernel.ndim dilate.ndim=0,kernel.ndim
    pad.ndim=0,kernel.ndim
Convolution_v1 _backward_Convolution_v1: kernel.ndim=2,3
Deconvolution _backward_Deconvolution: kernel.ndim=1,2,3 stride.ndim=0,kernel.ndim
    dilate.ndim=0,kernel.ndim pad.ndim=0,kernel.ndim adj.ndim=0,kernel.ndim
Pooling Pooling_v1 _contrib_quantized_pooling _backward_Pooling _backward_Pooling_v1:
    global_pool=True|kernel.ndim=1,2,3
ROIPooling _contrib_ROIAlign _contrib_RROIAlign _backward_ROIAlign _backward_ROIPooling
    _backward_RROIAlign: pooled_size.ndim=2
_contrib_DeformableConvolution _contrib_ModulatedDeformableConvolution
    _backward__contrib_DeformableConvolution _backward__contrib_ModulatedDeformableConvolution:
    kernel.ndim=2
_contrib_quantized_rnn: mode=lstm
"""
"""Operators: what MXNet checks where it parses attributes."""

_INITIALIZERS = {
    "LeakyReLU": {"1": '["Constant", {"value": 0.25}]'},
    "UpSampling": {"1": '["bilinear", {}]'},
}


VARYING: Mapping[str, Mapping[str, Any]] = {
    name: record_of(name, said) for name, said in entries(_SIGNATURES + _GRADIENTS)
}
REQUIREMENTS: Mapping[str, str] = dict(entries(_CONDITIONS))
