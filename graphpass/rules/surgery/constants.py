"""Values that are the same in every run, and what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from graphpass.errors import AttributeValueError
from graphpass.formats.ndarray_binary import BFLOAT16, Array
from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.rules.evaluation import EVALUATORS, evaluate
from graphpass.rules.surgery.repeating import has_own_shape, overwritten_gammas, repeats
from graphpass.rules.surgery.values import dtype_hint
from graphpass.shapes import Inference, infer

__all__ = ["Constants", "constants_of"]


@dataclass(frozen=True, slots=True)
class Constants:
    """What is known of a model's values that depend on no input."""

    stored: Mapping[int, Array]
    """Arguments with a value that nothing writes to."""

    values: Mapping[int, list[Array]]
    """Operators on these, and on each other, each after what it reads -> their outputs."""

    left: Mapping[str, list[int]]
    """Why operators that read nothing else were left alone -> these operators."""


def constants_of(model: Model, room: int) -> Constants:
    """Evaluate the operators that read nothing but stored arguments and each other, at inference.

    Left alone are heads, operators that another one waits for or whose output another one writes
    to, those that `graphpass.rules.evaluation` does not know, those without a known shape, and
    those that inference has a conflict for: MXNet runs some of these nevertheless.

    Parameters
    ----------
    model : Model
        The model.
    room : int
        Bytes that all values together may take.

    Notes
    -----
    Linear in the graph and in the elements of the values.
    """
    return _Search(model, room).run()


class _Search:
    def __init__(self, model: Model, room: int) -> None:
        self._graph = model.graph
        self._room = room
        self._stored = _stored(model)
        self._fixed = _waited_for_or_written(model.graph)
        self._values: dict[int, list[Array]] = {}
        self._left: dict[str, list[int]] = {}
        self._inference: Inference | None = None
        self._conflicts: dict[int, str] = {}

    def run(self) -> Constants:
        graph = self._graph
        for key in graph.order():
            sources = graph.sources(key)
            if graph.is_variable(key) or not all(
                source in self._values or source in self._stored for source in sources
            ):
                continue
            try:
                why_not = self._why_not(key) or self._evaluate(key)
            except AttributeValueError as error:
                why_not = str(error)
            if why_not:
                self._left.setdefault(why_not, []).append(key)
        return Constants(self._stored, self._values, self._left)

    def _why_not(self, key: int) -> str | None:
        graph = self._graph
        if graph.subgraphs(key) or not repeats(graph, key, "inference"):
            return "not the same in every run"
        if graph.op(key) not in EVALUATORS:
            return f"graphpass can't evaluate {graph.op(key)}"
        if graph.is_head(key):
            return "a head, which keeps its name"
        if key in self._fixed:
            return "an operator waits for it, or writes to it"
        if not has_own_shape(graph, key):
            return "its shape depends on what reads it"
        return None

    def _evaluate(self, key: int) -> str | None:
        """Evaluate an operator, or return why that can't be."""
        graph = self._graph
        shapes, dtypes = self._inferred(key)
        if key in self._conflicts:
            return f"graphpass can't say what MXNet makes of this: {self._conflicts[key]}"
        if shapes is None or dtypes is None:
            return "its shape is not known"
        sizes = map(prod, shapes)
        size = sum(n * np.dtype(dtype).itemsize for n, dtype in zip(sizes, dtypes, strict=True))
        if size > self._room:
            return "it is too large"
        inputs = [
            self._values[entry.node][entry.output]
            if entry.node in self._values
            else self._stored[entry.node]
            for entry in graph.inputs(key)
        ]
        found = evaluate(graph.op(key), graph.attrs(key), inputs, shapes, dtypes)
        if found is None:
            return f"graphpass can't say what MXNet's {graph.op(key)} gives for these numbers"
        self._room -= size
        self._values[key] = found
        return None

    def _inferred(self, key: int) -> tuple[list[tuple[int, ...]] | None, list[str] | None]:
        """Return shapes and dtypes of the outputs of an operator, None where they are not known."""
        graph = self._graph
        if self._inference is None:
            names = {graph.name(each): array for each, array in self._stored.items()}
            self._inference = infer(
                graph,
                {name: array.shape for name, array in names.items()},
                {name: array.dtype.name for name, array in names.items()},
            )
            self._conflicts = {each.key: each.message for each in self._inference.conflicts}
        shapes, dtypes = [], []
        for output in range(graph.signature(key).num_outputs):
            shape = self._inference.shape(Entry(key, output))
            dtype = self._inference.dtype(Entry(key, output))
            if shape is None or dtype is None:
                return None, None
            shapes.append(tuple([extent for extent in shape if extent is not None]))
            dtypes.append(dtype)
            if len(shapes[-1]) != len(shape):
                return None, None
        return shapes, dtypes


def _stored(model: Model) -> dict[int, Array]:
    """Return the arguments whose stored value is what an operator reads."""
    graph, parameters = model.graph, model.parameters
    overwritten = overwritten_gammas(graph)
    found = {}
    for key in graph.variable_keys().arguments:
        array = parameters.get(graph.name(key))
        if array is None or key in overwritten or array.dtype == BFLOAT16:
            continue
        hints = graph.attrs(key)
        if hints.get("__storage_type__", "0") == "0" and dtype_hint(hints) in (None, array.dtype):
            found[key] = array
    return found


def _waited_for_or_written(graph: Graph) -> set[int]:
    found: set[int] = set()
    for key in graph.order():
        found.update(graph.control_dependencies(key))
        inputs = graph.inputs(key)
        found.update(inputs[slot].node for slot in _mutable_slots(graph, key) if slot < len(inputs))
    return found


def _mutable_slots(graph: Graph, key: int) -> tuple[int, ...]:
    try:
        return graph.signature(key).mutable_slots
    except AttributeValueError:
        return ()
