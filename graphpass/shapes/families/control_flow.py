"""Operators that run graphs of their own: loops, conditions, fused subgraphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from graphpass.graph import Graph
from graphpass.shapes.families.common import product
from graphpass.shapes.shape import ConflictError, Shape
from graphpass.shapes.site import DtypeSite, ShapeSite, Site

__all__ = [
    "condition",
    "condition_dtype",
    "for_each",
    "for_each_cost",
    "for_each_dtype",
    "fused",
    "fused_cost",
    "fused_dtype",
    "unknown_cost",
    "while_loop",
    "while_loop_dtype",
]

T = TypeVar("T")


def _inside(
    site: Site[T], graph: Graph, given: Sequence[T | None]
) -> tuple[list[T | None], list[T | None]]:
    """Infer inside a subgraph, and return what is known of its variables and of its heads."""
    from graphpass.shapes.inference import infer_inside  # which needs the table, which needs this

    return infer_inside(site, graph, given)


def _tail(shape: Shape | None) -> Shape | None:
    if shape == ():
        raise ConflictError("a value without axes can't be walked through")
    return None if shape is None else shape[1:]


def for_each(site: ShapeSite) -> None:
    """Walk the first axis of the data, carrying states; outputs are stacked again."""
    sliced, places = len(site["in_data_locs"]), _places(site)
    length, given = _each_step(site)
    variables, heads = _inside(site, site.subgraphs[0], given)
    for slot, place in enumerate(places):
        found = variables[place]
        if found is not None:
            site.input(slot, (length, *found) if slot < sliced else found)
    for slot, found in enumerate(heads):
        if found is not None:
            site.output(slot, (length, *found) if slot < site["num_out_data"] else found)


def _places(site: Site[T]) -> list[int]:
    """Return which variable of the subgraph each input is."""
    return [*site["in_data_locs"], *site["in_state_locs"], *site["remain_locs"]]


def _each_step(site: ShapeSite) -> tuple[int | None, list[Shape | None]]:
    """Return the number of steps, and what is known of the subgraph's variables in each."""
    sliced, places = len(site["in_data_locs"]), _places(site)
    lengths = [shape[0] for shape in site.inputs[:sliced] if shape]
    given: list[Shape | None] = [None] * len(places)
    for slot, place in enumerate(places):
        shape = site.inputs[slot]
        given[place] = _tail(shape) if slot < sliced else shape
    return next((length for length in lengths if length is not None), None), given


def for_each_cost(site: ShapeSite) -> int | None:
    """Count the multiply-adds inside, once per step."""
    length, given = _each_step(site)
    return product([length, _cost_inside(site, given)])


def fused_cost(site: ShapeSite) -> int | None:
    """Count the multiply-adds inside."""
    if not site.subgraphs:
        return None
    graph = site.subgraphs[0]
    count = sum(graph.is_variable(key) for key in graph.order())
    return _cost_inside(site, site.inputs[:count])


def unknown_cost(site: ShapeSite) -> int | None:
    """Nobody knows which way it goes, or how often."""
    return None


def _cost_inside(site: ShapeSite, given: Sequence[Shape | None]) -> int | None:
    from graphpass.shapes.cost import multiply_adds  # which needs the table, which needs this
    from graphpass.shapes.inference import look_inside

    graph = site.subgraphs[0]
    return multiply_adds(graph, look_inside(site, graph, given))


def for_each_dtype(site: DtypeSite) -> None:
    """As inside."""
    places = _places(site)
    given: list[str | None] = [None] * len(places)
    for slot, place in enumerate(places):
        given[place] = site.inputs[slot]
    variables, heads = _inside(site, site.subgraphs[0], given)
    for slot, place in enumerate(places):
        site.input(slot, variables[place])
    for slot, found in enumerate(heads):
        site.output(slot, found)


def while_loop(site: ShapeSite) -> None:
    """Run the second subgraph while the first holds; outputs have one place per iteration."""
    _chosen(site, 0, site["cond_input_locs"])
    steps = site["max_iterations"]
    heads = _chosen(site, 1, site["func_input_locs"])
    for slot, found in enumerate(heads):
        if found is not None:
            site.output(slot, (steps, *found) if slot < site["num_out_data"] else found)


def while_loop_dtype(site: DtypeSite) -> None:
    """As inside."""
    _chosen(site, 0, site["cond_input_locs"])
    heads: list[str | None] = _chosen(site, 1, site["func_input_locs"])
    for slot, found in enumerate(heads):
        site.output(slot, found)


def condition(site: ShapeSite) -> None:
    """Run one of two subgraphs, which give the same shapes."""
    _branches(site)


def condition_dtype(site: DtypeSite) -> None:
    """Run one of two subgraphs, which give the same dtypes."""
    _branches(site)


def _branches(site: Site[T]) -> None:
    _chosen(site, 0, site["cond_input_locs"])
    for which, places in ((1, site["then_input_locs"]), (2, site["else_input_locs"])):
        heads: list[T | None] = _chosen(site, which, places)
        for slot, found in enumerate(heads):
            site.output(slot, found)


def _chosen(site: Site[T], which: int, slots: Sequence[int]) -> list[T | None]:
    """Variable number i of the subgraph is input `slots[i]`; return what its heads are."""
    variables, heads = _inside(site, site.subgraphs[which], [site.inputs[slot] for slot in slots])
    for slot, found in zip(slots, variables, strict=True):
        site.input(slot, found)
    return heads


def fused(site: ShapeSite) -> None:
    """The inputs are the subgraph's variables; ranges of quantized data are one number."""
    _fused(site, (1,))


def fused_dtype(site: DtypeSite) -> None:
    """As inside, where nothing is quantized."""
    if not site.attributes.get("quantized"):
        _fused(site, "float32")


def _fused(site: Site[T], other: T) -> None:
    if not site.subgraphs:
        return
    graph = site.subgraphs[0]
    count = sum(graph.is_variable(key) for key in graph.order())
    variables, heads = _inside(site, graph, site.inputs[:count])
    for slot, found in enumerate(variables):
        site.input(slot, found)
    for slot in range(count, len(site.inputs)):
        site.input(slot, other)
    for slot, found in enumerate(heads):
        site.output(slot, found)
    for slot in range(len(heads), len(site.outputs)):
        site.output(slot, other)
