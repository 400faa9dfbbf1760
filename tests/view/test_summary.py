"""The facts behind ``graphpass show``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import graphpass
from graphpass.view.summary import neighbourhood, node_lines, summarise, tied

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def model() -> graphpass.Model:
    return graphpass.load(FIXTURES / "residual")


def test_a_model_at_a_glance(model: graphpass.Model) -> None:
    facts = summarise(model)
    assert (facts.dialect, facts.release) == ("1.0", "1.9.1")
    assert (facts.nodes, facts.arguments, facts.auxiliary_states) == (23, 9, 4)
    assert facts.operators["BatchNorm"] == 2
    assert facts.inputs == ["data"]
    assert facts.outputs == ["fc0_output"]
    assert facts.parameter_bytes == sum(array.nbytes for array in model.parameters.values())
    assert not facts.missing
    assert not facts.unused
    assert not facts.repeated_names


def test_what_does_not_fit_is_named(model: graphpass.Model) -> None:
    del model.parameters["bn0_moving_var"]
    model.parameters["ghost"] = np.ones(2, "float32")
    with model.edit() as edit:
        edit.rename(model.graph.named("relu1")[0], "relu0")
        edit.set_op(model.graph.named("flatten0")[0], "VendorFlatten")
    facts = summarise(model)
    assert facts.missing == ["bn0_moving_var"]
    assert facts.unused == ["ghost"]
    assert facts.repeated_names == ["relu0"]
    assert facts.unknown_operators == ["VendorFlatten"]


def test_lines_of_nodes_are_in_saved_order(model: graphpass.Model) -> None:
    lines = node_lines(model.graph)
    assert [line.id for line in lines] == model.graph.order()
    assert lines[0].op == "variable"
    assert lines[-1].inputs == ["flatten0_output", "fc0_weight", "fc0_bias"]


def test_a_neighbourhood_ends_where_the_graph_does(model: graphpass.Model) -> None:
    (key,) = model.graph.named("fc0")
    names = {model.graph.name(near) for near in neighbourhood(model.graph, key, 1)}
    assert names == {"fc0", "flatten0", "fc0_weight", "fc0_bias"}
    assert neighbourhood(model.graph, key, 0) == {key}
    assert neighbourhood(model.graph, key, 10**9) == set(model.graph.dag)


def test_tied_variables_name_their_users(model: graphpass.Model) -> None:
    graphpass.apply([{"clone": {"prefix": "b_"}}], model)
    found = {line.name: line.users for line in tied(model.graph)}
    assert found["conv0_weight"] == ["conv0", "b_conv0"]
    assert "data" not in found
