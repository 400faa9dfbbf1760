"""What heads and copies stand for, whatever rules did before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphpass import Entry, apply

NET = """
    fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=4)
    a = relu(fc1)
    b = sigmoid(a)
    return b, a
"""
SHAPES = {"fc1_weight": (4, 3), "fc1_bias": (4,)}


@pytest.fixture
def model(net: Any) -> Any:
    return net(NET, **SHAPES)


def value(model: Any, name: str) -> Entry:
    return Entry(model.graph.named(name)[0])


@pytest.mark.parametrize(
    ("rules", "stands"),
    [
        ([{"prefix": "x_"}], ["b", "a"]),
        ([{"set": {"heads": ["a", "b", "fc1"]}}], ["a", "b", "fc1"]),
        ([{"extract": ["a", "a"]}], ["a", "a"]),
        ([{"clone": {"prefix": "x_"}}], ["b", "a", "b", "a"]),
        ([{"clone": {"prefix": "x_"}}, {"extract": ["x_fc1", "x_b"]}], ["fc1", "b"]),
        (
            [{"clone": {"to": "fc1", "prefix": "x_"}}, {"clone": {"to": "x_fc1", "prefix": "y_"}}],
            ["b", "a", "fc1", "fc1"],
        ),
        ([{"remove": "b"}, {"set": {"heads": ["a", "fc1"]}}], ["b", "fc1"]),
        ([{"insert": {"op": "relu", "name": "r", "after": "b"}}], ["b", "a"]),
        (
            [{"insert": {"op": "relu", "name": "r", "after": "b"}}, {"extract": ["a", "r"]}],
            ["a", "b"],
        ),
        ([{"insert": {"op": "relu", "name": "r", "inputs": ["b"]}}], ["b", "a", None]),
        ([{"use": "siamese"}], ["b", "a", "b", "a"]),
        (
            [{"clone": {"to": "fc1", "prefix": "x_"}}, {"use": "siamese"}],
            ["b", "a", "fc1", "b", "a", "fc1"],
        ),
        ([{"rewrite": {"match": "sigmoid(x)", "replace": "return x"}}], ["b", "a"]),
        ([{"rewrite": {"match": "y = sigmoid(x)", "replace": "y = tanh(x)"}}], ["b", "a"]),
    ],
)
def test_heads(model: Any, rules: Any, stands: list[str | None]) -> None:
    wanted = tuple(name and value(model, name) for name in stands)
    assert apply(rules, model).lineage.heads == wanted


def test_inputs_of_clones_stand_for_what_they_replace(model: Any) -> None:
    data, weight = value(model, "data"), value(model, "fc1_weight")
    report = apply([{"clone": {"prefix": "x_", "share": "copy"}}], model)
    names = {model.graph.name(key): origin for key, origin in report.lineage.variables.items()}
    assert names["x_data"] == data
    assert names["x_fc1_weight"] == weight


def test_a_clone_without_values_stands_for_nothing(model: Any) -> None:
    report = apply([{"clone": {"prefix": "x_", "share": "nothing"}}], model)
    assert [model.graph.name(key) for key in report.lineage.variables] == ["x_data"]


def test_a_cut_stands_for_the_value_that_was_there(model: Any) -> None:
    fc1 = value(model, "fc1")
    report = apply([{"extract": {"inputs": {"fc1": "features"}}}], model)
    assert report.lineage.variables == {model.graph.named("features")[0]: fc1}
    report = apply([{"clone": {"prefix": "x_"}}], model)
    assert list(report.lineage.variables.values()) == [value(model, "features")]


def test_heads_of_another_model_stand_for_its_own(model: Any, net: Any, tmp_path: Path) -> None:
    net("c = tanh(data)\nreturn c").save(tmp_path / "other")
    rule = {"merge": {"model": str(tmp_path / "other"), "share": ["data"]}}
    b, a = value(model, "b"), value(model, "a")
    lineage = apply([rule], model).lineage
    [merged] = lineage.merged
    [theirs] = merged.model.graph.heads
    assert lineage.heads == (b, a, Entry(merged.keys[theirs.node]))
    assert merged.keys[theirs.node] < 0
