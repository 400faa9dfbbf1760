"""Attribute values: parse a text as MXNet 1.9.1 does, print a value as its front end does.

A type is named as MXNet names it (``int``, ``Shape(tuple)``, ``tuple of <float>``, ``float or
None``), and its reader is composed from that name. Two kinds of reader exist in MXNet, and they
differ in small ways that real files depend on:

* *stream* readers follow C++ ``istream >> value`` in the classic locale and dmlc's ``optional.h``
  and MXNet's ``tuple.h``: leading blanks are skipped, ``3L`` is an element of a tuple of integers,
  ``(3,3]`` closes. What follows the value may only be blank.
* *field* readers take the whole text: ``boolean``, ``string``, ``float`` and ``double``
  (dmlc's ``strtonum.h``, where a lone sign or point reads as 0, and ``1e-50`` overflows a float).

Where MXNet names several C++ types alike, the operator table tells them apart: ``Shape(tuple)`` has
64-bit elements, ``tuple of <int>`` 32-bit ones, and ``tuple of <int or None>`` is a slice bound.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

__all__ = [
    "Constant",
    "describe_type",
    "element_type",
    "field_reader",
    "format_value",
    "parse_value",
    "round_to_type",
]

Constant: TypeAlias = "bool | int | float | str | tuple[Constant, ...] | None"
"""What an attribute text parses to."""

_Stream = Callable[[str, int], tuple[Constant, int]]
_Field = Callable[[str], Constant]

_BLANKS = re.compile(r"[ \t\n\v\f\r]*")
_TRAILING_BLANKS = re.compile(r"[ \t\n\f\r]*")
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_INTEGER = r"[ \t\n\v\f\r]*([+-]?[0-9]+)"
_DECIMAL = (
    r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?:[+-]?[0-9]+|(?P<cut>[+-]?)))?)"
)
_DECIMAL_FIELD = (
    r"(?ai)[ \t\n\f\r]*(?P<sign>[+-]?)"
    r"(?:(?P<infinity>inf(?:inity)?)|(?P<nan>nan(?:\([0-9a-z_]*\))?)"
    r"|(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<e>e(?P<exponent>[+-]?[0-9]*))?f?)"
)
_INTEGER_RANGES = {
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "int (non-negative)": (0, 2**32 - 1),
    "long (non-negative)": (0, 2**64 - 1),
}
_EXPONENT_LIMITS = {
    "float": (38, 3.4028234481811523, 1.1754943132400513),
    "double": (308, 1.7976931348623157, 2.2250738585072014),
}
_EXAMPLES = {
    "boolean": "True",
    "string": "text",
    "character": "L",
    "float": "0.5",
    "double": "0.5",
}
"""What a message shows of a type."""


class _RefusedError(ValueError):
    """The text is not of the type."""


def round_to_type(type_name: str, value: float) -> float:
    """Return the number that MXNet stores: a ``float`` is rounded to single precision."""
    if not type_name.startswith("float"):
        return value
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return rounded


def element_type(type_name: str) -> str | None:
    """Return the type of the elements of a tuple type, or None."""
    if type_name in ("Shape(tuple)", "Shape"):
        return "long"
    if type_name.startswith("tuple of <") and type_name.endswith(">"):
        return type_name[len("tuple of <") : -1]
    return None


@cache
def field_reader(type_name: str) -> _Field:
    """Return a function that reads whole texts of a type, and raises ValueError at others."""
    if type_name == "string":
        return str
    if type_name == "boolean":
        return _read_boolean
    if type_name == "ptr":
        return _refuse_pointer
    if type_name in ("float", "double"):
        return _decimal_field_reader(type_name)
    stream = _stream_reader(type_name)

    def read(text: str) -> Constant:
        value, position = stream(text, 0)
        if not _TRAILING_BLANKS.fullmatch(text, position):
            raise _RefusedError
        return value

    return read


def _read_boolean(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1"):
        return True
    if lowered in ("false", "0"):
        return False
    raise _RefusedError


def _refuse_pointer(text: str) -> Constant:
    """Refuse every text: an address means nothing outside the process that wrote it."""
    raise _RefusedError


def _decimal_field_reader(type_name: str) -> _Field:
    """Follow dmlc's ``ParseFloat``: it refuses by the exponent, and reads no digits as 0."""
    pattern = re.compile(_DECIMAL_FIELD)
    largest, top, bottom = _EXPONENT_LIMITS[type_name]

    def read(text: str) -> float:
        match = pattern.fullmatch(text)
        if not text or match is None:
            raise _RefusedError
        sign = -1.0 if match["sign"] == "-" else 1.0
        if match["infinity"]:
            return sign * float("inf")
        if match["nan"]:
            return float("nan")
        significand = f"{int(match['whole'] or 0) % 2**64}.{(match['fraction'] or '0')[:19]}"
        if match["e"] is None:
            return sign * float(significand)
        exponent = int(match["exponent"].lstrip("+-") or 0) % 2**32
        falling = match["exponent"].startswith("-")
        leading = round_to_type(type_name, float(significand))
        if exponent > largest or (
            exponent == largest and (leading < bottom if falling else leading > top)
        ):
            raise _RefusedError
        value = sign * float(f"{significand}e{'-' if falling else ''}{exponent}")
        if round_to_type(type_name, value) == float("inf"):
            raise _RefusedError
        return value

    return read


