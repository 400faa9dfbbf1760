"""`verify_file`, `export --verify`: what is exported is proved, and what differs is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph

onnx = pytest.importorskip("onnx", reason="onnx is not installed (the `onnx` extra)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.verify import verify_file  # noqa: E402

FIXTURES = Path(__file__).parents[2] / "fixtures"
INPUTS = {"data": ("N", 3, 8, 8)}
CONCRETE = {"data": (2, 3, 8, 8)}


@pytest.fixture
def exported(tmp_path: Path) -> tuple[graphpass.Model, Path]:
    model = graphpass.load(FIXTURES / "stages")
    report = graphpass.export(model, tmp_path / "model.onnx", inputs=INPUTS, verify=True)
    assert report
    assert report.verified is not None
    return model, tmp_path / "model.onnx"


def test_the_file_says_that_it_was_verified(exported: Any) -> None:
    _, path = exported
    said = {each.key: each.value for each in onnx.load(path).metadata_props}
    assert said["graphpass.verified"].startswith("equal: 1 output")
    assert said["graphpass.source"].startswith("sha256:")
    assert said["graphpass.passes"] == "strip-training, optimize-for-inference"


def test_any_batch_is_equal(exported: Any) -> None:
    model, path = exported
    for batch in (1, 5):
        assert verify_file(model, path, inputs={"data": (batch, 3, 8, 8)})


def test_every_weight_that_is_changed_is_seen(exported: Any) -> None:
    model, path = exported
    plain = onnx.load(path)
    for number, tensor in enumerate(plain.graph.initializer):
        array = onnx.numpy_helper.to_array(tensor)
        if array.dtype != np.float32:
            continue
        changed = onnx.ModelProto()
        changed.CopyFrom(plain)
        new = onnx.numpy_helper.from_array(array * np.float32(1.05), tensor.name)
        changed.graph.initializer[number].CopyFrom(new)
        onnx.save(changed, path)
        assert verify_file(model, path, inputs=CONCRETE).verdict == "different", tensor.name


def test_every_attribute_that_is_changed_is_seen(exported: Any) -> None:
    model, path = exported
    plain = onnx.load(path)
    for place, node in enumerate(plain.graph.node):
        changed = onnx.ModelProto()
        changed.CopyFrom(plain)
        if node.op_type == "Relu":
            changed.graph.node[place].op_type = "Sigmoid"
        elif node.op_type == "MaxPool":
            changed.graph.node[place].op_type = "AveragePool"
        elif node.op_type == "Add":
            changed.graph.node[place].op_type = "Sub"
        else:
            continue
        onnx.save(changed, path)
        assert verify_file(model, path, inputs=CONCRETE).verdict == "different", node.name


def test_a_file_with_other_outputs_is_refused(exported: Any) -> None:
    model, path = exported
    text = "data = variable(); return relu(data), tanh(data)"
    other = graphpass.Model(parse_graph(text), Parameters())
    with pytest.raises(graphpass.GraphpassError, match="1 outputs, and the model 2"):
        verify_file(other, path, inputs=CONCRETE)
    assert model.graph.outputs == ["fc1_output"]


def test_a_file_is_cut_where_an_operator_decides(tmp_path: Path) -> None:
    """Close scores are sorted in another order, and each part of the file is the same still."""
    text = """
x, w = variable(), variable()
score = FullyConnected(x, w, num_hidden=40, no_bias=True)
best = argsort(score, is_ascend=False)
return best
"""
    random = np.random.default_rng(0)
    weight = np.repeat(random.standard_normal((1, 64)).astype("f4"), 40, 0)
    weight += random.standard_normal((40, 64)).astype("f4") * np.float32(1e-7)
    model = graphpass.Model(parse_graph(text), Parameters({"w": weight}))
    path = tmp_path / "sorts.onnx"
    graphpass.export(model, path, inputs={"x": (4, 64)})
    found = verify_file(model, path, inputs={"x": (4, 64)})
    assert found, str(found)
    changed = onnx.load(path)
    for tensor in changed.graph.initializer:
        if tensor.name == "w":
            tensor.CopyFrom(onnx.numpy_helper.from_array(weight * np.float32(-1), "w"))
    onnx.save(changed, path)
    assert not verify_file(model, path, inputs={"x": (4, 64)})
