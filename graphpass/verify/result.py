"""What a comparison by running found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from graphpass.verify.feeding import InputValue

if TYPE_CHECKING:
    from graphpass.verify.arrays import Comparison

__all__ = ["ValueComparison", "VerifyResult"]


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


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Whether two models, called A and B, compute the same; true in a condition if they do."""

    outputs: tuple[ValueComparison, ...]
    """The outputs, pair by pair."""

    auxiliary_states: tuple[ValueComparison, ...]
    """Auxiliary states after a run in training."""

    gradients: tuple[ValueComparison, ...]
    """Gradients of the arguments, if asked for."""

    inputs: tuple[InputValue, ...]
    """What the models were given."""

    drawn_parameters: int
    """How many parameters were drawn because neither model stores any."""

    notes: tuple[str, ...]
    """What was not compared, one sentence each."""

    runs: int
    """How many times inputs were drawn."""

    seed: int
    """Seed of all that was drawn."""

    training: bool
    """Whether operators behaved as in training."""

    backend: str
    """What the models ran on."""

    not_compared: tuple[str, ...] = ()
    """Outputs of B that stand for nothing in A, each with the reason."""

    no_longer_returned: tuple[str, ...] = ()
    """Outputs of A that B does not return."""

    @property
    def equal(self) -> bool:
        """Whether something was compared, everything is equal, and B takes what A is fed."""
        return (
            bool(self.outputs)
            and all(value.equal for value in self._values())
            and not self._refused()
        )

    @property
    def verdict(self) -> Literal["equal", "different", "not proved"]:
        """``not proved`` where nothing differs, but something could not be judged."""
        if self.equal:
            return "equal"
        found = [value.comparison for value in self._values()]
        differ = any(comparison is not None and not comparison.equal for comparison in found)
        return "different" if differ or self._refused() else "not proved"

    def __bool__(self) -> bool:
        return self.equal

    def __str__(self) -> str:
        """Return the verdict, then what was compared and what was given, one a line."""
        counts = [self._counted_outputs()]
        if self.auxiliary_states:
            counts.append(_count(len(self.auxiliary_states), "auxiliary state"))
        if self.gradients:
            counts.append(_count(len(self.gradients), "gradient"))
        how = f"{_count(self.runs, 'run')} in {'training' if self.training else 'inference'}"
        parts = [", ".join(counts)]
        if self._refused():
            parts.append(f"B takes another type for {', '.join(self._refused())}")
        if self.not_compared:
            parts.append(f"not compared: {', '.join(self.not_compared)}")
        if self.no_longer_returned:
            parts.append(f"no longer returned: {', '.join(self.no_longer_returned)}")
        if self.outputs:
            given = _count(len(self.inputs), "input")
            parts.append(f"{given}, {how}, seed {self.seed}, {self.backend}")
        lines = [f"{self.verdict}: {'; '.join(parts)}"]
        lines += [f"  output {value}" for value in self.outputs]
        lines += _summary("auxiliary state", self.auxiliary_states)
        lines += _summary("gradient", self.gradients)
        lines += [f"  input {value}" for value in self.inputs]
        if self.drawn_parameters:
            lines.append(f"  {_count(self.drawn_parameters, 'parameter')} drawn, as none is stored")
        lines += [f"  {note}" for note in self.notes]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the result as plain data."""
        return {
            "equal": self.equal,
            "verdict": self.verdict,
            "not_compared": list(self.not_compared),
            "no_longer_returned": list(self.no_longer_returned),
            "outputs": [value.to_json() for value in self.outputs],
            "auxiliary_states": [value.to_json() for value in self.auxiliary_states],
            "gradients": [value.to_json() for value in self.gradients],
            "inputs": [value.to_json() for value in self.inputs],
            "drawn_parameters": self.drawn_parameters,
            "notes": list(self.notes),
            "runs": self.runs,
            "seed": self.seed,
            "training": self.training,
            "backend": self.backend,
        }

    def _counted_outputs(self) -> str:
        compared = len(self.outputs)
        if not compared:
            return "there is no output that can be compared"
        if not self.not_compared:
            return _count(compared, "output")
        return f"{compared} of {_count(compared + len(self.not_compared), 'output')}"

    def _refused(self) -> list[str]:
        return [repr(value.name) for value in self.inputs if value.refused]

    def _values(self) -> tuple[ValueComparison, ...]:
        return self.outputs + self.auxiliary_states + self.gradients


def _summary(noun: str, values: tuple[ValueComparison, ...]) -> list[str]:
    """Return the lines on values that there may be hundreds of: those that differ, and a count."""
    lines = [f"  {noun} {value}" for value in values if not value.equal]
    equal = [value.comparison for value in values if value.equal and value.comparison is not None]
    if equal:
        max_abs = max(comparison.max_abs for comparison in equal)
        max_rel = max(comparison.max_rel for comparison in equal)
        lines.append(
            f"  {_count(len(equal), noun)} equal: max abs {max_abs:.3g}, max rel {max_rel:.3g}"
        )
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
