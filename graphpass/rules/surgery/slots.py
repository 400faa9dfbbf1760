"""Inputs of an operator by number or by name."""

from __future__ import annotations

from graphpass.errors import OperationError, count, listed, suggestion
from graphpass.graph import Graph
from graphpass.graph.invariants import describe

__all__ = ["find_slot"]


def find_slot(graph: Graph, key: int, wanted: int | str) -> int:
    """Return the input slot of a node that a number or an input's name means.

    Raises
    ------
    OperationError
        Naming the inputs that there are.
    """
    slots = len(graph.inputs(key))
    names = (graph.signature(key).input_names or ())[:slots]
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) and 0 <= wanted < slots:
        return wanted
    known = f": {listed(names)}" if names else ""
    raise OperationError(
        f"{describe(graph, key)} has no input {wanted!r}{suggestion(str(wanted), names)}; "
        f"it has {count(slots, 'input')}{known}, counted from 0"
    )
