"""One node, and one value that a node produces."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from graphpass.ops import Attributes, Operator, Signature, find

if TYPE_CHECKING:
    from graphpass.graph.graph import Graph

__all__ = ["VARIABLE", "Entry", "Node", "Use", "Value"]

VARIABLE = "null"
"""The op of a variable, as the symbol JSON spells it."""


Value: TypeAlias = "tuple[int, int]"
"""Node and output: an entry without its stamp, which tells no values apart."""


class Entry(NamedTuple):
    """One value: an output of a node."""

    node: int
    """Key of the node that produces the value."""
    output: int = 0
    """Which of the node's outputs."""
    version: int = 0
    """Order stamp of a mutated variable; MXNet copies it through and never reads it."""

    @property
    def value(self) -> Value:
        """Which value it is."""
        return self[:2]


class Use(NamedTuple):
    """One place that reads a value: an input slot of a node."""

    node: int
    """Key of the node that reads."""
    slot: int
    """Which of its inputs."""


class Node:
    """A read-only view of one node; it follows the graph's edits.

    Attributes
    ----------
    graph : Graph
        The graph that owns the node.
    key : int
        Unique for the life of the graph, never reused. Names are not keys: they may repeat.
    """

    __slots__ = ("graph", "key")

    def __init__(self, graph: Graph, key: int) -> None:
        self.graph = graph
        self.key = key

    @property
    def op(self) -> str:
        """Operator name, ``"null"`` for a variable."""
        return self.graph.op(self.key)

    @property
    def name(self) -> str:
        """The node's name; empty, odd and repeated names all occur."""
        return self.graph.name(self.key)

    @property
    def attrs(self) -> Mapping[str, str]:
        """Attributes as the strings that were read."""
        return MappingProxyType(self.graph.attrs(self.key))

    @property
    def attributes(self) -> Mapping[str, object]:
        """Attributes as values, the operator's defaults filled in."""
        operator = self.operator
        return (
            Attributes(self.op, {}, self.attrs) if operator is None else operator.view(self.attrs)
        )

    @property
    def subgraphs(self) -> tuple[Graph, ...]:
        """Graphs that a control-flow or fused operator runs."""
        return self.graph.subgraphs(self.key)

    @property
    def is_variable(self) -> bool:
        """Whether the node is a variable rather than an operator."""
        return self.op == VARIABLE

    @property
    def operator(self) -> Operator | None:
        """What MXNet 1.9.1 knows of the operator; None for a variable or an unknown operator."""
        return None if self.is_variable else find(self.op)

    @property
    def signature(self) -> Signature:
        """Names and counts of inputs and outputs under the node's own attributes."""
        return self.graph.signature(self.key)

    @property
    def inputs(self) -> tuple[Entry, ...]:
        """The values the node reads, by slot."""
        return self.graph.inputs(self.key)

    @property
    def control_dependencies(self) -> tuple[int, ...]:
        """Keys of nodes that must run before this one without giving it a value."""
        return self.graph.control_dependencies(self.key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self.graph is other.graph and self.key == other.key

    def __hash__(self) -> int:
        return hash((id(self.graph), self.key))

    def __repr__(self) -> str:
        return f"<{'variable' if self.is_variable else self.op} {self.name!r} #{self.key}>"
