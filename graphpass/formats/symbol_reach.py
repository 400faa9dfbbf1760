"""Which nodes of a file its heads reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from graphpass.errors import CycleError
from graphpass.formats.symbol_decode import GraphRecord, NodeRecord

__all__ = ["reachable"]


def reachable(record: GraphRecord, *, in_order: bool) -> list[int]:
    """Return the positions of the nodes that the heads reach.

    Parameters
    ----------
    record : GraphRecord
        A symbol whose ids have been checked.
    in_order : bool
        Whether the positions must come in post-order, or the file may hold a cycle. Otherwise no
        node reads a later one, and where every node is read by something nothing need be walked.

    Raises
    ------
    CycleError
        With the names on the cycle.

    Notes
    -----
    Linear and iterative.
    """
    if not in_order and _all_used(record):
        return list(range(len(record.nodes)))
    nodes = record.nodes
    state = bytearray(len(nodes))  # 1: on the path, 2: done
    found: list[int] = []
    for head, _, _ in record.heads:
        if state[head]:
            continue
        stack = [(head, _sources(nodes[head]))]
        state[head] = 1
        while stack:
            position, sources = stack[-1]
            for source in sources:
                if state[source] == 1:
                    path = [position for position, _ in stack]
                    _refuse_cycle(nodes, path[path.index(source) :])
                if state[source] == 0:
                    state[source] = 1
                    stack.append((source, _sources(nodes[source])))
                    break
            else:
                stack.pop()
                state[position] = 2
                found.append(position)
    return found


def _all_used(record: GraphRecord) -> bool:
    used = bytearray(len(record.nodes))
    for node in record.nodes:
        for source, _, _ in node.inputs:
            used[source] = 1
        for source in node.control_deps:
            used[source] = 1
    for head, _, _ in record.heads:
        used[head] = 1
    return all(used)


def _sources(node: NodeRecord) -> Iterator[int]:
    return chain([source for source, _, _ in node.inputs], node.control_deps)


def _refuse_cycle(nodes: Sequence[NodeRecord], cycle: Sequence[int]) -> None:
    names = [nodes[position].name for position in reversed(cycle)]
    raise CycleError(
        f"nodes[{cycle[0]}]: the graph has a cycle: {' -> '.join([*names, names[0]])}; "
        "MXNet loads such a file and fails later: correct the inputs of one of these nodes"
    )
