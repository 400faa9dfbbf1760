"""Names that several nodes have, and which of these keeps it."""

from __future__ import annotations

from collections.abc import Container

from graphpass.graph import Graph

__all__ = ["repeated_names"]


def repeated_names(graph: Graph, among: Container[int]) -> set[int]:
    """Return the nodes of `among` whose name another node has a better claim to.

    What is not among them keeps its name in any case. Then come variables, by whose names
    parameters are stored and inputs are fed, then operators that are heads, by whose names outputs
    go, then the others, each in saved order. Of two heads whose outputs have one name though their
    nodes do not, the later operator gives way.

    Notes
    -----
    Linear in the graph.
    """
    owners: dict[str, int] = {}
    for key in sorted(graph.order(), key=lambda key: _claim(graph, key, among)):
        owners.setdefault(graph.name(key), key)
    found = {key for key in graph.order() if key in among and owners[graph.name(key)] != key}
    outputs: dict[str, int] = {}
    for head in sorted(graph.heads, key=lambda head: not graph.is_variable(head.node)):
        first = outputs.setdefault(graph.output_name(head), head.node)
        if first != head.node and head.node in among and not graph.is_variable(head.node):
            found.add(head.node)
    return found


def _claim(graph: Graph, key: int, among: Container[int]) -> int:
    if key not in among:
        return 0
    if graph.is_variable(key):
        return 1
    return 2 if graph.is_head(key) else 3
