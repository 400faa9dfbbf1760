"""What runs of two models computed, compared value by value, and what that says of the models."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from graphpass.errors import UsageError, count, suggestion
from graphpass.graph import Graph
from graphpass.graph.invariants import describe
from graphpass.ops.meaning import randomness
from graphpass.verify.backend import Computed
from graphpass.verify.feeding import Feeding, InputValue

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.verify.arrays import Comparison
    from graphpass.verify.controls import Execution

__all__ = ["Comparer", "Tolerance", "ValueComparison", "VerifyResult", "random_sources"]

Tolerance: TypeAlias = "float | Mapping[str, float] | None"
"""One for all outputs, or by the name of an output, ``""`` for all others."""

_A_LITTLE = 1000.0
"""How many times what is tolerated counts as a little."""


@dataclass(frozen=True, slots=True)
class ValueComparison:
    """One value of A and its counterpart in B."""

    names: tuple[str, str]
    """Its name in A and in B."""

    comparison: Comparison | None
    """How far they are apart over all runs; None if they are random."""

    random: str | None = None
    """The random operator that it depends on, so that it can't be compared."""

    doubt: str | None = None
    """Why agreement says nothing; None where it does."""

    chaotic: bool = False
    """Whether it differs, and rounding alone moves it as far in A."""

    inside: int = 0
    """How many values inside prove it, as its own agreement or difference says nothing."""

    decided_by: tuple[str, ...] = ()
    """Operators whose decisions in A were handed to both models, since rounding decides there."""

    top1: float | None = None
    """Of distributions, the share whose most likely class is the same; None of other values."""

    @property
    def differs(self) -> bool:
        """Whether it is seen to be another value, and not by rounding."""
        found = self.comparison
        return found is not None and not (found.equal or self.chaotic or self.inside)

    @property
    def undefined(self) -> bool:
        """Whether A reproduces nothing of it."""
        found = self.comparison
        return found is not None and found.left_out > 0 and not found.size

    @property
    def equal(self) -> bool:
        """Whether it was compared, holds something finite unless it is empty, and is equal."""
        found = self.comparison
        if found is None or found.hollow or self.doubt is not None:
            return False
        return found.equal or self.inside > 0

    def __str__(self) -> str:
        name, other = self.names
        named = name if name == other else f"{name} and {other}"
        if self.comparison is None:
            return f"{named}: can't be compared, since {self.random} is random"
        found = self.comparison
        parts = [f"{named}: {'' if found.equal else 'differ, '}{found}"]
        if found.max_abs:
            parts[0] += f", mean {found.mean_abs:.3g}, 99 % within {found.p99_abs:.3g}"
        if self.top1 is not None and found.max_abs:
            parts.append(f"top-1 agrees in {self.top1:.4g} of 1")
        if found.left_out:
            parts.append("A does not reproduce what is left out")
        if self.decided_by:
            parts.append(f"compared with what was decided in A by {', '.join(self.decided_by)}")
        if self.inside:
            parts.append(f"proved by {count(self.inside, 'value')} inside, which agree and move")
            return "; ".join(parts)
        if found.equal and self.doubt is not None:
            parts.append(f"not proved, as {self.doubt}")
        if self.chaotic:
            parts.append("not proved, as rounding alone moves it as far in A")
        elif not found.equal and found.beyond < _A_LITTLE:
            enough = 10.0 ** math.ceil(math.log10(found.max_abs))
            parts.append(
                f"{found.beyond:.2g} times what is tolerated; if that is little enough, say "
                f"--atol {name}:{enough:.0e} (in Python atol={{{name!r}: {enough:.0e}}})"
            )
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        return {
            "names": list(self.names),
            **(self.comparison.to_json() if self.comparison is not None else {}),
            "equal": self.equal,
            "random": self.random,
            "doubt": self.doubt,
            "inside": self.inside,
            "decided_by": list(self.decided_by),
            "top1": self.top1,
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
        differ = any(value.differs for value in values)
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
        if self.verdict == "not proved" and any(value.doubt for value in self.outputs):
            lines.append(
                "  inputs that move it prove something: --input-data NAME:FILE.npy, or --scale "
                "(in Python inputs= and scale=)"
            )
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


_Read = Callable[[Computed], "Array"]
"""Takes one value out of what a run computed."""


class Comparer:
    """Compares runs of A with runs of B.

    Raises
    ------
    UsageError
        If a tolerance is for an output that there is not.

    Attributes
    ----------
    notes : list of str
        What could not be compared because one side has no counterpart.
    """

    def __init__(
        self,
        graphs: tuple[Graph, Graph],
        feeding: Feeding,
        rtol: Tolerance,
        atol: Tolerance,
        *,
        training: bool,
    ) -> None:
        self._a, self._b = graphs
        self._origins = {key: self._a.name(old) for key, old in feeding.variables.items()}
        self._tolerances: list[Mapping[str, float]] = [
            given if isinstance(given, Mapping) else {} if given is None else {"": given}
            for given in (rtol, atol)
        ]
        for what, known in zip(("rtol", "atol"), self._tolerances, strict=True):
            names = [*self._a.outputs, *self._b.outputs]
            for name in known:
                if name and name not in names:
                    near = suggestion(name, names)
                    raise UsageError(f"{what}: neither model has an output {name!r}{near}")
        self._random = [random_sources(graph, training=training) for graph in graphs]
        self.notes: list[str] = []

    def value(
        self,
        names: tuple[str, str] | None,
        runs: Sequence[Execution],
        read_a: _Read,
        read_b: _Read,
        *,
        random: str | None = None,
        told: str | None = None,
        lenient: float = 1.0,
    ) -> ValueComparison:
        """Compare one value over all runs.

        Parameters
        ----------
        names : tuple of str, optional
            What it is called in A and B; None for a value inside, of which the user says nothing.
        runs : sequence of Execution
            What was computed.
        read_a, read_b : callable
            Take the value out of what a run of A and of B computed.
        random : str, optional
            The random operator that it depends on, so that there is nothing to compare.
        told : str, optional
            What has to move it, ``inputs`` or any parameters, so that its agreement says something.
        lenient : float
            How many times what rounding does is tolerated.
        """
        from graphpass.verify.arrays import compare, is_distribution
        from graphpass.verify.controls import Rounding, moves, unlike

        if random is not None:
            return ValueComparison(names or ("", ""), None, random)
        found: Comparison | None = None
        chaotic, moved = True, told is None
        agreeing = rows = 0
        rtol, atol = (
            next((given[name] for name in (*names, "") if name in given), None) if names else None
            for given in self._tolerances
        )
        names = names or ("", "")
        for run in runs:
            a, b = read_a(run.a), read_b(run.b)
            without = unlike(a, read_a(run.again)) if run.again is not None else None
            rounding = Rounding.of(a, [read_a(near) for near in run.jittered], without)
            comparison = compare(
                a,
                b,
                rtol=rtol or 0.0,
                atol=lenient * rounding.tolerance if atol is None else atol,
                without=without,
            )
            if not comparison.equal:
                most = compare(a, b, atol=rounding.unbounded, without=without)
                chaotic = chaotic and rounding.decides and most.equal
            stirred = run.redrawn if told == "inputs" else run.stirred or run.redrawn
            if not moved and stirred is not None:
                moved = moves(a, read_a(stirred), rounding.tolerance, without)
            if is_distribution(a) and comparison.shapes[0] == comparison.shapes[1]:
                same = a.argmax(axis=-1) == b.argmax(axis=-1)
                agreeing, rows = agreeing + int(same.sum()), rows + same.size
            found = comparison if found is None else found.merged(comparison)
        assert found is not None
        doubt = None if moved else f"it does not move when the {told} move"
        if found.left_out and not found.size:
            doubt = "A reproduces nothing of it in other memory"
        return ValueComparison(
            names,
            found,
            doubt=doubt,
            chaotic=chaotic and not found.equal,
            top1=agreeing / rows if rows else None,
        )

    def auxiliary_states(self, runs: Sequence[Execution]) -> tuple[ValueComparison, ...]:
        """Compare each state of B after the runs with the one of A that it stands for."""
        first = runs[0]
        return tuple(
            self.value(
                (name, self._b.name(key)),
                runs,
                _state(keys_a[0]),
                _state(key),
                random=self.random(
                    [use.node for use in self._a.uses(keys_a[0])],
                    [use.node for use in self._b.uses(key)],
                ),
            )
            for name, keys_a, keys_b in self._counterparts(
                "auxiliary state", first.a.auxiliary_states, first.b.auxiliary_states
            )
            for key in keys_b
        )

    def gradients(
        self, pairs: Iterable[tuple[int, int]], runs: Sequence[Execution]
    ) -> tuple[ValueComparison, ...]:
        """Compare the gradients of the arguments, summed over what stands for one."""
        for graph, outputs in zip((self._a, self._b), zip(*pairs, strict=True), strict=True):
            sources = random_sources(graph, training=True)
            random = [sources[key] for key in (graph.heads[each].node for each in outputs)
                      if key in sources]  # fmt: skip
            if random:
                every = "of every argument"
                return (ValueComparison((every, every), None, describe(graph, random[0])),)
        found = []
        for name, keys_a, keys_b in self._counterparts(
            "gradient", runs[0].a.gradients, runs[0].b.gradients
        ):
            other = " + ".join(dict.fromkeys(self._b.name(key) for key in keys_b))
            slopes = _gradient(keys_a), _gradient(keys_b)
            found.append(self.value((name, other), runs, *slopes))
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


def _state(key: int) -> _Read:
    return lambda computed: computed.auxiliary_states[key]


def _gradient(keys: Sequence[int]) -> _Read:
    from graphpass.verify.arrays import total

    return lambda computed: total([computed.gradients[key] for key in keys])
