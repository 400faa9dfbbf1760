"""Trunks that run on joined values and are split again: which there are, and towers from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from graphpass.errors import AttributeValueError, OperationError
from graphpass.graph import Edit, Entry, Graph, Value
from graphpass.graph.invariants import describe
from graphpass.rules.batching.tracking import Tracking
from graphpass.rules.operations.region import Copying, give_control_to

__all__ = ["Whole", "count_of", "find_whole", "part"]


@dataclass(frozen=True, slots=True)
class Whole:
    """A trunk between values that are joined and values that are split."""

    joins: tuple[int, ...]
    """The Concats."""

    trunk: tuple[int, ...]
    """What lies between, in saved order."""

    splits: tuple[int, ...]
    """The SliceChannels."""


def count_of(graph: Graph, key: int) -> int:
    """Return how many values a Concat joins."""
    return len(graph.inputs(key))


def find_whole(
    graph: Graph, tracking: Tracking, joins: Collection[int]
) -> tuple[Whole, dict[int, str]]:
    """Follow joined values until they are split again into as many parts.

    Parameters
    ----------
    graph : Graph
        The graph.
    tracking : Tracking
        It knows the axes along which the values are joined; it learns those of the trunk.
    joins : collection of int
        Concats of one number of inputs.

    Returns
    -------
    Whole
        What was found.
    dict
        Concat to the reason why its values do not end at SliceChannels; empty if all do.

    Notes
    -----
    Linear in the graph.
    """
    number = {count_of(graph, key) for key in joins}.pop()
    sources: dict[int, frozenset[int]] = {key: frozenset([key]) for key in joins}
    failed: dict[int, str] = {}
    trunk, splits = [], []
    heads = {head.value for head in graph.heads}
    for key in graph.order():
        if key in joins:
            if (key, 0) in heads:
                failed.setdefault(key, f"{describe(graph, key)} is a head")
            continue
        before = (*graph.inputs(key), *map(Entry, graph.control_dependencies(key)))
        origin = frozenset().union(*(sources.get(entry.node, frozenset()) for entry in before))
        if not origin:
            continue
        if _splits(graph, tracking, key, number):
            splits.append(key)
            continue
        sources[key] = origin
        reason = _reason(graph, tracking, key, heads)
        if reason is not None:
            for join in origin:
                failed.setdefault(join, reason)
        trunk.append(key)
    return Whole(tuple(joins), tuple(trunk), tuple(splits)), failed


def _splits(graph: Graph, tracking: Tracking, key: int, number: int) -> bool:
    if graph.op(key) != "SliceChannel":
        return False
    (entry,) = graph.inputs(key)
    axis = tracking.axes.get(entry.value)
    try:
        attributes = graph.node(key).attributes
        return (
            axis is not None
            and attributes["axis"] == axis
            and attributes["num_outputs"] == number
            and not attributes["squeeze_axis"]
        )
    except AttributeValueError:
        return False


def _reason(graph: Graph, tracking: Tracking, key: int, heads: Collection[Value]) -> str | None:
    """Follow the axes through a node; return why the trunk can't go through it."""
    try:
        tracking.step(key)
    except OperationError as error:
        return str(error)
    for output in range(graph.signature(key).num_outputs):
        value = (key, output)
        if value in heads and tracking.axes.get(value) is not None:
            return f"{describe(graph, key)} is a head, and not split"
    return None


def part(graph: Graph, edit: Edit, whole: Whole, names: Sequence[Mapping[int, str]]) -> None:
    """Run the trunk once for each of the joined values.

    Parameters
    ----------
    graph : Graph
        The graph.
    edit : Edit
        A transaction on it.
    whole : Whole
        The trunk. Its nodes become those of the first branch.
    names : sequence of mappings
        For each further branch, the names of its nodes.

    Notes
    -----
    Linear in the trunk and its users, for each branch.
    """
    starts = {join: graph.inputs(join) for join in whole.joins}
    branches = [Copying(graph, edit, {(join, 0): read[0] for join, read in starts.items()})]
    for branch, twins in enumerate(names, 1):
        values = {(join, 0): read[branch] for join, read in starts.items()}
        branches.append(Copying(graph, edit, values))
        branches[-1].copy({key: twins[key] for key in whole.trunk})
    ends = {key: graph.inputs(key)[0] for key in whole.splits}
    for join, read in starts.items():
        edit.redirect(Entry(join), read[0])
        give_control_to(graph, edit, join, read[0].node)
    for key, end in ends.items():
        give_control_to(graph, edit, key, end.node)
        for branch, copying in enumerate(branches):
            _end(graph, edit, Entry(key, branch), copying.value(end))


def _end(graph: Graph, edit: Edit, old: Entry, new: Entry) -> None:
    """Let users of a part read what a tower computes; an identity behind it gives it its name."""
    identity = next(
        (
            use.node
            for use in graph.uses(old.node, old.output)
            if graph.op(use.node) == "_copy" and graph.is_head(use.node)
        ),
        None,
    )
    edit.redirect(old, new)
    if identity is None or graph.is_variable(new.node) or graph.is_head(new.node):
        return
    if graph.attrs(identity) or graph.control_dependencies(identity):
        return
    if graph.output_name(new) == f"{graph.name(new.node)}_output":
        edit.rename(new.node, graph.name(identity))
        edit.redirect(Entry(identity), new)
