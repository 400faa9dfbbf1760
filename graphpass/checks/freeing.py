"""What ``free-batch`` frees of its batch size, so that it is named for nothing else.

Each function mirrors the conditions of the pass's rewrites. The tests hold the two against each
other: on each model with a finding they run the pass that is named, and where none is, every pass
that mends such a finding elsewhere.
"""

from __future__ import annotations

from typing import Any

from graphpass.checks.subject import Spot, Subject
from graphpass.graph import Graph

__all__ = ["fixes_first_axis", "free_batch", "freeing_reshape", "freeing_state", "target"]

_FILLS = frozenset({"_full", "_ones", "_zeros"})

_PAIRS = frozenset({"_maximum", "_minimum", "elemwise_add", "elemwise_div", "elemwise_mul",
                    "elemwise_sub"})  # fmt: skip


def free_batch(extent: int) -> str:
    """Return the pass with its setting."""
    return f"free-batch --set from={extent}"


def target(spot: Spot) -> tuple[int, ...]:
    """Return the shape that an operator is given, with 0 for what it leaves open."""
    shape: Any = spot.attribute("shape") or spot.attribute("target_shape") or ()
    return tuple(extent or 0 for extent in shape)


def fixes_first_axis(subject: Subject, spot: Spot) -> bool:
    """Return whether a reshaping of what is fed gives its first axis an extent."""
    shape = target(spot)
    return not spot.inside and spot.key in subject.fed and len(shape) > 1 and shape[0] > 0


def freeing_reshape(subject: Subject, spot: Spot) -> str:
    """Return what frees a Reshape of its batch size; empty where nothing does.

    Its first axis is kept if what it reads is known to have as many rows. Otherwise it follows from
    the number of elements, unless a -1 does.
    """
    if spot.node.op != "Reshape" or not fixes_first_axis(subject, spot):
        return ""
    codes: Any = spot.attribute("shape") or ()
    if not codes:
        return ""
    reverse, low = spot.attribute("reverse"), min(codes)
    if low >= 0 and not (reverse and low == 0):
        return f"apply {free_batch(codes[0])}"
    if reverse:
        return ""
    read = spot.graph.inputs(spot.key)[0]
    return subject.remedy(
        free_batch(codes[0]), lambda known: (known.shape(read) or (None,))[0] == codes[0]
    )


def freeing_state(subject: Subject, spot: Spot, extent: int) -> str:
    """Return what frees a constant of its batch size; empty where nothing does."""
    graph = spot.graph
    users = {use.node for use in graph.uses(spot.key) if graph.reaches(use.node)}
    if spot.node.op not in _FILLS or graph.is_head(spot.key):
        return ""
    if spot.node.op == "_zeros" and all(graph.op(user) == "RNN" for user in users):
        frees = len(target(spot)) == 3
    else:
        frees = all(graph.op(user) in _PAIRS | {"FullyConnected"} for user in users) and any(
            _meets(subject, user) or any(_meets(subject, use.node) for use in graph.uses(user))
            for user in users
        )
    return f"apply {free_batch(extent)}" if frees else ""


def _meets(subject: Subject, key: int) -> bool:
    """Return whether an operator wants one shape of what it reads, and reads what is fed."""
    graph: Graph = subject.graph
    read = graph.inputs(key)
    return graph.op(key) in _PAIRS and any(entry.node in subject.fed for entry in read)
