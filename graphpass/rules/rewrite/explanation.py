"""The answer of `explain`: whether a rewrite applies, where, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from graphpass.rules.report.changes import NodeRef
from graphpass.rules.report.firings import Level, NearMiss
from graphpass.rules.rewrite.match import Match

__all__ = ["At", "Check", "Explanation", "Found"]

_SHOWN = 5
_MARKS = {True: "✓", False: "✗", None: "·"}


class Check(NamedTuple):
    """One operator of the pattern, or one condition."""

    what: str
    """As it is written: ``conv = Convolution``, ``out.axis == 1``."""

    holds: bool | None
    """None: it was not reached."""

    node: NodeRef | None = None
    """What an operator stands for."""

    reason: str = ""
    """What was found, and what was wanted."""

    @property
    def stands_for(self) -> str:
        """What an operator stands for, as text: a node, or that it is absent."""
        if self.node is not None:
            return f"{self.node.name} (#{self.node.key})"
        return self.reason if self.holds else ""

    def to_json(self) -> dict[str, Any]:
        """Return the check as a dict of plain values."""
        node = None if self.node is None else self.node._asdict()
        return {"what": self.what, "holds": self.holds, "node": node, "reason": self.reason}


class Found(NamedTuple):
    """One match."""

    match: Match

    root: NodeRef
    """The node of its first root."""

    inside: str = ""
    """The way to it, if it is inside a subgraph: ``loop (#4), subgraph 0``."""


@dataclass(frozen=True, slots=True)
class At:
    """The answer for one node as the first root."""

    root: NodeRef
    """The node."""

    checks: tuple[Check, ...]
    """Operators of the pattern, roots first, then conditions; of the attempt that came furthest."""

    remedy: str | None = None
    """What alone would make it match: ``conv1 had no other user: relu3 reads it``."""

    inside: str = ""
    """The way to the node, if it is inside a subgraph."""

    path: tuple[Level, ...] = ()
    """The same as data."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a rewrite, or a pattern alone, applies, and why not elsewhere. True if it does."""

    subject: str
    """The id of the rewrite, or ``pattern``."""

    matches: tuple[Found, ...]
    """What the driver would take as the graph is now, in saved order; for one node at most one."""

    at: At | None = None
    """The node that was asked about, if one was."""

    near_misses: tuple[NearMiss, ...] = ()
    """What came near where no node was asked about, at most ten groups."""

    lacking: tuple[str, ...] = ()
    """Operators that the first root may be, if the model has none of them."""

    def __bool__(self) -> bool:
        return bool(self.matches)

    def __str__(self) -> str:
        """Return the answer in lines, without one at the end."""
        at, number = self.at, len(self.matches)
        if at is not None:
            answer = "match" if self.matches else "no match"
            lines = [f"{self.subject} at {_spell(at.root, at.inside)}: {answer}"]
            width = max((len(check.what) for check in at.checks if check.stands_for), default=0)
            for check in at.checks:
                line = check.what
                if check.stands_for:
                    line = f"{line:<{width}}  {check.stands_for}"
                if check.reason and not check.holds:
                    line += f": {check.reason}"
                lines.append(f"  {_MARKS[check.holds]} {line}")
            lines += [f"  would match if {at.remedy}"] if at.remedy is not None else []
            return "\n".join(lines)
        answer = "no match" if not number else "1 match" if number == 1 else f"{number} matches"
        lines = [f"{self.subject}: {answer}"]
        lines += [f"  {_spell(found.root, found.inside)}" for found in self.matches[:_SHOWN]]
        if number > _SHOWN:
            lines.append(f"  and {number - _SHOWN} more")
        if self.lacking:
            lines.append(f"  the model has no {' or '.join(self.lacking)}")
        if self.near_misses:
            lines += ["near misses:", *(f"  {near}" for near in self.near_misses)]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as dicts and lists of plain values."""
        facts: dict[str, Any] = {"rule": self.subject, "matches": bool(self.matches)}
        if self.at is not None:
            return facts | {
                "at": self.at.root._asdict(),
                "path": [level._asdict() for level in self.at.path],
                "checks": [check.to_json() for check in self.at.checks],
                "would_match_if": self.at.remedy,
            }
        return facts | {
            "count": len(self.matches),
            "roots": [
                found.root._asdict() | {"path": [level._asdict() for level in found.match.path]}
                for found in self.matches
            ],
            "near_misses": [near.to_json() for near in self.near_misses],
            "lacking": list(self.lacking),
        }


def _spell(root: NodeRef, inside: str) -> str:
    kind = "variable" if root.op == "null" else root.op
    return f"{kind} {root.name!r} (#{root.key}){f' inside {inside}' if inside else ''}"
