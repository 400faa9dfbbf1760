"""Shapes, dtypes and costs of a model, node by node: the facts behind ``show --cost``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.shapes import Conflict, Inference, Shape, cost, infer, parameter_bytes

__all__ = ["CostLine", "Costs", "assess", "infer_model"]


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
    graph = model.graph
    found = infer_model(model, shapes)
    inputs = set(model.inputs)
    keys = graph.variable_keys()
    parameters = {graph.name(key) for key in (*keys.arguments, *keys.auxiliary_states)} - inputs
    lines = tuple(_line(graph, key, found, parameters) for key in graph.order())
    return Costs(
        lines,
        sum(line.multiply_adds or 0 for line in lines),
        sum(line.parameter_bytes or 0 for line in lines if line.op == "variable"),
        found.conflicts,
        found.unknown,
    )


def _line(graph: Graph, key: int, found: Inference, parameters: set[str]) -> CostLine:
    variable = graph.is_variable(key)
    count = 1 if variable else graph.signature(key).num_visible_outputs
    entries = [Entry(key, output) for output in range(count)]
    return CostLine(
        key,
        "variable" if variable else graph.op(key),
        graph.name(key),
        tuple(found.shape(entry) for entry in entries),
        tuple(found.dtype(entry) for entry in entries),
        cost(graph, key, found),
        parameter_bytes(graph, key, found, parameters),
    )
