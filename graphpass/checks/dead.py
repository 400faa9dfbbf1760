"""Nodes that compute nothing of what the heads return."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.finding import FoundNode
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject

__all__ = ["CHECKS"]


def _dead(subject: Subject) -> Iterator[tuple[FoundNode, bool]]:
    """Yield what no head reaches, with whether some other dead node reads it.

    Reading a file leaves such nodes out, so its origin remembers them.
    """
    graph = subject.graph
    if graph.origin is not None:
        for unreached in graph.origin.unreached:
            yield FoundNode(None, unreached.op, unreached.name), unreached.is_read
    for key in graph.all_keys:
        if not graph.reaches(key):
            yield subject.found(key), bool(graph.readers(key))


def _is_input(subject: Subject, node: FoundNode, is_read: bool) -> bool:
    return node.op == "null" and not is_read and node.name not in subject.model.parameters


def _unused_inputs(subject: Subject) -> Iterator[Found]:
    for node, is_read in _dead(subject):
        if _is_input(subject, node, is_read):
            yield Found(
                (node,), "nothing reads it, so MXNet does not list it as an argument to be fed"
            )


def _dead_nodes(subject: Subject) -> Iterator[Found]:
    for node, is_read in _dead(subject):
        if not _is_input(subject, node, is_read):
            yield Found((node,), "no head depends on it; MXNet never runs it")


CHECKS = (
    Check(
        "dead-node",
        "warning",
        "a node of the file that no head depends on; whatever graphpass saves has it no more",
        "apply prune",
        _dead_nodes,
    ),
    Check(
        "unused-input",
        "warning",
        "a variable without a value that nothing reads",
        "apply prune",
        _unused_inputs,
    ),
)
