"""``substitute``: another operator under the same name."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass.errors import GraphError, OperationError, SelectorError

HEAD = """
    fc = FullyConnected(data, w, b, num_hidden=2)
    softmax = SoftmaxOutput(fc, softmax_label, grad_scale=2.0, __ctx_group__="gpu")
    twice = elemwise_add(softmax, softmax)
    return twice, softmax
"""
SHAPES = {"w": (2, 3), "b": (2,)}
SOFTMAX = {"select": "softmax", "op": "softmax", "inputs": ["data"], "attrs": {"axis": -1}}


def test_the_name_users_and_hints_stay(net, perform, same_net) -> None:
    model = net(HEAD, **SHAPES)
    done = perform(model, "substitute", SOFTMAX)
    same_net(
        model,
        """
        fc = FullyConnected(data, w, b, num_hidden=2)
        softmax = softmax(fc, axis=-1, __ctx_group__="gpu")
        twice = elemwise_add(softmax, softmax)
        return twice, softmax
        """,
    )
    assert done.summary == "1 node ('softmax') now runs softmax in place of SoftmaxOutput"


def test_parameters_that_fall_off_leave(net, perform, same_net) -> None:
    model = net("act = LeakyReLU(data, gamma, act_type='prelu')\nreturn act", gamma=(1,))
    perform(
        model,
        "substitute",
        {"select": "act", "op": "Activation", "inputs": [0], "attrs": {"act_type": "relu"}},
    )
    same_net(model, "act = Activation(data, act_type='relu')\nreturn act")
    assert not model.parameters


@pytest.mark.parametrize(("keep", "kept"), [(True, "valid"), (["pooling_convention"], "valid")])
def test_attributes_may_be_kept(net, perform, keep, kept: str) -> None:
    text = "p = Pooling(data, kernel=(2, 2), stride=(2, 2), pooling_convention='valid')\nreturn p"
    model = net(text)
    options = {"select": "p", "op": "Pooling_v1", "keep_attrs": keep, "attrs": {"kernel": [3, 3]}}
    perform(model, "substitute", options)
    (node,) = [node for node in model.graph if not node.is_variable]
    assert node.op == "Pooling_v1"
    assert node.attrs["kernel"] == "(3, 3)"
    assert node.attrs["pooling_convention"] == kept
    assert ("stride" in node.attrs) == (keep is True)


def test_true_keeps_what_the_new_operator_has_too(net, perform) -> None:
    model = net("x = LeakyReLU(data, act_type='leaky', slope=0.1)\nreturn x")
    perform(model, "substitute", {"select": "x", "op": "relu", "keep_attrs": True})
    assert dict(model.graph.node(model.graph.heads[0].node).attrs) == {}


def test_the_inputs_are_counted_anew(net, perform) -> None:
    model = net("x = add_n(a, b, c, num_args=3)\nreturn x")
    perform(model, "substitute", {"select": "x", "op": "concat", "inputs": [2, 0]})
    (node,) = [node for node in model.graph if not node.is_variable]
    assert (node.op, dict(node.attrs)) == ("Concat", {"num_args": "2"})
    assert model.graph.arguments == ["c", "a"]


def test_every_selected_node_is_swapped(net, perform) -> None:
    model = net("a = relu(x)\nb = tanh(a)\nreturn b")
    done = perform(model, "substitute", {"select": ["op:relu", "op:tanh"], "op": "sigmoid"})
    assert [node.op for node in model.graph] == ["null", "sigmoid", "sigmoid"]
    assert "2 nodes ('a', 'b') now run sigmoid in place of relu, tanh" in done.summary


def test_an_output_with_another_name_is_reported(net, perform) -> None:
    model = net("x = softmax(data)\nreturn x")
    options = {"select": "x", "op": "topk", "attrs": {"ret_typ": "value"}}
    done = perform(model, "substitute", options)
    assert done.notes == ["the output 'x_output' is now 'x_output0'"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({**SOFTMAX, "op": "sofmax"}, OperationError, "no operator 'sofmax'; nearest: softmax"),
        ({**SOFTMAX, "attrs": {"axs": 1}}, OperationError, "no attribute 'axs'; nearest: axis"),
        ({**SOFTMAX, "keep_attrs": ["axis"]}, OperationError, "no attribute 'axis' to keep"),
        ({**SOFTMAX, "inputs": ["label", "weight"]}, OperationError, "no input 'weight'"),
        ({**SOFTMAX, "inputs": [0, 1]}, GraphError, "but is given 2"),
        ({**SOFTMAX, "select": "w"}, OperationError, "variable 'w' (#1) is no operator"),
        ({**SOFTMAX, "select": "nothing"}, SelectorError, "no operator is called 'nothing'"),
        ({"select": "softmax", "op": "FullyConnected"}, OperationError, "attribute num_hidden"),
    ],
)
def test_what_makes_no_sense_is_refused(net, refused, options, error, message: str) -> None:
    assert message in refused(net(HEAD, **SHAPES), "substitute", options, error)


@pytest.mark.mxnet
def test_a_classifier_without_its_label(net, perform, compute) -> None:
    model = net(HEAD, **SHAPES)
    data = np.random.default_rng(2).normal(size=(4, 3))
    before = compute(model, data=data, softmax_label=np.zeros(4))
    perform(model, "substitute", SOFTMAX)
    for old, new in zip(before, compute(model, data=data), strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-6)
