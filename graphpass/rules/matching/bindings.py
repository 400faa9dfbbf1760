"""What a search has bound so far, and the trail by which it is undone."""

from __future__ import annotations

from typing import Any

from graphpass.graph import Entry
from graphpass.rules.matching.conditions import Assignment
from graphpass.rules.patterns.plan import Plan, Produced

__all__ = ["ABSENT", "SearchBindings", "same_value"]

ABSENT = -1
"""Stands for the node of an operator that is absent; keys begin at 0."""


class SearchBindings:
    """Nodes of operators, values of names; every change goes on the trail."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._nodes: dict[int, int] = {}
        """Number of an operator -> node, or `ABSENT`."""
        self._owners: dict[int, int] = {}
        """Node -> number of the operator that it stands for."""
        self._stand_ins: dict[int, Entry] = {}
        """Number of an absent operator -> the value in its place."""
        self._values: dict[str, Entry | tuple[Entry, ...]] = {}
        self._trail: list[tuple[dict[Any, Any], Any]] = []

    def _set(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        table[key] = value
        self._trail.append((table, key))

    def _undo(self, mark: int) -> None:
        while len(self._trail) > mark:
            table, key = self._trail.pop()
            del table[key]

    def _value(self, value: Produced) -> Entry:
        key = self._nodes[value.part]
        return self._stand_ins[value.part] if key == ABSENT else Entry(key, value.output)

    def _assignment(self) -> Assignment:
        named = {name: value for name, value in self._values.items() if isinstance(value, Entry)}
        for name, target in self._plan.names.items():
            value = target if isinstance(target, Produced) else Produced(target, 0)
            if value.part in self._nodes:
                named[name] = self._value(value)
        return Assignment(
            nodes={part: key for part, key in self._nodes.items() if key != ABSENT},
            owners=self._owners,
            values=self._values,
            roots=tuple([self._value(root.value) for root in self._plan.roots]),
            named=named,
        )


def same_value(first: Any, second: Any) -> bool:
    """Return whether two entries are one value; versions tell nothing about that."""
    return bool(first[0] == second[0] and first[1] == second[1])
