"""``batch``: branches that apply the same operators to the same weights become one trunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import ClassVar

from graphpass.errors import OperationError, count, listed
from graphpass.graph import Edit, Entry, Graph, ValueKey
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.region import give_control_to, restamp
from graphpass.rules.operations.trunks import (
    Tracking,
    Trunk,
    assumption,
    color,
    find_trunks,
    follow_constants,
    may_join,
    refuse_two_lengths,
    shapes_of,
    trunk_of,
)
from graphpass.rules.rewrite.fire import FreshNames
from graphpass.rules.selectors import Selector, select_entries, select_entry
from graphpass.shapes import Inference

__all__ = ["Batch"]

_MOST_CHOICES = 64
"""So many choices of axes are tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Operation):
    """Join the inputs of branches along the batch, run what they have in common once, and split.

    Examples
    --------
    Two towers on tied weights: ``batch: {from: [[left_data], [right_data]]}``, or just ``batch:``.
    """

    keyword: ClassVar[str] = "batch"
    shorthand: ClassVar[str | None] = "from"

    from_: Sequence[Selector] | None = None
    """For each branch the values where it starts, in corresponding order. Default: of the model's
    inputs, those whose branches save the most operators, and read a weight."""

    to: Selector | None = None
    """Values of the first branch where the trunk ends; default: as far as the branches agree."""

    axis: int | Mapping[str, int] | None = None
    """Along which axis of the starts the samples are: one for all, or by start, where those that
    are not named have 0. Default: such axes that the trunk can run, 0 where that is one."""

    optional: bool = False
    """Whether it is fine if there are no branches."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Join the branches. Linear in the graph for each choice of branches."""
        graph = run.graph
        shapes = shapes_of(run)
        trunks = self._trunks(run, shapes)
        if not trunks:
            return self._nothing(run)
        tracking = Tracking(graph, shapes, run.purpose == "training")
        constants = follow_constants(tracking, _inputs(run))
        for trunk in trunks:
            self._follow(tracking, trunk)
            refuse_two_lengths(graph, constants, trunk.nodes)
        states = graph.variable_keys().auxiliary_states
        lost = [pair for trunk in trunks for pair in _join(graph, edit, trunk, tracking)]
        run.drop_orphans(edit)
        restamp(graph, edit, [key for key in states if key in graph])
        for trunk in trunks:
            for column in trunk.columns:
                assumed = assumption(graph, shapes, column)
                if assumed is not None:
                    run.note(assumed)
            sizes = [
                (shapes.shape(entry) or ())[(axis := tracking.axes[entry.value] or 0) : axis + 1]
                for entry in trunk.branches[0]
            ]
            if len(sizes) > 1 and any(size in ((), (None,)) for size in sizes):
                run.note(
                    f"{listed(map(graph.output_name, trunk.branches[0]))} have to be fed batches "
                    "of one size from now on: one sample is no longer used for all of another"
                )
        for before, after in lost:
            run.note(f"the output {before!r} is called {after!r} now")
        return "; ".join(_summary(graph, trunk) for trunk in trunks)

    def _trunks(self, run: Run, shapes: Inference) -> list[Trunk]:
        graph, wanted = run.graph, self.from_
        coloring = color(graph, _inputs(run))
        if wanted is None:
            trunks = find_trunks(graph, coloring, shapes)
        else:
            branches = [select_entries(graph, selectors) for selectors in wanted]
            if len(branches) < 2:
                raise OperationError(
                    "from is a list with the starts of two branches or more, such as "
                    "[[left_data], [right_data]]"
                )
            lengths = {len(entries) for entries in branches}
            if len(lengths) > 1:
                raise OperationError(
                    f"the branches start at {' and '.join(str(len(each)) for each in branches)} "
                    "values, and each has to start at as many as the others, in corresponding order"
                )
            values = [entry.value for entries in branches for entry in entries]
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise OperationError(
                    f"{graph.output_name(Entry(*twice))!r} stands twice under from; what all "
                    "branches read needs no mention"
                )
            for column in zip(*branches, strict=True):
                if not may_join(shapes, column):
                    raise OperationError(
                        f"{listed(map(graph.output_name, column))} differ in shape or type, so "
                        "they can't be joined"
                    )
            trunks = [trunk_of(graph, coloring, branches)]
            read = {entry.value for key in trunks[0].twins for entry in graph.inputs(key)}
            for column in trunks[0].columns:
                if column[0].value not in read:
                    raise OperationError(
                        f"{listed(map(graph.output_name, column))} do not go through the same "
                        "operators with the same attributes on the same weights; are the weights "
                        "tied?"
                    )
        if self.to is None:
            return trunks
        ends = select_entries(graph, self.to)
        if len(trunks) != 1:
            raise OperationError(
                f"to says where one trunk ends, and there are {len(trunks)}; say under from where "
                "its branches start"
            )
        return [trunks[0].upto(graph, ends)]

    def _follow(self, tracking: Tracking, trunk: Trunk) -> None:
        """Follow the samples through a trunk, from axes of its starts with which that can be.

        What the rules of the operators let through is right whatever the axes are, so any that they
        let through will do; those nearest to the first axis are tried first.
        """
        columns = trunk.columns
        before, refusal = dict(tracking.axes), None
        for axes in self._axes(tracking, columns):
            tracking.axes = dict(before)
            for column, axis in zip(columns, axes, strict=True):
                tracking.axes.update({entry.value: axis for entry in column})
            try:
                tracking.run(trunk.twins)
            except OperationError as error:
                refusal = refusal or error
            else:
                return
        raise OperationError(
            f"{refusal}; `to` can end the trunk before it, and `from` can start it behind it"
        ) from None

    def _axes(
        self, tracking: Tracking, columns: Sequence[Sequence[Entry]]
    ) -> Iterable[tuple[int, ...]]:
        """Return what to try: for each start the axis of the samples."""
        graph, given = tracking.graph, self.axis
        if isinstance(given, int):
            return [(given,) * len(columns)]
        if given is not None:
            chosen = {select_entry(graph, start).value: axis for start, axis in given.items()}
            found = []
            for column in columns:
                own = {chosen.pop(each.value) for each in column if each.value in chosen}
                if len(own) > 1:
                    raise OperationError(
                        f"axis has {' and '.join(map(str, sorted(own)))} for "
                        f"{listed(map(graph.output_name, column))}, which are to be joined"
                    )
                found.append(own.pop() if own else 0)
            if chosen:
                names = listed(graph.output_name(Entry(*value)) for value in chosen)
                raise OperationError(f"axis names {names}, where no branch starts")
            return [tuple(found)]
        ranks = [len(tracking.shapes.shape(column[0]) or ()) for column in columns]
        choices = product(*[(0, 1) if rank > 1 else (0,) for rank in ranks])
        return sorted(islice(choices, _MOST_CHOICES), key=sum)

    def _nothing(self, run: Run) -> str:
        text = (
            f"no two of the inputs {listed(run.model.inputs)} go through the same operators on the "
            "same weights with shapes that agree"
        )
        if not self.optional:
            raise OperationError(
                f"{text}; weights that are equal and not one variable are tied by "
                "`share-equal-parameters`, and other branches are told under from"
            )
        run.note(text)
        return "found no branches"


