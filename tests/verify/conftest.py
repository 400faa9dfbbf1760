"""Small graphs to compare, and a backend that needs no MXNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from graphpass import Entry, Graph
from graphpass.errors import BackendError
from graphpass.verify.backend import Computed, Inferred

Row = tuple[Any, ...]
"""Name, op, then optionally attributes and inputs: names of nodes, or (name, output)."""


def build_graph(*rows: Row, heads: Sequence[Any]) -> Graph:
    """Make a graph of rows in the order of use."""
    graph = Graph()
    keys: dict[str, int] = {}

    def entry(value: Any) -> Entry:
        name, output = (value, 0) if isinstance(value, str) else value
        return Entry(keys[name], output)

    with graph.edit() as edit:
        for name, op, *rest in rows:
            attrs = rest[0] if rest else {}
            inputs = [entry(value) for value in rest[1]] if len(rest) > 1 else []
            keys[name] = edit.add_node(op, name, attrs, inputs)
        edit.set_heads([entry(value) for value in heads])
    return graph


@pytest.fixture(scope="session")
def build() -> Callable[..., Graph]:
    """Return the function that makes a graph of rows."""
    return build_graph


FUNCTIONS: Mapping[str, Callable[..., np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "_copy": lambda x: x,
    "negative": lambda x: -x,
    "elemwise_add": lambda x, y: x + y,
    "elemwise_sub": lambda x, y: x - y,
    "elemwise_mul": lambda x, y: x * y,
    "_random_normal": lambda: np.random.default_rng().standard_normal((2, 3)),
    "Dropout": lambda x: x,
    "log": np.log,
}


@dataclass
class NumPyBackend:
    """Runs a handful of operators, all of which keep the shape; knows no gradients."""

    name: str = "NumPy"
    capabilities: frozenset[str] = frozenset({"training", "gradients"})
    seen: list[dict[int, np.ndarray]] = field(default_factory=list)

    def infer(
        self, graph: Graph, shapes: Mapping[int, tuple[int, ...]], dtypes: Mapping[int, str]
    ) -> Inferred:
        for key in graph.order():
            if not graph.is_variable(key) and graph.op(key) not in FUNCTIONS:
                raise BackendError(f"NumPy says: no operator {graph.op(key)}")
        known = {Entry(key): shape for key, shape in shapes.items()}
        return Inferred(shapes=known, dtypes=dict(dtypes))

    def run(
        self,
        graph: Graph,
        constants: Mapping[int, np.ndarray],
        feeds: Sequence[Mapping[int, np.ndarray]],
        *,
        training: bool = False,
        head_gradients: Sequence[Sequence[np.ndarray]] = (),
        gradients_of: Sequence[int] = (),
    ) -> list[Computed]:
        return [self._run({**constants, **feed}, graph) for feed in feeds]

    def _run(self, values: dict[int, np.ndarray], graph: Graph) -> Computed:
        self.seen.append(dict(values))
        for key in graph.order():
            if not graph.is_variable(key):
                read = [values[entry.node] for entry in graph.inputs(key)]
                with np.errstate(all="ignore"):
                    values[key] = FUNCTIONS[graph.op(key)](*read)
        return Computed(outputs=[values[head.node] for head in graph.heads])


@pytest.fixture
def numpy_backend() -> NumPyBackend:
    """Return a backend of a few operators."""
    return NumPyBackend()
