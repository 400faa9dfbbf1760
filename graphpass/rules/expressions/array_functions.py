"""Functions of expressions that take arrays.

Each takes the budget first, and asks it before it makes an array. Types follow NumPy's rules.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.expressions.arithmetic import SLOW, Binary, elementwise, multiply
from graphpass.rules.expressions.budget import MAX_RANK, Budget
from graphpass.rules.expressions.new_arrays import NEW_ARRAYS
from graphpass.rules.expressions.operands import (
    READY,
    Number,
    array_of,
    as_tuple,
    axis_of,
    broadcast_shape,
    dtype_of,
    frozen,
    operand,
    shape_of,
    truth,
    whole,
)

__all__ = ["ARRAY_FUNCTIONS", "reduced"]


def _or_nan(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Let NaN win, as it does in arrays."""
    return lambda a, b: a if a != a else b if b != b else function(a, b)


_SLOW_ROUNDS = 1 + SLOW

_MAXIMUM = Binary("maximum", _or_nan(max), np.maximum)
_MINIMUM = Binary("minimum", _or_nan(min), np.minimum)


# -- element by element ------------------------------------------------------------------------


def _by_element(function: Callable[[Any], Any], result: type) -> Callable[[Budget, Any], Any]:
    def apply(budget: Budget, x: Any) -> Any:
        found = x if type(x) in READY else operand(x)
        if type(found) is np.ndarray:
            budget.make(found.size, _SLOW_ROUNDS)
            return frozen(function(found))
        budget.work(1)
        return result(function(float(found)))

    return apply


def absolute(budget: Budget, x: Any) -> Any:
    """Return the size without the sign."""
    found = operand(x)
    if not isinstance(found, np.ndarray):
        return abs(found)
    budget.make(found.size)
    return frozen(np.abs(found))


def maximum(budget: Budget, a: Any, b: Any) -> Any:
    """Return the larger of two, element by element."""
    return _either(budget, _MAXIMUM, operand(a), operand(b))


def minimum(budget: Budget, a: Any, b: Any) -> Any:
    """Return the smaller of two, element by element."""
    return _either(budget, _MINIMUM, operand(a), operand(b))


def clip(budget: Budget, x: Any, low: Any, high: Any) -> Any:
    """Return what lies between two bounds; None is open."""
    found = operand(x)
    if low is not None:
        found = _either(budget, _MAXIMUM, found, operand(low))
    if high is not None:
        found = _either(budget, _MINIMUM, found, operand(high))
    return found


def _either(budget: Budget, operation: Binary, a: Number | Array, b: Number | Array) -> Any:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return elementwise(budget, operation, a, b)
    return operation.python(a, b)


def astype(budget: Budget, x: Any, dtype: Any) -> Array:
    """Return the same numbers in another type."""
    target, found = dtype_of(dtype), array_of(x)
    budget.make(found.size)
    return frozen(found.astype(target))


# -- comparisons of whole arrays ---------------------------------------------------------------


def equal(budget: Budget, a: Any, b: Any) -> bool:
    """Return whether two arrays have one shape and the same numbers."""
    first, second = array_of(a), array_of(b)
    if first.shape != second.shape:
        return False
    budget.work(first.size)
    return bool(np.array_equal(first, second))


def allclose(budget: Budget, a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8) -> bool:
    """Return whether ``abs(a - b) <= atol + rtol * abs(b)`` everywhere."""
    first, second = array_of(a), array_of(b)
    budget.make(4 * prod(broadcast_shape(first.shape, second.shape)))
    return bool(np.allclose(first, second, float(array_of(rtol)), float(array_of(atol))))


# -- sums and the like -------------------------------------------------------------------------


def reduced(
    budget: Budget, function: Callable[..., Any], x: Any, axis: Any, keepdims: Any
) -> Array:
    """Return what a function of NumPy's gives along axes; all of them for None."""
    found = array_of(x)
    axis = _axes(axis, found.ndim)
    budget.make(found.size)
    return frozen(function(found, axis=axis, keepdims=truth(keepdims)))


def _axes(axis: Any, rank: int) -> Any:
    """Return one axis, several, or None for all."""
    if type(axis) is tuple:
        return tuple([axis_of(each, rank) for each in axis])
    return None if axis is None else axis_of(axis, rank)


