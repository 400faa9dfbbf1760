"""The table: every operator that inference knows, and its rule.

Operators that behave alike share a rule; a name stands here once, in its canonical form. Shape
rule, dtype rule, and how multiply-adds are counted where an operator does any.
"""

from __future__ import annotations

from functools import cache

from graphpass.ops import canonical_name
from graphpass.shapes.families import (
    attention,
    broadcasting,
    control_flow,
    convolution,
    creating,
    dense,
    detection,
    elementwise,
    heads,
    indexing,
    joining,
    linear_algebra,
    normalization,
    quantization,
    recurrent,
    reducing,
    reshaping,
    resizing,
    slicing,
)
from graphpass.shapes.families.common import (
    data_dtype,
    first_dtype,
    fixed_dtype,
    float32_only,
    forward,
    int32_index,
    like_first,
    like_second,
    output_size,
    silent,
)
from graphpass.shapes.site import Rule, same_dtype

__all__ = ["known_operators", "rule_of"]

_MAPPED = Rule(elementwise.same_shape)
_ARITHMETIC = Rule(elementwise.same_shape, cost=output_size)
_WITH_NUMBER = Rule(elementwise.same_shape, elementwise.scalar_dtype)
_ARITHMETIC_WITH_NUMBER = Rule(elementwise.same_shape, elementwise.scalar_dtype, cost=output_size)
_BROADCAST = Rule(elementwise.broadcast, cost=output_size)
_COMPARED = Rule(elementwise.broadcast)
_MOVED = Rule(like_first, forward)
_NUMPY_ARITHMETIC = Rule(elementwise.broadcast, elementwise.mixed_dtypes, output_size)
_NUMPY_COMPARED = Rule(elementwise.broadcast, elementwise.any_to_bool)
_NUMPY_TESTED = Rule(elementwise.same_shape, elementwise.any_to_bool)
_REDUCED = Rule(reducing.reduce_axes)
_DRAWN = Rule(creating.filled, creating.drawn_dtype)
_SAMPLED = Rule(creating.sampled, creating.sampled_dtype)
_NUMPY_CREATED = Rule(creating.filled, fixed_dtype)
_CONVOLUTION = Rule(convolution.convolution, data_dtype, convolution.convolution_cost)
_POOLING = Rule(convolution.pooling, first_dtype)
_BATCH_NORM = Rule(normalization.batch_norm, normalization.batch_norm_dtype, output_size)
_SEQUENCE = Rule(recurrent.sequence, recurrent.sequence_dtype)
_REGRESSION = Rule(heads.regression_output, first_dtype)

