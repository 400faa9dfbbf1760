"""Operators that compute one number of one number: functions, arithmetic with a number, casts.

MXNet computes float16 in float32 and rounds each result, which is what NumPy does too. What goes
beyond arithmetic is computed in float64 and rounded once to float32, which is within one unit in
the last place of what the C library gives MXNet; of float64 itself that can't be said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    INTEGERS,
    constant_dtype,
    first_dtype,
    kept,
    number_by_number,
    of_kinds,
    output_size,
    same_shape,
)
from graphpass.ops.shape import Shape, need, printed
from graphpass.ops.sites import (
    Axes,
    BatchSite,
    DtypeSite,
    Meaning,
    Randomness,
    ShapeSite,
    ValueSite,
)

__all__ = ["ROWS", "rounded_once", "slope_shape"]

_SINGLE_OR_HALF = (np.float32, np.float16)

# -- functions -------------------------------------------------------------------------------------


def plain(function: Callable[..., Any]) -> Callable[[ValueSite], Any]:
    """Return a rule that is exact in the type itself."""
    return lambda site: np.asarray(function(site.data), site.dtype)


def exact_in_floats(function: Callable[..., Any]) -> Callable[[ValueSite], Any]:
    def value(site: ValueSite) -> Any:
        if site.dtype.kind != "f":
            return None
        if site.dtype == np.float16:
            return function(site.data.astype(np.float32)).astype(site.dtype)
        return function(site.data)

    return value


def rounded_once(function: Callable[..., Any], *arrays: Any) -> Any:
    """Compute in float64, and round to float32."""
    return function(*[array.astype(np.float64) for array in arrays]).astype(np.float32)


def rounded(function: Callable[..., Any]) -> Callable[[ValueSite], Any]:
    def value(site: ValueSite) -> Any:
        if site.dtype not in _SINGLE_OR_HALF:
            return None
        return rounded_once(function, site.data).astype(site.dtype)

    return value


def sigmoid_value(site: ValueSite) -> Any:
    if site.dtype not in _SINGLE_OR_HALF:
        return None
    one = np.float32(1)
    return (one / (one + rounded_once(np.exp, -site.data))).astype(site.dtype)


def relu_value(site: ValueSite) -> Any:
    """NaN stays NaN. Source: ``relu`` in ``src/operator/mshadow_op.h``."""
    data = site.data
    return np.where((data > 0) | np.isnan(data), data, site.dtype.type(0))


def clip_value(site: ValueSite) -> Any:
    if site.dtype.kind != "f":
        return None
    low, high = (site.dtype.type(np.float32(site[name])) for name in ("a_min", "a_max"))
    return np.where(site.data > high, high, np.where(site.data < low, low, site.data))


def filled(value: float) -> Callable[[ValueSite], Any]:
    return lambda site: np.full(site.shape, value, site.dtype)


# -- with a number ---------------------------------------------------------------------------------


def scalar_dtype(site: DtypeSite) -> str | None:
    """Floats and integers stay what they are; ``is_int=False`` makes float64 of integers.

    How large the number is, or whether it is whole, plays no part. Truth values become int64.
    """
    data = site.inputs[0]
    if data in INTEGERS and not site["is_int"]:
        return "float64"
    return "int64" if data == "bool" else site.same([0], [0])


def with_number(function: Callable[..., Any], kinds: str = "fiu") -> Callable[[ValueSite], Any]:
    """Return a rule: the number is rounded to the output's type first.

    That is the array's own type, or float64 for whole numbers with ``is_int=False``.
    """

    def value(site: ValueSite) -> Any:
        number, data, dtype = np.float64(site["scalar"]), site.data, site.dtype
        if data.dtype.kind in "iu" and dtype == np.float64:
            data = data.astype(np.float64)
        if dtype != data.dtype or dtype.kind not in kinds:
            return None
        if dtype.kind != "f":
            bounds = np.iinfo(dtype)
            if not (number.is_integer() and bounds.min <= number <= bounds.max):
                return None
        return np.asarray(function(data, number.astype(dtype)), dtype)

    return value


def power_scalar_value(site: ValueSite) -> Any:
    if site.dtype != site.data.dtype or site.dtype not in _SINGLE_OR_HALF:
        return None
    number = np.float64(site.dtype.type(site["scalar"]))
    return rounded_once(lambda data: np.power(data, number), site.data).astype(site.dtype)


# -- types -----------------------------------------------------------------------------------------


def amp_cast_dtype(site: DtypeSite, data: str) -> str:
    """A cast of the types that mixed precision is about; others stay."""
    dtype: str = site["dtype"] if data in ("float16", "bfloat16", "float32") else data
    return dtype


def multicast_dtype(site: DtypeSite) -> None:
    """Cast all inputs to the widest of their floating-point types, or the narrowest."""
    wanted = "float16" if site["cast_narrow"] else "float32"
    found = wanted if wanted in site.inputs else site.inputs[0]
    for slot, dtype in enumerate(site.inputs):
        site.output(slot, found if dtype in ("float16", "float32") else dtype)


def each_same(site: ShapeSite) -> None:
    """Each output is shaped like the input of its place."""
    for slot in range(len(site.outputs)):
        site.same([slot], [slot])


def cast_value(site: ValueSite) -> Any:
    """Fractions are cut off. What a whole number can't hold is left alone: C does not define it.

    Nor is it said what is below the least normal number of bfloat16, where oneDNN may write zeros.
    """
    data, dtype = site.data, site.dtype
    if site.op == "amp_cast" and "bfloat16" in (data.dtype, dtype):
        small = (data != 0) & (abs(data) < np.finfo(np.float32).tiny)
        halves = {data.dtype.name, dtype.name} - {"bfloat16", "float32", "float16"}
        return None if halves or small.any() else data.astype(np.float32).astype(dtype)
    if data.dtype == "bfloat16":
        data = data.astype(np.float32)
    elif dtype == "bfloat16":  # the upper half of a float32, which rounds towards zero
        return (data.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).view(dtype)
    if data.dtype.kind == "f" and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if not np.all((data > bounds.min - 1.0) & (data < bounds.max + 1.0)):
            return None
    return data.astype(dtype)


# -- Dropout and LeakyReLU -------------------------------------------------------------------------


def dropout(site: ShapeSite, data: Shape) -> Shape:
    """The mask has extent 1 along the axes that share it."""
    site.output(0, data)
    shared = site["axes"]
    need(all(0 <= axis < len(data) for axis in shared), f"axes={shared} do not fit {printed(data)}")
    site.output(1, tuple([1 if axis in shared else extent for axis, extent in enumerate(data)]))
    return data


def dropout_random(attributes: Mapping[str, Any]) -> Randomness:
    if not attributes["p"]:
        return "never"
    return "always" if attributes["mode"] == "always" else "training"


def leaky_relu(site: ShapeSite, data: Shape) -> None:
    """A PReLU's slopes are one per channel, unless they are known to be otherwise."""
    site.every_output(data)
    if site["act_type"] != "prelu":
        return
    slopes = site.inputs[1]
    if slopes is None and len(data) > 1:
        site.input(1, (data[1],))
    fits = slopes is None or slope_shape(slopes, data) is not None
    need(fits, f"slopes {printed(slopes)} do not fit {printed(data)}")


