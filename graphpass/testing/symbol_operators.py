"""Operators for random symbol texts: how their attributes may be spelled, not what they compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["OPERATORS", "OperatorTexts"]

_BOOLS = ("True", "False", "true", "FALSE", "1", "0")
_INTS = ("2", "1", " 3", "+4", "05 ")
_FLOATS = ("0.5", "1e-3", ".5", "1", " 0.25", "2E-1", "0.5f")
_SHAPES = ("(2, 2)", "(1,1)", "[3,3]", "(2L, 2L)", " ( 1 , 2 ) ", "(3,)", "3", "(1, 1, 1]")
_AXES = ("-1", "1", "0", "()", "(0, 1)", "None")


@dataclass(frozen=True, slots=True)
class OperatorTexts:
    """One operator as a file may spell it."""

    spellings: tuple[str, ...]
    """The canonical name and aliases."""

    inputs: tuple[str, ...] = ()
    """Names of the inputs; empty names where MXNet has none."""

    required: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attributes that MXNet insists on, with texts that it takes."""

    optional: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attributes that may be absent."""

    outputs: int = 1
    """Outputs that every choice of attributes has, hidden ones included."""

    mutable: tuple[int, ...] = ()
    """Slots that the operator writes to: with fewer inputs than these, MXNet crashes."""

    strict: bool = True
    """Whether MXNet refuses an attribute that the operator does not declare."""


def _plain(spellings: str, inputs: str = "data") -> OperatorTexts:
    return OperatorTexts(tuple(spellings.split()), tuple(inputs.split()), strict=False)


_NORM = ("data", "gamma", "beta", "moving_mean", "moving_var")
_BATCH_NORM = {"eps": _FLOATS, "momentum": _FLOATS, "fix_gamma": _BOOLS, "use_global_stats": _BOOLS}
_CONVOLUTION = {
    "stride": _SHAPES,
    "pad": _SHAPES,
    "num_group": _INTS,
    "no_bias": _BOOLS,
    "workspace": ("512", "1024"),
    "cudnn_tune": ("None", "off", "limited_workspace"),
    "layout": ("None", "NCHW", "NCW"),
}
_FILTERS = {"kernel": _SHAPES, "num_filter": _INTS}

OPERATORS: tuple[OperatorTexts, ...] = (
    _plain("relu"),
    _plain("_copy identity"),
    _plain("sigmoid"),
    _plain("Flatten flatten"),
    _plain("BlockGrad stop_gradient"),
    _plain("elemwise_add _plus _Plus", "lhs rhs"),
    _plain("broadcast_add broadcast_plus", "lhs rhs"),
    OperatorTexts(
        ("FullyConnected",),
        ("data", "weight", "bias"),
        {"num_hidden": _INTS},
        {"no_bias": _BOOLS, "flatten": _BOOLS},
    ),
    OperatorTexts(("Convolution",), ("data", "weight", "bias"), _FILTERS, _CONVOLUTION),
    OperatorTexts(
        ("Deconvolution",),
        ("data", "weight", "bias"),
        _FILTERS,
        {"no_bias": _BOOLS, "adj": _SHAPES, "target_shape": _SHAPES},
    ),
    OperatorTexts(
        ("BatchNorm",),
        _NORM,
        {},
        {**_BATCH_NORM, "axis": ("1", "-1"), "output_mean_var": _BOOLS},
        outputs=3,
        mutable=(3, 4),
    ),
    OperatorTexts(("BatchNorm_v1",), _NORM, {}, _BATCH_NORM, outputs=3, mutable=(3, 4)),
    OperatorTexts(
        ("_contrib_SyncBatchNorm",), _NORM, {"key": ("bn0",)}, _BATCH_NORM, 3, mutable=(3, 4)
    ),
    OperatorTexts(("Activation",), ("data",), {"act_type": ("relu", "tanh", "softsign")}),
    OperatorTexts(
        ("LeakyReLU",),
        ("data", "gamma"),
        {},
        {"act_type": ("prelu", "leaky", "elu", "gelu", "rrelu"), "slope": _FLOATS},
    ),
    OperatorTexts(
        ("Pooling",),
        ("data",),
        {},
        {
            "kernel": _SHAPES,
            "pool_type": ("max", "avg", "sum", "lp"),
            "global_pool": _BOOLS,
            "pooling_convention": ("valid", "full", "same"),
            "layout": ("None", "NCHW", "NHWC"),
            "p_value": ("2", "None"),
        },
    ),
    OperatorTexts(
        ("Concat", "concat"), ("arg0", "arg1"), {"num_args": ("2", "1", "3")}, {"dim": ("1", "-1")}
    ),
    OperatorTexts(
        ("add_n", "ElementWiseSum"), ("arg0", "arg1", "arg2"), {"num_args": ("3", "2", "1")}
    ),
    OperatorTexts(
        ("SliceChannel", "split"),
        ("data",),
        {"num_outputs": ("2", "3")},
        {"axis": ("1", "-1"), "squeeze_axis": _BOOLS},
        outputs=2,
    ),
    OperatorTexts(
        ("Dropout",), ("data",), {}, {"p": _FLOATS, "mode": ("training", "always")}, outputs=2
    ),
    OperatorTexts(
        ("SoftmaxOutput", "Softmax"),
        ("data", "label"),
        {},
        {"multi_output": _BOOLS, "ignore_label": _FLOATS, "normalization": ("null", "batch")},
    ),
    OperatorTexts(("LinearRegressionOutput",), ("data", "label"), {}, {"grad_scale": _FLOATS}),
    OperatorTexts(("MakeLoss",), ("data",), {}, {"valid_thresh": _FLOATS}),
    OperatorTexts(("Reshape", "reshape"), ("data",), {}, {"shape": _SHAPES, "reverse": _BOOLS}),
    OperatorTexts(("transpose",), ("data",), {}, {"axes": ("(0, 1)", "()", "[1,0]")}),
    OperatorTexts(("_plus_scalar", "_PlusScalar"), ("data",), {}, {"scalar": _FLOATS}),
    OperatorTexts(("argmax",), ("data",), {}, {"axis": ("-1", "1", "None"), "keepdims": _BOOLS}),
    OperatorTexts(("argmin",), ("data",), {}, {"axis": ("-1", "-2"), "keepdims": _BOOLS}),
    OperatorTexts(("sum", "sum_axis"), ("data",), {}, {"axis": _AXES, "exclude": _BOOLS}),
    OperatorTexts(
        ("topk",),
        ("data",),
        {},
        {"ret_typ": ("value", "indices", "both", "mask"), "k": _INTS, "axis": ("-1", "None")},
    ),
    OperatorTexts(
        ("Embedding",),
        ("data", "weight"),
        {"input_dim": _INTS, "output_dim": _INTS},
        {"dtype": ("float32", "float64")},
    ),
    OperatorTexts(
        ("LayerNorm",), ("data", "gamma", "beta"), {}, {"axis": ("-1", "1"), "eps": _FLOATS}, 3
    ),
    OperatorTexts(("InstanceNorm",), ("data", "gamma", "beta"), {}, {"eps": _FLOATS}),
    OperatorTexts(("Cast", "cast"), ("data",), {"dtype": ("float16", "float32", "int8")}),
    OperatorTexts(
        ("slice", "crop"), ("data",), {"begin": ("(0, 1)", "(None, 1)"), "end": ("(2, None)", "2")}
    ),
    OperatorTexts(
        ("UpSampling",),
        ("data", "weight"),
        {"scale": ("2",), "num_args": ("2", "1"), "sample_type": ("bilinear", "nearest")},
        {"num_filter": _INTS},
    ),
    OperatorTexts(
        ("IdentityAttachKLSparseReg",),
        ("data", "moving_avg"),
        {},
        {"penalty": _FLOATS},
        mutable=(1,),
    ),
    OperatorTexts(
        ("RNN",),
        ("data", "parameters", "state", "state_cell"),
        {"state_size": _INTS, "num_layers": _INTS, "mode": ("lstm", "gru", "rnn_tanh")},
        {"state_outputs": _BOOLS, "bidirectional": _BOOLS, "use_sequence_length": _BOOLS},
    ),
    OperatorTexts(("_zeros",), (), {}, {"shape": _SHAPES, "dtype": ("float32", "int32")}),
    OperatorTexts(
        ("sgd_mom_update", "_sparse_sgd_mom_update"),
        ("", "", ""),
        {"lr": _FLOATS},
        {"momentum": _FLOATS},
        mutable=(2,),
    ),
)