_GROUPS: dict[str, Rule] = {
    # one value in, one out, element by element
    """Activation BlockGrad MakeLoss SoftmaxActivation _contrib_gradientmultiplier
    _contrib_round_ste _contrib_sign_ste _copy abs arccos arccosh arcsin arcsinh arctan arctanh
    cast_storage cbrt ceil clip cos cosh degrees erf erfinv exp expm1 fix floor gamma gammaln
    hard_sigmoid log log10 log1p log2 logical_not make_loss negative ones_like radians rcbrt
    reciprocal relu reverse rint round rsqrt sigmoid sign sin sinh smooth_l1 softsign sqrt square
    tan tanh trunc zeros_like _shuffle
    _npi_absolute _npi_ceil _npi_fix _npi_floor _npi_negative _npi_rint _npi_sign _npi_square
    _npi_trunc _npi_tanh _npi_exp _npi_log _npi_sqrt _np_copy _npx_relu _npx_sigmoid
    """: _MAPPED,
    # a value and a number
    """_equal_scalar _greater_scalar _greater_equal_scalar _lesser_scalar _lesser_equal_scalar
    _not_equal_scalar _maximum_scalar _minimum_scalar _logical_and_scalar _logical_or_scalar
    _logical_xor_scalar _hypot_scalar
    """: _WITH_NUMBER,
    """_plus_scalar _minus_scalar _rminus_scalar _mul_scalar _div_scalar _rdiv_scalar _power_scalar
    _rpower_scalar _mod_scalar _rmod_scalar _scatter_plus_scalar _scatter_minus_scalar
    _npi_add_scalar _npi_subtract_scalar _npi_rsubtract_scalar _npi_multiply_scalar
    _npi_power_scalar
    """: _ARITHMETIC_WITH_NUMBER,
    # two or more values
    """elemwise_add elemwise_sub elemwise_mul elemwise_div add_n _grad_add _maximum _minimum _power
    _mod _hypot _scatter_elemwise_div _contrib_quadratic _contrib_div_sqrt_dim
    """: _ARITHMETIC,
    "_equal _not_equal _greater _greater_equal _lesser _lesser_equal _logical_and _logical_or "
    "_logical_xor": _MAPPED,
    """broadcast_add broadcast_sub broadcast_mul broadcast_div broadcast_mod broadcast_power
    broadcast_maximum broadcast_minimum broadcast_hypot""": _BROADCAST,
    """broadcast_equal broadcast_not_equal broadcast_greater broadcast_greater_equal
    broadcast_lesser broadcast_lesser_equal broadcast_logical_and broadcast_logical_or
    broadcast_logical_xor""": _COMPARED,
    # NumPy-style
    "_npi_add _npi_subtract _npi_multiply _npi_power _npi_mod": _NUMPY_ARITHMETIC,
    """_npi_equal _npi_not_equal _npi_greater _npi_greater_equal _npi_less
    _npi_less_equal""": _NUMPY_COMPARED,
    """_npi_equal_scalar _npi_not_equal_scalar _npi_greater_scalar _npi_greater_equal_scalar
    _npi_less_scalar _npi_less_equal_scalar _npi_isnan _npi_isinf _npi_isfinite
    _npi_logical_not""": _NUMPY_TESTED,
    "_npi_zeros _npi_ones": _NUMPY_CREATED,
    # reduced, sorted
    "sum mean prod nansum nanprod": _REDUCED,
    "max min": Rule(reducing.reduce_known),
    "_npi_mean _np_sum": Rule(reducing.reduce_axes, reducing.numpy_reduce_dtype),
    "argmax argmin": Rule(reducing.reduce_one),
    "_np_max _np_min": Rule(reducing.reduce_axes),
    # random
    """_random_uniform _random_normal _random_gamma _random_exponential _random_poisson
    _random_negative_binomial _random_generalized_negative_binomial""": _DRAWN,
    """_sample_uniform _sample_normal _sample_gamma _sample_exponential _sample_poisson
    _sample_negative_binomial _sample_generalized_negative_binomial""": _SAMPLED,
    # layers
    "Convolution Convolution_v1": _CONVOLUTION,
    "Pooling Pooling_v1": _POOLING,
    "BatchNorm BatchNorm_v1 _contrib_BatchNormWithReLU": _BATCH_NORM,
    "SequenceMask SequenceReverse": _SEQUENCE,
    "LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput": _REGRESSION,
    "_sg_mkldnn_conv _sg_mkldnn_fully_connected _CachedOp": Rule(
        control_flow.fused, control_flow.fused_dtype, control_flow.fused_cost
    ),
    "_linalg_potrf _linalg_potri _linalg_inverse": Rule(linear_algebra.square),
    "_linalg_trsm _linalg_trmm": Rule(linear_algebra.triangular),
    "_linalg_gemm _linalg_gemm2": Rule(linear_algebra.gemm, same_dtype, linear_algebra.gemm_cost),
    "_contrib_quantized_pooling _contrib_quantized_act": Rule(
        quantization.quantized, quantization.quantized_dtype
    ),
    "_contrib_quantize _contrib_quantize_v2": Rule(
        quantization.quantize, quantization.quantize_dtype
    ),
    "_contrib_Proposal _contrib_MultiProposal": Rule(detection.proposal, float32_only),
    "_zeros _ones _full": _NUMPY_CREATED,
}

