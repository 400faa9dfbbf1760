"""A group of rewrites on a model: its graph, then the subgraphs inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphpass.errors import OperationError
from graphpass.graph import Edit, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.match import Level
from graphpass.rules.rewriting.group import Group, Member

if TYPE_CHECKING:
    from graphpass.rules.operations.operation import Run
    from graphpass.rules.rewriting.firing_record import Firing

__all__ = ["Member", "run_group"]


def run_group(members: Sequence[Member], run: Run, edit: Edit) -> list[list[Firing]]:
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
    list of list of Firing
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
    limits = run.limits or Limits.of(model)
    group.run(model.graph, edit, model.parameters, model.inputs, (), run.shapes, limits)
    _run_inside(group, model.graph, edit, (), limits)
    return group.firings


def _run_inside(
    group: Group, graph: Graph, edit: Edit, path: tuple[Level, ...], limits: Limits
) -> None:
    """Rewrite the subgraphs of a graph, those of theirs included."""
    for key in graph.with_subgraphs():
        subgraphs = graph.subgraphs(key)
        rewritten = []
        changed = False
        for number, subgraph in enumerate(subgraphs):
            twin = subgraph.copy()
            before = sum(map(len, group.firings))
            below = (*path, Level(key, number))
            with twin.edit() as inner:
                group.run(twin, inner, None, None, below, limits=limits)
                _run_inside(group, twin, inner, below, limits)
            if sum(map(len, group.firings)) != before:
                changed = True
                _check_interface(subgraph, twin, graph, key)
            rewritten.append(twin)
        if changed:
            edit.set_subgraphs(key, rewritten)


def _check_interface(before: Graph, after: Graph, graph: Graph, key: int) -> None:
    """Refuse another list of what a subgraph reads: the operator around it counts on that."""
    if [before.name(v) for v in _variables(before)] != [after.name(v) for v in _variables(after)]:
        raise OperationError(
            f"inside {describe(graph, key)} the rewrites change what the subgraph reads, from "
            f"{', '.join(before.arguments)} to {', '.join(after.arguments)}; the operator around "
            "it gives these by position, so leave the subgraph's variables as they are"
        )


def _variables(graph: Graph) -> list[int]:
    return [key for key in graph.order() if graph.is_variable(key)]
