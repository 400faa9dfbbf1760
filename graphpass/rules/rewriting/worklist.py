"""Where a group of rewrites may apply next: by rule in file order, then in saved order."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.pattern import OptionalOperand, Pattern, Produced

__all__ = ["Reach", "Worklist"]


@dataclass(frozen=True, slots=True)
class Reach:
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
    def of(cls, plan: Pattern) -> Reach:
        """Work it out for a pattern. Linear in the pattern."""
        heights: list[int] = []
        for part in plan.parts:
            below = [
                heights[inner.part]
                for operand in part.operands
                if isinstance(inner := _inner(operand), Produced)
            ]
            heights.append(1 + max(below, default=0))
        shared = any(part.shared for part in plan.parts)
        return cls(
            ops=plan.first_ops,
            height=max(heights),
            most_readers=float("inf") if shared else len(plan.parts) - 1,
            several=len({root.value.part for root in plan.roots}) > 1,
        )


def _inner(operand: object) -> object:
    return operand.operand if isinstance(operand, OptionalOperand) else operand


class Worklist:
    """The nodes that are still to be looked at, for each rewrite of a group.

    Notes
    -----
    Taking one costs the logarithm of how many there are. Taking in a firing costs as much as there
    are nodes within the height of a pattern around it.
    """

    def __init__(self, reaches: Sequence[Reach], index: Facts) -> None:
        self._reaches = reaches
        self._index = index
        self._spreads = index.ranks.spreads
        self._waiting: list[set[int]] = [set() for _ in reaches]
        self._heaps: list[list[tuple[int, int]]] = [[] for _ in reaches]

    def take(self) -> tuple[int, int] | None:
        """Return the next rewrite, by number, and the node to look at; None if all is done."""
        if self._spreads != self._index.ranks.spreads:
            self._sort()
        for number, (heap, waiting) in enumerate(zip(self._heaps, self._waiting, strict=True)):
            while heap:
                _, key = heapq.heappop(heap)
                if key in waiting:
                    waiting.discard(key)
                    if key in self._index.ranks:
                        return number, key
        return None

    def add_all(self, number: int) -> None:
        """Look at every node that a rewrite could begin at. Linear in the graph."""
        graph, ops = self._index.graph, self._reaches[number].ops
        self._waiting[number] = {key for key in self._index.ranks if graph.op(key) in ops}
        self._sort_one(number)

    def begin(self) -> None:
        """Look at every node that any rewrite could begin at, in a graph that is as indexed."""
        by_op = self._index.by_op
        for number, reach in enumerate(self._reaches):
            self._waiting[number] = {key for op in reach.ops for key in by_op.get(op, ())}
            self._sort_one(number)

    def add(self, number: int, key: int) -> None:
        """Look at a node, if it is not waiting already."""
        if key not in self._waiting[number]:
            self._waiting[number].add(key)
            heapq.heappush(self._heaps[number], (self._index.ranks[key], key))

    def add_around(
        self, numbers: Iterable[int], changed: Iterable[int], below: Iterable[int]
    ) -> None:
        """Look again where a firing may have made a match possible.

        Parameters
        ----------
        numbers : iterable of int
            The rewrites to look for.
        changed : iterable of int
            Operators that are new, or read something new.
        below : iterable of int
            Operators that are read by other nodes than before.
        """
        reaches = [(number, self._reaches[number]) for number in numbers]
        if not reaches:
            return
        levels = self._levels(changed, below, reaches)
        for number, reach in reaches:
            found: Iterable[int] = levels
            if reach.several:
                found = self._beside(levels, reach.height)
            for key in found:
                if self._index.graph.op(key) in reach.ops:
                    self.add(number, key)

    def _levels(
        self,
        changed: Iterable[int],
        below: Iterable[int],
        reaches: Sequence[tuple[int, Reach]],
    ) -> dict[int, None]:
        """Return what reads the changed nodes, up to the height of the tallest pattern."""
        index = self._index
        height = max(reach.height for _, reach in reaches)
        most = max(reach.most_readers for _, reach in reaches)
        found = dict.fromkeys(key for key in (*changed, *below) if key in index.ranks)
        level = list(found)
        for _ in range(height - 1):
            after: dict[int, None] = {}
            for key in level:
                readers = index.graph.readers(key)
                if len(readers) <= most:
                    after.update(dict.fromkeys(readers))
            level = [key for key in after if key not in found]
            found.update(dict.fromkeys(level))
        return found

    def _beside(self, levels: Iterable[int], height: int) -> Iterator[int]:
        """Yield the nodes that share, within a height, a value with one of these."""
        graph = self._index.graph
        found = dict.fromkeys(levels)
        for neighbours in (graph.sources, graph.readers):
            level = list(found)
            for _ in range(height):
                level = [other for key in level for other in neighbours(key) if other not in found]
                found.update(dict.fromkeys(level))
        return iter(found)

    def _sort(self) -> None:
        for number in range(len(self._heaps)):
            self._sort_one(number)
        self._spreads = self._index.ranks.spreads

    def _sort_one(self, number: int) -> None:
        ranks = self._index.ranks
        waiting = self._waiting[number]
        waiting.intersection_update(ranks)
        self._heaps[number] = sorted((ranks[key], key) for key in waiting)
