"""`Pattern` -> text: what `parse_pattern` reads as the same pattern."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphpass.formats.python_text import quoted_name
from graphpass.ops import find
from graphpass.ops.values import Value as Constant
from graphpass.rules.patterns.pattern import (
    WORDS,
    Anything,
    Binding,
    Call,
    Distinct,
    Operand,
    Optional,
    Pattern,
    Reference,
    Rest,
    Restricted,
)

__all__ = ["print_call", "print_operators", "print_pattern"]


def print_pattern(pattern: Pattern) -> str:
    """Print a pattern, one statement a line.

    Examples
    --------
    >>> from graphpass.rules.patterns.syntax import parse_pattern
    >>> print(print_pattern(parse_pattern("a=SliceChannel( x ); return a[1] , a[0]")))
    a = SliceChannel(x)
    return a[1], a[0]

    Notes
    -----
    Linear in the pattern.
    """
    return "\n".join(_lines(pattern))


def _lines(pattern: Pattern) -> Iterator[str]:
    for binding in pattern.bindings:
        yield f"{_targets(binding)} = {print_call(binding.call)}"
    unnamed = [print_call(root) for root in pattern.roots if isinstance(root, Call)]
    yield from unnamed
    for shared in pattern.shared:
        yield f"shared({_name(shared.name)})"
    for distinct in pattern.distinct:
        yield f"distinct({_values(distinct)})"
    if not unnamed and pattern.roots != _last_values(pattern.bindings[-1]):
        yield f"return {', '.join(map(_operand, pattern.roots))}"


def _last_values(binding: Binding) -> tuple[Reference, ...]:
    return tuple(Reference(name) for name in binding.names if name is not None)


def _targets(binding: Binding) -> str:
    names = ", ".join("_" if name is None else _name(name) for name in binding.names)
    return f"{names}," if binding.unpacks and len(binding.names) == 1 else names


def _values(distinct: Distinct) -> str:
    return ", ".join(_name(value.name) for value in distinct.values)


def print_call(call: Call) -> str:
    """Print one operator pattern with what stands below it."""
    function = print_operators(call.operators)
    if call.maybe:
        function = f"maybe({function})"
    elif len(call.operators) > 1:
        function = f"({function})"
    arguments = [_operand(operand) for operand in call.inputs]
    arguments += [f"{quoted_name(each.name)}={_literal(each.value)}" for each in call.attributes]
    return f"{function}({', '.join(arguments)})"


def print_operators(names: Iterable[str]) -> str:
    """Print operator names as alternatives: ``Dropout | identity``."""
    return " | ".join(
        _quoted(name) if name in WORDS or find(name) is None else quoted_name(name)
        for name in names
    )


def _operand(operand: Operand) -> str:
    if isinstance(operand, Call):
        return print_call(operand)
    if isinstance(operand, Optional):
        return f"optional({_operand(operand.operand)})"
    if isinstance(operand, Restricted):
        return f"{operand.kind}({_label(operand.name)})"
    if isinstance(operand, Rest):
        return f"*{_label(operand.name)}"
    if isinstance(operand, Reference) and operand.output is not None:
        return f"{_name(operand.name)}[{operand.output}]"
    return "_" if isinstance(operand, Anything) else _name(operand.name)


def _label(name: str | None) -> str:
    return "_" if name is None else _name(name)


def _name(name: str) -> str:
    return _quoted(name) if name == "_" else quoted_name(name)


def _quoted(name: str) -> str:
    """Return a name in backquotes, whether or not it needs them."""
    found = quoted_name(name)
    return found if found.startswith("`") else f"`{found}`"


def _literal(value: Constant) -> str:
    if isinstance(value, tuple):
        inner = ", ".join(map(_literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, str):
        return ascii(value) if any(not char.isprintable() for char in value) else repr(value)
    return repr(value)
