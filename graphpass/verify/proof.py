"""Runs of two graphs on the same values, and what the agreement of their outputs is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from graphpass.errors import listed
from graphpass.graph import Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.verify.backend import Backend, Computed, blamed
from graphpass.verify.decisions import decided
from graphpass.verify.feeding import Feeding
from graphpass.verify.inputs import is_limited
from graphpass.verify.result import Comparer, ValueComparison
from graphpass.verify.sameness import Sameness, below

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.verify.arrays import Comparison
    from graphpass.verify.controls import Execution

__all__ = ["HeadGradients", "Proof", "Trial", "output", "returning"]

HeadGradients = tuple[list[list["Array"]], list[list["Array"]]]
"""For A and for B, for each run, the gradient of each head."""


Draw: TypeAlias = "tuple[int, float]"
"""Number of a draw of the inputs, and the standard deviation of those that are normal."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A way to run two graphs, called A and B, on the same values."""

    backend: Backend
    graphs: tuple[Graph, Graph]
    feeding: Feeding
    training: bool = False
    backward: bool = False

    head_gradients: HeadGradients | None = None
    """What a backward pass starts from."""

    stirred: frozenset[int] = frozenset()
    """Parameters of A that are moved by 2 % to see what moves."""

    redraws: bool = False
    """Whether A also runs on other inputs to see what moves."""

    handed: tuple[Sequence[int], Sequence[int]] = ((), ())
    """Inputs of A and B that get the same values, which are handed in for each draw."""

    def run(
        self, draws: Sequence[Draw], handed: Sequence[Sequence[Array]] = (), *, again: bool = False
    ) -> list[Execution]:
        """Run both on some draws, and A on values near these; `again` also on the same values.

        Raises
        ------
        BackendError
            Saying which of the two can't be run.
        """
        from graphpass.verify.arrays import cast
        from graphpass.verify.controls import STIR, Execution, moved

        a = self.graphs[0]
        constants_a, constants_b = self.feeding.constants
        near = self._near()
        feeds_a: list[Mapping[int, Array]] = []
        feeds_b: list[dict[int, Array]] = []
        for place, (number, scale) in enumerate(draws):
            plain, other = self.feeding.run(number, scale)
            values = {**constants_a, **plain}
            given = handed[place] if handed else ()
            plain.update(zip(self.handed[0], given, strict=True))
            other.update(zip(self.handed[1], given, strict=True))
            feeds_b.append(other)
            feeds_a.append(plain)
            for jitter in range(self._jitters()):
                feeds_a.append(
                    plain | {key: moved(values[key], None, a.name(key), jitter) for key in near}
                )
            if self.stirred:
                feeds_a.append(
                    plain | {key: moved(values[key], STIR, a.name(key), 0) for key in self.stirred}
                )
            if self.redraws:
                feeds_a.append({**plain, **self._redrawn(number, scale, plain)})
            if again:
                feeds_a.append(plain)
        in_turn = len(feeds_a) // max(1, len(draws))
        found_a = self._side(0, constants_a, feeds_a, in_turn)
        for place, feed in enumerate(feeds_b):  # some inputs of B get what A has computed for them
            outputs = found_a[place * in_turn].outputs
            for key, position in self.feeding.computed.items():
                feed[key] = cast(outputs[position], self.feeding.dtypes[key])
        found_b = self._side(1, constants_b, feeds_b, 1)
        runs = []
        for place, computed in enumerate(found_b):
            own = iter(found_a[place * in_turn : (place + 1) * in_turn])
            runs.append(
                Execution(
                    a=next(own),
                    b=computed,
                    jittered=tuple(next(own) for _ in range(self._jitters())),
                    stirred=next(own) if self.stirred else None,
                    redrawn=next(own) if self.redraws else None,
                    again=next(own) if again else None,
                )
            )
        return runs

    def _side(
        self,
        side: int,
        constants: Mapping[int, Array],
        feeds: Sequence[Mapping[int, Array]],
        n: int,
    ) -> list[Computed]:
        graph = self.graphs[side]
        slopes = self.head_gradients[side] if self.head_gradients is not None else ()
        with blamed("AB"[side]):
            return self.backend.run(
                graph,
                constants,
                feeds,
                training=self.training,
                gradients_of=self._differentiable(side) if self.backward else (),
                head_gradients=[slope for slope in slopes for _ in range(n)],
            )

    def _jitters(self) -> int:
        """Return how many times last places are moved: more often where few numbers show it."""
        shapes = [self.feeding.shapes.get(Entry(*head[:2])) for head in self.graphs[0].heads]
        sizes = [math.prod(shape) for shape in shapes if shape is not None]
        return max(1, min(4, 1024 // max(1, min(sizes, default=1))))

    def _near(self) -> list[int]:
        """Return the variables of A that may be moved by a last place: no indices or lengths."""
        from graphpass.verify.controls import is_decimal

        stored, sources = self.feeding.constants[0], self.feeding.sources[0]
        found = [key for key, value in stored.items() if is_decimal(value)]
        found += [
            key for key, each in sources.items() if each.limits is None and each.dtype in _DECIMALS
        ]
        return [key for key in found if not is_limited(self.graphs[0], key)]

    def _redrawn(self, number: int, scale: float, plain: Mapping[int, Array]) -> dict[int, Array]:
        """Return other values for the inputs of A: those of another draw, or what is given moved.

        Given decimals move by 2 %, and by 2 % of the largest, or of 1, more; given whole numbers
        and what is read as such change places.
        """
        import numpy as np

        from graphpass.verify.arrays import cast, widened
        from graphpass.verify.controls import STIR, is_decimal, moved

        others, _ = self.feeding.run(number + _FAR_OFF, scale)
        for key, source in self.feeding.sources[0].items():
            if not source.fixed:
                continue
            value = plain[key]
            if not is_decimal(value) or source.limits is not None:
                others[key] = np.roll(value, 1)
                continue
            size = float(np.abs(widened(value)).max(initial=0.0)) or 1.0
            shift = STIR * size * np.sin(np.arange(value.size)).reshape(value.shape)
            stirred = widened(moved(value, STIR, source.name, 0)) + shift
            others[key] = cast(stirred.astype("f4"), source.dtype)
        return others

    def _differentiable(self, side: int) -> list[int]:
        """Return the arguments that have gradients: decimals, no indices, labels or lengths."""
        graph, feeding = self.graphs[side], self.feeding
        dtypes = {key: value.dtype.name for key, value in feeding.constants[side].items()}
        dtypes.update((key, each.dtype) for key, each in feeding.sources[side].items())
        dtypes.update(feeding.dtypes if side else {})
        return [
            key
            for key in graph.variable_keys().arguments
            if dtypes[key] in _DECIMALS and not is_limited(graph, key)
        ]


_DECIMALS = ("bfloat16", "float16", "float32", "float64")
_FAR_OFF = 1_000_000
"""Added to the number of a draw for another one that nobody asks for."""

_OTHER_SCALES = (10.0, 0.1, 100.0, 0.01)
"""Times the scale that was asked for, where outputs are not seen to move at it."""

_MOST_BYTES = 2**28
"""Of the values inside a graph that are looked at."""

_CLEARLY = 10.0
"""How many times what rounding does a value inside has to differ to count as another."""


class _Inside(NamedTuple):
    """What became of a value inside of both graphs."""

    entry: Entry
    """In A."""

    comparison: Comparison
    agrees: bool
    """Whether it is the same but for rounding."""

    moves: bool
    """Whether it moves with the parameters that differ, or all if none do."""

    clearly_differs: bool


class Proof:
    """Compares the outputs of two graphs, and finds out what their agreement is worth.

    Attributes
    ----------
    runs : list of Execution
        What was computed.
    """

    def __init__(
        self,
        trial: Trial,
        pairs: Sequence[tuple[int, int]],
        comparer: Comparer,
        runs: int,
        scale: float,
        sameness: Sameness | None = None,
    ) -> None:
        from graphpass.verify.controls import unlike

        self._a, self._b = a, b = trial.graphs
        self._pairs, self._comparer = pairs, comparer
        self._sameness = sameness or Sameness.between(a, b, trial.feeding, pairs)
        self._told_by = [self._told(trial.feeding, place) for place in range(len(pairs))]
        self._inside: list[tuple[Entry, Entry]] = []
        left = _MOST_BYTES
        for old, new in self._sameness.frontier:
            shape = trial.feeding.shapes.get(old)
            if shape is not None and comparer.random([old.node], [new.node]) is None:
                left -= 4 * math.prod(shape)
                if left >= 0:
                    self._inside.append((old, new))
        self._trial = replace(
            trial,
            graphs=(
                returning(a, [*a.heads, *(old for old, _ in self._inside)]),
                returning(b, [*b.heads, *(new for _, new in self._inside)]),
            ),
            stirred=frozenset().union(*(told for told in self._told_by if told)),
            redraws=any(told is not None and not told for told in self._told_by),
        )
        self._draws = [(number, scale) for number in range(runs)]
        self.runs = self._trial.run(self._draws)
        self._again = any(  # A may compute other things of the same values, run by run
            bool(unlike(value, near.outputs[place]).any())
            for run in self.runs
            for near in run.jittered
            for place, value in enumerate(run.a.outputs)
        )
        if self._again:
            self.runs = self._trial.run(self._draws, again=True)

    def outputs(self) -> tuple[ValueComparison, ...]:
        """Compare the outputs, on inputs of other scales too where they are not seen to move."""
        sources = list(self._trial.feeding.sources[0].values())
        scales = any(source.scales for source in sources)
        drawn = any(not source.fixed for source in sources)
        times_tried: list[float] = []
        silent: list[str] = []
        found, inside = self._compared()
        for times in _OTHER_SCALES if scales else (1.0,) * 2 if drawn else ():
            doubted = [value.names[0] for value in found if value.doubt is not None]
            if not doubted:
                break
            silent = silent or doubted
            times_tried.append(times)
            self._draws.append((len(self._draws), self._draws[0][1] * times))
            self.runs += self._trial.run(self._draws[-1:], again=self._again)
            found, inside = self._compared()
        if times_tried:
            where = ", ".join(f"{times:g}" for times in times_tried)
            how = f"at {where} times the scale" if scales else f"{len(times_tried)} times more"
            self._comparer.notes.append(
                f"inputs were also drawn {how}, as {listed(silent)} did not move"
            )
        return tuple(self._compensated(self._decided(found), inside))

    # -- what tells something ----------------------------------------------------------------------

    def _told(self, feeding: Feeding, place: int) -> frozenset[int] | None:
        """Return the parameters of A that an output has to move with; none for its inputs.

        Those that differ in B, or else all. None for an output that has nothing to show: it is the
        same by construction, or depends on nothing but shapes.
        """
        nodes = below(self._a, [self._a.heads[self._pairs[place][0]]])
        cone = set(filter(self._a.is_variable, nodes))
        if self._sameness.same[place] or not cone:
            return None
        valued = {
            key for key in cone if key in feeding.constants[0] or feeding.sources[0][key].parameter
        }
        valued -= {key for key in valued if is_limited(self._a, key)}
        return frozenset(valued & self._sameness.parameters or valued)

    # -- what agrees -------------------------------------------------------------------------------

    def _compared(self) -> tuple[list[ValueComparison], list[_Inside]]:
        """Compare outputs, and the values inside at which changes show first.

        Where an output is one computation on these and on what is the same, their agreement proves
        what its own does not: where it does not move, or where rounding decides about it.
        """
        names_a, names_b = self._a.outputs, self._b.outputs
        what = "parameters that differ" if self._sameness.parameters else "parameters"
        inside = list(self._compared_inside(what))
        found = []
        for place, ((old, new), told) in enumerate(zip(self._pairs, self._told_by, strict=True)):
            value = self._comparer.value(
                (names_a[old], names_b[new]),
                self.runs,
                output(old),
                output(new),
                random=self._comparer.random([self._a.heads[old].node], [self._b.heads[new].node]),
                told=None if told is None else what if told else "inputs",
            )
            if (value.doubt or value.chaotic) and self._sameness.same_behind[place]:
                nodes = below(self._a, [self._a.heads[old]])
                shown = [each for each in inside if each.entry.node in nodes]
                if len(self._inside) == len(self._sameness.frontier) and all(
                    each.agrees and each.moves for each in shown
                ):
                    value = replace(value, doubt=None, chaotic=False, inside=len(shown))
            found.append(value)
        return found, inside

    def _compared_inside(self, what: str) -> Iterator[_Inside]:
        told = what if self._trial.stirred else "inputs"
        for place, (entry, _) in enumerate(self._inside):
            read = output(len(self._a.heads) + place), output(len(self._b.heads) + place)
            value = self._comparer.value(None, self.runs, *read, told=told, lenient=_CLEARLY)
            comparison = value.comparison
            assert comparison is not None
            clearly = (
                not comparison.equal
                and not value.chaotic
                and comparison.shapes[0] == comparison.shapes[1]
                and math.isfinite(comparison.max_abs)
            )
            agrees = comparison.beyond * _CLEARLY <= 1
            yield _Inside(entry, comparison, agrees, value.doubt is None, clearly)

    def _decided(self, found: list[ValueComparison]) -> list[ValueComparison]:
        """Compare outputs that differ once more, with what operators decided in A."""
        places = [
            place for place, each in enumerate(found)
            if each.comparison is not None and not (each.comparison.equal or each.inside)
            and each.comparison.shapes[0] == each.comparison.shapes[1]
        ]  # fmt: skip
        cut = decided(self._a, self._b, [self._pairs[place] for place in places])
        if cut is None:
            return found
        trial = self._trial
        plain = [trial.feeding.run(*draw)[0] for draw in self._draws]
        handed = [each.outputs for each in self._run_a(cut.deciding, plain)]
        other = replace(trial, graphs=cut.graphs, handed=cut.handed, redraws=not trial.stirred)
        runs = other.run(self._draws, handed, again=self._again)
        read = [
            self._comparer.value(None, runs, output(place), output(place), told="parameters")
            for place in range(len(cut.operators))
        ]
        moves = any(each.doubt is None for each in read)
        for number, place in enumerate(places):
            one = output(len(read) + number)
            told = None if moves else "parameters"
            value = self._comparer.value(found[place].names, runs, one, one, told=told)
            if all(each.comparison and each.comparison.equal for each in (*read, value)):
                found[place] = replace(value, decided_by=tuple(dict.fromkeys(cut.operators)))
            elif any(each.differs for each in (*read, value)):
                found[place] = replace(found[place], chaotic=False)
        return found

    def _compensated(
        self, found: list[ValueComparison], inside: Sequence[_Inside]
    ) -> list[ValueComparison]:
        """Doubt outputs that do not show what differs inside.

        A value inside may differ and be made good for further on, as where a factor moves from one
        layer to the next. Then A would show it, if it had the value of B there. If it shows
        nothing, its output can't tell the two apart on these inputs.
        """
        differ = {place: each for place, each in enumerate(inside) if each.clearly_differs}
        reached = {each.entry.node for each in differ.values()}
        silent = [
            place for place, each in enumerate(found)
            if each.equal and not self._sameness.same[place] and not each.decided_by
            and reached & below(self._a, [self._a.heads[self._pairs[place][0]]])
        ]  # fmt: skip
        if not silent:
            return found
        other = self._a.copy()
        with other.edit() as edit:
            new = {place: edit.add_variable(f"value {place} of B") for place in differ}
            swapped = {each.entry: Entry(new[place]) for place, each in differ.items()}
            edit.redirect_all(swapped)
            edit.set_heads([swapped.get(Entry(*head[:2]), head) for head in self._a.heads])
        feeds = []
        for draw, run in zip(self._draws, self.runs, strict=True):
            plain, _ = self._trial.feeding.run(*draw)
            values = run.b.outputs[len(self._b.heads) :]
            feeds.append(plain | {key: values[place] for place, key in new.items()})
        shown = [
            replace(run, b=computed)
            for run, computed in zip(self.runs, self._run_a(other, feeds), strict=True)
        ]
        first = next(iter(differ.values()))
        for place in silent:
            one = output(self._pairs[place][0])
            value = self._comparer.value(None, shown, one, one)
            if value.comparison is not None and value.comparison.equal:
                doubt = (
                    f"it does not show that {describe(self._a, first.entry.node)} differs in B, by "
                    f"{first.comparison.max_abs:.3g} of {first.comparison.magnitude:.3g}"
                )
                found[place] = replace(found[place], doubt=doubt)
        return found

    def _run_a(self, graph: Graph, feeds: Sequence[Mapping[int, Array]]) -> list[Computed]:
        """Run a graph made of A."""
        constants = self._trial.feeding.constants[0]
        with blamed("A"):
            return self._trial.backend.run(graph, constants, feeds, training=self._trial.training)


def output(place: int) -> Callable[[Computed], Array]:
    """Return what takes one output out of what a run computed."""
    return lambda computed: computed.outputs[place]


def returning(graph: Graph, heads: Sequence[Entry]) -> Graph:
    """Return a graph that returns other values, with the same keys."""
    other = graph.copy()
    with other.edit() as edit:
        edit.set_heads(heads)
    return other
