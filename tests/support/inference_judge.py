"""What MXNet infers of every value of a graph, and how graphpass's answers compare."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphpass
from graphpass import Entry, Graph
from graphpass.ops.shape import is_known
from graphpass.shapes import Shape, infer

__all__ = ["Comparison", "compare"]


@dataclass
class Comparison:
    """Answers of graphpass beside MXNet's."""

    values: int = 0
    """Visible outputs of all nodes."""
    shapes: int = 0
    """Those whose shape graphpass knows completely."""
    dtypes: int = 0
    """Those whose dtype it knows."""
    more: int = 0
    """Complete shapes and dtypes that MXNet leaves open."""
    wrong: list[str] = field(default_factory=list)
    """Where the two contradict each other."""
    less: list[str] = field(default_factory=list)
    """Where MXNet knows more."""
    refused: str | None = None
    """What MXNet's shape inference raised."""
    conflicts: tuple[graphpass.shapes.Conflict, ...] = ()
    unknown: dict[str, tuple[int, ...]] = field(default_factory=dict)


def visible(graph: Graph) -> list[Entry]:
    """Return the values that ``get_internals()`` lists, in its order."""
    return [
        Entry(key, output)
        for key in graph.order()
        for output in range(
            1 if graph.is_variable(key) else graph.signature(key).num_visible_outputs
        )
    ]


def compare(
    mx: Any, graph: Graph, shapes: Mapping[str, tuple[int, ...]], dtypes: Mapping[str, str]
) -> Comparison:
    """Infer with both, and compare every value."""
    np_shape = graph.origin is not None and graph.origin.np_shape
    found = infer(graph, shapes, dtypes)
    result = Comparison(conflicts=found.conflicts, unknown=dict(found.unknown))
    with mx.util.np_shape(np_shape), contextlib.redirect_stdout(io.StringIO()):
        symbol = mx.sym.load_json(graphpass.dumps(graph)).get_internals()
        names = set(symbol.list_arguments())
        asked_shapes = {name: shape for name, shape in shapes.items() if name in names}
        asked_dtypes = {name: np.dtype(each) for name, each in dtypes.items() if name in names}
        expected_shapes: list[Any] | None = None
        expected_dtypes: list[Any] | None = None
        try:
            expected_shapes = symbol.infer_shape_partial(**asked_shapes)[1]
        except mx.MXNetError as error:
            result.refused = str(error)
        with contextlib.suppress(mx.MXNetError):
            expected_dtypes = symbol.infer_type_partial(**asked_dtypes)[1]
    for number, entry in enumerate(visible(graph)):
        result.values += 1
        shape, dtype = found.shape(entry), found.dtype(entry)
        result.shapes += is_known(shape)
        result.dtypes += dtype is not None
        name = f"{graph.op(entry.node)} {graph.name(entry.node)!r}[{entry.output}]"
        if expected_shapes:
            theirs = from_mxnet(expected_shapes[number], np_shape)
            if graph.is_variable(entry.node) and shape == shapes.get(graph.name(entry.node)):
                theirs = shape  # BatchNorm overwrites what it was given with what it makes of data
            if is_known(shape) and not is_known(theirs):
                result.more += 1
            elif is_known(theirs) and shape != theirs:
                where = result.wrong if is_known(shape) else result.less
                where.append(f"{name}: shape {shape}, MXNet {theirs}")
        if expected_dtypes:
            each = expected_dtypes[number]
            if each is None:
                result.more += dtype is not None
            elif dtype != np.dtype(each).name:
                where = result.less if dtype is None else result.wrong
                where.append(f"{name}: dtype {dtype}, MXNet {np.dtype(each).name}")
    return result


def from_mxnet(shape: tuple[int, ...] | None, np_shape: bool) -> Shape | None:
    """Return MXNet's shape with what its mode calls unknown as None.

    Outside NumPy-shape mode an extent of 0 may be unknown or empty; nobody can tell.
    """
    if shape is None or (shape == () and not np_shape):
        return None
    unknown = -1 if np_shape else 0
    return tuple([None if extent == unknown else extent for extent in shape])
