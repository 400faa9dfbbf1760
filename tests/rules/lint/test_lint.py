"""`lint`: the whole report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from effort import at_most

from graphpass.rules import load_pass
from graphpass.rules.lint.lint import lint
from graphpass.rules.pass_files.loading import shipped_names


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


CHAIN = "x = variable()\ny = relu(Dropout(x))\nreturn tanh(y)"


def test_order_matters_word_for_word() -> None:
    report = lint(
        rewrites(
            ("drop", "y = relu(Dropout(x))", "y = relu(x)"),
            ("swap", "z = tanh(relu(x))", "z = sigmoid(x)"),
            tests=[
                {"before": "x = variable()\nreturn x", "unchanged": "the model has no"},
                {"before": CHAIN, "after": CHAIN},
            ],
        )
    )
    lines = [line for line in str(report).splitlines() if not line.startswith("rule 1")]
    start = next(number for number, line in enumerate(lines) if "order matters" in line)
    assert (
        "\n".join(lines[start:])
        == """\
rule 2 (rewrite): drop and swap: order matters, as in rule 1 (rewrite), tests.1
    x = variable()
    dropout0 = Dropout(x)
    y = relu(dropout0)
    tanh0 = tanh(y)
    return tanh0
  if drop fires first, it ends as A
    x = variable()
    tanh0 = sigmoid(x)
    return tanh0
  if swap fires first, it ends as B
    x = variable()
    dropout0 = Dropout(x)
    tanh0 = sigmoid(dropout0)
    return tanh0
  where A has sigmoid 'tanh0' (#3), B has Dropout 'dropout0' (#1)
0 errors; 0 warnings; 2 of 4 tests passed; overlaps: order matters 1"""
    )
    assert report.fails()
    [pair] = report.to_json()["groups"][0]["overlaps"]
    assert (pair["rules"], pair["verdict"], pair["graphs"]) == (["drop", "swap"], "differs", 1)


def test_names_that_depend_on_the_order_fail_where_that_is_asked() -> None:
    chain = "x = variable()\na = transpose(x)\nb = transpose(a)\nreturn transpose(b)"
    tests = [{"before": chain, "after": "x = variable()\nreturn transpose(x, name='transpose0')"}]
    report = lint(rewrites(("cancel", "y = transpose(transpose(x))", "x"), tests=tests))
    assert "cancel and itself: names depend on the order, as in rule 1 (rewrite), tests.0" in str(
        report
    )
    assert "  if the lower match fires first, it ends as A\n" in str(report)
    assert not report.fails()
    assert report.fails(strict=True)


def test_a_pair_that_no_test_has_is_a_note() -> None:
    report = lint(rewrites(("a", "y = relu(x)", "y = tanh(x)"), ("b", "y = relu(x)", "y = exp(x)")))
    assert (
        "rule 2 (rewrite): note: a and b: no test says whether order matters; add one where both "
        "apply to one operator"
    ) in str(report)
    assert not report.fails(strict=True)


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
    assert not any(group.overlaps for group in report.groups)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_passes_are_clean(name: str) -> None:
    assert not lint(load_pass(name)).fails(strict=True)


def test_siamese_has_nothing_to_prove() -> None:
    assert str(lint(load_pass("siamese"))) == (
        "siamese: 3 rules, 0 rewrites\n"
        "  nothing to prove: operations run once, in order\n"
        "0 errors; 0 warnings; 2 of 2 tests passed"
    )


def test_a_hundred_rewrites() -> None:
    ops = ["relu", "tanh", "sigmoid", "exp", "log", "sin", "cos", "abs", "sqrt", "square"]
    rules = [
        (f"r{n}", f"y = {ops[n % 10]}({ops[n // 10]}(x))", f"y = {ops[n * 7 % 10]}(x)")
        for n in range(100)
    ]
    loaded = rewrites(*rules)
    with at_most(10_000_000):
        report = lint(loaded)
    assert "r0 and itself, r0 and r1, r0 and r2 and 952 more: no test" in str(report)


def test_pairs_that_are_not_tested_stand_on_one_line() -> None:
    rules = [(id, "y = relu(x)", "y = cos(x)") for id in "rtse"]
    lines = [line for line in str(lint(rewrites(*rules))).splitlines() if "no test says" in line]
    assert lines == [
        "rule 2 (rewrite): note: r and t, r and s, r and e and 3 more: no test says whether "
        "order matters; add one where both apply to one operator"
    ]


def chain(op: str) -> str:
    """Return a pattern in which each sum is read twice by the next."""
    lines = [f"r0 = {op}(x)", *[f"r{n + 1} = elemwise_add(r{n}, r{n})" for n in range(40)]]
    return "\n".join(lines)


def test_large_patterns_take_no_time() -> None:
    operands = ", ".join("_" * 800)
    loaded = rewrites(
        ("wide", f"y = add_n(x, {operands})", "y = identity(x)"),
        ("deep", f"y = {'relu(' * 24}x{')' * 24}", "y = relu(x)"),
        ("sums", f"y = {'elemwise_add(relu(' * 12}x{'), y0)' * 12}",
         f"y = {'elemwise_add(tanh(' * 12}x{'), y0)' * 12}"),
        ("twice", chain("relu"), "y = tanh(x)"),
        ("again", chain("exp"), "y = tanh(x)"),
    )  # fmt: skip
    with at_most(2_000_000):
        lint(loaded)


def test_what_is_used_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(
        "graphpass: 1\nrules:\n"
        "- rewrite: {id: there, match: 'y = relu(x)', replace: 'y = tanh(x)'}\n"
        "- rewrite: {id: back, match: 'y = tanh(x)', replace: 'y = relu(x)'}\n"
    )
    (tmp_path / "outer.yaml").write_text(
        "graphpass: 1\nrules:\n- use: inner.yaml\n- use: inner.yaml\n- use: drop-dropout\n"
    )
    report = lint(load_pass(tmp_path / "outer.yaml"))
    assert (
        str(report)
        == """\
outer: 3 rules, 0 rewrites
  nothing to prove here: operations run once, in order
inner: 2 rules, 2 rewrites
  there, back: bounded by budget: no weights make both there and back lighter
drop-dropout: 1 rule, 1 rewrite
  drop-dropout: terminates: proved (weights Dropout 1)
0 errors; 0 warnings; 2 of 2 tests passed"""
    )
    assert [used["pass"] for used in report.to_json()["uses"]] == ["inner", "drop-dropout"]


def test_a_pass_that_can_not_be_used_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("graphpass: 1\nrules:\n- use: drop-dropuot\n- use: mine.yaml\n")
    report = lint(load_pass(file))
    assert report.fails()
    first, second = map(str, report.findings)
    assert first.startswith(f"{file}:3:8: error: rule 1: there is no pass 'drop-dropuot'")
    assert second.startswith(f"{file}:4:8: error: rule 2: this pass would use itself without end")


def test_an_error_in_a_used_pass_fails(tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(
        "graphpass: 1\nrules:\n"
        "- rewrite: {match: 'y = relu(relu(x))', replace: 'y = relu(relu(x))'}\n"
    )
    (tmp_path / "outer.yaml").write_text("graphpass: 1\nrules:\n- use: inner.yaml\n")
    assert lint(load_pass(tmp_path / "outer.yaml")).fails()


def repeated(*texts: str, folder: Path) -> str:
    names = []
    for number, text in enumerate(texts):
        names.append(f"p{number}.yaml")
        (folder / names[-1]).write_text(f"graphpass: 1\nrules:\n- {text}\n")
    loaded = load_pass([{"use": {"pass": [str(folder / name) for name in names], "repeat": True}}])
    [found] = lint(loaded).repetitions
    return str(found)


def test_passes_that_are_repeated_are_weighed_together(tmp_path: Path) -> None:
    there = "rewrite: {id: there, match: 'y = relu(x)', replace: 'y = tanh(x)'}"
    back = "rewrite: {id: back, match: 'y = tanh(x)', replace: 'y = relu(x)'}"
    once = "rewrite: {id: more, once: true, match: 'y = relu(x)', replace: 'y = relu(relu(x))'}"
    drop = "rewrite: {id: drop, match: 'y = Dropout(x)', replace: x}"
    assert repeated(there, drop, folder=tmp_path).startswith("terminates: proved (weights ")
    assert repeated(there, back, folder=tmp_path) == (
        "bounded by 100 rounds: no weights make both there and back lighter"
    )
    assert repeated(once, folder=tmp_path).startswith("bounded by 100 rounds: no weights make more")
    assert repeated(drop, "prune:", folder=tmp_path) == "bounded by 100 rounds: no proof for prune"


def test_tests_of_a_used_pass_run_with_its_own_parameters(tmp_path: Path) -> None:
    file = tmp_path / "inner.yaml"
    file.write_text(
        "graphpass: 1\nparameters: {to: b}\nrules:\n- rename: {from: a, to: '${to}'}\ntests:\n"
        "- {before: 'a = variable(); return a', after: 'b = variable(); return b'}\n"
    )
    report = lint(load_pass([{"use": {"pass": str(file), "set": {"to": "c"}}}]))
    assert [bool(test) for test in report.uses[0].tests] == [True]


def test_a_parameter_that_none_of_several_passes_has_is_an_error() -> None:
    use = {"pass": ["drop-identity", "siamese"], "set": {"prefx": "b_"}}
    [found] = lint(load_pass([{"use": use}])).findings
    assert "none of the passes 'drop-identity', 'siamese' has a parameter 'prefx'" in found.message
