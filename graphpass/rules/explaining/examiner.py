"""The examiner: one rewrite on one graph, asked node by node whether it applies, and why not.

The matcher closes a match in as early as it can: it drops a node that is a head, or that has more
users than the pattern has operators, before it looks at what the node reads. Whoever asks for a
reason wants to know first whether the rest would fit. So the examiner leaves that check to the
end, where the matcher makes it once more; which matches there are is the same either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphpass.errors import GraphpassError
from graphpass.formats.parameters import Parameters
from graphpass.model import Model
from graphpass.rules.explaining.attempts import Attempts, EnoughError
from graphpass.rules.explaining.miss import Halt, Miss, Subject
from graphpass.rules.limits import Limits
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fates import decide
from graphpass.rules.rewrite.match import Fault, Match
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import Pattern
from graphpass.rules.rewrite.prepare import prepare
from graphpass.rules.rewrite.rewrite import Rewrite
from graphpass.rules.rewrite.weights import Twins

__all__ = ["Examiner", "patient"]


def patient(pattern: Pattern) -> Pattern:
    """Return a pattern that has the same matches, but checks only whole ones for being closed."""
    return replace(pattern, parts=tuple([replace(part, interior=False) for part in pattern.parts]))


class Examiner:
    """A rewrite, or a pattern, on one graph, subgraphs left aside.

    Parameters
    ----------
    subject : Subject
        What to explain.
    index : Facts
        Of the graph.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    path : tuple of Level
        The way to the graph from the outermost one.
    prepares : bool
        Whether to see, too, if what takes the place of a match can be put in.
    limits : Limits, optional
        What the expressions may compute, if that is not for this rewrite alone.
    """

    def __init__(
        self,
        subject: Subject,
        index: Facts,
        parameters: Parameters | None,
        path: tuple[Level, ...] = (),
        *,
        prepares: bool = True,
        limits: Limits | None = None,
    ) -> None:
        self.subject = subject
        self.index = index
        self.path = path
        self._parameters = parameters
        self.limits = limits or Limits.of(Model(index.graph, parameters))
        self._prepares = prepares
        pattern = subject.pattern
        self._plan = patient(pattern)
        self._matcher = self.matcher(pattern)
        self._patient = self.matcher(self._plan)
        self._ops = {op for anchor in pattern.anchors for op in pattern.parts[anchor.part].ops}
        self._one_node = len({root.value.part for root in pattern.roots}) == 1

    def matcher(self, pattern: Pattern) -> Matcher:
        """Return a matcher of another pattern on the same graph."""
        return Matcher(pattern, self.index.graph, path=self.path, facts=self.index)

    def candidates(self) -> list[int]:
        """Return the nodes whose operator the first root may be, in saved order."""
        by_op = self.index.graph.by_op()
        return self.index.ranks.sorted([key for op in self._ops for key in by_op.get(op, ())])

    @property
    def operators(self) -> list[str]:
        """The operators that the first root may be."""
        return list(self._matcher.operators)

    def at(self, key: int) -> Match | Miss:
        """Return the first match that the driver would take at a node, or why it takes none."""
        found = self.look(key)
        return found if isinstance(found, Miss) else found[0]

    def look(self, key: int, *, exact: bool = True) -> list[Match] | Miss:
        """Return the matches that the driver would take at a node, or why it takes none.

        For a single root, that is the first match only.

        Parameters
        ----------
        key : int
            The node.
        exact : bool
            Whether to go on, after a fixed number of steps, for as long as the driver would;
            otherwise what was found by then is the answer.
        """
        attempts = Attempts(self.subject, self._patient, key)
        taken: list[Match] = []
        try:
            self._take(attempts.counted(self._patient.assignments(key, attempts)), attempts, taken)
        except EnoughError:
            if exact:
                taken.clear()
                self._take(self._matcher.assignments(key), attempts, taken)
        return taken or attempts.miss or self._unfit(key)

    def _take(self, matches: Iterator[Match], attempts: Attempts, taken: list[Match]) -> None:
        """Go through matches as the driver would, until one is taken or stops it."""
        for match in matches:
            cause = self.refusal(match)
            if cause is None:
                taken.append(match)
            else:
                attempts.refused(match, cause)
            if isinstance(cause, Halt) or (taken and self._one_node):
                return

    def refusal(self, match: Match, rewrite: Rewrite | None = None) -> Refusal | Halt | None:
        """Return why the driver would not take a match; None if it would.

        Another rewrite of the same pattern may be asked about.
        """
        rewrite = rewrite or self.subject.rewrite
        if rewrite is None:
            return None
        decided = False
        try:
            decision = decide(rewrite, match, self.index, self._parameters, limits=self.limits)
            decided = True
            if self._prepares:
                prepare(decision, match.matched, self.index, self._parameters, Twins())
        except Refusal as cause:
            return cause
        except GraphpassError as error:
            return Halt(error, decided)
        return None

    def _unfit(self, key: int) -> Miss:
        root = self.subject.pattern.roots[0].value.part
        found = self.index.graph.op(key)
        return Miss(key, {}, Fault("operator", root, (key,), found, tuple(self.operators), ()))
