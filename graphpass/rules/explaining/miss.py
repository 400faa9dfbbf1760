"""A miss: a node at which a rewrite does not apply, and where the best attempt stopped."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, get_args

from graphpass.errors import GraphpassError
from graphpass.graph import Graph
from graphpass.rules.rewrite.body import REFUSED, TextBody
from graphpass.rules.rewrite.draft import Refusal, Stage
from graphpass.rules.rewrite.match import CODES, Fault, Match, describe_fault
from graphpass.rules.rewrite.pattern import Pattern, Produced
from graphpass.rules.rewrite.python_rewrite import PythonBody

if TYPE_CHECKING:
    from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["Halt", "Miss", "Step", "Subject", "part_text", "steps"]


class Subject(NamedTuple):
    """What is explained: a rewrite, or a pattern alone."""

    id: str
    pattern: Pattern
    rewrite: Rewrite | None = None


Step: TypeAlias = "tuple[Stage, str | None]"
"""A stage, and the condition where there are several."""

_ENDS: tuple[Step, ...] = tuple([(stage, None) for stage in get_args(Stage)[2:]])


def steps(subject: Subject) -> list[Step]:
    """Return what is looked at once the pattern holds, in order."""
    body = None if subject.rewrite is None else subject.rewrite.body
    if isinstance(body, PythonBody):
        return [*(("where", label) for label in body.labels), *_ENDS]
    if not isinstance(body, TextBody):
        return [("where", None), *_ENDS]
    early, late = body.conditions
    found: list[Step] = [("where", each.text) for each in early]
    found.append(("let", None))
    found += [("where", each.text) for each in late]
    if body.refusal is not None:
        found.append(("where", REFUSED))
    return [*found, *_ENDS]


def step_of(refusal: Refusal, order: Sequence[Step]) -> int:
    """Return the position, among the steps, of the one that a refusal is about."""
    for step in ((refusal.stage, refusal.condition), (refusal.stage, None)):
        if step in order:
            return order.index(step)
    return 0


class Halt(NamedTuple):
    """What stops the whole run: the rewrite makes no sense at a match."""

    error: GraphpassError

    decided: bool
    """Whether the conditions hold, and what takes its place could not be put in."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A node that could be the first root of a match, and is not."""

    key: int

    nodes: Mapping[int, int]
    """Operators of the pattern, by number, with the nodes that they stood for; an absent one has
    a negative key."""

    cause: Fault | Refusal | Halt
    """What the pattern lacks; what a condition or the rest of the graph lacks; or the error with
    which the rewrite would stop the whole run."""

    match: Match | None = None
    """The match that was refused, where the pattern holds."""

    @property
    def code(self) -> str:
        """Which kind of condition failed: a code of a `Fault`, a stage, or ``error``."""
        if isinstance(self.cause, Fault):
            return self.cause.code
        return self.cause.stage if isinstance(self.cause, Refusal) else "error"

    def rank(self, subject: Subject) -> tuple[int, int, int]:
        """Return how far the attempt came: operators first, then the kind of condition."""
        if isinstance(self.cause, Fault):
            return 0, self.cause.depth, CODES.index(self.cause.code)
        order = steps(subject)
        if isinstance(self.cause, Refusal):
            return 1, len(self.nodes), step_of(self.cause, order)
        return 1, len(self.nodes), len(order)

    def shape(self) -> Hashable:
        """Return what misses of one kind have in common."""
        cause = self.cause
        if isinstance(cause, Refusal):
            return cause.stage, cause.condition
        if not isinstance(cause, Fault):
            return "error"
        detail: Hashable = None
        if cause.code == "attribute":
            detail = cause.found.name
        elif cause.code in ("operator", "output", "inputs", "outputs"):
            detail = cause.found
        elif cause.code in ("kind", "reader"):
            detail = cause.wanted
        return cause.code, cause.part, detail

    def what(self, subject: Subject) -> str:
        """Return which part of the rewrite failed, as it is written."""
        cause, pattern = self.cause, subject.pattern
        if isinstance(cause, Fault):
            if cause.code == "distinct":
                return f"distinct({', '.join(cause.wanted)})"
            return part_text(pattern, cause.part)
        if isinstance(cause, Refusal):
            is_condition = cause.stage == "where" and cause.condition is not None
            return str(cause.condition if is_condition else cause.stage)
        return "apply"

    def reason(self, subject: Subject, graph: Graph) -> str:
        """Return one clause: what was found, and what was wanted."""
        cause = self.cause
        if isinstance(cause, Fault):
            return describe_fault(cause, subject.pattern, graph)
        if isinstance(cause, Refusal):
            return cause.reason
        return f"stops with an error: {cause.error}"


def part_text(pattern: Pattern, number: int) -> str:
    """Return how an operator of the pattern is written, without its operands."""
    part = pattern.parts[number]
    text = " | ".join(part.ops)
    if part.maybe:
        text = f"maybe({text})"
    for target in pattern.names.values():
        if (target.part if isinstance(target, Produced) else target) == number:
            return f"{part.label} = {text}"
    return text