@cache
def _stream_reader(type_name: str) -> _Stream:
    if type_name in _INTEGER_RANGES:
        return _integer_reader(type_name)
    if type_name in ("float", "double"):
        return _decimal_reader(type_name)
    if type_name == "character":
        return _read_character
    if type_name == "boolean or None":
        return _read_optional_boolean
    if type_name.endswith(" or None"):
        return _optional_reader(type_name[: -len(" or None")])
    element = element_type(type_name)
    if element is not None:
        return _tuple_reader(element)
    raise AssertionError(f"no reader for the type {type_name!r}")


def _integer_reader(type_name: str) -> _Stream:
    low, high = _INTEGER_RANGES[type_name]
    pattern = re.compile(_INTEGER)

    def read(text: str, position: int) -> tuple[Constant, int]:
        match = pattern.match(text, position)
        if match is None:
            raise _RefusedError
        value = int(match[1])
        if low == 0 and -high <= value < 0:
            value += high + 1
        if not low <= value <= high:
            raise _RefusedError
        return value, match.end()

    return read


def _decimal_reader(type_name: str) -> _Stream:
    pattern = re.compile(_DECIMAL)

    def read(text: str, position: int) -> tuple[Constant, int]:
        match = pattern.match(text, position)
        if match is None or match["cut"] is not None:
            raise _RefusedError
        value = float(match[1])
        if round_to_type(type_name, value) in (float("inf"), float("-inf")):
            raise _RefusedError
        return value, match.end()

    return read


def _read_character(text: str, position: int) -> tuple[Constant, int]:
    position = _skip_blanks(text, position)
    character = text[position : position + 1]
    if not character or not character.isascii():
        raise _RefusedError
    return character, position + 1


def _read_optional_boolean(text: str, position: int) -> tuple[Constant, int]:
    start = _skip_blanks(text, position)
    end = start
    while end < len(text) and text[end].isascii() and text[end].isalnum():
        end += 1
    word = text[start:end].lower()
    if word == "none":
        return None, end
    return _read_boolean(word), end


def _optional_reader(type_name: str) -> _Stream:
    inner = _stream_reader(type_name)
    integral = type_name in _INTEGER_RANGES

    def read(text: str, position: int) -> tuple[Constant, int]:
        if text.startswith("None", position):
            return None, position + 4
        value, position = inner(text, position)
        if integral and text.startswith("L", position):
            position += 1
        return value, position

    return read


