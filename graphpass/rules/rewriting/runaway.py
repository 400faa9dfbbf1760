"""Whether a group of rewrites goes on for ever, and the trace that shows it.

Three signs, each with a limit of its own:

* the graph is just as it was some firings ago;
* what a firing made, or left where it was, is matched by the next one, nothing else with it, and
  so on, `MAX_SPIN` times;
* there were more firings than the budget allows.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection
from itertools import groupby

from graphpass.errors import RunawayError
from graphpass.graph import Graph
from graphpass.rules.rewriting.firing_record import Firing

__all__ = ["BUDGET_PER_OPERATOR", "Watch"]

BUDGET_PER_OPERATOR = 10
"""How many firings a group may have for each operator that it finds; and one for each value that
an operator reads, since a rule may take them one by one."""

MAX_SPIN = 1000
"""How often in a row a match may consist of nothing but what the firing before it made: so often,
or as often as any one operator reads a value."""

_SUSPICIOUS = 16
"""From which length such a row may be a circle, and states are compared."""

_MAX_COMPARED = 64
"""How often states are compared at most, since each time takes a walk over the graph."""

_TRACE = 6


class Watch:
    """Counts the firings of a group, and ends it where they do not.

    Parameters
    ----------
    graph : Graph
        The graph that is rewritten.
    operators : int
        How many operators it has.
    budget : int, optional
        How many firings there may be.

    Notes
    -----
    The first firing is linear in the graph.
    """

    def __init__(self, graph: Graph, operators: int, budget: int | None = None) -> None:
        self._graph = graph
        self._operators = operators
        self._budget = budget
        self._max_spin = 0
        self._spins: dict[int, int] = {}
        """Node that a firing made or matched -> how many firings in a row led to it."""
        self._states: dict[int, int] = {}
        """Hash of the graph -> after which firing."""
        self._count = 0
        self._values = 0
        self._trace: deque[Firing] = deque(maxlen=_TRACE)
        self._rules: Counter[str] = Counter()

    def record(self, firing: Firing, matched: Collection[int], added: Collection[int]) -> None:
        """Take note of a firing.

        Parameters
        ----------
        firing : Firing
            What it did.
        matched, added : collection of int
            Keys of the operators that it matched and made.

        Raises
        ------
        RunawayError
            If the group seems to go on for ever; the message has the last firings.
        """
        self._count += 1
        self._values += len(firing.parameters)
        self._trace.append(firing)
        self._rules[firing.rule] += 1
        spin = min([self._spins.get(key, -1) for key in matched], default=-1) + 1
        self._spins.update(dict.fromkeys((*matched, *added), spin))
        if self._budget is not None and self._count > self._budget:
            raise self._error(
                f"they fired {self._count} times, which is more than the budget of {self._budget}; "
                "raise it with budget: if that many are needed"
            )
        if spin > self._max_spin:
            raise self._error(
                f"{self._max_spin} firings in a row matched nothing but what the one before made "
                "or matched"
            )
        if spin >= _SUSPICIOUS and len(self._states) < _MAX_COMPARED:
            self._compare()

    def begin(self) -> None:
        """Get ready for the first firing: limits depend on how many values operators read."""
        if self._max_spin:
            return
        graph = self._graph
        reads = [sum(map(len, sources.values())) for sources in map(graph.sources, graph.all_keys)]
        self._max_spin = max(MAX_SPIN, max(reads, default=0))
        if self._budget is None:
            self._budget = BUDGET_PER_OPERATOR * max(self._operators, 1) + sum(reads)

    def _compare(self) -> None:
        state = _state(self._graph, self._values)
        before = self._states.setdefault(state, self._count)
        if before != self._count:
            raise self._error(
                f"after firing {self._count} the graph is just as it was after firing {before}"
            )

    def _error(self, sign: str) -> RunawayError:
        rules = ", ".join(f"{rule} ({count} times)" for rule, count in self._rules.most_common())
        firings = [f"{each.rule} at {each.root.op} {each.root.name!r}" for each in self._trace]
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
