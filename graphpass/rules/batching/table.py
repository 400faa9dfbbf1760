"""Which rule tells how the batch goes through which operator.

An operator that does not stand here is not batched: those that mix samples (ROIPooling, Proposal,
MultiBoxTarget), that nobody can look into (Custom, control flow), and those of the NumPy interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from graphpass.rules.batching import elementwise, layers, moving, picking, reshaping, sequences
from graphpass.rules.batching.site import Rule

__all__ = ["RULES"]

_NUMBER_BY_NUMBER = """
    Activation BlockGrad Cast Dropout _copy abs add_n amp_cast amp_multicast arccos arccosh arcsin
    arcsinh arctan arctanh cbrt ceil clip cos cosh degrees erf erfinv exp expm1 fix floor gamma
    gammaln hard_sigmoid log log10 log1p log2 logical_not make_loss negative ones_like radians rcbrt
    reciprocal relu rint round rsqrt sigmoid sign sin sinh smooth_l1 softsign sqrt square tan tanh
    trunc where zeros_like
    _div_scalar _equal_scalar _greater_equal_scalar _greater_scalar _hypot_scalar
    _lesser_equal_scalar _lesser_scalar _logical_and_scalar _logical_or_scalar _logical_xor_scalar
    _maximum_scalar _minimum_scalar _minus_scalar _mod_scalar _mul_scalar _not_equal_scalar
    _plus_scalar _power_scalar _rdiv_scalar _rminus_scalar _rmod_scalar _rpower_scalar
    _equal _grad_add _greater _greater_equal _hypot _identity_with_attr_like_rhs _lesser
    _lesser_equal _logical_and _logical_or _logical_xor _maximum _minimum _mod _not_equal _power
    elemwise_add elemwise_div elemwise_mul elemwise_sub
    _contrib_gradientmultiplier _contrib_quadratic _contrib_round_ste _contrib_sign_ste
"""

_BROADCAST = """
    broadcast_add broadcast_div broadcast_equal broadcast_greater broadcast_greater_equal
    broadcast_hypot broadcast_lesser broadcast_lesser_equal broadcast_logical_and
    broadcast_logical_or broadcast_logical_xor broadcast_maximum broadcast_minimum broadcast_mod
    broadcast_mul broadcast_not_equal broadcast_power broadcast_sub
"""

_BY_SAMPLE = """
    Convolution Convolution_v1 Deconvolution Flatten GridGenerator GroupNorm InstanceNorm
    L2Normalization LRN Pooling Pooling_v1 SoftmaxActivation _contrib_AdaptiveAvgPooling2D
    depth_to_space im2col space_to_depth
"""

_PAIRS_BY_SAMPLE = "BilinearSampler Correlation SpatialTransformer _contrib_MultiBoxDetection"

_RULES: tuple[tuple[str, Rule], ...] = (
    (_NUMBER_BY_NUMBER, elementwise.number_by_number),
    (_BROADCAST, elementwise.broadcast),
    ("LeakyReLU", elementwise.rectifier),
    ("_contrib_div_sqrt_dim", elementwise.scale_by_last),
    (_BY_SAMPLE, layers.by_sample),
    (_PAIRS_BY_SAMPLE, layers.pairs_by_sample),
    (
        "_contrib_DeformableConvolution _contrib_ModulatedDeformableConvolution",
        layers.with_offset,
    ),
    ("_contrib_MultiBoxPrior", layers.of_one_sample),
    ("FullyConnected", layers.fully_connected),
    ("BatchNorm BatchNorm_v1 _contrib_SyncBatchNorm", layers.batch_norm),
    ("LayerNorm", layers.layer_norm),
    ("Embedding", layers.embedding),
    ("UpSampling", layers.up_sampling),
    ("Crop", layers.crop),
    ("_contrib_BilinearResize2D", layers.resize),
    (
        "LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput MakeLoss SVMOutput "
        "SoftmaxOutput",
        layers.loss,
    ),
    ("Reshape", reshaping.reshape),
    ("reshape_like", reshaping.reshape_like),
    ("transpose", moving.transpose),
    ("SwapAxis", moving.swap_axes),
    ("expand_dims", moving.expand_dims),
    ("squeeze", moving.squeeze),
    ("Concat", moving.concat),
    ("stack", moving.stack),
    ("SliceChannel _split_v2", moving.split),
    ("tile", moving.tile),
    ("repeat", moving.repeat),
    ("reverse", moving.reverse),
    ("broadcast_axis", moving.broadcast_axis),
    ("broadcast_like", moving.broadcast_like),
    ("broadcast_to", moving.broadcast_to),
    ("Pad", moving.pad),
    ("argsort log_softmax softmax softmin sort topk", picking.along_axis),
    ("argmax argmin max mean min nanprod nansum norm prod sum", picking.reduce),
    ("argmax_channel", picking.reduce_channels),
    ("slice", picking.cut),
    ("slice_axis", picking.cut_axis),
    ("slice_like", picking.cut_like),
    ("pick", picking.pick),
    ("one_hot", picking.one_hot),
    ("take", picking.take),
    ("dot", picking.dot),
    ("_contrib_arange_like", picking.arange_like),
    ("_contrib_box_nms", picking.box_nms),
    ("RNN", sequences.recurrent),
    ("SequenceMask SequenceReverse", sequences.sequence),
    ("SequenceLast", sequences.sequence_last),
    ("batch_dot", sequences.batch_dot),
    ("_linalg_gemm2", sequences.gemm),
    ("_contrib_interleaved_matmul_selfatt_qk", sequences.attend_within),
    ("_contrib_interleaved_matmul_encdec_qk", sequences.attend_between),
    (
        "_contrib_interleaved_matmul_encdec_valatt _contrib_interleaved_matmul_selfatt_valatt",
        sequences.weigh_values,
    ),
)


def _by_operator() -> Iterator[tuple[str, Rule]]:
    for operators, rule in _RULES:
        for operator in operators.split():
            yield operator, rule


RULES: Mapping[str, Rule] = MappingProxyType(dict(_by_operator()))
"""Canonical operator name to its rule."""
