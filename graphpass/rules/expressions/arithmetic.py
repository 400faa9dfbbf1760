"""Operators and comparisons on numbers, texts, tuples and arrays."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.expressions.budget import MAX_LENGTH, Budget
from graphpass.rules.expressions.operands import (
    READY,
    Number,
    broadcast_shape,
    broadcast_size,
    checked,
    frozen,
    operand,
    weak,
)
from graphpass.rules.expressions.views import NodeView
from graphpass.rules.expressions.wording import kind_of

__all__ = [
    "BINARY",
    "COMPARISONS",
    "SLOW",
    "Binary",
    "binary",
    "compare",
    "contains",
    "elementwise",
    "multiply",
    "unary",
]

_MAX_POWER_BITS = 128
SLOW = 8
"""How many times longer a power, ``exp`` or ``log`` takes than a sum."""

_SLOW_PRODUCT = 64
"""How many times longer a step of a matrix product takes without a BLAS."""

_JOINED = (str, tuple)

_PLAIN = frozenset({bool, int, float, str, type(None), NodeView})


class Binary(NamedTuple):
    """One operator."""

    symbol: str
    python: Callable[[Any, Any], Any]
    numpy: Callable[[Any, Any], Any]


BINARY: dict[type[ast.operator], Binary] = {
    ast.Add: Binary("+", operator.add, np.add),
    ast.Sub: Binary("-", operator.sub, np.subtract),
    ast.Mult: Binary("*", operator.mul, np.multiply),
    ast.Div: Binary("/", operator.truediv, np.true_divide),
    ast.FloorDiv: Binary("//", operator.floordiv, np.floor_divide),
    ast.Mod: Binary("%", operator.mod, np.remainder),
    ast.Pow: Binary("**", operator.pow, np.power),
    ast.MatMult: Binary("@", operator.matmul, np.matmul),
}

COMPARISONS: dict[type[ast.cmpop], Binary] = {
    ast.Eq: Binary("==", operator.eq, np.equal),
    ast.NotEq: Binary("!=", operator.ne, np.not_equal),
    ast.Lt: Binary("<", operator.lt, np.less),
    ast.LtE: Binary("<=", operator.le, np.less_equal),
    ast.Gt: Binary(">", operator.gt, np.greater),
    ast.GtE: Binary(">=", operator.ge, np.greater_equal),
}


def binary(budget: Budget, operation: Binary, left: Any, right: Any) -> Any:
    """Return what an operator gives.

    Raises
    ------
    ArithmeticError, TypeError, ValueError
        If it gives nothing.
    """
    if type(left) in _JOINED and operation.symbol == "+" and type(left) is type(right):
        if len(left) + len(right) > MAX_LENGTH:
            raise ValueError(f"the result is longer than {MAX_LENGTH:,}")
        budget.step(len(left) + len(right))
        return checked(left + right)
    a: Any = left if type(left) in READY else operand(left)
    b: Any = right if type(right) in READY else operand(right)
    if operation.symbol == "@":
        return multiply(budget, a, b)
    if type(a) is np.ndarray or type(b) is np.ndarray:
        return elementwise(budget, operation, a, b)
    if operation.symbol == "**":
        return _power(a, b)
    return checked(operation.python(a, b))


def _power(base: Number, exponent: Number) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0:
        bits = int(base).bit_length()
        if bits > 1 and bits * exponent > _MAX_POWER_BITS:
            raise ValueError("the integer is larger than 2**63")
    return checked(base**exponent)


def elementwise(budget: Budget, operation: Binary, a: Any, b: Any) -> Array:
    """Return an operator's results element by element; one operand is an array, none is a view."""
    if type(b) is not np.ndarray:
        budget.make(a.size)
        a, b = _same_type(a, b)
    elif type(a) is not np.ndarray:
        budget.make(b.size)
        b, a = _same_type(b, a)
    else:
        first, second = a.shape, b.shape
        budget.make(a.size if first == second else broadcast_size(first, second))
        if not (first and second) and a.dtype != b.dtype:
            common = np.promote_types(a.dtype, b.dtype)
            a, b = a.astype(common), b.astype(common)
    if operation.symbol in _CAREFUL:
        _check_careful(budget, operation.symbol, a, b)
    found = operation.numpy(a, b)
    array: Array = found if type(found) is np.ndarray else np.asarray(found)
    array.setflags(False)
    return array


