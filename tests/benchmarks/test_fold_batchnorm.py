"""Fold BatchNorm, written as a rule, on a long chain: time per node, and against onnxscript.

    pytest -m benchmark tests/benchmarks/test_fold_batchnorm.py -s

The peer does the same on the equal ONNX graph, in turns in the same process: install `onnxscript`
for it. Times are CPU times without load and save; only ratios say anything, machines are noisy.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.parameters import Parameters
from graphpass.model import Model
from graphpass.rules import load_pass

pytestmark = pytest.mark.benchmark

ROUNDS = 3
FOLD = {
    "when": "inference",
    "match": "conv = Convolution(x, weight, optional(bias))\n"
    "out = BatchNorm(conv, gamma, beta, mean, var)",
    "where": [
        "conv.layout in (None, 'NCW', 'NCHW', 'NCDHW')",
        "out.axis == 1 and not out.output_mean_var",
        "known(weight, bias, gamma, beta, mean, var)",
    ],
    "let": {
        "scale": "(ones_like(gamma) if out.fix_gamma else gamma) / sqrt(var + out.eps)",
        "folded_weight": "weight * per_axis(scale, 0, weight.ndim)",
        "folded_bias": "((bias if bound(bias) else 0) - mean) * scale + beta",
    },
    "replace": "out = Convolution(x, folded_weight, folded_bias, **conv.attrs, no_bias=False)",
}
"""What the peer's rule does; the shipped fold-batchnorm does more."""

OPERATORS_PER_BLOCK = 6
"""Convolution, BatchNorm, two relus that read it, their sum, an identity."""


def values(block: int, rng: np.random.Generator) -> dict[str, tuple[Any, str]]:
    draws = {
        "w": rng.normal(scale=0.4, size=(4, 4, 1, 1)),
        "g": rng.uniform(0.5, 1.5, 4),
        "b": rng.normal(size=4),
        "m": rng.normal(size=4),
        "v": rng.uniform(0.5, 1.5, 4),
    }
    kinds = {"m": "aux", "v": "aux"}
    return {
        f"{name}{block}": (draw.astype("float32"), kinds.get(name, "arg"))
        for name, draw in draws.items()
    }


def symbol_chain(blocks: int) -> tuple[str, Parameters]:
    nodes: list[dict[str, Any]] = []
    parameters = Parameters()
    rng = np.random.default_rng(0)

    def add(op: str, name: str, *inputs: int, **attrs: str) -> int:
        node: dict[str, Any] = {"op": op, "name": name, "inputs": [[i, 0, 0] for i in inputs]}
        nodes.append(node | ({"attrs": attrs} if attrs else {}))
        return len(nodes) - 1

    last = add("null", "x")
    for block in range(blocks):
        for name, (value, kind) in values(block, rng).items():
            parameters.set(name, value, kind)  # type: ignore[arg-type]
        weight = add("null", f"w{block}")
        conv = add("Convolution", f"conv{block}", last, weight, kernel="(1, 1)", num_filter="4",
                   no_bias="True")  # fmt: skip
        states = [add("null", f"{part}{block}") for part in "gbmv"]
        norm = add("BatchNorm", f"bn{block}", conv, *states, eps="1e-05", fix_gamma="False")
        left, right = add("relu", f"left{block}", norm), add("relu", f"right{block}", norm)
        total = add("elemwise_add", f"add{block}", left, right)
        last = add("identity", f"id{block}", total)
    tree = {"nodes": nodes, "arg_nodes": [], "heads": [[last, 0, 0]]}
    return json.dumps(tree | {"attrs": {"mxnet_version": ["int", 10901]}}), parameters


def onnx_chain(blocks: int) -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    nodes, initializers = [], []
    rng = np.random.default_rng(0)
    last = "x"
    for block in range(blocks):
        for name, (value, _) in values(block, rng).items():
            initializers.append(numpy_helper.from_array(value, name))
        c, n, left, right, total = (f"{letter}o{block}" for letter in "cnlrt")
        scale = [f"{part}{block}" for part in "gbmv"]
        nodes += [
            helper.make_node("Conv", [last, f"w{block}"], [c], kernel_shape=[1, 1]),
            helper.make_node("BatchNormalization", [c, *scale], [n], epsilon=1e-5),
            helper.make_node("Relu", [n], [left]),
            helper.make_node("Relu", [n], [right]),
            helper.make_node("Add", [left, right], [total]),
            helper.make_node("Identity", [total], [f"io{block}"]),
        ]
        last = f"io{block}"
    shape = [1, 4, 8, 8]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)],
        initializers,
    )
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data


def graphpass_job(blocks: int) -> Callable[[], Callable[[], int]]:
    text, parameters = symbol_chain(blocks)
    folding = load_pass([{"rewrite": FOLD}])

    def prepare() -> Callable[[], int]:
        model = Model(graphpass.loads(text), parameters.copy())
        return lambda: sum(len(step.firings) for step in graphpass.apply(folding, model).steps)

    return prepare


def onnxscript_job(blocks: int) -> Callable[[], Callable[[], int]]:
    import onnx
    import onnx_ir
    from onnxscript.rewriter import pattern, rewrite
    from onnxscript.rewriter.rules.common import fuse_batchnorm_into_conv_rule

    data = onnx_chain(blocks)
    rules = pattern.RewriteRuleSet([fuse_batchnorm_into_conv_rule])

    def prepare() -> Callable[[], int]:
        model = onnx_ir.serde.deserialize_model(onnx.load_model_from_string(data))
        before = len(model.graph)
        return lambda: before - len(rewrite(model, pattern_rewrite_rules=rules).graph)

    return prepare


def per_operator(blocks: int, jobs: dict[str, Callable[[], Callable[[], int]]]) -> dict[str, float]:
    """Return the median CPU microseconds of each job per operator, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, prepare in jobs.items():
            job = prepare()
            gc.collect()
            start = time.process_time()
            folded = job()
            times[name].append(time.process_time() - start)
            assert folded == blocks
            del job
    count = blocks * OPERATORS_PER_BLOCK
    return {name: statistics.median(taken) / count * 1e6 for name, taken in times.items()}


def test_time_per_node_does_not_grow() -> None:
    small = per_operator(1_667, {"graphpass": graphpass_job(1_667)})["graphpass"]
    large = per_operator(16_667, {"graphpass": graphpass_job(16_667)})["graphpass"]
    print(f"\nfold BatchNorm: {small:.1f} us per operator at 10,000, {large:.1f} at 100,000; "
          f"ratio {large / small:.2f}")  # fmt: skip


@pytest.mark.skipif(
    importlib.util.find_spec("onnxscript") is None, reason="onnxscript is not installed"
)
def test_against_onnxscript() -> None:
    jobs = {"graphpass": graphpass_job(16_667), "onnxscript": onnxscript_job(16_667)}
    found = per_operator(16_667, jobs)
    ratio = found["onnxscript"] / found["graphpass"]
    print(f"\nfold BatchNorm, 100,000 operators: graphpass {found['graphpass']:.1f} us each, "
          f"onnxscript {found['onnxscript']:.1f}; {ratio:.2f} times as fast")  # fmt: skip
