"""The subgraphs of control-flow operators: each is changed by itself."""

from __future__ import annotations

from collections.abc import Callable

from graphpass.graph import Edit, Graph

__all__ = ["change_subgraphs"]


def change_subgraphs(graph: Graph, edit: Edit, change: Callable[[Graph, Edit], int]) -> int:
    """Change the subgraphs of a graph, those inside them included.

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
            if changed and _variables(twin) == _variables(subgraph):
                after[number] = twin
                total += changed
        if tuple(after) != before:
            edit.set_subgraphs(key, after)
    return total


def _variables(graph: Graph) -> list[int]:
    return [key for key in graph.order() if graph.is_variable(key)]
