"""``siamese``: two towers on one set of weights."""

from __future__ import annotations

import json
from types import ModuleType

import numpy as np
import pytest

from graphpass import Model, Parameters, apply, dumps, loads

NODES = [
    ("null", "data", [], {}),
    ("null", "fc1_weight", [], {}),
    ("FullyConnected", "fc1", [0, 1], {"num_hidden": "4", "no_bias": "True"}),
    ("Activation", "tanh1", [2], {"act_type": "tanh"}),
    ("null", "fc2_weight", [], {}),
    ("FullyConnected", "fc2", [3, 4], {"num_hidden": "2", "no_bias": "True"}),
]


@pytest.fixture
def model() -> Model:
    nodes = [
        {"op": op, "name": name, "inputs": [[i, 0, 0] for i in inputs], "attrs": attrs}
        for op, name, inputs, attrs in NODES
    ]
    symbol = {"nodes": nodes, "arg_nodes": [0, 1, 4], "heads": [[5, 0, 0]]}
    random = np.random.default_rng(3)
    shapes = {"fc1_weight": (4, 3), "fc2_weight": (2, 4)}
    return Model(
        loads(json.dumps(symbol)),
        Parameters({name: random.normal(size=s).astype("float32") for name, s in shapes.items()}),
    )


def test_without_a_cut_the_towers_end_at_the_heads(model: Model) -> None:
    apply("siamese", model)
    assert model.graph.outputs == ["fc2_output", "right_fc2_output"]
    assert model.inputs == ["data", "right_data"]
    assert list(model.parameters) == ["fc1_weight", "fc2_weight"]


def test_a_cut_drops_what_lies_behind_it(model: Model) -> None:
    apply("siamese", model, set={"cut": "tanh1", "prefix": "b_"})
    assert model.graph.outputs == ["tanh1_output", "b_tanh1_output"]
    assert list(model.parameters) == ["fc1_weight"]


def test_the_second_tower_may_have_weights_of_its_own(model: Model) -> None:
    apply("siamese", model, set={"share": "copy"})
    assert list(model.parameters) == [
        "fc1_weight",
        "fc2_weight",
        "right_fc1_weight",
        "right_fc2_weight",
    ]


@pytest.mark.mxnet
def test_both_towers_compute_what_the_model_did(model: Model, mx: ModuleType) -> None:
    def run(**inputs: np.ndarray) -> list[np.ndarray]:
        symbol = mx.sym.load_json(dumps(model.graph))
        values = {**model.parameters, **inputs}
        arguments = {name: mx.nd.array(values[name]) for name in symbol.list_arguments()}
        return [output.asnumpy() for output in symbol.bind(mx.cpu(), arguments).forward()]

    left, right = np.random.default_rng(5).normal(size=(2, 5, 3)).astype("float32")
    (expected_left,), (expected_right,) = run(data=left), run(data=right)
    apply("siamese", model)
    found_left, found_right = run(data=left, right_data=right)
    np.testing.assert_array_equal(found_left, expected_left)
    np.testing.assert_array_equal(found_right, expected_right)
