"""A pass runs as one transaction, and its errors say which rule they are about."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from graphpass import Model, apply
from graphpass.errors import (
    AttributeValueError,
    ExpectationError,
    GraphError,
    GraphpassError,
    OperationError,
    PassFileError,
    SelectorError,
    UsageError,
)
from graphpass.formats.text import parse_graph
from graphpass.rules import load_pass

FAILING = [
    {"prefix": "a_"},
    {"set": {"select": "a_relu1", "attrs": {"act_type": "tanh"}}},
    {"set": {"heads": ["a_relu1", "a_bn1"]}},
    {"prune": {}},
    {"expect": {"heads": 3}},
]


def test_rules_run_in_order(mlp) -> None:
    model = mlp()
    report = apply([{"rename": {"from": "data", "to": "x"}}, {"prefix": {"prefix": "p_"}}], model)
    assert model.inputs == ["p_x"]
    assert [step.keyword for step in report.steps] == ["rename", "prefix"]
    assert report.changed


def test_a_pass_is_all_or_nothing(mlp, state) -> None:
    model = mlp()
    before = state(model)
    with pytest.raises(ExpectationError) as caught:
        apply(FAILING, model)
    assert str(caught.value) == (
        "rule 5 (expect): 1 of 1 expectation does not hold: heads: wanted 3, found 2"
    )
    assert caught.value.exit_code == 1
    assert state(model) == before


def test_a_model_can_be_used_again_after_a_refusal(mlp) -> None:
    model = mlp()
    with pytest.raises(ExpectationError):
        apply(FAILING, model)
    apply(FAILING[:-1], model)
    assert model.graph.outputs == ["a_relu1_output", "a_bn1_output"]
    assert "a_fc2_weight" not in model.parameters


@pytest.mark.parametrize(
    "rules", [FAILING[:-1], [{"prune": {}}], [{"rename": {"map": {"fc1": "fc2", "fc2": "fc1"}}}]]
)
def test_a_dry_run_changes_nothing_and_reports_the_same(mlp, state, rules) -> None:
    model, other = mlp(), mlp()
    before = state(model)
    dry = apply(rules, model, dry_run=True)
    assert state(model) == before
    wet = apply(rules, other)
    assert dry.dry_run
    assert not wet.dry_run
    assert {**dry.to_json(), "dry_run": False} == wet.to_json()


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (
            {"rename": {"from": "dat", "to": "x"}},
            SelectorError,
            "rule 1 (rename): no node is called 'dat'; nearest: data",
        ),
        (
            {"rename": {"from": "fc1_weight", "to": "fc1_bias"}},
            OperationError,
            "rule 1 (rename): variable 'fc1_bias' (#2) and variable 'fc1_weight' (#1) would both "
            "be called 'fc1_bias'; choose another name, or rename both in one rule",
        ),
        (
            {"set": {"select": "fc1", "attrs": {"no_bias": True}}},
            GraphError,
            "rule 1 (set): FullyConnected 'fc1' (#3) takes 2 inputs (data, weight) under its "
            "attributes, but is given 3",
        ),
        (
            {"set": {"select": "drop1", "attrs": {"q": 1}}, "id": "drop"},
            AttributeValueError,
            "rule 1 (set drop): Dropout 'drop1' (#10): Dropout has no attribute 'q'",
        ),
        (
            {"use": "siames"},
            UsageError,
            "rule 1 (use): there is no pass 'siames'; nearest: siamese",
        ),
    ],
)
def test_errors_keep_their_class_and_name_the_rule(
    mlp, state, rule, error: type[GraphpassError], message: str
) -> None:
    model = mlp()
    before = state(model)
    with pytest.raises(error) as caught:
        apply([rule], model)
    assert type(caught.value) is error
    assert str(caught.value).startswith(message)
    assert state(model) == before


def test_errors_of_a_file_have_its_line(mlp, tmp_path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("graphpass: 1\nrules:\n  - prune:\n  - rename: {from: dat, to: x}\n")
    with pytest.raises(SelectorError) as caught:
        apply(path, mlp())
    assert str(caught.value) == f"{path}:4: rule 2 (rename): no node is called 'dat'; nearest: data"


def test_a_malformed_pass_leaves_the_model_alone(mlp, state) -> None:
    model = mlp()
    before = state(model)
    with pytest.raises(PassFileError):
        apply([{"prefix": "a_"}, {"renam": 1}], model)
    with pytest.raises(UsageError, match="has no parameter 'x'"):
        apply([{"prefix": "a_"}], model, set={"x": 1})
    assert state(model) == before


def test_parameters_are_set(mlp) -> None:
    rules = {"parameters": {"p": "a_"}, "rules": [{"prefix": "${p}"}]}
    model, other = mlp(), mlp()
    apply(rules, model)
    apply(load_pass(rules), other, set={"p": "b_"})
    assert (model.inputs, other.inputs) == (["a_data"], ["b_data"])


def test_an_empty_pass_changes_nothing(mlp, state) -> None:
    model = mlp()
    before = state(model)
    report = apply([], model)
    assert not report.changed
    assert state(model) == before


def test_what_one_rule_undoes_is_no_change(mlp) -> None:
    back = {"rename": {"select": "regex:a_(.*)", "to": "\\1"}}
    report = apply([{"prefix": "a_"}, back], mlp())
    assert all(step.delta for step in report.steps)
    assert not report.changed


def test_a_report_is_plain_data(mlp) -> None:
    report = apply(FAILING[:-1], mlp())
    assert json.loads(json.dumps(report.to_json())) == report.to_json()


def test_models_may_be_changed_in_several_threads() -> None:
    def work(number: int) -> None:
        model = Model(parse_graph("x = variable(); y = relu(x); return y"))
        for _ in range(50):
            apply([{"prefix": f"t{number}_"}], model)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
    finally:
        sys.setswitchinterval(interval)
