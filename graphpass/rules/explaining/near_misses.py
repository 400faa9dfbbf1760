"""What came near in a graph: the nodes at which a rewrite could begin, by what they lack."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from graphpass.formats.parameters import Parameters
from graphpass.rules.explaining.checks import node_ref
from graphpass.rules.explaining.examiner import Examiner
from graphpass.rules.explaining.miss import Miss, Subject
from graphpass.rules.limits import Limits
from graphpass.rules.report.firings import Level, NearMiss
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["Groups", "NearMiss", "near_misses"]

_MOST = 10


def near_misses(
    rewrite: Rewrite,
    index: Facts,
    parameters: Parameters | None,
    path: tuple[Level, ...] = (),
    limits: Limits | None = None,
) -> tuple[NearMiss, ...]:
    """Return what came near on one graph, subgraphs left aside.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite. Nodes at which it applies are passed over.
    index : Facts
        Of the graph as it is.
    parameters : Parameters or None
        The model's; None inside a subgraph.
    path : tuple of Level
        The way to the graph from the outermost one.
    limits : Limits, optional
        What may be computed to find out; when it is used up, nothing more is looked at.

    Returns
    -------
    tuple of NearMiss
        At most ten groups, those first that came furthest.

    Notes
    -----
    One attempt for each node whose operator the first root may be, each of a bounded number of
    steps.
    """
    groups = Groups(Subject(rewrite.id, rewrite.pattern, rewrite))
    examiner = Examiner(groups.subject, index, parameters, path, prepares=False, limits=limits)
    for key in examiner.candidates():
        if examiner.limits.is_exceeded:
            break
        found = examiner.look(key, exact=False)
        if isinstance(found, Miss):
            groups.add(found, examiner)
    return groups.deepest()


class Groups:
    """Misses by what they lack, as they come in."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._counts: dict[Hashable, int] = {}
        self._first: dict[Hashable, tuple[Miss, Examiner]] = {}
        self._ranks: dict[Hashable, tuple[int, ...]] = {}

    def add(self, miss: Miss, examiner: Examiner) -> None:
        """Take in one more."""
        shape, rank = miss.shape(), miss.rank(self.subject)
        self._counts[shape] = self._counts.get(shape, 0) + 1
        self._first.setdefault(shape, (miss, examiner))
        self._ranks[shape] = max(rank, self._ranks.get(shape, rank))

    def deepest(self) -> tuple[NearMiss, ...]:
        """Return at most ten groups, those first that came furthest."""
        shapes: Iterable[Hashable] = sorted(self._counts, key=self._ranks.__getitem__, reverse=True)
        return tuple([self._near_miss(shape) for shape in list(shapes)[:_MOST]])

    def _near_miss(self, shape: Hashable) -> NearMiss:
        miss, examiner = self._first[shape]
        graph = examiner.index.graph
        return NearMiss(
            count=self._counts[shape],
            code=miss.code,
            what=miss.what(self.subject),
            reason=miss.reason(self.subject, graph),
            root=node_ref(graph, miss.key),
            path=examiner.path,
        )
