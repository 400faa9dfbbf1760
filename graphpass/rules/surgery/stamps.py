"""Order stamps of mutated variables: the third number of an entry."""

from __future__ import annotations

from collections.abc import Iterable

from graphpass.graph import Edit, Graph

__all__ = ["restamp"]


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
    counts = {key: 0 for key in variables if _is_stamped(graph, key)}
    readers = {use.node for key in counts for use in graph.uses(key)}
    if not readers:
        return
    for reader in graph.order():
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


def _is_stamped(graph: Graph, key: int) -> bool:
    return any(graph.inputs(use.node)[use.slot].version for use in graph.uses(key))
