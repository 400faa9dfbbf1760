"""Names for what rewrites make."""

from __future__ import annotations

from collections.abc import Container

from graphpass.errors import OperationError
from graphpass.graph import Graph
from graphpass.graph.invariants import describe

__all__ = ["FreshNames"]


class FreshNames:
    """Gives names that no node of a graph has.

    A base is counted on from where it was left, so many names of one base cost no more than
    different ones.
    """

    __slots__ = ("_graph", "_names", "_next")

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._names = graph.names
        self._next: dict[str, int] = {}

    def fresh(self, base: str, going: Container[int] = ()) -> str:
        """Return `base`, or ``base_1``, ``base_2``, …: the next that is free.

        A name that only nodes in `going` have counts as free.
        """
        if base not in self._next and self._is_free(base, going):
            return base
        number = self._next.get(base, 1)
        while not self._is_free(f"{base}_{number}", going):
            number += 1
        self._next[base] = number
        return f"{base}_{number}"

    def refuse_taken(self, name: str, what: str, going: Container[int]) -> None:
        """Refuse a name that a rewrite asks for and that a node has which is not in `going`.

        Raises
        ------
        OperationError
            If there is such a node; the message names it.
        """
        taken = [key for key in self._names.keys(name) if key not in going]
        if taken:
            raise OperationError(
                f"{what} would be called {name!r}, as {describe(self._graph, taken[0])} is; "
                "make the name from one that is unique, or leave name= out"
            )

    def _is_free(self, name: str, going: Container[int]) -> bool:
        return all(key in going for key in self._names.keys(name))
