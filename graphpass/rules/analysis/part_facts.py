"""What lies below each operator of a pattern, and what is there at every match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from graphpass.rules.patterns.pattern import Anything, Rest, Restricted, Value
from graphpass.rules.patterns.plan import OptionalOperand, Part, Plan, PlanOperand, Produced

__all__ = ["PartFacts", "inner_operand"]


def inner_operand(operand: PlanOperand) -> PlanOperand:
    """Return what stands in ``optional(…)``, or the operand itself."""
    return operand.operand if isinstance(operand, OptionalOperand) else operand


class PartFacts:
    """Facts about the operators of a plan, by their numbers. Linear in the plan."""

    def __init__(self, plan: Plan) -> None:
        self._parts = plan.parts
        self.values: set[str] = set()
        """Names of values that the pattern reads."""
        self.variables: set[str] = set()
        """Names of values that are variables at every match."""
        self.values_below: list[set[str]] = []
        """Per operator the names of values that it is sure to be computed from."""
        self._reads: list[set[int]] = []
        for part in plan.parts:
            self._take(part)
        self.sure = self._find_sure({root.value.part for root in plan.roots})
        """Operators that are there at every match."""

    def _take(self, part: Part) -> None:
        values: set[str] = set()
        reads: set[int] = set()
        for operand, sure in _operands(part):
            if isinstance(operand, Produced):
                reads.add(operand.part)
                if sure:
                    values |= self.values_below[operand.part]
            elif not isinstance(operand, Anything | OptionalOperand) and operand.name is not None:
                self.values.add(operand.name)
                if sure:
                    values.add(operand.name)
                if isinstance(operand, Restricted) and operand.kind != "const":
                    self.variables.add(operand.name)
        self.values_below.append(values)
        self._reads.append(reads)

    def _find_sure(self, roots: set[int]) -> frozenset[int]:
        found = set(roots)
        for part in reversed(self._parts):
            if part.index in found:
                found.update(
                    operand.part
                    for operand, sure in _operands(part)
                    if sure and isinstance(operand, Produced)
                )
        return frozenset(each for each in found if not self._parts[each].maybe)

    def below(self, numbers: Iterable[int]) -> set[int]:
        """Return operators with everything that they read."""
        found = set(numbers)
        for part in reversed(self._parts):
            if part.index in found:
                found |= self._reads[part.index]
        return found

    def paths(self, number: int, *, sure_only: bool) -> tuple[Counter[int], Counter[str]]:
        """Return on how many paths from an operator each operator and each value stands.

        Parameters
        ----------
        number : int
            The operator.
        sure_only : bool
            Whether to leave out paths that some matches lack.
        """
        parts, values = Counter({number: 1}), Counter[str]()
        for part in reversed(self._parts[: number + 1]):
            times = parts[part.index]
            if not times:
                continue
            for operand, sure in _operands(part):
                if sure_only and not sure:
                    continue
                if isinstance(operand, Produced):
                    parts[operand.part] += times
                elif isinstance(operand, Value | Rest | Restricted) and operand.name is not None:
                    values[operand.name] += times
        return parts, values


def _operands(part: Part) -> Iterator[tuple[PlanOperand, bool]]:
    """Yield what an operator reads, and whether it, or its stand-in, does so at each match."""
    for position, operand in enumerate(part.operands):
        optional = isinstance(operand, OptionalOperand) or (part.maybe and position > 0)
        yield inner_operand(operand), not optional
