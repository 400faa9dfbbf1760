"""`critical_pairs`: overlaps of rewrites, and whether their order matters."""

from __future__ import annotations

from typing import Any

import pytest

from graphpass.rules.analysis.critical_pairs import TOO_MANY, CriticalPair, critical_pairs
from graphpass.rules.rewriting.rewrite import Rewrite, parse_rewrite


def rewrite(id: str, match: str, replace: str, **options: Any) -> Rewrite:
    return parse_rewrite(match, replace, id=id, **options)


DROP = rewrite("drop", "y = relu(Dropout(x))", "y = relu(x)")
SWAP = rewrite("swap", "z = tanh(relu(x))", "z = sigmoid(x)")
FOLD = rewrite(
    "fold",
    "conv = Convolution(x, w, optional(bias)); out = BatchNorm(conv, g, b, m, v)",
    "out = Convolution(x, w2, b2, **conv.attrs, no_bias=False)",
    where=["conv.layout in (None, 'NCHW')", "out.axis == 1", "known(w, g)"],
    let={"s": "g / sqrt(v + out.eps)", "w2": "w * per_axis(s, 0, w.ndim)",
         "b2": "((bias if bound(bias) else 0) - m) * s + b"},
)  # fmt: skip


def outcomes(*rewrites: Rewrite) -> list[tuple[str, str, str]]:
    return [
        (rewrites[pair.first].id, rewrites[pair.second].id, pair.outcome)
        for pair in critical_pairs(rewrites)
    ]


def test_an_overlap_at_an_inner_node() -> None:
    [pair] = critical_pairs([DROP, SWAP])
    assert pair == CriticalPair(
        first=0,
        second=1,
        outcome="order matters",
        witness="x = variable()\ndropout = Dropout(x)\ny = relu(dropout)\nz = tanh(y)\nreturn z",
        ends=(
            "x = variable()\nz = sigmoid(x)\nreturn z",
            "x = variable()\ndropout = Dropout(x)\nz = sigmoid(dropout)\nreturn z",
        ),
        reason="where A has sigmoid 'z' (#3), B has Dropout 'dropout' (#1)",
    )


def test_what_a_third_rewrite_mends_joins() -> None:
    rest = rewrite("rest", "Dropout(x)", "x")
    assert outcomes(DROP, SWAP) == [("drop", "swap", "order matters")]
    assert ("drop", "swap", "joins") in outcomes(DROP, SWAP, rest)


def test_a_rewrite_overlaps_itself() -> None:
    twice = rewrite("twice", "y = relu(relu(x))", "y = relu(x)")
    assert outcomes(twice) == [("twice", "twice", "joins")]
    three = rewrite("three", "y = Dropout(relu(Dropout(x)))", "y = tanh(x)")
    [pair] = critical_pairs([three])
    assert pair.outcome == "order matters"
    assert pair.witness.count("Dropout") == 3


def test_names_are_told_apart() -> None:
    turn = rewrite("turn", "d = Dropout(x); y = relu(d)", "y = Dropout(relu(x), **d.attrs)")
    drop = rewrite("drop", "Dropout(x)", "x")
    [pair] = critical_pairs([turn, drop])
    assert (pair.outcome, pair.reason) == (
        "names differ",
        "relu 'y_relu' (#3) of A is called 'y' in B (#2)",
    )


@pytest.mark.parametrize(
    "others",
    [
        # no operator in common
        (rewrite("a", "y = relu(x)", "y = tanh(x)"), rewrite("b", "y = exp(x)", "y = log(x)")),
        # attributes that exclude each other
        (rewrite("a", "y = Activation(x, act_type='relu')", "y = relu(x)"),
         rewrite("b", "y = Activation(x, act_type='tanh')", "y = tanh(x)")),
        # one reads another number of inputs
        (rewrite("a", "y = Concat(a, b)", "y = elemwise_add(a, b)"),
         rewrite("b", "y = Concat(a, b, c)", "y = add_n(a, b, c)")),
        # the inner node of one is read from outside by the other
        (rewrite("a", "y = tanh(relu(x))", "y = sigmoid(x)"),
         rewrite("b", "r = relu(x); y = exp(r); shared(r)", "y = log(r)")),
        # a parameter is no operator
        (rewrite("a", "y = dot(param(a), x)", "y = batch_dot(a, x)"),
         rewrite("b", "y = exp(dot(relu(a), tanh(b)))", "y = dot(a, b)")),
    ],
)  # fmt: skip
def test_no_overlap(others: tuple[Rewrite, ...]) -> None:
    assert critical_pairs(others) == []


