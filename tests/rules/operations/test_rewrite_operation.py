"""What rewrites that ran together did, each by itself."""

from __future__ import annotations

import pytest

from graphpass import Model, apply, isomorphic
from graphpass.errors import ExpectationError
from graphpass.formats.text import parse_graph


def model() -> Model:
    graph = "x = variable(); a = Dropout(relu(x)); b = Dropout(tanh(a)); return b"
    return Model(parse_graph(graph))


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (
            "y = Dropout(relu(x))",
            "it was to fire 2 times, but fired 1 time; "
            "not relu: tanh 'tanh0' (#3) is no relu; at Dropout 'b' (#4)",
        ),
        ("y = sin(x)", "it was to fire 2 times, but fired 0 times; the model has no sin"),
        ("y = tanh(x)", "it was to fire 2 times, but fired 1 time"),
    ],
)
def test_a_rewrite_that_was_to_fire_more_often_says_what_is_lacking(match: str, said: str) -> None:
    rule = {"rewrite": {"match": match, "replace": "y = cos(x)", "expect": 2}}
    with pytest.raises(ExpectationError) as caught:
        apply([rule], model())
    assert str(caught.value) == f"rule 1 (rewrite): {said}"


def test_one_that_fired_too_often_lacks_nothing() -> None:
    rule = {"rewrite": {"match": "y = Dropout(x)", "replace": "x", "expect": 1}}
    with pytest.raises(ExpectationError, match=r"to fire 1 time, but fired 2 times$"):
        apply([rule], model())


def test_a_head_that_two_rewrites_had_a_part_in_is_told_once() -> None:
    rules = [
        {"rewrite": {"match": "y = Dropout(x)", "replace": "sin(y)", "once": True}},
        {"rewrite": {"match": "y = sin(x)", "replace": "y = cos(x)"}},
    ]
    first, second = apply(rules, model()).steps
    assert (len(first.firings), len(second.firings)) == (2, 2)
    assert (first.heads, second.heads) == ((), ((0, "b_output", "b_sin_output"),))
    rules[1] = {"rewrite": {"match": "y = sin(x)", "replace": "x"}}
    assert [step.heads for step in apply(rules, model()).steps] == [(), ()]


@pytest.mark.parametrize(
    ("replacement", "after"),
    [
        (
            "y = SliceChannel(x, num_outputs=2)\nreturn y, y[1]",
            "x = variable()\np_slicechannel = SliceChannel(x, num_outputs=2)\n"
            "p = _copy(p_slicechannel)\nq = _copy(p_slicechannel[1])\nz = tanh(p_slicechannel[1])\n"
            "return p, q, z, q",
        ),
        (
            "y = exp(x)\nreturn y, y",
            "x = variable(); p = exp(x); q = _copy(p); z = tanh(p); return p, q, z, q",
        ),
    ],
)
def test_roots_that_become_one_node_keep_the_names_of_outputs(replacement: str, after: str) -> None:
    given = parse_graph(
        "x = variable(); p = relu(x); q = sigmoid(x); z = tanh(q); return p, q, z, q"
    )
    changed = Model(given)
    match = "p = relu(x)\nq = sigmoid(x)\nreturn p, q"
    apply({"rewrite": {"match": match, "replace": replacement}}, changed)
    assert changed.graph.outputs == ["p_output", "q_output", "z_output", "q_output"]
    assert isomorphic(changed.graph, parse_graph(after), names=True)


def test_a_node_that_the_rule_names_gives_that_name_to_the_output() -> None:
    changed = Model(parse_graph("x = variable(); p = relu(x); q = sigmoid(x); return p, q"))
    match = "p = relu(x)\nq = sigmoid(x)\nreturn p, q"
    apply({"rewrite": {"match": match, "replace": "y = exp(x, name='q')\nreturn y, y"}}, changed)
    assert changed.graph.outputs == ["p_output", "q_output"]
