"""Predicates on the attributes of a node: its typed view, defaults filled in, against constants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphpass.errors import AttributeValueError
from graphpass.ops import Attributes, find, format_value
from graphpass.ops.values import Value as Constant
from graphpass.ops.values import round_to_type
from graphpass.rules.patterns.plan import Part

__all__ = ["ABSENT", "AttributeTest", "AttributeTests", "Refusal", "attribute_tests", "refusal"]


class _Absent:
    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
"""Stands for the value of an attribute that the node lacks."""


class AttributeTest(NamedTuple):
    """One attribute, and the value that it must have."""

    name: str
    wanted: Constant


class Refusal(NamedTuple):
    """An attribute that has another value."""

    name: str
    found: Any
    wanted: Constant


class AttributeTests:
    """What one plan asks of attributes, and what came of it.

    Notes
    -----
    Constant for texts that were looked at before.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int | str | None, ...], Refusal | None] = {}

    def refusal(self, part: Part, op: str, attrs: Mapping[str, str]) -> Refusal | None:
        """Return the first attribute of a node that is not as an operator wants it, or None."""
        asked = (part.index, op, *[attrs.get(name) for name, _ in part.attributes])
        try:
            return self._known[asked]
        except KeyError:
            found = self._known[asked] = refusal(op, attrs, attribute_tests(op, part.attributes))
            return found


def attribute_tests(op: str, asked: Sequence[tuple[str, Constant]]) -> tuple[AttributeTest, ...]:
    """Return what is asked, as values of the types that the operator's attributes have.

    Examples
    --------
    >>> attribute_tests("Activation", [("act_type", "relu")])
    (AttributeTest(name='act_type', wanted='relu'),)
    >>> attribute_tests("Pooling", [("kernel", [2, 2]), ("__mood__", 3)])
    (AttributeTest(name='kernel', wanted=(2, 2)), AttributeTest(name='__mood__', wanted='3'))
    """
    operator = find(op)
    specs = {} if operator is None else operator.attributes
    return tuple(
        [
            AttributeTest(
                name,
                specs[name].parse(format_value(value))
                if name in specs
                else value
                if isinstance(value, str)
                else format_value(value),
            )
            for name, value in asked
        ]
    )


def refusal(op: str, attrs: Mapping[str, str], tests: Sequence[AttributeTest]) -> Refusal | None:
    """Return the first attribute of a node that is not as wanted, or None."""
    operator = find(op)
    view = Attributes(op, {}, attrs) if operator is None else operator.view(attrs)
    for name, wanted in tests:
        try:
            found = view.get(name, ABSENT)
        except AttributeValueError:  # a text that MXNet would refuse is no value
            found = attrs[name]
        if not _same(found, wanted):
            return Refusal(name, found, wanted)
    return None


def _same(found: Any, wanted: Constant) -> bool:
    """Compare; numbers as MXNet mostly stores them, in single precision."""
    if isinstance(found, tuple) and isinstance(wanted, tuple):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    if isinstance(found, float) and isinstance(wanted, int | float):
        return found == wanted or round_to_type("float", found) == round_to_type("float", wanted)
    return bool(found == wanted)
