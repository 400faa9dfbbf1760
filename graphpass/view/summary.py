"""What a model is, at a glance: the facts behind ``graphpass show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from graphpass.graph import VARIABLE, Graph
from graphpass.model import Model

__all__ = [
    "NodeLine",
    "Summary",
    "TiedVariable",
    "neighbourhood",
    "node_lines",
    "summarise",
    "tied",
]


@dataclass(frozen=True, slots=True)
class Summary:
    """The facts of a model that fit a screen."""

    dialect: str | None
    """Oldest release that wrote the file's spelling, None for a graph made in memory."""

    release: str | None
    """The MXNet release that wrote the file."""

    nodes: int
    """Nodes that the heads reach."""

    operators: dict[str, int]
    """Operator name -> count, most frequent first."""

    unknown_operators: list[str]
    """Operators that MXNet 1.9.1 does not know."""

    inputs: list[str]
    """Arguments without a value."""

    arguments: int
    auxiliary_states: int
    outputs: list[str]

    parameters: int
    """Number of stored arrays."""

    parameter_bytes: int
    missing: list[str] = field(default_factory=list)
    """Auxiliary states without a value, in a model that has parameters."""

    unused: list[str] = field(default_factory=list)
    """Parameters that no variable of the graph bears the name of."""

    repeated_names: list[str] = field(default_factory=list)
    """Names that several variables, or several operators, have."""

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        return asdict(self)


def summarise(model: Model) -> Summary:
    """Return the facts of a model. Linear in the graph; reads no array."""
    from graphpass.ops import find

    graph = model.graph
    counts = Counter(graph.op(key) for key in graph.order())
    counts.pop(VARIABLE, None)
    keys = graph.variable_keys()
    variables = {graph.name(key) for key in (*keys.arguments, *keys.auxiliary_states)}
    origin = graph.origin
    return Summary(
        dialect=origin.dialect if origin else None,
        release=origin.release if origin else None,
        nodes=len(graph.order()),
        operators=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        unknown_operators=sorted(op for op in counts if find(op) is None),
        inputs=model.inputs,
        arguments=len(keys.arguments),
        auxiliary_states=len(keys.auxiliary_states),
        outputs=graph.outputs,
        parameters=len(model.parameters),
        parameter_bytes=sum(array.nbytes for array in model.parameters.values()),
        missing=[
            name
            for name in graph.auxiliary_states
            if model.parameters and name not in model.parameters
        ],
        unused=[name for name in model.parameters if name not in variables],
        repeated_names=_repeated(graph),
    )


def _repeated(graph: Graph) -> list[str]:
    counts = Counter((graph.is_variable(key), graph.name(key)) for key in graph.order())
    return sorted({name for (_, name), count in counts.items() if count > 1})


@dataclass(frozen=True, slots=True)
class NodeLine:
    """One node as a line of a table."""

    id: int
    op: str
    name: str
    inputs: list[str]
    """Names of the values it reads, by slot."""

    attrs: dict[str, str]


def node_lines(graph: Graph, keys: Iterable[int] | None = None) -> list[NodeLine]:
    """Return nodes in saved order, all or the given ones, as lines of a table."""
    wanted = None if keys is None else set(keys)
    return [
        NodeLine(
            key,
            "variable" if graph.is_variable(key) else graph.op(key),
            graph.name(key),
            [graph.output_name(entry) for entry in graph.inputs(key)],
            dict(graph.attrs(key)),
        )
        for key in graph.order()
        if wanted is None or key in wanted
    ]


def neighbourhood(graph: Graph, key: int, hops: int) -> set[int]:
    """Return the nodes at most `hops` edges away from a node, in either direction."""
    found = {key}
    border = {key}
    for _ in range(hops):
        near = {other for node in border for other in (*graph.sources(node), *graph.readers(node))}
        border = near - found
        if not border:
            break
        found |= border
    return found


@dataclass(frozen=True, slots=True)
class TiedVariable:
    """A variable that several operators read."""

    id: int
    name: str
    users: list[str]
    """Names of the operators that read it, in saved order."""


def tied(graph: Graph) -> list[TiedVariable]:
    """Return the variables that more than one operator reads, in saved order."""
    position = {key: number for number, key in enumerate(graph.order())}
    found = []
    for key in graph.order():
        users = {use.node for use in graph.uses(key) if use.node in position}
        if graph.is_variable(key) and len(users) > 1:
            names = [graph.name(user) for user in sorted(users, key=position.__getitem__)]
            found.append(TiedVariable(key, graph.name(key), names))
    return found
