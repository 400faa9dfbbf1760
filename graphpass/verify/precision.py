"""A model of half precision, run in single precision.

MXNet's CPU build multiplies no matrices in half precision ("FP16 gemm on cpu not implemented!").
Whether two such models have the same structure and values can still be judged by running both with
their dtypes replaced.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.graph import Graph
from graphpass.model import Model

__all__ = ["in_single_precision"]

_HALF_HINT, _SINGLE_HINT = "2", "0"
"""Codes of float16 and float32 in the hint ``__dtype__``."""


def in_single_precision(model: Model) -> Model:
    """Return a copy of a model whose float16 values, hints and attributes are float32.

    Subgraphs are changed too. What is not half precision is shared with `model`.
    """
    twin = model.copy()
    for graph in _graphs(twin.graph):
        _widen(graph)
    for name, array in model.parameters.items():
        if array.dtype == "float16":
            twin.parameters[name] = array.astype("float32")
    return twin


def _graphs(graph: Graph) -> Iterator[Graph]:
    pending = [graph]
    while pending:
        current = pending.pop()
        yield current
        for key in current.all_keys:
            pending.extend(current.subgraphs(key))


def _widen(graph: Graph) -> None:
    with graph.edit() as edit:
        for key in list(graph.all_keys):
            changes = {
                name: "float32" if text == "float16" else _SINGLE_HINT
                for name, text in graph.attrs(key).items()
                if text == "float16" or (name == "__dtype__" and text.strip() == _HALF_HINT)
            }
            if changes:
                edit.update_attrs(key, changes)
