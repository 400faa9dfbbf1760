"""Which values are random: two runs differ in them, whatever the graphs."""

from __future__ import annotations

from graphpass.graph import Graph
from graphpass.ops.meaning import randomness

__all__ = ["random_sources"]


def random_sources(graph: Graph, *, training: bool) -> dict[int, int]:
    """Return, for every node whose values are random, the key of the operator that makes them so.

    Operators of other libraries are taken for deterministic.

    Notes
    -----
    Linear in nodes and edges, subgraphs included.
    """
    found: dict[int, int] = {}
    for key in graph.order():
        if _is_random(graph, key, training=training) or _runs_random(graph, key, training=training):
            found[key] = key
            continue
        for entry in graph.inputs(key):
            if entry.node in found:
                found[key] = found[entry.node]
                break
    return found


def _runs_random(graph: Graph, key: int, *, training: bool) -> bool:
    """Return whether an operator's subgraphs, or theirs, hold a random operator."""
    pending = [*graph.subgraphs(key)]
    while pending:
        inner = pending.pop()
        for node in inner.order():
            if _is_random(inner, node, training=training):
                return True
            pending.extend(inner.subgraphs(node))
    return False


def _is_random(graph: Graph, key: int, *, training: bool) -> bool:
    answer = randomness(graph.op(key), graph.attrs(key))
    return answer == "always" or (answer == "training" and training)
