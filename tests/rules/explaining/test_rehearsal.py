"""A rehearsal fires as the driver does, and leaves no trace."""

from __future__ import annotations

import random

import numpy as np
import pytest

from graphpass import Model, Parameters
from graphpass.errors import OperationError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.rules import explain
from graphpass.rules.explaining.rehearsal import Rehearsal
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewriting.group import decide
from graphpass.rules.rewriting.rewrite import Rewrite, parse_rewrite


def matches(rewrite: Rewrite, index: Facts) -> list[Match]:
    return list(Matcher(rewrite.pattern, index.graph, facts=index).matches())


def scene() -> Model:
    graph = parse_graph(
        "x, w = variable(), variable()\n"
        "a = FullyConnected(x, w, num_hidden=2, no_bias=True); b = relu(a)\n"
        "c = FullyConnected(b, w, num_hidden=2, no_bias=True); d = tanh(c)\n"
        "return d, b"
    )
    return Model(graph, Parameters({"w": np.eye(2, dtype="float32")}))


DOUBLED = parse_rewrite(
    "y = FullyConnected(x, w)",
    "y = FullyConnected(x, twice, **y.attrs)",
    let={"twice": "w * 2"},
)


def test_graph_ranks_and_parameters_are_as_before() -> None:
    model = scene()
    index = Facts(model.graph, model.inputs)
    rehearsal = Rehearsal(index, model.parameters)
    ranks = dict(index.ranks)
    grown = parse_rewrite("y = relu(x)", "y = tanh(sin(cos(x)))")
    for _ in range(2):
        for rewrite in (DOUBLED, grown):
            for match in matches(rewrite, index):
                draft = decide(rewrite, match, index, model.parameters)
                rehearsal.fire(draft, match, rewrite.id)
        twin = rehearsal._twin
        assert print_graph(twin.graph) == print_graph(model.graph) == print_graph(scene().graph)
        assert dict(twin.ranks) == dict(index.ranks) == ranks
        assert rehearsal._parameters == model.parameters == scene().parameters


def test_after_an_error_too() -> None:
    model = scene()
    index = Facts(model.graph, model.inputs)
    rehearsal = Rehearsal(index, model.parameters)
    clash = parse_rewrite("y = relu(x)", "y = tanh(sin(x), name='x')")
    [match] = matches(clash, index)
    with pytest.raises(OperationError, match="would be called 'x', as variable"):
        rehearsal.fire(decide(clash, match, index, model.parameters), match, "r")
    assert print_graph(rehearsal._twin.graph) == print_graph(model.graph)
    assert dict(rehearsal._twin.ranks) == dict(index.ranks)


def test_all_matches_of_a_long_chain_are_rehearsed_on_one_copy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dice = random.Random(0)
    length = 300
    lines = ["x0 = variable()"]
    lines += [f"x{n} = {dice.choice(['relu', 'tanh'])}(x{n - 1})" for n in range(1, length)]
    graph = parse_graph("\n".join([*lines, f"return x{length - 1}"]))
    copies: list[object] = []
    original = type(graph).copy
    monkeypatch.setattr(type(graph), "copy", lambda self: copies.append(self) or original(self))
    answer = explain(parse_rewrite("y = relu(x)", "y = sin(cos(x))"), graph)
    assert len(answer.matches) > 100
    assert len(copies) == 1