def test_attributes_and_parameters_are_found() -> None:
    other = rewrite("other", "BatchNorm(Convolution(x, *_), *_)", "tanh(x)")
    [pair] = critical_pairs([FOLD, other])
    assert pair.outcome == "order matters"
    assert pair.witness == (
        "x, w, bias = variable(), variable(), variable()\n"
        "conv = Convolution(x, w, bias, kernel=(2, 2), num_filter=2)\n"
        "g, b, m, v = variable(), variable(), variable(), variable()\n"
        "out = BatchNorm(conv, g, b, m, v)\n"
        "return out"
    )


def test_a_value_that_a_condition_names_is_tried() -> None:
    other = rewrite(
        "other", "a = Activation(x); y = tanh(a)", "y = exp(x)", where=["a.act_type == 'softsign'"]
    )
    one = rewrite("one", "Activation(x)", "relu(x)")
    [pair] = critical_pairs([one, other])
    assert 'act_type="softsign"' in pair.witness


def test_a_condition_that_nothing_meets_is_not_decided() -> None:
    other = rewrite("other", "r = relu(x)", "r = exp(x)", where=["r.name == 'head'"])
    one = rewrite("one", "relu(x)", "tanh(x)")
    [pair] = critical_pairs([one, other])
    assert (pair.outcome, pair.reason) == ("not decided", "other: r.name is 'r', not 'head'")
    assert pair.witness == "x = variable()\nr = relu(x)\nreturn r"


def test_commutative_inputs_change_places() -> None:
    one = rewrite("one", "y = elemwise_add(relu(a), b)", "y = elemwise_mul(a, b)")
    other = rewrite("other", "y = elemwise_add(a, tanh(b))", "y = broadcast_add(a, b)")
    found = {place for pair in critical_pairs([one, other]) for place in [pair.outcome]}
    assert found == {"order matters"}


def test_once_has_its_turn_once() -> None:
    grow = rewrite("grow", "y = relu(x)", "y = relu(relu(x))", once=True)
    drop = rewrite("drop", "y = tanh(relu(x))", "y = tanh(x)")
    [pair] = critical_pairs([grow, drop])
    assert pair.outcome == "joins"


def test_runaways_are_not_decided() -> None:
    one = rewrite("one", "y = tanh(relu(x))", "y = tanh(relu(relu(x)))")
    two = rewrite("two", "y = tanh(x)", "y = sigmoid(x)")
    assert ("one", "two", "not decided") in outcomes(one, two)


def test_there_is_an_end_to_it() -> None:
    rules = [rewrite(f"r{n}", "y = relu(x)", "y = tanh(x)") for n in range(6)]
    found = critical_pairs(rules, most=3)
    assert [pair.reason == TOO_MANY for pair in found].count(False) == 3
    assert all(pair.outcome == "not decided" for pair in found if pair.reason == TOO_MANY)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (rewrite("a", "Dropout(x)", "x"),
         rewrite("b", "y = elemwise_sub(a, b); distinct(a, b)", "y = elemwise_mul(a, b)")),
        (rewrite("a", "relu(x)", "x"),
         rewrite("b", "y = tanh(x)", "y = cos(x)", where="x.node.op == 'relu'")),
        (rewrite("a", "y = tanh(x)", "y = cos(x)"),
         rewrite("b", "y = relu(x)", "x", where="y.users[0].op == 'tanh'")),
        (rewrite("a", "y = tanh(x)", "x"),
         rewrite("b", "y = relu(x)", "y = cos(x)", where="not y.is_head")),
    ],
)  # fmt: skip
def test_what_looks_beyond_its_match_is_not_decided(first: Rewrite, second: Rewrite) -> None:
    found = [pair for pair in critical_pairs([first, second]) if pair.first != pair.second]
    assert [pair.outcome for pair in found] == ["not decided"]
    assert found[0].reason.startswith("b: ")


