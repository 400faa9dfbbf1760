"""``extract``: keep what lies between some inputs and some outputs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphpass import Model, Parameters, apply, dumps, loads
from graphpass.errors import OperationError, SelectorError
from graphpass.graph import Entry

NET = """
    conv1 = Convolution(data, conv1_w, conv1_b, kernel=(3, 3), num_filter=2)
    relu1 = Activation(conv1, act_type="relu")
    pool1 = Pooling(relu1, kernel=(2, 2), stride=(2, 2), pool_type="max")
    conv2 = Convolution(pool1, conv2_w, conv2_b, kernel=(3, 3), num_filter=3)
    relu2 = Activation(conv2, act_type="relu")
    fc1 = FullyConnected(relu2, fc1_w, fc1_b, num_hidden=2)
    softmax = SoftmaxOutput(fc1, softmax_label)
    return softmax
"""
SHAPES = {
    "conv1_w": (2, 1, 3, 3),
    "conv1_b": (2,),
    "conv2_w": (3, 2, 3, 3),
    "conv2_b": (3,),
    "fc1_w": (2, 12),
    "fc1_b": (2,),
}
TOP = """
    conv2 = Convolution({0}, conv2_w, conv2_b, kernel=(3, 3), num_filter=3)
    relu2 = Activation(conv2, act_type="relu")
    return relu2