def _inputs(run: Run) -> set[int]:
    return {key for name in run.model.inputs for key in run.variables(name)}


def _summary(graph: Graph, trunk: Trunk) -> str:
    starts = [listed(map(graph.output_name, column)) for column in trunk.columns]
    return (
        f"joined {len(trunk.branches)} branches from {' and from '.join(starts)}: "
        f"{count(len(trunk.twins), 'operator')} run once"
    )


# -- one trunk in the place of branches ------------------------------------------------------------


@dataclass(slots=True)
class _Joining:
    graph: Graph
    edit: Edit
    trunk: Trunk
    tracking: Tracking
    names: FreshNames
    inside: set[int]
    """The nodes of all branches of the trunk."""

    def starts(self) -> dict[ValueKey, Entry]:
        """Join what corresponds among the starts that the trunk reads."""
        graph = self.graph
        read = {entry.value for key in self.trunk.twins for entry in graph.inputs(key)}
        joined: dict[ValueKey, Entry] = {}
        for column in self.trunk.columns:
            value = column[0].value
            if value in read:
                attrs = {"dim": str(self.tracking.axes[value]), "num_args": str(len(column))}
                name = self.names.fresh(f"{graph.name(value[0])}_batch")
                joined[value] = Entry(self.edit.add_node("Concat", name, attrs, column))
        return joined

    def rewire(self, joined: Mapping[ValueKey, Entry]) -> None:
        """Make the first branch read the joined starts."""
        for key in self.trunk.twins:
            read, waits = self.graph.inputs(key), self.graph.control_dependencies(key)
            inputs = tuple([joined.get(entry.value, entry) for entry in read])
            control = tuple([joined.get((other, 0), Entry(other)).node for other in waits])
            if (inputs, control) != (read, waits):
                self.edit.set_inputs(key, inputs, control=control)

    def outside(self) -> list[ValueKey]:
        """Return the values of the trunk that something else uses in some branch."""
        graph, inside = self.graph, self.inside
        used: dict[ValueKey, None] = {}
        heads = {head.value for head in graph.heads}
        for key, twins in self.trunk.twins.items():
            for output in range(graph.signature(key).num_outputs):
                if any(
                    (twin, output) in heads
                    or any(use.node not in inside for use in graph.uses(twin, output))
                    for twin in twins
                ):
                    used[key, output] = None
        return list(used)

    def split(self, value: ValueKey) -> None:
        """Let the users of a value, in each branch, read that branch's part of it."""
        key, output = value
        twins = self.trunk.twins[key]
        axis = self.tracking.axes.get(value)
        if axis is None:
            parts = [Entry(key, output)] * len(twins)
        else:
            name = self.names.fresh(f"{self.graph.name(key)}_split")
            attrs = {"axis": str(axis), "num_outputs": str(len(twins))}
            node = self.edit.add_node("SliceChannel", name, attrs, [Entry(key, output)])
            parts = [Entry(node, part) for part in range(len(twins))]
            self.inside.add(node)
        for twin, part in zip(twins, parts, strict=True):
            if (twin, output) != part.value:
                self.edit.redirect(Entry(twin, output), part, keep=self.inside)


