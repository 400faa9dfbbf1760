"""What a step changed, told apart: added, removed, renamed, replaced."""

from __future__ import annotations

import numpy as np

from graphpass import Model
from graphpass.graph import Entry
from graphpass.rules.report.changes import (
    AttributeChange,
    Change,
    Delta,
    NodeChange,
    NodeRef,
    ParameterChange,
    ParameterRef,
    Snapshot,
    pending_delta,
)


def delta(model: Model, change) -> Delta:
    before = Snapshot.of(model)
    with model.edit() as edit:
        change(edit)
    return pending_delta(edit, before, model)()


def test_nothing_is_false_and_has_no_parts(mlp) -> None:
    found = delta(mlp(), lambda edit: None)
    assert not found
    assert found == Delta()
    assert found.to_json() == {}


def test_nodes(mlp) -> None:
    model = mlp()

    def change(edit) -> None:
        edit.rename(0, "x")
        edit.set_op(9, "LeakyReLU")
        edit.set_attrs(9, {"act_type": "elu"})
        edit.set_inputs(12, [Entry(9), Entry(11)])
        edit.remove_node(10)
        edit.set_heads([Entry(12), Entry(edit.add_node("relu", "new", {}, [Entry(12)]))])

    found = delta(model, change)
    assert found == Delta(
        nodes_added=(NodeRef(13, "relu", "new"),),
        nodes_removed=(NodeRef(10, "Dropout", "drop1"),),
        nodes_renamed=(NodeChange(0, "null", "x", "data"),),
        operators_changed=(NodeChange(9, "LeakyReLU", "relu1", "Activation"),),
        attributes_changed=(
            AttributeChange(9, "LeakyReLU", "relu1", {"act_type": Change("relu", "elu")}),
        ),
        nodes_rewired=(NodeRef(12, "FullyConnected", "fc2"),),
        outputs=Change(("fc2_output",), ("fc2_output", "new_output")),
    )


def test_an_output_that_is_renamed_counts_as_a_change_of_the_outputs(mlp) -> None:
    found = delta(mlp(), lambda edit: edit.rename(12, "head"))
    assert found.outputs == Change(("fc2_output",), ("head_output",))


def test_parameters(mlp) -> None:
    model = mlp()
    parameters = model.parameters

    def change(_) -> None:
        parameters["new"] = np.zeros(2, "float32")
        del parameters["fc1_bias"]
        parameters["bn1_gamma"] = np.zeros(4, "float16")
        parameters.rename({"fc1_weight": "fc2_weight", "fc2_weight": "fc1_weight"})
        parameters.rename({"bn1_beta": "beta"})

    found = delta(model, change)
    assert found.parameters_added == (ParameterRef("new", 8),)
    assert found.parameters_removed == (ParameterRef("fc1_bias", 16),)
    assert found.parameters_replaced == (ParameterChange("bn1_gamma", 8, 16),)
    assert set(found.parameters_renamed) == {
        ParameterChange("fc2_weight", 48, "fc1_weight"),
        ParameterChange("fc1_weight", 32, "fc2_weight"),
        ParameterChange("beta", 16, "bn1_beta"),
    }


def test_one_array_under_two_names(mlp) -> None:
    model = mlp()
    parameters = model.parameters
    parameters["twin"] = parameters["fc1_bias"]
    found = delta(model, lambda edit: parameters.rename({"twin": "twin2", "fc1_bias": "bias"}))
    assert {(change.before, change.name) for change in found.parameters_renamed} <= {
        ("twin", "twin2"),
        ("fc1_bias", "bias"),
        ("twin", "bias"),
        ("fc1_bias", "twin2"),
    }
    assert len(found.parameters_renamed) == 2
    assert not found.parameters_removed


def test_plain_data(mlp) -> None:
    found = delta(mlp(), lambda edit: edit.update_attrs(0, {"__shape__": "(1, 3)"}))
    assert found.to_json() == {
        "attributes_changed": [
            {
                "key": 0,
                "op": "null",
                "name": "data",
                "attributes": {"__shape__": {"before": None, "after": "(1, 3)"}},
            }
        ]
    }
