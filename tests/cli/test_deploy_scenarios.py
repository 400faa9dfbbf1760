"""Models of others made ready to deploy, through the command line, with MXNet as the judge."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model, Parameters
from graphpass.formats.text import parse_graph

SSD = """
data, label = variable(), variable()
conv1_weight, conv1_bias = variable(), variable()
conv1 = Convolution(data, conv1_weight, conv1_bias, kernel=(3, 3), pad=(1, 1), stride=(2, 2),
    num_filter=8)
relu1 = Activation(conv1, act_type="relu")
loc_weight, loc_bias = variable(), variable()
loc = Convolution(relu1, loc_weight, loc_bias, kernel=(3, 3), pad=(1, 1), num_filter=16)
loc_last = transpose(loc, axes=(0, 2, 3, 1))
multibox_loc_pred = Flatten(loc_last)
cls_weight, cls_bias = variable(), variable()
cls = Convolution(relu1, cls_weight, cls_bias, kernel=(3, 3), pad=(1, 1), num_filter=12)
cls_last = transpose(cls, axes=(0, 2, 3, 1))
cls_flat = Flatten(cls_last)
cls_rows = Reshape(cls_flat, shape=(0, -1, 3))
multibox_cls_pred = transpose(cls_rows, axes=(0, 2, 1))
anchors = _contrib_MultiBoxPrior(relu1, sizes=(0.3, 0.5), ratios=(1.0, 2.0, 0.5))
multibox_anchors = Reshape(anchors, shape=(0, -1, 4))
multibox_target = _contrib_MultiBoxTarget(multibox_anchors, label, multibox_cls_pred,
    ignore_label=-1.0, negative_mining_ratio=3.0, negative_mining_thresh=0.5)
cls_prob = SoftmaxOutput(multibox_cls_pred, multibox_target[2], ignore_label=-1.0, use_ignore=True,
    multi_output=True, normalization="valid")
loc_diff = elemwise_sub(multibox_loc_pred, multibox_target)
loc_masked = elemwise_mul(multibox_target[1], loc_diff)
loc_loss_ = smooth_l1(loc_masked, scalar=1.0)
loc_loss = MakeLoss(loc_loss_, normalization="valid")
cls_label = MakeLoss(multibox_target[2], grad_scale=0.0)
detection = _contrib_MultiBoxDetection(cls_prob, multibox_loc_pred, multibox_anchors,
    nms_threshold=0.5, nms_topk=400)
det = MakeLoss(detection, grad_scale=0.0)
return cls_prob, loc_loss, cls_label, det
"""
"""What mxnet-ssd and SageMaker's object detection train, with one scale for six."""

SSD_SHAPES = {
    "conv1_weight": (8, 3, 3, 3),
    "conv1_bias": (8,),
    "loc_weight": (16, 8, 3, 3),
    "loc_bias": (16,),
    "cls_weight": (12, 8, 3, 3),
    "cls_bias": (12,),
}

FACE = """
data = variable()
minus = _minus_scalar(data, scalar=127.5)
scaled = _mul_scalar(minus, scalar=0.0078125)
conv_weight = variable()
conv = Convolution(scaled, conv_weight, kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=True)
bn_gamma, bn_beta, bn_moving_mean, bn_moving_var = variable(), variable(), variable(), variable()
bn = BatchNorm(conv, bn_gamma, bn_beta, bn_moving_mean, bn_moving_var, eps=2e-05)
act_gamma = variable()
act = LeakyReLU(bn, act_gamma, act_type="prelu")
first = elemwise_add(act, bn, name="_plus0")
second = elemwise_add(first, act, name="_plus0#2")
prob = SoftmaxActivation(second, mode="channel")
return prob, first
"""
FACE_SHAPES = {
    "conv_weight": (4, 3, 3, 3),
    "act_gamma": (4,),
    "bn_gamma": (4,),
    "bn_beta": (4,),
    "bn_moving_mean": (4,),
    "bn_moving_var": (4,),
}


def saved(prefix: Path, text: str, shapes: dict[str, tuple[int, ...]]) -> Model:
    graph = parse_graph(text)
    states, parameters = set(graph.auxiliary_states), Parameters()
    numbers = np.random.default_rng(3)
    for name, shape in shapes.items():
        low = 0.3 if name.endswith(("gamma", "var")) else -1.0
        array = numbers.uniform(low, 2.0, shape).astype("float32")
        parameters.set(name, array, "aux" if name in states else "arg")
    model = Model(graph, parameters)
    model.save(prefix)
    return model


def outputs(mx: ModuleType, prefix: str, **inputs: Any) -> dict[str, Any]:
    symbol, arguments, states = mx.model.load_checkpoint(prefix, 0)
    values = {**arguments, **{name: mx.nd.array(value) for name, value in inputs.items()}}
    executor = symbol.bind(mx.cpu(), values, aux_states=states, grad_req="null")
    found = executor.forward(is_train=False)
    names = symbol.list_outputs()
    return {name: array.asnumpy() for name, array in zip(names, found, strict=True)}


