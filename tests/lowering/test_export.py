"""`graphpass.export`: names, inputs, files, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.cli import main
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph

onnx = pytest.importorskip("onnx", reason="onnx is not installed (the `onnx` extra)")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.backend import open_session, run_session  # noqa: E402

FIXTURES = Path(__file__).parents[2] / "fixtures"
X = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)


def model(text: str, **parameters: Any) -> graphpass.Model:
    return graphpass.Model(parse_graph(text), Parameters(parameters))


def run(path: Path, **values: Any) -> list[Any]:
    onnx.checker.check_model(onnx.load(path), full_check=True)
    return run_session(open_session(path), values)


def test_names_stay(tmp_path: Path) -> None:
    text = "data, w = variable(), variable(); fc = FullyConnected(data, w, num_hidden=2); return fc"
    text = text.replace("num_hidden=2", "num_hidden=2, no_bias=True")
    weight = np.ones((2, 3), np.float32)
    graphpass.export(model(text, w=weight), tmp_path / "m.onnx", inputs={"data": X})
    graph = onnx.load(tmp_path / "m.onnx").graph
    assert [each.name for each in graph.input] == ["data"]
    assert [each.name for each in graph.output] == ["fc_output"]
    assert [each.name for each in graph.initializer] == ["w"]
    assert [each.name for each in graph.node] == ["fc"]


def test_odd_heads(tmp_path: Path) -> None:
    """A head may be a variable, a parameter, stand twice, or repeat a name."""
    text = """
x, w = variable(), variable()
a = relu(x)
`a-2` = tanh(a, name="same")
b = sigmoid(a, name="same")
return a, x, w, a, `a-2`, b
"""
    weight = np.ones((2,), np.float32)
    graphpass.export(model(text, w=weight), tmp_path / "m.onnx", inputs={"x": X})
    names = [each.name for each in onnx.load(tmp_path / "m.onnx").graph.output]
    assert len(set(names)) == 6
    assert names[0] == "a_output"
    relu = np.maximum(X, 0)
    wanted = [relu, X, weight, relu, np.tanh(relu), 1 / (1 + np.exp(-relu))]
    for ours, theirs in zip(run(tmp_path / "m.onnx", x=X), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_node_names_are_unique_though_those_of_mxnet_repeat(tmp_path: Path) -> None:
    text = 'x = variable(); a = relu(x, name="n"); b = tanh(a, name="n"); return b'
    graphpass.export(model(text), tmp_path / "m.onnx", inputs={"x": X})
    names = [each.name for each in onnx.load(tmp_path / "m.onnx").graph.node]
    assert len(set(names)) == len(names) == 2


def test_a_label_is_left_out_and_its_shape_accepted_with_a_note(tmp_path: Path) -> None:
    text = "data, label = variable(), variable(); return SoftmaxOutput(data, label)"
    report = graphpass.export(model(text), tmp_path / "m.onnx", inputs={"data": X, "label": (2,)})
    assert [each.name for each in report.lowered.graph.inputs] == ["data"]
    assert "label" in report.notes[0]


@pytest.mark.parametrize("opset", [17, 18, 19, 20, 21])
def test_opsets(opset: int, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    graphpass.export(
        model("x = variable(); return mean(x, axis=1)"), path, inputs={"x": X}, opset=opset
    )
    assert onnx.load(path).opset_import[0].version == opset
    np.testing.assert_allclose(run(path, x=X)[0], X.mean(1), atol=1e-7)


def test_the_bytes_are_the_same_each_time(tmp_path: Path) -> None:
    loaded = graphpass.load(FIXTURES / "stages")
    found = []
    for name in ("a.onnx", "b.onnx"):
        graphpass.export(loaded, tmp_path / name, inputs={"data": ("N", 3, 8, 8)})
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]


def test_external_data(tmp_path: Path) -> None:
    text = (
        "x, w = variable(), variable(); return FullyConnected(x, w, num_hidden=400, no_bias=True)"
    )
    weight = np.random.default_rng(0).standard_normal((400, 3)).astype(np.float32)
    path = tmp_path / "m.onnx"
    report = graphpass.export(model(text, w=weight), path, inputs={"x": X}, external_data=True)
    assert report.files == (path, tmp_path / "m.onnx.data")
    assert path.stat().st_size < 2000
    np.testing.assert_allclose(run(path, x=X)[0], X @ weight.T, rtol=1e-5, atol=1e-5)


def test_a_batch_that_is_baked_in_is_told(tmp_path: Path) -> None:
    text = "x = variable(); a = Reshape(x, shape=(2, -1)); b = elemwise_add(a, x); return b"
    with pytest.raises(graphpass.GraphpassError, match=r"N can't be open.*free-batch"):
        graphpass.export(model(text), tmp_path / "m.onnx", inputs={"x": ("N", 3)}, optimize=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "dta:1,3,8,8"], "the model has no input 'dta'; nearest: data"),
        (["--input", "data:1,3"], "the shapes do not fit"),
        (["--input", "data:1;3"], "write NAME:SHAPE"),
        (["--opset", "12"], "choose one from 17 to 21"),
        (["--lower", "nowhere.yaml"], "there is no such file"),
        (["--lower", "strip-training"], "has rules `lower` only"),
    ],
)
def test_bad_input_is_one_paragraph(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.onnx"
    with pytest.raises(SystemExit) as leaving:
        main(["export", str(FIXTURES / "age"), "-o", str(out), *arguments])
    assert leaving.value.code == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_operator_is_refused_by_name(tmp_path: Path) -> None:
    text = "x = variable(); return `my_op`(x)"
    with pytest.raises(graphpass.GraphpassError, match="nothing lowers my_op"):
        graphpass.export(model(text), tmp_path / "m.onnx", inputs={"x": X})


def test_a_lowering_of_your_own_comes_first_and_may_name_a_domain(tmp_path: Path) -> None:
    own = """{graphpass: 1, target: onnx 18, rules: [{lower: {id: mine, match: "y = relu(x)",
        replace: 'y = onnx.MyRelu(x, alpha=0.5, domain="com.example")'}}]}"""
    path = tmp_path / "m.onnx"
    graphpass.export(
        model("x = variable(); return relu(x)"), path, inputs={"x": X}, lowerings=[own]
    )
    found = onnx.load(path)
    assert [(each.domain, each.op_type) for each in found.graph.node] == [("com.example", "MyRelu")]
    assert {each.domain: each.version for each in found.opset_import} == {"": 18, "com.example": 1}


def test_a_file_that_is_there_stays_without_overwrite(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"mine")
    with pytest.raises(graphpass.GraphpassError, match="overwrite"):
        graphpass.export(model("x = variable(); return relu(x)"), path, inputs={"x": X})
    assert path.read_bytes() == b"mine"
