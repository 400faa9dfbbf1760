"""Findings and reports as text and as data."""

from __future__ import annotations

from graphpass.checks import CheckReport, Finding, FoundNode

NODES = tuple(FoundNode(key, "relu", f"r{key}", ("loop",)) for key in range(5))


def test_a_finding_names_a_few_of_its_nodes_and_what_mends_it() -> None:
    finding = Finding("some-code", "warning", NODES, "it is odd", "apply some-pass")
    assert str(finding) == (
        "warning: some-code: relu 'r0' (#0) inside loop, relu 'r1' (#1) inside loop, "
        "relu 'r2' (#2) inside loop and 2 more: it is odd; `graphpass apply some-pass` mends it"
    )
    facts = finding.to_json()
    assert len(facts["nodes"]) == 5
    assert facts["nodes"][0] == {"key": 0, "op": "relu", "name": "r0", "inside": ["loop"]}
    assert facts["remedy"] == "graphpass apply some-pass"


def test_a_finding_about_no_node() -> None:
    finding = Finding("some-code", "error", (), "it is wrong")
    assert str(finding) == "error: some-code: it is wrong"
    assert finding.to_json()["remedy"] is None


def test_a_node_that_the_graph_has_not() -> None:
    assert str(FoundNode(None, "null", "lost")) == "variable 'lost'"


def test_a_report_fails_on_errors_and_if_strict_on_all() -> None:
    warning = Finding("odd", "warning", (), "odd")
    error = Finding("wrong", "error", (), "wrong")
    assert not CheckReport((warning,)).fails()
    assert CheckReport((warning,)).fails(strict=True)
    assert CheckReport((error, warning)).fails()
    assert not CheckReport(()).fails(strict=True)
    assert str(CheckReport((error, warning, warning))).endswith("1 error, 2 warnings")
