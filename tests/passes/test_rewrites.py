"""Every shipped pass: its tests pass, it lints clean, and it ends."""

from __future__ import annotations

from typing import Any

import pytest

from graphpass.passes import shipped_names
from graphpass.rules import load_pass
from graphpass.rules.lint import lint, run_tests

BOUNDED = ["split-batchnorm"]
"""No weights make their replacements lighter than their matches."""


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_pass_lints_clean(name: str) -> None:
    report = lint(load_pass(name))
    assert not report.fails(strict=True), str(report)
    assert all(finding.severity == "note" for finding in report.findings)
    for group in report.groups:
        if name not in BOUNDED:
            said = str(group.termination)
            assert "proved" in said or said == "once", (group.rules, said)


@pytest.mark.parametrize("name", BOUNDED)
def test_a_pass_without_a_proof_says_why_it_ends(name: str) -> None:
    assert "it ends after" in (load_pass(name).description or "")


@pytest.mark.parametrize("name", shipped_names())
def test_the_tests_of_a_shipped_pass_pass(name: str) -> None:
    loaded = load_pass(name)
    tests = run_tests(loaded)
    assert len(tests) >= 2, "a graph that it changes, and one that it leaves alone"
    rewrites = [rule for rule in loaded.rules if rule.operation.keyword == "rewrite"]
    assert len(tests) >= 2 * len(rewrites), "each rewrite has a firing and a refusal"
    assert all(tests), [str(test) for test in tests]


@pytest.mark.mxnet
@pytest.mark.parametrize("name", shipped_names())
def test_the_tests_of_a_shipped_pass_keep_outputs(name: str, mx: Any) -> None:
    tests = run_tests(load_pass(name), on_mxnet=True)
    assert all(tests), [str(test) for test in tests]
