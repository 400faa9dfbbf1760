"""Read an operator's attribute declarations out of MXNet, for the dump."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from graphpass.ops.probe import Prober
from graphpass.ops.values import Value, format_value, parse_value

__all__ = ["Declaration", "parses", "read_declarations"]

_UNKNOWN_KEY = "graphpass_unknown_key"
_LINE = re.compile(
    r"^(?P<name>\w+) : (?P<type>.*?), ?(?:required|optional, ?default=(?P<default>.*))$",
    re.MULTILINE,
)
_TENSOR = ("ndarray", "symbol")
_REFUSALS = (
    "Invalid Parameter format",
    "Invalid Input",
    "Out of range value",
    "Some trailing characters",
    "Invalid NAN literal",
)
_AMBIGUOUS = {
    "Shape(tuple)": ("Shape(tuple)", "tuple of <int>", "tuple of <int or None>"),
    "Shape or None": ("Shape or None", "tuple of <int> or None"),
    "tuple of <Shape(tuple)>": ("tuple of <Shape(tuple)>", "tuple of <tuple of <int>>"),
    "real_t": ("float",),
    "": (
        "character",
        "int or None",
        "long or None",
        "tuple of <int> or None",
        "tuple of <long> or None",
        "tuple of <float> or None",
        "tuple of <double> or None",
    ),
}
_TELLING_TEXTS = (
    "None", "(None,)", "(1, None)", "1", "-1", "0.5", "(0.5,)", "L", "LL", "(3000000000,)",
    "((1, 3000000000),)", "3000000000", "(1e300,)", "(1L, 2)", "[1, 2]", "()", "", "true", "1e300",
    "99999999999999999999", "18446744073709551615", "2L", " 1", "1 ", "(-1, 1)",
)  # fmt: skip
_LEAST = {
    "int": "-2147483648",
    "long": "-9223372036854775808",
    "int (non-negative)": "0",
    "long (non-negative)": "0",
    "float": "-3e38",
    "double": "-1e308",
}
"""MXNet's refusal of a value below the range names the whole range."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """An attribute as MXNet declares it, with what only its behaviour tells."""

    name: str
    type: str
    default: str | None
    bounds: tuple[float | None, float | None]
    choices: tuple[str, ...]


def read_declarations(
    asking: Prober, operator: str, documented: Mapping[str, str]
) -> tuple[list[Declaration], bool]:
    """Return the attributes of an operator, and whether MXNet parses them when it loads a file."""
    refusal = asking.create(operator, {_UNKNOWN_KEY: ""})
    if refusal is not None and "Possible Arguments" in refusal:
        lines = _LINE.finditer(refusal)
        return [_read(asking, operator, line) for line in lines], True
    lines = _LINE.finditer(
        "\n".join(
            f"{name} : {_with_default(text)}"
            for name, text in documented.items()
            if not text.lower().startswith(_TENSOR)
        )
    )
    return [_read(None, operator, line) for line in lines], False


def _with_default(text: str) -> str:
    """Give a bare type text (`float`) the ending that MXNet gives the others."""
    return text if re.search(r"required$|default=", text) else f"{text}, optional, default="


def _read(asking: Prober | None, operator: str, line: re.Match[str]) -> Declaration:
    name, declared, default = line["name"], line["type"], line["default"]
    if default is not None and len(default) > 1 and default[0] == default[-1] == "'":
        default = default[1:-1]
    if declared.startswith("{"):
        choices = tuple(re.findall(r"'([^']*)'", declared))
        kind = "enum or None" if declared.startswith("{None") else "enum"
        return Declaration(name, kind, default, (None, None), choices)
    if asking is None:
        type_name = _AMBIGUOUS.get(declared, (declared,))[0]
        return Declaration(name, type_name, default, (None, None), ())
    type_name = _tell_type(asking, operator, name, declared)
    bounds = _ask_bounds(asking, operator, name, type_name)
    if default is not None and type_name != "string":
        default = _canonical_default(type_name, default)
    return Declaration(name, type_name, default, bounds, ())


def _tell_type(asking: Prober, operator: str, name: str, declared: str) -> str:
    """Return the type whose grammar agrees with what MXNet accepts for this attribute."""
    if declared == "ptr":
        return declared
    accepted = {text: _accepts(asking, operator, name, text) for text in _TELLING_TEXTS}
    for candidate in _AMBIGUOUS.get(declared, (declared,)):
        if all(parses(candidate, text) == takes for text, takes in accepted.items()):
            return candidate
    raise AssertionError(f"{operator}: no type agrees with {name} ({declared}): {accepted}")


def _accepts(asking: Prober, operator: str, name: str, text: str) -> bool:
    refusal = asking.create(operator, {name: text}) or ""
    return not refusal.partition("MXNetError: ")[2].startswith(_REFUSALS)


def parses(type_name: str, text: str) -> bool:
    """Return whether a text is of a type, enumerations excepted."""
    try:
        parse_value(type_name, text)
    except ValueError:
        return False
    return True


def _ask_bounds(
    asking: Prober, operator: str, name: str, type_name: str
) -> tuple[float | None, float | None]:
    refusal = asking.create(operator, {name: _LEAST[type_name]}) if type_name in _LEAST else None
    if both := re.search(r"exceed bound \[(.*),(.*)\]", refusal or ""):
        return _number(both[1]), _number(both[2])
    if least := re.search(r"should be greater equal to (\S+)", refusal or ""):
        return _number(least[1]), None
    return None, None


def _number(text: str) -> float:
    return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


def _canonical_default(type_name: str, text: str) -> str:
    """Print a default as front ends would write it: MXNet prints floats with nine digits."""
    value = parse_value(type_name, text)
    if type_name == "float" and isinstance(value, float):
        value = _shortest_float(value)
    return format_value(value)


def _shortest_float(value: Value) -> Value:
    """Return the shortest decimal that is the same in single precision."""
    single = struct.pack("f", value)
    for digits in range(1, 10):
        shorter = float(f"{value:.{digits}g}")
        if struct.pack("f", shorter) == single:
            return shorter
    return value
