"""A group of rewrites on a model: one match at a time, until none is left."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphpass.errors import GraphpassError, OperationError, RunawayError, prefixed
from graphpass.formats.parameters import Parameters
from graphpass.graph import Edit, Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.model import Model
from graphpass.rules.limits import Limits
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fire import Fired, FiringContext, fire
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.stacks import NotFiniteError, Stacks
from graphpass.rules.rewrite.templates import Templates
from graphpass.rules.rewrite.worklist import RunawayWatch, Worklist

if TYPE_CHECKING:
    from graphpass.rules.operations.operation import Run
    from graphpass.shapes import Shape

__all__ = ["Group", "Member", "run_group"]


class Member(NamedTuple):
    """A rewrite of a group."""

    rewrite: Rewrite

    label: str
    """What errors call it."""


@dataclass(slots=True)
class Group:
    """Rewrites that run together: always the first in the list that applies, where it does first.

    Those whose conditions look beyond the match are tried everywhere once more when nothing else
    applies: whether they do can change by a firing anywhere.

    Parameters
    ----------
    members : sequence of Member
        In the order of the pass.
    budget : int, optional
        How many firings there may be; by default what `RunawayWatch` allows.
    provenance : bool
        Whether new nodes say which rewrite made them, and of what.
    """

    members: Sequence[Member]
    budget: int | None = None
    provenance: bool = False
    firings: list[list[Fired]] = field(init=False)
    """Per rewrite what it did, in order."""

    count: int = field(init=False, default=0)
    """How many firings there were."""

    def __post_init__(self) -> None:
        self.firings = [[] for _ in self.members]

    def run(
        self,
        graph: Graph,
        edit: Edit,
        parameters: Parameters | None,
        inputs: Collection[str] | None,
        path: tuple[Level, ...] = (),
        shapes: Mapping[str, Shape] | None = None,
        limits: Limits | None = None,
        facts: Facts | None = None,
    ) -> int:
        """Rewrite a graph, subgraphs left aside, until no rewrite applies.

        Parameters
        ----------
        graph : Graph
            The graph.
        edit : Edit
            An open transaction on it.
        parameters : Parameters or None
            The model's; None for a subgraph.
        inputs : collection of str or None
            Names of the arguments without a stored value; hints tell if None.
        path : tuple of Level
            The way to the graph from the outermost one.
        shapes : mapping of str to Shape, optional
            Shapes of inputs, as far as they are known.
        limits : Limits, optional
            What the run may take, if that is not for this graph alone.
        facts : Facts, optional
            Facts of the graph, where they are known already.

        Returns
        -------
        int
            How many firings there were.

        Raises
        ------
        RunawayError
            If they go on for ever.
        GraphpassError
            If a firing would break the graph; the message begins with the rewrite.

        Notes
        -----
        Linear in nodes plus firings, as long as each node is decided in a bounded number of steps;
        see `graphpass.rules.rewrite.matcher`.
        """
        limits = limits or Limits.of(Model(graph, parameters))
        facts = Facts(graph, inputs, shapes) if facts is None else facts
        before, done = self.count, [len(each) for each in self.firings]
        taken = limits.firings.used
        saved = None if parameters is None else parameters.copy()
        try:
            with np.errstate(all="ignore"), graph.edit() as inner:
                stacks = Stacks(limits, is_used=parameters is not None)
                context = FiringContext(facts, inner, parameters, path, self.provenance, stacks)
                _GraphRun(self, context, limits).run()
                stacks.fill()
        except NotFiniteError:  # some match should have been refused: decide them one by one
            self.count, limits.firings.used = before, taken
            for firings, length in zip(self.firings, done, strict=True):
                del firings[length:]
            if parameters is not None and saved is not None:
                parameters.restore(saved)
            facts.begin_again()
            with np.errstate(all="ignore"):
                context = FiringContext(facts, edit, parameters, path, self.provenance)
                _GraphRun(self, context, limits).run()
        return self.count - before


class _GraphRun:
    """A group on one graph."""

    def __init__(self, group: Group, context: FiringContext, limits: Limits) -> None:
        self._group = group
        self._members = group.members
        self._context = context
        self._facts = context.facts
        self._limits = limits
        rewrites = [member.rewrite for member in group.members]
        graph, path = self._facts.graph, context.path
        self._matchers = [
            Matcher(each.pattern, graph, path=path, facts=self._facts) for each in rewrites
        ]
        self._templates = [Templates(each, context, limits) for each in rewrites]
        self._once = {number for number, each in enumerate(rewrites) if each.once}
        self._far = [n for n, each in enumerate(rewrites) if not (each.is_local or each.once)]
        self._worklist = Worklist(self._matchers, self._facts, self._once)
        self._watch: RunawayWatch | None = None
        self._own: list[set[int]] = [set() for _ in rewrites]
        """What each rewrite that runs once has made."""

    def run(self) -> None:
        again = False
        while True:
            taken = self._worklist.take()
            if taken is not None:
                again = self._fires(*taken) or again
            elif again and self._far:
                again = False
                self._facts.forget_inference()
                for number in self._far:
                    self._worklist.add_all(number)
            else:
                return

    def _fires(self, number: int, key: int) -> bool:
        """Fire a rewrite at a node if it applies there, and say whether it did."""
        facts, own = self._facts, self._own[number]
        root = key
        try:
            for search in self._matchers[number].searches(key):
                if own and not own.isdisjoint(search.owners):
                    continue
                ready = self._templates[number].ready(search)
                if ready is None:
                    continue
                root = ready.keys[ready.template.root]
                matched = list(search.owners)
                if self._watch is None:
                    self._watch = RunawayWatch(facts.graph, self._group.budget)
                group = self._group
                group.count += 1
                fired = fire(ready.template, ready.keys, ready.arrays, self._context, group.count)
                self._take_in(number, matched, fired)
                return True
        except RunawayError as error:
            raise RunawayError(f"{self._members[number].label}: {error}") from None
        except GraphpassError as error:
            name = describe(facts.graph, root)
            raise prefixed(error, f"{self._members[number].label} at {name}") from error
        return False

    def _take_in(self, number: int, matched: Sequence[int], fired: Fired) -> None:
        group = self._group
        group.firings[number].append(fired)
        if number in self._once:
            self._own[number].update(fired.made)
        assert self._watch is not None
        self._watch.record(fired, matched)
        self._limits.made.take(len(fired.made))
        if group.budget is None:
            self._limits.firings.take()
        self._worklist.add_around(fired.again)


def run_group(members: Sequence[Member], run: Run, edit: Edit) -> list[list[Fired]]:
    """Run rewrites together on a model until none applies.

    Parameters
    ----------
    members : sequence of Member
        The rewrites, in the order of the pass.
    run : Run
        The run of the pass.
    edit : Edit
        The open transaction on the model's graph.

    Returns
    -------
    list of list of Fired
        Per rewrite what it did, in order.

    Raises
    ------
    OperationError
        If one is for inference only and the graph is to be trained.
    RunawayError
        If they go on for ever.
    GraphpassError
        If a firing would break the graph.

    Notes
    -----
    Inside the subgraphs of control-flow operators each rewrite sees one subgraph by itself.
    """
    for rewrite, label in members:
        if rewrite.when == "inference" and run.purpose == "training":
            raise OperationError(
                f"{label}: it is right for inference only, and this graph is to be trained; "
                "leave the rule out, or run it when the training is done"
            )
    group = Group(members, run.budget, provenance=run.provenance)
    model = run.model
    if len(model.graph) != len(model.graph.order()):
        run.drop_orphans(edit)
    limits = run.limits
    facts = run.facts.of(model, run.shapes)
    several = [n for n, each in enumerate(members) if len(each.rewrite.pattern.roots) > 1]
    heads = _named_heads(model.graph) if several else []
    has_subgraphs = bool(model.graph.with_subgraphs())
    group.run(model.graph, edit, model.parameters, None, limits=limits, facts=facts)
    made = {ref.key for n in several for fired in group.firings[n] for ref in fired.added}
    if made:
        _keep_output_names(model.graph, edit, heads, made)
        run.facts.forget()
    if has_subgraphs:  # a firing makes no operator that has some
        _run_inside(group, model.graph, edit, (), limits)
    return group.firings


def _named_heads(graph: Graph) -> list[tuple[int, str, str]]:
    """Return of each head the node, its name, and the name of the output."""
    return [(head.node, graph.name(head.node), graph.output_name(head)) for head in graph.heads]


def _keep_output_names(
    graph: Graph, edit: Edit, before: Sequence[tuple[int, str, str]], made: Collection[int]
) -> None:
    """Let outputs keep their names where several roots became outputs of one new node.

    One node can't have the names of all. So each head that has lost its name gets an identity of
    that name, and the node, if it has the name of a root, another one.
    """
    shared: dict[int, list[int]] = {}
    for position, (key, _, _) in enumerate(_named_heads(graph)):
        if key in made:
            shared.setdefault(key, []).append(position)
    heads = list(graph.heads)
    for key, positions in shared.items():
        lost = [at for at in positions if graph.output_name(heads[at]) != before[at][2]]
        names = {before[at][1] for at in lost if before[at][2] == f"{before[at][1]}_output"}
        owners = {other for name in names for other in graph.named(name)} - {key}
        if len({before[at][0] for at in positions}) < 2 or any(
            not graph.is_variable(each) for each in owners
        ):
            continue
        if graph.name(key) in names:
            base = f"{graph.name(key)}_{graph.op(key).lower().lstrip('_')}"
            free = (base if n == 0 else f"{base}{n}" for n in count())
            edit.rename(key, next(name for name in free if not graph.named(name)))
        copies: dict[tuple[str, Entry], Entry] = {}
        for at in lost:
            name, value = before[at][1], heads[at]
            if name in names and (name, value) not in copies:
                copies[name, value] = Entry(edit.add_node("_copy", name, inputs=[value]))
            heads[at] = copies.get((name, value), value)
    edit.set_heads(heads)


def _run_inside(
    group: Group, graph: Graph, edit: Edit, path: tuple[Level, ...], limits: Limits
) -> None:
    """Rewrite the subgraphs of a graph, those of theirs included."""
    for key in graph.with_subgraphs():
        subgraphs = graph.subgraphs(key)
        rewritten = []
        before = group.count
        for number, subgraph in enumerate(subgraphs):
            twin = subgraph.copy()
            already = group.count
            below = (*path, Level(key, number))
            with twin.edit() as inner:
                group.run(twin, inner, None, None, below, limits=limits)
                _run_inside(group, twin, inner, below, limits)
            if group.count != already:
                _check_interface(subgraph, twin, graph, key)
            rewritten.append(twin)
        if group.count != before:
            edit.set_subgraphs(key, rewritten)


def _check_interface(before: Graph, after: Graph, graph: Graph, key: int) -> None:
    """Refuse another list of what a subgraph reads: the operator around it counts on that."""
    names = [
        [each.name(key) for key in each.order() if each.is_variable(key)]
        for each in (before, after)
    ]
    if names[0] != names[1]:
        raise OperationError(
            f"inside {describe(graph, key)} the rewrites change what the subgraph reads, from "
            f"{', '.join(before.arguments)} to {', '.join(after.arguments)}; the operator around "
            "it gives these by position, so leave the subgraph's variables as they are"
        )
