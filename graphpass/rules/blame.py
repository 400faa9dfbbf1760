"""Which rule of a pass is to blame for something that is wrong after it."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.graph import Graph
from graphpass.rules.report import Report, Step

__all__ = ["culprit"]


def culprit(report: Report, graph: Graph, variable: int) -> str:
    """Return what messages call the last rule that touched a variable, its value or its readers.

    Parameters
    ----------
    report : Report
        What the pass did.
    graph : Graph
        The graph after it.
    variable : int
        Key of the variable.

    Returns
    -------
    str
        Such as ``siamese.yaml:7: rule 2 (rename)``; the name of the pass if no rule did.
    """
    keys = {variable, *(use.node for use in graph.uses(variable))}
    names = {graph.name(key) for key in keys}
    for step in reversed(list(_steps(report.steps))):
        if not keys.isdisjoint(_nodes(step)) or not names.isdisjoint(_parameters(step)):
            place = f"{step.place}: " if step.place else ""
            return f"{place}rule {step.index} ({step.keyword})"
    return f"the pass {report.name}"


def _steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Yield steps in the order in which they were done, those of used passes in their place."""
    for step in steps:
        yield step
        yield from _steps(step.steps)


def _nodes(step: Step) -> Iterator[int]:
    delta = step.delta
    for part in (
        delta.nodes_added,
        delta.operators_changed,
        delta.attributes_changed,
        delta.nodes_rewired,
    ):
        yield from (node.key for node in part)
    for firing in step.firings:
        yield from (node.key for node in firing.added)


def _parameters(step: Step) -> Iterator[str]:
    for part in (step.delta.parameters_added, step.delta.parameters_replaced):
        yield from (parameter.name for parameter in part)
    for firing in step.firings:
        yield from (parameter.name for parameter in firing.parameters)
