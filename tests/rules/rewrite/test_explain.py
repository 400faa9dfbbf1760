"""The answer as a whole: matches, near misses, what is lacking, where, and as data."""

from __future__ import annotations

import json
import random
import textwrap

import numpy as np
import pytest

from graphpass import Model, Parameters
from graphpass.errors import SelectorError, TextError
from graphpass.formats.text import parse_graph
from graphpass.graph import Entry
from graphpass.rules import Explanation, explain, parse_pattern
from graphpass.rules.rewrite.draft import Draft, Refusal
from graphpass.rules.rewrite.examiner import near_misses
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite

CHAIN = "x = variable(); a = relu(x); b = relu(a); c = relu(b); return c, tanh(a)"


def lines(text: str) -> str:
    return textwrap.dedent(text).strip("\n")


def test_a_rewrite_that_applies_says_so() -> None:
    rewrite = parse_rewrite("y = relu(relu(x))", "y = relu(x)", id="twice", where=["y.users == ()"])
    answer = explain(rewrite, parse_graph(CHAIN), "c")
    assert answer
    assert str(answer) == lines(
        """
        twice at relu 'c' (#3): match
          ✓ y = relu  c (#3)
          ✓ relu      b (#2)
          ✓ y.users == ()
        """
    )
    assert answer.matches[0].match.bindings["y"] == 3


def test_without_a_node_matches_come_before_near_misses() -> None:
    answer = explain("y = relu(relu(x))", parse_graph(CHAIN))
    assert answer
    assert str(answer) == lines(
        """
        pattern: 1 match
          relu 'c' (#3)
        near misses:
          relu: relu 'a' (#1) is also used by tanh 'tanh0' (#4); at relu 'b' (#2)
          relu: variable 'x' (#0) is no relu; at relu 'a' (#1)
        """
    )


def test_the_first_few_of_many_matches() -> None:
    graph = parse_graph(
        "x = variable()\n" + "\n".join(f"t{n} = tanh(x)" for n in range(8))
        + "\nreturn " + ", ".join(f"t{n}" for n in range(8))
    )  # fmt: skip
    assert str(explain("tanh(z)", graph)) == lines(
        """
        pattern: 8 matches
          tanh 't0' (#1)
          tanh 't1' (#2)
          tanh 't2' (#3)
          tanh 't3' (#4)
          tanh 't4' (#5)
          and 3 more
        """
    )


def test_where_nothing_came_near_it_says_what_is_lacking() -> None:
    answer = explain("y = maybe(Dropout)(BatchNorm(z, *_))", parse_graph(CHAIN))
    assert not answer
    assert str(answer) == "pattern: no match\n  the model has no Dropout or BatchNorm"


def test_the_consumer_of_an_interior_value_is_named() -> None:
    graph = parse_graph(
        "x = variable(); s = SliceChannel(x, num_outputs=2)\n"
        "m = broadcast_maximum(s[0], s[1]); gate = sigmoid(s[1]); return m, gate"
    )
    mfm = parse_rewrite("a, b = SliceChannel(x)\nm = broadcast_maximum(a, b)", "m = max(x)")
    assert str(explain(mfm, graph, "m")) == lines(
        """
        rewrite at broadcast_maximum 'm' (#2): no match
          ✓ m = broadcast_maximum  m (#2)
          ✗ a, b = SliceChannel    s (#1): is also used by sigmoid 'gate' (#3)
          would match if s had no other user: gate reads it
        """
    )


def test_the_node_may_be_named_or_numbered() -> None:
    graph = parse_graph("x = variable(); n = relu(x); n_1 = tanh(n, name='n'); return n_1")
    with pytest.raises(SelectorError, match="selects 2 nodes where one is meant; choose: id:1"):
        explain("tanh(relu(z))", graph, "n")
    assert explain("tanh(relu(z))", graph, "id:2")
    with pytest.raises(SelectorError, match="no operator is called 'x'"):
        explain("tanh(relu(z))", graph, "x")


BODY = """
def body():
    v, s = variable(), variable()
    inner = relu(v)
    return relu(inner, name="outer"), tanh(s)
x, h = variable(), variable()
loop = _foreach(x, h, subgraphs=[body], num_args=3, num_outputs=2, num_out_data=1,
    in_data_locs=(0,), in_state_locs=(1,), remain_locs=())
return loop[0], sigmoid(loop[1])
"""


