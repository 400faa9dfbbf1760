"""The functions of expressions by name, but for ``known`` and ``bound``, which ask about names.

Each takes the limits first, and asks them before it makes an array. Types follow NumPy's rules.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, reduce
from math import ceil, prod
from typing import Any, TypeVar

import numpy as np

from graphpass.formats.ndarray_binary import BFLOAT16, Array
from graphpass.formats.spill import converted
from graphpass.rules.expressions.arithmetic import (
    READY,
    SLOW,
    Binary,
    Computation,
    array_of,
    as_tuple,
    axis_of,
    broadcast_shape,
    checked,
    dtype_of,
    elementwise,
    frozen,
    kind_of,
    multiply,
    operand,
    shape_of,
    truth,
    weak,
    whole,
)
from graphpass.rules.expressions.values import NodeView, ValueView, attribute_of
from graphpass.rules.limits import MAX_INT, MAX_LENGTH, MAX_RANK, Limits

__all__ = ["FUNCTIONS", "LOOPS", "signature"]

_Call = TypeVar("_Call", bound=Computation)

LOOPS = ("all", "any", "count", "max", "min", "prod", "sum", "tuple")
"""Functions that take ``... for x in xs``."""


FUNCTIONS: dict[str, Computation] = {}
"""Name -> function."""


@cache
def signature(name: str) -> inspect.Signature:
    """Return the parameters of a function, without types and the limits."""
    own = list(inspect.signature(FUNCTIONS[name]).parameters.values())[1:]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in own]
    return inspect.Signature(plain)


def _function(call: _Call) -> _Call:
    """Make a function one of the language, by its name without an underscore in the end."""
    FUNCTIONS[call.__name__.rstrip("_")] = call
    return call


# -- numbers, texts and tuples -------------------------------------------------------------------


@_function
def attribute(limits: Limits, node: Any, key: Any) -> Any:
    """Return an attribute of a node, by default where the file says nothing."""
    if type(node) is not NodeView or type(key) is not str:
        raise TypeError('write attribute(conv, "kernel"), conv being a node')
    return attribute_of(key, words=False)(node)


@_function
def len_(limits: Limits, xs: Any) -> int:
    """Return how many elements a tuple has, or letters a text."""
    if type(xs) is not tuple and type(xs) is not str:
        raise TypeError(f"{kind_of(xs)} is no tuple and no text; an array has shape and size")
    return len(xs)


@_function
def range_(limits: Limits, start: Any, stop: Any = None, step: Any = 1) -> Any:
    """Return a tuple of whole numbers."""
    low, high = (0, start) if stop is None else (start, stop)
    found = range(whole(low, "a bound"), whole(high, "a bound"), whole(step, "a step"))
    if len(found) > MAX_LENGTH:
        raise ValueError(f"the tuple has more than {MAX_LENGTH:,} elements")
    limits.step(len(found))
    return tuple(found)


FUNCTIONS["bool"] = lambda limits, x: truth(x)
FUNCTIONS["count"] = lambda limits, xs: sum(map(truth, _items(limits, xs)))
FUNCTIONS["float"] = lambda limits, x: float(_number_or_text(x))
FUNCTIONS["int"] = lambda limits, x: checked(int(_number_or_text(x)))
FUNCTIONS["tuple"] = lambda limits, xs: checked(_items(limits, xs))


def _items(limits: Limits, xs: Any) -> tuple[Any, ...]:
    if type(xs) is not tuple:
        raise TypeError(f"{kind_of(xs)} is no tuple")
    limits.step(len(xs))
    return xs


def _number_or_text(x: Any) -> Any:
    if type(x) is str:
        if len(x) > 100:
            raise ValueError(f"{kind_of(x)} is no number")
        return x
    found = operand(x)
    if not isinstance(found, np.ndarray):
        return found
    if found.size != 1:
        raise TypeError(f"{kind_of(found)} is not one number")
    return found.item()


# -- sums and the like ---------------------------------------------------------------------------


def _folded(
    of_items: Callable[[Any], Any], of_array: Callable[..., Any], wanted: str
) -> Computation:
    """Return a function of a tuple, or of an array along axes, all of them for None.

    Parameters
    ----------
    of_items, of_array : callable
        What it is of a tuple, and of an array.
    wanted : "numbers" or "conditions"
        What a tuple holds.
    """

    def fold(limits: Limits, xs: Any, *, axis: Any = None, keepdims: Any = False) -> Any:
        if type(xs) is tuple:
            items = _items(limits, xs)
            if wanted == "conditions":
                return of_items(map(truth, items))
            return checked(of_items(_numbers(items)))
        found = _reduced(limits, of_array, xs, axis, keepdims)
        return found if wanted == "numbers" or found.ndim else bool(found)

    return fold


def _numbers(items: tuple[Any, ...]) -> tuple[Any, ...]:
    found = tuple(map(operand, items))
    for item in found:
        if isinstance(item, np.ndarray) and item.ndim:
            raise TypeError(f"{kind_of(item)} is no number; put arrays together with stack")
    return tuple([item.item() if isinstance(item, np.ndarray) else item for item in found])


def _reduced(
    limits: Limits, function: Callable[..., Any], x: Any, axis: Any, keepdims: Any
) -> Array:
    """Return what a function of NumPy's gives along axes; all of them for None."""
    found = array_of(x)
    axis = _axes(axis, found.ndim)
    limits.make(found.size)
    if found.dtype != BFLOAT16:
        return frozen(function(found, axis=axis, keepdims=truth(keepdims)))
    # As NumPy does it for float16: added up in single precision, and rounded once.
    reduced = function(found.astype(np.float32), axis=axis, keepdims=truth(keepdims))
    return frozen(reduced.astype(BFLOAT16) if reduced.dtype == np.float32 else reduced)


