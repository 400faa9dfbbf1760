"""What a node reads, as networkx keeps it, and as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from typing import Any, TypeAlias, cast

from graphpass.graph.node import Entry

__all__ = [
    "CONTROL",
    "SINGLE_EDGES",
    "InEdges",
    "control_of",
    "edge_data",
    "entries_of",
    "in_edges",
    "moved_edges",
    "single_edge",
    "source_at",
    "with_edge",
]

Edges: TypeAlias = "dict[Any, dict[str, int]]"
"""Edge key -> edge data: how a node reads one source. Shared between nodes, and never changed."""

InEdges: TypeAlias = "dict[int, Edges]"
"""Source -> edge key -> edge data: what a node reads."""

_entry = cast("Callable[[tuple[int, int, int]], Entry]", partial(tuple.__new__, Entry))
"""Make an entry at a third of the cost of calling the class."""

CONTROL = "control"
"""First half of the edge key of a control dependency: ``("control", 0)`` is no input slot."""


_FIRST = {"output": 0, "version": 0}


@lru_cache(maxsize=4096)
def edge_data(output: int, version: int) -> dict[str, int]:
    """Return the data of an edge: one object for all that are equal, which nobody may change."""
    return {"output": output, "version": version} if output or version else _FIRST


@lru_cache(maxsize=4096)
def single_edge(slot: int, output: int, version: int) -> Edges:
    """Return the edges of a source that a node reads once: shared as `edge_data` is."""
    return {slot: edge_data(output, version)}


SINGLE_EDGES = tuple([single_edge(slot, 0, 0) for slot in range(64)])
"""By slot, what nearly all edges are."""


def with_edge(edges: Edges, key: Any, data: dict[str, int]) -> Edges:
    """Return edges of one source with one more: a new dictionary unless it holds several."""
    if len(edges) > 1:  # these are made here, so nobody shares them yet
        edges[key] = data
        return edges
    return {**edges, key: data}


def in_edges(inputs: Iterable[Entry], control: Iterable[int] = ()) -> InEdges:
    """Return the in-edges of a node that reads these values and waits for these nodes."""
    into: InEdges = {}
    for slot, (source, output, version) in enumerate(inputs):
        read = into.get(source)
        if read is None:
            into[source] = single_edge(slot, output, version)
        else:
            into[source] = with_edge(read, slot, edge_data(output, version))
    for index, source in enumerate(control):
        into[source] = with_edge(into.get(source, {}), (CONTROL, index), {})
    return into


def entries_of(into: InEdges) -> tuple[Entry, ...]:
    """Return the values behind in-edges, by slot."""
    found: list[Entry] = []
    slots: list[int] = []
    for source, edges in into.items():
        for slot, data in edges.items():
            if type(slot) is int:
                slots.append(slot)
                found.append(_entry((source, data["output"], data["version"])))
    if slots != list(range(len(slots))):  # a source that is read twice brings later slots forward
        found = [entry for _, entry in sorted(zip(slots, found, strict=True))]
    return tuple(found)


def moved_edges(into: InEdges, moves: Mapping[int, int]) -> InEdges:
    """Return in-edges from other sources: node -> the one whose outputs take their place."""
    moved = {moves.get(source, source): edges for source, edges in into.items()}
    if len(moved) == len(into):
        return moved
    if len(moved) == 1 and all([type(slot) is int for edges in into.values() for slot in edges]):
        both = {slot: data for edges in into.values() for slot, data in edges.items()}
        return {next(iter(moved)): {slot: both[slot] for slot in range(len(both))}}
    inputs = [entry._replace(node=moves.get(entry.node, entry.node)) for entry in entries_of(into)]
    control = [moves.get(source, source) for source in control_of(into)]
    return in_edges(inputs, dict.fromkeys(control))


def source_at(into: Mapping[int, Mapping[Any, object]], slot: int) -> int | None:
    """Return the node that an input slot reads, None if there is no such slot."""
    return next((source for source, edges in into.items() if slot in edges), None)


def control_of(into: InEdges) -> tuple[int, ...]:
    """Return the nodes behind the control dependencies among in-edges, in order."""
    found = [
        (slot[1], source) for source, edges in into.items() for slot in edges if type(slot) is tuple
    ]
    return tuple([source for _, source in sorted(found)])