"""


def test_the_features_of_a_classifier(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    perform(model, "extract", "relu2_output")
    same_net(model, NET[: NET.index("    fc1 =")] + "return relu2")
    assert list(model.parameters) == ["conv1_w", "conv1_b", "conv2_w", "conv2_b"]


def test_the_middle(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    done = perform(model, "extract", {"inputs": ["pool1"], "outputs": ["relu2"]})
    same_net(model, TOP.format("pool1_output"))
    assert list(model.parameters) == ["conv2_w", "conv2_b"]
    assert "cut at 'pool1_output'" in done.summary


def test_a_cut_value_may_take_a_name_that_leaves(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    perform(model, "extract", {"inputs": {"pool1": "data"}, "outputs": "relu2"})
    same_net(model, TOP.format("data"))


def test_it_takes_no_value_over_with_the_name(net, perform) -> None:
    model = net(NET, **SHAPES)
    perform(model, "extract", {"inputs": {"pool1": "conv1_w"}, "outputs": "relu2"})
    assert list(model.parameters) == ["conv2_w", "conv2_b"]
    assert model.inputs == ["conv1_w"]


def test_an_input_stays_itself_or_is_renamed(net, perform) -> None:
    model = net(NET, **SHAPES)
    perform(model, "extract", {"inputs": ["data"], "outputs": "relu1"})
    assert model.inputs == ["data"]
    perform(model, "extract", {"inputs": {"data": "image"}})
    assert model.graph.arguments == ["image", "conv1_w", "conv1_b"]
    assert list(model.parameters) == ["conv1_w", "conv1_b"]


@pytest.mark.parametrize(("inputs", "name"), [(["data", "conv1_w"], "conv1_w"),
                                              ({"data": "data", "conv1_w": "w"}, "w")])  # fmt: skip
def test_a_weight_among_the_inputs_loses_its_value(net, perform, inputs: Any, name: str) -> None:
    model = net(NET, **SHAPES)
    done = perform(model, "extract", {"inputs": inputs, "outputs": "relu1"})
    told = "had a stored value, which is dropped: as an input it has to be fed"
    assert done.notes == [f"{name!r} {told}"]
    assert model.inputs == ["data", name]
    assert list(model.parameters) == ["conv1_b"]
    perform(model, "expect", {"inputs": ["data", name]})


def test_inputs_that_were_all_the_parameters_are_inputs(net, perform) -> None:
    model = net("y = FullyConnected(data, w, num_hidden=4, no_bias=True)\nreturn y", w=(4, 3))
    perform(model, "extract", {"inputs": ["data", "w"]})
    assert model.inputs == model.copy().inputs == ["data", "w"]


def test_an_auxiliary_state_is_no_input(net, refused) -> None:
    model = net("y = BatchNorm(data, g, b, m, v)\nreturn y", g=(3,), b=(3,), m=(3,), v=(3,))
    said = refused(model, "extract", {"inputs": ["data", "m"]}, OperationError)
    assert "variable 'm' (#3) is an auxiliary state, which its operator updates itself" in said


def test_arrays_that_no_variable_used_stay(net, perform) -> None:
    model = net(NET, extra=(2,), **SHAPES)
    perform(model, "extract", "relu1")
    assert list(model.parameters) == ["extra", "conv1_w", "conv1_b"]


def test_outputs_may_repeat_be_inputs_and_be_variables(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    options = {"inputs": ["pool1"], "outputs": ["relu2", "pool1", "relu2", "conv2_w"]}
    perform(model, "extract", options)
    same_net(
        model,
        TOP.format("pool1_output").replace(
            "return relu2", "return relu2, pool1_output, relu2, conv2_w"
        ),
    )


def test_one_output_of_several_is_cut(net, perform, same_net) -> None:
    model = net(
        """
        split = SliceChannel(data, num_outputs=2)
        sum = elemwise_add(split[0], split[1])
        return sum
        """
    )
    perform(model, "extract", {"inputs": ["data", "split_output1"]})
    same_net(
        model,
        """
        split = SliceChannel(data, num_outputs=2)
        sum = elemwise_add(split[0], split_output1)
        return sum
        """,
    )


def test_the_same_name_twice_is_told_apart_by_key(net, perform) -> None:
    model = net("a = relu(data)\nb = tanh(a)\nc = exp(b)\nreturn c")
    first, second = model.graph.order()[1:3]
    with model.graph.edit() as edit:
        edit.rename(first, "twin")
        edit.rename(second, "twin")
    perform(model, "extract", {"inputs": {f"id:{second}": "x"}})
    assert [node.name for node in model.graph] == ["x", "c"]


def test_waiting_for_a_cut_node_is_waiting_for_its_variable(net, perform) -> None:
    model = net("a = relu(data)\nb = tanh(a)\nreturn b")
    graph = model.graph
    _, a, b = graph.order()
    with graph.edit() as edit:
        edit.set_inputs(b, graph.inputs(b), control=[a])
    perform(model, "extract", {"inputs": ["a"]})
    assert graph.arguments == ["a_output"]
    assert graph.control_dependencies(b) == (graph.inputs(b)[0].node,)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("reluu2", SelectorError, "no output 'reluu2'; nearest: relu2"),
        (
            {"inputs": ["data"], "outputs": "softmax"},
            OperationError,
            "need 'softmax_label': softmax <- softmax_label; add it",
        ),
        (
            {"inputs": ["softmax_label"]},
            OperationError,
            "need 'data': softmax <- fc1 <- relu2 <- conv2 <- pool1 <- relu1 <- conv1 <- data;",
        ),
        (
            {"inputs": ["data", "pool1"], "outputs": "relu2"},
            OperationError,
            "'relu2_output' does not depend on 'data' once the other inputs are cut",
        ),
        (
            {"inputs": ["fc1"], "outputs": "relu2"},
            OperationError,
            "'relu2_output' does not depend on 'fc1_output'",
        ),
        (
            {"inputs": {"pool1": "conv2_w"}, "outputs": "relu2"},
            OperationError,
            "variable 'conv2_w' (#6) is there already",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(net, refused, options, error, message: str) -> None:
    assert message in refused(net(NET, **SHAPES), "extract", options, error)


def test_a_long_way_to_an_input_is_shortened(net, refused) -> None:
    model = net("x = elemwise_add(data, label)\nreturn x")
    graph = model.graph
    with graph.edit() as edit:
        entry = graph.heads[0]
        for number in range(20_000):
            entry = Entry(edit.add_node("relu", f"r{number}", {}, [entry]))
        edit.set_heads([entry])
    message = refused(model, "extract", {"inputs": ["data"]}, OperationError)
    way = "r19999 <- r19998 <- r19997 <- r19996 <- … <- r1 <- r0 <- x <- label"
    assert f"need 'label': {way};" in message


@pytest.mark.mxnet
def test_top_after_bottom_is_the_whole(net, perform, compute) -> None:
    model = net(NET, **SHAPES)
    image = np.random.default_rng(3).normal(size=(2, 1, 10, 10))
    label = np.zeros(2)
    (whole,) = compute(model, data=image, softmax_label=label)
    bottom, top = model.copy(), model.copy()
    perform(bottom, "extract", "pool1")
    perform(top, "extract", {"inputs": {"pool1": "feature", "softmax_label": None}})
    (feature,) = compute(bottom, data=image)
    np.testing.assert_array_equal(compute(top, feature=feature, softmax_label=label)[0], whole)


LAYERS = [
    *("conv1", "cccp1", "cccp2"),
    *("conv2", "cccp3", "cccp4"),
    *("conv3", "cccp5", "cccp6"),
    "conv4_1024",
]


def network_in_network(rename=None) -> Model:
    """Ten convolutions with weight and bias, a dropout and a head behind them."""
    names = rename or {}
    nodes = [{"op": "null", "name": names.get("data", "data"), "inputs": []}]
    parameters = Parameters()
    last = 0
    for layer in LAYERS:
        for suffix in ("weight", "bias"):
            name = names.get(f"{layer}_{suffix}", f"{layer}_{suffix}")
            nodes.append({"op": "null", "name": name, "inputs": []})
            parameters[name] = np.full((2, 2, 1, 1)[: 4 if suffix == "weight" else 1], 0.5, "f4")
        first = len(nodes) - 2
        nodes.append(
            {
                "op": "Convolution",
                "name": layer,
                "attrs": {"kernel": "(1, 1)", "num_filter": "2"},
                "inputs": [[last, 0, 0], [first, 0, 0], [first + 1, 0, 0]],
            }
        )
        last = len(nodes) - 1
    for op, name in (("Dropout", "drop"), ("Flatten", "head")):
        nodes.append({"op": op, "name": name, "inputs": [[last, 0, 0]]})
        last = len(nodes) - 1
    symbol = {
        "nodes": nodes,
        "arg_nodes": [],
        "heads": [[last, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }
    return Model(loads(json.dumps(symbol)), parameters)


def test_network_in_network_cut_and_prefixed() -> None:
    model = network_in_network()
    apply([{"extract": {"outputs": ["conv4_1024_output"]}}, {"prefix": "sha-"}], model)
    wanted = ["sha-data"]
    for layer in LAYERS:
        wanted += [f"sha-{layer}_weight", f"sha-{layer}_bias"]
    assert model.graph.arguments == wanted
    assert len(wanted) == 21
    assert sorted(model.parameters) == sorted(wanted[1:])
    assert model.graph.outputs == ["sha-conv4_1024_output"]


@pytest.mark.parametrize("old", ["data", "cccp4_weight", "conv4_1024_bias"])
def test_renaming_gives_the_symbol_that_is_built_with_the_name(old: str) -> None:
    model = network_in_network()
    apply([{"rename": {"from": old, "to": "else"}}], model)
    built = network_in_network({old: "else"})
    assert dumps(model.graph) == dumps(built.graph)
    assert model.parameters == built.parameters