def test_an_overlap_that_joins_is_not_decided_where_one_looks_beyond_its_match() -> None:
    one = rewrite("one", "y = relu(x)", "y = tanh(x)", where="y.num_users < 2")
    other = rewrite("other", "y = relu(x)", "y = tanh(x)")
    assert ("one", "other", "not decided") in outcomes(one, other)


def test_inputs_in_another_order_than_those_drawn_are_not_decided() -> None:
    one = rewrite("one", "y = add_n(relu(a), *rest)", "y = relu(a)")
    other = rewrite("other", "y = add_n(tanh(a), *rest)", "y = tanh(a)")
    [pair] = [each for each in critical_pairs([one, other]) if each.first != each.second]
    assert (pair.outcome, pair.reason) == (
        "not decided", "add_n takes its inputs in any order, and not all orders were tried",
    )  # fmt: skip


def test_what_refuses_its_matches_is_in_nobodys_way() -> None:
    refuse = parse_rewrite("y = relu(x)", refuse="it stays", id="refuse")
    assert critical_pairs([refuse, rewrite("a", "y = relu(x)", "y = tanh(x)")]) == []


def test_a_model_that_can_not_be_built_is_no_proof() -> None:
    large = rewrite("large", "y = Convolution(x, w, b, kernel=(100000, 100000))", "y = relu(x)")
    [pair] = critical_pairs([large, rewrite("a", "y = Convolution(x, w, b)", "y = tanh(x)")])
    assert (pair.outcome, pair.reason) == (
        "not decided", "no small model was found to try both on",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("match", "where", "shown"),
    [
        ("y = Dropout(x)", "y.p > 0.7", "Dropout(x, p=0.85)"),
        ("y = Pooling(x)", "y.kernel[0] == 3", "kernel=(3, 3)"),
        ("y = transpose(x)", "len(y.axes) > 1", "axes=(0, 1)"),
        ("y = relu(x)", "x.ndim == 3", "variable(__shape__=(2, 2, 2))"),
        ("y = FullyConnected(x, w, b)", "known(w) and w.shape[0] == 7", "FullyConnected("),
        ("y = FullyConnected(x, w, b)", "known(w) and 7 < w.shape[-1]", "FullyConnected("),
    ],
)
def test_literals_of_conditions_are_tried(match: str, where: str, shown: str) -> None:
    one = rewrite("one", match, "y = tanh(x)", where=where)
    other = rewrite("other", match, "y = sin(x)")
    [pair] = [each for each in critical_pairs([one, other]) if each.first != each.second]
    assert pair.outcome == "order matters"
    assert shown in pair.witness


HARD = f"y = add_n({', '.join(f'dot(a{n}, maybe(relu)(b{n}))' for n in range(12))})"


def test_a_search_that_meets_its_limit_ends_its_own_pairs_only() -> None:
    hard = rewrite("hard", HARD, "y = relu(a0)", where="b0.name == 'w11'")
    found = critical_pairs([hard, hard, DROP, SWAP])
    assert [(p.first, p.second) for p in found if p.outcome == "order matters"] == [(2, 3)]
    assert all("more than 2,000 were tried" in pair.reason for pair in found if pair.second < 2)


def test_a_pattern_that_is_too_large_to_be_drawn() -> None:
    wide = rewrite("wide", f"y = add_n(x, {', '.join('_' * 800)})", "y = relu(x)")
    [pair] = critical_pairs([wide, rewrite("a", "y = add_n(a, b, c)", "y = Concat(a, b, c)")])
    assert pair.reason.startswith("wide: y has 801 inputs, and patterns are tried on operators")
