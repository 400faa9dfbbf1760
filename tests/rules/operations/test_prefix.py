"""``prefix``: a text before many names."""

from __future__ import annotations

import pytest

from graphpass.errors import SelectorError

NET = """
    fc1 = FullyConnected(data, fc1_weight, num_hidden=4, no_bias=True)
    relu1 = relu(fc1)
    return relu1
"""


@pytest.fixture
def model(net):
    return net(NET, fc1_weight=(4, 3))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ("a_", ["a_data", "a_fc1_weight", "a_fc1", "a_relu1"]),
        ({"prefix": "a_", "keep": "data"}, ["data", "a_fc1_weight", "a_fc1", "a_relu1"]),
        ({"prefix": "a_", "keep": ["data", "op:relu"]}, ["data", "a_fc1_weight", "a_fc1", "relu1"]),
        ({"prefix": "a_", "kind": "operators"}, ["data", "fc1_weight", "a_fc1", "a_relu1"]),
        ({"prefix": "a_", "kind": "variables"}, ["a_data", "a_fc1_weight", "fc1", "relu1"]),
        ({"prefix": "a_", "select": "glob:fc1*"}, ["data", "a_fc1_weight", "a_fc1", "relu1"]),
    ],
)
def test_prefix(model, perform, options, names: list[str]) -> None:
    perform(model, "prefix", options)
    graph = model.graph
    assert [graph.name(key) for key in graph.order()] == names
    assert list(model.parameters) == [names[1]]


def test_names_with_line_breaks_are_names(net, perform) -> None:
    model = net("r = relu(data)\nreturn r")
    perform(model, "rename", {"from": "data", "to": "a\nb"})
    perform(model, "prefix", "x_")
    assert model.inputs == ["x_a\nb"]


def test_what_is_kept_has_to_be_there(model, refused) -> None:
    said = refused(model, "prefix", {"prefix": "a_", "keep": "dota"}, SelectorError)
    assert said == "no node is called 'dota'; nearest: data"
