"""What the names of a pattern stand for: what conditions and replacements may refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphpass.rules.patterns.pattern import (
    Call,
    Operand,
    Optional,
    Pattern,
    Reference,
    Rest,
    Restricted,
    Value,
)

__all__ = ["PatternNames"]


@dataclass(frozen=True, slots=True)
class PatternNames:
    """The names of a pattern, by what they stand for."""

    nodes: Mapping[str, Call]
    """Name of a node -> its operator pattern."""

    outputs: frozenset[str]
    """Names of single outputs, as in ``a, b = Op(x)``."""

    values: frozenset[str]
    """Names of values that the pattern reads."""

    rests: frozenset[str]
    """Names that stand for several values: ``*xs``."""

    optional: frozenset[str]
    """Names that may stand for nothing at a match."""

    roots: tuple[str | None, ...]
    """Per value that the pattern returns, its name; None where it has none."""

    @property
    def names(self) -> Mapping[str, None]:
        """All names, those of nodes first."""
        return dict.fromkeys([*self.nodes, *self.outputs, *self.values, *self.rests])

    @classmethod
    def of(cls, pattern: Pattern) -> PatternNames:
        """Collect the names of a pattern. Linear in the pattern."""
        nodes: dict[str, Call] = {}
        outputs: set[str] = set()
        for binding in pattern.bindings:
            for name in binding.names:
                if name is not None and binding.unpacks:
                    outputs.add(name)
                elif name is not None:
                    nodes[name] = binding.call
        certain: set[str] = set()
        possible: set[str] = set()
        rests: set[str] = set()
        calls = [binding.call for binding in pattern.bindings]
        calls += [root for root in pattern.roots if isinstance(root, Call)]
        pending: list[tuple[Operand, bool]] = [(call, True) for call in calls]
        while pending:
            operand, sure = pending.pop()
            if isinstance(operand, Call):
                for position, inner in enumerate(operand.inputs):
                    pending.append((inner, sure and not (operand.maybe and position)))
            elif isinstance(operand, Optional):
                pending.append((operand.operand, False))
            elif isinstance(operand, Rest):
                if operand.name is not None:
                    rests.add(operand.name)
            elif isinstance(operand, Value | Restricted) and operand.name is not None:
                (certain if sure else possible).add(operand.name)
        return cls(
            nodes=nodes,
            outputs=frozenset(outputs),
            values=frozenset(certain | possible),
            rests=frozenset(rests),
            optional=frozenset(possible - certain),
            roots=tuple(
                [
                    root.name if isinstance(root, Reference) and root.output is None else None
                    for root in pattern.roots
                ]
            ),
        )