def test_subgraphs_are_looked_at_each_by_itself() -> None:
    graph = parse_graph(BODY)
    answer = explain("y = relu(relu(z))", graph)
    [found] = answer.matches
    assert found.match.path == ((2, 0),)
    assert str(answer).splitlines()[1] == "  relu 'outer' (#3) inside loop (#2), subgraph 0"
    [near] = answer.near_misses
    assert (
        str(near) == "relu: variable 'v' (#0) is no relu; at relu 'inner' (#2), in subgraph 0 of #2"
    )
    assert explain("y = relu(relu(z))", graph, "outer")
    at = explain("y = relu(relu(z))", graph, "inner").at
    assert at is not None
    assert (at.inside, at.path) == ("loop (#2), subgraph 0", ((2, 0),))
    with pytest.raises(SelectorError, match="no operator is called 'body'"):
        explain("y = relu(relu(z))", graph, "body")


def test_a_root_is_told_once_whatever_the_order_of_roots() -> None:
    graph = parse_graph("x, v, w = variable(), variable(), variable(); return dot(x, v), dot(x, w)")
    answer = explain("p = dot(x, v); q = dot(x, w); return p, q", graph)
    assert len(answer.matches) == 1
    assert not answer.near_misses
    assert all(
        explain("p = dot(x, v); q = dot(x, w); return p, q", graph, f"id:{n}") for n in (3, 4)
    )


def test_what_the_heads_do_not_reach_is_no_user() -> None:
    graph = parse_graph("x = variable(); a = relu(x); b = relu(a); return b")
    with graph.edit() as edit:
        dead = edit.add_node("tanh", "dead", {}, [Entry(1)])
    assert explain(parse_rewrite("y = relu(relu(x))", "y = relu(x)"), graph, "b")
    assert dead in graph


def test_operators_that_are_absent() -> None:
    graph = parse_graph("x = variable(); a = relu(x); b = tanh(a); return b")
    assert str(explain("tanh(maybe(Dropout)(relu(z)))", graph, "b")) == lines(
        """
        pattern at tanh 'b' (#2): match
          ✓ tanh            b (#2)
          ✓ maybe(Dropout)  absent
          ✓ relu            a (#1)
        """
    )


def test_another_body_is_judged_by_the_driver_too() -> None:
    class Never:
        reads: frozenset[str] = frozenset()

        def draft(self, scope: object, bindings: object) -> Draft:
            raise Refusal("it is not the day")

    answer = explain(Rewrite("py", parse_pattern("y = relu(x)"), Never()), parse_graph(CHAIN), "a")
    assert str(answer) == lines(
        """
        py at relu 'a' (#1): no match
          ✓ y = relu  a (#1)
          ✗ where: it is not the day
        """
    )


def test_of_several_ways_to_match_the_one_that_came_furthest_is_told() -> None:
    graph = parse_graph(
        "x, y = variable(), variable(); a = tanh(x); b = tanh(y); return elemwise_add(a, b)"
    )
    conditions = ["p.is_param", "q.is_param"]
    rewrite = parse_rewrite("s = elemwise_add(tanh(p), tanh(q))", "s = tanh(p)", where=conditions)
    model = Model(graph, Parameters({"y": [1.0]}))
    answer = explain(rewrite, model, "elemwise_add0")
    assert answer.at is not None
    assert [check.holds for check in answer.at.checks] == [True] * 4 + [False]
    assert answer.at.checks[-1].reason == "q.is_param is False"


def test_a_match_that_is_far_to_seek_is_a_match_all_the_same() -> None:
    values = [f"v{n}" for n in range(7)]
    lines = [f"{v} = variable(); r{n} = relu({v})" for n, v in enumerate(values)]
    operands = ", ".join(f"r{n}" for n in range(7))
    graph = parse_graph("\n".join([*lines, f"sum = add_n({operands}); return sum"]))
    # Names that a replacement reads tell the operands apart; v0 comes last in all 7! ways.
    rewrite = parse_rewrite(
        f"y = add_n({', '.join(f'relu({v})' for v in values)})",
        f"y = add_n({', '.join(values)})",
        where=["v0.is_param"],
    )
    model = Model(graph, Parameters({"v6": np.ones(1, "float32")}))
    assert explain(rewrite, model, "sum")
    [near] = near_misses(rewrite, Facts(graph, model.inputs), model.parameters)
    assert near.reason == "v0.is_param is False"


