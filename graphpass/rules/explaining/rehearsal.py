"""A rehearsal: firings on a copy of the graph, each taken back at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from graphpass.formats.parameters import ParameterClass, Parameters
from graphpass.graph import Entry, Graph
from graphpass.graph.ranks import Ranks
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewriting.draft import Draft
from graphpass.rules.rewriting.firing import fire
from graphpass.rules.rewriting.fresh_names import FreshNames
from graphpass.rules.rewriting.surroundings import Surroundings

if TYPE_CHECKING:
    import numpy.typing as npt

    from graphpass.formats.ndarray_binary import Array

__all__ = ["Rehearsal"]


class Rehearsal:
    """Fires rewrites as the driver does, and leaves everything as it was.

    Parameters
    ----------
    index : Facts
        Of the graph, which is copied when the first firing is tried.
    parameters : Parameters or None
        The model's; None inside a subgraph.

    Notes
    -----
    The copy is linear in the graph; then a firing costs as much as it does in the driver.
    """

    def __init__(self, index: Facts, parameters: Parameters | None) -> None:
        self._index = index
        self._original = parameters

    @cached_property
    def _parameters(self) -> _Kept | None:
        return None if self._original is None else _Kept(self._original)

    @cached_property
    def _twin(self) -> _StillIndex:
        return _StillIndex(self._index)

    @cached_property
    def _names(self) -> FreshNames:
        return FreshNames(self._twin.graph)

    def fire(self, draft: Draft, match: Match, rule: str) -> None:
        """Put a draft in the place of a match, and undo that.

        Raises
        ------
        Refusal, GraphpassError
            What the driver would meet with.
        """
        index, parameters = self._twin, self._parameters
        match = replace(match, graph=index.graph)
        try:
            with suppress(_Undo), np.errstate(all="ignore"), index.graph.edit() as edit:
                fire(draft, match, rule, Surroundings(index, edit, parameters, self._names))
                raise _Undo
        finally:
            index.undo()
            if parameters is not None:
                parameters.undo()


class _Undo(BaseException):
    """Undoes the transaction of a firing that went well."""


class _StillIndex(Facts):
    """An index of a copy of a graph that stays as it is while a firing changes the copy."""

    def __init__(self, index: Facts) -> None:
        super().__init__(index.graph.copy())
        self._still = _StillRanks(index.ranks, self.graph)
        self.ranks = self._still
        self._kinds = dict(index.kinds)

    def follow(
        self,
        removed: Iterable[int],
        made: Iterable[int],
        moved: Mapping[Entry, Entry],
        computed: Mapping[int, Array],
    ) -> None:
        """Take no note: the firing is undone. Kinds of variables that are gone harm nobody."""

    def undo(self) -> None:
        """Be as before the firing."""
        self._still.undo()


class _StillRanks(Ranks):
    """Ranks that can be as before again."""

    __slots__ = ("_before",)

    def __init__(self, ranks: Ranks, graph: Graph) -> None:
        dict.__init__(self, ranks)
        self._graph = graph
        self.spreads = 0
        self._before: dict[int, int | None] = {}

    def __setitem__(self, key: int, rank: int) -> None:
        self._before.setdefault(key, self.get(key))
        super().__setitem__(key, rank)

    def update(self, found: Mapping[int, int]) -> None:  # type: ignore[override]
        for key, rank in found.items():
            self[key] = rank

    def setdefault(self, key: int, rank: int) -> int:
        if key not in self:
            self[key] = rank
        return self[key]

    def undo(self) -> None:
        for key, rank in self._before.items():
            if rank is None:
                del self[key]
            else:
                super().__setitem__(key, rank)
        self._before.clear()


class _Kept(Parameters):
    """Parameters that can be as before again, but for their order."""

    __slots__ = ("_before",)

    def __init__(self, parameters: Parameters) -> None:
        super().__init__()
        self.restore(parameters)
        self._before: dict[str, tuple[Array, ParameterClass] | None] = {}

    def set(self, name: str, array: npt.ArrayLike, class_: ParameterClass) -> None:
        self._keep(name)
        super().set(name, array, class_)

    def __delitem__(self, name: str) -> None:
        self._keep(name)
        super().__delitem__(name)

    def _keep(self, name: str) -> None:
        known = (self[name], self.class_of(name)) if name in self else None
        self._before.setdefault(name, known)

    def undo(self) -> None:
        for name, known in self._before.items():
            if known is not None:
                super().set(name, *known)
            elif name in self:
                super().__delitem__(name)
        self._before.clear()
