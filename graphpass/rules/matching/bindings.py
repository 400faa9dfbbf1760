"""What a search has bound so far, and how it is undone."""

from __future__ import annotations

from typing import Any, TypeAlias

from graphpass.graph import Entry
from graphpass.rules.patterns.plan import Plan, Produced

__all__ = ["ABSENT", "Bindings", "Extent", "same_value"]

ABSENT = -1
"""Stands for the node of an operator that is absent; keys begin at 0."""

Extent: TypeAlias = tuple[int, int, int, int]
"""How much is bound: the lengths of the four tables."""


class Bindings:
    """Nodes of operators, values of names.

    The tables only grow at their ends, so going back to an earlier extent undoes what was bound
    since then, the last first.
    """

    __slots__ = ("nodes", "owners", "plan", "stand_ins", "values")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.nodes: dict[int, int] = {}
        """Number of an operator -> node, or `ABSENT`."""
        self.owners: dict[int, int] = {}
        """Node -> number of the operator that it stands for."""
        self.stand_ins: dict[int, Entry] = {}
        """Number of an absent operator -> the value in its place."""
        self.values: dict[str, Entry | tuple[Entry, ...]] = {}
        """Name of a value variable, or of several values -> what it stands for."""

    def extent(self) -> Extent:
        """Return how much is bound."""
        return len(self.nodes), len(self.owners), len(self.stand_ins), len(self.values)

    def go_back(self, extent: Extent) -> None:
        """Undo what was bound beyond an extent."""
        tables: tuple[dict[Any, Any], ...] = (
            self.nodes,
            self.owners,
            self.stand_ins,
            self.values,
        )
        for table, length in zip(tables, extent, strict=True):
            while len(table) > length:
                table.popitem()

    def value(self, produced: Produced) -> Entry:
        """Return what an output of an operator is; the operator is bound."""
        key = self.nodes[produced.part]
        return self.stand_ins[produced.part] if key == ABSENT else Entry(key, produced.output)

    def roots(self) -> tuple[Entry, ...]:
        """Return the values that the pattern returns."""
        return tuple([self.value(root.value) for root in self.plan.roots])

    def named(self, name: str) -> Entry | None:
        """Return the one value that a name stands for, if any; a node stands for its first."""
        target = self.plan.names.get(name)
        if target is None:
            value = self.values.get(name)
            return value if isinstance(value, Entry) else None
        produced = target if isinstance(target, Produced) else Produced(target, 0)
        return self.value(produced) if produced.part in self.nodes else None


def same_value(first: Any, second: Any) -> bool:
    """Return whether two entries are one value; versions tell nothing about that."""
    return bool(first[0] == second[0] and first[1] == second[1])
