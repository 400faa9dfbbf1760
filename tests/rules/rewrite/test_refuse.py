"""A rewrite that takes no match, but says why: ``refuse:`` in place of ``replace:``."""

from __future__ import annotations

import pytest

import graphpass
from graphpass import Model
from graphpass.errors import PassFileError, TextError
from graphpass.formats.text import parse_graph
from graphpass.rules import explain
from graphpass.rules.lint import terminates
from graphpass.rules.rewrite.rewrite import parse_rewrite

TEXT = "x = variable(); a = tanh(x); b = relu(a); c = relu(x); return b, c"


def model() -> Model:
    return Model(parse_graph(TEXT))


def test_matches_stay_and_the_report_says_why() -> None:
    after = model()
    rule = {"rewrite": {"id": "no", "match": "relu(x)", "refuse": "it is wanted"}}
    report = graphpass.apply(rule, after)
    assert not report.changed
    assert "refused (2 nodes): it is wanted; first at relu 'b' (#2)" in str(report)
    assert graphpass.dumps(after.graph) == graphpass.dumps(model().graph)
    [step] = report.to_json()["rules"]
    assert [(miss["what"], miss["count"]) for miss in step["near_misses"]] == [("refused", 2)]


def test_conditions_choose_what_is_refused() -> None:
    rule = parse_rewrite("y = relu(x)", refuse="tanh is below it", where='x.node.op == "tanh"')
    told = {miss.what: miss.root.name for miss in explain(rule, model()).near_misses}
    assert told == {"refused": "b", 'x.node.op == "tanh"': "c"}
    at = explain(rule, model(), "b")
    assert not at
    assert "✓ x.node.op" in str(at)
    assert "✗ refused: tanh is below it" in str(at)
    assert "would match" not in str(at)


def test_others_of_its_group_go_on() -> None:
    after = model()
    rules = [
        {"rewrite": {"match": "relu(x)", "refuse": "it is wanted"}},
        {"rewrite": {"match": "y = tanh(x)", "replace": "y = sigmoid(x)"}},
    ]
    assert graphpass.apply(rules, after).changed
    assert [node.op for node in after.graph] == ["null", "sigmoid", "relu", "relu"]


def test_it_never_stands_in_the_way_of_a_proof() -> None:
    refusing = parse_rewrite("relu(x)", refuse="it is wanted")
    assert str(terminates([refusing])) == "terminates: proved (nothing fires)"
    drop = parse_rewrite("y = Dropout(x)", "x")
    assert terminates([drop, refusing]).weights == terminates([drop]).weights
    swap = parse_rewrite("y = tanh(x)", "y = relu(x)", once=True)
    assert terminates([swap, refusing]).kind == "once"


def test_a_rewrite_replaces_or_refuses() -> None:
    with pytest.raises(TextError, match="or why nothing does"):
        parse_rewrite("relu(x)")
    with pytest.raises(TextError, match="or why nothing does"):
        parse_rewrite("relu(x)", "x", refuse="no")
    with pytest.raises(PassFileError, match="needs one of replace, refuse"):
        graphpass.apply({"rewrite": {"match": "relu(x)"}}, model())
