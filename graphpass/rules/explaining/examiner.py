"""The examiner: one rewrite on one graph, asked node by node whether it applies, and why not.

The matcher closes a match in as early as it can: it drops a node that is a head, or that has more
users than the pattern has operators, before it looks at what the node reads. Whoever asks for a
reason wants to know first whether the rest would fit. So the examiner's plan leaves that check to
the end, where the matcher makes it once more; which matches there are is the same either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphpass.errors import GraphpassError
from graphpass.formats.parameters import Parameters
from graphpass.rules.explaining.miss import Miss, Subject
from graphpass.rules.matching.bindings import ABSENT
from graphpass.rules.matching.match import Fault, Level, Match
from graphpass.rules.matching.matcher import Matcher
from graphpass.rules.matching.mismatch import CODES
from graphpass.rules.patterns.plan import Plan
from graphpass.rules.rewriting.group import decide
from graphpass.rules.rewriting.live_index import LiveIndex
from graphpass.rules.rewriting.refusal import Refusal
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["EnoughError", "Examiner", "Patience", "patient"]

_LIMIT = 5000
"""Steps at one node after which the best so far is good enough for a reason."""


def patient(plan: Plan) -> Plan:
    """Return a plan that has the same matches, but checks only whole ones for being closed."""
    return replace(plan, parts=tuple([replace(part, interior=False) for part in plan.parts]))


class Examiner:
    """A rewrite, or a pattern, on one graph, subgraphs left aside.

    Parameters
    ----------
    subject : Subject
        What to explain.
    index : LiveIndex
        Of the graph.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    path : tuple of Level
        The way to the graph from the outermost one.
    """

    def __init__(
        self,
        subject: Subject,
        index: LiveIndex,
        parameters: Parameters | None,
        path: tuple[Level, ...] = (),
    ) -> None:
        self.subject = subject
        self.index = index
        self.path = path
        self._parameters = parameters
        plan = subject.plan
        self._matcher = self.matcher(plan)
        self._patient = self.matcher(patient(plan))
        self._ops = {op for anchor in plan.anchors for op in plan.parts[anchor.part].ops}
        self._one_node = len({root.value.part for root in plan.roots}) == 1

    def matcher(self, plan: Plan) -> Matcher:
        """Return a matcher of another plan on the same graph."""
        return Matcher(plan, self.index.graph, path=self.path, index=self.index)

    def candidates(self) -> list[int]:
        """Return the nodes whose operator the first root may be, in saved order."""
        ranks, graph = self.index.ranks, self.index.graph
        return ranks.sorted([key for key in ranks if graph.op(key) in self._ops])

    @property
    def operators(self) -> list[str]:
        """The operators that the first root may be."""
        parts = self.subject.plan.parts
        return list(
            dict.fromkeys(op for each in self.subject.plan.anchors for op in parts[each.part].ops)
        )

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
        best = _Best(self.subject, key)
        found: list[Match] = []
        try:
            for match in self._patient.assignments(key, best):
                cause = self.refusal(match)
                if cause is None:
                    found.append(match)
                    if self._one_node:
                        return found
                else:
                    best.refused(match, cause)
        except EnoughError:
            if exact:
                found = list(self._taken(key))
        return found or best.miss or self._unfit(key)

    def refusal(
        self, match: Match, rewrite: Rewrite | None = None
    ) -> Refusal | GraphpassError | None:
        """Return why the driver would not take a match; None if it would.

        Another rewrite of the same pattern may be asked about.
        """
        rewrite = rewrite or self.subject.rewrite
        if rewrite is None:
            return None
        try:
            decide(rewrite, match, self.index, self._parameters)
        except (Refusal, GraphpassError) as cause:
            return cause
        return None

    def _taken(self, key: int) -> Iterator[Match]:
        for match in self._matcher.assignments(key):
            if self.refusal(match) is None:
                yield match
                if self._one_node:
                    return

    def _unfit(self, key: int) -> Miss:
        root = self.subject.plan.roots[0].value.part
        found = self.index.graph.op(key)
        return Miss(key, {}, Fault("operator", root, (key,), found, tuple(self.operators), ()))


class EnoughError(Exception):
    """Ends a search that goes on for too long."""


class Patience:
    """A recorder that ends the search after a number of steps."""

    def __init__(self) -> None:
        self._left = _LIMIT

    def tried(self, part: int, key: int) -> None:
        """See `Recorder`."""
        self.count()

    def matched(self, part: int, key: int) -> None:
        """See `Recorder`."""

    def failed(self, fault: Fault) -> None:
        """See `Recorder`."""
        self.count()

    def count(self) -> None:
        """Take note of one step more.

        Raises
        ------
        EnoughError
            If it is one too many.
        """
        self._left -= 1
        if self._left < 0:
            raise EnoughError


class _Best(Patience):
    """Keeps the attempt that came furthest, the first of several."""

    def __init__(self, subject: Subject, key: int) -> None:
        super().__init__()
        self._subject = subject
        self._key = key
        self._fault: Fault | None = None
        self._rank = (-1, -1)
        self._refused: Miss | None = None

    @property
    def miss(self) -> Miss | None:
        if self._refused is not None or self._fault is None:
            return self._refused
        return Miss(self._key, dict(self._fault.bound), self._fault)

    def refused(self, match: Match, cause: Refusal | GraphpassError) -> None:
        """Take note of a match that the driver would not take."""
        nodes = {n: ABSENT if key is None else key for n, key in enumerate(match.nodes)}
        miss = Miss(self._key, nodes, cause, match)
        known = self._refused
        if known is None or miss.rank(self._subject) > known.rank(self._subject):
            self._refused = miss
        self.count()

    def failed(self, fault: Fault) -> None:
        """See `Recorder`."""
        rank = (fault.depth, CODES.index(fault.code))
        if rank > self._rank:
            self._fault, self._rank = fault, rank
        self.count()
