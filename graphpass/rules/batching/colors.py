"""Which nodes compute the same function of their inputs, and of which inputs.

Two nodes have one color if they run the same operator with the same attributes on values of one
color, output by output. A data input has the color of every other, anything else that is not
computed from data only its own: so what reads a tied weight here and there can have one color, and
what reads equal copies of it can't. Colors are found in saved order, each from those before it.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cache

from graphpass.graph import Entry, Graph
from graphpass.ops.meaning import randomness
from graphpass.verify.attributes import comparable

__all__ = ["Coloring", "color", "says"]

_MOST_INPUTS = 256
"""A value that is computed from more inputs is not considered to be a branch."""


@cache
def _identity(op: str, attrs: tuple[tuple[str, str], ...]) -> str:
    return repr(comparable(op, dict(attrs)))


def says(graph: Graph, key: int) -> tuple[str, str]:
    """Return what operators have in common that run the same with the same attributes."""
    op = graph.op(key)
    return op, _identity(op, tuple(sorted(graph.attrs(key).items())))


@dataclass(slots=True)
class Coloring:
    """The colors of the nodes that the heads reach."""

    colors: dict[int, int] = field(default_factory=dict)
    """Node to color."""

    inputs: dict[int, tuple[int, ...] | None] = field(default_factory=dict)
    """Node to the inputs that it is computed from, in the order of the first visit; None if they
    are too many."""

    weighted: set[int] = field(default_factory=set)
    """Nodes that are computed from a variable that is no input."""


def color(graph: Graph, inputs: Collection[int]) -> Coloring:
    """Color a graph.

    Parameters
    ----------
    graph : Graph
        The graph.
    inputs : collection of int
        The variables that are data inputs.

    Notes
    -----
    Linear in nodes and edges, times the number of inputs that a node is computed from.
    """
    found = Coloring()
    known: dict[Hashable, int] = {}
    for key in graph.order():
        if key in inputs:
            found.inputs[key] = (key,)
            identity: Hashable = "input"
        elif graph.is_variable(key):
            found.inputs[key] = ()
            found.weighted.add(key)
            identity = key
        else:
            sources = list(graph.sources(key))
            found.inputs[key] = _united([found.inputs[source] for source in sources])
            if not found.weighted.isdisjoint(sources):
                found.weighted.add(key)
            is_constant = found.inputs[key] == ()
            draws = randomness(graph.op(key), graph.attrs(key))
            identity = (
                key
                if is_constant and (draws != "never" or graph.subgraphs(key))
                else (
                    says(graph, key),
                    _colored(found, graph.inputs(key)),
                    _colored(found, map(Entry, graph.control_dependencies(key))),
                )
            )
        found.colors[key] = known.setdefault(identity, len(known))
    return found


def _colored(found: Coloring, entries: Iterable[Entry]) -> tuple[tuple[int, int], ...]:
    return tuple([(found.colors[entry.node], entry.output) for entry in entries])


def _united(parts: list[tuple[int, ...] | None]) -> tuple[int, ...] | None:
    """Return the inputs of several nodes together, the same tuple where only one has any."""
    filled = [part for part in parts if part != ()]
    if not filled:
        return ()
    if None in filled:
        return None
    if all(part is filled[0] for part in filled):
        return filled[0]
    union = tuple(dict.fromkeys([each for part in filled if part is not None for each in part]))
    return union if len(union) <= _MOST_INPUTS else None
