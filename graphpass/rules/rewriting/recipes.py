"""A replacement made ready: what can be worked out before there is a match, worked out once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from graphpass.ops import canonical_name, find
from graphpass.rules.expressions import Expression
from graphpass.rules.rewriting.draft import literal_text
from graphpass.rules.rewriting.replacement import (
    Application,
    AttributeSource,
    CopyAttributes,
    Named,
    Replacement,
    Spread,
)

__all__ = ["Recipe", "Result", "recipes_of"]

AttributeStep: TypeAlias = "str | tuple[str, str | Expression | None]"
"""Name of a node whose attributes are copied; or an attribute with its text, None to leave it out,
or the expression that gives its value."""

Operand: TypeAlias = "Named | Spread | int"
"""What a new node reads; a number is that of an earlier recipe."""

Result: TypeAlias = "Named | int"
"""What takes the place of a root."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One new node."""

    op: str
    """Canonical name."""

    label: str
    """What the rewrite calls it."""

    operands: tuple[Operand, ...]
    attributes: tuple[AttributeStep, ...]

    counter: str | None
    """The attribute that counts the inputs."""

    name: Expression | None
    """Gives the node's name, where the rewrite does."""

    names: tuple[str | None, ...] = ()
    """What the rewrite calls its outputs, or just the node."""

    unpacks: bool = False


def recipes_of(replacement: Replacement) -> tuple[tuple[Recipe, ...], tuple[Result, ...]]:
    """Return the new nodes of a replacement, each after what it reads, and the results.

    Linear in the replacement.
    """
    recipes: list[Recipe] = []
    numbers: dict[int, int] = {}

    def operands(application: Application) -> Iterable[Operand]:
        for operand in application.inputs:
            yield numbers[id(operand)] if isinstance(operand, Application) else operand

    tops = {id(each.application): each for each in replacement.assignments}
    for _, application in replacement.applications():
        op = canonical_name(application.operator)
        operator = find(op)
        top = tops.get(id(application))
        names = () if top is None else top.names
        label = next((name for name in names if name), op.strip("_").lower())
        numbers[id(application)] = len(recipes)
        recipes.append(
            Recipe(
                op,
                label,
                tuple(operands(application)),
                tuple([_step(each) for each in application.attributes]),
                None if operator is None else operator.key_var_num_args,
                application.name,
                names,
                top is not None and top.unpacks,
            )
        )
    results = [
        numbers[id(each)] if isinstance(each, Application) else each for each in replacement.results
    ]
    return tuple(recipes), tuple(results)


def _step(attribute: AttributeSource) -> AttributeStep:
    if isinstance(attribute, CopyAttributes):
        return attribute.node
    return attribute.name, literal_text(attribute.value)
