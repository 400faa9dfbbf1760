"""Rewrites against onnxscript and against graphsurgeon by hand, and whole passes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chains import OPERATORS_PER_BLOCK, onnx_chain, plain_model
from children import ROOT, run_python
from speed import TABLE, Peer, Prepare

import graphpass
from graphpass import Model
from graphpass.rules import load_pass

pytestmark = pytest.mark.benchmark

SIZES = {"10,000 operators": 1_667, "100,000 operators": 16_667}

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

DROP = {"match": "y = identity(x)", "replace": "x"}


def ours(rules: Any, blocks: int) -> Prepare:
    """Apply rules; the job tells how many operators they removed."""
    bound = load_pass(rules)

    def prepare() -> Callable[[], object]:
        model = plain_model(blocks)
        before = count_operators(model)

        def job() -> Callable[[], int]:
            graphpass.apply(bound, model)
            return lambda: before - count_operators(model)

        return job

    return prepare


def count_operators(model: Model) -> int:
    return sum(not model.graph.is_variable(key) for key in model.graph.dag)


def onnxscript(rules: list[Any], blocks: int) -> Prepare:
    import onnx
    import onnx_ir
    from onnxscript.rewriter import pattern, rewrite

    data = onnx_chain(blocks)
    ruleset = pattern.RewriteRuleSet(rules)

    def prepare() -> Callable[[], object]:
        model = onnx_ir.serde.deserialize_model(onnx.load_model_from_string(data))
        before = len(model.graph)

        def job() -> Callable[[], int]:
            after = rewrite(model, pattern_rewrite_rules=ruleset)
            return lambda: before - len(after.graph)

        return job

    return prepare


def graphsurgeon(blocks: int) -> Prepare:
    """Fold by hand, as a user of graphsurgeon writes it."""
    import onnx
    import onnx_graphsurgeon as gs

    data = onnx_chain(blocks)

    def fold(graph: Any) -> None:
        for node in graph.nodes:
            if node.op != "BatchNormalization" or node.i(0).op != "Conv":
                continue
            conv = node.i(0)
            if len(conv.outputs[0].outputs) != 1:
                continue
            gamma, beta, mean, variance = (each.values for each in node.inputs[1:5])
            scale = gamma / np.sqrt(variance + 1e-5)
            weight = conv.inputs[1].values * scale.reshape(-1, 1, 1, 1)
            weight = gs.Constant(f"{conv.name}_weight", weight)
            bias = gs.Constant(f"{conv.name}_bias", beta - mean * scale)
            conv.inputs = [conv.inputs[0], weight, bias]
            outputs = list(node.outputs)
            node.outputs.clear()
            conv.outputs = outputs
        graph.cleanup()

    def prepare() -> Callable[[], object]:
        graph = gs.import_onnx(onnx.load_model_from_string(data))
        before = len(graph.nodes)

        def job() -> Callable[[], int]:
            fold(graph)
            return lambda: before - len(graph.nodes)

        return job

    return prepare


@pytest.mark.parametrize("size", SIZES)
def test_fold(size: str) -> None:
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnx_graphsurgeon")
    from onnxscript.rewriter.rules.common import fuse_batchnorm_into_conv_rule

    blocks = SIZES[size]
    count = blocks * OPERATORS_PER_BLOCK
    peer, small = [onnxscript([fuse_batchnorm_into_conv_rule], each) for each in (blocks, 2)]
    TABLE.race(
        "fold Convolution and BatchNorm, one declarative rule",
        size,
        ours([{"rewrite": FOLD}], blocks),
        Peer("onnxscript", peer, 1 / (3.5 if blocks < 10_000 else 3)),
        Peer("graphsurgeon, by hand", graphsurgeon(blocks), 1),
        count=count,
        small=(ours([{"rewrite": FOLD}], 2), small, graphsurgeon(2)),
    )
    TABLE.race(
        "shipped fold-batchnorm, 11 rewrites",
        size,
        ours("fold-batchnorm", blocks),
        Peer("onnxscript, one rule", peer, 1 / 2),
        count=count,
        small=(ours("fold-batchnorm", 2), small),
    )


@pytest.mark.parametrize("size", SIZES)
def test_drop_identities(size: str) -> None:
    pytest.importorskip("onnxscript")
    from onnxscript.rewriter import pattern

    alone = pattern.RewriteRule(lambda op, x: op.Identity(x), lambda op, x: x)
    before_relu = pattern.RewriteRule(
        lambda op, x: op.Relu(op.Identity(x)), lambda op, x: op.Relu(x)
    )
    before_conv = pattern.RewriteRule(
        lambda op, x, w: op.Conv(
            op.Identity(x), w, _allow_other_attributes=True, _outputs=["conv"]
        ),
        lambda op, x, w, conv: op.Conv(x, w, **conv.producer().attributes),
    )
    blocks, rules = SIZES[size], [before_relu, before_conv]
    TABLE.race(
        "drop identities, one declarative rule",
        size,
        ours([{"rewrite": DROP}], blocks),
        Peer(
            "onnxscript, a rule for each reader",
            onnxscript(rules, blocks),
            1 / 3,
        ),
        Peer("onnxscript, one rule", onnxscript([alone], blocks)),
        count=blocks * OPERATORS_PER_BLOCK,
        small=(ours([{"rewrite": DROP}], 2), onnxscript(rules, 2), onnxscript([alone], 2)),
    )


def test_cost_of_a_firing_does_not_grow() -> None:
    rules = [{"rewrite": FOLD}]
    figures = {}
    for size, blocks in {**SIZES, "500,000 operators": 83_333}.items():
        rounds = 1 if blocks > 50_000 else 3
        count = blocks * OPERATORS_PER_BLOCK
        figures[size] = TABLE.race(
            "fold alone", size, ours(rules, blocks), count=count, rounds=rounds,
            small=(ours(rules, 2),),
        )  # fmt: skip
    TABLE.growth("fold, for each operator", figures)


def test_optimize_for_inference(tmp_path: Path) -> None:
    TABLE.race(
        "optimize-for-inference",
        "100,000 operators",
        ours("optimize-for-inference", 16_667),
        rounds=3,
        at_most=7,
        small=(ours("optimize-for-inference", 2),),
    )


@pytest.mark.mxnet
def test_optimize_for_inference_of_a_network(tmp_path: Path) -> None:
    run_python(str(ROOT / "fixtures/make.py"), "zoo", "resnet152_v1", "--out", str(tmp_path))

    def prepare() -> Callable[[], object]:
        model = graphpass.load(tmp_path / "resnet152_v1")
        return lambda: graphpass.apply("optimize-for-inference", model).changed

    TABLE.race("optimize-for-inference", "resnet152 and its weights", prepare, at_most=0.28)