def mean(budget: Budget, x: Any, *, axis: Any = None, keepdims: Any = False) -> Array:
    """Return the mean along axes."""
    if not array_of(x).size:
        raise ValueError("no elements have no mean")
    return reduced(budget, np.mean, x, axis, keepdims)


# -- shapes ------------------------------------------------------------------------------------


def reshape(budget: Budget, x: Any, shape: Any) -> Array:
    """Return the same elements in another shape; one dimension may be -1."""
    found = array_of(x)
    sizes = as_tuple(shape, "a shape")
    budget.make(found.size)
    return frozen(found.reshape([whole(size, "a dimension") for size in sizes]))


def transpose(budget: Budget, x: Any, axes: Any = None) -> Array:
    """Return the axes in another order; in reverse for None or ``()``, as in MXNet."""
    found = array_of(x)
    order = as_tuple(axes, "axes") if axes is not None else ()
    return frozen(found.transpose([axis_of(axis, found.ndim) for axis in order] or None))


def squeeze(budget: Budget, x: Any, axis: Any = None) -> Array:
    """Return it without axes of one element."""
    found = array_of(x)
    return frozen(found.squeeze(_axes(axis, found.ndim)))


def expand_dims(budget: Budget, x: Any, axis: Any) -> Array:
    """Return it with a new axis of one element."""
    found = array_of(x)
    if found.ndim >= MAX_RANK:
        raise ValueError(f"an array has {MAX_RANK} dimensions at most")
    return frozen(np.expand_dims(found, axis_of(axis, found.ndim + 1)))


def per_axis(budget: Budget, v: Any, axis: Any, ndim: Any) -> Array:
    """Return an array of one dimension so shaped that it lies along one axis of `ndim`."""
    vector, rank = array_of(v), whole(ndim, "a number of dimensions")
    if vector.ndim != 1:
        raise ValueError(f"per_axis takes an array of one dimension, not of {vector.ndim}")
    if not 0 < rank <= MAX_RANK:
        raise ValueError(f"an array has {MAX_RANK} dimensions at most, not {rank}")
    shape = [1] * rank
    shape[axis_of(axis, rank)] = vector.size
    return frozen(vector.reshape(shape))


def concatenate(budget: Budget, arrays: Any, axis: Any = 0) -> Array:
    """Return arrays one behind the other along an axis."""
    found = _several(arrays)
    budget.make(sum(array.size for array in found))
    return frozen(np.concatenate(found, axis=axis_of(axis, found[0].ndim)))


def stack(budget: Budget, arrays: Any, axis: Any = 0) -> Array:
    """Return arrays of one shape along a new axis."""
    found = _several(arrays)
    budget.make(sum(array.size for array in found))
    return frozen(np.stack(found, axis=axis_of(axis, found[0].ndim + 1)))


def _several(arrays: Any) -> list[Array]:
    found = [array_of(each) for each in as_tuple(arrays, "what is put together")]
    if not found:
        raise ValueError("there is nothing to put together")
    return found


def repeat(budget: Budget, x: Any, repeats: Any, axis: Any = None) -> Array:
    """Return each element several times; of the flat array for None."""
    found, count = array_of(x), whole(repeats, "a number of repeats")
    budget.make(found.size * max(count, 0))
    along = None if axis is None else axis_of(axis, found.ndim)
    return frozen(np.repeat(found, count, along))


def tile(budget: Budget, x: Any, reps: Any) -> Array:
    """Return the array several times along each axis."""
    found, counts = array_of(x), shape_of(reps)
    budget.make(found.size * prod(counts))
    return frozen(np.tile(found, counts))


ARRAY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **NEW_ARRAYS,
    "abs": absolute,
    "allclose": allclose,
    "astype": astype,
    "clip": clip,
    "concatenate": concatenate,
    "dot": multiply,
    "equal": equal,
    "exp": _by_element(np.exp, float),
    "expand_dims": expand_dims,
    "isfinite": _by_element(np.isfinite, bool),
    "log": _by_element(np.log, float),
    "maximum": maximum,
    "mean": mean,
    "minimum": minimum,
    "per_axis": per_axis,
    "repeat": repeat,
    "reshape": reshape,
    "sqrt": _by_element(np.sqrt, float),
    "squeeze": squeeze,
    "stack": stack,
    "tile": tile,
    "transpose": transpose,
}
"""Name -> function."""
