"""The version stamps that composing a graph in saved order gives."""

from __future__ import annotations

from graphpass.formats.symbol_read import is_opaque
from graphpass.graph import VARIABLE, Graph
from graphpass.ops import find

__all__ = ["natural_stamps"]


def natural_stamps(graph: Graph) -> dict[tuple[int, int], int]:
    """Return the stamps that MXNet gives edges when it composes operators in saved order.

    An operator that mutates a variable raises the variable's count and stores it on the edge; one
    that only reads the variable stores the count so far. Edges into opaque operators have none.

    Parameters
    ----------
    graph : Graph
        Any graph; the stamps that it bears do not matter.

    Returns
    -------
    dict of (int, int) to int
        Key and input slot to stamp; every other edge has 0.

    Notes
    -----
    Linear in the graph. Source: ``UpdateNodeVersion`` in ``nnvm/src/core/symbolic.cc``.
    """
    mutable = _mutable_slots(graph)
    counts = {
        entry.node: 0
        for key, slots in mutable.items()
        for slot, entry in enumerate(graph.inputs(key))
        if slot in slots and graph.is_variable(entry.node)
    }
    readers = {use.node for key in counts for use in graph.uses(key)}
    stamps: dict[tuple[int, int], int] = {}
    for key in graph.order() if readers else ():
        if key not in readers or is_opaque(graph.op(key)):
            continue
        inputs = graph.inputs(key)
        for slot, entry in enumerate(inputs):
            if counts.get(entry.node):
                stamps[key, slot] = counts[entry.node]
        for slot in mutable.get(key, ()):
            if slot < len(inputs) and inputs[slot].node in counts:
                counts[inputs[slot].node] += 1
                stamps[key, slot] = counts[inputs[slot].node]
    return stamps


def _mutable_slots(graph: Graph) -> dict[int, tuple[int, ...]]:
    """Return the slots that operators write to, of those that write at all."""
    found = {}
    idle: dict[str, bool] = {}
    for key in graph.order():
        op = graph.op(key)
        if op not in idle:
            idle[op] = _is_idle(op)
        if not idle[op] and (slots := graph.signature(key).mutable_slots):
            found[key] = slots
    return found


def _is_idle(op: str) -> bool:
    """Return whether an operator writes to no input, whatever its attributes."""
    operator = None if op == VARIABLE or is_opaque(op) else find(op)
    if operator is None:
        return True
    constant = operator.constant_signature
    return constant is not None and not constant.mutable_slots