def slope_shape(slopes: Shape, data: Shape) -> tuple[int, ...] | None:
    """Return the shape in which a PReLU's slopes are broadcast; None where MXNet refuses them.

    From the last on, their axes go to axis 1 of the data and then to axis 0, each to the first one
    of the same extent; one of extent 1 fits any.

    Notes
    -----
    Source: ``expand_shape`` in ``src/operator/leaky_relu-inl.h`` of MXNet 1.9.1.
    """
    left, found = list(slopes), [1] * len(data)
    for axis in reversed(range(min(2, len(data)))):
        if left and (left[-1] == 1 or data[axis] in (None, left[-1])):
            found[axis] = left.pop() or 1  # an extent that is not known takes no part
    return None if left else tuple(found)


def leaky_relu_value(site: ValueSite) -> Any:
    """Source: ``xelu`` in ``src/operator/mshadow_op.h``; other kinds of slope are left alone.

    MXNet multiplies float64 in single precision.
    """
    data, kind = site.data, site["act_type"]
    if site.dtype not in _SINGLE_OR_HALF or kind not in ("leaky", "prelu"):
        return None
    slope: Any = site.dtype.type(site["slope"])
    if kind == "prelu":
        shape = slope_shape(site.inputs[1].shape, data.shape)
        if shape is None:
            return None
        slope = site.inputs[1].reshape(shape)
    return np.where(data > 0, data, data * slope)


