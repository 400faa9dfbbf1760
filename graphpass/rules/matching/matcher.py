"""The matcher: where a pattern holds in a graph.

Matches are found from the first root, whose candidates an index by operator gives; the inputs below
it follow by slot, further roots through the users of values that are bound by then. So the time is
linear in the graph as long as each candidate is decided in a bounded number of steps, which it is
unless

* operands of a commutative operator look alike but differ further down: at worst, all ways to
  arrange them are tried,
* several roots share a value with many users: each combination of users is tried,
* operators may be absent, many in a row: each may be tried both ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from graphpass.graph import Entry, Graph
from graphpass.graph.graph import paused_collector
from graphpass.model import Model
from graphpass.rules.matching.backtracking import MAX_TURNS
from graphpass.rules.matching.glance import Glance
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.matching.match import Fault, Level, Match, Mismatch, Recorder
from graphpass.rules.matching.match_writer import MatchWriter
from graphpass.rules.matching.mismatch import describe_fault
from graphpass.rules.matching.search import Known, Search
from graphpass.rules.patterns.compile import compile_pattern
from graphpass.rules.patterns.pattern import Pattern
from graphpass.rules.patterns.plan import Plan
from graphpass.rules.patterns.syntax import parse_pattern

__all__ = ["Matcher", "find"]


def find(pattern: str | Pattern, subject: Model | Graph) -> list[Match]:
    """Return where a pattern holds, in a graph and inside each of its subgraphs.

    Parameters
    ----------
    pattern : str or Pattern
        The pattern; docs/patterns.md has the grammar.
    subject : Model or Graph
        With a model, its parameters tell ``param`` from ``input``; otherwise hints do, as for
        `Model.inputs`, and inside subgraphs always.

    Returns
    -------
    list of Match
        One for each set of root nodes, in saved order of the first root; matches may overlap. Those
        inside a subgraph follow those of the graph around it.

    Raises
    ------
    TextError
        If the pattern is malformed or can never match.

    Examples
    --------
    >>> import graphpass
    >>> graph = graphpass.loads(
    ...     '{"nodes": [{"op": "null", "name": "x", "inputs": []},'
    ...     '{"op": "relu", "name": "a", "inputs": [[0, 0]]},'
    ...     '{"op": "relu", "name": "b", "inputs": [[1, 0]]}],'
    ...     '"arg_nodes": [0], "heads": [[2, 0]]}'
    ... )
    >>> [match.bindings for match in find("y = relu(relu(x))", graph)]
    [{'y': 2, 'x': Entry(node=0, output=0, version=0)}]

    Notes
    -----
    Linear in the graph in practice; this module says when it is not.
    """
    plan = compile_pattern(parse_pattern(pattern) if isinstance(pattern, str) else pattern)
    with paused_collector():
        return _everywhere(plan, subject)


def _everywhere(plan: Plan, subject: Model | Graph) -> list[Match]:
    """Return the matches in a graph, then those inside each of its subgraphs, and so on."""
    graph = subject.graph if isinstance(subject, Model) else subject
    found: list[Match] = []
    pending: list[tuple[Graph, tuple[Level, ...]]] = [(graph, ())]
    while pending:
        inner, path = pending.pop()
        inputs = subject.inputs if isinstance(subject, Model) and not path else None
        found += Matcher(plan, inner, inputs=inputs, path=path).matches()
        below = [
            (subgraph, (*path, Level(key, number)))
            for key in inner.order()
            for number, subgraph in enumerate(inner.subgraphs(key))
        ]
        pending += reversed(below)
    return found


class Matcher:
    """One pattern on one graph, subgraphs left aside; good until the graph is edited.

    Parameters
    ----------
    plan : Plan
        What `compile_pattern` makes of a pattern.
    graph : Graph
        The graph.
    inputs : collection of str, optional
        Names of the arguments without a stored value; without it, hints tell.
    path : tuple of Level
        The way to `graph` from the outermost one.
    index : GraphIndex, optional
        An index of the graph; with it, the matcher is good as long as that is.
    patience : int
        How many alternatives may be tried at one node, before a `SearchLimitError`.
    """

    def __init__(
        self,
        plan: Plan,
        graph: Graph,
        *,
        inputs: Collection[str] | None = None,
        path: tuple[Level, ...] = (),
        index: GraphIndex | None = None,
        patience: int = MAX_TURNS,
    ) -> None:
        self._plan = plan
        self._index = GraphIndex(graph, inputs) if index is None else index
        self._known = Known.of(plan, len(self._index.position), patience)
        self._glance = Glance(plan, self._known.attributes)
        self._writer = MatchWriter(plan, self._index, path)
        self._outputs: dict[str, dict[int, None]] = {}
        """Operator -> outputs of such a node that the first root may be."""
        for anchor in plan.anchors:
            for op in plan.parts[anchor.part].ops:
                self._outputs.setdefault(op, {})[anchor.output] = None

    def matches(self) -> Iterator[Match]:
        """Yield one match for each set of root nodes, in saved order of the first root."""
        one_node = len({root.value.part for root in self._plan.roots}) == 1
        seen: set[frozenset[int]] = set()
        for anchor in self._anchors():
            for bound in self._solutions(anchor):
                roots = frozenset([entry.node for entry in bound.roots()])
                if roots not in seen:
                    seen.add(roots)
                    yield self._writer.match(bound)
                if one_node:
                    break

    def assignments(self, key: int, recorder: Recorder | None = None) -> Iterator[Match]:
        """Yield every way in which the pattern holds with its first root at a node.

        Operands of a commutative operator that nothing in the pattern tells apart are taken in the
        order of their slots only.
        """
        if recorder is None and not self._glance.allows(self._index, key):
            return iter(())
        searches = [self._solutions(anchor, recorder) for anchor in self._anchors_at(key)]
        return map(self._writer.match, chain.from_iterable(searches))

    def at(self, key: int) -> Match | Mismatch:
        """Return the first match whose first root is a node, or why there is none.

        The reason is that of the attempt that matched most operators.
        """
        deepest = _Deepest()
        for match in self.assignments(key, deepest):
            return match
        fault = deepest.fault
        if fault is None:
            parts = self._plan.parts
            wanted = tuple([op for anchor in self._plan.anchors for op in parts[anchor.part].ops])
            fault = Fault("operator", self._plan.roots[0].value.part, (key,),
                          self._index.graph.op(key), wanted, ())  # fmt: skip
        return Mismatch(describe_fault(fault, self._plan, self._index.graph), fault.nodes, fault)

    def _solutions(self, first: Entry, recorder: Recorder | None = None) -> Search:
        """Return a search of its own: one may begin while another goes on."""
        return Search(self._plan, self._index, self._known, recorder).solutions(first)

    def _anchors(self) -> Iterator[Entry]:
        """Yield the values that the first root may be, in saved order."""
        by_op = self._index.by_op
        keys = [key for op in self._outputs for key in by_op.get(op, ())]
        for key in sorted(keys, key=self._index.position.__getitem__):
            if self._glance.allows(self._index, key):
                yield from self._anchors_at(key)

    def _anchors_at(self, key: int) -> list[Entry]:
        outputs = self._outputs.get(self._index.graph.op(key), ())
        return [Entry(key, output) for output in outputs]


class _Deepest:
    """Keeps the fault of the attempt that came furthest, the first such."""

    def __init__(self) -> None:
        self.fault: Fault | None = None

    def tried(self, part: int, key: int) -> None:
        pass

    def matched(self, part: int, key: int) -> None:
        pass

    def failed(self, fault: Fault) -> None:
        if self.fault is None or fault.depth > self.fault.depth:
            self.fault = fault
