"""What users ask of rewrites, end to end through the command line, with real MXNet as judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph
from graphpass.model import Model


def save(folder: Path, name: str, text: str, shapes: dict[str, tuple[int, ...]]) -> Model:
    """Save a model of a graph in text form, with random values of these shapes."""
    graph = parse_graph(text)
    states = set(graph.auxiliary_states)
    parameters = Parameters()
    rng = np.random.default_rng(7)
    for parameter, shape in shapes.items():
        low = 0.3 if parameter.endswith("_var") else -1.0
        value = rng.uniform(low, 1.5, shape).astype("float32")
        parameters.set(parameter, value, "aux" if parameter in states else "arg")
    model = Model(graph, parameters)
    model.save(folder / name)
    return model


def batchnorm(name: str, source: str, **attributes: Any) -> str:
    words = "".join(f", {key}={value!r}" for key, value in attributes.items())
    parts = [f"{name}_{part}" for part in ("gamma", "beta", "moving_mean", "moving_var")]
    declared = "\n".join(f"{part} = variable()" for part in parts)
    return f"{declared}\n{name} = BatchNorm({source}, {', '.join(parts)}{words})"


LEGAL = {
    "plain": "Convolution({x}, {n}_weight, {n}_bias, kernel=(3, 3), pad=(1, 1), num_filter=4)",
    "no_bias": "Convolution({x}, {n}_weight, kernel=(1, 1), num_filter=4, no_bias=True)",
    "grouped": "Convolution({x}, {n}_weight, {n}_bias, kernel=(1, 1), num_filter=4, num_group=2)",
    "depthwise": "Convolution({x}, {n}_weight, kernel=(3, 3), pad=(1, 1), num_filter=4,"
    " num_group=4, no_bias=True)",
}
WEIGHTS = {
    "plain": (4, 4, 3, 3),
    "no_bias": (4, 4, 1, 1),
    "grouped": (4, 2, 1, 1),
    "depthwise": (4, 1, 3, 3),
}


def folding_model(folder: Path) -> Model:
    """Every case of BatchNorm behind something, the legal ones and the illegal."""
    lines = ["data = variable()", batchnorm("first", "data", fix_gamma=False)]
    shapes: dict[str, tuple[int, ...]] = {}
    last = "first"
    norms = ["first"]
    for number, (name, call) in enumerate(LEGAL.items()):
        text = call.format(x=last, n=name)
        lines.append(f"{name}_weight = variable()")
        shapes[f"{name}_weight"] = WEIGHTS[name]
        if f"{name}_bias" in text:
            lines.append(f"{name}_bias = variable()")
            shapes[f"{name}_bias"] = (4,)
        last = f"{name}_bn"
        options = {"eps": 1e-3 if number % 2 else 2e-5, "fix_gamma": bool(number // 2)}
        lines += [f"{name} = {text}", batchnorm(last, name, **options)]
        norms.append(last)
    shared = LEGAL["plain"].format(x=last, n="shared")
    lines += ["shared_weight = variable()", "shared_bias = variable()", f"shared = {shared}"]
    lines += [batchnorm("left", "shared"), batchnorm("right", "shared", fix_gamma=False)]
    head = LEGAL["no_bias"].format(x="right", n="head")
    lines += ["joined = elemwise_add(left, right)", "head_weight = variable()", f"head = {head}"]
    lines += [batchnorm("behind", "head"), "fc_weight = variable()", "fc_bias = variable()"]
    lines += ["fc = FullyConnected(joined, fc_weight, fc_bias, num_hidden=5)"]
    lines += [batchnorm("fc_bn", "fc", fix_gamma=False), "return fc_bn, head, behind"]
    shapes |= {"shared_weight": (4, 4, 3, 3), "shared_bias": (4,), "head_weight": (4, 4, 1, 1)}
    shapes |= {"fc_weight": (5, 4 * 6 * 6), "fc_bias": (5,)}
    for norm in [*norms, "left", "right", "behind", "fc_bn"]:
        for part in ("gamma", "beta", "moving_mean", "moving_var"):
            shapes[f"{norm}_{part}"] = (5,) if norm == "fc_bn" else (4,)
    return save(folder, "m", "\n".join(lines), shapes)


@pytest.mark.mxnet
def test_legal_batchnorms_are_folded_and_the_others_say_why_not(cli: Any, folder: Path) -> None:
    folding_model(folder)
    done = cli("apply", "fold-batchnorm", "m", "-o", "m_folded")
    assert done.code == 0, done.err
    assert "fold-batchnorm-into-convolution: fired 4 times" in done.out
    assert "fold-batchnorm-into-fully-connected: fired 1 time" in done.out
    assert "variable 'data' (#0) is no Convolution" in done.out
    assert "is also used by BatchNorm 'right'" in done.out
    assert "output 0 of Convolution 'head'" in done.out
    proof = cli(
        "verify", "m", "m_folded", "--rtol", "1e-4", "--atol", "1e-5", "--input", "data:2,4,6,6"
    )
    assert proof.code == 0, proof.out
    folded = graphpass.load("m_folded")
    kept = {"first", "left", "right", "behind"}
    assert {node.name for node in folded.graph if node.op == "BatchNorm"} == kept
    assert {name.rsplit("_moving", 1)[0] for name in folded.graph.auxiliary_states} == kept
    assert not [name for name in folded.parameters if "plain_bn_g" in name or "fc_bn_m" in name]


PRELU = """
data = variable()
s = SliceChannel(data, num_outputs=2)
mfm = _maximum(s, s[1])
act_gamma = variable()
act = LeakyReLU(mfm, act_gamma, act_type="prelu")
again_gamma = variable()
again = LeakyReLU(act, again_gamma, act_type="prelu")
return again
"""


@pytest.mark.mxnet
def test_prelu_becomes_relu(cli: Any, folder: Path) -> None:
    save(folder, "p", PRELU, {"act_gamma": (2,), "again_gamma": (2,)})
    proof = ("--verify", "--input", "data:2,4,3,3")
    assert "fired" not in cli("apply", "prelu-to-relu", "p", "--dry-run").out
    done = cli("apply", "prelu-to-relu", "p", "-o", "q", "--set", "rank=4", *proof)
    assert done.code == 0, done.out + done.err
    ops = [node.op for node in graphpass.load("q").graph]
    assert "LeakyReLU" not in ops
    assert ops.count("relu") == 4


MFM = "a, b = SliceChannel(x, num_outputs=2); y = _maximum(a, b)"


def test_a_pattern_with_two_outputs(cli: Any, folder: Path) -> None:
    save(folder, "p", PRELU, {"act_gamma": (2,), "again_gamma": (2,)})
    assert cli("find", MFM, "p", "--count").out.strip() == "1"


def test_a_value_that_escapes_is_refused_with_the_consumers_name(cli: Any, folder: Path) -> None:
    text = PRELU.replace("return again", "gate = sigmoid(s)\nreturn again, gate")
    save(folder, "p", text, {"act_gamma": (2,), "again_gamma": (2,)})
    done = cli("explain", MFM, "p", "--at", "mfm")
    assert done.code == 1
    assert "is also used by sigmoid 'gate'" in done.out


def test_overlapping_matches_are_taken_from_the_left(cli: Any, folder: Path) -> None:
    chain = ["x = variable()", "a = exp(x)", "b = exp(a)", "c = exp(b)", "return c"]
    save(folder, "c", "\n".join(chain), {})
    rule = "{rewrite: {id: pair, match: exp(exp(x)), replace: sin(x), expect: 1}}"
    done = cli("apply", rule, "c", "-o", "d", "--json")
    [firing] = json.loads(done.out)["rules"][0]["firings"]
    assert firing["root"]["name"] == "b"


def test_an_expectation_that_fails_fails_the_run(cli: Any, folder: Path) -> None:
    chain = ["x = variable()", "a = relu(x)", "b = relu(a)", "return b"]
    save(folder, "c", "\n".join(chain), {})
    done = cli("apply", "{rewrite: {match: y = relu(x), replace: y = tanh(x), expect: 3}}", "c",
               "-o", "d")  # fmt: skip
    assert done.code == 1
    assert "it was to fire 3 times, but fired 2 times" in done.err
    assert not (folder / "d-symbol.json").exists()


def test_a_rule_that_matches_its_own_output_is_ended_and_told(cli: Any, folder: Path) -> None:
    save(folder, "c", "x = variable()\na = negative(x)\nreturn a", {})
    rule = "{rewrite: {id: grow, match: negative(x), replace: negative(negative(negative(x)))}}"
    done = cli("apply", rule, "c", "-o", "d")
    assert done.code == 2
    assert "the rewrites go on for ever" in done.err
    assert "grow (" in done.err
    assert not (folder / "d-symbol.json").exists()
