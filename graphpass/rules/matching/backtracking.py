"""Goals, choices, and the way back from a wrong choice.

A goal asks for one thing: this operand is that value, this operator is that node. Solving a goal
binds something, sets further goals or offers alternatives, or fails. The search goes on with the
first alternative; when it fails, what was bound since is undone and the next one is tried. It keeps
its own stack, so a pattern of any depth needs none of Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from graphpass.errors import SearchLimitError
from graphpass.rules.matching.bindings import Bindings, Extent
from graphpass.rules.matching.match import Fault, Recorder
from graphpass.rules.patterns.plan import Plan

__all__ = ["MAX_TURNS", "Agenda", "Backtracking", "Goal", "Tally"]

MAX_TURNS = 100_000
"""How many alternatives a search may try from one node: a second or two."""

_MAX_IN_ALL = 500_000
_IN_ALL_PER_NODE = 20


class Tally:
    """How many alternatives all searches for one pattern in one graph have tried.

    Parameters
    ----------
    nodes : int
        Nodes of the graph.
    each : int
        How many one search may try.
    """

    __slots__ = ("_most", "each", "turns")

    def __init__(self, nodes: int, each: int = MAX_TURNS) -> None:
        self._most = max(_MAX_IN_ALL, _IN_ALL_PER_NODE * nodes)
        self.each = each
        self.turns = 0

    def count(self) -> None:
        """Count one more.

        Raises
        ------
        SearchLimitError
            If that is too many for anybody to wait for.
        """
        self.turns += 1
        if self.turns > self._most:
            raise SearchLimitError(
                f"the pattern could hold in too many ways in this graph: more than {self._most:,} "
                "were tried; let roots share a value that fewer nodes read, or ask for more of them"
            )


Goal: TypeAlias = tuple[Callable[[Any, Any, Any], bool], Any, Any]
"""What solves it, and two arguments after the search itself. It is a plain function: a search that
held methods bound to itself could be freed by the garbage collector only."""

Agenda: TypeAlias = "tuple[Callable[[Any, Any, Any], bool], Any, Any, Agenda] | None"
"""Goals that are left, as a linked list: alternatives share what they have in common."""


class Backtracking(Bindings):
    """Bindings, the goals that are left, and the choices that were made on the way."""

    __slots__ = ("_agenda", "_choices", "_recorder", "_tally", "_turns")

    def __init__(self, plan: Plan, tally: Tally, recorder: Recorder | None = None) -> None:
        super().__init__(plan)
        self._recorder = recorder
        self._tally = tally
        self._agenda: Agenda = None
        self._turns = 0
        self._choices: list[tuple[Iterator[Sequence[Goal]], Agenda, Extent]] = []

    def _solve(self) -> bool:
        """Solve all goals; return False if there is no way to."""
        while self._agenda is not None:
            solve, first, second, self._agenda = self._agenda
            if not solve(self, first, second) and not self._turn_back():
                return False
        return True

    def _offer(self, alternatives: Sequence[Sequence[Goal]]) -> bool:
        """Go on with the first of several lists of goals; the others are tried when it fails."""
        if len(alternatives) == 1:
            self._set(alternatives[0])
            return True
        self._choices.append((iter(alternatives), self._agenda, self.extent()))
        return self._turn_back()

    def _turn_back(self) -> bool:
        """Go on with the next alternative of the last choice; return False if none is left.

        Raises
        ------
        SearchLimitError
            If there are too many ways for a pattern from anybody.
        """
        while self._choices:
            self._tally.count()
            self._turns += 1
            if self._turns > self._tally.each:
                raise SearchLimitError(
                    "the pattern could hold in too many ways here: more than "
                    f"{self._tally.each:,} were tried; let fewer operators be absent, or ask for "
                    "more of operands that look alike"
                )
            alternatives, agenda, extent = self._choices[-1]
            self.go_back(extent)
            goals = next(alternatives, None)
            if goals is not None:
                self._agenda = agenda
                self._set(goals)
                return True
            self._choices.pop()
        self._agenda = None
        return False

    def _set(self, goals: Sequence[Goal]) -> None:
        """Set goals, to be solved in this order before all others."""
        agenda = self._agenda
        for solve, first, second in reversed(goals):
            agenda = (solve, first, second, agenda)
        self._agenda = agenda

    def _fail(
        self, code: str, part: int, nodes: tuple[int, ...], found: object, wanted: object
    ) -> bool:
        """Tell who listens why a goal fails. Always False."""
        if self._recorder is not None:
            self._recorder.failed(
                Fault(code, part, nodes, found, wanted, tuple(self.nodes.items()))
            )
        return False
