"""What random rules hold. That they keep their promises is tested in ``tests/properties``."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import graphpass
from graphpass import Graph, Model
from graphpass.errors import UsageError
from graphpass.graph import Entry
from graphpass.testing import OPERATIONS, DrawnRule, RunnableModel, models, rules

SEARCH = settings(database=None, max_examples=900, derandomize=True, phases=[Phase.generate])
SHRINK = settings(database=None)

Pair = tuple[RunnableModel, DrawnRule]


def pairs(**options: Any) -> st.SearchStrategy[Pair]:
    return models().flatmap(
        lambda drawn: rules(drawn.model, **options).map(lambda promised: (drawn, promised))
    )


@pytest.fixture(scope="module")
def drawn_pairs() -> list[Pair]:
    """Many random models with a random rule each."""
    found: list[Pair] = []

    @SEARCH
    @given(pair=pairs())
    def collect(pair: Pair) -> None:
        found.append(pair)

    collect()
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_draws_the_operation(drawn_pairs: list[Pair], operation: str) -> None:
    drawn, promised = next(pair for pair in drawn_pairs if operation in pair[1].rule)
    report = graphpass.apply([promised.rule], drawn.model.copy())
    assert report.steps[0].keyword == operation


@given(pair=pairs(operations=("rename", "tie")))
def test_keeps_to_the_operations(pair: Pair) -> None:
    assert pair[1].rule.keys() <= {"rename", "tie", "prune"}


@given(pair=pairs())
def test_drawing_leaves_the_model_alone(pair: Pair) -> None:
    drawn, promised = pair
    before = graphpass.dumps(drawn.model.graph)
    graphpass.apply([promised.rule], drawn.model.copy())
    assert graphpass.dumps(drawn.model.graph) == before


@given(pair=pairs())
def test_promises_are_about_the_model(pair: Pair) -> None:
    drawn, promised = pair
    assert set(promised.inputs.values()) <= drawn.shapes.keys()
    assert all(0 <= head < len(drawn.model.graph.heads) for head in promised.heads)
    assert not promised.isomorphic or len(promised.heads) == len(drawn.model.graph.heads)


def test_prune_is_drawn_where_nothing_applies() -> None:
    graph = Graph()
    with graph.edit() as edit:
        edit.set_heads([Entry(edit.add_variable("x"))])
    promised = find(
        rules(Model(graph), operations=["remove", "tie"]), lambda rule: True, settings=SHRINK
    )
    assert promised.rule == {"prune": {}}
    assert promised.isomorphic


def test_refuses_an_operation_that_it_does_not_know() -> None:
    graph = Graph()
    with graph.edit() as edit:
        edit.set_heads([Entry(edit.add_variable("x"))])
    with pytest.raises(UsageError, match="no operation 'renam'; nearest: rename"):
        rules(Model(graph), operations=["renam"])
