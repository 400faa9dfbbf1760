"""Loops and conditions: lowered, they give on ONNX Runtime what MXNet gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.parameters import Parameters

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.backend import open_session, run_session

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
H = np.array([0.5, -1, 2], np.float32)
W = np.linspace(-0.4, 0.6, 9, dtype=np.float32).reshape(3, 3)


def foreach(mx: Any) -> Any:
    x, h, w = mx.sym.var("x"), mx.sym.var("h"), mx.sym.var("w")

    def step(item: Any, state: Any) -> Any:
        dense = mx.sym.FullyConnected(
            mx.sym.expand_dims(item, 0), w, num_hidden=3, no_bias=True, name="dense"
        )
        new = mx.sym.broadcast_add(mx.sym.Reshape(dense, shape=(-1,)), state)
        return new * 2, new

    outputs, state = mx.sym.contrib.foreach(step, x, h)
    return mx.sym.Group([outputs, state])


def while_loop(mx: Any) -> Any:
    h, x = mx.sym.var("h"), mx.sym.var("x")
    count = mx.sym.sum(mx.sym.zeros_like(h))  # a zero

    def goes_on(count: Any, state: Any) -> Any:
        return count < 3

    def step(count: Any, state: Any) -> Any:
        new = state * 0.5 + mx.sym.sum(x, axis=0)
        return new * 3, (count + 1, new)

    outputs, (count, state) = mx.sym.contrib.while_loop(goes_on, step, (count, h), max_iterations=3)
    return mx.sym.Group([outputs[0] if isinstance(outputs, list) else outputs, count, state])


def condition(mx: Any) -> Any:
    x, h = mx.sym.var("x"), mx.sym.var("h")
    is_true = mx.sym.sum(h) > 1
    return mx.sym.contrib.cond(is_true, lambda: x * 2, lambda: mx.sym.broadcast_add(x, h))


@pytest.mark.mxnet
@pytest.mark.parametrize("make", [foreach, while_loop, condition])
@pytest.mark.parametrize("sign", [1, -1])
def test_it_gives_what_mxnet_gives(make: Any, sign: int, tmp_path: Any) -> None:
    import mxnet as mx

    symbol = make(mx)
    values = {"x": X, "h": H * sign, "w": W}
    fed = {name: mx.nd.array(values[name]) for name in symbol.list_arguments()}
    expected = [each.asnumpy() for each in symbol.bind(mx.cpu(), fed).forward(is_train=False)]
    model = graphpass.Model(graphpass.loads(symbol.tojson()), Parameters({"w": W}))
    inputs = {name: values[name] for name in model.graph.arguments if name != "w"}
    graphpass.export(model, tmp_path / "loop.onnx", inputs=inputs)
    found = run_session(open_session(tmp_path / "loop.onnx"), inputs)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.mxnet
def test_what_no_lowering_takes_inside_is_told(tmp_path: Any) -> None:
    import mxnet as mx

    outputs, _ = mx.sym.contrib.foreach(
        lambda item, state: (mx.sym.gammaln(item, name="inner"), state), mx.sym.var("x"), []
    )
    model = graphpass.Model(graphpass.loads(outputs.tojson()))
    with pytest.raises(graphpass.GraphpassError, match="in its subgraph"):
        graphpass.export(model, tmp_path / "loop.onnx", inputs={"x": X})
