"""The rewrites of a pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphpass.errors import UsageError
from graphpass.rules import load_pass
from graphpass.rules.pass_rewrites import rewrites_of

ONE = {"rewrite": {"match": "y = relu(relu(x))", "replace": "y = relu(x)"}}
TWO = {"rewrite": {"id": "gone", "match": "y = Dropout(x)", "replace": "return x"}}


def ids(*rules: object) -> list[str]:
    return [rewrite.id for rewrite in rewrites_of(load_pass(list(rules)))]


def test_all_in_order_by_the_names_that_reports_give_them() -> None:
    assert ids({"prune": {}}, ONE, TWO) == ["rule 2", "gone"]


def test_one_by_its_id() -> None:
    loaded = load_pass([ONE, TWO])
    assert [rewrite.id for rewrite in rewrites_of(loaded, "gone")] == ["gone"]
    with pytest.raises(UsageError) as caught:
        rewrites_of(loaded, "gon")
    assert str(caught.value) == (
        "the pass rules has no rewrite 'gon'; nearest: gone; it has rule 1, gone"
    )


def test_a_pass_without_any_is_an_error() -> None:
    with pytest.raises(UsageError, match="the pass rules has no rewrite to explain"):
        ids({"prefix": "a_"})


def test_those_of_passes_that_it_uses(tmp_path: Path) -> None:
    inner = tmp_path / "inner.yaml"
    inner.write_text(
        "graphpass: 1\nparameters: {op: relu}\nrules:\n"
        "  - rewrite: {id: inner, match: 'y = ${op}(x)', replace: 'return x'}\n"
        "  - use: outer.yaml\n"
    )
    outer = tmp_path / "outer.yaml"
    outer.write_text(
        "graphpass: 1\nrules:\n  - use: {pass: inner.yaml, set: {op: tanh}}\n"
        "  - rewrite: {id: outer, match: 'y = relu(relu(x))', replace: 'y = relu(x)'}\n"
    )
    found = rewrites_of(load_pass(outer))
    assert [rewrite.id for rewrite in found] == ["inner", "outer"]
    assert found[0].pattern.parts[0].ops == ("tanh",)


def test_those_of_several_passes_that_one_rule_uses() -> None:
    assert ids({"use": {"pass": ["prelu-to-relu", "drop-dropout"]}}) == [
        "prelu-to-relu",
        "drop-dropout",
    ]
