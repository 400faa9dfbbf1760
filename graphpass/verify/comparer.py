"""Compares what runs of two models computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from graphpass.graph import Graph
from graphpass.graph.invariants import describe
from graphpass.verify.backend import Run
from graphpass.verify.randomness import random_sources
from graphpass.verify.result import ValueComparison

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.verify.arrays import Comparison

__all__ = ["Comparer"]

_Runs = Sequence[tuple[Run, Run]]
"""For each run, what A and B computed."""


class Comparer:
    """Compares runs of A with runs of B.

    Attributes
    ----------
    notes : list of str
        What could not be compared because one side has no counterpart.
    """

    def __init__(
        self,
        graphs: tuple[Graph, Graph],
        origins: Mapping[int, str],
        rtol: float | None,
        atol: float | None,
        *,
        training: bool,
    ) -> None:
        self._a, self._b = graphs
        self._origins = origins
        self._rtol, self._atol = rtol, atol
        self._random = [random_sources(graph, training=training) for graph in graphs]
        self.notes: list[str] = []

    def outputs(self, pairs: Iterable[tuple[int, int]], runs: _Runs) -> tuple[ValueComparison, ...]:
        """Compare outputs, pair by pair."""
        names_a, names_b = self._a.outputs, self._b.outputs
        found = []
        for old, new in pairs:
            names = names_a[old], names_b[new]
            random = self.random(self._a.heads[old].node, self._b.heads[new].node)
            if random is not None:
                found.append(ValueComparison(names, None, random))
                continue
            values = [(a.outputs[old], b.outputs[new]) for a, b in runs]
            found.append(ValueComparison(names, self.compared(values)))
        return tuple(found)

    def auxiliary_states(self, runs: _Runs) -> tuple[ValueComparison, ...]:
        """Compare each state of B after the runs with the one of A that it stands for."""
        states = [(a.auxiliary_states, b.auxiliary_states) for a, b in runs]
        found = []
        for name, keys_a, keys_b in self._counterparts("auxiliary state", *states[0]):
            for key in keys_b:
                names = name, self._b.name(key)
                random = self._random_state(keys_a[0], key)
                if random is not None:
                    found.append(ValueComparison(names, None, random))
                    continue
                values = [(a[keys_a[0]], b[key]) for a, b in states]
                found.append(ValueComparison(names, self.compared(values)))
        return tuple(found)

    def gradients(
        self, pairs: Iterable[tuple[int, int]], runs: _Runs
    ) -> tuple[ValueComparison, ...]:
        """Compare the gradients of the arguments, summed over what stands for one."""
        random = self._random_in_training(pairs)
        if random is not None:
            return (ValueComparison(("of every argument", "of every argument"), None, random),)
        from graphpass.verify.dtypes import total

        gradients = [(a.gradients, b.gradients) for a, b in runs]
        found = []
        for name, keys_a, keys_b in self._counterparts("gradient", *gradients[0]):
            values = [
                (total([a[key] for key in keys_a]), total([b[key] for key in keys_b]))
                for a, b in gradients
            ]
            other = " + ".join(dict.fromkeys(self._b.name(key) for key in keys_b))
            found.append(ValueComparison((name, other), self.compared(values)))
        return tuple(found)

    def same_shapes(self, outputs: Iterable[ValueComparison]) -> bool:
        """Return whether heads can be given the same gradients, and take a note if not."""
        fit = all(
            value.comparison is None or value.comparison.shapes[0] == value.comparison.shapes[1]
            for value in outputs
        )
        if not fit:
            self.notes.append("gradients were not compared, because outputs differ in shape")
        return fit

    def random(self, a: int, b: int) -> str | None:
        """Return the random operator that a node of A or its counterpart in B depends on."""
        for graph, sources, key in ((self._a, self._random[0], a), (self._b, self._random[1], b)):
            if key in sources:
                return describe(graph, sources[key])
        return None

    def compared(self, values: Iterable[tuple[Array, Array]]) -> Comparison:
        """Compare one value over all runs."""
        from graphpass.formats.ndarray_binary import dtype_name
        from graphpass.verify.arrays import compare, tolerances

        found: Comparison | None = None
        for a, b in values:
            rtol, atol = tolerances(dtype_name(a.dtype), self._rtol, self._atol)
            comparison = compare(a, b, rtol=rtol, atol=atol)
            found = comparison if found is None else found.merged(comparison)
        assert found is not None
        return found

    def _random_in_training(self, pairs: Iterable[tuple[int, int]]) -> str | None:
        """Return an operator that makes one of these outputs random in training."""
        positions = list(zip(*pairs, strict=True))
        for graph, outputs in zip((self._a, self._b), positions, strict=True):
            sources = random_sources(graph, training=True)
            for output in outputs:
                key = graph.heads[output].node
                if key in sources:
                    return describe(graph, sources[key])
        return None

    def _random_state(self, a: int, b: int) -> str | None:
        """Return the random operator that decides what an auxiliary state becomes."""
        for graph, sources, key in ((self._a, self._random[0], a), (self._b, self._random[1], b)):
            for reader, _ in graph.uses(key):
                if reader in sources:
                    return describe(graph, sources[reader])
        return None

    def _counterparts(
        self, what: str, values_a: Iterable[int], values_b: Iterable[int]
    ) -> Iterator[tuple[str, list[int], list[int]]]:
        """Yield name in A, keys in A, keys in B of what stands for the same variable of A."""
        keys_a = _grouped(values_a, {key: self._a.name(key) for key in values_a})
        keys_b = _grouped(values_b, self._origins)
        for name in keys_a:
            if name in keys_b:
                yield name, keys_a[name], keys_b[name]
            else:
                self.notes.append(f"{what} of {name!r} was not compared: B has no counterpart")
        for key in values_b:
            if self._origins.get(key) not in keys_a:
                name = self._b.name(key)
                self.notes.append(f"{what} of {name!r} of B was not compared: it is new")


def _grouped(keys: Iterable[int], names: Mapping[int, str]) -> dict[str, list[int]]:
    """Return the keys by what they stand for; names of variables may repeat."""
    groups: dict[str, list[int]] = {}
    for key in keys:
        if key in names:
            groups.setdefault(names[key], []).append(key)
    return groups