@pytest.mark.mxnet
def test_a_trained_ssd_is_made_ready(cli: Any, folder: Path, mx: ModuleType) -> None:
    saved(folder / "model_algo_1", SSD, SSD_SHAPES)
    told = cli("check", "model_algo_1", "--json")
    codes = {finding["code"] for finding in json.loads(told.out)["findings"]}
    assert {"loss", "training-target", "label-input"} <= codes
    done = cli("apply", "ssd-deploy", "model_algo_1", "0", "-o", "deploy_model_algo_1")
    assert done.code == 0, done.err
    after = graphpass.load("deploy_model_algo_1")
    assert after.inputs == ["data"]
    assert after.graph.outputs == ["detection_output"]
    assert set(after.parameters) == set(SSD_SHAPES)
    assert cli("check", "deploy_model_algo_1", "--strict", "--input", "data:2,3,16,16").code == 0

    image = np.random.default_rng(1).normal(size=(2, 3, 16, 16)).astype("float32")
    label = np.array([[[1, 0.1, 0.1, 0.6, 0.6]], [[0, 0.3, 0.2, 0.9, 0.8]]], "float32")
    trained = outputs(mx, "model_algo_1", data=image, label=label)
    deployed = outputs(mx, "deploy_model_algo_1", data=image)
    np.testing.assert_allclose(
        deployed["detection_output"], trained["det_output"], rtol=1e-5, atol=1e-6
    )
    assert (trained["det_output"][..., 0] >= 0).any()
    block = mx.gluon.SymbolBlock.imports(
        "deploy_model_algo_1-symbol.json", ["data"], "deploy_model_algo_1-0000.params"
    )
    found = block(mx.nd.array(image)).asnumpy()
    np.testing.assert_allclose(found, deployed["detection_output"], rtol=1e-5, atol=1e-6)


@pytest.mark.mxnet
def test_other_outputs_of_an_ssd(cli: Any, folder: Path, mx: ModuleType) -> None:
    saved(folder / "m", SSD, SSD_SHAPES)
    chosen = "outputs=[cls_prob, multibox_loc_pred, multibox_anchors]"
    assert cli("apply", "ssd-deploy", "m", "-o", "heads", "--set", chosen).code == 0
    after = graphpass.load("heads")
    assert after.inputs == ["data"]
    assert after.graph.outputs == [
        "cls_prob_output",
        "multibox_loc_pred_output",
        "multibox_anchors_output",
    ]
    image = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype("float32")
    trained = outputs(mx, "m", data=image, label=np.array([[[1, 0.1, 0.1, 0.6, 0.6]]]))
    found = outputs(mx, "heads", data=image)
    np.testing.assert_allclose(
        found["cls_prob_output"], trained["cls_prob_output"], rtol=1e-5, atol=1e-7
    )


def test_what_an_ssd_computes_from_its_label_is_refused(cli: Any, folder: Path) -> None:
    saved(folder / "m", SSD, SSD_SHAPES)
    done = cli("apply", "ssd-deploy", "m", "-o", "x", "--set", "outputs=[cls_label]")
    assert done.code == 1
    assert "'_contrib_MultiBoxTarget': wanted 0, found 1" in done.err
    none = cli("apply", "ssd-deploy", "residual", "-o", "x")
    assert none.code == 2
    assert "no node runs the operator '_contrib_MultiBoxDetection'" in none.err
    assert not (folder / "x-symbol.json").exists()


@pytest.mark.mxnet
def test_a_classifier_loads_without_its_label(cli: Any, folder: Path, mx: ModuleType) -> None:
    assert cli("apply", "strip-training", "nin", "-o", "served").code == 0
    assert graphpass.load("served").inputs == ["data"]
    mx.gluon.SymbolBlock.imports("served-symbol.json", ["data"], "served-0000.params")


def test_losses_that_nobody_can_strip_are_named(cli: Any, folder: Path) -> None:
    text = (
        "x, label, scores, other = variable(), variable(), variable(), variable()\n"
        "ctc = CTCLoss(x, label)\nsvm = SVMOutput(scores, other)\nreturn ctc, svm"
    )
    saved(folder / "m", text, {})
    done = cli("apply", "strip-training", "m", "--dry-run")
    assert done.code == 0, done.err
    assert "refused: it returns the loss" in done.out
    assert "at CTCLoss 'ctc'" in done.out
    assert "refused: it hands on scores" in done.out
    why = cli("explain", "strip-training", "m", "--rule", "svm-output", "--at", "svm")
    assert why.code == 1
    assert "refused: it hands on scores" in why.out
    assert "would match" not in why.out


def with_repeated_name(folder: Path) -> None:
    saved(folder / "face", FACE, FACE_SHAPES)
    path = folder / "face-symbol.json"
    path.write_text(path.read_text().replace('"_plus0#2"', '"_plus0"'))


@pytest.mark.mxnet
def test_a_face_model_is_fixed(cli: Any, folder: Path, mx: ModuleType) -> None:
    with_repeated_name(folder)
    told = {each["code"] for each in json.loads(cli("check", "face", "--json").out)["findings"]}
    assert told == {"repeated-operator-name", "fix-gamma", "deprecated-operator"}
    done = cli("apply", "insightface-fix", "face", "0", "-o", "out/face")
    assert done.code == 0, done.err
    assert cli("check", "out/face", "--strict", "--input", "data:1,3,8,8").code == 0
    proof = cli("verify", "face", "out/face", "--input", "data:2,3,8,8", "--atol", "1e-6")
    assert proof.code == 0, proof.out + proof.err
    after = graphpass.load("out/face")
    assert [node.attributes["axis"] for node in after.graph if node.op == "softmax"] == [1]
    assert (np.asarray(after.parameters["bn_gamma"]) == 1).all()
    again = cli("apply", "insightface-fix", "out/face", "--dry-run")
    assert "nothing to change" in again.out
