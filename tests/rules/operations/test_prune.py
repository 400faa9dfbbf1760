"""``prune``: what nothing uses goes."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass import Parameters
from graphpass.errors import OperationError

NET = "fc1 = FullyConnected(data, w, num_hidden=4, no_bias=True)\nreturn fc1"


@pytest.fixture
def model(net):
    model = net(NET, w=(4, 3))
    model.parameters["extra"] = np.zeros(5, "float32")
    with model.graph.edit() as edit:
        edit.add_node("relu", "dead", {}, model.graph.heads)
        edit.add_variable("dead_weight")
    model.parameters["dead_weight"] = np.zeros(1, "float32")
    return model


def test_everything(model, perform, same_net) -> None:
    assert perform(model, "prune", None).summary == "dropped 2 nodes and 2 parameters (24 bytes)"
    assert len(model.graph) == 3
    assert list(model.parameters) == ["w"]
    assert perform(model, "prune", None).summary == "dropped 0 nodes and 0 parameters (0 bytes)"


def test_nodes_only(model, perform) -> None:
    perform(model, "prune", {"parameters": False})
    assert len(model.graph) == 3
    assert set(model.parameters) == {"w", "extra", "dead_weight"}


def test_parameters_only(model, perform) -> None:
    perform(model, "prune", {"nodes": False})
    assert len(model.graph) == 5
    assert set(model.parameters) == {"w", "dead_weight"}


def test_parameters_of_another_model_are_not_dropped(net, refused) -> None:
    model = net(NET)
    model.parameters = Parameters({"0": np.zeros(2, "float32"), "1": np.zeros(3, "float32")})
    assert refused(model, "prune", None, OperationError) == (
        "the graph has no variable for any of the 2 arrays ('0', '1'), so these parameters belong "
        "to another graph, or their names have to be mended first; the graph wants 'data', 'w'"
    )


def test_a_model_without_parameters(net, perform) -> None:
    model = net(NET)
    assert perform(model, "prune", None).summary == "dropped 0 nodes and 0 parameters (0 bytes)"
