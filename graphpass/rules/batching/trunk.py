"""What all branches compute: the nodes of one branch, each with its twins in the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from graphpass.errors import OperationError
from graphpass.graph import Entry, Graph, Value
from graphpass.graph.invariants import describe
from graphpass.rules.batching.colors import Coloring, says

__all__ = ["Branches", "Trunk", "trunk_of"]

_NO_BRANCH = -1

Branches: TypeAlias = "Sequence[Sequence[Entry]]"
"""For each branch the values where it starts; those at one position correspond."""


@dataclass(frozen=True, slots=True)
class Trunk:
    """Nodes that compute the same in all branches."""

    branches: Branches

    twins: dict[int, tuple[int, ...]]
    """Node of the first branch to the node of every branch, itself the first; in saved order."""

    @property
    def saved(self) -> int:
        """How many operators fewer there are with one trunk."""
        return len(self.twins) * (len(self.branches) - 1)

    @property
    def nodes(self) -> set[int]:
        """The nodes of all branches."""
        return {key for twins in self.twins.values() for key in twins}

    def upto(self, graph: Graph, ends: Sequence[Entry]) -> Trunk:
        """Return the part that some values of the first branch are computed from.

        Raises
        ------
        OperationError
            If a value does not belong to the trunk.
        """
        wanted: set[int] = set()
        for end in ends:
            if end.node not in self.twins:
                raise OperationError(
                    f"to: {graph.output_name(end)!r} is not computed in the same way by all "
                    "branches, or not by the first one"
                )
            wanted.add(end.node)
        for key in reversed(self.twins):
            if key in wanted:
                wanted.update(graph.sources(key))
        kept = {key: twins for key, twins in self.twins.items() if key in wanted}
        return Trunk(self.branches, kept)


def trunk_of(
    graph: Graph, coloring: Coloring, branches: Branches, others: Iterable[int] = ()
) -> Trunk:
    """Return what all branches compute from where they start.

    Parameters
    ----------
    graph : Graph
        The graph.
    coloring : Coloring
        Its colors.
    branches : list of lists of Entry
        Where the branches start.
    others : iterable of int
        Further inputs, which no node of the trunk may depend on.

    Raises
    ------
    OperationError
        If a branch starts at a value that is computed from where one starts.

    Notes
    -----
    A node belongs to it if each branch has one that runs the same operator with the same attributes
    on what corresponds: on the starts, on nodes of the trunk, or on the same values outside. Nodes
    of one branch that can't be told apart so correspond in saved order.

    Linear in nodes and edges.
    """
    starts = {(key, 0): (_NO_BRANCH, key) for key in others} | {
        entry.value: (branch, position)
        for branch, entries in enumerate(branches)
        for position, entry in enumerate(entries)
    }
    found = _Search(graph, coloring, starts)
    for key in graph.order():
        found.visit(key)
    shared = set.intersection(*map(set, found.nodes_of(len(branches))))
    columns = [
        [key for identity, key in nodes.items() if identity in shared]
        for nodes in found.nodes_of(len(branches))
    ]
    by_identity = [{found.identities[key]: key for key in column} for column in columns]
    twins = {key: tuple(each[found.identities[key]] for each in by_identity) for key in columns[0]}
    return Trunk(branches, twins)


class _Search:
    """Gives each node of a branch an identity that its twins in the other branches have too."""

    def __init__(
        self, graph: Graph, coloring: Coloring, starts: dict[Value, tuple[int, int]]
    ) -> None:
        self._graph = graph
        self._coloring = coloring
        self._starts = starts
        self._starting: Collection[int] = {node for node, _ in starts}
        self._owners: dict[int, frozenset[int]] = {}
        self._numbers: dict[Hashable, int] = {}
        self._nodes: dict[int, dict[Hashable, int]] = {}
        self._repeats: Counter[Hashable] = Counter()
        self.identities: dict[int, Hashable] = {}

    def nodes_of(self, count: int) -> list[dict[Hashable, int]]:
        """Return identity -> node of each branch, in saved order."""
        return [self._nodes.get(branch, {}) for branch in range(count)]

    def visit(self, key: int) -> None:
        """Find out to which branches a node belongs, and give it an identity if that is one."""
        graph = self._graph
        read = graph.inputs(key)
        waited_for = [Entry(other) for other in graph.control_dependencies(key)]
        owners = frozenset().union(*map(self._owners_of, (*read, *waited_for)))
        if not owners:
            return
        if key in self._starting:
            raise OperationError(
                f"{describe(graph, key)}, where a branch starts, is computed from where one "
                "starts, so the branches can't run at once"
            )
        self._owners[key] = owners
        if len(owners) > 1:
            return
        (branch,) = owners
        identity = (
            says(graph, key),
            tuple(map(self._described, read)),
            tuple(map(self._described, waited_for)),
        )
        number = self._numbers.setdefault(identity, len(self._numbers))
        self._repeats[branch, number] += 1
        known = self.identities[key] = (number, self._repeats[branch, number])
        self._nodes.setdefault(branch, {})[known] = key

    def _owners_of(self, entry: Entry) -> frozenset[int]:
        start = self._starts.get(entry.value)
        if start is not None:
            return frozenset([start[0]])
        return self._owners.get(entry.node, frozenset())

    def _described(self, entry: Entry) -> Hashable:
        start = self._starts.get(entry.value)
        if start is not None:
            return "start", start[1]
        if entry.node in self.identities:
            return "twin", self.identities[entry.node], entry.output
        if self._coloring.inputs[entry.node] == ():
            return "equal", self._coloring.colors[entry.node], entry.output
        return "same", *entry.value
