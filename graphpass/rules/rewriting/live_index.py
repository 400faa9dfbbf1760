"""The matcher's index of a graph that is being rewritten."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from graphpass.formats.ndarray_binary import dtype_name
from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.graph.ranks import Ranks
from graphpass.rules.matching.graph_index import GraphIndex

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.shapes import Shape

__all__ = ["LiveIndex"]


class LiveIndex(GraphIndex):
    """A `GraphIndex` that follows the firings of rewrites.

    Places in saved order are ranks, which `Ranks` keeps up to date; what is constant is asked of
    the graph as it is now. `by_op` stays as it was in the beginning.

    Notes
    -----
    Following a firing costs as much as the firing itself; where a value turns constant or stops
    being so, all that is known of constants is forgotten.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Collection[str] | None = None,
        shapes: Mapping[str, Shape] | None = None,
    ) -> None:
        self.ranks = Ranks(graph)
        super().__init__(graph, inputs, self.ranks, shapes)

    def follow(
        self,
        removed: Iterable[int],
        made: Iterable[int],
        moved: Mapping[Entry, Entry],
        computed: Mapping[int, Array],
    ) -> None:
        """Take note of a firing.

        Parameters
        ----------
        removed : iterable of int
            Nodes that are gone.
        made : iterable of int
            Operators that are new, or are something else now.
        moved : mapping of Entry to Entry
            Values that were replaced, and by what.
        computed : mapping of int to array
            Variables with a new value.
        """
        known = self._known
        before = {key: known.pop(key) for key in made if key in known}
        changed = any(self._is_constant(key) != was for key, was in before.items()) or any(
            known[old.node] != self._is_constant(new.node)
            for old, new in moved.items()
            if old.node in known
        )
        for key in removed:
            self.ranks.pop(key, None)
            known.pop(key, None)
            if self._kinds is not None:
                self._kinds.pop(key, None)
        if changed:
            known.clear()
        if self._inference is not None:
            self._inference.follow(
                [*computed, *made],
                {self.graph.name(key): array.shape for key, array in computed.items()},
                {self.graph.name(key): dtype_name(array.dtype) for key, array in computed.items()},
            )
        if any(old.node in self.heads for old in moved):
            self.heads.clear()
            for head in self.graph.heads:
                self.heads.setdefault(head.node, set()).add(head.output)

    @property
    def num_operators(self) -> int:
        """How many operators there were in the beginning."""
        return sum(len(keys) for op, keys in self.by_op.items() if op != VARIABLE)

    def outputs_in_use(self, key: int) -> list[int]:
        """Return the outputs of a node that something reads or that are heads, in order."""
        edges = self.graph.readers(key).values()
        found = {data["output"] for each in edges for data in each.values() if "output" in data}
        return sorted(found | self.heads.get(key, set()))

    def last_output_in_use(self, key: int) -> int:
        """Return the highest output of a node that something reads or that is a head."""
        last = max(self.heads[key]) if key in self.heads else 0
        for edges in self.graph.readers(key).values():
            for data in edges.values():
                if data.get("output", 0) > last:
                    last = data["output"]
        return last

    def describe(self, key: int) -> str:
        """Return how messages name a node."""
        return describe(self.graph, key)
