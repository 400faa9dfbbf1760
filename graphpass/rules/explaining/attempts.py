"""Of all attempts to match at one node, the one to tell.

Attempts are compared by these, the weightiest first:

1. how many operators of the pattern they had found when they stopped;
2. whether they stopped at a node that is the operator wanted, and only differs otherwise: that
   ``p`` is 0.3 and not 0.5 tells more than that a ``Dropout`` is no ``relu``;
3. how many operators they had done without: one that may be absent, and is, is no obstacle, so the
   attempt that goes on without it stopped at what is lacking;
4. how far they would have come if the one obstacle had been none, best of all to the end: of the
   ways to arrange the operands of a commutative operator, that is the one with a single obstacle;
5. what was lacking, in the order in which it is looked at.

The first one wins among equals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graphpass.graph import Entry
from graphpass.rules.explaining.miss import Halt, Miss, Subject
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.match import CODES, Fault, Match
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.search import ABSENT, Search

__all__ = ["Attempts", "EnoughError", "Patience"]

_LIMIT = 5000
"""Steps at one node after which the best so far is good enough for a reason."""

_COMPARED = 8
"""How many attempts that came equally far are compared by how far they would have come."""

_FURTHER = 500
"""Steps that each of them may take."""

_RIGHT_OPERATOR = frozenset({"output", "taken", "attribute", "outputs"})
"""Kinds of obstacles at a node that is the operator wanted, and is not counted as found yet."""


class EnoughError(Exception):
    """Ends a search that goes on for too long."""


class Patience:
    """A recorder that ends the search after a number of steps."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self._left = limit

    def tried(self, part: int, key: int) -> None:
        """See `Recorder`."""
        self.count()

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


class Attempts(Patience):
    """A recorder that keeps the attempts at one node that are worth to be told.

    Parameters
    ----------
    subject : Subject
        What is explained.
    matcher : Matcher
        What makes the attempts.
    key : int
        The node.
    """

    def __init__(self, subject: Subject, matcher: Matcher, key: int) -> None:
        super().__init__()
        self._subject = subject
        self._matcher = matcher
        self._key = key
        self._rank = (-1, False, -1)
        self._foremost: dict[tuple[str, int, tuple[int, ...]], Fault] = {}
        self._refused: Miss | None = None

    @property
    def miss(self) -> Miss | None:
        """The attempt to tell, if there was any."""
        if self._refused is not None or not self._foremost:
            return self._refused
        fault = self._best(list(self._foremost.values()))
        return Miss(self._key, dict(fault.bound), fault)

    def counted(self, matches: Iterable[Match]) -> Iterator[Match]:
        """Yield matches, each of which is a step."""
        for match in matches:
            self.count()
            yield match

    def refused(self, match: Match, cause: Refusal | Halt) -> None:
        """Take note of a match that the driver would not take."""
        nodes = {n: ABSENT if key is None else key for n, key in enumerate(match.nodes)}
        miss = Miss(self._key, nodes, cause, match)
        known = self._refused
        if known is None or miss.rank(self._subject) > known.rank(self._subject):
            self._refused = miss

    def failed(self, fault: Fault) -> None:
        """See `Recorder`."""
        depth = fault.depth
        rank = (depth, fault.code in _RIGHT_OPERATOR, len(fault.bound) - depth)
        if rank > self._rank:
            self._rank = rank
            self._foremost.clear()
        if rank == self._rank and len(self._foremost) < _COMPARED:
            self._foremost.setdefault((fault.code, fault.part, fault.nodes), fault)
        self.count()

    def _best(self, faults: list[Fault]) -> Fault:
        if len(faults) == 1:
            return faults[0]
        return max(faults, key=lambda fault: (self._reach(fault), CODES.index(fault.code)))

    def _reach(self, fault: Fault) -> tuple[bool, int]:
        """Return whether the attempt fits but for a fault, and how far it would come otherwise."""
        return max(
            _Overlooking(self._matcher, entry, fault).reach()
            for entry in self._matcher.anchors(self._key)
        )


class _Overlooking(Search):
    """A search that takes one obstacle for none, and stops at the next."""

    __slots__ = ("_depth", "_overlooked")

    def __init__(self, matcher: Matcher, first: Entry, overlooked: Fault) -> None:
        # A further root may hang on what lies below the obstacle, which nobody looks at.
        super().__init__(matcher.context, (matcher.first, first, None, None), Patience(_FURTHER))
        self._overlooked = overlooked
        self._depth = 0

    def reach(self) -> tuple[bool, int]:
        """Return whether the first root fits now, and how many operators were found."""
        try:
            whole = self.solve()
        except EnoughError:
            whole = False
        return whole, self._depth

    def fail(
        self, code: str, part: int, nodes: tuple[int, ...], found: object, wanted: object
    ) -> bool:
        overlooked = self._overlooked
        bound = tuple(self.nodes.items())
        self._depth = max(self._depth, sum(key >= 0 for _, key in bound))
        if (code, part, nodes) == overlooked[:3] and bound == overlooked.bound:
            if nodes and part not in self.nodes:
                self.nodes[part] = nodes[0]
            return True
        return super().fail(code, part, nodes, found, wanted)
