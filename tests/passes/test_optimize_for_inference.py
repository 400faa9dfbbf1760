"""`optimize-for-inference`: what one pass does makes room for another, and nothing is left."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph

CONV = "conv = Convolution(data, w, kernel=(1, 1), num_filter=4, no_bias=True)"
NORM = "bn = BatchNorm(conv, gamma, beta, mean, var, fix_gamma=False)"
STATES = {"gamma": (4,), "beta": (4,), "mean": (4,), "var": (4,)}
SECOND = {"gamma2": (4,), "beta2": (4,), "mean2": (4,), "var2": (4,)}
W, T = {"w": (4, 3, 1, 1)}, {"t": (1, 4, 1, 1)}

LEFT: dict[str, tuple[list[str], dict[str, tuple[int, ...]], list[str]]] = {
    "a scale and a shift behind a BatchNorm": (
        [CONV, NORM, "scaled = broadcast_mul(bn, t)", "out = broadcast_add(scaled, t)"],
        {**W, **STATES, **T},
        ["Convolution"],
    ),
    "a BatchNorm behind a shift behind a BatchNorm": (
        [CONV, NORM, "shifted = broadcast_add(bn, t)",
         "out = BatchNorm(shifted, gamma2, beta2, mean2, var2)"],
        {**W, **STATES, **T, **SECOND},
        ["Convolution"],
    ),
    "a gamma that is one, and read in another way too": (
        ["bn = BatchNorm(data, gamma, beta, mean, var)",
         "shaped = Reshape(gamma, shape=(1, 4, 1, 1))",
         "out = broadcast_mul(bn, shaped)"],
        STATES,
        ["BatchNorm", "broadcast_mul"],
    ),
    "a loss behind a Cast behind Dropout": (
        ["fc = FullyConnected(data, v, num_hidden=4, no_bias=True)", "drop = Dropout(fc)",
         "wide = Cast(relu(drop), dtype='float32')", "out = SoftmaxOutput(wide, label)"],
        {"v": (4, 108)},
        ["FullyConnected", "relu", "Cast", "softmax"],
    ),
}  # fmt: skip


def build(lines: list[str], shapes: dict[str, tuple[int, ...]]) -> Model:
    numbers, parameters = np.random.default_rng(1), Parameters()
    names = [*shapes, "data", *(["label"] if "label" in lines[-1] else [])]
    for name, shape in shapes.items():
        kind = "aux" if name.startswith(("mean", "var")) else "arg"
        parameters.set(name, numbers.uniform(0.5, 1.5, shape).astype("float32"), kind)  # type: ignore[arg-type]
    variables = ", ".join(names) + " = " + ", ".join("variable()" for _ in names)
    return Model(parse_graph("\n".join([variables, *lines, "return out"])), parameters)


@pytest.mark.parametrize("case", LEFT)
def test_nothing_is_left_for_a_second_run(case: str) -> None:
    lines, shapes, wanted = LEFT[case]
    model = build(lines, shapes)
    graphpass.apply("optimize-for-inference", model)
    ops = [model.graph.op(key) for key in model.graph.order()]
    assert [op for op in ops if op != "null"] == wanted
    assert not graphpass.apply("optimize-for-inference", model).changed


@pytest.mark.mxnet
@pytest.mark.parametrize("case", LEFT)
def test_outputs_stay(case: str, judge: Any) -> None:
    lines, shapes, _ = LEFT[case]
    before = build(lines, shapes)
    after = before.copy()
    graphpass.apply("optimize-for-inference", after)
    channels = 4 if "gamma that" in case else 3
    data = np.random.default_rng(0).normal(size=(2, channels, 6, 6)).astype("float32")
    inputs = {"data": data, "label": np.zeros(2, "float32")}
    [theirs] = judge.outputs(before, {name: inputs[name] for name in before.inputs})
    [ours] = judge.outputs(after, {name: inputs[name] for name in after.inputs})
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
