"""Read an operator's attribute declarations out of MXNet, for the dump."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from graphpass.ops.attributes import AttributeSpec
from graphpass.ops.dump.prober import Prober
from graphpass.ops.values import Constant, format_value, parse_value

__all__ = ["Declarations", "accepts", "parses", "read_declarations"]

_NONSENSE = "graphpass_nonsense"
_FIELDS = "Possible Arguments"
_LINE = re.compile(
    r"^(?P<name>\w+) : (?P<type>.*?), ?(?:required|optional, ?default=(?P<default>.*))$",
    re.MULTILINE,
)
_ENDING = re.compile(r"required$|default=")
_TENSOR = ("ndarray", "symbol")
_REFUSALS = (
    "Invalid Parameter format",
    "Invalid Input",
    "Out of range value",
    "Some trailing characters",
    "*p == ')'",
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
class Declarations:
    """The attributes of an operator, and what MXNet checks of them when it loads a file."""

    attributes: tuple[AttributeSpec, ...]
    open_keys: bool
    """Unknown keys are taken."""
    unparsed: bool
    """Any text is taken."""


def read_declarations(asking: Prober, operator: str, documented: Mapping[str, str]) -> Declarations:
    """Ask MXNet for the attributes of an operator; `documented` has the type texts of its help."""
    refusal = asking.create(operator, {_NONSENSE: ""}) or ""
    if _FIELDS in refusal:
        lines = list(_LINE.finditer(refusal))
        return Declarations(tuple(_read(asking, operator, line) for line in lines), False, False)
    lines = list(_LINE.finditer(_help_lines(documented)))
    unparsed = all(accepts(asking, operator, line["name"], _NONSENSE) for line in lines)
    parsing = None if unparsed else asking
    return Declarations(tuple(_read(parsing, operator, line) for line in lines), True, unparsed)


def _help_lines(documented: Mapping[str, str]) -> str:
    """Lay out an operator's help as MXNet does in the refusal of an unknown key."""
    return "\n".join(
        f"{name} : {text if _ENDING.search(text) else text + ', required'}"
        for name, text in documented.items()
        if not text.lower().startswith(_TENSOR)
    )


def _read(asking: Prober | None, operator: str, line: re.Match[str]) -> AttributeSpec:
    name, declared, default = line["name"], line["type"], line["default"]
    if default is not None and len(default) > 1 and default[0] == default[-1] == "'":
        default = default[1:-1]
    if declared.startswith("{"):
        choices = tuple(re.findall(r"'([^']*)'", declared))
        kind = "enum or None" if declared.startswith("{None") else "enum"
        return AttributeSpec(name, kind, default is None, default, choices)
    if asking is None:
        type_name = _AMBIGUOUS.get(declared, (declared,))[0]
        return AttributeSpec(name, type_name, default is None, default)
    type_name = _tell_type(asking, operator, name, declared)
    bounds = _ask_bounds(asking, operator, name, type_name)
    if default is not None and type_name != "string":
        default = _canonical_default(type_name, default)
    return AttributeSpec(name, type_name, default is None, default, bounds=bounds)


def _tell_type(asking: Prober, operator: str, name: str, declared: str) -> str:
    """Return the type whose grammar agrees with what MXNet accepts for this attribute."""
    if declared == "ptr":
        return declared
    accepted = {text: accepts(asking, operator, name, text) for text in _TELLING_TEXTS}
    for candidate in _AMBIGUOUS.get(declared, (declared,)):
        if all(parses(candidate, text) == takes for text, takes in accepted.items()):
            return candidate
    raise AssertionError(f"{operator}: no type agrees with {name} ({declared}): {accepted}")


def accepts(asking: Prober, operator: str, name: str, text: str) -> bool:
    """Return whether MXNet reads a text as a value of an attribute; bounds are another matter."""
    refusal = asking.create(operator, {name: text}) or ""
    return not any(each in refusal for each in _REFUSALS)


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


def _shortest_float(value: Constant) -> Constant:
    """Return the shortest decimal that is the same in single precision."""
    single = struct.pack("f", value)
    for digits in range(1, 10):
        shorter = float(f"{value:.{digits}g}")
        if struct.pack("f", shorter) == single:
            return shorter
    return value