def _axes(axis: Any, rank: int) -> Any:
    """Return one axis, several, or None for all."""
    if type(axis) is tuple:
        return tuple([axis_of(each, rank) for each in axis])
    return None if axis is None else axis_of(axis, rank)


FUNCTIONS["all"] = _folded(all, np.all, "conditions")
FUNCTIONS["any"] = _folded(any, np.any, "conditions")
FUNCTIONS["max"] = _folded(max, np.max, "numbers")
FUNCTIONS["min"] = _folded(min, np.min, "numbers")
# A product stops as soon as it is too large.
FUNCTIONS["prod"] = _folded(
    lambda numbers: reduce(lambda a, b: checked(a * b), numbers, 1), np.prod, "numbers"
)
FUNCTIONS["sum"] = _folded(sum, np.sum, "numbers")


@_function
def mean(limits: Limits, x: Any, *, axis: Any = None, keepdims: Any = False) -> Array:
    """Return the mean along axes."""
    if not array_of(x).size:
        raise ValueError("no elements have no mean")
    return _reduced(limits, np.mean, x, axis, keepdims)


# -- element by element --------------------------------------------------------------------------


def _by_element(
    of_array: Callable[[Any], Any], of_number: Callable[[Any], Any], rounds: int = 1 + SLOW
) -> Computation:
    def apply(limits: Limits, x: Any) -> Any:
        found = x if type(x) in READY else operand(x)
        if type(found) is not np.ndarray:
            return of_number(found)
        limits.make(found.size, rounds)
        return frozen(of_array(found))

    return apply


FUNCTIONS["abs"] = _by_element(np.abs, abs, 1)
FUNCTIONS["exp"] = _by_element(np.exp, lambda x: float(np.exp(float(x))))
FUNCTIONS["isfinite"] = _by_element(np.isfinite, lambda x: bool(np.isfinite(float(x))))
FUNCTIONS["log"] = _by_element(np.log, lambda x: float(np.log(float(x))))
FUNCTIONS["sqrt"] = _by_element(np.sqrt, lambda x: float(np.sqrt(float(x))))


