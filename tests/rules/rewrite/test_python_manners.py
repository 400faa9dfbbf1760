"""What functions of a rewrite had better not do, and what happens if they do."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import graphpass
from graphpass import Model
from graphpass.errors import GraphpassError, OperationError, UsageError
from graphpass.formats.text import parse_graph


@pytest.fixture
def model() -> Model:
    return Model(parse_graph("x = variable(); y = Activation(x, act_type='relu'); return y"))


def rewriting(condition: Any) -> Any:
    @graphpass.rewrite
    def rule(op: Any, x: Any) -> Any:
        return op.Activation(x).named("y")

    rule.where(condition)

    @rule.replace
    def tanh(op: Any, match: Any) -> Any:
        return op.tanh(match.x)

    return rule


def test_a_condition_may_not_run_a_pass_on_the_model(model: Model) -> None:
    before = graphpass.dumps(model.graph)

    def meddles(match: Any) -> bool:
        graphpass.apply([{"rename": {"from": "x", "to": "z"}}], model)
        return True

    with pytest.raises(UsageError, match="a pass is running on this model"):
        graphpass.apply([rewriting(meddles)], model)
    assert graphpass.dumps(model.graph) == before
    graphpass.apply([{"rename": {"from": "x", "to": "z"}}], model)


def test_an_error_with_a_constructor_of_its_own_keeps_its_words(model: Model) -> None:
    class OwnError(GraphpassError):
        def __init__(self, number: int, reason: str) -> None:
            super().__init__(f"{reason} {number}")

    def raises(match: Any) -> bool:
        raise OwnError(7, "no luck with")

    with pytest.raises(OperationError, match="no luck with 7"):
        graphpass.apply([rewriting(raises)], model)


def test_a_match_is_good_until_its_rewrite_has_fired(model: Model) -> None:
    kept: list[Any] = []

    def keeps(match: Any) -> bool:
        kept.append(match)
        assert copy.copy(match.y).act_type == "relu"
        return True

    graphpass.apply([rewriting(keeps), {"prune": {}}, {"remove": {"select": "y"}}], model)
    with pytest.raises((OperationError, AttributeError)):
        _ = kept[0].y.act_type
