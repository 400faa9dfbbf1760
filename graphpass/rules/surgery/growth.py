"""Which of the values that could be stored are worth their bytes."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping

from graphpass.graph import Graph
from graphpass.rules.surgery.region import Value, value_of

__all__ = ["within"]


def within(
    limit: int,
    graph: Graph,
    sizes: Mapping[int, tuple[int, ...]],
    stored: Mapping[int, int],
) -> set[int]:
    """Return which constant operators to do away with, so that the file grows by `limit` at most.

    What the others read of them has to be stored; stored variables that only they read need not be
    any more. As long as that makes too much, the operator whose staying helps most stays.

    Parameters
    ----------
    limit : int
        Bytes.
    graph : Graph
        The graph.
    sizes : mapping of int to tuple of int
        Operators that read nothing but each other and stored variables -> bytes of their outputs.
    stored : mapping of int to int
        Stored variables -> bytes.

    Notes
    -----
    O(n log n) in the operators and their edges.
    """
    selection = _Selection(graph, sizes, stored)
    selection.shrink(limit)
    return selection.going


class _Selection:
    """Which operators go, what has to be stored for that, and how much the file grows by it."""

    def __init__(
        self, graph: Graph, sizes: Mapping[int, tuple[int, ...]], stored: Mapping[int, int]
    ) -> None:
        self._graph = graph
        self._sizes = sizes
        self._stored = stored
        self.going = set(sizes)
        self._kept: set[Value] = set()
        """Outputs of what goes that something reads which stays."""
        self._alive: set[int] = set()
        """Stored variables that something reads which stays."""
        self._above: Counter[int] = Counter()
        """Operator that goes -> how many others that go read it."""
        for reader in graph.order():
            if reader in sizes:
                self._above.update(graph.sources(reader).keys() & sizes.keys())
            else:
                self._keep_what_it_reads(reader)
        self._alive.update(head.node for head in graph.heads)
        freed = {variable for key in sizes for variable in self._variables(key)} - self._alive
        self._growth = sum(map(self._size, self._kept)) - sum(stored[each] for each in freed)

    def shrink(self, limit: int) -> None:
        """Let operators stay, one that all of its readers do before those that it reads."""
        heap = [(-self._gain(key), key) for key in self.going if not self._above[key]]
        heapq.heapify(heap)
        while self._growth > limit and heap:
            negative, key = heapq.heappop(heap)
            if key not in self.going:
                continue
            gain = self._gain(key)
            if gain != -negative:
                heapq.heappush(heap, (-gain, key))
                continue
            self._growth -= gain
            for near in self._let_stay(key):
                heapq.heappush(heap, (-self._gain(near), near))

    def _let_stay(self, key: int) -> set[int]:
        """Let an operator stay, and return those whose gain is greater now, or that are next."""
        graph = self._graph
        self.going.discard(key)
        self._kept.difference_update([(key, output) for output in range(len(self._sizes[key]))])
        known = {source for source in self._variables(key) if source not in self._alive}
        known |= {node for node, output in self._values(key) if (node, output) not in self._kept}
        self._keep_what_it_reads(key)
        for source in graph.sources(key):
            self._above[source] -= 1
        near = {reader for source in known for reader in graph.readers(source)}
        near |= graph.sources(key).keys()
        return {each for each in near if each in self.going and not self._above[each]}

    def _keep_what_it_reads(self, key: int) -> None:
        self._kept.update(self._values(key))
        self._alive.update(self._variables(key))

    def _gain(self, key: int) -> int:
        """Return how many bytes it saves that an operator stays, all that reads it staying."""
        outputs = enumerate(self._sizes[key])
        saved = sum(size for output, size in outputs if (key, output) in self._kept)
        new = sum(self._size(value) for value in self._values(key) if value not in self._kept)
        revived = sum(self._stored[v] for v in self._variables(key) if v not in self._alive)
        return saved - new - revived

    def _size(self, value: Value) -> int:
        return self._sizes[value[0]][value[1]]

    def _values(self, key: int) -> set[Value]:
        """Return the values that an operator reads of those that go."""
        inputs = self._graph.inputs(key)
        return {value_of(entry) for entry in inputs if entry.node in self.going}

    def _variables(self, key: int) -> set[int]:
        """Return the stored variables that an operator reads."""
        return self._graph.sources(key).keys() & self._stored.keys()
