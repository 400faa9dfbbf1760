"""A report: the steps, and the model in numbers before and after."""

from __future__ import annotations

from graphpass import apply
from graphpass.rules.report.report import Census


def test_a_census(mlp) -> None:
    assert Census.of(mlp()) == Census(
        nodes=13,
        operators={"Activation": 1, "BatchNorm": 1, "Dropout": 1, "FullyConnected": 2},
        parameters=7,
        bytes=(12 + 4 + 8 + 4 * 4) * 4,
        arguments=("data", "fc1_weight", "fc1_bias", "bn1_gamma", "bn1_beta", "fc2_weight"),
    )


def test_argument_order(mlp) -> None:
    same = apply([{"set": {"select": "drop1", "attrs": {"p": 0.1}}}], mlp())
    assert same.changed
    assert same.argument_order is None
    swap = {"map": {"fc1_weight": "fc1_bias", "fc1_bias": "fc1_weight"}}
    assert apply([{"rename": swap}], mlp()).argument_order is None
    cloned = apply([{"clone": {"prefix": "b_"}}], mlp())
    before = ("data", "fc1_weight", "fc1_bias", "bn1_gamma", "bn1_beta", "fc2_weight")
    assert cloned.argument_order == (before, (*before, "b_data"))


def test_plain_data(mlp) -> None:
    rules = [{"id": "cut", "set": {"heads": "fc1"}}, {"rename": {"from": "data", "to": "x"}}]
    report = apply({"name": "cutter", "rules": rules}, mlp()).to_json()
    assert report["pass"] == "cutter"
    assert report["changed"] is True
    assert report["dry_run"] is False
    assert [(rule["rule"], rule["operation"], rule.get("id")) for rule in report["rules"]] == [
        (1, "set", "cut"),
        (2, "rename", None),
    ]
    assert report["rules"][0]["changes"]["outputs"] == {
        "before": ["fc2_output"],
        "after": ["fc1_output"],
    }
    assert report["rules"][0]["changes"]["parameters_removed"][-1] == {
        "name": "bn1_moving_var",
        "bytes": 16,
    }
    assert report["before"]["nodes"] == 13
    assert report["after"] == {
        "nodes": 4,
        "operators": {"FullyConnected": 1},
        "parameters": 2,
        "bytes": 64,
    }
    assert report["argument_order"]["after"] == ["x", "fc1_weight", "fc1_bias"]


def test_an_operator_named_like_an_argument_is_none(mlp) -> None:
    model = mlp()
    apply([{"rename": {"from": "fc1", "to": "data", "kind": "operators"}}], model)
    rename = {"rename": {"from": "data", "to": "fc1", "kind": "operators"}}
    assert apply([rename], model).argument_order is None


def test_the_steps_of_a_used_pass_stand_below_its_rule(mlp, tmp_path) -> None:
    (tmp_path / "inner.yaml").write_text("graphpass: 1\nrules: [{prefix: a_}, {prune: }]")
    report = apply([{"use": str(tmp_path / "inner.yaml")}], mlp())
    (step,) = report.steps
    assert [inner.keyword for inner in step.steps] == ["prefix", "prune"]
    assert [rule["operation"] for rule in report.to_json()["rules"][0]["rules"]] == [
        "prefix",
        "prune",
    ]
