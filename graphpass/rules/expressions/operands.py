"""Numbers and arrays as operands: conversion, types, and what their results may be."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, TypeAlias

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.expressions.budget import MAX_INT, MAX_LENGTH, MAX_RANK
from graphpass.rules.expressions.unknown import UnknownError
from graphpass.rules.expressions.views import NodeView, RawAttributes, ValueView, type_name
from graphpass.rules.expressions.wording import kind_of

__all__ = [
    "DTYPES",
    "READY",
    "Number",
    "array_of",
    "as_tuple",
    "axis_of",
    "broadcast_shape",
    "broadcast_size",
    "checked",
    "dtype_of",
    "extent",
    "frozen",
    "load",
    "operand",
    "shape_of",
    "truth",
    "weak",
    "whole",
]

Number: TypeAlias = "bool | int | float"

READY = frozenset({bool, int, float, np.ndarray})
"""Types of what is computed with as it is."""

DTYPES = ("float16", "float32", "float64", "uint8", "int8", "int32", "int64", "bool")
"""Types of arrays that expressions make: those that MXNet 1.9.1 loads and NumPy has."""


def operand(value: Any) -> Number | Array:
    """Return a value to compute with.

    Raises
    ------
    TypeError
        If it is none.
    UnknownError
        If it is a value of the graph that is not stored.
    """
    kind = type(value)
    if kind in READY:
        found: Number | Array = value
        return found
    if kind is ValueView:
        loaded: Array | None = value.loaded
        return load(value) if loaded is None else loaded
    if kind is NodeView:
        return operand(value.output(0))
    raise TypeError(f"{kind_of(value)} is no number and no array")


_COMPUTABLE = frozenset("?bBhHiIlLqQefd")
"""Type codes of the arrays that expressions compute with."""


def load(value: ValueView) -> Array:
    """Return the stored value of a view, read-only, and keep it there.

    Raises
    ------
    UnknownError
        If there is none, or none of a type that NumPy computes with.
    """
    stored = value.stored
    if stored is None:
        raise UnknownError(value.lack())
    array = np.asarray(stored).view()
    if array.dtype.char not in _COMPUTABLE:
        raise UnknownError(
            f"{value} is an array of {type_name(array)}, which expressions can't compute with"
        )
    array.setflags(False)
    value.scope.budget.met(array.size)
    value.loaded = array
    return array


def array_of(value: Any) -> Array:
    """Return a value as an array; an int becomes an int64, a float a float64."""
    found = value if type(value) is np.ndarray else operand(value)
    return found if type(found) is np.ndarray else np.asarray(found)


def frozen(result: Any) -> Array:
    """Return what NumPy gave as an array that nobody can write to."""
    array: Array = result if type(result) is np.ndarray else np.asarray(result)
    array.setflags(False)
    return array


def checked(value: Any) -> Any:
    """Return a Python number, text or tuple that is not too large.

    Raises
    ------
    ValueError
        If it is.
    TypeError
        If it is a complex number.
    """
    kind = type(value)
    if kind is int:
        if not -MAX_INT <= value <= MAX_INT:
            raise ValueError("the integer is larger than 2**63")
    elif kind is complex:
        raise TypeError("the result is a complex number")
    elif kind is str:
        if len(value) > MAX_LENGTH:
            raise ValueError(f"the text is longer than {MAX_LENGTH:,} characters")
    elif kind is tuple and extent(value) > MAX_LENGTH:
        raise ValueError(f"the tuple has more than {MAX_LENGTH:,} elements")
    return value


def extent(value: tuple[Any, ...]) -> int:
    """Return the number of elements, those of tuples inside included.

    Each of those is within the limit itself, so that this ends soon even where they are shared.
    """
    found = len(value)
    for item in value:
        if found > MAX_LENGTH:
            return found
        if type(item) is tuple:
            found += extent(item)
    return found


def truth(value: Any) -> bool:
    """Return whether a condition holds.

    Raises
    ------
    TypeError
        If the value is neither true nor false.
    """
    if type(value) is bool:
        return value
    if isinstance(value, ValueView | NodeView | RawAttributes):
        raise TypeError(f"{kind_of(value)} is neither true nor false")
    if type(value) is np.ndarray and value.size != 1:
        raise TypeError(f"{kind_of(value)} is neither true nor false; ask all(...) or any(...)")
    return bool(value)


def whole(value: Any, what: str) -> int:
    """Return an int.

    Raises
    ------
    TypeError
        If the value is none.
    """
    if type(value) is int:
        return value
    if type(value) is np.ndarray and value.size == 1 and value.dtype.kind in "iu":
        return int(value.item())
    raise TypeError(f"{what} is a whole number, not {kind_of(value)}")


def axis_of(value: Any, rank: int) -> int:
    """Return an axis of an array that has `rank` of them, counted from 0.

    Raises
    ------
    TypeError, ValueError
        If the value is none.
    """
    axis = whole(value, "an axis")
    if not -rank <= axis < rank:
        raise ValueError(f"there is no axis {axis} of {rank}")
    return axis % rank


def as_tuple(value: Any, what: str) -> tuple[Any, ...]:
    """Return a tuple.

    Raises
    ------
    TypeError
        If the value is none.
    """
    if type(value) is not tuple:
        raise TypeError(f"{what} is a tuple, not {kind_of(value)}")
    return value


def shape_of(value: Any) -> tuple[int, ...]:
    """Return a shape for a new array.

    Raises
    ------
    TypeError, ValueError
        If the value is none.
    """
    sizes = (value,) if type(value) is int else as_tuple(value, "a shape")
    if len(sizes) > MAX_RANK:
        raise ValueError(f"an array has {MAX_RANK} dimensions at most")
    shape = tuple([whole(size, "a dimension") for size in sizes])
    if min(shape, default=0) < 0:
        raise ValueError(f"a dimension can't be negative, as in {shape}")
    return shape


def dtype_of(name: Any) -> np.dtype[Any]:
    """Return the type of a name.

    Raises
    ------
    ValueError
        If arrays of expressions can't have it.
    """
    if name not in DTYPES:
        raise ValueError(f"a dtype is one of {', '.join(DTYPES)}, not {kind_of(name)}")
    return np.dtype(name)


def weak(number: Number, dtype: np.dtype[Any]) -> Array:
    """Return a Python number as an array that does not widen one of a type, as far as it can be.

    Notes
    -----
    The rules are those of NumPy 2 (NEP 50), whatever NumPy is installed.
    """
    kind = dtype.kind
    if kind == "f":
        return np.asarray(number, dtype)
    if type(number) is float:
        return np.asarray(number, np.float64)
    if type(number) is int:
        if kind == "b":
            dtype = np.dtype(np.int64)
        if dtype.kind in "iu":
            bounds = np.iinfo(dtype)
            if not bounds.min <= number <= bounds.max:
                raise ValueError(f"{number} is no {dtype}")
    return np.asarray(number, dtype)


def broadcast_shape(first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    """Return the shape of what two arrays give element by element.

    Raises
    ------
    ValueError
        If they don't fit.
    """
    if len(first) < len(second):
        first, second = second, first
    shape = list(first)
    offset = len(first) - len(second)
    for axis, size in enumerate(second, offset):
        if shape[axis] == 1:
            shape[axis] = size
        elif size not in (1, shape[axis]):
            raise ValueError(f"the shapes {tuple(first)} and {tuple(second)} don't fit")
    return tuple(shape)


@lru_cache(1024)
def broadcast_size(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    """Return how many elements two arrays give element by element.

    It is asked for each operation of each match, and most matches have arrays of the same shapes.

    Raises
    ------
    ValueError
        If they don't fit.
    """
    return prod(broadcast_shape(first, second))
