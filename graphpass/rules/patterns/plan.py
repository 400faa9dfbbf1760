"""The plan: a pattern ready to be matched, its operators numbered and its names resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from graphpass.ops.values import Value as Constant
from graphpass.rules.patterns.pattern import Anything, Rest, Restricted, Value

__all__ = ["OptionalOperand", "Part", "Plan", "PlanOperand", "Produced", "RootPlan", "Route"]


@dataclass(frozen=True, slots=True)
class Produced:
    """A value that an operator of the pattern produces."""

    part: int
    """The operator's number."""

    output: int


@dataclass(frozen=True, slots=True)
class OptionalOperand:
    """An operand that the node may lack."""

    operand: PlanOperand


PlanOperand: TypeAlias = Value | Anything | Rest | Restricted | Produced | OptionalOperand


@dataclass(frozen=True, slots=True)
class Part:
    """One operator of the pattern."""

    index: int
    """Its number; what it reads has lower ones."""

    label: str
    """How messages call it: its name, or the operators that it may be."""

    ops: tuple[str, ...]
    """Canonical names of the operators that it may be."""

    attributes: tuple[tuple[str, Constant], ...]
    """What is asked of the attributes."""

    operands: tuple[PlanOperand, ...]

    twins: tuple[int | None, ...]
    """Per operand the one before it, if any, with which it may change places without a difference:
    nothing else in the pattern tells them apart."""

    maybe: bool
    """Whether the operator may be absent."""

    visible_outputs: int | None
    """How many visible outputs the node must have; None: any number."""

    interior: bool
    """Whether the rest of the graph must not use the node: it is no root and not shared."""

    shared: bool


@dataclass(frozen=True, slots=True)
class Route:
    """How to find a root from what is bound before it."""

    source: str | Produced
    """A value that is bound by then, by name or as an output."""

    steps: tuple[Produced, ...]
    """What reads the source, what reads that, and so on up to the root."""


@dataclass(frozen=True, slots=True)
class RootPlan:
    """One value that the pattern returns."""

    value: Produced

    whole: bool
    """Whether all outputs of the node are returned, not just the one."""

    route: Route | None
    """How to find it; None for the first, and for one that an earlier root reads."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the matcher works from."""

    parts: tuple[Part, ...]
    roots: tuple[RootPlan, ...]

    names: Mapping[str, int | Produced]
    """Name -> the number of the operator it names, or the output."""

    distinct: tuple[tuple[str, ...], ...]
    """Names of values no two of which may be the same."""

    anchors: tuple[Produced, ...]
    """What the first root's value may be: its operator's, and where that may be absent, that of the
    operator below it."""

    enclosed: frozenset[int] = field(init=False, compare=False, repr=False)
    """Operators whose outputs the rest of the graph must not use, but for those that are returned:
    they are neither shared nor returned as a whole."""

    def __post_init__(self) -> None:
        whole = {root.value.part for root in self.roots if root.whole}
        enclosed = [part.index for part in self.parts if not part.shared]
        object.__setattr__(self, "enclosed", frozenset(enclosed) - whole)

    @property
    def asks_for_constants(self) -> bool:
        """Whether some operand has to be computed from parameters alone."""
        operands = [operand for part in self.parts for operand in part.operands]
        inner = [each.operand if isinstance(each, OptionalOperand) else each for each in operands]
        return any(isinstance(each, Restricted) and each.kind == "const" for each in inner)

    @property
    def first_ops(self) -> frozenset[str]:
        """Operators that the first root may be."""
        return frozenset(op for anchor in self.anchors for op in self.parts[anchor.part].ops)
