"""What the variables of a subgraph stand for in the graph around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry, Graph

__all__ = ["passed_in"]

_LOCATIONS = {
    "_cond": ("cond_input_locs", "then_input_locs", "else_input_locs"),
    "_while_loop": ("cond_input_locs", "func_input_locs"),
}
"""Operator -> for each subgraph the attribute that says which input each of its variables is."""


def passed_in(graph: Graph, key: int, which: int, variable: int) -> Entry | None:
    """Return the value that a variable of a subgraph is every time the subgraph runs.

    Parameters
    ----------
    graph : Graph
        The graph around the subgraph.
    key : int
        The operator that runs it.
    which : int
        Which of the operator's subgraphs it is.
    variable : int
        Key of the variable in the subgraph.

    Returns
    -------
    Entry or None
        None for what is another value in each step of a loop: slices of data, and states.

    Notes
    -----
    Linear in the subgraph.
    """
    inner = graph.subgraphs(key)[which]
    position = [each for each in inner.order() if inner.is_variable(each)].index(variable)
    try:
        slots, changing = _slots(graph, key, which)
        slot = position if slots is None else slots[position]
        return None if slot in changing else graph.inputs(key)[slot]
    except (AttributeValueError, IndexError, KeyError, TypeError):
        return None


def _slots(graph: Graph, key: int, which: int) -> tuple[Sequence[int] | None, Collection[int]]:
    """Return which input each variable is, None for the one in its place; and which inputs change.

    Source: ``src/operator/control_flow.cc`` and ``python/mxnet/symbol/contrib.py``.
    """
    node = graph.node(key)
    attributes: Mapping[str, Any] = node.attributes
    if node.op == "_foreach":
        steps = [*attributes["in_data_locs"], *attributes["in_state_locs"]]
        places = [*steps, *attributes["remain_locs"]]
        slots = {place: slot for slot, place in enumerate(places)}
        return [slots[place] for place in range(len(places))], range(len(steps))
    if node.op not in _LOCATIONS:
        return None, ()
    locations = attributes[_LOCATIONS[node.op][which]]
    if node.op == "_cond":
        return locations, ()
    read = attributes["func_input_locs"]
    return locations, {read[place] for place in attributes["func_var_locs"] if place >= 0}
