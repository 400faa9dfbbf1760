"""What runs of two models computed, compared value by value, and what that says of the models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from graphpass.errors import count
from graphpass.graph import Graph
from graphpass.graph.invariants import describe
from graphpass.ops.meaning import randomness
from graphpass.verify.backend import Computed
from graphpass.verify.feeding import InputValue

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.verify.arrays import Comparison

__all__ = ["Comparer", "ValueComparison", "VerifyResult", "random_sources"]


@dataclass(frozen=True, slots=True)
class ValueComparison:
    """One value of A and its counterpart in B."""

    names: tuple[str, str]
    """Its name in A and in B."""

    comparison: Comparison | None
    """How far they are apart over all runs; None if they are random."""

    random: str | None = None
    """The random operator that it depends on, so that it can't be compared."""

    @property
    def equal(self) -> bool:
        """Whether it was compared, holds something finite unless it is empty, and is equal."""
        found = self.comparison
        return found is not None and found.equal and not found.hollow

    def __str__(self) -> str:
        name, other = self.names
        named = name if name == other else f"{name} and {other}"
        if self.comparison is None:
            return f"{named}: can't be compared, since {self.random} is random"
        return f"{named}: {'' if self.comparison.equal else 'differ, '}{self.comparison}"

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        return {
            "names": list(self.names),
            **(self.comparison.to_json() if self.comparison is not None else {}),
            "equal": self.equal,
            "random": self.random,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """Whether two models, called A and B, compute the same; true in a condition if they do."""

    not_compared: tuple[str, ...] = ()
    """Outputs of B that stand for nothing in A, each with the reason."""

    no_longer_returned: tuple[str, ...] = ()
    """Outputs of A that B does not return."""

    outputs: tuple[ValueComparison, ...] = ()
    """The outputs, pair by pair."""

    auxiliary_states: tuple[ValueComparison, ...] = ()
    """Auxiliary states after a run in training."""

    gradients: tuple[ValueComparison, ...] = ()
    """Gradients of the arguments, if asked for."""

    inputs: tuple[InputValue, ...] = ()
    """What the models were given."""

    drawn_parameters: int = 0
    """How many parameters were drawn because neither model stores any."""

    notes: tuple[str, ...] = ()
    """What was not compared, one sentence each."""

    runs: int
    """How many times inputs were drawn."""

    seed: int
    """Seed of all that was drawn."""

    training: bool
    """Whether operators behaved as in training."""

    backend: str = ""
    """What the models ran on."""

    @property
    def equal(self) -> bool:
        """Whether something was compared, everything is equal, and B takes what A is fed."""
        values = self.outputs + self.auxiliary_states + self.gradients
        return bool(self.outputs) and all(value.equal for value in values) and not self._refused()

    @property
    def verdict(self) -> Literal["equal", "different", "not proved"]:
        """``not proved`` where nothing differs, but something could not be judged."""
        if self.equal:
            return "equal"
        values = self.outputs + self.auxiliary_states + self.gradients
        found = [value.comparison for value in values]
        differ = any(comparison is not None and not comparison.equal for comparison in found)
        return "different" if differ or self._refused() else "not proved"

    def __bool__(self) -> bool:
        return self.equal

    def __str__(self) -> str:
        """Return the verdict, then what was compared and what was given, one a line."""
        compared, left = len(self.outputs), len(self.not_compared)
        if not compared:
            counts = ["there is no output that can be compared"]
        elif not left:
            counts = [count(compared, "output")]
        else:
            counts = [f"{compared} of {count(compared + left, 'output')}"]
        if self.auxiliary_states:
            counts.append(count(len(self.auxiliary_states), "auxiliary state"))
        if self.gradients:
            counts.append(count(len(self.gradients), "gradient"))
        how = f"{count(self.runs, 'run')} in {'training' if self.training else 'inference'}"
        parts = [", ".join(counts)]
        if self._refused():
            parts.append(f"B takes another type for {', '.join(self._refused())}")
        if self.not_compared:
            parts.append(f"not compared: {', '.join(self.not_compared)}")
        if self.no_longer_returned:
            parts.append(f"no longer returned: {', '.join(self.no_longer_returned)}")
        if self.outputs:
            given = count(len(self.inputs), "input")
            parts.append(f"{given}, {how}, seed {self.seed}, {self.backend}")
        lines = [f"{self.verdict}: {'; '.join(parts)}"]
        lines += [f"  output {value}" for value in self.outputs]
        lines += _summary("auxiliary state", self.auxiliary_states)
        lines += _summary("gradient", self.gradients)
        lines += [f"  input {value}" for value in self.inputs]
        if self.drawn_parameters:
            lines.append(f"  {count(self.drawn_parameters, 'parameter')} drawn, as none is stored")
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        facts: dict[str, Any] = {"equal": self.equal, "verdict": self.verdict}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, tuple):
                value = [item if isinstance(item, str) else item.to_json() for item in value]
            facts[each.name] = value
        return facts

    def _refused(self) -> list[str]:
        return [repr(value.name) for value in self.inputs if value.refused]