def leaky_relu_batch(site: BatchSite) -> Axes:
    """Learned slopes must not go along the batch, nor go elsewhere once that is another size."""
    if site["act_type"] != "prelu":
        return site.of()
    axis, slopes = site.of(), site.shapes[1]
    if slopes is not None and set(slopes) <= {1}:
        return axis
    if axis != 0:
        raise OperationError("its slopes are along the first two axes, and so is the batch")
    if slopes is not None:
        data = site.shapes[0]
        if data is None or (len(data) > 1 and data[1] is None and len(slopes) == 1):
            raise OperationError(
                "whether its slopes are one per channel or one per sample can't be told; give the "
                "inputs their shapes, by --input data:1,3,224,224"
            )
        aligned = slope_shape(slopes, data)
        if aligned is None or aligned[0] != 1:
            raise OperationError("its slopes are others for each sample of a batch")
    return axis


def scale_by_last_batch(site: BatchSite) -> Axes:
    """Divide by the extent of the last axis, which must not be the batch."""
    axis = site.of()
    if axis == site.rank() - 1:
        raise OperationError("it divides by the extent of the last axis, which is the batch")
    return axis


_ALONE = Meaning(same_shape)
_MAPPED = replace(_ALONE, batch=number_by_number)
_NUMBER = replace(_MAPPED, dtype=scalar_dtype)
_COUNTED = replace(_NUMBER, cost=output_size)
_HANDED_ON = replace(_MAPPED, value=plain(np.asarray), offset=kept)
_CAST = Meaning(
    same_shape, lambda site: site["dtype"], value=cast_value, batch=number_by_number, offset=kept
)

_ROUNDED: Mapping[str, Callable[..., Any]] = {
    "cbrt _npi_cbrt": np.cbrt, "cos _npi_cos": np.cos, "exp _npi_exp": np.exp,
    "expm1 _npi_expm1": np.expm1, "log _npi_log": np.log, "log1p _npi_log1p": np.log1p,
    "log2 _npi_log2": np.log2, "sin _npi_sin": np.sin,
}  # fmt: skip
_EXACT: Mapping[str, Callable[..., Any]] = {
    "abs _npi_absolute": np.abs, "ceil _npi_ceil": np.ceil, "floor _npi_floor": np.floor,
    "reciprocal _npi_reciprocal": np.reciprocal,
    "rsqrt": lambda data: np.reciprocal(np.sqrt(data)), "sqrt _npi_sqrt": np.sqrt,
    "square _npi_square": np.square, "trunc _npi_trunc": np.trunc,
}  # fmt: skip
_GRADIENTS = """
    Activation abs arccos arccosh arcsin arcsinh arctan arctanh cbrt cos cosh degrees erf erfinv
    expm1 gamma gammaln hypot_scalar log log10 log1p log2 maximum_scalar minimum_scalar mod_scalar
    npi_arctan2_scalar npi_ldexp_scalar npi_rarctan2_scalar npi_rldexp_scalar power_scalar radians
    rcbrt rdiv_scalar reciprocal relu rmod_scalar rpower_scalar rsqrt sigmoid sign sin sinh
    smooth_l1 softsign sqrt square tan tanh"""
"""What MXNet computes the gradients of with an operator of its own, from two alike values."""


