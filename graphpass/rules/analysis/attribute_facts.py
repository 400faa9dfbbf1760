"""What is sure of an attribute of the node that a replacement makes."""

from __future__ import annotations

import ast
from typing import Literal, NamedTuple, TypeAlias

from graphpass.errors import GraphpassError
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.values import Value as Constant
from graphpass.rules.expressions import Expression
from graphpass.rules.patterns.plan import Part, Plan, PlanOperand, Produced
from graphpass.rules.rewrite.parts import AttributeTest, attribute_fault, attribute_tests
from graphpass.rules.rewriting.draft import attribute_text
from graphpass.rules.rewriting.replacement import Application, CopyAttributes, Replacement

__all__ = ["Copied", "Fact", "Feature", "fact", "features_of", "literal"]


class Feature(NamedTuple):
    """That a node is of an operator and has a value for an attribute."""

    op: str
    attribute: str
    value: Constant

    def __str__(self) -> str:
        return f"{self.op}({self.attribute}={self.value!r})"


class Copied(NamedTuple):
    """The new node has the feature if and only if a matched one has it."""

    part: int


Fact: TypeAlias = Copied | Literal["yes", "no", "maybe"]
"""Whether a new node has a feature."""


def features_of(part: Part, op: str) -> list[Feature]:
    """Return the features that a node must have to match."""
    return [Feature(op, *test) for test in attribute_tests(op, part.attributes)]


def literal(expression: Expression) -> tuple[Constant] | None:
    """Return the value of an expression that is a literal, or None.

    Examples
    --------
    >>> from graphpass.rules.expressions import parse_expression
    >>> literal(parse_expression("(1, -1)")), literal(parse_expression("None"))
    (((1, -1),), (None,))
    >>> literal(parse_expression("conv.kernel")) is None
    True
    """
    if expression.names:
        return None
    try:
        return (ast.literal_eval(expression.text),)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def fact(
    feature: Feature,
    application: Application,
    plan: Plan,
    replacement: Replacement,
    sure: frozenset[int],
) -> Fact:
    """Return whether a new node has a feature.

    Parameters
    ----------
    feature : Feature
        One of the node's operator.
    application : Application
        What makes the node.
    plan : Plan
        The pattern.
    replacement : Replacement
        The whole replacement: what takes a root's place also gets attributes of that.
    sure : frozenset of int
        Parts of the pattern that are there at every match.

    Notes
    -----
    ``maybe`` wherever something outside the two texts has a say: keys such as ``__lr_mult__``,
    which a root hands on; the attribute that counts inputs; a key that a root's operator does not
    declare, since an undeclared key is handed on too.
    """
    op, key = feature.op, feature.attribute
    operator = find(op)
    if is_hidden_key(key) or (operator is not None and key == operator.key_var_num_args):
        return "maybe"
    found: tuple[Constant] | Copied | Literal["absent", "unknown"] = "absent"
    for source in application.attributes:
        if isinstance(source, CopyAttributes):
            part = _part(plan, source.node)
            if _could_copy(part, key):
                alike = found == "absent" and part.index in sure and part.ops == (op,)
                found = Copied(part.index) if alike else "unknown"
        elif source.name == key:
            given = literal(source.value)
            found = "unknown" if given is None else "absent" if given == (None,) else given
    if found == "unknown":
        return "maybe"
    if isinstance(found, tuple) and not isinstance(found, Copied):
        return _compare(feature, {key: found[0]})
    if _takes_place(application, replacement) and not _roots_declare(plan, key):
        return "maybe"
    if isinstance(found, Copied):
        asked = {each.attribute: each for each in features_of(plan.parts[found.part], op)}
        return _compare(feature, {key: asked[key].value}) if key in asked else found
    return _compare(feature, {})


def _compare(feature: Feature, given: dict[str, Constant]) -> Fact:
    try:
        texts = {key: attribute_text(value, key) for key, value in given.items()}
    except GraphpassError:
        return "maybe"
    test = AttributeTest(feature.attribute, feature.value)
    return "yes" if attribute_fault(feature.op, texts, [test]) is None else "no"


def _part(plan: Plan, name: str) -> Part:
    target = plan.names[name]
    return plan.parts[target.part if isinstance(target, Produced) else target]


def _could_copy(part: Part, key: str) -> bool:
    """Return whether ``**node.attrs`` may give a key."""
    return any(not _declares(op) or key in _declares(op) for op in part.ops)


def _declares(op: str) -> frozenset[str]:
    """Return the keys that an operator declares; nothing if it takes any."""
    operator = find(op)
    if operator is None or operator.open_keys:
        return frozenset()
    return frozenset(operator.attributes)


def _takes_place(application: Application, replacement: Replacement) -> bool:
    """Return whether a new node takes the place of a root, and so gets attributes of it."""
    names = {result.name for result in replacement.results if not isinstance(result, Application)}
    return any(result is application for result in replacement.results) or any(
        each.application is application and not names.isdisjoint(each.names)
        for each in replacement.assignments
    )


def _roots_declare(plan: Plan, key: str) -> bool:
    """Return whether no root can hand on a key as one that its operator does not declare."""
    ops = [op for root in plan.roots for op in _anchor_ops(plan, root.value)]
    return all(not _declares(op) or key in _declares(op) for op in ops)


def _anchor_ops(plan: Plan, value: Produced) -> list[str]:
    """Return the operators that a root may be, one that may be absent looked through."""
    found: list[str] = []
    operand: PlanOperand = value
    while isinstance(operand, Produced):
        part = plan.parts[operand.part]
        found += part.ops
        if not part.maybe:
            break
        operand = part.operands[0]
    return found
