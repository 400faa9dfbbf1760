"""Names, attribute keys and attribute texts in the text form of a graph."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from math import isfinite
from typing import Any

from graphpass.formats.python_text import quoted_name
from graphpass.formats.text_source import PLACEHOLDER, TextSource, shortened
from graphpass.ops import format_value

__all__ = [
    "SPECIAL",
    "attribute_text",
    "described",
    "printed_key",
    "printed_name",
    "printed_text",
    "quoted_text",
]

SPECIAL = ("after", "subgraphs", "outputs", "name")
"""Keywords that are no attributes; an attribute of such a name stands in backquotes."""

_MAX_BITS = 400

_KINDS = {
    "Attribute": "a dot after a name",
    "AugAssign": "an assignment such as +=",
    "AnnAssign": "an annotation",
    "AsyncFunctionDef": "async",
    "Await": "await",
    "BinOp": "arithmetic",
    "BoolOp": "and, or",
    "Call": "a call",
    "ClassDef": "a class",
    "Compare": "a comparison",
    "Dict": "a dictionary",
    "DictComp": "a comprehension",
    "Expr": "an expression without a name",
    "FunctionDef": "a block",
    "GeneratorExp": "a comprehension",
    "IfExp": "a condition",
    "Import": "an import",
    "ImportFrom": "an import",
    "JoinedStr": "an f-string",
    "Lambda": "a lambda",
    "List": "a list",
    "ListComp": "a comprehension",
    "Name": "a name",
    "NamedExpr": "an assignment inside an expression",
    "Set": "a set",
    "SetComp": "a comprehension",
    "Slice": "a slice",
    "Starred": "a star",
    "Subscript": "an index",
    "Tuple": "a tuple",
    "UnaryOp": "a sign or a negation",
}
_SCALAR = (
    r"(?:True|False|None|0|-?[1-9][0-9]{0,99}"
    r"|-?[0-9]{1,20}\.[0-9]{1,20}(?:e[+-][0-9]{1,3})?|-?[0-9]e[+-][0-9]{1,3})"
)


def _nested(element: str) -> str:
    """Return the pattern of tuples and lists of an element, spelled as Python prints them."""
    return rf"(?:\((?:{element},|{element}(?:, {element})+)?\)|\[(?:{element}(?:, {element})*)?\])"


_FLAT = _nested(_SCALAR)
_LITERAL = re.compile(rf"{_SCALAR}|{_FLAT}|{_nested(f'(?:{_SCALAR}|{_FLAT})')}")
_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?e[+-][0-9]+|-?[0-9]+\.[0-9]+")


def printed_name(name: str) -> str:
    """Return how a name is written: bare where Python reads it back, else in backquotes.

    Examples
    --------
    >>> print(printed_name("conv0"), printed_name("conv-0"), printed_name(""))
    conv0 `conv-0` ``
    """
    if PLACEHOLDER in name or name == "__debug__":  # Python refuses to assign to the latter
        return f"`{quoted_name(f'-{name}')[2:-1]}`"
    return quoted_name(name)


@lru_cache(maxsize=4096)
def printed_key(key: str) -> str:
    """Return how the name of an attribute is written.

    Examples
    --------
    >>> print(printed_key("__lr_mult__"), printed_key("name"))
    __lr_mult__ `name`
    """
    return f"`{key}`" if key in SPECIAL else printed_name(key)


@lru_cache(maxsize=4096)
def printed_text(text: str) -> str:
    """Return how the text of an attribute is written: as a value if that gives the same text.

    Examples
    --------
    >>> print(printed_text("(3, 3)"), printed_text("(3,3)"), printed_text("1e-05"))
    (3, 3) "(3,3)" 1e-05
    """
    if _LITERAL.fullmatch(text) and all(
        repr(float(number)) == number for number in _DECIMAL.findall(text)
    ):
        return text
    return quoted_text(text)


def quoted_text(text: str) -> str:
    """Print any text in quotes."""
    quoted = repr(text)
    return f'"{quoted[1:-1]}"' if quoted[0] == "'" and '"' not in text else quoted


def attribute_text(node: ast.expr, source: TextSource) -> str:
    """Return the text that a value gives an attribute, as MXNet's Python front end writes it.

    Raises
    ------
    TextError
        If it is no value.
    """
    if type(node) is ast.Constant and type(node.value) is str:
        return node.value
    return format_value(_value(node, source))


def _value(node: ast.expr, source: TextSource) -> object:
    if type(node) is ast.Constant:
        if node.value is None or type(node.value) in (bool, int, float):
            return _number(node, source)
    elif type(node) is ast.Tuple:
        return tuple([_value(element, source) for element in node.elts])
    elif type(node) is ast.List:
        return [_value(element, source) for element in node.elts]
    elif type(node) is ast.UnaryOp and type(node.op) is ast.USub:
        operand = node.operand
        if type(operand) is ast.Constant and type(operand.value) in (int, float):
            return -_number(operand, source)
    elif type(node) is ast.Name:
        name = source.name(node.id)
        raise source.error(
            node,
            f'an attribute takes no node and no name; for a text write "{shortened(name)[1:-1]}"',
        )
    raise source.error(
        node,
        f"{described(node)} is no value of an attribute, which is a number, True, False, None, a "
        "tuple or list of those, or any text at all in quotes",
    )


def _number(node: ast.Constant, source: TextSource) -> Any:
    value = node.value
    if type(value) is float and not isfinite(value):
        raise source.error(node, "the number is too large; write it as a text")
    if type(value) is int and value.bit_length() > _MAX_BITS:
        raise source.error(node, "the number is too large; write it as a text")
    return value


def described(node: ast.AST) -> str:
    """Return what messages call a piece of Python."""
    if type(node) is ast.Constant:
        return "a text" if type(node.value) is str else f"{node.value!r:.40}"
    kind = type(node).__name__
    return _KINDS.get(kind, f"Python's {kind}")
