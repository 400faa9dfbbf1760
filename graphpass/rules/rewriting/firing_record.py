"""What one firing did, as reports tell it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphpass.rules.report.changes import NodeRef, ParameterChange, ParameterRef, node_ref
from graphpass.rules.rewrite.fire import Fired
from graphpass.rules.rewrite.match import Level

__all__ = ["Firing"]


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

    @classmethod
    def of(cls, fired: Fired, path: tuple[Level, ...], number: int) -> Firing:
        """Return the record of a firing."""
        removed = [node_ref((key, data["op"], data["name"])) for key, data, _ in fired.cut]
        return cls(
            fired.rule,
            fired.root,
            (*fired.turned, *removed),
            tuple(fired.added),
            tuple(fired.stored),
            tuple(fired.dropped),
            path,
            number,
        )

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
