"""What matching gives: a match, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from graphpass.graph import Entry, Graph

__all__ = ["Binding", "Fault", "Level", "Match", "Mismatch", "Recorder"]

Binding: TypeAlias = int | Entry | tuple[Entry, ...]
"""What a name stands for: a node's key, a value, or the values of ``*xs``."""


class Level(NamedTuple):
    """One step into a subgraph."""

    node: int
    """Key of the node that runs the subgraph."""

    number: int
    """Which of its subgraphs."""


@dataclass(frozen=True, slots=True)
class Match:
    """One place where a pattern holds."""

    roots: tuple[Entry, ...]
    """The values that the pattern returns, in its order; a node stands for its first output."""

    bindings: Mapping[str, Binding]
    """Name in the pattern -> what it stands for. A node that may be absent and is stands for the
    value that its first input would be; what an absent operand would have bound is left out."""

    interior: tuple[int, ...]
    """Keys of the matched nodes that are no roots, in saved order."""

    graph: Graph
    """The graph that the keys are of."""

    path: tuple[Level, ...] = ()
    """The way to that graph from the outermost one; empty for the outermost itself."""

    whole: tuple[bool, ...] = ()
    """Per root whether all outputs of the node are returned, not just the one."""

    nodes: tuple[int | None, ...] = ()
    """Node of each operator of the pattern, in the order of the plan; None where it is absent."""

    @property
    def matched(self) -> tuple[int, ...]:
        """Keys of all matched nodes, each once: those inside, then the roots."""
        return (*self.interior, *dict.fromkeys([entry.node for entry in self.roots]))


class Fault(NamedTuple):
    """Why one attempt went no further."""

    code: str
    """Which condition failed; `graphpass.rules.matching.mismatch` has the list."""

    part: int
    """Number of the pattern's operator that it is about."""

    nodes: tuple[int, ...]
    """Keys of the nodes to blame; the first is the one that was tried."""

    found: Any
    wanted: Any

    bound: tuple[tuple[int, int], ...]
    """Operators of the pattern that had been matched by then, by number, with their nodes; an
    absent one has a negative key."""

    @property
    def depth(self) -> int:
        """How many operators of the pattern had been matched by then, absent ones left out."""
        return sum(key >= 0 for _, key in self.bound)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why a pattern does not hold at a node: the condition that stopped the best attempt."""

    reason: str
    """In words."""

    nodes: tuple[int, ...]
    """Keys of the nodes to blame; the first is the one that was tried."""

    fault: Fault
    """The same as data."""

    def __bool__(self) -> bool:
        return False


class Recorder(Protocol):
    """Who wants to know what the matcher tries. Numbers are those of the plan's parts."""

    def tried(self, part: int, key: int) -> None:
        """Take note that a node is looked at for an operator of the pattern."""

    def matched(self, part: int, key: int) -> None:
        """Take note that operator and attributes fit; the inputs come next."""

    def failed(self, fault: Fault) -> None:
        """Take note that a condition does not hold."""
