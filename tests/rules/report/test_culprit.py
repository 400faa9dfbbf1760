"""The last rule that touched a variable is to blame for what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graphpass import apply
from graphpass.rules.report.lineage import culprit

NET = """
    fc1 = FullyConnected(x, w, b, num_hidden=4)
    fc2 = FullyConnected(fc1, v, c, num_hidden=2)
    return fc2
"""
WIDER = {"set": {"select": "fc1", "attrs": {"num_hidden": 5}}}


@pytest.fixture
def model(net: Any) -> Any:
    return net(NET, w=(4, 3), b=(4,), v=(2, 4), c=(2,))


def test_the_rule_that_changed_the_reader(model: Any) -> None:
    report = apply([{"prefix": "a_"}, {**WIDER, "set": {**WIDER["set"], "select": "a_fc1"}}], model)
    key = model.graph.named("a_w")[0]
    assert culprit(report, model.graph, key) == "rule 2 (set)"


def test_a_rule_of_a_used_pass(model: Any, tmp_path: Path) -> None:
    (tmp_path / "inner.yaml").write_text(
        "graphpass: 1\nrules:\n- set: {select: fc1, attrs: {num_hidden: 5}}\n"
    )
    report = apply([{"use": str(tmp_path / "inner.yaml")}, {"rename": {"map": {"v": "u"}}}], model)
    key = model.graph.named("w")[0]
    assert culprit(report, model.graph, key).endswith("inner.yaml:3: rule 1 (set)")


def test_nobody(model: Any) -> None:
    report = apply([{"rename": {"map": {"v": "u"}}}], model)
    key = model.graph.named("w")[0]
    assert culprit(report, model.graph, key).startswith("the pass ")
