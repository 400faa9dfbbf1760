"""Operators that run graphs of their own: loops, conditions, fused subgraphs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphpass.ops.shape import Shape, need, product
from graphpass.ops.sites import DtypeSite, FactSite, Meaning, ShapeSite, T

__all__ = ["ROWS"]

# -- _foreach: walks the first axis of the data, carrying states -----------------------------------


def _places(site: FactSite[T]) -> list[int]:
    """Return which variable of the subgraph each input is."""
    return [*site["in_data_locs"], *site["in_state_locs"], *site["remain_locs"]]


def _each_step(site: ShapeSite) -> tuple[int | None, list[Shape | None]]:
    """Return the number of steps, and what is known of the subgraph's variables in each."""
    sliced, places = len(site["in_data_locs"]), _places(site)
    given: list[Shape | None] = [None] * len(places)
    for slot, place in enumerate(places):
        shape = site.inputs[slot]
        need(slot >= sliced or shape != (), "a value without axes can't be walked through")
        if shape is not None and slot < sliced:  # outside NumPy-shape mode nothing has no axes
            shape = shape[1:] or (() if site.np_shape else (1,))
        given[place] = shape
    lengths = [shape[0] for shape in site.inputs[:sliced] if shape]
    return next((length for length in lengths if length is not None), None), given


def for_each(site: ShapeSite) -> None:
    """Outputs are stacked again."""
    sliced = len(site["in_data_locs"])
    length, given = _each_step(site)
    variables, heads = site.subgraphs[0].inside(site, given)
    for slot, place in enumerate(_places(site)):
        found = variables[place]
        if found is not None and slot >= sliced:
            site.input(slot, found)
        elif found is not None and (site.np_shape or len(site.inputs[slot] or ()) != 1):
            site.input(slot, (length, *found))
    _stacked(site, heads, length)


def _stacked(site: ShapeSite, heads: Sequence[Shape | None], length: int | None) -> None:
    for slot, found in enumerate(heads):
        if found is not None:
            site.output(slot, (length, *found) if slot < site["num_out_data"] else found)


def for_each_dtype(site: DtypeSite) -> None:
    places = _places(site)
    given: list[str | None] = [None] * len(places)
    for slot, place in enumerate(places):
        given[place] = site.inputs[slot]
    variables, heads = site.subgraphs[0].inside(site, given)
    for slot, place in enumerate(places):
        site.input(slot, variables[place])
    for slot, found in enumerate(heads):
        site.output(slot, found)


def for_each_cost(site: ShapeSite) -> int | None:
    """Count the multiply-adds inside, once per step."""
    length, given = _each_step(site)
    return product([length, site.subgraphs[0].multiply_adds(site, given)])


# -- while_loop and _cond -------------------------------------------------------------------------


def _chosen(site: FactSite[T], which: int, slots: Sequence[int]) -> list[T | None]:
    """Variable number i of the subgraph is input `slots[i]`; return what its heads are."""
    given = [site.inputs[slot] for slot in slots]
    variables, heads = site.subgraphs[which].inside(site, given)
    for slot, found in zip(slots, variables, strict=True):
        site.input(slot, found)
    found_heads: list[T | None] = heads
    return found_heads


def while_loop(site: ShapeSite) -> None:
    """Run the second subgraph while the first holds; outputs have one place per iteration."""
    _chosen(site, 0, site["cond_input_locs"])
    heads: list[Shape | None] = _chosen(site, 1, site["func_input_locs"])
    _stacked(site, heads, site["max_iterations"])


def while_loop_dtype(site: DtypeSite) -> None:
    _chosen(site, 0, site["cond_input_locs"])
    heads: list[str | None] = _chosen(site, 1, site["func_input_locs"])
    for slot, found in enumerate(heads):
        site.output(slot, found)


def condition(site: FactSite[Any]) -> None:
    """Run one of two subgraphs, which give the same shapes and dtypes."""
    _chosen(site, 0, site["cond_input_locs"])
    for which, places in ((1, site["then_input_locs"]), (2, site["else_input_locs"])):
        for slot, found in enumerate(_chosen(site, which, places)):
            site.output(slot, found)


def unknown_cost(site: ShapeSite) -> int | None:
    """Nobody knows which way it goes, or how often."""
    return None


# -- fused operators -------------------------------------------------------------------------------


def fused(site: ShapeSite) -> None:
    """The inputs are the subgraph's variables; ranges of quantized data are one number."""
    _as_inside(site, (1,))


def fused_dtype(site: DtypeSite) -> None:
    """As inside, where nothing is quantized."""
    if not site.get("quantized"):
        _as_inside(site, "float32")


def _as_inside(site: FactSite[T], other: T) -> None:
    if not site.subgraphs:
        return
    graph = site.subgraphs[0]
    variables, heads = graph.inside(site, site.inputs[: graph.variables])
    for slot in range(len(site.inputs)):
        site.input(slot, variables[slot] if slot < len(variables) else other)
    for slot in range(len(site.outputs)):
        site.output(slot, heads[slot] if slot < len(heads) else other)


def fused_cost(site: ShapeSite) -> int | None:
    """Count the multiply-adds inside."""
    if not site.subgraphs:
        return None
    graph = site.subgraphs[0]
    count: int | None = graph.multiply_adds(site, site.inputs[: graph.variables])
    return count


def silent(site: FactSite[Any]) -> None:
    """Nothing follows from anything."""


ROWS = {
    "_foreach": Meaning(for_each, for_each_dtype, for_each_cost),
    "_while_loop": Meaning(while_loop, while_loop_dtype, unknown_cost),
    "_cond": Meaning(condition, condition, unknown_cost),
    "_sg_mkldnn_conv _sg_mkldnn_fully_connected _CachedOp": Meaning(fused, fused_dtype, fused_cost),
    "reset_arrays": Meaning(silent, silent),
}
