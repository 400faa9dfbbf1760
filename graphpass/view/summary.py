"""What a model is, and what its nodes cost: the facts behind ``graphpass show``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.model import Model
from graphpass.ops import find

if TYPE_CHECKING:
    from graphpass.shapes import Conflict, Inference, Shape

__all__ = [
    "CostLine",
    "Costs",
    "NodeLine",
    "Summary",
    "TiedVariable",
    "assess",
    "infer_model",
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

    unknown_attributes: list[str]
    """Attributes of others that it does not know, as ``Operator.attribute``."""

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
        unknown_attributes=sorted(
            f"{op}.{key}" for op, keys in (origin.foreign if origin else {}).items() for key in keys
        ),
        inputs=model.inputs,
        arguments=len(keys.arguments),
        auxiliary_states=len(keys.auxiliary_states),
        outputs=graph.outputs,
        parameters=len(model.parameters),
        parameter_bytes=model.parameters.nbytes,
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


# -- shapes, dtypes and costs -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CostLine:
    """What one node produces, and what that costs."""

    id: int
    op: str
    name: str
    shapes: tuple[Shape | None, ...]
    """Of each output that a reader may see."""

    dtypes: tuple[str | None, ...]
    multiply_adds: int | None
    """None where it can't be told."""

    parameter_bytes: int | None
    """Of the parameters that the node reads; of a parameter, its own."""

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        return {
            "id": self.id,
            "op": self.op,
            "name": self.name,
            "outputs": [
                {"shape": None if shape is None else list(shape), "dtype": dtype}
                for shape, dtype in zip(self.shapes, self.dtypes, strict=True)
            ],
            "multiply_adds": self.multiply_adds,
            "parameter_bytes": self.parameter_bytes,
        }


@dataclass(frozen=True, slots=True)
class Costs:
    """All nodes of a model, and the sums."""

    lines: tuple[CostLine, ...]
    multiply_adds: int
    """Of all nodes of which they are known."""

    parameter_bytes: int
    """Of all parameters whose size is known; one that several operators read counts once."""

    conflicts: tuple[Conflict, ...]
    unknown: Mapping[str, tuple[int, ...]]

    @property
    def open(self) -> int:
        """How many nodes have a cost that can't be told."""
        return sum(None in (line.multiply_adds, line.parameter_bytes) for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain data."""
        return {
            "nodes": [line.to_json() for line in self.lines],
            "multiply_adds": self.multiply_adds,
            "parameter_bytes": self.parameter_bytes,
            "not_known": self.open,
            "conflicts": [each._asdict() for each in self.conflicts],
            "operators_without_a_rule": sorted(self.unknown),
        }


def infer_model(model: Model, shapes: Mapping[str, Shape]) -> Inference:
    """Infer over a model with the given shapes of inputs.

    Stored parameters have their shapes and dtypes. An input whose dtype nothing tells is float32,
    as MXNet binds it.

    Raises
    ------
    UsageError
        A name is no input of the model.
    """
    from graphpass.shapes import infer

    found = model.infer(shapes)
    undecided = {
        model.graph.name(key): "float32"
        for key in model.graph.variable_keys().arguments
        if found.dtype(Entry(key)) is None and model.graph.name(key) in model.inputs
    }
    if not undecided:
        return found
    known = {**model.parameters.shapes, **model.input_shapes(shapes)}
    return infer(model.graph, known, {**undecided, **model.parameters.dtypes})


def assess(model: Model, shapes: Mapping[str, Shape]) -> Costs:
    """Return shapes, dtypes and costs of every node, with the given shapes of inputs.

    Raises
    ------
    UsageError
        A name is no input of the model.

    Notes
    -----
    Linear in the graph; reads no array. In a model without parameters, every variable that is no
    input counts as one.
    """
    from graphpass.shapes import cost, parameter_bytes

    graph = model.graph
    found = infer_model(model, shapes)
    inputs = set(model.inputs)
    keys = graph.variable_keys()
    parameters = {graph.name(key) for key in (*keys.arguments, *keys.auxiliary_states)} - inputs
    lines = []
    for key in graph.order():
        variable = graph.is_variable(key)
        count = 1 if variable else graph.signature(key).num_visible_outputs
        entries = [Entry(key, output) for output in range(count)]
        line = CostLine(
            key,
            "variable" if variable else graph.op(key),
            graph.name(key),
            tuple(found.shape(entry) for entry in entries),
            tuple(found.dtype(entry) for entry in entries),
            cost(graph, key, found),
            parameter_bytes(graph, key, found, parameters),
        )
        lines.append(line)
    return Costs(
        tuple(lines),
        sum(line.multiply_adds or 0 for line in lines),
        sum(line.parameter_bytes or 0 for line in lines if line.op == "variable"),
        found.conflicts,
        found.unknown,
    )
