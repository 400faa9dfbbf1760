"""Where a group of rewrites may apply next, and whether it goes on for ever.

The worklist takes rules in file order, then nodes in saved order. A group is ended by one of three
signs, each with a limit of its own:

* the graph is just as it was some firings ago;
* what a firing made, or left where it was, is matched by the next one, nothing else with it, and
  so on, `MAX_SPIN` times;
* there were more firings than the budget allows.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from graphpass.errors import RunawayError
from graphpass.graph import VARIABLE, Graph
from graphpass.rules.limits import BUDGET_PER_OPERATOR, MAX_COMPARED, MAX_SPIN
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fire import Fired
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import OptionalOperand, Pattern, Produced

__all__ = ["BUDGET_PER_OPERATOR", "RunawayWatch", "Worklist"]


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a change can be from the first root of a match that it makes possible."""

    ops: frozenset[str]
    """Operators that the first root may be."""

    height: int
    """How many operators lie on the longest way through the pattern, roots included."""

    most_readers: float
    """How many readers a node that is no root can have in a match."""

    several: bool
    """Whether there are several roots, so that a change may lie beside the first one."""

    @classmethod
    def of(cls, pattern: Pattern) -> _Reach:
        """Work it out for a pattern. Linear in the pattern."""
        heights: list[int] = []
        for part in pattern.parts:
            operands = [
                each.operand if isinstance(each, OptionalOperand) else each
                for each in part.operands
            ]
            below = [heights[each.part] for each in operands if isinstance(each, Produced)]
            heights.append(1 + max(below, default=0))
        shared = any(part.shared for part in pattern.parts)
        return cls(
            ops=pattern.first_ops,
            height=max(heights),
            most_readers=float("inf") if shared else len(pattern.parts) - 1,
            several=len({root.value.part for root in pattern.roots}) > 1,
        )


class Worklist:
    """The nodes that are still to be looked at, for each rewrite of a group.

    Parameters
    ----------
    matchers : sequence of Matcher
        The matchers of the rewrites.
    facts : Facts
        Of the graph.
    once : collection of int
        Rewrites that look only at what is there in the beginning.

    Notes
    -----
    Taking one costs the logarithm of how many there are. Taking in a firing costs as much as there
    are nodes within the height of a pattern around it.
    """

    def __init__(
        self, matchers: Sequence[Matcher], facts: Facts, once: Collection[int] = ()
    ) -> None:
        patterns = [matcher.pattern for matcher in matchers]
        self._allows = [matcher.allows for matcher in matchers]
        self._reaches = [_Reach.of(pattern) for pattern in patterns]
        self._facts = facts
        self._spreads = facts.ranks.spreads
        self._waiting: list[set[int]] = [set() for _ in patterns]
        self._heaps: list[list[tuple[int, int]]] = [[] for _ in patterns]
        self._near: dict[str, list[int]] = {}
        """Operator -> rewrites of one root that look there again."""
        self._beside: list[int] = []
        """Rewrites of several roots that look again."""
        again = [number for number in range(len(patterns)) if number not in once]
        for number in again:
            if self._reaches[number].several:
                self._beside.append(number)
                continue
            for op in self._reaches[number].ops:
                self._near.setdefault(op, []).append(number)
        self._height = max([self._reaches[number].height for number in again], default=0)
        self._most = max([self._reaches[number].most_readers for number in again], default=0)
        for number in range(len(patterns)):
            self.add_all(number)

    def take(self) -> tuple[int, int] | None:
        """Return the next rewrite, by number, and the node to look at; None if all is done."""
        if self._spreads != self._facts.ranks.spreads:
            for number, waiting in enumerate(self._waiting):
                waiting.intersection_update(self._facts.ranks)
                self._sort(number)
            self._spreads = self._facts.ranks.spreads
        for number, heap in enumerate(self._heaps):
            waiting = self._waiting[number]
            while heap:
                key = heapq.heappop(heap)[1]
                if key in waiting:
                    waiting.discard(key)
                    if key in self._facts.ranks:
                        return number, key
        return None

    def add_all(self, number: int) -> None:
        """Look at every node that a rewrite could begin at. Linear in these, if nothing fired.

        Where a glance tells that it can't, that is not before something near a node changes.
        """
        by_op, allows = self._facts.by_op, self._allows[number]
        candidates = [key for op in self._reaches[number].ops for key in by_op.get(op, ())]
        self._waiting[number] = set(filter(allows, candidates))
        self._sort(number)

    def add_around(self, changed: Iterable[int]) -> None:
        """Look again where a firing may have made a match possible.

        Parameters
        ----------
        changed : iterable of int
            Operators that are new, that read something new, or that other nodes read than before.
        """
        if not self._height:
            return
        graph, near = self._facts.graph, self._near
        nodes, all_readers = graph.all_data, graph.all_readers
        found = dict.fromkeys(changed)
        level = list(found)
        for _ in range(self._height - 1):
            after: list[int] = []
            for key in level:
                readers = all_readers[key]
                if len(readers) <= self._most:
                    after += [reader for reader in readers if reader not in found]
                    found.update(dict.fromkeys(readers))
            level = after
        for key in found:
            for number in near.get(nodes[key]["op"], ()):
                self._add(number, key)
        for number in self._beside:
            reach = self._reaches[number]
            for key in self._neighbours(found, reach.height):
                if nodes[key]["op"] in reach.ops:
                    self._add(number, key)

    def _add(self, number: int, key: int) -> None:
        waiting = self._waiting[number]
        if key not in waiting and self._allows[number](key):
            waiting.add(key)
            heapq.heappush(self._heaps[number], (self._facts.ranks[key], key))

    def _neighbours(self, keys: Iterable[int], height: int) -> Iterator[int]:
        """Yield the nodes that share, within a height, a value with one of these."""
        graph = self._facts.graph
        found = dict.fromkeys(keys)
        for neighbours in (graph.sources, graph.readers):
            level = list(found)
            for _ in range(height):
                level = [other for key in level for other in neighbours(key) if other not in found]
                found.update(dict.fromkeys(level))
        return iter(found)

    def _sort(self, number: int) -> None:
        ranks = self._facts.ranks
        self._heaps[number] = sorted([(ranks[key], key) for key in self._waiting[number]])


