"""``unbatch``: a trunk that runs on joined values becomes branches on the same weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import AttributeValueError, OperationError, count, listed
from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.rules.operations.names import fill, refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import select_operators
from graphpass.rules.operations.region import Copying, give_control_to, restamp
from graphpass.rules.operations.trunks import (
    Tracking,
    assumption,
    follow_constants,
    may_join,
    refuse_two_lengths,
    shapes_of,
)
from graphpass.rules.selectors import Selector
from graphpass.shapes import Inference

__all__ = ["Unbatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbatch(Operation):
    """Run what lies between Concats and SliceChannels once for each value that is joined."""

    keyword: ClassVar[str] = "unbatch"
    shorthand: ClassVar[str | None] = "select"

    select: Selector | None = None
    """The Concats; default: all along axis 0 whose values end at SliceChannels again."""

    name: str = "branch{number}_{name}"
    """Template of the names in the second branch and those after it."""

    optional: bool = False
    """Whether it is fine if there is no such trunk."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Part the trunks. Linear in the graph for each Concat that is no part of one."""
        graph = run.graph
        if "{name}" not in self.name or "{number}" not in self.name:
            raise OperationError(
                f"the name {self.name!r} would be that of several nodes; write {{name}} where the "
                "original's name goes and {number} for the branch, such as 'branch{number}_{name}'"
            )
        uneven: dict[int, str] = {}
        if self.select is None:
            concats = [key for key in graph.order() if _axis_of(graph, key) == 0]
        else:
            concats = _selected(graph, self.select)
        by_count: dict[int, list[int]] = {}
        for key in concats:
            by_count.setdefault(len(graph.inputs(key)), []).append(key)
        shapes = shapes_of(run)
        found = [self._whole(run, shapes, by_count[n], uneven) for n in by_count if n > 1]
        wholes = [whole for whole in found if whole is not None]
        for reason in uneven.values():
            run.note(f"{reason}; so it stays one trunk")
        if not wholes:
            others = "no other values" if uneven else "no values"
            text = f"{others} are joined along axis 0, run through operators and split again"
            if not self.optional:
                raise OperationError(f"{text}; say under select which Concats are meant")
            run.note(text)
            return "found no trunk"
        states = graph.variable_keys().auxiliary_states
        summaries = []
        for whole in wholes:
            joined = len(graph.inputs(whole.joins[0]))
            names = [
                {
                    key: fill(run, self.name, name=graph.name(key), number=str(number))
                    for key in whole.trunk
                }
                for number in range(2, joined + 1)
            ]
            refuse_clashes(
                run,
                operators=[name for each in names for name in each.values()],
                advice="choose another template under name",
            )
            starts = listed(map(graph.name, whole.joins))
            for join in whole.joins:
                assumed = assumption(graph, shapes, graph.inputs(join))
                if assumed is not None:
                    run.note(assumed)
            _part(run, edit, whole, names)
            summaries.append(
                f"made {joined} branches of {count(len(whole.trunk), 'operator')} behind {starts}"
            )
        run.drop_orphans(edit)
        restamp(graph, edit, [key for key in states if key in graph])
        return "; ".join(summaries)

    def _whole(
        self, run: Run, shapes: Inference, joins: Sequence[int], uneven: dict[int, str]
    ) -> _Whole | None:
        """Return the trunk behind Concats, without those whose values are not split again.

        `uneven` learns which Concats are left out since their parts differ, and why.
        """
        graph = run.graph
        left = list(joins)
        while left:
            axes = {(key, 0): _axis_of(graph, key) for key in left}
            tracking = Tracking(graph, shapes, run.purpose == "training", dict(axes))
            inputs = {key for name in run.model.inputs for key in run.variables(name)}
            constants = follow_constants(tracking, inputs)
            whole, failed = _find_whole(graph, tracking, left)
            if not failed:
                failed = {
                    join: f"{listed(map(graph.output_name, graph.inputs(join)))}, which "
                    f"{describe(graph, join)} joins, differ in shape or type, and SliceChannel "
                    "makes equal parts of them"
                    for join in left
                    if not may_join(shapes, graph.inputs(join))
                }
                uneven.update(failed)
                if not failed:
                    refuse_two_lengths(graph, constants, whole.trunk)
                    return whole
            if self.select is not None:
                raise OperationError(f"{next(iter(failed.values()))}; so it has to stay one trunk")
            left = [key for key in left if key not in failed]
        return None


def _selected(graph: Graph, selector: Selector) -> list[int]:
    keys = select_operators(graph, selector)
    others = [key for key in keys if _axis_of(graph, key) is None]
    if others:
        raise OperationError(
            f"{listed(map(graph.name, others))} is no Concat along an axis that is counted from "
            "the front"
        )
    return keys


def _axis_of(graph: Graph, key: int) -> int | None:
    """Return along which axis a node joins values; None if it does not, or from the end."""
    if graph.op(key) != "Concat":
        return None
    try:
        axis = graph.node(key).attributes["dim"]
    except AttributeValueError:
        return None
    return axis if isinstance(axis, int) and axis >= 0 else None


# -- trunks that run on joined values and are split again ------------------------------------------


@dataclass(frozen=True, slots=True)
class _Whole:
    """A trunk between values that are joined and values that are split."""

    joins: tuple[int, ...]
    """The Concats."""

    trunk: tuple[int, ...]
    """What lies between, in saved order."""

    splits: tuple[int, ...]
    """The SliceChannels."""


def _find_whole(
    graph: Graph, tracking: Tracking, joins: Collection[int]
) -> tuple[_Whole, dict[int, str]]:
    """Follow joined values until they are split again into as many parts.

    `tracking` knows the axes along which the values are joined, and learns those of the trunk. With
    the trunk goes, by Concat, why its values do not end at SliceChannels. Linear in the graph.
    """
    number = {len(graph.inputs(key)) for key in joins}.pop()
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
        if graph.op(key) == "SliceChannel":
            axis, says = tracking.axes.get(graph.inputs(key)[0].value), {}
            with suppress(AttributeValueError):
                says = dict(graph.node(key).attributes)
            wanted = {"axis": axis, "num_outputs": number, "squeeze_axis": False}
            if axis is not None and {name: says.get(name) for name in wanted} == wanted:
                splits.append(key)
                continue
        sources[key] = origin
        reason = _reason(graph, tracking, key, heads)
        if reason is not None:
            for join in origin:
                failed.setdefault(join, reason)
        trunk.append(key)
    return _Whole(tuple(joins), tuple(trunk), tuple(splits)), failed


def _reason(graph: Graph, tracking: Tracking, key: int, heads: Collection[ValueKey]) -> str | None:
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


def _part(run: Run, edit: Edit, whole: _Whole, names: Sequence[Mapping[int, str]]) -> None:
    """Run the trunk once for each of the joined values; its nodes become the first branch's.

    `names` are those of the nodes of each further branch. Linear in the trunk and its users, for
    each branch.
    """
    graph, limits = run.graph, run.limits
    starts = {join: graph.inputs(join) for join in whole.joins}
    branches = [Copying(graph, edit, {(join, 0): read[0] for join, read in starts.items()}, limits)]
    for branch, twins in enumerate(names, 1):
        values = {(join, 0): read[branch] for join, read in starts.items()}
        branches.append(Copying(graph, edit, values, limits))
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
