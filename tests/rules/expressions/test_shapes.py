"""Shapes and dtypes of values that are computed: what can be inferred, before and after firings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model
from graphpass.errors import UsageError
from graphpass.formats.text import parse_graph
from graphpass.rules import explain
from graphpass.rules.rewrite.rewrite import parse_rewrite

NET = """
x, w = variable(), variable()
c = Convolution(x, w, kernel=(3, 3), num_filter=4, no_bias=True)
r = relu(c)
f = Flatten(r)
return f
"""


@pytest.fixture
def model() -> Model:
    model = Model(parse_graph(NET))
    model.parameters["w"] = np.zeros((4, 2, 3, 3), "float32")
    return model


def outcome(model: Model, condition: str, inputs: Any = None) -> str:
    """Return ``fired``, or why the relu was left alone."""
    rule = {"match": "y = relu(v)", "where": [condition], "replace": "y = tanh(v)"}
    [step] = graphpass.apply([{"rewrite": rule}], model.copy(), inputs=inputs).steps
    return "fired" if step.firings else step.near_misses[0].reason


@pytest.mark.parametrize(
    ("condition", "inputs", "expected"),
    [
        ("v.ndim == 4", None, "fired"),
        ("v.ndim == 5", None, "v.ndim is 4, not 5"),
        ("v.ndim == 4", {"x": (None, 2, None, 5)}, "fired"),
        ("v.shape == (1, 4, 3, 3)", {"x": (1, 2, 5, 5)}, "fired"),
        ("v.shape == (1, 4, 3, 3)", {"x": (0, 2, 5, 5)},
         "of the shape of c_output only (?, 4, 3, 3) is known"),
        ("v.shape[1] == 4 and v.shape[-2:] == (3, 3)", {"x": (0, 2, 5, 5)}, "fired"),
        ("v.shape[0] == 1", {"x": (0, 2, 5, 5)},
         "of the shape of c_output only (?, 4, 3, 3) is known"),
        ("v.shape[:2] == (1, 4)", {"x": (0, 2, 5, 5)},
         "of the shape of c_output only (?, 4, 3, 3) is known"),
        ("v.shape[7] == 1", {"x": (0, 2, 5, 5)},
         "of the shape of c_output only (?, 4, 3, 3) is known"),
        ("v.size == 36 and y.shape == v.shape", {"x": (1, 2, 5, 5)}, "fired"),
        ("v.dtype == 'float32'", None, "the dtype of c_output is not known"),
    ],
)  # fmt: skip
def test_a_condition_on_a_shape(model: Model, condition: str, inputs: Any, expected: str) -> None:
    assert outcome(model, condition, inputs) == expected


def test_a_hint_counts(model: Model) -> None:
    with model.graph.edit() as edit:
        edit.update_attrs(
            model.graph.named("x")[0], {"__shape__": "(0, 2, 5, 5)", "__dtype__": "0"}
        )
    assert outcome(model, "v.shape[1] == 4 and v.dtype == 'float32'") == "fired"


def test_what_a_firing_makes_has_a_shape(model: Model) -> None:
    rules = [
        {"match": "y = Flatten(v)", "where": ["v.ndim == 4"], "replace": "y = Concat(v, v, dim=1)"},
        {"match": "y = Concat(u, v)", "where": ["y.shape == (1, 8, 3, 3)"], "replace": "tanh(u)"},
    ]
    report = graphpass.apply(
        [{"rewrite": rule} for rule in rules], model, inputs={"x": (1, 2, 5, 5)}
    )
    assert [len(step.firings) for step in report.steps] == [1, 1]


def test_a_weight_of_another_shape_is_taken_in(model: Model) -> None:
    rules = [
        {
            "match": "c = Convolution(v, w, num_filter=4)",
            "let": {"more": "concatenate((w, w), 0)"},
            "replace": "c = Convolution(v, more, **c.attrs, num_filter=8)",
        },
        {"match": "y = relu(v)", "where": ["v.shape[1] == 8"], "replace": "y = tanh(v)"},
    ]
    report = graphpass.apply(
        [{"rewrite": rule} for rule in rules], model, inputs={"x": (1, 2, 5, 5)}
    )
    assert [len(step.firings) for step in report.steps] == [1, 1]


def test_explain_counts_on_given_shapes(model: Model) -> None:
    rewrite = parse_rewrite("y = relu(v)", "tanh(v)", where="v.shape[0] == 2")
    assert not explain(rewrite, model)
    assert explain(rewrite, model, inputs={"x": (2, 2, 5, 5)})


def test_the_shape_of_no_input_is_refused(model: Model) -> None:
    with pytest.raises(UsageError, match="has no input 'xx'; nearest: x; its inputs are x"):
        graphpass.apply([{"prune": {}}], model, inputs={"xx": (1,)})
    with pytest.raises(UsageError, match="has no input 'w'"):
        graphpass.apply([{"prune": {}}], model, inputs={"w": (1,)})
