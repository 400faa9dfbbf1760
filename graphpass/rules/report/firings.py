"""What rewrites did and where they came near, as plain data that is made when it is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from graphpass.rules.report.changes import NodeRef, ParameterChange, ParameterRef

__all__ = ["REFUSED", "Firing", "Level", "NearMiss"]

REFUSED = "refused"
"""What a near miss has for the part that failed where the rewrite refuses its matches outright."""


class Level(NamedTuple):
    """One step into a subgraph."""

    node: int
    """Key of the node that runs the subgraph."""

    number: int
    """Which of its subgraphs."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One firing of a rewrite."""

    rule: str
    """The id of the rewrite."""

    root: NodeRef
    """The first root of the match, as it was."""

    removed: tuple[NodeRef, ...]
    """Operators and variables that are gone, or are something else now."""

    added: tuple[NodeRef, ...]
    """Operators and variables that are new. One that took the place of a root has its key."""

    parameters: tuple[ParameterChange, ...]
    """Parameters with a new value; `before` is the size of the former one, 0 where there was
    none."""

    parameters_removed: tuple[ParameterRef, ...] = ()

    path: tuple[Level, ...] = ()
    """The way to the graph from the outermost one; empty for the outermost itself."""

    number: int = 0
    """Which of all firings of its group it was, from 1: rewrites of a group take turns."""

    def to_json(self) -> dict[str, Any]:
        """Return the firing as dicts and lists of texts and numbers."""
        found: dict[str, Any] = {"number": self.number, "rule": self.rule}
        found["root"] = self.root._asdict()
        found |= {"path": [level._asdict() for level in self.path]} if self.path else {}
        return found | {
            "removed": [ref._asdict() for ref in self.removed],
            "added": [ref._asdict() for ref in self.added],
            "parameters": [change._asdict() for change in self.parameters],
            "parameters_removed": [ref._asdict() for ref in self.parameters_removed],
        }


@dataclass(frozen=True, slots=True)
class NearMiss:
    """Nodes that lack the same thing, and the first of them."""

    count: int
    """How many there are."""

    code: str
    """Which kind of condition failed: one of `graphpass.rules.rewrite.match`, ``where``,
    ``let``, ``replace``, ``outputs``, ``control``, ``subgraph`` or ``error``."""

    what: str
    """The part of the rewrite that failed, as it is written: ``conv = Convolution``."""

    reason: str
    """What the first node lacks."""

    root: NodeRef
    """The first node, which would be the first root of a match."""

    path: tuple[Level, ...] = ()
    """The way to the graph that the first node is in; empty for the outermost."""

    def __str__(self) -> str:
        """Return one line: what, how many, why, and where first."""
        inside = "".join(f", in subgraph {number} of #{key}" for key, number in self.path)
        root = f"{self.root.op} {self.root.name!r} (#{self.root.key})"
        times, first = (f" ({self.count} nodes)", "first ") if self.count > 1 else ("", "")
        return f"{self.what}{times}: {self.reason}; {first}at {root}{inside}"

    def to_json(self) -> dict[str, Any]:
        """Return the group as a dict of plain values."""
        return {
            "count": self.count,
            "code": self.code,
            "what": self.what,
            "reason": self.reason,
            "root": self.root._asdict(),
            "path": [level._asdict() for level in self.path],
        }