ROWS = {
    """Activation _contrib_gradientmultiplier _contrib_round_ste _contrib_sign_ste arccos arccosh
    arcsin arcsinh arctan arctanh cosh degrees erf erfinv fix gamma gammaln hard_sigmoid log10
    logical_not radians rcbrt rint round sign sinh smooth_l1 softsign tan tanh
    """: _MAPPED,
    "_npi_fix _npi_rint _npi_sign _npi_tanh": _MAPPED,
    " ".join(f"_backward_{name}" for name in _GRADIENTS.split()): _ALONE,
    """_contrib_backward_gradientmultiplier _backward_div_scalar _backward_mul_scalar
    _backward_npi_copysign_scalar _backward_npi_rcopysign_scalar
    """: replace(_NUMBER, batch=None),
    "_npi_around": replace(_ALONE, dtype=of_kinds({"float32", "float64", *INTEGERS})),
    """_CrossDeviceCopy _npi_arccos _npi_arccosh _npi_arcsin _npi_arcsinh _npi_arctan
    _npi_arctanh _npi_bitwise_not _npi_cosh _npi_degrees
    _npi_log10 _npi_nan_to_num _npi_radians
    _npi_sinh _npi_tan
    """: _ALONE,
    "cast_storage": _ALONE,
    "_shuffle": replace(_ALONE, random="always"),
    "BlockGrad _copy _np_copy": _HANDED_ON,
    "_copyto": Meaning(same_shape, lambda site: None),
    "_identity_with_attr_like_rhs": Meaning(same_shape, batch=number_by_number),
    "_npi_isposinf _npi_isneginf": Meaning(same_shape, constant_dtype("bool")),
    **{op: replace(_MAPPED, value=rounded(function)) for op, function in _ROUNDED.items()},
    **{op: replace(_MAPPED, value=exact_in_floats(function)) for op, function in _EXACT.items()},
    "negative _npi_negative": replace(_MAPPED, value=plain(np.negative)),
    "relu _npx_relu": replace(_MAPPED, value=relu_value),
    "sigmoid _npx_sigmoid": replace(_MAPPED, value=sigmoid_value),
    "clip": replace(_MAPPED, value=clip_value),
    "ones_like": replace(_MAPPED, value=filled(1)),
    "zeros_like": replace(_MAPPED, value=filled(0)),
    # with a number
    """_equal_scalar _greater_scalar _greater_equal_scalar _lesser_scalar _lesser_equal_scalar
    _not_equal_scalar _logical_and_scalar _logical_or_scalar _logical_xor_scalar _hypot_scalar
    """: _NUMBER,
    "_maximum_scalar": replace(_NUMBER, value=with_number(np.maximum)),
    "_minimum_scalar": replace(_NUMBER, value=with_number(np.minimum)),
    "_rpower_scalar _mod_scalar _rmod_scalar": _COUNTED,
    "_plus_scalar": replace(
        _COUNTED, value=with_number(np.add), offset=lambda attributes, slot: attributes["scalar"]
    ),
    "_minus_scalar": replace(
        _COUNTED,
        value=with_number(np.subtract),
        offset=lambda attributes, slot: -attributes["scalar"],
    ),
    "_mul_scalar": replace(_COUNTED, value=with_number(np.multiply)),
    "_div_scalar": replace(_COUNTED, value=with_number(np.divide, "f")),
    "_rminus_scalar": replace(_COUNTED, value=with_number(lambda data, number: number - data)),
    "_rdiv_scalar": replace(_COUNTED, value=with_number(lambda data, number: number / data, "f")),
    "_power_scalar": replace(_COUNTED, value=power_scalar_value),
    "_scatter_plus_scalar _scatter_minus_scalar": replace(_COUNTED, batch=None),
    """_npi_add_scalar _npi_subtract_scalar _npi_rsubtract_scalar _npi_multiply_scalar
    _npi_power_scalar""": _COUNTED,
    "_npi_rpower_scalar _npi_mod_scalar _npi_rmod_scalar": replace(_COUNTED, batch=None),
    """_npi_arctan2_scalar _npi_rarctan2_scalar _npi_copysign_scalar _npi_rcopysign_scalar
    _npi_ldexp_scalar _npi_rldexp_scalar
    """: replace(_NUMBER, batch=None),
    """_npi_lcm_scalar _npi_bitwise_and_scalar _npi_bitwise_or_scalar _npi_bitwise_xor_scalar
    """: replace(_ALONE, dtype=of_kinds(INTEGERS)),
    "_npi_true_divide_scalar _npi_rtrue_divide_scalar": replace(
        _COUNTED,
        batch=None,
        dtype=lambda site, data: data if data.startswith("float") else "float32",
    ),
    # types
    "Cast": _CAST,
    "amp_cast": replace(_CAST, dtype=amp_cast_dtype),
    "amp_multicast": replace(_MAPPED, shape=each_same, dtype=multicast_dtype),
    # layers
    "Dropout": Meaning(dropout, first_dtype, batch=number_by_number, random=dropout_random),
    "LeakyReLU": Meaning(
        leaky_relu,
        value=leaky_relu_value,
        batch=leaky_relu_batch,
        random=lambda attributes: "training" if attributes["act_type"] == "rrelu" else "never",
    ),
    "_contrib_div_sqrt_dim": replace(_ALONE, cost=output_size, batch=scale_by_last_batch),
}
