"""The matcher: where a pattern holds in a graph.

Each part of a pattern is compiled to a closure that looks at one node, binds it and goes down to
what it reads. A part below which there is nothing to choose is done when its closure returns. Where
there is a choice (the operands of a commutative operator, an operator that may be absent, a further
root) what is left to do becomes goals, and a search that fails goes back to the last choice.

Matches are found from the first root, whose candidates the graph gives by operator; the inputs
below it follow by slot, further roots through the users of values that are bound by then. So the
time is linear in the graph as long as each candidate is decided in a bounded number of steps, which
it is unless

* operands of a commutative operator look alike but differ further down: at worst, all ways to
  arrange them are tried,
* several roots share a value with many users: each combination of users is tried,
* operators may be absent, many in a row: each may be tried both ways.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Any

from graphpass.graph import Entry, Graph, paused_collector
from graphpass.model import Model
from graphpass.ops.meaning import is_commutative
from graphpass.rules.limits import MAX_ALTERNATIVES
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Fault, Match, Mismatch, Recorder, describe_fault
from graphpass.rules.rewrite.parts import CompiledPart, compile_parts
from graphpass.rules.rewrite.pattern import Pattern, Produced, Root, compile_pattern
from graphpass.rules.rewrite.search import Agenda, Search, SearchContext
from graphpass.rules.rewrite.text import parse_pattern

__all__ = ["Matcher", "find"]


def find(pattern: str | Pattern, subject: Model | Graph) -> list[Match]:
    """Return where a pattern holds, in a graph and inside each of its subgraphs.

    Parameters
    ----------
    pattern : str or Pattern
        What to look for; docs/patterns.md has the grammar.
    subject : Model or Graph
        Where. A model knows which arguments are parameters and which are inputs; for a graph, hints
        tell.

    Returns
    -------
    list of Match
        One for each set of root nodes, in saved order of the first root; then those inside
        subgraphs, each seen without the graph around it.

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
    pattern = compile_pattern(parse_pattern(pattern) if isinstance(pattern, str) else pattern)
    graph = subject.graph if isinstance(subject, Model) else subject
    found: list[Match] = []
    with paused_collector():
        for inner, path in graph.nested():
            inputs = subject.inputs if isinstance(subject, Model) and not path else None
            levels = tuple([Level(*step) for step in path])
            found += Matcher(pattern, inner, inputs=inputs, path=levels).matches()
    return found


