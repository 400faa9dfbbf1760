"""`overlaps`: patterns that may meet at one operator, and whether their order matters."""

from __future__ import annotations

from typing import Any

import pytest

from graphpass.formats.text import parse_graph
from graphpass.model import Model
from graphpass.rules.lint.overlaps import Overlap, overlaps
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite


def rewrite(id: str, match: str, replace: str, **options: Any) -> Rewrite:
    return parse_rewrite(match, replace, id=id, **options)


def tried(rewrites: list[Rewrite], *graphs: str) -> list[tuple[str, str, str, int]]:
    """Return the pairs by their ids, with what came of them on graphs."""
    models = [(f"test {n}", Model(parse_graph(text))) for n, text in enumerate(graphs, 1)]
    return [
        (rewrites[pair.first].id, rewrites[pair.second].id, pair.verdict, pair.graphs)
        for pair in overlaps(rewrites, models)
    ]


DROP = rewrite("drop", "y = relu(Dropout(x))", "y = relu(x)")
SWAP = rewrite("swap", "z = tanh(relu(x))", "z = sigmoid(x)")
REST = rewrite("rest", "Dropout(x)", "x")
CHAIN = "x = variable()\ndropout = Dropout(x)\ny = relu(dropout)\nz = tanh(y)\nreturn z"
BARE = "x = variable()\nreturn relu(x)"


def test_an_overlap_at_an_inner_node() -> None:
    [pair] = overlaps([DROP, SWAP], [("here", Model(parse_graph(CHAIN)))])
    assert pair == Overlap(
        first=0,
        second=1,
        verdict="differs",
        graphs=1,
        place="here",
        graph=CHAIN,
        ends=(
            "x = variable()\nz = sigmoid(x)\nreturn z",
            "x = variable()\ndropout = Dropout(x)\nz = sigmoid(dropout)\nreturn z",
        ),
        reason="where A has sigmoid 'z' (#3), B has Dropout 'dropout' (#1)",
    )


def test_what_no_graph_has_is_not_tested() -> None:
    assert tried([DROP, SWAP], BARE) == [("drop", "swap", "not tested", 0)]


def test_what_a_third_rewrite_mends_joins() -> None:
    assert ("drop", "swap", "joins", 2) in tried([DROP, SWAP, REST], CHAIN, BARE, CHAIN)


def test_a_rewrite_overlaps_itself() -> None:
    twice = rewrite("twice", "y = relu(relu(x))", "y = relu(x)")
    three = "x = variable()\nreturn relu(relu(relu(x)))"
    assert tried([twice], three) == [("twice", "twice", "joins", 1)]
    odd = rewrite("odd", "Dropout(relu(Dropout(x)))", "tanh(x)")
    chain = "x = variable()\nreturn Dropout(relu(Dropout(relu(Dropout(x)))))"
    assert tried([odd], chain) == [("odd", "odd", "differs", 1)]


def test_names_are_told_apart() -> None:
    turn = rewrite("turn", "d = Dropout(x); y = relu(d)", "y = Dropout(relu(x), **d.attrs)")
    assert tried([turn, REST], CHAIN) == [("turn", "rest", "names differ", 1)]


def test_one_output_of_a_node_as_the_root() -> None:
    split = rewrite("split", "a, b = SliceChannel(relu(x), num_outputs=2); return a, b",
                    "a, b = SliceChannel(x, num_outputs=2); return a, b")  # fmt: skip
    drop = rewrite("drop", "y = relu(tanh(x))", "y = relu(x)")
    graph = "x = variable()\na, b = SliceChannel(relu(tanh(x)), num_outputs=2)\nreturn a, b"
    assert tried([split, drop], graph) == [("split", "drop", "differs", 1)]


