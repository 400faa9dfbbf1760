"""The replacement: what a rewrite puts in the place of a match, as data.

=================  =============================================================================
class              as text
=================  =============================================================================
`Named`            ``x``, ``conv``, ``conv[1]``, ``folded_weight``, ``optional(b)``
`Spread`           ``*xs``
`Application`      ``Convolution(x, w, **conv.attrs, no_bias=False)``
`CopyAttributes`   ``**conv.attrs`` in such a call
`SetAttribute`     ``no_bias=False`` in such a call
`Assignment`       ``a = Op(x)``, ``a, b = Op(x)``
`Replacement`      all lines together
=================  =============================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from graphpass.rules.expressions import Expression
from graphpass.rules.pass_files.places import Mark

__all__ = [
    "Application",
    "Assignment",
    "AttributeSource",
    "CopyAttributes",
    "Named",
    "Operand",
    "Replacement",
    "SetAttribute",
    "Spread",
]


@dataclass(frozen=True, slots=True)
class Named:
    """A value that the pattern, a ``let`` or an earlier line names.

    A name of the pattern that stands for nothing at a match, because it is optional, is left out.
    """

    name: str
    output: int | None = None
    """Which output of a node; None where the name stands alone."""

    is_new: bool = False
    """Whether an earlier line of the replacement gives the name, rather than the pattern."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of a ``*xs`` of the pattern."""

    name: str
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CopyAttributes:
    """All attributes of a matched node, as their texts are."""

    node: str
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SetAttribute:
    """One attribute; None leaves it out, and so at the operator's default."""

    name: str
    value: Expression
    mark: Mark | None = field(default=None, compare=False, repr=False)


AttributeSource: TypeAlias = CopyAttributes | SetAttribute


@dataclass(frozen=True, slots=True)
class Application:
    """A new node; as an operand, its first output."""

    operator: str
    """By name or alias."""

    inputs: tuple[Operand, ...]

    attributes: tuple[AttributeSource, ...]
    """A later one takes precedence over an earlier one."""

    name: Expression | None = None
    """The node's name, where the rewrite gives it one."""

    mark: Mark | None = field(default=None, compare=False, repr=False)


Operand: TypeAlias = Named | Spread | Application
"""What may stand among the inputs of an application."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Names for a new node, or for its outputs."""

    names: tuple[str | None, ...]
    """One name for the node; or, if it `unpacks`, one per output, None for ``_``."""

    application: Application
    unpacks: bool = False
    mark: Mark | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Replacement:
    """What takes the place of a match."""

    assignments: tuple[Assignment, ...]
    """In the order of the text: a name is given before it is read."""

    results: tuple[Named | Application, ...]
    """What takes the place of each root of the pattern, in its order."""

    def applications(self) -> Iterator[tuple[str | None, Application]]:
        """Yield every new node with its name in the text, what it reads before it."""
        tops = [(each.names[0], each.application) for each in self.assignments]
        tops += [(None, each) for each in self.results if isinstance(each, Application)]
        for name, top in tops:
            yield from _below(name, top)

    def operands(self) -> Iterator[Named | Spread]:
        """Yield everything that is read by name."""
        for _, application in self.applications():
            for operand in application.inputs:
                if not isinstance(operand, Application):
                    yield operand
        for result in self.results:
            if isinstance(result, Named):
                yield result


def _below(name: str | None, top: Application) -> Iterator[tuple[str | None, Application]]:
    stack: list[tuple[str | None, Application, bool]] = [(name, top, False)]
    while stack:
        own, application, done = stack.pop()
        if done:
            yield own, application
            continue
        stack.append((own, application, True))
        inner = [each for each in application.inputs if isinstance(each, Application)]
        stack.extend((None, each, False) for each in reversed(inner))
