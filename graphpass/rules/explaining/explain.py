"""`explain`: where a rewrite or a pattern applies in a model, and why not elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from graphpass.errors import SelectorError
from graphpass.graph import Graph, paused_collector
from graphpass.model import Model
from graphpass.rules.explaining.checks import checks_of_match, checks_of_miss, node_ref
from graphpass.rules.explaining.examiner import Examiner
from graphpass.rules.explaining.explanation import At, Explanation, Found
from graphpass.rules.explaining.miss import Miss, Subject
from graphpass.rules.explaining.near_misses import Groups
from graphpass.rules.explaining.remedy import remedy
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.pattern import Pattern, compile_pattern
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.text import parse_pattern
from graphpass.rules.selectors import Selector, select, select_one

if TYPE_CHECKING:
    from graphpass.shapes import Shape

__all__ = ["explain"]


def explain(
    rewrite: Rewrite | Pattern | str,
    model: Model | Graph,
    at: Selector | None = None,
    *,
    inputs: Mapping[str, Shape] | None = None,
) -> Explanation:
    """Say where a rewrite applies, and what it lacks where it does not.

    Parameters
    ----------
    rewrite : Rewrite, Pattern or str
        A rewrite, or a pattern alone, which may be text.
    model : Model or Graph
        Where to look. It stays as it is.
    at : selector, optional
        One operator, which would be the first root: its name, or ``id:17``; where the outermost
        graph has none such, one inside a subgraph. Without it, all are looked at.
    inputs : mapping of str to tuple, optional
        Shapes of inputs that conditions may count on, as for `graphpass.apply`.

    Returns
    -------
    Explanation
        True if it applies. It tells what the driver would do at each node with the graph as it is
        now; when it has done so at one node, another may not match any more.

    Raises
    ------
    TextError
        If the pattern is malformed or can never match.
    SelectorError
        If `at` selects no operator, or several.

    Examples
    --------
    >>> from graphpass.formats.text import parse_graph
    >>> graph = parse_graph("x = variable(); a = relu(x); b = relu(a); return b, tanh(a)")
    >>> print(explain("y = relu(relu(x))", graph, "b"))
    pattern at relu 'b' (#2): no match
      ✓ y = relu  b (#2)
      ✗ relu      a (#1): is also used by tanh 'tanh0' (#3)
      would match if a had no other user: tanh0 reads it

    Notes
    -----
    One attempt for each node whose operator the first root may be, as the driver makes it.
    """
    subject = _subject(rewrite)
    outer = _without_orphans(model if isinstance(model, Model) else Model(model))
    with paused_collector():
        shapes = outer.input_shapes(inputs)
        if at is None:
            return _everywhere(subject, outer, shapes)
        return _at(subject, outer, at, shapes)


def _subject(rewrite: Rewrite | Pattern | str) -> Subject:
    if isinstance(rewrite, Rewrite):
        return Subject(rewrite.id, rewrite.pattern, rewrite)
    pattern = parse_pattern(rewrite) if isinstance(rewrite, str) else rewrite
    return Subject("pattern", compile_pattern(pattern))


def _without_orphans(model: Model) -> Model:
    """Return the model as the driver would have it: without what the heads do not reach."""
    if len(model.graph) == len(model.graph.order()):
        return model
    graph = model.graph.copy()
    with graph.edit() as edit:
        edit.sweep()
    return Model(graph, model.parameters)


def _graphs(graph: Graph) -> Iterator[tuple[Graph, tuple[Level, ...]]]:
    """Yield a graph, then what is inside each of its subgraphs, and so on, with the way there."""
    pending: list[tuple[Graph, tuple[Level, ...]]] = [(graph, ())]
    while pending:
        inner, path = pending.pop()
        yield inner, path
        below = [
            (subgraph, (*path, Level(key, number)))
            for key in inner.order()
            for number, subgraph in enumerate(inner.subgraphs(key))
        ]
        pending += reversed(below)


def _examiner(
    subject: Subject,
    model: Model,
    graph: Graph,
    path: tuple[Level, ...],
    shapes: Mapping[str, Shape],
) -> Examiner:
    if path:
        return Examiner(subject, Facts(graph), None, path)
    return Examiner(subject, Facts(graph, model.inputs, shapes), model.parameters)


def _everywhere(subject: Subject, model: Model, shapes: Mapping[str, Shape]) -> Explanation:
    matches: list[Found] = []
    groups = Groups(subject)
    lacking: list[str] = []
    looked_at = 0
    for graph, path in _graphs(model.graph):
        examiner = _examiner(subject, model, graph, path, shapes)
        lacking = examiner.operators
        inside = _spell(model.graph, path)
        seen: set[frozenset[int]] = set()
        for key in examiner.candidates():
            looked_at += 1
            found = examiner.look(key)
            if isinstance(found, Miss):
                groups.add(found, examiner)
                continue
            for match in found:
                roots = frozenset([entry.node for entry in match.roots])
                if roots not in seen:
                    seen.add(roots)
                    matches.append(Found(match, node_ref(graph, key), inside))
    return Explanation(
        subject.id,
        tuple(matches),
        near_misses=groups.deepest(),
        lacking=() if looked_at else tuple(lacking),
    )


def _at(
    subject: Subject, model: Model, selector: Selector, shapes: Mapping[str, Shape]
) -> Explanation:
    graph, path, key = _place(model.graph, selector)
    examiner = _examiner(subject, model, graph, path, shapes)
    found = examiner.at(key)
    root, inside = node_ref(graph, key), _spell(model.graph, path)
    if isinstance(found, Miss):
        checks = checks_of_miss(found, subject, graph)
        return Explanation(subject.id, (), At(root, checks, remedy(found, examiner), inside, path))
    at = At(root, checks_of_match(found, subject), None, inside, path)
    return Explanation(subject.id, (Found(found, root, inside),), at)


def _place(outermost: Graph, selector: Selector) -> tuple[Graph, tuple[Level, ...], int]:
    """Return the one operator that a selector selects, and the graph that it is in."""
    try:
        return outermost, (), select_one(outermost, selector, kind="operators")
    except SelectorError:
        below = [
            (graph, path, key)
            for graph, path in _graphs(outermost)
            if path
            for key in select(graph, selector, kind="operators", optional=True)
        ]
        if len(below) != 1 or select(outermost, selector, kind="operators", optional=True):
            raise
        return below[0]


def _spell(graph: Graph, path: tuple[Level, ...]) -> str:
    """Return the way to a subgraph: ``loop (#4), subgraph 0``."""
    found = []
    for key, number in path:
        found.append(f"{graph.name(key)} (#{key}), subgraph {number}")
        graph = graph.subgraphs(key)[number]
    return "; ".join(found)