def _summary(noun: str, values: tuple[ValueComparison, ...]) -> list[str]:
    """Return the lines on values that there may be hundreds of: those that differ, and a count."""
    lines = [f"  {noun} {value}" for value in values if not value.equal]
    equal = [value.comparison for value in values if value.equal and value.comparison is not None]
    if equal:
        max_abs = max(comparison.max_abs for comparison in equal)
        max_rel = max(comparison.max_rel for comparison in equal)
        lines.append(
            f"  {count(len(equal), noun)} equal: max abs {max_abs:.3g}, max rel {max_rel:.3g}"
        )
    return lines


def random_sources(graph: Graph, *, training: bool) -> dict[int, int]:
    """Return, for every node whose values are random, the key of the operator that makes them so.

    Two runs differ in them, whatever the graphs. Operators of other libraries are taken for
    deterministic.

    Notes
    -----
    Linear in nodes and edges, subgraphs included.
    """
    draws = ("always", "training") if training else ("always",)

    def is_random(key: int) -> bool:
        pending = [(graph, key)]
        while pending:
            inner, node = pending.pop()
            if randomness(inner.op(node), inner.attrs(node)) in draws:
                return True
            pending.extend((sub, each) for sub in inner.subgraphs(node) for each in sub.order())
        return False

    found: dict[int, int] = {}
    for key in graph.order():
        read = next((found[each.node] for each in graph.inputs(key) if each.node in found), None)
        if is_random(key):
            found[key] = key
        elif read is not None:
            found[key] = read
    return found


_Runs = Sequence[tuple[Computed, Computed]]
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
        return tuple(
            self._value(
                (names_a[old], names_b[new]),
                self.random([self._a.heads[old].node], [self._b.heads[new].node]),
                ((a.outputs[old], b.outputs[new]) for a, b in runs),
            )
            for old, new in pairs
        )

    def auxiliary_states(self, runs: _Runs) -> tuple[ValueComparison, ...]:
        """Compare each state of B after the runs with the one of A that it stands for."""
        states = [(a.auxiliary_states, b.auxiliary_states) for a, b in runs]
        return tuple(
            self._value(
                (name, self._b.name(key)),
                self.random(
                    [use.node for use in self._a.uses(keys_a[0])],
                    [use.node for use in self._b.uses(key)],
                ),
                ((a[keys_a[0]], b[key]) for a, b in states),
            )
            for name, keys_a, keys_b in self._counterparts("auxiliary state", *states[0])
            for key in keys_b
        )

    def gradients(
        self, pairs: Iterable[tuple[int, int]], runs: _Runs
    ) -> tuple[ValueComparison, ...]:
        """Compare the gradients of the arguments, summed over what stands for one."""
        from graphpass.verify.arrays import total

        for graph, outputs in zip((self._a, self._b), zip(*pairs, strict=True), strict=True):
            sources = random_sources(graph, training=True)
            random = [sources[key] for key in (graph.heads[each].node for each in outputs)
                      if key in sources]  # fmt: skip
            if random:
                every = "of every argument"
                return (ValueComparison((every, every), None, describe(graph, random[0])),)
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

    def random(self, a: Iterable[int], b: Iterable[int]) -> str | None:
        """Return the random operator that one of these nodes of A or of B depends on."""
        for graph, sources, keys in ((self._a, self._random[0], a), (self._b, self._random[1], b)):
            for key in keys:
                if key in sources:
                    return describe(graph, sources[key])
        return None

    def compared(self, values: Iterable[tuple[Array, Array]]) -> Comparison:
        """Compare one value over all runs."""
        from graphpass.verify.arrays import compare, tolerances

        found: Comparison | None = None
        for a, b in values:
            rtol, atol = tolerances(a.dtype.name, self._rtol, self._atol)
            comparison = compare(a, b, rtol=rtol, atol=atol)
            found = comparison if found is None else found.merged(comparison)
        assert found is not None
        return found

    def _value(
        self, names: tuple[str, str], random: str | None, values: Iterable[tuple[Array, Array]]
    ) -> ValueComparison:
        return ValueComparison(names, None if random else self.compared(values), random)

    def _counterparts(
        self, what: str, values_a: Iterable[int], values_b: Iterable[int]
    ) -> Iterator[tuple[str, list[int], list[int]]]:
        """Yield name in A, keys in A, keys in B of what stands for the same variable of A.

        Names of variables may repeat.
        """
        keys_a: dict[str, list[int]] = {}
        for key in values_a:
            keys_a.setdefault(self._a.name(key), []).append(key)
        keys_b: dict[str | None, list[int]] = {}
        for key in values_b:
            keys_b.setdefault(self._origins.get(key), []).append(key)
        for name in keys_a:
            if name in keys_b:
                yield name, keys_a[name], keys_b[name]
            else:
                self.notes.append(f"{what} of {name!r} was not compared: B has no counterpart")
        for key in values_b:
            if self._origins.get(key) not in keys_a:
                name = self._b.name(key)
                self.notes.append(f"{what} of {name!r} of B was not compared: it is new")
