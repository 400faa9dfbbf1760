"""Why a pattern can never match, beyond what is refused when it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from graphpass.errors import AttributeValueError
from graphpass.ops import Operator, canonical_name, find, format_value
from graphpass.ops.values import Value as Constant
from graphpass.rules.patterns.check import calls_of
from graphpass.rules.patterns.pattern import Call, Optional, Pattern, Rest, Restricted
from graphpass.rules.rewrite.parts import attribute_tests
from graphpass.rules.source import Mark

__all__ = ["Impossibility", "impossibilities"]


class Impossibility(NamedTuple):
    """Something that no graph has."""

    severity: Literal["error", "warning"]
    """``warning``: the pattern has an alternative."""

    message: str
    mark: Mark | None


def impossibilities(pattern: Pattern) -> Iterator[Impossibility]:
    """Yield what a pattern asks for that no graph has.

    These are attribute values that MXNet does not take together; a value that is to be of two
    kinds; and an auxiliary state that is to be of another kind.

    Notes
    -----
    Linear in the pattern.
    """
    known: dict[str, str] = {}
    for call in calls_of(pattern):
        yield from _contradictions(call)
        yield from _kinds(call, known)
        yield from _auxiliary(call)


def _contradictions(call: Call) -> Iterator[Impossibility]:
    broken = {
        name: rule
        for name in call.operators
        for rule in [_broken_rule(find(name), _asked(name, call))]
        if rule is not None
    }
    for name, rule in broken.items():
        said = f"no {name} has these attributes, as MXNet asks for {rule}"
        if len(broken) < len(call.operators):
            yield Impossibility("warning", f"{said}; leave it out", call.mark)
        else:
            yield Impossibility("error", f"{said}; the pattern can never match", call.mark)


def _kinds(call: Call, known: dict[str, str]) -> Iterator[Impossibility]:
    for operand in call.inputs:
        inner = operand.operand if isinstance(operand, Optional) else operand
        if not isinstance(inner, Restricted) or inner.name is None:
            continue
        before = known.setdefault(inner.name, inner.kind)
        if before != inner.kind and {before, inner.kind} != {"const", "param"}:
            yield Impossibility(
                "error",
                f"{inner.name} is to be {before} and {inner.kind}, which no value is; "
                "the pattern can never match",
                inner.mark,
            )


def _auxiliary(call: Call) -> Iterator[Impossibility]:
    mutable = [_mutable_slots(name, call) for name in call.operators]
    for position, operand in enumerate(call.inputs):
        if isinstance(operand, Rest):
            return
        inner = operand.operand if isinstance(operand, Optional) else operand
        if (
            isinstance(inner, Restricted)
            and inner.kind != "aux"
            and all(position in slots for slots in mutable)
        ):
            yield Impossibility(
                "error",
                f"input {position} of {call.operators[0]} is an auxiliary state, never of kind "
                f"{inner.kind}; write aux({inner.name or '_'})",
                inner.mark,
            )


def _asked(name: str, call: Call) -> Mapping[str, Constant]:
    asked = [(each.name, each.value) for each in call.attributes]
    return {test.name: test.wanted for test in attribute_tests(canonical_name(name), asked)}


def _broken_rule(operator: Operator | None, asked: Mapping[str, Constant]) -> str | None:
    """Return what MXNet requires of an operator that these values rule out."""
    for requirement in () if operator is None else operator.requirements:
        if requirement.condition.decided(asked) is False:
            return requirement.text
    return None


def _mutable_slots(name: str, call: Call) -> frozenset[int]:
    operator = find(name)
    if operator is None:
        return frozenset()
    texts = {key: format_value(value) for key, value in _asked(name, call).items()}
    try:
        return frozenset(operator.signature(texts).mutable_slots)
    except AttributeValueError:
        return frozenset()
