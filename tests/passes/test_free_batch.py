"""``free-batch``: one model for every batch size, judged by MXNet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import graphpass
from graphpass import Model, Parameters, dumps, loads
from graphpass.cli.app import app
from graphpass.formats.text import parse_graph

BATCH = 96


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def drawn(mx: ModuleType, symbol: Any, **shapes: tuple[int, ...]) -> Model:
    """Return a model of a symbol, its parameters drawn at random."""
    numbers = np.random.default_rng(0)
    found, _, _ = symbol.infer_shape(**shapes)
    parameters = Parameters()
    for name, shape in zip(symbol.list_arguments(), found, strict=True):
        if name not in shapes:
            parameters[name] = numbers.standard_normal(shape).astype("float32") / 3
    return Model(loads(symbol.tojson()), parameters)


def check_batches(judge: Any, before: Model, after: Model, shape: tuple[int, ...]) -> None:
    """Check that a full batch gives the same bits, and smaller ones their rows of it."""
    [name] = before.inputs
    data = np.random.default_rng(1).standard_normal(shape).astype("float32")
    full = judge.outputs(before, {name: data})
    for ours, theirs in zip(judge.outputs(after, {name: data}), full, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for rows in (1, 3):
        for ours, theirs in zip(judge.outputs(after, {name: data[:rows]}), full, strict=True):
            np.testing.assert_allclose(ours, theirs[:rows], rtol=1e-5, atol=1e-6)


def reshaping(mx: ModuleType, hinted: bool) -> Any:
    sym = mx.sym
    data = sym.var("data", shape=(BATCH, 70)) if hinted else sym.var("data")
    net = sym.reshape(data, shape=(BATCH, 7, 10), name="reshape0")
    net = sym.Convolution(net, kernel=(3,), num_filter=5, name="conv0")
    if hinted:
        net = sym.reshape(net, shape=(BATCH, -1), name="reshape1")
    return sym.FullyConnected(net, num_hidden=4, name="fc0")


@pytest.mark.mxnet
@pytest.mark.parametrize("hinted", [False, True])
def test_a_baked_in_reshape_from_the_command_line(
    mx: ModuleType, judge: Any, tmp_path: Path, hinted: bool
) -> None:
    model = drawn(mx, reshaping(mx, hinted), data=(BATCH, 70))
    model.save(tmp_path / "m")
    said = run("apply", "free-batch", "--set", f"from={BATCH}", tmp_path / "m", "-o",
               tmp_path / "free")  # fmt: skip
    assert "reshape" in said
    after = graphpass.load(tmp_path / "free")
    [key] = after.graph.named("reshape0")
    first = 0 if hinted else -1
    assert after.graph.node(key).attributes["shape"] == (first, 7, 10)
    check_batches(judge, model, after, (BATCH, 70))
    hints = json.loads((tmp_path / "free-symbol.json").read_text())["nodes"][0].get("attrs", {})
    assert hints == ({"__shape__": "(0, 70)"} if hinted else {})


@pytest.mark.mxnet
def test_without_it_mxnet_gives_rows_of_nothing(mx: ModuleType, judge: Any) -> None:
    """The reason for the pass: MXNet raises nothing, and hands on what it has no numbers for."""
    model = Model(parse_graph(f"x = variable(); y = Reshape(x, shape=({BATCH}, 7, 10)); return y"))
    [found] = judge.outputs(model, {"x": np.ones((1, 70), "float32")})
    assert found.shape == (BATCH, 7, 10)


@pytest.mark.mxnet
@pytest.mark.parametrize(
    ("shape", "codes", "becomes"),
    [
        ((96, 2, 3), (96, 6), (0, 6)),
        ((96, 6), (96, 2, 3), (0, 2, 3)),
        ((96, 6), (96, -1, 3), (0, -1, 3)),
        ((96, 2, 3), (96, -1, 0), (96, -1, 0)),
    ],
)
def test_reshapes_that_count_from_the_right(
    judge: Any, shape: tuple[int, ...], codes: tuple[int, ...], becomes: tuple[int, ...]
) -> None:
    text = f"x = variable(); y = Reshape(x, shape={codes}, reverse=True); return y"
    before = Model(parse_graph(text))
    after = before.copy()
    graphpass.apply("free-batch", after, inputs={"x": shape}, set={"from": BATCH})
    [key] = after.graph.named("y")
    attributes = after.graph.node(key).attributes
    assert (attributes["shape"], attributes["reverse"]) == (becomes, becomes == codes)
    if becomes != codes:
        check_batches(judge, before, after, shape)


@pytest.mark.mxnet
@pytest.mark.parametrize("cell", ["RNNCell", "LSTMCell", "GRUCell"])
def test_states_of_unrolled_cells(mx: ModuleType, judge: Any, cell: str) -> None:
    unrolled = getattr(mx.rnn, cell)(5, prefix="cell_")
    data = mx.sym.var("data")
    steps = mx.sym.SliceChannel(data, num_outputs=3, axis=1, squeeze_axis=True, name="steps")
    begin = [
        mx.sym.zeros(shape=(BATCH, 5), name=f"begin{n}") for n in range(len(unrolled.state_info))
    ]
    outputs, states = unrolled.unroll(3, inputs=list(steps), begin_state=begin)
    model = drawn(mx, mx.sym.Group([*outputs, *states]), data=(BATCH, 3, 4))
    after = model.copy()
    report = graphpass.apply("free-batch", after, set={"from": BATCH})
    assert report.changed
    assert f"({BATCH}, 5)" not in dumps(after.graph)
    check_batches(judge, model, after, (BATCH, 3, 4))


@pytest.mark.mxnet
def test_states_of_the_fused_operator(mx: ModuleType, judge: Any) -> None:
    sym = mx.sym
    data = sym.transpose(sym.var("data"), axes=(1, 0, 2))
    state = sym.zeros(shape=(2, BATCH, 5), name="state")
    net = sym.RNN(data, sym.var("weights"), state, mode="gru", state_size=5, num_layers=2,
                  name="rnn")  # fmt: skip
    model = drawn(mx, net, data=(BATCH, 3, 4))
    after = model.copy()
    graphpass.apply("free-batch", after, set={"from": BATCH})
    sizes = {"data": (BATCH, 3, 4)}
    numbers = np.random.default_rng(1).standard_normal(sizes["data"]).astype("float32")
    full = judge.outputs(model, {"data": numbers})[0]
    np.testing.assert_array_equal(judge.outputs(after, {"data": numbers})[0], full)
    few = judge.outputs(after, {"data": numbers[:3]})[0]
    np.testing.assert_allclose(few, full[:, :3], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("operator", "reason"),
    [
        ("Reshape(x, shape=(96, -1))", "beside a -1"),
        ("Reshape(x, shape=(7, 96, 10))", "behind the first axis"),
        ("SliceChannel(x, num_outputs=96, axis=0)", "whatever the batch is"),
        ("slice(x, begin=(0, 0), end=(96, 4))", "whatever the batch is"),
        ("slice_axis(x, axis=0, begin=0, end=96)", "whatever the batch is"),
        ("tile(x, reps=(96, 1))", "whatever the batch is"),
        ("broadcast_to(x, shape=(96, 4))", "whatever the batch is"),
        ("repeat(x, repeats=96, axis=0)", "whatever the batch is"),
        ("broadcast_add(x, _zeros(shape=(96, 4)))", "could not infer"),
    ],
)
def test_what_stays_is_named_with_the_reason(operator: str, reason: str) -> None:
    model = Model(parse_graph(f"x = variable(); y = {operator}; return tanh(y)"))
    before = dumps(model.graph)
    report = graphpass.apply("free-batch", model, set={"from": 96})
    assert dumps(model.graph) == before
    assert reason in str(report)


def test_layouts_say_where_the_batch_is() -> None:
    model = Model(
        parse_graph(
            """
            x, y = variable(__layout__="TNC", __shape__=(96, 96, 3)), variable(__shape__=(96, 96))
            w = variable(__shape__=(96, 3))
            return Concat(x, y, w, num_args=3)
            """
        ),
        Parameters({"w": np.ones((96, 3), "float32")}),
    )
    graphpass.apply("free-batch", model, set={"from": 96})
    hints = {node.name: node.attrs.get("__shape__") for node in model.graph}
    assert hints == {"x": "(96, 0, 3)", "y": "(0, 96)", "w": "(96, 3)", "concat0": None}
    assert not graphpass.apply("free-batch", model, set={"from": 96}).changed


@pytest.mark.mxnet
def test_a_symbol_alone_keeps_the_hints_that_mxnet_needs(mx: ModuleType) -> None:
    data, w = mx.sym.var("data", shape=(1, 4, 6, 6)), mx.sym.var("w", shape=(1, 4, 1, 1))
    gamma = mx.sym.var("gamma", shape=(1, 1), lr_mult=0)
    scale = mx.sym.reshape(gamma, shape=(1, 1, 1, 1), name="scale")
    net = mx.sym.broadcast_mul(mx.sym.broadcast_mul(data, w), scale)
    model = Model(loads(net.tojson()))
    report = graphpass.apply("free-batch", model)
    assert "left alone: the shape hint of 'w'" in str(report)
    [key] = model.graph.named("scale")
    assert model.graph.attrs(key)["shape"] == "(1, 1, 1, 1)"
    freed = mx.sym.load_json(dumps(model.graph))
    found = dict(zip(freed.list_arguments(), freed.infer_shape(data=(8, 4, 6, 6))[0], strict=True))
    assert found == {"data": (8, 4, 6, 6), "w": (1, 4, 1, 1), "gamma": (1, 1)}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10, 32, 70])
def test_its_own_tests_hold_for_any_size(size: int) -> None:
    said = run("passes", "test", "free-batch", "--set", f"from={size}")
    assert re.search(r"^(\d+) of \1 tests passed$", said, re.MULTILINE), said


@pytest.mark.parametrize("rank", [0, 1, 2, 4])
def test_the_tests_of_prelu_to_relu_hold_for_any_rank(rank: int) -> None:
    assert "4 of 4 tests passed" in run("passes", "test", "prelu-to-relu", "--set", f"rank={rank}")


NUMPY = """
data, w = variable(), variable()
a = FullyConnected(data, w, num_hidden=12, no_bias=True)
b = _npx_relu(a)
c = {reshape}
return _npi_multiply_scalar(c, scalar=2.0)
"""


def baked(model: Model) -> list[Any]:
    return [each for each in graphpass.check(model, {"data": (2, 6)}) if each.code == "baked-batch"]


@pytest.mark.mxnet
@pytest.mark.parametrize(
    "reshape",
    [
        "_np_reshape(b, newshape=(2, 3, 4))",
        "_np_reshape(b, newshape=(2, -1, 4))",
        "_npx_reshape(b, newshape=(2, -1))",
        "_npx_reshape(b, newshape=(2, -6, 3, -1))",
    ],
)
@pytest.mark.parametrize("told", [{}, {"data": (2, 6)}])
def test_reshapes_of_numpy_mode(judge: Any, reshape: str, told: dict[str, Any]) -> None:
    before = graphpass.Model(parse_graph(NUMPY.format(reshape=reshape)))
    random = np.random.default_rng(0)
    before.parameters["w"] = random.normal(size=(12, 6)).astype("float32")
    (found,) = baked(before)
    assert found.remedy.startswith("apply free-batch --set from=2")
    after = before.copy()
    report = graphpass.apply("free-batch", after, set={"from": 2}, inputs=told)
    if not told and "-" in reshape:
        assert "say the shapes of the inputs" in str(report)
        return
    rows = {"data": random.normal(size=(2, 6)).astype("float32")}
    np.testing.assert_array_equal(judge.outputs(after, rows)[0], judge.outputs(before, rows)[0])
    others = {"data": random.normal(size=(6, 6)).astype("float32")}
    parts = [judge.outputs(before, {"data": others["data"][at : at + 2]})[0] for at in (0, 2, 4)]
    np.testing.assert_allclose(judge.outputs(after, others)[0], np.concatenate(parts), rtol=1e-6)
    assert baked(after) == []


@pytest.mark.mxnet
def test_towers_of_numpy_mode_run_at_once(judge: Any) -> None:
    lines = ["w = variable()"]
    for name in ("x", "y"):
        lines += [
            f"{name} = variable()",
            f"{name}_fc = FullyConnected({name}, w, num_hidden=12, no_bias=True)",
            f"{name}_rows = _npx_reshape(_npx_relu({name}_fc), newshape=(-2, 3, 4))",
            f"{name}_turned = _np_transpose({name}_rows, axes=(0, 2, 1))",
            f"{name}_out = _np_reshape({name}_turned, newshape=(-1, 12))",
        ]
    before = graphpass.Model(parse_graph("\n".join([*lines, "return x_out, y_out"])))
    random = np.random.default_rng(0)
    before.parameters["w"] = random.normal(size=(12, 6)).astype("float32")
    after = before.copy()
    shapes = {"x": (2, 6), "y": (2, 6)}
    assert graphpass.apply("batch-branches", after, inputs=shapes).changed
    assert len(after.graph.by_op()["FullyConnected"]) == 1
    assert len(after.graph.by_op()["_np_reshape"]) == 1
    values = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    outputs = judge.outputs(after, values), judge.outputs(before, values)
    for found, wanted in zip(*outputs, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