@pytest.mark.parametrize(
    "others",
    [
        # no operator in common
        [rewrite("a", "y = relu(x)", "y = tanh(x)"), rewrite("b", "y = exp(x)", "y = log(x)")],
        # attributes that exclude each other
        [rewrite("a", "y = Activation(x, act_type='relu')", "y = relu(x)"),
         rewrite("b", "y = Activation(x, act_type='tanh')", "y = tanh(x)")],
        # one reads another number of inputs
        [rewrite("a", "y = Concat(a, b)", "y = elemwise_add(a, b)"),
         rewrite("b", "y = Concat(a, b, c)", "y = add_n(a, b, c)")],
        # the inner node of one is read from outside by the other
        [rewrite("a", "y = tanh(relu(x))", "y = sigmoid(x)"),
         rewrite("b", "r = relu(x); y = exp(r); shared(r)", "y = log(r)")],
        # a parameter is no operator, and of one kind
        [rewrite("a", "y = dot(param(a), x)", "y = batch_dot(a, x)"),
         rewrite("b", "y = exp(dot(relu(a), tanh(b)))", "y = dot(a, b)")],
        [rewrite("a", "y = dot(param(a), x)", "y = batch_dot(a, x)"),
         rewrite("b", "y = exp(dot(input(a), b))", "y = dot(a, b)")],
        # another output, another number of outputs
        [rewrite("a", "s = SliceChannel(x); y = tanh(relu(s[1]))", "y = tanh(x)"),
         rewrite("b", "s = SliceChannel(x); y = relu(s[0])", "y = tanh(x)")],
        # what refuses its matches is in nobody's way
        [parse_rewrite("y = relu(x)", refuse="it stays", id="a"),
         rewrite("b", "y = relu(x)", "y = tanh(x)")],
    ],
)  # fmt: skip
def test_no_overlap(others: list[Rewrite]) -> None:
    assert overlaps(others) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("y = elemwise_add(relu(a), b)", "y = elemwise_add(input(a), b)"),
        ("y = add_n(relu(a), *rest)", "y = add_n(tanh(a), *rest)"),
        ("y = FullyConnected(x, w, optional(b))", "y = tanh(FullyConnected(x, w))"),
        ("y = tanh(maybe(Dropout)(x))", "y = exp(tanh(param(x)))"),
        ("y = dot(param(a), x)", "y = exp(dot(const(a), x))"),
    ],
)
def test_what_may_overlap(one: str, other: str) -> None:
    assert len(tried([rewrite("a", one, "y = cos(y)"), rewrite("b", other, "y = sin(y)")])) >= 1


def test_once_has_its_turn_once() -> None:
    grow = rewrite("grow", "y = relu(x)", "y = relu(relu(x))", once=True)
    drop = rewrite("drop", "y = tanh(relu(x))", "y = tanh(x)")
    assert tried([grow, drop], "x = variable()\nreturn tanh(relu(x))") == [
        ("grow", "drop", "joins", 1)
    ]


def test_what_does_not_end_is_not_tested() -> None:
    one = rewrite("one", "y = tanh(relu(x))", "y = tanh(relu(relu(x)))")
    two = rewrite("two", "y = tanh(x)", "y = sigmoid(x)")
    graph = Model(parse_graph("x = variable()\nreturn tanh(relu(x))"))
    [pair] = overlaps([one, two], [("here", graph)])
    assert (pair.verdict, pair.graphs) == ("not tested", 0)
    assert pair.reason.startswith("here: ")


def test_a_search_that_meets_its_limit_is_no_overlap() -> None:
    hard = rewrite(
        "hard",
        f"y = add_n({', '.join(f'dot(a{n}, maybe(relu)(b{n}))' for n in range(12))})",
        "y = relu(a0)",
        where="b0.name == 'none'",
    )
    other = rewrite("other", "y = add_n(*xs)", "y = Concat(*xs)")
    names = ", ".join(f"w{n}" for n in range(12))
    dots = ", ".join(f"dot(x, w{n})" for n in range(12))
    graph = f"x, {names} = {', '.join(['variable()'] * 13)}\nreturn add_n({dots})"
    assert tried([hard, other], graph) == [("hard", "other", "not tested", 0)]
