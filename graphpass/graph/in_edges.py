"""What a node reads, as networkx keeps it, and as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias, cast

from graphpass.graph.node import Entry

__all__ = ["CONTROL", "InEdges", "control_of", "entries_of", "in_edges", "source_at"]

InEdges: TypeAlias = "dict[int, dict[Any, dict[str, int]]]"
"""Source -> edge key -> edge data: what a node reads."""

_entry = cast("Callable[[tuple[int, int, int]], Entry]", partial(tuple.__new__, Entry))
"""Make an entry at a third of the cost of calling the class."""

CONTROL = "control"
"""First half of the edge key of a control dependency: ``("control", 0)`` is no input slot."""


def in_edges(inputs: Iterable[Entry], control: Iterable[int] = ()) -> InEdges:
    """Return the in-edges of a node that reads these values and waits for these nodes."""
    into: InEdges = {}
    for slot, (source, output, version) in enumerate(inputs):
        edge = {"output": output, "version": version}
        edges = into.get(source)
        if edges is None:
            into[source] = {slot: edge}
        else:
            edges[slot] = edge
    for index, source in enumerate(control):
        into.setdefault(source, {})[CONTROL, index] = {}
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


def source_at(into: Mapping[int, Mapping[Any, object]], slot: int) -> int | None:
    """Return the node that an input slot reads, None if there is no such slot."""
    return next((source for source, edges in into.items() if slot in edges), None)


def control_of(into: InEdges) -> tuple[int, ...]:
    """Return the nodes behind the control dependencies among in-edges, in order."""
    found = [
        (slot[1], source) for source, edges in into.items() for slot in edges if type(slot) is tuple
    ]
    return tuple([source for _, source in sorted(found)])
