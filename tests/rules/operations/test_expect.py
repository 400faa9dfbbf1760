"""``expect``: every assertion that fails is named, with what was found."""

from __future__ import annotations

from typing import Any

import pytest

from graphpass import apply
from graphpass.errors import ExpectationError, PassFileError, SelectorError, UsageError

NET = """
    fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=4)
    bn1 = BatchNorm(fc1, gamma, beta, mean, var)
    a = relu(bn1)
    b = relu(a)
    return b, fc1
"""
SHAPES = {
    "fc1_weight": (4, 3),
    "fc1_bias": (4,),
    **dict.fromkeys(("gamma", "beta", "mean", "var"), (4,)),
}


@pytest.fixture
def model(net):
    return net(NET, **SHAPES)


@pytest.mark.parametrize(
    "options",
    [
        {"arguments": 5},
        {"arguments": ">=5"},
        {"arguments": " != 4 "},
        {"arguments": ["data", "fc1_weight", "fc1_bias", "gamma", "beta"]},
        {"arguments": {"data": 1, "label": 0, "mean": 0, "glob:fc1_*": 2, "regex:.*a": ">1"}},
        {"auxiliary_states": ["mean", "var"]},
        {"inputs": ["data"]},
        {"inputs": {"data": 1}},
        {"outputs": ["b_output", "fc1_output"]},
        {"outputs": {"b_output": "==1"}},
        {"parameters": 6},
        {"parameters": ["fc1_weight", "fc1_bias", "gamma", "beta", "mean", "var"]},
        {"parameters": {"fc1_weight": [4, 3], "gamma": 1, "label": 0}},
        {"parameters": {"fc1_weight": (4, 3)}},
        {"operators": 4},
        {"operators": ["relu", "BatchNorm", "FullyConnected"]},
        {"operators": {"relu": 2, "Dropout": 0, "FullyConnected": "<2"}},
        {"nodes": 11, "heads": 2},
        {"nodes": "<=11", "heads": ">1"},
    ],
)
def test_what_holds(model, options) -> None:
    apply([{"expect": options}], model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arguments": 4}, "arguments: wanted 4, found 5: data, fc1_weight, fc1_bias, gamma, beta"),
        (
            {"arguments": ["data", "fc1_bias", "fc1_weight", "gamma", "beta"]},
            "arguments: wanted data, fc1_bias, fc1_weight, gamma, beta; "
            "found data, fc1_weight, fc1_bias, gamma, beta",
        ),
        ({"arguments": {"dota": 1}}, "arguments 'dota': wanted 1, found 0; nearest: data, beta"),
        ({"arguments": {"data": 0}}, "arguments 'data': wanted 0, found 1"),
        ({"arguments": {"glob:fc1_*": 3}}, "arguments 'glob:fc1_*': wanted 3, found 2"),
        ({"inputs": []}, "inputs: wanted none; found data"),
        (
            {"parameters": {"fc1_weight": [4, 4]}},
            "parameters 'fc1_weight': wanted shape (4, 4), found (4, 3)",
        ),
        (
            {"parameters": {"fc1_wait": [4, 4]}},
            "parameters 'fc1_wait': wanted shape (4, 4), found none; nearest: fc1_weight, fc1_bias",
        ),
        (
            {"operators": ["relu"]},
            "operators: wanted relu; found BatchNorm, FullyConnected, relu",
        ),
        ({"operators": {"Relu": ">=1"}}, "operators 'Relu': wanted >=1, found 0; nearest: relu"),
        ({"operators": 3}, "operators: wanted 3, found 4: BatchNorm, FullyConnected, relu"),
        ({"nodes": "> 11"}, "nodes: wanted > 11, found 11"),
        ({"heads": "<2"}, "heads: wanted <2, found 2"),
    ],
)
def test_what_fails(model, refused, options, message: str) -> None:
    said = refused(model, "expect", options, ExpectationError)
    assert said == f"1 of 1 expectation does not hold: {message}"


def test_an_operator_may_be_called_by_an_alias(net) -> None:
    model = net("a = elemwise_add(x, y)\nreturn a")
    apply([{"expect": {"operators": {"_Plus": 1}}}, {"expect": {"operators": ["_plus"]}}], model)


