"""The graphs that are measured: chains of any length, and an LSTM, for graphpass and its peers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

import graphpass
from graphpass import Model, Parameters

__all__ = ["OPERATORS_PER_BLOCK", "dense_chain", "lstm", "onnx_chain", "plain_model", "zoo_text"]

OPERATORS_PER_BLOCK = 6
"""Convolution, BatchNorm, two relus that read it, their sum, an identity; 12 nodes of a symbol."""

_VERSION = {"mxnet_version": ["int", 10901]}


def _values(blocks: int) -> Iterator[tuple[str, Any]]:
    """The weight, gamma, beta, mean and variance of each block."""
    rng = np.random.default_rng(0)
    for block in range(blocks):
        draws = {
            "w": rng.normal(scale=0.4, size=(4, 4, 1, 1)),
            "g": rng.uniform(0.5, 1.5, 4),
            "b": rng.normal(size=4),
            "m": rng.normal(size=4),
            "v": rng.uniform(0.5, 1.5, 4),
        }
        for name, draw in draws.items():
            yield f"{name}{block}", draw.astype("float32")


@cache
def _arrays(blocks: int) -> dict[str, Any]:
    """The parameters of all blocks: kept, and yet no work for the collector."""
    return dict(_values(blocks))


@cache
def _convolutions(blocks: int) -> str:
    nodes: list[dict[str, Any]] = []

    def add(op: str, name: str, *inputs: int, **attrs: str) -> int:
        node: dict[str, Any] = {"op": op, "name": name, "inputs": [[i, 0, 0] for i in inputs]}
        nodes.append(node | ({"attrs": attrs} if attrs else {}))
        return len(nodes) - 1

    last = add("null", "x")
    for block in range(blocks):
        weight = add("null", f"w{block}")
        conv = add("Convolution", f"conv{block}", last, weight, kernel="(1, 1)", num_filter="4",
                   no_bias="True")  # fmt: skip
        states = [add("null", f"{part}{block}") for part in "gbmv"]
        norm = add("BatchNorm", f"bn{block}", conv, *states, eps="1e-05", fix_gamma="False")
        left, right = add("relu", f"left{block}", norm), add("relu", f"right{block}", norm)
        total = add("elemwise_add", f"add{block}", left, right)
        last = add("identity", f"id{block}", total)
    last = add("relu", "last", last)
    tree = {"nodes": nodes, "arg_nodes": [], "heads": [[last, 0, 0]], "attrs": _VERSION}
    return json.dumps(tree)


def plain_model(blocks: int) -> Model:
    """Return blocks of convolution, normalisation and relus, with their parameters."""
    parameters = Parameters()
    for name, value in _arrays(blocks).items():
        parameters.set(name, value, "aux" if name[0] in "mv" else "arg")
    return Model(graphpass.loads(_convolutions(blocks)), parameters)


@cache
def onnx_chain(blocks: int) -> bytes:
    """Return the same blocks as an ONNX model."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = []
    last = "x"
    for block in range(blocks):
        c, n, left, right, total = (f"{letter}o{block}" for letter in "cnlrt")
        scale = [f"{part}{block}" for part in "gbmv"]
        nodes += [
            helper.make_node("Conv", [last, f"w{block}"], [c], f"conv{block}", kernel_shape=[1, 1]),
            helper.make_node("BatchNormalization", [c, *scale], [n], f"bn{block}", epsilon=1e-5),
            helper.make_node("Relu", [n], [left], f"left{block}"),
            helper.make_node("Relu", [n], [right], f"right{block}"),
            helper.make_node("Add", [left, right], [total], f"add{block}"),
            helper.make_node("Identity", [total], [f"io{block}"], f"id{block}"),
        ]
        last = f"io{block}"
    nodes.append(helper.make_node("Relu", [last], ["y"], "last"))
    shape = [1, 4, 8, 8]
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(value, name) for name, value in _values(blocks)],
    )
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data


def dense_chain(length: int) -> str:
    """Return the symbol of a chain of FullyConnected and Activation with `length` nodes."""
    nodes: list[dict[str, object]] = [{"op": "null", "name": "data", "inputs": []}]
    last = 0
    hidden = {"num_hidden": "128"}
    for number in range(length // 4):
        at = len(nodes)
        inputs = [[last, 0, 0], [at, 0, 0], [at + 1, 0, 0]]
        name, relu = f"fc{number}", {"act_type": "relu"}
        nodes += [
            {"op": "null", "name": f"{name}_weight", "attrs": hidden, "inputs": []},
            {"op": "null", "name": f"{name}_bias", "attrs": hidden, "inputs": []},
            {"op": "FullyConnected", "name": name, "attrs": hidden, "inputs": inputs},
            {
                "op": "Activation",
                "name": f"relu{number}",
                "attrs": relu,
                "inputs": [[at + 2, 0, 0]],
            },
        ]
        last = at + 3
    tree = {"nodes": nodes, "arg_nodes": [], "heads": [[last, 0, 0]], "attrs": _VERSION}
    return json.dumps(tree)


def convolution_chain(length: int) -> str:
    """Return the symbol of a chain of Convolution, BatchNorm and Activation."""
    nodes: list[dict[str, object]] = [{"op": "null", "name": "data", "inputs": []}]
    layers = (
        ("Convolution", 2, {"kernel": "(3, 3)", "num_filter": "8", "pad": "(1, 1)"}),
        ("BatchNorm", 4, {"eps": "1e-05"}),
        ("Activation", 0, {"act_type": "relu"}),
    )
    last = 0
    while len(nodes) < length:
        for op, parameters, attrs in layers:
            at = len(nodes)
            read = [last, *range(at, at + parameters)]
            nodes += [{"op": "null", "name": f"p{each}", "inputs": []} for each in read[1:]]
            inputs = [[each, 0, 0] for each in read]
            last = len(nodes)
            nodes.append({"op": op, "name": f"n{last}", "attrs": attrs, "inputs": inputs})
    tree = {"nodes": nodes, "arg_nodes": [], "heads": [[last, 0, 0]], "attrs": _VERSION}
    return json.dumps(tree)


def lstm(mx: ModuleType, steps: int) -> str:
    """Return the symbol of an unrolled LSTM: about 14 nodes a step, attributes with quotes."""
    cell = mx.rnn.LSTMCell(num_hidden=200, prefix="lstm_")
    data = [mx.sym.Variable(f"t{step}_data") for step in range(steps)]
    outputs, states = cell.unroll(steps, inputs=data, merge_outputs=False)
    text: str = mx.sym.Group([*outputs, *states]).tojson(remove_amp_cast=False)
    return text


def zoo_text(mx: ModuleType, name: str) -> str:
    """Return the symbol of a network of MXNet's model zoo."""
    net = mx.gluon.model_zoo.vision.get_model(name, pretrained=False)
    text: str = net(mx.sym.var("data")).tojson(remove_amp_cast=False)
    return text