_SINGLE: dict[str, Rule] = {
    "Cast": Rule(elementwise.same_shape, elementwise.cast),
    "amp_cast": Rule(elementwise.same_shape, elementwise.amp_cast),
    "amp_multicast": Rule(elementwise.same_shape, elementwise.multicast),
    "Dropout": Rule(elementwise.dropout, first_dtype),
    "LeakyReLU": Rule(elementwise.leaky_relu),
    "where": Rule(elementwise.where, elementwise.where_dtype),
    "_npi_true_divide": Rule(elementwise.broadcast, elementwise.numpy_true_divide, output_size),
    "_npi_concatenate": Rule(joining.concat),
    "_npi_stack": Rule(joining.stack),
    "_np_transpose": Rule(reshaping.transpose),
    "_np_squeeze": Rule(reshaping.squeeze),
    "_np_reshape": Rule(reshaping.numpy_reshape),
    "broadcast_axis": Rule(broadcasting.broadcast_axis),
    "broadcast_to": Rule(broadcasting.broadcast_to),
    "broadcast_like": Rule(broadcasting.broadcast_like, like_second),
    "im2col": Rule(convolution.im2col),
    "Correlation": Rule(convolution.correlation, cost=convolution.correlation_cost),
    "Deconvolution": Rule(convolution.deconvolution, data_dtype, convolution.deconvolution_cost),
    "_contrib_DeformableConvolution": Rule(
        convolution.deformable_convolution, first_dtype, convolution.convolution_cost
    ),
    "_contrib_ModulatedDeformableConvolution": Rule(
        convolution.deformable_convolution, first_dtype, convolution.convolution_cost
    ),
    "FullyConnected": Rule(dense.fully_connected, same_dtype, dense.fully_connected_cost),
    "Embedding": Rule(dense.embedding, dense.embedding_dtype),
    "dot": Rule(dense.dot, same_dtype, dense.product_cost),
    "batch_dot": Rule(dense.batch_dot, same_dtype, dense.product_cost),
    "_contrib_SyncBatchNorm": Rule(
        normalization.sync_batch_norm, normalization.batch_norm_dtype, output_size
    ),
    "LayerNorm": Rule(normalization.layer_norm, first_dtype, output_size),
    "InstanceNorm": Rule(normalization.instance_norm, float32_only, output_size),
    "GroupNorm": Rule(normalization.group_norm, first_dtype, output_size),
    "L2Normalization": Rule(normalization.l2_normalization, first_dtype, output_size),
    "LRN": Rule(like_first, first_dtype, output_size),
    "Reshape": Rule(reshaping.reshape),
    "reshape_like": Rule(reshaping.reshape_like, like_second),
    "Flatten": Rule(reshaping.flatten),
    "transpose": Rule(reshaping.transpose),
    "SwapAxis": Rule(reshaping.swap_axes, first_dtype),
    "expand_dims": Rule(reshaping.expand_dims),
    "squeeze": Rule(reshaping.squeeze),
    "depth_to_space": Rule(reshaping.depth_to_space),
    "space_to_depth": Rule(reshaping.space_to_depth),
    "slice": Rule(slicing.slices),
    "slice_axis": Rule(slicing.slice_axis),
    "slice_like": Rule(slicing.slice_like, like_second),
    "SliceChannel": Rule(slicing.slice_channel, first_dtype),
    "_split_v2": Rule(slicing.split),
    "Crop": Rule(slicing.crop, float32_only),
    "Concat": Rule(joining.concat),
    "_rnn_param_concat": Rule(joining.rnn_param_concat),
    "stack": Rule(joining.stack),
    "tile": Rule(joining.tile),
    "repeat": Rule(joining.repeat),
    "Pad": Rule(joining.pad, first_dtype),
    "UpSampling": Rule(joining.up_sampling, first_dtype),
    "moments": Rule(reducing.moments),
    "norm": Rule(reducing.reduce_axes),
    "pick": Rule(reducing.pick, forward),
    "sort": Rule(reducing.sort),
    "argsort": Rule(reducing.argsort, reducing.index_dtype),
    "topk": Rule(reducing.topk, reducing.topk_dtype),
    "RNN": Rule(recurrent.rnn, recurrent.rnn_dtype, recurrent.rnn_cost),
    "SequenceLast": Rule(recurrent.sequence_last, recurrent.sequence_dtype),
    "take": Rule(indexing.take, forward),
    "batch_take": Rule(indexing.batch_take, int32_index),
    "gather_nd": Rule(indexing.gather_nd, forward),
    "scatter_nd": Rule(indexing.scatter_nd, forward),
    "_ravel_multi_index": Rule(indexing.ravel_multi_index),
    "diag": Rule(indexing.diagonal),
    "one_hot": Rule(indexing.one_hot, fixed_dtype),
    "_arange": Rule(creating.arange, fixed_dtype),
    "_contrib_arange_like": Rule(creating.arange_like),
    "_linspace": Rule(creating.linspace, fixed_dtype),
    "_eye": Rule(creating.eye, fixed_dtype),
    "shape_array": Rule(creating.shape_array, creating.shape_array_dtype),
    "size_array": Rule(creating.size_array, creating.shape_array_dtype),
    "_contrib_AdaptiveAvgPooling2D": Rule(resizing.adaptive_average_pooling),
    "_contrib_BilinearResize2D": Rule(resizing.bilinear_resize),
    "SpatialTransformer": Rule(resizing.spatial_transformer, first_dtype),
    "BilinearSampler": Rule(resizing.bilinear_sampler, first_dtype),
    "GridGenerator": Rule(resizing.grid_generator, first_dtype),
    "_contrib_MultiBoxPrior": Rule(detection.multi_box_prior, float32_only),
    "_contrib_MultiBoxDetection": Rule(detection.multi_box_detection, float32_only),
    "_contrib_MultiBoxTarget": Rule(detection.multi_box_target, float32_only),
    "_contrib_box_nms": Rule(detection.box_nms, first_dtype),
    "_contrib_box_iou": Rule(detection.box_iou),
    "_contrib_box_decode": Rule(detection.box_decode),
    "_contrib_box_encode": Rule(detection.box_encode),
    "_contrib_bipartite_matching": Rule(detection.bipartite_matching),
    "ROIPooling": Rule(detection.roi_pooling, first_dtype),
    "_contrib_ROIAlign": Rule(detection.roi_align, first_dtype),
    "softmax": Rule(heads.softmax, heads.softmax_dtype),
    "log_softmax": Rule(heads.softmax, heads.softmax_dtype),
    "softmin": Rule(heads.softmax, heads.softmax_dtype),
    "SoftmaxOutput": Rule(heads.softmax_output, first_dtype),
    "softmax_cross_entropy": Rule(heads.softmax_cross_entropy),
    "SVMOutput": Rule(heads.svm_output, first_dtype),
    "CTCLoss": Rule(heads.ctc_loss, forward),
    "_contrib_interleaved_matmul_selfatt_qk": Rule(
        attention.selfatt_qk, first_dtype, attention.selfatt_qk_cost
    ),
    "_contrib_interleaved_matmul_selfatt_valatt": Rule(
        attention.selfatt_valatt, first_dtype, attention.valatt_cost
    ),
    "_contrib_interleaved_matmul_encdec_qk": Rule(
        attention.encdec_qk, first_dtype, attention.encdec_cost
    ),
    "_contrib_interleaved_matmul_encdec_valatt": Rule(
        attention.encdec_valatt, first_dtype, attention.valatt_cost
    ),
    "_linalg_sumlogdiag": Rule(linear_algebra.sum_log_diagonal),
    "_contrib_dequantize": Rule(quantization.dequantize, quantization.dequantize_dtype),
    "_contrib_requantize": Rule(quantization.quantize, quantization.requantize_dtype),
    "_contrib_quantized_conv": Rule(
        quantization.quantized_layer,
        quantization.quantized_accumulator_dtype,
        convolution.convolution_cost,
    ),
    "_contrib_quantized_fully_connected": Rule(
        quantization.quantized_layer,
        quantization.quantized_accumulator_dtype,
        dense.fully_connected_cost,
    ),
    "_contrib_quantized_flatten": Rule(
        quantization.quantized_flatten, quantization.quantized_dtype
    ),
    "_contrib_quantized_batch_norm": Rule(
        quantization.quantized_batch_norm, quantization.quantized_dtype, output_size
    ),
    "_contrib_quantized_elemwise_add": Rule(
        quantization.quantized_sum, quantization.quantized_sum_dtype, output_size
    ),
    "_foreach": Rule(
        control_flow.for_each, control_flow.for_each_dtype, control_flow.for_each_cost
    ),
    "_while_loop": Rule(
        control_flow.while_loop, control_flow.while_loop_dtype, control_flow.unknown_cost
    ),
    "_cond": Rule(control_flow.condition, control_flow.condition_dtype, control_flow.unknown_cost),
    "reset_arrays": Rule(silent, silent),
}


@cache
def _table() -> dict[str, Rule]:
    table = dict(_SINGLE)
    for names, rule in _GROUPS.items():
        table.update(dict.fromkeys(names.split(), rule))
    return table


def rule_of(op: str) -> Rule | None:
    """Return the rule of an operator, by its canonical name or an alias; None without one."""
    rule = _table().get(op)
    return rule if rule is not None else _table().get(canonical_name(op))


def known_operators() -> frozenset[str]:
    """Return the canonical names of the operators that have a rule."""
    return frozenset(_table())
