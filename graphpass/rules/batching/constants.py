"""Constants that are as long as the batch, such as the states that recurrent nets begin with.

MXNet infers an extent of 0 in ``_zeros(shape=(0, 8))`` from how the value is used, and so behind
operators that read nothing but parameters and such a value. In a trunk they are as long as the
joined batch, and in a branch as one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from graphpass.errors import OperationError
from graphpass.graph import Graph
from graphpass.graph.invariants import describe
from graphpass.rules.batching.tracking import Tracking

__all__ = ["follow_constants", "refuse_two_lengths"]

_FILLS = frozenset(["_full", "_ones", "_zeros"])


def follow_constants(tracking: Tracking, inputs: Collection[int]) -> set[int]:
    """Let tracking know the axes along which constants are open, and return these nodes.

    Parameters
    ----------
    tracking : Tracking
        It learns the axes.
    inputs : collection of int
        The variables that are data inputs.

    Notes
    -----
    Linear in the graph.
    """
    graph = tracking.graph
    if graph.origin is not None and graph.origin.np_shape:
        return set()
    found: set[int] = set()
    constant: set[int] = set()
    for key in graph.order():
        sources = graph.sources(key)
        if graph.is_variable(key):
            if key not in inputs:
                constant.add(key)
        elif all(source in constant for source in sources):
            constant.add(key)
            axis = _open_axis(graph, key)
            if axis is not None:
                tracking.axes[key, 0] = axis
                found.add(key)
            elif not found.isdisjoint(sources) and _follows(tracking, key):
                found.add(key)
    return found


def refuse_two_lengths(graph: Graph, constants: Collection[int], trunk: Iterable[int]) -> None:
    """Refuse a constant that would have to be as long as one batch and as all of them.

    Raises
    ------
    OperationError
        Naming it and who else reads it.
    """
    inside = set(trunk)
    pending = [source for key in inside for source in graph.sources(key) if source in constants]
    needed: set[int] = set()
    while pending:
        key = pending.pop()
        if key not in needed:
            needed.add(key)
            pending += [source for source in graph.sources(key) if source in constants]
    for key in needed:
        others = [use.node for use in graph.uses(key) if use.node not in inside | needed]
        if others or graph.is_head(key):
            reader = f"{describe(graph, others[0])} reads it" if others else "it is a head"
            raise OperationError(
                f"{describe(graph, key)} would be as long as the joined batch in the trunk, and "
                f"{reader} outside; give the trunk its own"
            )


def _open_axis(graph: Graph, key: int) -> int | None:
    if graph.op(key) not in _FILLS:
        return None
    shape = graph.node(key).attributes.get("shape")
    return shape.index(0) if isinstance(shape, tuple) and shape.count(0) == 1 else None


def _follows(tracking: Tracking, key: int) -> bool:
    try:
        tracking.step(key)
    except OperationError:
        return False
    return tracking.axes.get((key, 0)) is not None