def _join(graph: Graph, edit: Edit, trunk: Trunk, tracking: Tracking) -> list[tuple[str, str]]:
    """Run one trunk on the joined starts of all branches; of the others nothing is left in use.

    Return former and new name of each output that could not keep its name. Linear in the trunk and
    its users.
    """
    outputs = graph.outputs
    names = {key: graph.name(key) for twins in trunk.twins.values() for key in twins}
    joining = _Joining(graph, edit, trunk, tracking, FreshNames(graph), trunk.nodes)
    heads = graph.heads
    used = joining.outside()
    joining.rewire(joining.starts())
    for value in used:
        joining.split(value)
    for key, twins in trunk.twins.items():
        for twin in twins[1:]:
            give_control_to(graph, edit, twin, key)
    _name_heads(joining, heads, outputs, names)
    return [
        (before, after)
        for before, after in zip(outputs, graph.outputs, strict=True)
        if before != after
    ]


def _name_heads(
    joining: _Joining, former: tuple[Entry, ...], outputs: list[str], names: Mapping[int, str]
) -> None:
    """Let an identity with the name of the former operator return each part that is a head."""
    graph, edit = joining.graph, joining.edit
    named: dict[ValueKey, Entry] = {}
    heads = list(graph.heads)
    for position, (head, before, output) in enumerate(zip(heads, former, outputs, strict=True)):
        if head.value == before.value or before.node not in names:
            continue
        name = names[before.node]
        if output != (f"{name}_output" if name else "output"):
            continue
        if before.value not in named:
            if before.node in joining.trunk.twins:
                edit.rename(before.node, joining.names.fresh(f"{name}_batch"))
            named[before.value] = Entry(edit.add_node("_copy", name, {}, [head]))
        heads[position] = named[before.value]
    edit.set_heads(heads)