def _tuple_reader(element_type: str) -> _Stream:
    element = _stream_reader(element_type)
    integral = element_type in _INTEGER_RANGES

    def read(text: str, position: int) -> tuple[Constant, int]:
        position = _skip_blanks(text, position)
        first = text[position : position + 1]
        if first and first in "0123456789-":
            value, position = element(text, position)
            return (value,), position
        if first == "N":
            return _read_unknown_rank(text, position)
        if not first or first not in "([":
            raise _RefusedError
        return _read_elements(text, position + 1, element, integral=integral)

    return read


def _read_unknown_rank(text: str, position: int) -> tuple[Constant, int]:
    """Read the word after ``N``, which C++ delimits by blanks alone."""
    match = _WORD.match(text, position)
    if match is None or match[0] != "None":
        raise _RefusedError
    return None, match.end()


def _read_elements(
    text: str, position: int, element: _Stream, *, integral: bool
) -> tuple[Constant, int]:
    position = _skip_blanks(text, position)
    if text[position : position + 1] in (")", "]"):
        return (), position + 1
    values: list[Any] = []
    while True:
        value, position = element(text, position)
        values.append(value)
        position = _skip_blanks(text, position)
        if integral and text.startswith("L", position):
            position += 1
        separator = text[position : position + 1]
        if separator in (")", "]"):
            return tuple(values), position + 1
        if separator != ",":
            raise _RefusedError
        position = _skip_blanks(text, position + 1)
        if text[position : position + 1] in (")", "]"):
            return tuple(values), position + 1


def _skip_blanks(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return position if match is None else match.end()


def parse_value(type_name: str, text: str) -> Constant:
    """Parse an attribute text as MXNet 1.9.1 does.

    Parameters
    ----------
    type_name
        A type of the operator table, enumerations excepted.
    text
        The text as it stands in the file.

    Returns
    -------
    Constant
        ``None`` stands for MXNet's absent value and for a shape of unknown rank alike. Decimals
        are not rounded to the C++ type, so ``1e-07`` equals Python's ``1e-07``.

    Raises
    ------
    ValueError
        MXNet refuses the text.

    Examples
    --------
    >>> parse_value("Shape(tuple)", "[3,3]"), parse_value("tuple of <int or None>", "(None, 1L)")
    ((3, 3), (None, 1))
    >>> parse_value("boolean", "1"), parse_value("float or None", "None")
    (True, None)
    """
    return field_reader(type_name)(text)


def format_value(value: object) -> str:
    """Print a value as MXNet's Python front end writes it into an attribute.

    Examples
    --------
    >>> format_value((3, 3)), format_value(True), format_value(None), format_value(1e-7)
    ('(3, 3)', 'True', 'None', '1e-07')
    >>> import numpy
    >>> format_value([1, (numpy.float32(2.5),)]), format_value(numpy.float16)
    ('[1, (2.5,)]', 'float16')
    """
    if isinstance(value, tuple):
        inner = ", ".join(map(_format_element, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(_format_element, value))}]"
    return value.__name__ if isinstance(value, type) else str(value)


def _format_element(value: object) -> str:
    return repr(value) if isinstance(value, str) else format_value(value)


def describe_type(type_name: str) -> str:
    """Return a phrase for messages: ``a Shape(tuple) such as (3, 3)``.

    Examples
    --------
    >>> describe_type("int or None"), describe_type("tuple of <float>")
    ('an int or None, such as 3 or None', 'a tuple of <float> such as (0.5, 0.5)')
    """
    article = "an" if type_name[:1] in "aeiou" else "a"
    if type_name.endswith(" or None"):
        return f"{article} {type_name}, such as {_example(type_name[:-8])} or None"
    return f"{article} {type_name} such as {_example(type_name)}"


def _example(type_name: str) -> str:
    if type_name.endswith(" or None"):
        return _example(type_name[:-8])
    element = element_type(type_name)
    if element is not None:
        return f"({_example(element)}, {_example(element)})"
    return _EXAMPLES.get(type_name, "3")