def _or_nan(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Let NaN win, as it does in arrays."""
    return lambda a, b: a if a != a else b if b != b else function(a, b)


_LARGER = Binary("maximum", _or_nan(max), np.maximum)
_SMALLER = Binary("minimum", _or_nan(min), np.minimum)


def _either(limits: Limits, operation: Binary, left: Any, right: Any) -> Any:
    a, b = operand(left), operand(right)
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return elementwise(limits, operation, a, b)
    return operation.python(a, b)


FUNCTIONS["maximum"] = lambda limits, a, b: _either(limits, _LARGER, a, b)
FUNCTIONS["minimum"] = lambda limits, a, b: _either(limits, _SMALLER, a, b)


@_function
def clip(limits: Limits, x: Any, low: Any, high: Any) -> Any:
    """Return what lies between two bounds; None is open."""
    found: Any = operand(x)
    if low is not None:
        found = _either(limits, _LARGER, found, low)
    return found if high is None else _either(limits, _SMALLER, found, high)


@_function
def astype(limits: Limits, x: Any, dtype: Any) -> Array:
    """Return the same numbers in another type."""
    target, found = dtype_of(dtype), array_of(x)
    limits.make(found.size)
    return frozen(converted(found, np.dtype(target)))


# -- two arrays as a whole -----------------------------------------------------------------------


@_function
def equal(limits: Limits, a: Any, b: Any) -> bool:
    """Return whether two arrays have one shape and the same numbers."""
    first, second = array_of(a), array_of(b)
    if first.shape != second.shape:
        return False
    limits.work(first.size)
    return bool(np.array_equal(first, second))


@_function
def allclose(limits: Limits, a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8) -> bool:
    """Return whether ``abs(a - b) <= atol + rtol * abs(b)`` everywhere."""
    first, second = array_of(a), array_of(b)
    limits.make(4 * prod(broadcast_shape(first.shape, second.shape)))
    first, second = (x.astype("f4") if x.dtype == BFLOAT16 else x for x in (first, second))
    return bool(np.allclose(first, second, float(array_of(rtol)), float(array_of(atol))))


FUNCTIONS["dot"] = multiply

# -- new arrays: float32 unless a dtype is given, as in MXNet --------------------------------------


@_function
def full(limits: Limits, shape: Any, value: Any, dtype: Any = "float32") -> Array:
    """Return one number everywhere."""
    return _filled(limits, shape_of(shape), value, dtype_of(dtype))


@_function
def full_like(limits: Limits, x: Any, value: Any) -> Array:
    """Return one number everywhere, in the shape and type of `x`, which need not be stored."""
    if isinstance(x, ValueView) and x.stored is None:
        return _filled(limits, x.shape, value, dtype_of(x.dtype))
    like = array_of(x)
    return _filled(limits, like.shape, value, like.dtype)


FUNCTIONS["zeros"] = lambda limits, shape, dtype="float32": full(limits, shape, 0, dtype)
FUNCTIONS["ones"] = lambda limits, shape, dtype="float32": full(limits, shape, 1, dtype)
FUNCTIONS["zeros_like"] = lambda limits, x: full_like(limits, x, 0)
FUNCTIONS["ones_like"] = lambda limits, x: full_like(limits, x, 1)


def _filled(limits: Limits, shape: tuple[int, ...], value: Any, target: np.dtype[Any]) -> Array:
    limits.make(prod(shape))
    number = array_of(value)
    if number.ndim:
        raise TypeError(f"an array is filled with a number, not with an array of {number.shape}")
    if target.kind in "iu":
        number = weak(number.item(), target)
    return frozen(np.full(shape, number.astype(target), target))


@_function
def arange(
    limits: Limits, start: Any, stop: Any = None, step: Any = 1, dtype: Any = "float32"
) -> Array:
    """Return ``0, 1, …`` up to but not including `start`, or from `start` to `stop`."""
    target = dtype_of(dtype)
    low, high = (0, operand(start)) if stop is None else (operand(start), operand(stop))
    bounds = [np.asarray(each).item() for each in (low, high, operand(step))]
    if not all(abs(each) <= MAX_INT for each in bounds) or not bounds[2]:
        raise ValueError("arange takes numbers below 2**63, and a step that is not zero")
    limits.make(max(0, ceil((bounds[1] - bounds[0]) / bounds[2])))
    return frozen(np.arange(*bounds).astype(target))


@_function
def eye(limits: Limits, rows: Any, columns: Any = None, dtype: Any = "float32") -> Array:
    """Return a matrix with ones on its diagonal."""
    height, width = shape_of((rows, rows if columns is None else columns))
    limits.make(height * width)
    return frozen(np.eye(height, width, dtype=dtype_of(dtype)))


# -- shapes --------------------------------------------------------------------------------------


@_function
def reshape(limits: Limits, x: Any, shape: Any) -> Array:
    """Return the same elements in another shape; one dimension may be -1."""
    found = array_of(x)
    sizes = as_tuple(shape, "a shape")
    limits.make(found.size)
    return frozen(found.reshape([whole(size, "a dimension") for size in sizes]))


@_function
def transpose(limits: Limits, x: Any, axes: Any = None) -> Array:
    """Return the axes in another order; in reverse for None or ``()``, as in MXNet."""
    found = array_of(x)
    order = as_tuple(axes, "axes") if axes is not None else ()
    return frozen(found.transpose([axis_of(axis, found.ndim) for axis in order] or None))


@_function
def squeeze(limits: Limits, x: Any, axis: Any = None) -> Array:
    """Return it without axes of one element."""
    found = array_of(x)
    return frozen(found.squeeze(_axes(axis, found.ndim)))


@_function
def expand_dims(limits: Limits, x: Any, axis: Any) -> Array:
    """Return it with a new axis of one element."""
    found = array_of(x)
    if found.ndim >= MAX_RANK:
        raise ValueError(f"an array has {MAX_RANK} dimensions at most")
    return frozen(np.expand_dims(found, axis_of(axis, found.ndim + 1)))


@_function
def per_axis(limits: Limits, v: Any, axis: Any, ndim: Any) -> Array:
    """Return an array of one dimension so shaped that it lies along one axis of `ndim`."""
    vector, rank = array_of(v), whole(ndim, "a number of dimensions")
    if vector.ndim != 1:
        raise ValueError(f"per_axis takes an array of one dimension, not of {vector.ndim}")
    if not 0 < rank <= MAX_RANK:
        raise ValueError(f"an array has {MAX_RANK} dimensions at most, not {rank}")
    shape = [1] * rank
    shape[axis_of(axis, rank)] = vector.size
    return frozen(vector.reshape(shape))


@_function
def concatenate(limits: Limits, arrays: Any, axis: Any = 0) -> Array:
    """Return arrays one behind the other along an axis."""
    found = _several(limits, arrays)
    return frozen(np.concatenate(found, axis=axis_of(axis, found[0].ndim)))


@_function
def stack(limits: Limits, arrays: Any, axis: Any = 0) -> Array:
    """Return arrays of one shape along a new axis."""
    found = _several(limits, arrays)
    return frozen(np.stack(found, axis=axis_of(axis, found[0].ndim + 1)))


def _several(limits: Limits, arrays: Any) -> list[Array]:
    found = [array_of(each) for each in as_tuple(arrays, "what is put together")]
    if not found:
        raise ValueError("there is nothing to put together")
    limits.make(sum(array.size for array in found))
    return found


@_function
def repeat(limits: Limits, x: Any, repeats: Any, axis: Any = None) -> Array:
    """Return each element several times; of the flat array for None."""
    found, count = array_of(x), whole(repeats, "a number of repeats")
    limits.make(found.size * max(count, 0))
    along = None if axis is None else axis_of(axis, found.ndim)
    return frozen(np.repeat(found, count, along))


@_function
def tile(limits: Limits, x: Any, reps: Any) -> Array:
    """Return the array several times along each axis."""
    found, counts = array_of(x), shape_of(reps)
    limits.make(found.size * prod(counts))
    return frozen(np.tile(found, counts))
