"""``remove``: operators are bypassed."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass.errors import OperationError, SelectorError

NET = """
    bn = BatchNorm(data, gamma, beta, mean, var)
    drop0 = Dropout(bn, p=0.3)
    relu0 = Activation(drop0, act_type="relu")
    drop1 = Dropout(relu0)
    drop2 = Dropout(drop1)
    fc = FullyConnected(drop2, w, b, num_hidden=2)
    return fc, drop2
"""
SHAPES = {"gamma": (3,), "beta": (3,), "mean": (3,), "var": (3,), "w": (2, 3), "b": (2,)}


def test_every_dropout_goes(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    done = perform(model, "remove", "op:Dropout")
    same_net(
        model,
        """
        bn = BatchNorm(data, gamma, beta, mean, var)
        relu0 = Activation(bn, act_type="relu")
        fc = FullyConnected(relu0, w, b, num_hidden=2)
        return fc, relu0
        """,
    )
    assert list(model.parameters) == list(SHAPES)
    assert done.summary == "removed 3 operators ('drop0', 'drop1', 'drop2')"
    assert done.notes == ["the output 'drop2_output' is now 'relu0_output'"]


def test_weights_and_states_go_with_their_operator(net, perform) -> None:
    model = net(NET, **SHAPES)
    done = perform(model, "remove", ["bn", "fc"])
    assert list(model.parameters) == []
    assert model.graph.arguments == ["data"]
    assert model.graph.auxiliary_states == []
    assert "and 6 nodes that nothing needs any more" in done.summary


@pytest.mark.parametrize(("slot", "left"), [(1, "b"), ("rhs", "b"), (0, "a")])
def test_another_input_may_take_the_place(net, perform, slot, left: str) -> None:
    model = net("x = elemwise_mul(a, b)\ny = relu(x)\nreturn y, x")
    perform(model, "remove", {"select": "x", "input": slot})
    assert model.graph.arguments == [left]
    assert model.graph.outputs == ["y_output", left]


def test_whoever_waits_for_it_waits_for_what_it_read(net, perform) -> None:
    model = net("a = relu(data)\nb = identity(a)\nc = tanh(data)\nreturn b, c")
    graph = model.graph
    (a,), (b,), (c,) = (graph.named(name) for name in "abc")
    with graph.edit() as edit:
        edit.set_inputs(c, graph.inputs(c), control=[b])
    perform(model, "remove", "b")
    assert graph.control_dependencies(c) == (a,)


def test_nothing_selected_is_fine_only_if_optional(net, perform, refused) -> None:
    model = net("a = relu(data)\nreturn a")
    assert "Dropout" in refused(model, "remove", "op:Dropout", SelectorError)
    perform(model, "remove", {"select": "op:Dropout", "optional": True})


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a = relu(data)\nreturn a", "data", "variable 'data' (#0) is no operator"),
        (
            "s = SliceChannel(x, num_outputs=2)\na = relu(s[1])\nreturn a",
            "s",
            "relu 'a' (#2) reads its output 's_output1'",
        ),
        (
            "s = SliceChannel(x, num_outputs=2)\nreturn s[1]",
            "s",
            "a head is its output 's_output1'",
        ),
        ("a = relu(x)\nreturn a", {"select": "a", "input": 1}, "has no input 1; it has 1 input"),
        ("a = _zeros(shape=(1,))\nreturn a", "a", "has no input 0; it has 0 inputs"),
        (
            "bn = BatchNorm(x, g, b, m, v)\nseen = relu(m)\nreturn bn, seen",
            "bn",
            "the auxiliary state 'm' without an operator that updates it, while relu 'seen'",
        ),
    ],
)
def test_what_would_break_the_graph_is_refused(net, refused, text, options, message) -> None:
    assert message in refused(net(text), "remove", options, OperationError)


def test_an_input_by_a_wrong_name_is_refused(net, refused) -> None:
    message = refused(
        net(NET, **SHAPES), "remove", {"select": "fc", "input": "weigth"}, OperationError
    )
    assert "nearest: weight; it has 3 inputs: 'data', 'weight', 'bias'" in message


@pytest.mark.mxnet
def test_dropout_does_nothing_at_inference(net, perform, compute) -> None:
    model = net(NET, **SHAPES)
    data = np.random.default_rng(2).normal(size=(4, 3))
    before = compute(model, data=data)
    perform(model, "remove", "op:Dropout")
    for old, new in zip(before, compute(model, data=data), strict=True):
        np.testing.assert_array_equal(old, new)