_CAREFUL = frozenset({"**", "//", "%"})


def _check_careful(budget: Budget, symbol: str, a: Array, b: Array) -> None:
    """Spend what a power takes; refuse to divide whole numbers by zero."""
    if symbol == "**":
        budget.work(SLOW * max(a.size, b.size))
    elif b.dtype.kind in "iub" and not b.all():
        raise ZeroDivisionError


def _same_type(array: Array, number: Number) -> tuple[Array, Array]:
    """Return both as arrays of one type, because NumPy 1 looks at the value of a number."""
    dtype = array.dtype
    if dtype.kind == "f":
        return array, np.asarray(number, dtype)
    found = weak(number, dtype)
    if found.dtype == dtype:
        return array, found
    common = np.promote_types(dtype, found.dtype)
    return array.astype(common), found.astype(common)


def multiply(budget: Budget, left: Any, right: Any) -> Array:
    """Return a matrix product, as NumPy's ``@``."""
    a, b = operand(left), operand(right)
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray) or not (a.ndim and b.ndim):
        raise TypeError("@ takes two arrays of one dimension or more")
    first = a.shape if a.ndim > 1 else (1, *a.shape)
    second = b.shape if b.ndim > 1 else (*b.shape, 1)
    if first[-1] != second[-2]:
        raise ValueError(f"the shapes {a.shape} and {b.shape} don't fit")
    size = prod(broadcast_shape(first[:-2], second[:-2])) * first[-2] * second[-1]
    budget.make(size)
    is_fast = a.dtype == b.dtype and a.dtype.char in "fd"
    budget.work(a.size + b.size + size * first[-1] // (_SLOW_PRODUCT if is_fast else 1))
    return frozen(np.matmul(a, b))


def unary(budget: Budget, operation: ast.unaryop, value: Any) -> Any:
    """Return ``-x`` or ``+x``."""
    found = operand(value)
    is_minus = isinstance(operation, ast.USub)
    if not isinstance(found, np.ndarray):
        return checked(-found if is_minus else +found)
    budget.make(found.size)
    return frozen(np.negative(found) if is_minus else np.positive(found))


def compare(budget: Budget, comparison: Binary, left: Any, right: Any) -> Any:
    """Return what a comparison gives: a bool, or for arrays an array of such.

    Raises
    ------
    TypeError, ValueError
        If the operands can't be compared.
    """
    if type(left) in _PLAIN and type(right) in _PLAIN:
        return _python(comparison, left, right)
    if type(left) is tuple or type(right) is tuple:
        _check_plain(budget, left)
        _check_plain(budget, right)
        return _python(comparison, left, right)
    return elementwise(budget, comparison, operand(left), operand(right))


def contains(budget: Budget, items: Any, item: Any) -> bool:
    """Return whether a tuple holds an element, or a text another text.

    Raises
    ------
    TypeError
        If there is nothing to look among.
    """
    if type(items) is str and type(item) is str:
        budget.step(len(items))
        return item in items
    if type(items) is not tuple:
        raise TypeError(f"{kind_of(items)} has no elements to look among")
    _check_plain(budget, item)
    _check_plain(budget, items)
    return item in items


def _python(comparison: Binary, left: Any, right: Any) -> bool:
    try:
        return bool(comparison.python(left, right))
    except TypeError:
        raise TypeError(f"{kind_of(left)} and {kind_of(right)} can't be compared") from None


def _check_plain(budget: Budget, value: Any) -> None:
    if type(value) is tuple:
        budget.step(len(value))
        for item in value:
            _check_plain(budget, item)
    elif type(value) not in _PLAIN:
        raise TypeError(f"{kind_of(value)} can't be compared as a whole; write equal(a, b)")