def test_as_data() -> None:
    graph = parse_graph(CHAIN)
    at = explain("y = relu(relu(x))", graph, "b").to_json()
    assert json.loads(json.dumps(at)) == {
        "rule": "pattern",
        "matches": False,
        "at": {"key": 2, "op": "relu", "name": "b"},
        "path": [],
        "checks": [
            {
                "what": "y = relu",
                "holds": True,
                "node": {"key": 2, "op": "relu", "name": "b"},
                "reason": "",
            },
            {
                "what": "relu",
                "holds": False,
                "node": {"key": 1, "op": "relu", "name": "a"},
                "reason": "is also used by tanh 'tanh0' (#4)",
            },
        ],
        "would_match_if": "a had no other user: tanh0 reads it",
    }
    everywhere = explain("y = relu(relu(x))", graph).to_json()
    assert json.loads(json.dumps(everywhere)) == {
        "rule": "pattern",
        "matches": True,
        "count": 1,
        "roots": [{"key": 3, "op": "relu", "name": "c", "path": []}],
        "near_misses": [
            {
                "count": 1,
                "code": "used",
                "what": "relu",
                "reason": "relu 'a' (#1) is also used by tanh 'tanh0' (#4)",
                "root": {"key": 2, "op": "relu", "name": "b"},
                "path": [],
            },
            {
                "count": 1,
                "code": "operator",
                "what": "relu",
                "reason": "variable 'x' (#0) is no relu",
                "root": {"key": 1, "op": "relu", "name": "a"},
                "path": [],
            },
        ],
        "lacking": [],
    }


def test_a_malformed_pattern_is_refused() -> None:
    with pytest.raises(TextError, match="no operator 'rleu'"):
        explain("rleu(x)", parse_graph(CHAIN))


def remedied(answer: Explanation) -> str:
    return "" if answer.at is None or answer.at.remedy is None else answer.at.remedy


@pytest.mark.parametrize("seed", range(10))
def test_what_is_said_to_be_enough_is_enough(seed: int) -> None:
    """Cut the users that a remedy names, and there is a match."""
    dice = random.Random(seed)
    mended = 0
    for _ in range(60):
        names, said = ["x0"], ["x0, other = variable(), variable()"]
        for number in range(1, 8):
            op = dice.choice(["relu", "relu", "tanh"])
            said.append(f"x{number} = {op}({dice.choice(names[-2:])})")
            names.append(f"x{number}")
        heads = dict.fromkeys([names[-1], *dice.sample(names, 2)])
        text = "\n".join([*said, f"return {', '.join(heads)}"])
        pattern = "y = relu(relu(tanh(z)))" if dice.random() < 0.5 else "y = relu(relu(z))"
        graph = parse_graph(text)
        for key in graph.order():
            if graph.is_variable(key):
                continue
            answer = explain(pattern, graph, f"id:{key}")
            if not remedied(answer):
                continue
            mended += 1
            assert answer.at is not None
            [blamed] = [c.node.key for c in answer.at.checks if c.node and c.holds is False]
            kept = {c.node.key for c in answer.at.checks if c.node}
            twin = graph.copy()
            with twin.edit() as edit:
                other = edit.add_variable("other")
                edit.redirect(Entry(blamed), Entry(other), keep=kept)
            assert explain(pattern, twin, f"id:{key}"), (text, str(answer))
    assert mended > 5


def test_what_conditions_compute_at_all_nodes_together_is_limited() -> None:
    chain = "; ".join(f"r{n} = relu({f'r{n - 1}' if n else 'x'})" for n in range(200))
    graph = parse_graph(f"x = variable(); {chain}; return r199")
    costly = parse_rewrite(
        "y = relu(x)", "x", where=["sum(sum(ones((1000, 1000))) for i in range(7)) < 0"]
    )
    misses = explain(costly, graph).near_misses
    assert [miss.code for miss in misses] == ["error", "where"]
    assert "the expressions of all matches of this run take more than" in misses[0].reason
