"""What rewrites that ran together did, each by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphpass.errors import ExpectationError, count
from graphpass.graph import Graph
from graphpass.rules.explaining.near_misses import NearMiss, near_misses
from graphpass.rules.operations.operation import Outcome, Run
from graphpass.rules.report.changes import HeadChange, NodeRef, node_ref
from graphpass.rules.report.report import near_miss_lines
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.group import Member
from graphpass.rules.rewriting.firing_record import Firing
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["HeadsBefore", "outcomes"]


class HeadsBefore:
    """The heads of a graph, as they are before rewrites run."""

    def __init__(self, graph: Graph) -> None:
        self._nodes = _head_nodes(graph)
        self._outputs = graph.outputs

    def changes(self, graph: Graph, firings: Sequence[Iterable[Firing]]) -> list[list[HeadChange]]:
        """Return, per rewrite, which heads have another name after its firings.

        A head that several rewrites had a part in belongs to the one that made the node as it is
        now; where a value that was there before became the head, to the one that took the former
        node away.
        """
        makers, takers = _by_node(firings, "added"), _by_node(firings, "removed")
        found: list[list[HeadChange]] = [[] for _ in firings]
        now = zip(self._nodes, self._outputs, _head_nodes(graph), graph.outputs, strict=True)
        for position, (was, before, node, after) in enumerate(now):
            number = makers.get(node, takers.get(was))
            if before != after and number is not None:
                found[number].append(HeadChange(position, before, after))
        return found


def outcomes(
    members: Sequence[Member], firings: Sequence[Sequence[Firing]], run: Run, before: HeadsBefore
) -> list[Outcome]:
    """Return what each rewrite did, and where it came near and did not apply.

    Parameters
    ----------
    members : sequence of Member
        The rewrites.
    firings : sequence of sequence of Firing
        What each did, in order.
    run : Run
        The run of the pass, after it.
    before : HeadsBefore
        The heads before it.

    Raises
    ------
    ExpectationError
        If one fired more or less often than it expects.

    Notes
    -----
    Linear in the graph and the firings.
    """
    near = _near_misses(members, run)
    for (rewrite, label), fired, missed in zip(members, firings, near, strict=True):
        if rewrite.expect is not None and rewrite.expect != len(fired):
            raise ExpectationError(
                f"{label}: it was to fire {count(rewrite.expect, 'time')}, but fired "
                f"{count(len(fired), 'time')}{_instead(rewrite, fired, missed, run.graph)}"
            )
    heads = before.changes(run.graph, firings)
    return [
        Outcome(
            summary=f"fired {count(len(fired), 'time')}" if fired else "nothing to rewrite",
            firings=tuple(fired),
            heads=tuple(changed),
            near_misses=missed,
        )
        for fired, changed, missed in zip(firings, heads, near, strict=True)
    ]


def _instead(
    rewrite: Rewrite, fired: Sequence[Firing], missed: Sequence[NearMiss], graph: Graph
) -> str:
    """Return how a message about too few firings goes on: what is lacking instead."""
    if rewrite.expect is None or rewrite.expect < len(fired):
        return ""
    if missed:
        return f"; {'; '.join(near_miss_lines(missed))}"
    if fired or graph.with_subgraphs():
        return ""
    return f"; the model has no {' or '.join(sorted(rewrite.pattern.first_ops))}"


def _near_misses(members: Sequence[Member], run: Run) -> list[tuple[NearMiss, ...]]:
    """Return where each rewrite came near in the graph as it is now. Linear in the graph."""
    model = run.model
    ops = model.graph.by_op().keys()
    index: Facts | None = None
    found: list[tuple[NearMiss, ...]] = []
    for rewrite, _ in members:
        if ops.isdisjoint(rewrite.pattern.first_ops):
            found.append(())
            continue
        if index is None:
            index = Facts(model.graph, model.inputs, run.shapes)
        found.append(near_misses(rewrite, index, model.parameters, (), run.spare))
    return found


def _head_nodes(graph: Graph) -> list[NodeRef]:
    keys = [head.node for head in graph.heads]
    return [node_ref((key, graph.op(key), graph.name(key))) for key in keys]


def _by_node(firings: Sequence[Iterable[Firing]], part: str) -> dict[NodeRef, int]:
    """Return which rewrite made, or took away, a node; inside subgraphs keys mean other nodes."""
    return {
        ref: number
        for number, fired in enumerate(firings)
        for firing in fired
        if not firing.path
        for ref in getattr(firing, part)
    }