_SUSPICIOUS = 16
"""From which length such a row may be a circle, and states are compared."""

_TRACE = 6


class RunawayWatch:
    """Counts the firings of a group, and ends it where they do not.

    Parameters
    ----------
    graph : Graph
        The graph that is rewritten, as it is before the first firing.
    budget : int, optional
        How many firings there may be.

    Notes
    -----
    Linear in the graph once there are more firings than it has operators.
    """

    def __init__(self, graph: Graph, budget: int | None = None) -> None:
        self._graph = graph
        self._budget = budget
        self._spins: dict[int, int] = {}
        """Node that a firing made or matched -> how many firings in a row led to it."""
        self._states: dict[int, int] = {}
        """Hash of the graph -> after which firing."""
        self._fired: list[Fired] = []
        self._sources = dict(graph.all_sources)
        self._operators = sum(len(keys) for op, keys in graph.by_op().items() if op != VARIABLE)

    @cached_property
    def _reads(self) -> list[int]:
        """How many values each operator read in the beginning."""
        return [sum(map(len, into.values())) for into in self._sources.values()]

    def record(self, fired: Fired, matched: Collection[int]) -> None:
        """Take note of a firing, and of the operators that it matched.

        Raises
        ------
        RunawayError
            If the group seems to go on for ever; the message has the last firings.
        """
        self._fired.append(fired)
        count = len(self._fired)
        spins = self._spins
        spin = 1 + min([spins.get(key, -1) for key in matched], default=-1)
        for key in (*matched, *fired.made):
            spins[key] = spin
        budget = self._budget
        if budget is None:
            budget = BUDGET_PER_OPERATOR * max(self._operators, 1)
            if count > budget:
                budget += sum(self._reads)
        if count > budget:
            raise self._error(
                f"they fired {count} times, which is more than the budget of {budget}; "
                "raise it with budget: if that many are needed"
            )
        if spin > MAX_SPIN and spin > max(self._reads):
            most = max(MAX_SPIN, *self._reads)
            raise self._error(
                f"{most} firings in a row matched nothing but what the one before made or matched"
            )
        if spin >= _SUSPICIOUS and len(self._states) < MAX_COMPARED:
            state = _state(self._graph, sum([len(each.stored) for each in self._fired]))
            before = self._states.setdefault(state, count)
            if before != count:
                raise self._error(
                    f"after firing {count} the graph is just as it was after firing {before}"
                )

    def _error(self, sign: str) -> RunawayError:
        fired = Counter([each.rule for each in self._fired])
        rules = ", ".join(f"{rule} ({count} times)" for rule, count in fired.most_common())
        last = self._fired[-_TRACE:]
        firings = [f"{each.rule} at {each.root.op} {each.root.name!r}" for each in last]
        runs = [(firing, len(list(run))) for firing, run in groupby(firings)]
        trace = "; ".join(f"{each} ({n} times)" if n > 1 else each for each, n in runs)
        return RunawayError(
            f"the rewrites go on for ever: {sign}. They are {rules}; the last firings: {trace}. "
            "Narrow a pattern with where:, let a rule run once: true, or take out the one that "
            "undoes another"
        )


def _state(graph: Graph, values: int) -> int:
    """Return a hash of the graph and of how often a value changed. Linear in the graph."""
    places = {key: number for number, key in enumerate(graph.order())}
    nodes = tuple(
        [
            (
                graph.op(key),
                graph.name(key),
                tuple(graph.attrs(key).items()),
                tuple([(places[source], output) for source, output, _ in graph.inputs(key)]),
            )
            for key in places
        ]
    )
    heads = tuple([(places[node], output) for node, output, _ in graph.heads])
    return hash((values, nodes, heads))
