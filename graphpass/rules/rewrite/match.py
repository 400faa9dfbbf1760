"""What matching gives: a match, or the reason why there is none.

==============  ================================================================================
code            what does not hold
==============  ================================================================================
``operator``    the node is another operator than the pattern names, or a variable
``output``      another output of the node is read
``attribute``   an attribute has another value
``inputs``      the node has more or fewer inputs
``outputs``     the node has more or fewer visible outputs than the pattern names
``operand``     no input of a commutative operator is what an operand asks for
``kind``        the value is no parameter, auxiliary state, input or constant
``value``       a name stands for another value already
``node``        an operator stands for another node already
``taken``       another operator of the pattern stands for the node already
``reader``      nothing that reads the bound values is an operator that a further root names
``distinct``    two names stand for one value
``head``        an interior node is a head
``used``        something outside uses an interior node
``cycle``       the match reads what is computed from one of its roots
==============  ================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

from graphpass.errors import count
from graphpass.graph import Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.pattern import (
    NamedValue,
    Operand,
    OptionalOperand,
    Pattern,
    Produced,
    Rest,
    Restricted,
)

__all__ = [
    "CODES",
    "Binding",
    "Fault",
    "Level",
    "Match",
    "Mismatch",
    "Recorder",
    "describe_fault",
]

Binding: TypeAlias = int | Entry | tuple[Entry, ...]
"""What a name stands for: a node's key, a value, or the values of ``*xs``."""


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
    """Node of each operator of the pattern, by number; None where it is absent."""

    @property
    def matched(self) -> tuple[int, ...]:
        """Keys of all matched nodes, each once: those inside, then the roots."""
        return (*self.interior, *dict.fromkeys([entry.node for entry in self.roots]))


class Fault(NamedTuple):
    """Why one attempt went no further."""

    code: str
    """Which condition failed: one of `CODES`."""

    part: int
    """Number of the pattern's operator that it is about."""

    nodes: tuple[int, ...]
    """Keys of the nodes that it is about; the first is the one that was tried."""

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
    """Keys of the nodes that it is about; the first is the one that was tried."""

    fault: Fault
    """The same as data."""

    def __bool__(self) -> bool:
        return False


class Recorder(Protocol):
    """Who wants to know what the matcher tries. Numbers are those of the pattern's parts."""

    def tried(self, part: int, key: int) -> None:
        """Take note that a node is looked at for an operator of the pattern."""

    def failed(self, fault: Fault) -> None:
        """Take note that a condition does not hold."""


def describe_fault(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    """Return one sentence, without a full stop: what was found, and what was wanted."""
    return _WORDS[fault.code](fault, pattern, graph)


def _inputs(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    operands: Sequence[Operand] = fault.wanted
    rest = any(isinstance(operand, Rest) for operand in operands)
    least = sum(not isinstance(operand, Rest | OptionalOperand) for operand in operands)
    most = len(operands)
    wanted = f"{least} or more" if rest else str(least) if most == least else f"{least} to {most}"
    node = describe(graph, fault.nodes[0])
    return f"{node} has {count(fault.found, 'input')}; the pattern gives {wanted}"


def _kind(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    noun = {
        "param": "a parameter",
        "aux": "an auxiliary state",
        "input": "an input",
        "const": "computed from parameters alone",
    }[fault.wanted]
    return f"{_value_name(graph, fault.found)} is not {noun}"


def _taken(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    first, second = pattern.parts[fault.found].label, pattern.parts[fault.part].label
    node = describe(graph, fault.nodes[0])
    return f"{node} stands for {first} already and can't stand for {second} too"


def _attribute(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    name, found, wanted = fault.found
    return f"{describe(graph, fault.nodes[0])} has {name}={found!r}, not {wanted!r}"


def _node(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    label = pattern.parts[fault.part].label
    found, wanted = _value_name(graph, fault.found), _value_name(graph, fault.wanted)
    return f"{label} is {wanted} already, not {found}"


def _value(fault: Fault, pattern: Pattern, graph: Graph) -> str:
    name, known = fault.wanted
    return f"{name} is {_several(graph, known)} already, not {_several(graph, fault.found)}"


_WORDS: dict[str, Callable[[Fault, Pattern, Graph], str]] = {
    "operator": lambda fault, pattern, graph: (
        f"{describe(graph, fault.nodes[0])} is no {' or '.join(fault.wanted)}"
    ),
    "output": lambda fault, pattern, graph: (
        f"output {fault.found} of {describe(graph, fault.nodes[0])} is read, "
        f"not output {fault.wanted}"
    ),
    "attribute": _attribute,
    "inputs": _inputs,
    "outputs": lambda fault, pattern, graph: (
        f"{describe(graph, fault.nodes[0])} has {count(fault.found, 'visible output')}; "
        f"the pattern names {fault.wanted}"
    ),
    "operand": lambda fault, pattern, graph: (
        f"no input of {describe(graph, fault.nodes[0])} is {_spell(fault.wanted, pattern)}"
    ),
    "kind": _kind,
    "value": _value,
    "node": _node,
    "taken": _taken,
    "reader": lambda fault, pattern, graph: (
        f"no {' or '.join(fault.wanted)} reads what is matched so far, "
        f"as {pattern.parts[fault.part].label}"
    ),
    "distinct": lambda fault, pattern, graph: (
        f"{fault.found[0]} and {fault.found[1]} are both {describe(graph, fault.nodes[0])}"
    ),
    "head": lambda fault, pattern, graph: (
        f"output {fault.found} of {describe(graph, fault.nodes[0])} is a head"
    ),
    "used": lambda fault, pattern, graph: (
        f"{describe(graph, fault.nodes[0])} is also used by {describe(graph, fault.nodes[1])}"
    ),
    "cycle": lambda fault, pattern, graph: (
        f"{describe(graph, fault.nodes[1])}, which the match reads, is computed from its root "
        f"{describe(graph, fault.nodes[0])}"
    ),
}

CODES = tuple(_WORDS)
"""Roughly in the order in which the conditions are looked at."""


def _value_name(graph: Graph, entry: Entry) -> str:
    """Return how messages call a value: its node, and the output where that is not the first."""
    node = describe(graph, entry.node)
    return f"output {entry.output} of {node}" if entry.output else node


def _several(graph: Graph, value: Entry | tuple[Entry, ...]) -> str:
    if isinstance(value, Entry):
        return _value_name(graph, value)
    return f"({', '.join(_value_name(graph, entry) for entry in value)})"


def _spell(operand: Operand, pattern: Pattern) -> str:
    if isinstance(operand, OptionalOperand):
        return _spell(operand.operand, pattern)
    if isinstance(operand, Produced):
        return pattern.parts[operand.part].label
    if isinstance(operand, Restricted):
        return f"{operand.kind}({operand.name or '_'})"
    return operand.name or "_" if isinstance(operand, NamedValue | Rest) else "_"
