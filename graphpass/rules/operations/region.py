"""The part of a graph that lies before some values and behind others; its copies and its users."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.graph.edges import post_order
from graphpass.rules.limits import Limits

__all__ = [
    "Copying",
    "Region",
    "change_subgraphs",
    "give_control_to",
    "restamp",
    "trace",
    "users_of",
]

_SHOWN_OF_A_PATH = 8


@dataclass(frozen=True, slots=True)
class Region:
    """What some outputs are computed from, up to the values at which it was cut."""

    graph: Graph
    """The graph that it is a part of."""

    outputs: tuple[Entry, ...]
    """The values whose computation it is."""

    cuts: frozenset[ValueKey]
    """The values at which it ends. What computes them lies outside, unless another way leads in."""

    order: tuple[int, ...]
    """Keys of the nodes inside, each after everything it reads."""

    reached: frozenset[ValueKey]
    """The cuts that a node inside reads, or that are outputs themselves."""

    awaited: frozenset[int]
    """Nodes of cuts that a node inside waits for, whether or not one reads them."""

    def dependents(self, sources: Collection[ValueKey]) -> list[int]:
        """Return the nodes inside that depend on one of `sources`, a part of the cuts.

        A control dependency counts. Linear in the region.
        """
        graph, cuts = self.graph, self.cuts
        ends = {node for node, _ in cuts}
        found: dict[int, None] = {}
        for key in self.order:
            for source, edges in graph.sources(key).items():
                if source in ends:
                    depends = any(
                        source in found
                        if type(slot) is not int
                        else (source, data["output"]) in sources
                        or (source in found and (source, data["output"]) not in cuts)
                        for slot, data in edges.items()
                    )
                else:
                    depends = source in found
                if depends:
                    found[key] = None
                    break
        return list(found)

    def path(self, source: int) -> str:
        """Return a shortest way from an output down to a node inside, as ``fc1 <- relu0 <- data``.

        Linear in the region per output.
        """
        import networkx as nx

        inside = set(self.order)
        dag = self.graph.dag

        def is_uncut(producer: int, consumer: int, slot: Any) -> bool:
            return (producer, dag[producer][consumer][slot].get("output", -1)) not in self.cuts

        view = nx.subgraph_view(dag, filter_node=inside.__contains__, filter_edge=is_uncut)
        for output in self.outputs:
            if output.node in inside and nx.has_path(view, source, output.node):
                names = self.graph.names_of(reversed(nx.shortest_path(view, source, output.node)))
                if len(names) > _SHOWN_OF_A_PATH:
                    half = _SHOWN_OF_A_PATH // 2
                    names = [*names[:half], "…", *names[-half:]]
                return " <- ".join(names)
        return self.graph.name(source)


def trace(graph: Graph, outputs: Sequence[Entry], cuts: Iterable[ValueKey]) -> Region:
    """Follow `outputs` back to where they come from, and stop at `cuts`.

    A node whose value is cut is not entered for the sake of a control dependency either.

    Notes
    -----
    Iterative, linear in the region's nodes and edges, and in the number of nodes.
    """
    ends = frozenset(cuts)
    ending = {node for node, _ in ends}
    sources: dict[int, Mapping[int, Any]] = dict(graph.all_sources)
    readers = dict.fromkeys([reader for node in ending for reader in graph.readers(node)])
    read: dict[int, tuple[list[ValueKey], list[int]]] = {}
    for reader in readers:
        into = graph.sources(reader)
        cut = [
            (source, slot, (source, data.get("output", 0)))
            for source in into.keys() & ending
            for slot, data in into[source].items()
        ]
        read[reader] = (
            [value for _, slot, value in cut if type(slot) is int and value in ends],
            [source for source, slot, _ in cut if type(slot) is not int],
        )
        entered = {source for source, slot, value in cut if type(slot) is int and value not in ends}
        sources[reader] = {
            source: edges
            for source, edges in into.items()
            if source not in ending or source in entered
        }
    order = post_order(sources, [output for output in outputs if output.value not in ends])
    inside = readers.keys() & set(order)
    reached = {value for key in inside for value in read[key][0]}
    return Region(
        graph,
        tuple(outputs),
        ends,
        tuple(order),
        frozenset(reached.union(ends.intersection([output.value for output in outputs]))),
        frozenset([source for key in inside for source in read[key][1]]),
    )


@dataclass(slots=True)
class Copying:
    """Copies nodes, each after what it reads, and knows what became of every value."""

    source: Graph
    """The graph that holds the originals."""

    edit: Edit
    """A transaction on the graph that gets the copies; it may be the same graph."""

    values: Mapping[ValueKey, Entry]
    """Values of the source for which the copies read something else."""

    limits: Limits
    """What the run may take: the copies count as nodes that it makes."""

    twins: dict[int, int] = field(default_factory=dict)
    """Original to copy. A node that stands here already is not copied but read."""

    def copy(self, names: Mapping[int, str]) -> None:
        """Copy nodes under other names: original to name, each after what it reads.

        Raises
        ------
        OperationError
            If the run makes more nodes than it may.
        """
        self.limits.made.take(len(names))
        self.edit.add_copies(self.source, names, self.values, self.twins)

    def value(self, entry: Entry) -> Entry:
        """Return what a copy reads where the original reads `entry`."""
        other = self.values.get(entry.value)
        if other is not None:
            return Entry(other.node, other.output, entry.version)
        return Entry(self.twins.get(entry.node, entry.node), entry.output, entry.version)


def users_of(graph: Graph, key: int) -> list[int]:
    """Return the nodes that read a node's values, in saved order. Linear in the graph."""
    readers = {use.node for use in graph.uses(key)}
    return [reader for reader in graph.order() if reader in readers]