class Matcher:
    """One pattern on one graph, subgraphs left aside; good until the graph is edited.

    Parameters
    ----------
    pattern : Pattern
        What `compile_pattern` makes of a pattern.
    graph : Graph
        The graph.
    inputs : collection of str, optional
        Names of the arguments without a stored value; without it, hints tell.
    path : tuple of Level
        The way to `graph` from the outermost one.
    facts : Facts, optional
        Facts of the graph; with them, the matcher is good as long as they are.
    patience : int
        How many alternatives may be tried at one node, before a `SearchLimitError`.
    """

    def __init__(
        self,
        pattern: Pattern,
        graph: Graph,
        *,
        inputs: Collection[str] | None = None,
        path: tuple[Level, ...] = (),
        facts: Facts | None = None,
        patience: int = MAX_ALTERNATIVES,
    ) -> None:
        self.pattern = pattern
        self.facts = Facts(graph, inputs) if facts is None else facts
        self.context = SearchContext(pattern, self.facts, path, patience)
        self._parts = compile_parts(self.context)
        self.first = self._parts[pattern.roots[0].value.part].producer(pattern.roots[0].value)
        self._further: Agenda = None
        for root in reversed(pattern.roots[1:]):
            produce = self._parts[root.value.part].producer(root.value)
            self._further = (_root, root, produce, self._further)
        self._outputs: dict[str, dict[int, None]] = {}
        """Operator -> outputs of such a node that the first root may be."""
        for anchor in pattern.anchors:
            for op in pattern.parts[anchor.part].ops:
                self._outputs.setdefault(op, {})[anchor.output] = None
        graph = self.facts.graph
        self._nodes, self._sources = graph.all_data, graph.all_sources
        self._certain: list[tuple[CompiledPart, tuple[str, ...], bool, bool]] = []
        """What stands at the first root, at its first input, and so on, as far as that is sure:
        the part, its operators, whether it asks for attributes, and whether it is closed in."""
        part = self._parts[pattern.anchors[0].part]
        while not part.part.maybe:
            each = part.part
            self._certain.append((part, each.ops, bool(each.attributes), each.interior))
            first = each.operands[0] if each.operands else None
            if not isinstance(first, Produced) or any(map(is_commutative, each.ops)):
                break
            part = self._parts[first.part]

    def matches(self) -> Iterator[Match]:
        """Yield one match for each set of root nodes, in saved order of the first root."""
        one_node = len({root.value.part for root in self.pattern.roots}) == 1
        seen: set[frozenset[int]] = set()
        for key in self.candidates():
            for anchor in self.anchors(key) if self.allows(key) else ():
                for search in self.search(anchor):
                    roots = frozenset([entry.node for entry in search.roots()])
                    if roots not in seen:
                        seen.add(roots)
                        yield search.match()
                    if one_node:
                        break

    def assignments(self, key: int, recorder: Recorder | None = None) -> Iterator[Match]:
        """Yield every way in which the pattern holds with its first root at a node.

        Operands of a commutative operator that nothing in the pattern tells apart are taken in the
        order of their slots only.
        """
        return map(Search.match, self.searches(key, recorder))

    def searches(self, key: int, recorder: Recorder | None = None) -> Iterator[Search]:
        """Yield the same as `assignments`, bound in a search and good until the next is asked."""
        anchors = self.anchors(key)
        if len(anchors) == 1:
            return self.search(anchors[0], recorder)
        return chain.from_iterable([self.search(anchor, recorder) for anchor in anchors])

    def at(self, key: int) -> Match | Mismatch:
        """Return the first match whose first root is a node, or why there is none.

        The reason is that of the attempt that matched most operators.
        """
        deepest = _Deepest()
        for match in self.assignments(key, deepest):
            return match
        fault = deepest.fault or self.unfit(key)
        return Mismatch(describe_fault(fault, self.pattern, self.facts.graph), fault.nodes, fault)

    def unfit(self, key: int) -> Fault:
        """Return the fault of a node that is no operator which the first root may be."""
        root = self.pattern.roots[0].value.part
        return Fault("operator", root, (key,), self.facts.graph.op(key), self.operators, ())

    def search(self, first: Entry, recorder: Recorder | None = None) -> Search:
        """Return a search of its own for matches with a given first root."""
        return Search(self.context, (self.first, first, None, self._further), recorder)

    @property
    def operators(self) -> tuple[str, ...]:
        """The operators that the first root may be."""
        parts = self.pattern.parts
        return tuple(
            dict.fromkeys(op for anchor in self.pattern.anchors for op in parts[anchor.part].ops)
        )

    def candidates(self) -> list[int]:
        """Return the nodes whose operator the first root may be, in saved order."""
        by_op = self.facts.by_op
        return self.facts.ranks.sorted([key for op in self._outputs for key in by_op.get(op, ())])

    def anchors(self, key: int) -> list[Entry]:
        """Return the values of a node that the first root may be."""
        return [Entry(key, output) for output in self._outputs.get(self._nodes[key]["op"], ())]

    def allows(self, key: int) -> bool:
        """Return whether a search at a node could find anything, as far as a glance tells.

        Most candidates fail there, and to see that takes a fraction of what a search takes. What a
        node reads stands in the order of its first slot, control dependencies last.
        """
        nodes, sources, facts = self._nodes, self._sources, self.facts
        each: int | None = key
        for part, ops, asks, interior in self._certain:
            if each is None:
                return False
            data = nodes[each]
            if data["op"] not in ops or (asks and not part.fits(data["op"], data["attrs"])):
                return False
            if interior and not facts.may_be_interior(each, len(self._parts) - 1):
                return False
            each = next(iter(sources[each]), None)
        return True


def _root(search: Search, root: Root, produce: Any) -> bool:
    """Offer the nodes that a further root may be: they are reached from what is bound."""
    if root.value.part in search.nodes:
        return True
    assert root.route is not None
    source, ranks = root.route.source, search.context.facts.ranks
    value = search.value(source) if isinstance(source, Produced) else search.values[source]
    assert isinstance(value, Entry)
    found = [value]
    for step in root.route.steps:
        found = list(dict.fromkeys(_reached(search.context, found, step)))
    found.sort(key=lambda entry: ranks[entry.node])
    if not found:
        number = root.value.part
        return search.fail("reader", number, (), None, search.context.pattern.parts[number].ops)
    return search.offer([[(produce, entry, None)] for entry in found])


def _reached(context: SearchContext, found: Iterable[Entry], step: Produced) -> Iterator[Entry]:
    """Yield what the operator of a step makes of the values below it."""
    part, facts = context.pattern.parts[step.part], context.facts
    for entry in found:
        if part.maybe:
            yield entry
        for reader in facts.readers(entry.node):
            if facts.graph.op(reader) in part.ops:
                yield Entry(reader, step.output)


class _Deepest:
    """Keeps the fault of the attempt that came furthest, the first such."""

    def __init__(self) -> None:
        self.fault: Fault | None = None

    def tried(self, part: int, key: int) -> None:
        pass

    def failed(self, fault: Fault) -> None:
        if self.fault is None or fault.depth > self.fault.depth:
            self.fault = fault