def test_all_that_fail_are_listed(model, refused) -> None:
    options = {"inputs": {"data": 1, "label": 1}, "nodes": 3, "heads": 2, "unchanged_outputs": True}
    assert refused(model, "expect", options, ExpectationError) == (
        "2 of 4 expectations do not hold:\n"
        "  inputs 'label': wanted 1, found 0\n"
        "  nodes: wanted 3, found 11; unchanged_outputs was not looked at"
    )


def test_a_selector_of_nodes_is_none_of_names(model, refused) -> None:
    said = refused(model, "expect", {"outputs": {"op:relu": 1}}, SelectorError)
    assert said == "'op:relu' selects nodes where names are meant; write a name"


def test_the_summary(model, perform) -> None:
    assert perform(model, "expect", {"nodes": 11}).summary == "1 assertion holds"
    assert perform(model, "expect", {"nodes": 11, "heads": 2}).summary == "2 assertions hold"


@pytest.mark.mxnet
class TestUnchangedOutputs:
    @pytest.fixture(autouse=True)
    def _mxnet(self, mx) -> None: ...

    def test_they_are(self, model) -> None:
        options = {"inputs": {"data": [2, 3]}, "rtol": 1e-6, "atol": 1e-7, "runs": 2}
        report = apply([{"prefix": "a_"}, {"expect": {"unchanged_outputs": options}}], model)
        assert report.steps[1].summary == "1 assertion holds"

    def test_they_are_not(self, model) -> None:
        rules = [
            {"substitute": {"select": "a", "op": "sigmoid"}},
            {"expect": {"unchanged_outputs": {"inputs": {"data": [2, 3]}}}},
        ]
        with pytest.raises(ExpectationError) as caught:
            apply(rules, model)
        lines = str(caught.value).splitlines()
        assert lines[0].startswith(
            "rule 2 (expect): 1 of 1 expectation does not hold: "
            "unchanged_outputs: different: 2 outputs"
        )
        assert "differ" in lines[1]
        assert model.graph.op(model.graph.named("a")[0]) == "relu"

    def test_outputs_may_be_mapped(self, model) -> None:
        options = {"inputs": {"data": [2, 3]}, "map": {"fc1_output": "x_output"}}
        apply(
            [
                {"set": {"heads": ["fc1"]}},
                {"rename": {"from": "fc1", "to": "x"}},
                {"expect": {"unchanged_outputs": options}},
            ],
            model,
        )

    def test_clones_repeat_what_there_was(self, model) -> None:
        options = {"inputs": {"data": [2, 3]}, "map": "repeat", "feed": {"right_data": "data"}}
        apply([{"use": "siamese"}, {"expect": {"unchanged_outputs": options}}], model)

    def test_a_used_pass_compares_with_what_it_was_given(self, model, tmp_path) -> None:
        (tmp_path / "inner.yaml").write_text(
            "graphpass: 1\nrules:\n- prefix: b_\n"
            "- expect: {unchanged_outputs: {inputs: {a_data: [2, 3]}}}\n"
        )
        apply([{"prefix": "a_"}, {"use": str(tmp_path / "inner.yaml")}], model)


@pytest.mark.parametrize("value", [".nan", ".inf", "-1", "-.inf"])
def test_what_is_no_tolerance_is_refused(model, value: str) -> None:
    rules = f"[{{expect: {{unchanged_outputs: {{rtol: {value}}}}}}}]"
    with pytest.raises((UsageError, PassFileError), match="tolerance"):
        apply(rules, model)


@pytest.mark.parametrize(
    "expected",
    [
        {"arguments": 2.0},
        {"nodes": 2.0},
        {"operators": {"relu": 1.0}},
        {"parameters": {"w": [4.0]}},
    ],
)
def test_a_float_is_no_count(net, expected: dict[str, Any]) -> None:
    model = net("y = relu(x)\nreturn y")
    with pytest.raises(PassFileError, match=r"[1-4]\.0 is not a "):
        apply([{"expect": expected}], model)
