"""Who uses a node, and how to give the users another one."""

from __future__ import annotations

from graphpass.graph import Edit, Graph

__all__ = ["give_control_to", "users_of"]


def users_of(graph: Graph, key: int) -> list[int]:
    """Return the nodes that read a node's values, in saved order. Linear in the graph."""
    readers = {use.node for use in graph.uses(key)}
    return [reader for reader in graph.order() if reader in readers]


def give_control_to(graph: Graph, edit: Edit, old: int, new: int) -> None:
    """Make every node that waits for `old` wait for `new`."""
    for waiting in list(graph.readers(old)):
        before = graph.control_dependencies(waiting)
        if old in before:
            after = dict.fromkeys(new if key == old else key for key in before)
            edit.set_inputs(waiting, graph.inputs(waiting), control=after)
