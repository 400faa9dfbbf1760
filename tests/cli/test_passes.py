"""``graphpass passes``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

PASS = """\
graphpass: 1
name: mine
parameters: {op: relu, size: 3}
rules:
- rewrite:
    id: shrink
    match: |
      inner = ${op}(x)
      y = dot(inner, w)
    replace: y = ${op}(x)
    tests:
    - before: |
        x, v = variable(), variable()
        y = dot(relu(x), v)
        return y
      after: |
        x = variable()
        y = relu(x)
        return y
    - before: |
        x = variable()
        return relu(x)
      unchanged: has no dot
"""


@pytest.fixture
def mine(folder: Path) -> Path:
    (folder / "mine.yaml").write_text(PASS)
    return folder / "mine.yaml"


def test_list(cli: Any, folder: Path) -> None:
    done = cli("passes", "list")
    assert done.code == 0
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["name", "rules", "termination", "description"]
    assert ["siamese", "3", "operations", "Two"] in [line[:4] for line in lines]
    listed = json.loads(cli("passes", "list", "--json").out)
    assert {
        "name": "siamese",
        "rules": 3,
        "termination": "operations",
        "description": "Two towers on one set of weights.",
    } in listed


def test_show_is_a_pass_again(cli: Any, mine: Path) -> None:
    done = cli("passes", "show", "mine.yaml")
    assert done.out == f"# --set op=relu\n# --set size=3\n{PASS}"
    (mine.parent / "again.yaml").write_text(done.out)
    assert cli("passes", "test", "again.yaml").code == 0


def test_show_json(cli: Any, folder: Path) -> None:
    facts = json.loads(cli("passes", "show", "siamese", "--json").out)
    assert facts["parameters"] == {"cut": None, "prefix": "right_", "share": "parameters"}
    assert facts["rules"][0] == {"id": "cut", "keyword": "extract"}
    assert facts["text"].startswith("graphpass: 1\n")


def test_lint(cli: Any, mine: Path) -> None:
    done = cli("passes", "lint", "mine.yaml")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "mine: 1 rule, 1 rewrite\n"
        "  shrink: terminates: proved (weights dot 1)\n"
        "mine.yaml:9:22: warning: shrink: w is bound and never read; write _ in its place\n"
        "0 errors; 1 warning; 2 of 2 tests passed\n"
    )
    assert cli("passes", "lint", "mine.yaml", "--strict").code == 1


def test_lint_json(cli: Any, mine: Path) -> None:
    facts = json.loads(cli("passes", "lint", "mine.yaml", "--json").out)
    assert facts["passed"] is True
    assert facts["findings"] == [
        {
            "severity": "warning",
            "code": "unused-name",
            "rule": "shrink",
            "place": "mine.yaml:9:22",
            "message": "w is bound and never read; write _ in its place",
        }
    ]
    assert facts["groups"] == [
        {
            "rules": ["shrink"],
            "termination": {"kind": "proved", "measure": "nodes", "weights": {"dot": 1}},
            "overlaps": [],
        }
    ]


def test_tests(cli: Any, mine: Path) -> None:
    done = cli("passes", "test", "mine.yaml")
    assert (done.code, done.out, done.err) == (0, "2 of 2 tests passed\n", "")
    assert [
        each["passed"] for each in json.loads(cli("passes", "test", "mine.yaml", "--json").out)
    ] == [
        True,
        True,
    ]


def test_a_failing_test_is_an_answer(cli: Any, mine: Path) -> None:
    done = cli("passes", "test", "mine.yaml", "--set", "op=tanh")
    assert done.code == 1
    assert done.out.splitlines()[0].startswith(
        "mine.yaml:16:14: shrink, test 1: failed: it did not fire, which left A, and B was wanted: "
    )
    assert done.out.endswith("1 of 2 tests passed\n")
    assert cli("passes", "lint", "mine.yaml", "--set", "op=tanh").code == 1


def test_lint_and_explain_look_through_lists_of_passes_that_are_repeated(
    cli: Any, mine: Path
) -> None:
    mine.with_name("other.yaml").write_text(PASS.replace("unchanged: has no dot", "unchanged: why"))
    mine.with_name("all.yaml").write_text(
        "graphpass: 1\nrules:\n- use: {pass: [drop-dropout, other.yaml], repeat: true}\n"
    )
    done = cli("passes", "lint", "all.yaml")
    assert "rule 1, repeated: " in done.out
    assert done.code == 1, "a test of other.yaml fails"
    assert "other.yaml:" in done.out
    said = cli("explain", "all.yaml", "age").out
    assert "drop-dropout: no match\n" in said
    assert "shrink: no match\n" in said


@pytest.mark.parametrize("verb", ["show", "lint", "test"])
def test_no_such_pass(cli: Any, folder: Path, verb: str) -> None:
    done = cli("passes", verb, "siamse")
    assert done.code == 2
    assert done.err.startswith("error: there is no pass 'siamse'; nearest: siamese")


@pytest.mark.parametrize("verb", ["show", "lint", "test"])
def test_a_broken_pass_is_told_with_its_place(cli: Any, mine: Path, verb: str) -> None:
    mine.write_text(PASS.replace("dot(inner, w)", "dt(inner, w)"))
    done = cli("passes", verb, "mine.yaml")
    assert done.code == 2
    assert done.err.startswith("error: mine.yaml:9:11: MXNet 1.9.1 has no operator 'dt'")
