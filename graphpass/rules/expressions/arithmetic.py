"""Operators and comparisons on numbers, texts, tuples and arrays, and how messages write these.

What can't be done raises an `ArithmeticError`, `TypeError` or `ValueError` that says why; the part
of the expression that asked for it makes an `ExpressionError` of that. What takes memory or time
asks the limits first.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from graphpass.formats.ndarray_binary import BFLOAT16, Array
from graphpass.formats.spill import computed
from graphpass.rules.expressions.values import NodeView, RawAttributes, UnknownError, ValueView
from graphpass.rules.limits import MAX_INT, MAX_LENGTH, MAX_RANK, Limits

Number: TypeAlias = "bool | int | float"

Computation: TypeAlias = "Callable[..., Any]"
"""What a part of an expression does: it takes the limits, then the values of its own parts."""

READY = frozenset({bool, int, float, np.ndarray})
"""Types of what is computed with as it is."""

SCALARS = frozenset({bool, int, float, str, type(None)})
"""Types of what is compared, and put into tuples, without care."""

DTYPES = ("bfloat16", "float16", "float32", "float64", "uint8", "int8", "int32", "int64", "bool")
"""Types of arrays that expressions make: those that MXNet 1.9.1 loads and NumPy has."""


# -- messages ------------------------------------------------------------------------------------


def shortened(text: str, width: int = 60) -> str:
    """Return a text with its middle left out if it is longer than `width`.

    Examples
    --------
    >>> shortened("abcdefghijklmnop", 9)
    'abc...nop'
    """
    if len(text) <= width:
        return text
    half = (width - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def brief(value: Any, depth: int = 0) -> str:
    """Return how messages write a value.

    Examples
    --------
    >>> brief((3, None)), brief("NCHW"), brief(2.5)
    ('(3, None)', "'NCHW'", '2.5')
    """
    if isinstance(value, str):
        return repr(shortened(value))
    if isinstance(value, tuple):
        if depth > 2:
            return "(...)"
        items = [brief(item, depth + 1) for item in value[:6]]
        items += ["..."] * (len(value) > 6)
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if isinstance(value, NodeView):
        return shortened(str(value))
    if isinstance(value, ValueView):
        return shortened(value.name)
    if isinstance(value, RawAttributes):
        return f"the attributes of {shortened(str(value.node))}"
    return str(value) if value.ndim == 0 else f"an array of shape {value.shape}"


def kind_of(value: Any) -> str:
    """Return what kind of thing a value is, with an article."""
    if isinstance(value, tuple):
        return "a tuple"
    text = brief(value)
    if isinstance(value, NodeView):
        return f"the node {text}"
    if isinstance(value, ValueView):
        return f"the value {text}"
    if isinstance(value, RawAttributes):
        return f"the table of {text.removeprefix('the ')}"
    if isinstance(value, str):
        return f"the text {text}"
    return f"the number {text}" if isinstance(value, np.ndarray) and not value.ndim else text


# -- operands ------------------------------------------------------------------------------------


def operand(value: Any) -> Number | Array:
    """Return a value to compute with; one of the graph that is not stored is an `UnknownError`."""
    kind = type(value)
    if kind in READY:
        found: Number | Array = value
        return found
    if kind is ValueView:
        loaded: Array | None = value.loaded
        return value.array if loaded is None else loaded
    if kind is NodeView:
        array: Array = value.output(0).array
        return array
    raise TypeError(f"{kind_of(value)} is no number and no array")


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
    """Return a Python number, text or tuple; refuse what is too large, and complex numbers."""
    kind = type(value)
    if kind is int:
        if not -MAX_INT <= value <= MAX_INT:
            raise ValueError("the integer is larger than 2**63 - 1")
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


def gathered(limits: Limits, values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values as a tuple; refuse the first that makes it too large."""
    found: list[Any] = []
    inside = elements = 0
    for value in values:
        found.append(value)
        if type(value) is np.ndarray:
            elements += value.size
            limits.hold(elements)
        elif type(value) is tuple:
            size = extent(value)
            limits.step(size)
            inside += size
        if len(found) + inside > MAX_LENGTH:
            raise ValueError(f"the tuple has more than {MAX_LENGTH:,} elements")
    return tuple(found)


def truth(value: Any) -> bool:
    """Return whether a condition holds."""
    if type(value) is bool:
        return value
    if isinstance(value, ValueView | NodeView | RawAttributes):
        raise TypeError(f"{kind_of(value)} is neither true nor false")
    if type(value) is np.ndarray and value.size != 1:
        raise TypeError(f"{kind_of(value)} is neither true nor false; ask all(...) or any(...)")
    return bool(value)


def whole(value: Any, what: str) -> int:
    """Return an int."""
    if type(value) is int:
        return value
    if type(value) is np.ndarray and value.size == 1 and value.dtype.kind in "iu":
        return int(value.item())
    raise TypeError(f"{what} is a whole number, not {kind_of(value)}")


