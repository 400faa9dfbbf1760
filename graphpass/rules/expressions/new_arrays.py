"""Functions of expressions that make arrays: float32 unless a dtype is given, as in MXNet."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, prod
from typing import Any

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.expressions.budget import MAX_INT, Budget
from graphpass.rules.expressions.operands import (
    array_of,
    dtype_of,
    frozen,
    operand,
    shape_of,
    weak,
)
from graphpass.rules.expressions.views import ValueView

__all__ = ["NEW_ARRAYS"]


def zeros(budget: Budget, shape: Any, dtype: Any = "float32") -> Array:
    """Return zeros."""
    return _filled(budget, shape_of(shape), 0, dtype_of(dtype))


def ones(budget: Budget, shape: Any, dtype: Any = "float32") -> Array:
    """Return ones."""
    return _filled(budget, shape_of(shape), 1, dtype_of(dtype))


def full(budget: Budget, shape: Any, value: Any, dtype: Any = "float32") -> Array:
    """Return one number everywhere."""
    return _filled(budget, shape_of(shape), value, dtype_of(dtype))


def zeros_like(budget: Budget, x: Any) -> Array:
    """Return zeros of the shape and type of `x`, which need not be stored."""
    return full_like(budget, x, 0)


def ones_like(budget: Budget, x: Any) -> Array:
    """Return ones of the shape and type of `x`, which need not be stored."""
    return full_like(budget, x, 1)


def full_like(budget: Budget, x: Any, value: Any) -> Array:
    """Return one number everywhere, in the shape and type of `x`, which need not be stored."""
    if isinstance(x, ValueView) and x.stored is None:
        return _filled(budget, x.shape, value, dtype_of(x.dtype))
    like = array_of(x)
    return _filled(budget, like.shape, value, like.dtype)


def _filled(budget: Budget, shape: tuple[int, ...], value: Any, target: np.dtype[Any]) -> Array:
    budget.make(prod(shape))
    number = array_of(value)
    if number.ndim:
        raise TypeError(f"an array is filled with a number, not with an array of {number.shape}")
    if target.kind in "iu":
        number = weak(number.item(), target)
    return frozen(np.full(shape, number.astype(target), target))


def arange(
    budget: Budget, start: Any, stop: Any = None, step: Any = 1, dtype: Any = "float32"
) -> Array:
    """Return ``0, 1, …`` up to but not including `start`, or from `start` to `stop`."""
    target = dtype_of(dtype)
    low, high = (0, operand(start)) if stop is None else (operand(start), operand(stop))
    limits = [np.asarray(each).item() for each in (low, high, operand(step))]
    if not all(abs(each) < MAX_INT for each in limits) or not limits[2]:
        raise ValueError("arange takes numbers below 2**63, and a step that is not zero")
    budget.make(max(0, ceil((limits[1] - limits[0]) / limits[2])))
    return frozen(np.arange(*limits).astype(target))


def eye(budget: Budget, rows: Any, columns: Any = None, dtype: Any = "float32") -> Array:
    """Return a matrix with ones on its diagonal."""
    height, width = shape_of((rows, rows if columns is None else columns))
    budget.make(height * width)
    return frozen(np.eye(height, width, dtype=dtype_of(dtype)))


NEW_ARRAYS: dict[str, Callable[..., Any]] = {
    "arange": arange,
    "eye": eye,
    "full": full,
    "full_like": full_like,
    "ones": ones,
    "ones_like": ones_like,
    "zeros": zeros,
    "zeros_like": zeros_like,
}
"""Name -> function."""
