"""A topological order that is kept up to date edit by edit, at a cost that the edit decides.

A walk of the whole graph after each of many small edits would be quadratic. Here every node has a
rank above those of all it reads; a new node gets one in the gap, and only where an edge points
against the ranks, the nodes in between move.

The idea is that of D. J. Pearce and P. H. J. Kelly, "A dynamic topological sort algorithm for
directed acyclic graphs", ACM Journal of Experimental Algorithmics 11 (2007), with gaps between the
ranks, as in order-maintenance lists.
"""

from __future__ import annotations

from collections.abc import Iterable

from graphpass.graph.invariants import check_acyclic
from graphpass.graph.structure import Structure

__all__ = ["Ranks"]

GAP = 2**40
"""Between the ranks of two neighbours in the beginning."""

STEP = 2**20
"""Between the ranks of new nodes that come in together."""


class Ranks(dict[int, int]):
    """Ranks of the nodes that the heads reach, to begin with in saved order.

    Notes
    -----
    Building is linear. Placing a node is linear in its edges, as a rule; where edges point against
    the ranks, it is linear in the nodes that lie between, and now and then all ranks are spread
    again.
    """

    __slots__ = ("_graph", "spreads")

    def __init__(self, graph: Structure) -> None:
        super().__init__({key: number * GAP for number, key in enumerate(graph.order())})
        self._graph = graph
        self.spreads = 0
        """How often all ranks were given anew; whoever keeps ranks must read them again then."""

    def sorted(self, keys: Iterable[int]) -> list[int]:
        """Return nodes in order; those of one rank, oldest first."""
        return sorted(keys, key=lambda key: (self[key], key))

    def place(self, keys: Iterable[int], near: int | None = None) -> None:
        """Give new nodes a rank, and move old ones that read something new.

        Parameters
        ----------
        keys : iterable of int
            Nodes with new inputs; a new one stands after the new ones that it reads.
        near : int, optional
            The rank that the last new node should have, if nothing speaks against it; those before
            it get the ranks below, and so do all if a node of `keys` has that rank already.

        Raises
        ------
        CycleError
            If the graph has a cycle through one of them.
        """
        listed = list(keys)
        wanted = near
        targets: dict[int, int | None] = {}
        for key in reversed(listed):
            if key not in self:
                targets[key] = wanted
            if wanted is not None and self.get(key, wanted) == wanted:
                wanted -= STEP
        for key in listed:
            self._place(key, targets.get(key))

    def _place(self, key: int, target: int | None) -> None:
        ranks = self
        known = ranks.get(key)
        sources = self._graph._pred[key]
        low = max([ranks[source] for source in sources if source in ranks], default=None)
        if known is not None and (low is None or low < known):
            return
        readers = self._graph._succ[key]
        high = min([ranks[reader] for reader in readers if reader in ranks], default=None)
        rank = _between(low, high, known if target is None else target)
        if rank is not None:
            ranks[key] = rank
        elif low is not None and high is not None and low >= high:
            self._move(key, low)
        else:
            self._spread()
            self._place(key, None)

    def _move(self, key: int, low: int) -> None:
        """Lift a node above what it reads, and with it what is in the way above it."""
        ranks = self
        region = {key}
        pending = [key]
        while pending:
            for reader in self._graph._succ[pending.pop()]:
                if reader in ranks and reader not in region and ranks[reader] <= low:
                    region.add(reader)
                    pending.append(reader)
        if not region.isdisjoint(self._graph._pred[key]):
            check_acyclic(self._graph, [key])
        ranks.setdefault(key, low)
        moved = [key, *self.sorted(region - {key})]
        found = {each: low + number for number, each in enumerate(moved, 1)}
        for each in moved:
            for reader in self._graph._succ[each]:
                if reader in ranks and found.get(reader, ranks[reader]) <= found[each]:
                    return self._reorder(moved, low)
        ranks.update(found)
        return None

    def _reorder(self, moved: list[int], low: int) -> None:
        """Spread all ranks, some nodes right above a rank."""
        apart = set(moved)
        order = self.sorted(self)
        below = [key for key in order if key not in apart and self[key] <= low]
        above = [key for key in order if key not in apart and self[key] > low]
        self.update({key: n * GAP for n, key in enumerate([*below, *moved, *above])})
        self.spreads += 1

    def _spread(self) -> None:
        self.update({key: n * GAP for n, key in enumerate(self.sorted(self))})
        self.spreads += 1


def _between(low: int | None, high: int | None, target: int | None) -> int | None:
    """Return a rank between two, if possible the target; None if there is none."""
    if target is not None and (low is None or low < target) and (high is None or target < high):
        return target
    if low is None:
        return (target or 0) if high is None else high - 1
    if high is None:
        return low + GAP
    return (low + high) // 2 if high - low > 1 else None