def give_control_to(graph: Graph, edit: Edit, old: int, new: int) -> None:
    """Make every node that waits for `old` wait for `new`."""
    for waiting, edges in list(graph.readers(old).items()):
        if any(type(slot) is not int for slot in edges):
            before = graph.control_dependencies(waiting)
            after = dict.fromkeys(new if key == old else key for key in before)
            edit.set_inputs(waiting, graph.inputs(waiting), control=after)


def restamp(graph: Graph, edit: Edit, variables: Iterable[int]) -> None:
    """Stamp the mutations of some variables with 1, 2, … in saved order.

    MXNet counts a variable's mutations when operators are composed: one that mutates it raises the
    count and stores it, one that only reads it stores the count so far. Composing in saved order
    gives these stamps. Variables without any stamp, as files from MXNet 0.8 have them, get none.

    Notes
    -----
    Linear in the graph. Source: ``UpdateNodeVersion`` in ``nnvm/src/core/symbolic.cc``; MXNet
    copies stamps through and never reads them.
    """
    counts = {
        key: 0
        for key in variables
        if any(
            data.get("version") for edges in graph.readers(key).values() for data in edges.values()
        )
    }
    readers = {use.node for key in counts for use in graph.uses(key)}
    for reader in graph.order() if readers else ():
        if reader not in readers:
            continue
        before = graph.inputs(reader)
        after = [
            entry._replace(version=counts[entry.node]) if entry.node in counts else entry
            for entry in before
        ]
        for slot in graph.signature(reader).mutable_slots:
            if slot < len(after) and after[slot].node in counts:
                counts[after[slot].node] += 1
                after[slot] = after[slot]._replace(version=counts[after[slot].node])
        if tuple(after) != before:
            edit.set_inputs(reader, after)


def change_subgraphs(graph: Graph, edit: Edit, change: Callable[[Graph, Edit], int]) -> int:
    """Change the subgraphs of a graph, those inside them included, each by itself.

    Parameters
    ----------
    graph, edit : Graph, Edit
        The graph around them, and the transaction on it.
    change : callable
        Takes a subgraph and a transaction on it, and returns how many things it changed.

    Returns
    -------
    int
        How many things were changed.

    Notes
    -----
    The operator around a subgraph gives it its variables by position: a subgraph that would have
    them in another order afterwards is left as it was. Linear in the subgraphs.
    """
    total = 0
    for key in graph.with_subgraphs():
        before = graph.subgraphs(key)
        after = list(before)
        for number, subgraph in enumerate(before):
            twin = subgraph.copy()
            with twin.edit() as inner:
                changed = change(twin, inner) + change_subgraphs(twin, inner, change)
            variables = [list(filter(each.is_variable, each.order())) for each in (twin, subgraph)]
            if changed and variables[0] == variables[1]:
                after[number] = twin
                total += changed
        if tuple(after) != before:
            edit.set_subgraphs(key, after)
    return total
