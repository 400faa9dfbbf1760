"""How a further root of a pattern is reached from what the roots before it have bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from graphpass.rules.patterns.pattern import Restricted, Value
from graphpass.rules.patterns.plan import OptionalOperand, Part, PlanOperand, Produced, Route

__all__ = ["Known", "find_route"]


class Known:
    """The names and operators that are bound for certain once some roots are matched.

    What stands under ``optional``, or beside the first input of an operator that may be absent, is
    not certain.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self.names: set[str] = set()
        self.parts: set[int] = set()

    def add(self, root: int) -> None:
        """Take in a root and all that it reads for certain. Linear in that."""
        pending = [root]
        while pending:
            index = pending.pop()
            if index in self.parts:
                continue
            self.parts.add(index)
            for operand in certain_operands(self._parts[index]):
                if isinstance(operand, Produced):
                    pending.append(operand.part)
                elif isinstance(operand, Value | Restricted) and operand.name is not None:
                    self.names.add(operand.name)

    def holds(self, operand: PlanOperand) -> bool:
        """Return whether an operand is bound for certain."""
        if isinstance(operand, Produced):
            return operand.part in self.parts
        return isinstance(operand, Value | Restricted) and operand.name in self.names


def certain_operands(part: Part) -> Iterator[PlanOperand]:
    """Yield the operands that are there whenever the value of `part` is."""
    for operand in part.operands[:1] if part.maybe else part.operands:
        if not isinstance(operand, OptionalOperand):
            yield operand


def find_route(parts: Sequence[Part], known: Known, root: Produced) -> Route | None:
    """Return the shortest way to a root from a value that is known, or None if there is none.

    Notes
    -----
    Breadth first, linear in what the root reads.
    """
    pending: deque[tuple[Produced, ...]] = deque([(root,)])
    seen = {root.part}
    while pending:
        path = pending.popleft()
        for operand in certain_operands(parts[path[-1].part]):
            if known.holds(operand):
                source = operand if isinstance(operand, Produced) else _name(operand)
                return Route(source, path[::-1])
            if isinstance(operand, Produced) and operand.part not in seen:
                seen.add(operand.part)
                pending.append((*path, operand))
    return None


def _name(operand: PlanOperand) -> str:
    assert isinstance(operand, Value | Restricted)
    assert operand.name is not None
    return operand.name
