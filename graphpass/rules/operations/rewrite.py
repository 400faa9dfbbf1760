"""``rewrite``: put something else in the place of every match of a pattern."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

from graphpass.errors import ExpectationError, count
from graphpass.graph import Edit, Graph
from graphpass.model import Model
from graphpass.rules.operations.operation import Operation, Outcome, Run, Together
from graphpass.rules.report.changes import HeadChange, NodeRef, Pending, node_ref
from graphpass.rules.report.firings import Firing, NearMiss
from graphpass.rules.report.report import near_miss_lines
from graphpass.rules.rewrite.examiner import near_misses
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fire import Fired
from graphpass.rules.rewrite.group import Member, run_group
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite

__all__ = ["GivenRewrite", "RewriteOperation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRewrite(Operation):
    """A `Rewrite` that Python has made. It runs together with those beside it."""

    keyword: ClassVar[str] = "rewrite"

    rewrite: Rewrite

    group: str | None = None
    """Rewrites next to each other run together if they are of one group."""

    @property
    def own_id(self) -> str | None:
        """The name that the rewrite gives itself."""
        return self.rewrite.id

    @property
    def family(self) -> Hashable:
        """Rewrites of one group run together."""
        return ("rewrite", self.group)

    def apply(self, run: Run, edit: Edit) -> str:
        """See `Operation.apply`. The rewrite runs as a group of its own."""
        name = self.own_id or self.keyword
        [outcome] = self.apply_together([Together(self, name, name)], run, edit)
        return outcome.summary

    def apply_together(self, others: Sequence[Together], run: Run, edit: Edit) -> Sequence[Outcome]:
        """See `Operation.apply_together`. Takes time linear in nodes plus firings, in practice."""
        members = []
        for operation, name, label in others:
            assert isinstance(operation, GivenRewrite)
            members.append(Member(replace(operation.rewrite, id=name), label))
        graph = run.graph
        nodes, outputs = _head_nodes(graph), graph.outputs
        firings = run_group(members, run, edit)
        heads: list[tuple[HeadChange, ...]] = [()] * len(members)
        if outputs != graph.outputs:
            heads = _head_changes(nodes, outputs, graph, firings)
        missed = _near_misses(members, run)
        for (rewrite, label), fired, near in zip(members, firings, missed, strict=True):
            if rewrite.expect is not None and rewrite.expect != len(fired):
                lacking = ""  # how the message goes on where there were too few
                if rewrite.expect > len(fired) and near():
                    lacking = f"; {'; '.join(near_miss_lines(near()))}"
                elif not fired and not graph.with_subgraphs():
                    lacking = f"; the model has no {' or '.join(sorted(rewrite.pattern.first_ops))}"
                raise ExpectationError(
                    f"{label}: it was to fire {count(rewrite.expect, 'time')}, but fired "
                    f"{count(len(fired), 'time')}{lacking}"
                )
        return [
            Outcome(
                summary=f"fired {count(len(fired), 'time')}" if fired else "nothing to rewrite",
                heads=changed,
                fired=Pending(partial(_records, fired)),
                missed=near,
            )
            for fired, changed, near in zip(firings, heads, missed, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteOperation(GivenRewrite):
    """Replace every match of a pattern, until none is left.

    Rewrites that stand next to each other in a pass run together.
    """

    id: str | None = None
    """What reports and errors call the rewrite."""

    description: str = ""
    """What it is for."""

    when: Literal["inference"] | None = None
    """``inference``: refuse to run on a graph that is to be trained."""

    match: str
    """The pattern."""

    where: str | Sequence[str] = ()
    """Conditions, all of which must hold."""

    let: Mapping[str, Any] = field(default_factory=dict)
    """Name -> expression: values that the replacement reads."""

    replace: str | None = None
    """What takes the place of a match."""

    refuse: str | None = None
    """In its stead: why matches are left as they are."""

    once: bool = False
    """Whether it is one sweep over what is there when the group begins."""

    expect: int | None = None
    """How often it must fire."""

    tests: Sequence[Mapping[str, Any]] = ()
    """Graphs before and after, in text form; ``graphpass passes test`` runs them."""

    rewrite: Rewrite = field(init=False, repr=False, compare=False)
    """The same, parsed."""

    def __post_init__(self) -> None:
        where = [self.where] if isinstance(self.where, str) else self.where
        rewrite = parse_rewrite(
            self.match,
            self.replace,
            refuse=self.refuse,
            where=[str(each) for each in where],
            let={name: str(text) for name, text in self.let.items()},
            id=self.id or "rewrite",
            when=self.when,
            once=self.once,
            expect=self.expect,
        )
        object.__setattr__(self, "rewrite", rewrite)

    @classmethod
    def from_value(cls, value: Any) -> Operation:
        """See `Operation.from_value`. Python may give a `Rewrite`."""
        if isinstance(value, Rewrite):
            value.refuse_unfinished()
            return GivenRewrite(rewrite=value)
        return super(RewriteOperation, cls).from_value(value)  # `slots` made the class anew

    @property
    def own_id(self) -> str | None:
        """The name that the rewrite gives itself."""
        return self.id


def _head_changes(
    nodes: Sequence[NodeRef],
    outputs: Sequence[str],
    graph: Graph,
    firings: Sequence[Sequence[Fired]],
) -> list[tuple[HeadChange, ...]]:
    """Return, per rewrite, which heads have another name after its firings.

    A head that several rewrites had a part in belongs to the one that made the node as it is
    now; where a value that was there before became the head, to the one that took the former
    node away.
    """
    makers: dict[NodeRef, int] = {}
    takers: dict[NodeRef, int] = {}
    for number, fired in enumerate(firings):
        for firing in [each.record() for each in fired if not each.path]:
            makers |= dict.fromkeys(firing.added, number)
            takers |= dict.fromkeys(firing.removed, number)
    found: list[list[HeadChange]] = [[] for _ in firings]
    now = zip(nodes, outputs, _head_nodes(graph), graph.outputs, strict=True)
    for position, (was, before, node, after) in enumerate(now):
        maker = makers.get(node, takers.get(was))
        if before != after and maker is not None:
            found[maker].append(HeadChange(position, before, after))
    return [tuple(each) for each in found]


def _near_misses(members: Sequence[Member], run: Run) -> list[Pending[tuple[NearMiss, ...]]]:
    """Return, per rewrite, where it came near in the graph as it is now, once somebody asks."""
    shapes = run.shapes

    def look(model: Model) -> list[tuple[NearMiss, ...]]:
        ops = model.graph.by_op().keys()
        facts = Facts(model.graph, model.inputs, shapes)
        return [
            ()
            if ops.isdisjoint(rewrite.pattern.first_ops)
            else near_misses(rewrite, facts, model.parameters)
            for rewrite, _ in members
        ]

    def of_one(number: int) -> tuple[NearMiss, ...]:
        return found()[number]

    found = run.later(look)
    return [Pending(partial(of_one, number)) for number in range(len(members))]


def _records(fired: Sequence[Fired]) -> tuple[Firing, ...]:
    return tuple([each.record() for each in fired])


def _head_nodes(graph: Graph) -> list[NodeRef]:
    keys = [head.node for head in graph.heads]
    return [node_ref((key, graph.op(key), graph.name(key))) for key in keys]