def axis_of(value: Any, rank: int) -> int:
    """Return an axis of an array that has `rank` of them, counted from 0."""
    axis = whole(value, "an axis")
    if not -rank <= axis < rank:
        raise ValueError(f"there is no axis {axis} of {rank}")
    return axis % rank


def as_tuple(value: Any, what: str) -> tuple[Any, ...]:
    """Return a tuple."""
    if type(value) is not tuple:
        raise TypeError(f"{what} is a tuple, not {kind_of(value)}")
    return value


def shape_of(value: Any) -> tuple[int, ...]:
    """Return a shape for a new array."""
    sizes = (value,) if type(value) is int else as_tuple(value, "a shape")
    if len(sizes) > MAX_RANK:
        raise ValueError(f"an array has {MAX_RANK} dimensions at most")
    shape = tuple([whole(size, "a dimension") for size in sizes])
    if min(shape, default=0) < 0:
        raise ValueError(f"a dimension can't be negative, as in {shape}")
    return shape


def dtype_of(name: Any) -> np.dtype[Any]:
    """Return the type of a name."""
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
    if kind == "f" or dtype == BFLOAT16:
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


@lru_cache(1024)
def broadcast_shape(first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what two arrays give element by element.

    It is asked for each operation of each match, and most matches have arrays of the same shapes.
    """
    try:
        return np.broadcast_shapes(first, second)
    except ValueError:
        raise ValueError(f"the shapes {first} and {second} don't fit") from None


# -- elements ------------------------------------------------------------------------------------


def element(limits: Limits, value: Any, place: Any) -> Any:
    """Return an element, a slice, an output of a node or the text of an attribute."""
    kind = type(value)
    if kind is RawAttributes:
        if type(place) is not str:
            raise TypeError("an attribute is looked up by its name")
        text = value.texts.get(place)
        if text is None:
            raise UnknownError(f"{value.node} has no attribute {place!r} in its file")
        return text
    if kind is NodeView:
        return value.output(checked_place(place, allow_slice=False))
    if kind is tuple or kind is str:
        found = value[checked_place(place)]
        if type(place) is slice:
            limits.step(len(found))
        return found
    array = value.array if kind is ValueView else value
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{kind_of(value)} has no elements")
    places = place if type(place) is tuple else (place,)
    return frozen(array[tuple([checked_place(each) for each in places])])


def checked_place(place: Any, *, allow_slice: bool = True) -> Any:
    """Return a place, made sure that NumPy takes it for nothing but one or a slice."""
    if type(place) is int:
        return place
    if type(place) is slice and allow_slice:
        if all(each is None or type(each) is int for each in (place.start, place.stop, place.step)):
            return place
        raise TypeError("the bounds of a slice are whole numbers")
    if type(place) is np.ndarray and place.ndim == 0 and place.dtype.kind in "iu":
        return int(place)
    kind = "a slice" if type(place) is slice else kind_of(place)
    raise TypeError(f"an index is a whole number{' or a slice' * allow_slice}, not {kind}")


# -- operators -----------------------------------------------------------------------------------


class Binary(NamedTuple):
    """An operator with two operands."""

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

_COMPARISONS: dict[type[ast.cmpop], Binary] = {
    ast.Eq: Binary("==", operator.eq, np.equal),
    ast.NotEq: Binary("!=", operator.ne, np.not_equal),
    ast.Lt: Binary("<", operator.lt, np.less),
    ast.LtE: Binary("<=", operator.le, np.less_equal),
    ast.Gt: Binary(">", operator.gt, np.greater),
    ast.GtE: Binary(">=", operator.ge, np.greater_equal),
}

SLOW = 8
"""How many times longer a power, ``exp`` or ``log`` takes than a sum."""

_SLOW_PRODUCT = 64
"""How many times longer a step of a matrix product takes without a BLAS."""

_MAX_POWER_BITS = 128
_CAREFUL = frozenset({"**", "//", "%"})
_JOINED = frozenset({str, tuple})
_PLAIN = SCALARS | {NodeView}


def binary(operation: Binary) -> Computation:
    """Return what an operator does."""
    symbol, python = operation.symbol, operation.python
    if symbol == "@":
        return multiply

    def compute(limits: Limits, left: Any, right: Any) -> Any:
        if symbol == "+" and type(left) in _JOINED and type(left) is type(right):
            if len(left) + len(right) > MAX_LENGTH:
                raise ValueError(f"the result is longer than {MAX_LENGTH:,}")
            limits.step(len(left) + len(right))
            return checked(left + right)
        if symbol == "*" and type(left) is tuple and type(right) is int:
            if len(left) * right > MAX_LENGTH:
                raise ValueError(f"the result is longer than {MAX_LENGTH:,}")
            limits.step(max(len(left) * right, 0))
            return checked(left * right)
        a: Any = left if type(left) in READY else operand(left)
        b: Any = right if type(right) in READY else operand(right)
        if type(a) is np.ndarray or type(b) is np.ndarray:
            return elementwise(limits, operation, a, b)
        if symbol == "**" and isinstance(a, int) and isinstance(b, int) and b > 0:
            bits = int(a).bit_length()
            if bits > 1 and bits * b > _MAX_POWER_BITS:
                raise ValueError("the integer is larger than 2**63 - 1")
        return checked(python(a, b))

    return compute


def elementwise(limits: Limits, operation: Binary, a: Any, b: Any) -> Array:
    """Return an operator's results element by element; one operand is an array, none is a view."""
    if type(b) is not np.ndarray:
        limits.make(a.size)
        a, b = _same_type(a, b)
    elif type(a) is not np.ndarray:
        limits.make(b.size)
        b, a = _same_type(b, a)
    else:
        first, second = a.shape, b.shape
        limits.make(a.size if first == second else prod(broadcast_shape(first, second)))
        if not (first and second) and a.dtype != b.dtype:
            common = np.promote_types(a.dtype, b.dtype)
            a, b = a.astype(common), b.astype(common)
    if operation.symbol in _CAREFUL:
        if operation.symbol == "**":
            limits.work(SLOW * max(a.size, b.size))
        elif b.dtype.kind in "iub" and not b.all():
            raise ZeroDivisionError
    if operation.symbol in "+-*/":
        return frozen(computed(operation.numpy, a, b))
    return frozen(operation.numpy(a, b))


def _same_type(array: Array, number: Number) -> tuple[Array, Array]:
    """Return both as arrays of one type, because NumPy 1 looks at the value of a number."""
    found = weak(number, array.dtype)
    if found.dtype == array.dtype:
        return array, found
    common = np.promote_types(array.dtype, found.dtype)
    return array.astype(common), found.astype(common)


def multiply(limits: Limits, left: Any, right: Any) -> Array:
    """Return a matrix product, as NumPy's ``@``."""
    a, b = operand(left), operand(right)
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray) or not (a.ndim and b.ndim):
        raise TypeError("@ takes two arrays of one dimension or more")
    first = a.shape if a.ndim > 1 else (1, *a.shape)
    second = b.shape if b.ndim > 1 else (*b.shape, 1)
    if first[-1] != second[-2]:
        raise ValueError(f"the shapes {a.shape} and {b.shape} don't fit")
    size = prod(broadcast_shape(first[:-2], second[:-2])) * first[-2] * second[-1]
    limits.make(size)
    is_fast = a.dtype == b.dtype and a.dtype.char in "fd"
    limits.work(a.size + b.size + size * first[-1] // (_SLOW_PRODUCT if is_fast else 1))
    return frozen(np.matmul(a, b))


def unary(kind: type[ast.unaryop]) -> Computation:
    """Return what a sign does."""
    of_number, of_array = (
        (operator.neg, np.negative) if kind is ast.USub else (operator.pos, np.positive)
    )

    def compute(limits: Limits, value: Any) -> Any:
        found = operand(value)
        if not isinstance(found, np.ndarray):
            return checked(of_number(found))
        limits.make(found.size)
        return frozen(of_array(found))

    return compute


# -- comparisons ---------------------------------------------------------------------------------


def relation(kind: type[ast.cmpop]) -> Computation:
    """Return what a comparison does; it gives a bool, or for arrays an array of such."""
    if kind is ast.Is:
        return lambda limits, left, right: left is None
    if kind is ast.IsNot:
        return lambda limits, left, right: left is not None
    if kind is ast.In:
        return _contains
    if kind is ast.NotIn:
        return lambda limits, item, items: not _contains(limits, item, items)
    comparison = _COMPARISONS[kind]

    def compare(limits: Limits, left: Any, right: Any) -> Any:
        if type(left) not in _PLAIN or type(right) not in _PLAIN:
            if type(left) is not tuple and type(right) is not tuple:
                return elementwise(limits, comparison, operand(left), operand(right))
            _check_plain(limits, left)
            _check_plain(limits, right)
        try:
            return bool(comparison.python(left, right))
        except TypeError:
            raise TypeError(f"{kind_of(left)} and {kind_of(right)} can't be compared") from None

    return compare


def _contains(limits: Limits, item: Any, items: Any) -> bool:
    """Return whether a tuple holds an element, or a text another text."""
    if type(items) is str and type(item) is str:
        limits.step(len(items))
        return item in items
    if type(items) is not tuple:
        raise TypeError(f"{kind_of(items)} has no elements to look among")
    _check_plain(limits, item)
    _check_plain(limits, items)
    return item in items


def _check_plain(limits: Limits, value: Any) -> None:
    if type(value) is tuple:
        limits.step(len(value))
        for item in value:
            _check_plain(limits, item)
    elif type(value) not in _PLAIN:
        raise TypeError(f"{kind_of(value)} can't be compared as a whole; write equal(a, b)")
