"""Operators that compute element by element, with broadcasting.

MXNet computes float16 in float32 and rounds each result, which is what NumPy does too. What goes
beyond arithmetic is computed in float64 and rounded once to float32, which is within one unit in
the last place of what the C library gives MXNet; of float64 itself that can't be said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.evaluation.call import Call, Evaluator

__all__ = ["ELEMENTWISE"]

_Function: TypeAlias = "Callable[..., Any]"


def _unary(function: _Function) -> Evaluator:
    """Return an evaluator that is exact in the type itself."""
    return lambda call: [np.asarray(function(call.data), call.dtype)]


def _exact_in_floats(function: _Function) -> Evaluator:
    def evaluate(call: Call) -> list[Array] | None:
        if call.dtype.kind != "f":
            return None
        if call.dtype == np.float16:
            return [function(call.data.astype(np.float32)).astype(call.dtype)]
        return [function(call.data)]

    return evaluate


def _rounded(function: _Function) -> Evaluator:
    """Return an evaluator that computes in float64 and rounds to float32, then to the type."""

    def evaluate(call: Call) -> list[Array] | None:
        if call.dtype not in (np.float32, np.float16):
            return None
        return [_single(function, call.data).astype(call.dtype)]

    return evaluate


def _single(function: _Function, *arrays: Array) -> Array:
    result: Array = function(*[array.astype(np.float64) for array in arrays])
    return result.astype(np.float32)


def _sigmoid(call: Call) -> list[Array] | None:
    if call.dtype not in (np.float32, np.float16):
        return None
    one = np.float32(1)
    return [(one / (one + _single(np.exp, -call.data))).astype(call.dtype)]


def _relu(call: Call) -> list[Array]:
    """NaN stays NaN. Source: ``relu`` in ``src/operator/mshadow_op.h``."""
    data = call.data
    return [np.where((data > 0) | np.isnan(data), data, call.dtype.type(0))]


def _clip(call: Call) -> list[Array] | None:
    if call.dtype.kind != "f":
        return None
    low, high = (call.dtype.type(np.float32(call.number(name))) for name in ("a_min", "a_max"))
    data = call.data
    return [np.where(data > high, high, np.where(data < low, low, data))]


# -- two arrays ----------------------------------------------------------------------------------


def _binary(function: _Function, kinds: str = "fiu") -> Evaluator:
    def evaluate(call: Call) -> list[Array] | None:
        first, second = call.inputs
        if first.dtype != second.dtype or first.dtype.kind not in kinds:
            return None
        return [np.asarray(function(first, second), call.dtype)]

    return evaluate


def _power(call: Call) -> list[Array] | None:
    first, second = call.inputs
    if first.dtype != second.dtype or call.dtype not in (np.float32, np.float16):
        return None
    return [_single(np.power, first, second).astype(call.dtype)]


def _sum_of_two(call: Call) -> Sequence[Array] | None:
    """Of more than two it is not known in what order they are added."""
    if len(call.inputs) == 1:
        return list(call.inputs)
    return _ADD(call) if len(call.inputs) == 2 else None


_ADD = _binary(np.add)
_SUBTRACT = _binary(np.subtract)
_MULTIPLY = _binary(np.multiply)
_DIVIDE = _binary(np.divide, "f")
_MAXIMUM = _binary(np.maximum)
_MINIMUM = _binary(np.minimum)


# -- an array and a number -----------------------------------------------------------------------


def _scalar(function: _Function, kinds: str = "fiu") -> Evaluator:
    """Return an evaluator: the number is rounded to the output's type first.

    That is the array's own type, or float64 for whole numbers with ``is_int=False``.
    """

    def evaluate(call: Call) -> list[Array] | None:
        scalar, data = np.float64(call.number("scalar")), call.data
        if data.dtype.kind in "iu" and call.dtype == np.float64:
            data = data.astype(np.float64)
        if call.dtype != data.dtype or call.dtype.kind not in kinds:
            return None
        if call.dtype.kind != "f" and not _fits(scalar, call.dtype):
            return None
        return [np.asarray(function(data, scalar.astype(call.dtype)), call.dtype)]

    return evaluate


def _fits(number: Any, dtype: np.dtype[Any]) -> bool:
    bounds = np.iinfo(dtype)
    return bool(number.is_integer() and bounds.min <= number <= bounds.max)


def _power_scalar(call: Call) -> list[Array] | None:
    if call.dtype != call.data.dtype or call.dtype not in (np.float32, np.float16):
        return None
    scalar = call.dtype.type(call.number("scalar"))
    return [_single(lambda data: np.power(data, np.float64(scalar)), call.data).astype(call.dtype)]


# -- types ---------------------------------------------------------------------------------------


def _cast(call: Call) -> list[Array] | None:
    """Fractions are cut off. What a whole number can't hold is left alone: C does not define it."""
    data, dtype = call.data, call.dtype
    if data.dtype.kind == "f" and dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if not bool(np.all((data > bounds.min - 1.0) & (data < bounds.max + 1.0))):
            return None
    return [data.astype(dtype)]


ELEMENTWISE: dict[str, Evaluator] = {
    "BlockGrad": _unary(np.asarray),
    "Cast": _cast,
    "_copy": _unary(np.asarray),
    "_div_scalar": _scalar(np.divide, "f"),
    "_grad_add": _ADD,
    "_maximum": _MAXIMUM,
    "_maximum_scalar": _scalar(np.maximum),
    "_minimum": _MINIMUM,
    "_minimum_scalar": _scalar(np.minimum),
    "_minus_scalar": _scalar(np.subtract),
    "_mul_scalar": _scalar(np.multiply),
    "_plus_scalar": _scalar(np.add),
    "_power": _power,
    "_power_scalar": _power_scalar,
    "_rdiv_scalar": _scalar(lambda data, scalar: np.divide(scalar, data), "f"),
    "_rminus_scalar": _scalar(lambda data, scalar: np.subtract(scalar, data)),
    "abs": _exact_in_floats(np.abs),
    "add_n": _sum_of_two,
    "amp_cast": _cast,
    "broadcast_add": _ADD,
    "broadcast_div": _DIVIDE,
    "broadcast_maximum": _MAXIMUM,
    "broadcast_minimum": _MINIMUM,
    "broadcast_mul": _MULTIPLY,
    "broadcast_power": _power,
    "broadcast_sub": _SUBTRACT,
    "cbrt": _rounded(np.cbrt),
    "ceil": _exact_in_floats(np.ceil),
    "clip": _clip,
    "cos": _rounded(np.cos),
    "elemwise_add": _ADD,
    "elemwise_div": _DIVIDE,
    "elemwise_mul": _MULTIPLY,
    "elemwise_sub": _SUBTRACT,
    "exp": _rounded(np.exp),
    "expm1": _rounded(np.expm1),
    "floor": _exact_in_floats(np.floor),
    "log": _rounded(np.log),
    "log1p": _rounded(np.log1p),
    "log2": _rounded(np.log2),
    "negative": _unary(np.negative),
    "reciprocal": _exact_in_floats(np.reciprocal),
    "relu": _relu,
    "rsqrt": _exact_in_floats(lambda data: np.reciprocal(np.sqrt(data))),
    "sigmoid": _sigmoid,
    "sin": _rounded(np.sin),
    "sqrt": _exact_in_floats(np.sqrt),
    "square": _exact_in_floats(np.square),
    "trunc": _exact_in_floats(np.trunc),
}
"""Operator -> how it is evaluated."""
