"""The part of a graph that lies before some values and behind others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphpass.graph import Entry, Graph

__all__ = ["Region", "Value", "trace", "value_of"]

Value: TypeAlias = "tuple[int, int]"
"""Node and output: an entry without its stamp, which tells no values apart."""

_SHOWN_OF_A_PATH = 8


def value_of(entry: Entry) -> Value:
    """Return which value an entry is."""
    return entry.node, entry.output


@dataclass(frozen=True, slots=True)
class Region:
    """What some outputs are computed from, up to the values at which it was cut."""

    graph: Graph
    """The graph that it is a part of."""

    outputs: tuple[Entry, ...]
    """The values whose computation it is."""

    cuts: frozenset[Value]
    """The values at which it ends. What computes them lies outside, unless another way leads in."""

    order: tuple[int, ...]
    """Keys of the nodes inside, each after everything it reads."""

    reached: frozenset[Value]
    """The cuts that a node inside reads, or that are outputs themselves."""

    awaited: frozenset[int]
    """Nodes of cuts that a node inside waits for, whether or not one reads them."""

    def dependents(self, sources: Collection[Value]) -> list[int]:
        """Return the nodes inside that depend on one of `sources`, a part of the cuts.

        A control dependency counts. Linear in the region.
        """
        graph = self.graph
        found: dict[int, None] = {}
        for key in self.order:
            by_value = any(
                value in sources or (value[0] in found and value not in self.cuts)
                for value in map(value_of, graph.inputs(key))
            )
            if by_value or any(source in found for source in graph.control_dependencies(key)):
                found[key] = None
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
                keys = nx.shortest_path(view, source, output.node)
                return " <- ".join(_shortened([self.graph.name(key) for key in reversed(keys)]))
        return self.graph.name(source)


def trace(graph: Graph, outputs: Sequence[Entry], cuts: Iterable[Value]) -> Region:
    """Follow `outputs` back to where they come from, and stop at `cuts`.

    A node whose value is cut is not entered for the sake of a control dependency either.

    Notes
    -----
    Iterative, linear in the region's nodes and edges.
    """
    ends = frozenset(cuts)
    ending = {node for node, _ in ends}
    reached: set[Value] = set()
    awaited: set[int] = set()
    seen: set[int] = set()
    order: list[int] = []

    def sources(key: int) -> Iterator[int]:
        for entry in graph.inputs(key):
            if value_of(entry) in ends:
                reached.add(value_of(entry))
            else:
                yield entry.node
        for source in graph.control_dependencies(key):
            if source in ending:
                awaited.add(source)
            else:
                yield source

    for output in outputs:
        if value_of(output) in ends:
            reached.add(value_of(output))
            continue
        if output.node in seen:
            continue
        seen.add(output.node)
        stack = [(output.node, sources(output.node))]
        while stack:
            key, rest = stack[-1]
            for source in rest:
                if source not in seen:
                    seen.add(source)
                    stack.append((source, sources(source)))
                    break
            else:
                order.append(key)
                stack.pop()
    return Region(graph, tuple(outputs), ends, tuple(order), frozenset(reached), frozenset(awaited))


def _shortened(names: list[str]) -> list[str]:
    if len(names) <= _SHOWN_OF_A_PATH:
        return names
    half = _SHOWN_OF_A_PATH // 2
    return [*names[:half], "…", *names[-half:]]
