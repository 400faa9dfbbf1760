"""`lint`: the whole report."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest

from graphpass.rules import load_pass
from graphpass.rules.analysis.lint import lint
from graphpass.rules.shipped import shipped_names


def rewrites(*rules: tuple[str, str, str], **options: Any) -> Any:
    return load_pass(
        {
            "name": "mine",
            "rules": [
                {"rewrite": {"id": id, "match": match, "replace": replace, **options}}
                for id, match, replace in rules
            ],
        }
    )


def test_order_matters_word_for_word() -> None:
    report = lint(
        rewrites(
            ("drop", "y = relu(Dropout(x))", "y = relu(x)"),
            ("swap", "z = tanh(relu(x))", "z = sigmoid(x)"),
            tests=[{"before": "x = variable()\nreturn x", "unchanged": "the model has no"}],
        )
    )
    assert (
        str(report)
        == """\
mine: 2 rules, 2 rewrites
  drop, swap: terminates: proved (weights Dropout 1, relu 1, sigmoid 1, tanh 1)
rule 2 (rewrite): drop and swap: order matters, as on
    x = variable()
    dropout = Dropout(x)
    y = relu(dropout)
    z = tanh(y)
    return z
  if drop fires first, it ends as A
    x = variable()
    z = sigmoid(x)
    return z
  if swap fires first, it ends as B
    x = variable()
    dropout = Dropout(x)
    z = sigmoid(dropout)
    return z
  where A has sigmoid 'z' (#3), B has Dropout 'dropout' (#1)
0 errors; 0 warnings; 2 of 2 tests passed; critical pairs: order matters 1"""
    )
    assert report.fails()


def test_names_that_depend_on_the_order_fail_where_that_is_asked() -> None:
    tests = [{"before": "x = variable()\nreturn x", "unchanged": "the model has no"}]
    report = lint(rewrites(("cancel", "y = transpose(transpose(x))", "x"), tests=tests))
    assert "cancel and itself: names depend on the order, as on" in str(report)
    assert "  if the lower match fires first, it ends as A\n" in str(report)
    assert not report.fails()
    assert report.fails(strict=True)


def test_what_is_not_decided_is_a_note() -> None:
    report = lint(
        rewrites(("a", "y = relu(x)", "y = tanh(x)"), ("b", "y = relu(x)", "y = exp(x)"),
                 where="y.name == 'it'")
    )  # fmt: skip
    assert (
        "rule 2 (rewrite): note: a and b: not decided whether order matters: "
        "a: y.name is 'y', not 'it'"
    ) in str(report)
    assert not report.fails()


def test_bounded_is_a_note_that_names_who_is_to_blame() -> None:
    report = lint(rewrites(("a", "y = relu(x)", "y = exp(x)"), ("b", "y = exp(x)", "y = relu(x)")))
    assert "a, b: bounded by budget: no weights make both a and b lighter" in str(report)
    assert not report.fails(strict=True)
    [group] = report.to_json()["groups"]
    assert group["termination"]["blockers"] == ["a", "b"]


def test_warnings_fail_where_that_is_asked() -> None:
    report = lint(rewrites(("a", "y = dot(x, w)", "y = relu(x)")))
    assert not report.fails()
    assert report.fails(strict=True)


def test_errors_and_failing_tests_fail() -> None:
    assert lint(rewrites(("a", "y = relu(x)", "y = relu(x)"))).fails()
    tests = [{"before": "x = variable()\nreturn x", "unchanged": "no such reason"}]
    assert lint(rewrites(("a", "y = relu(x)", "y = tanh(x)"), tests=tests)).fails()


def test_groups_are_looked_at_each_by_itself() -> None:
    loaded = load_pass(
        [
            {"rewrite": {"id": "a", "match": "y = relu(x)", "replace": "y = exp(x)"}},
            {"prune": {}},
            {"rewrite": {"id": "b", "match": "y = exp(x)", "replace": "y = relu(x)"}},
            {"rewrite": {"id": "c", "match": "y = exp(x)", "replace": "x", "group": "last"}},
        ]
    )
    report = lint(loaded)
    assert [group.rules for group in report.groups] == [("a",), ("b",), ("c",)]
    assert all(group.termination for group in report.groups)
    assert not any(group.pairs for group in report.groups)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_passes_are_clean(name: str) -> None:
    assert not lint(load_pass(name)).fails(strict=True)


def test_siamese_has_nothing_to_prove() -> None:
    assert str(lint(load_pass("siamese"))) == (
        "siamese: 3 rules, 0 rewrites\n"
        "  nothing to prove: operations run once, in order\n"
        "0 errors; 0 warnings"
    )


def test_a_hundred_rewrites() -> None:
    ops = ["relu", "tanh", "sigmoid", "exp", "log", "sin", "cos", "abs", "sqrt", "square"]
    rules = [
        (f"r{n}", f"y = {ops[n % 10]}({ops[n // 10]}(x))", f"y = {ops[n * 7 % 10]}(x)")
        for n in range(100)
    ]
    loaded = rewrites(*rules)
    start = perf_counter()
    report = lint(loaded)
    assert perf_counter() - start < 10
    assert "pairs of rewrites not decided: there are too many ways" in str(report)
