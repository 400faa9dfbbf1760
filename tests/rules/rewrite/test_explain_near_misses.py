"""Near misses of a whole graph, in groups."""

from __future__ import annotations

import pytest

from graphpass import Model
from graphpass.formats.text import parse_graph
from graphpass.rules.report.firings import NearMiss
from graphpass.rules.rewrite.examiner import near_misses
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.group import Group, Member
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite

TWICE = parse_rewrite("y = relu(relu(x))", "y = relu(x)")


def found(rewrite: Rewrite, model: Model) -> tuple[NearMiss, ...]:
    return near_misses(rewrite, Facts(model.graph, model.inputs), model.parameters)


def branches(*ops: str) -> Model:
    lines = [f"n{number} = relu({op}(x))" for number, op in enumerate(ops)]
    heads = ", ".join(f"n{number}" for number in range(len(ops)))
    return Model(parse_graph("\n".join(["x = variable()", *lines, f"return {heads}"])))


def test_what_lacks_the_same_is_one_group() -> None:
    groups = found(TWICE, branches("tanh", "sin", "tanh", "tanh"))
    assert [(each.count, each.root.name) for each in groups] == [(3, "n0"), (1, "n1")]
    assert str(groups[0]) == (
        "relu (3 nodes): tanh 'tanh0' (#1) is no relu; first at relu 'n0' (#2)"
    )


def test_those_that_came_furthest_come_first() -> None:
    graph = parse_graph(
        "x = variable(); a = relu(tanh(x)); b = relu(x); c = relu(b)\n"
        "d = tanh(x); e = relu(d, name='e'); return a, b, c, e"
    )
    assert [each.code for each in found(TWICE, Model(graph))] == ["head", "operator", "operator"]


def test_there_are_at_most_ten_groups() -> None:
    ops = (
        "sin",
        "cos",
        "tan",
        "tanh",
        "sinh",
        "cosh",
        "abs",
        "ceil",
        "floor",
        "exp",
        "sqrt",
        "erf",
    )
    groups = found(TWICE, branches(*ops))
    assert len(groups) == 10


def test_nodes_at_which_it_applies_are_no_misses() -> None:
    groups = found(TWICE, branches("relu"))
    assert [each.root.name for each in groups] == ["relu0"]


def test_after_the_driver_is_done_the_rest_is_told() -> None:
    model = branches("relu", "tanh", "relu")
    with model.edit() as edit:
        group = Group([Member(TWICE, "twice")])
        assert group.run(model.graph, edit, model.parameters, model.inputs) == 2
    assert sum(each.count for each in found(TWICE, model)) == 3


def test_one_attempt_for_each_candidate(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    search = Matcher.search
    monkeypatch.setattr(
        Matcher, "search", lambda *asked: begun.append(asked[1].node) or search(*asked)
    )
    model = branches(*["tanh"] * 40)
    found(TWICE, model)
    assert len(begun) == 40


def test_a_candidate_that_takes_for_ever_is_left() -> None:
    values = [f"v{number}" for number in range(12)]
    lines = [f"{value} = variable()" for value in values]
    model = Model(parse_graph("\n".join([*lines, f"return add_n({', '.join(values)})"])))
    rewrite = parse_rewrite(
        f"y = add_n({', '.join(values)})", f"y = add_n({', '.join(values)})", where=["v0.is_param"]
    )
    [near] = found(rewrite, model)  # none of the 12! ways to arrange the operands will do
    assert near.reason == "v0.is_param is False"


def test_as_data() -> None:
    [group] = found(TWICE, branches("tanh"))
    assert group.to_json() == {
        "count": 1,
        "code": "operator",
        "what": "relu",
        "reason": "tanh 'tanh0' (#1) is no relu",
        "root": {"key": 2, "op": "relu", "name": "n0"},
        "path": [],
    }
