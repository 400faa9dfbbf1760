"""Constants are worked out as ONNX Runtime works them out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from graphpass.lowering.fold import fold_constants
from graphpass.lowering.target import TargetBuilder, TargetConstant, TargetGraph

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.formats.onnx import Initializer, OnnxFile, write_onnx
from graphpass.lowering.backend import open_session
from graphpass.lowering.files import graph_proto

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 7
N = np.array([3, -7, 2], np.int64)

CASES: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("Abs", [X], {}),
    ("Add", [X, X[:1]], {}),
    ("Cast", [X], {"to": "int32"}),
    ("Concat", [X, X], {"axis": -1}),
    ("ConstantOfShape", [(2, 3)], {"value": np.array([4], np.int64)}),
    ("ConstantOfShape", [(2,)], {}),
    ("Div", [N, np.array([2, 2, -3])], {}),
    ("Div", [X, X - 0.5], {}),
    ("Equal", [X, X[:1]], {}),
    ("Expand", [X[:, :1], (2, 5, 4)], {}),
    ("Expand", [X > 0, (2, 2, 3, 4)], {}),
    ("Flatten", [X], {"axis": 2}),
    ("Floor", [X / 3], {}),
    ("Gather", [X, (1, 0, -1)], {"axis": 2}),
    ("Gather", [X, 1], {"axis": 1}),
    ("Greater", [X, X[:1]], {}),
    ("Identity", [X], {}),
    ("Less", [X, X[:1]], {}),
    ("Max", [X, X[:1], X[1:]], {}),
    ("Min", [X, X[:1], X[1:]], {}),
    ("Mul", [X, X[:1]], {}),
    ("Neg", [X], {}),
    ("Not", [X > 0], {}),
    ("Range", [np.int64(2), np.int64(9), np.int64(3)], {}),
    ("Reshape", [X, (0, -1)], {}),
    ("Slice", [X, (1,), (-1,), (2,)], {}),
    ("Slice", [X, (-1,), (-(2**63),), (1,), (-1,)], {}),
    ("Slice", [X, (5, 0), (2**63 - 1, 2)], {}),
    ("Slice", [X, (2,), (0,), (1,), (-2,)], {}),
    ("Split", [X, (1, 3)], {"axis": 2, "outputs": 2}),
    ("Split", [X], {"axis": 2, "outputs": 2, "num_outputs": 2}),
    ("Split", [X], {"axis": 1, "outputs": 2, "num_outputs": 2}),
    ("Sqrt", [np.abs(X)], {}),
    ("Squeeze", [X[:, :1], (1,)], {}),
    ("Squeeze", [X[:1, :1]], {}),
    ("Sub", [X, X[:1]], {}),
    ("Tile", [X, (1, 2, 1)], {}),
    ("Transpose", [X], {"perm": (2, 0, 1)}),
    ("Transpose", [X], {}),
    ("Unsqueeze", [X, (0, -1)], {}),
    ("Where", [X > 0, X, -X], {}),
]


@pytest.mark.parametrize(("op", "inputs", "attributes"), CASES)
def test_it_gives_what_the_runtime_gives(op: str, inputs: list[Any], attributes: Any) -> None:
    graphs = []
    for _ in range(2):
        build = TargetBuilder(18, lambda entry: None)
        made = build.op(op, *inputs, **attributes)
        build.graph.outputs = list(made) if isinstance(made, list) else [made]
        for number, each in enumerate(build.graph.outputs):
            each.name = f"out{number}"
        for number, each in enumerate(build.graph.constants()):
            each.name = f"in{number}"
        graphs.append(build.graph)
    plain, folded = graphs
    fold_constants(folded)
    assert folded.nodes == []
    for ours, theirs in zip(folded.outputs, run(plain), strict=True):
        assert isinstance(ours, TargetConstant)
        assert (ours.array.dtype, ours.array.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_array_equal(ours.array, theirs)


def run(graph: TargetGraph) -> list[Any]:
    file = io.BytesIO()
    stored = [Initializer(each.name, each.dtype or "", each.array) for each in graph.constants()]
    write_onnx(OnnxFile(graph_proto(graph), stored, {"": 18}), file, None, "")
    return open_session(file.getvalue()).run(None, {})


def test_a_shape_that_is_known_is_a_constant() -> None:
    build = TargetBuilder(18, lambda entry: None)
    x = build.op("Relu", np.zeros((2, 3), np.float32))
    x.shape = ("N", 3)
    build.graph.outputs = [build.op("Shape", x), build.op("Shape", x, start=1)]
    fold_constants(build.graph)
    assert [node.op for node in build.graph.nodes] == ["Relu", "Shape"]
    assert build.graph.outputs[1].array.tolist() == [3]
