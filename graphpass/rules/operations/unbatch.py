"""``unbatch``: a trunk that runs on joined values becomes branches on the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import AttributeValueError, OperationError, count, listed
from graphpass.graph import Edit, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.batching.constants import follow_constants, refuse_two_lengths
from graphpass.rules.batching.finding import assumption, may_join
from graphpass.rules.batching.parting import Whole, count_of, find_whole, part
from graphpass.rules.batching.tracking import Tracking, shapes_of
from graphpass.rules.operations.names import fill, refuse_clashes
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import select_operators
from graphpass.rules.operations.region import restamp
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
        self._check_template()
        uneven: dict[int, str] = {}
        wholes = self._wholes(run, uneven)
        for reason in uneven.values():
            run.note(f"{reason}; so it stays one trunk")
        if not wholes:
            others = "no other values" if uneven else "no values"
            text = f"{others} are joined along axis 0, run through operators and split again"
            if not self.optional:
                raise OperationError(f"{text}; say under select which Concats are meant")
            run.note(text)
            return "found no trunk"
        shapes = shapes_of(run)
        states = graph.variable_keys().auxiliary_states
        summaries = []
        for whole in wholes:
            names = self._names(run, whole)
            joined = count_of(graph, whole.joins[0])
            starts = listed(map(graph.name, whole.joins))
            for join in whole.joins:
                assumed = assumption(graph, shapes, graph.inputs(join))
                if assumed is not None:
                    run.note(assumed)
            part(graph, edit, whole, names)
            summaries.append(
                f"made {joined} branches of {count(len(whole.trunk), 'operator')} behind {starts}"
            )
        run.drop_orphans(edit)
        restamp(graph, edit, [key for key in states if key in graph])
        return "; ".join(summaries)

    def _check_template(self) -> None:
        if "{name}" not in self.name or "{number}" not in self.name:
            raise OperationError(
                f"the name {self.name!r} would be that of several nodes; write {{name}} where the "
                "original's name goes and {number} for the branch, such as 'branch{number}_{name}'"
            )

    def _names(self, run: Run, whole: Whole) -> list[dict[int, str]]:
        graph = run.graph
        names = [
            {key: fill(self.name, name=graph.name(key), number=str(number)) for key in whole.trunk}
            for number in range(2, count_of(graph, whole.joins[0]) + 1)
        ]
        refuse_clashes(
            run,
            operators=[name for each in names for name in each.values()],
            advice="choose another template under name",
        )
        return names

    def _wholes(self, run: Run, uneven: dict[int, str]) -> list[Whole]:
        """Return the trunks; `uneven` learns which Concats are left out since parts differ."""
        graph = run.graph
        if self.select is None:
            concats = [key for key in graph.order() if _axis_of(graph, key) == 0]
        else:
            concats = _selected(graph, self.select)
        by_count: dict[int, list[int]] = {}
        for key in concats:
            by_count.setdefault(count_of(graph, key), []).append(key)
        shapes = shapes_of(run)
        found = []
        for number, joins in by_count.items():
            whole = self._whole(run, shapes, joins, uneven) if number > 1 else None
            if whole is not None:
                found.append(whole)
        return found

    def _whole(
        self, run: Run, shapes: Inference, joins: Sequence[int], uneven: dict[int, str]
    ) -> Whole | None:
        """Return the trunk behind Concats, without those whose values are not split again."""
        graph = run.graph
        left = list(joins)
        while left:
            axes = {(key, 0): _axis_of(graph, key) for key in left}
            tracking = Tracking(graph, shapes, run.purpose == "training", dict(axes))
            inputs = {key for name in run.model.inputs for key in run.variables(name)}
            constants = follow_constants(tracking, inputs)
            whole, failed = find_whole(graph, tracking, left)
            if not failed:
                failed = _uneven(graph, shapes, left)
                uneven.update(failed)
                if not failed:
                    refuse_two_lengths(graph, constants, whole.trunk)
                    return whole
            if self.select is not None:
                raise OperationError(f"{next(iter(failed.values()))}; so it has to stay one trunk")
            left = [key for key in left if key not in failed]
        return None


def _uneven(graph: Graph, shapes: Inference, joins: Sequence[int]) -> dict[int, str]:
    """Return the Concats of values that are known not to be the parts of an even split, and why."""
    return {
        join: f"{listed(map(graph.output_name, graph.inputs(join)))}, which "
        f"{describe(graph, join)} joins, differ in shape or type, and SliceChannel makes equal "
        "parts of them"
        for join in joins
        if not may_join(shapes, graph.inputs(join))
    }


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
