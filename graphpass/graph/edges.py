"""Values, the edges by which nodes read them, and walks along the edges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from operator import is_
from typing import Any, NamedTuple, TypeAlias, cast

__all__ = [
    "CONTROL",
    "SINGLE_EDGES",
    "VARIABLE",
    "Edges",
    "Entry",
    "InEdges",
    "Use",
    "ValueKey",
    "control_of",
    "edge_data",
    "entries_of",
    "find_cycle",
    "in_edges",
    "moved_edges",
    "post_order",
    "single_edge",
    "source_at",
    "with_edge",
]

VARIABLE = "null"
"""The op of a variable, as the symbol JSON spells it."""


ValueKey: TypeAlias = "tuple[int, int]"
"""Node and output: an entry without its stamp, which tells no values apart."""


class Entry(NamedTuple):
    """One value: an output of a node."""

    node: int
    """Key of the node that produces the value."""
    output: int = 0
    """Which of the node's outputs."""
    version: int = 0
    """Order stamp of a mutated variable; MXNet copies it through and never reads it."""

    @property
    def value(self) -> ValueKey:
        """Which value it is."""
        return self[:2]


class Use(NamedTuple):
    """One place that reads a value: an input slot of a node."""

    node: int
    """Key of the node that reads."""
    slot: int
    """Which of its inputs."""


# -- what a node reads --------------------------------------------------------------------------

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


_SLOTS = 64

SINGLE_EDGES = tuple([single_edge(slot, 0, 0) for slot in range(_SLOTS)])
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
    if len(into) < _SLOTS and all(map(is_, into.values(), SINGLE_EDGES)):
        return tuple([_entry((source, 0, 0)) for source in into])  # nearly all nodes read so
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


# -- walks --------------------------------------------------------------------------------------


def post_order(pred: Mapping[int, Mapping[int, object]], heads: Iterable[Entry]) -> list[int]:
    """Return the nodes that `heads` reach, each after everything it reads.

    `pred` is the in-adjacency of a graph's DAG. Per node first the inputs by slot, then the control
    dependencies; per head in order. A cycle does not hang the walk; `find_cycle` tells whether
    there is one.

    Notes
    -----
    Iterative, linear in nodes and edges: a chain of a million nodes needs no call stack.
    """
    seen: set[int] = set()
    found: list[int] = []
    for head, _, _ in heads:
        if head in seen:
            continue
        seen.add(head)
        stack = [(head, iter(pred[head]))]
        while stack:
            key, sources = stack[-1]
            for source in sources:
                if source not in seen:
                    seen.add(source)
                    into = pred[source]
                    if into:
                        stack.append((source, iter(into)))
                        break
                    found.append(source)
            else:
                found.append(key)
                stack.pop()
    return found


def find_cycle(pred: Mapping[int, Mapping[int, object]], starts: Iterable[int]) -> list[int] | None:
    """Return the keys of a cycle among the ancestors of `starts`, in the order of the edges.

    Linear in the ancestors' nodes and edges.
    """
    done: set[int] = set()
    for start in starts:
        if start in done:
            continue
        path = [start]
        on_path = {start}
        stack = [iter(pred[start])]
        while stack:
            for source in stack[-1]:
                if source in on_path:
                    return path[path.index(source) :][::-1]
                if source not in done:
                    path.append(source)
                    on_path.add(source)
                    stack.append(iter(pred[source]))
                    break
            else:
                stack.pop()
                key = path.pop()
                on_path.discard(key)
                done.add(key)
    return None
