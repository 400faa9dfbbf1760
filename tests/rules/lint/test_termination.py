"""`terminates`: proofs by weights, and what stands in their way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from effort import at_most
from hypothesis import given
from hypothesis import strategies as st

from graphpass.formats.text import parse_graph
from graphpass.graph import Graph
from graphpass.rules.lint.termination import Termination, terminates
from graphpass.rules.rewrite.group import Group, Member
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite

DROP = parse_rewrite("y = Dropout(x)", "x", id="drop-dropout")
RELU = parse_rewrite("y = relu(relu(x))", "y = relu(x)", id="relu-relu")
FULL = parse_rewrite(
    "y = FullyConnected(x, w, b)", "y = elemwise_add(dot(x, w), b)", id="split-fully-connected"
)
FOLD = parse_rewrite(
    """
    conv = Convolution(x, weight, optional(bias))
    out = BatchNorm(conv, gamma, beta, moving_mean, moving_var)
    """,
    "out = Convolution(x, folded_weight, folded_bias, **conv.attrs, no_bias=False)",
    where=["known(weight, bias, gamma, beta, moving_mean, moving_var)"],
    let={
        "scale": "gamma / sqrt(moving_var + out.eps)",
        "folded_weight": "weight * per_axis(scale, 0, weight.ndim)",
        "folded_bias": "((bias if bound(bias) else 0) - moving_mean) * scale + beta",
    },
    id="fold-batchnorm",
)
DEPLOY = (DROP, FOLD, RELU, FULL)


def test_the_set_of_a_deployer_is_proved() -> None:
    assert str(terminates(DEPLOY)) == (
        "terminates: proved (weights FullyConnected 3, BatchNorm 1, Dropout 1, dot 1, "
        "elemwise_add 1, relu 1)"
    )


@pytest.mark.parametrize(
    ("inverse", "undone"),
    [
        (
            parse_rewrite("y = elemwise_add(dot(x, w), b)",
                          "y = FullyConnected(x, w, b, num_hidden=3)", id="inverse"),
            "both split-fully-connected and inverse",
        ),
        (
            parse_rewrite(
                "y = Convolution(x, w, *rest)",
                "y = BatchNorm(Convolution(x, w, *rest, **y.attrs), g, g, g, g)",
                let={"g": "ones((3,))"},
                id="inverse",
            ),
            "inverse",
        ),
        (parse_rewrite("y = relu(x)", "y = relu(relu(x))", id="inverse"), "inverse"),
        (parse_rewrite("y = relu(x)", "y = relu(Dropout(x))", id="inverse"), "inverse"),
    ],
)  # fmt: skip
def test_no_more_once_the_inverse_of_one_is_added(inverse: Rewrite, undone: str) -> None:
    found = terminates([*DEPLOY, inverse])
    assert not found
    assert str(found) == f"bounded by budget: no weights make {undone} lighter"


def proof(*pairs: tuple[str, str], **options: Any) -> str:
    rules = [
        parse_rewrite(match, replace, id="abcdef"[number], **options)
        for number, (match, replace) in enumerate(pairs)
    ]
    return str(terminates(rules))


BATCHNORM = "BatchNorm(x, g, b, m, v{})"


def set_to(asked: str, given: str) -> tuple[str, str]:
    """Return a rewrite of a BatchNorm's attributes that leaves the others as they are."""
    return (
        f"y = {BATCHNORM.format(f', {asked}')}",
        f"y = {BATCHNORM.format(f', **y.attrs, {given}')}",
    )


@pytest.mark.parametrize(
    ("pairs", "answer"),
    [
        # a feature weighs
        ([set_to("fix_gamma=True", "fix_gamma=False")],
         "proved (weights BatchNorm 1, BatchNorm(fix_gamma=True) +1)"),
        ([set_to("fix_gamma=True", "fix_gamma=False"), set_to("eps=0.5", "eps=0.25")],
         "proved (weights BatchNorm 1, BatchNorm(eps=0.5) +1, BatchNorm(fix_gamma=True) +1)"),
        ([set_to("eps=0.5", "eps=0.25"), set_to("eps=0.25", "eps=0.5")],
         "no weights make both a and b lighter"),
        # the default is a value
        ([("y = relu(x)", "y = LeakyReLU(x)"),
          ("y = LeakyReLU(x, act_type='leaky')", "y = tanh(x)")],
         "proved (weights relu 3, LeakyReLU 2, tanh 1)"),
        ([("y = LeakyReLU(x, act_type='leaky')", "y = LeakyReLU(x)")],
         "no weights make a lighter"),
        ([("y = LeakyReLU(x, act_type='elu')", "y = LeakyReLU(x)")],
         "proved (weights LeakyReLU 1, LeakyReLU(act_type='elu') +1)"),
        # what is computed may have any value
        ([("y = LeakyReLU(x, slope=0.5)", "y = LeakyReLU(x, slope=y.slope)")],
         "no weights make a lighter"),
        # a feature that is copied twice
        ([("y = LeakyReLU(x, slope=0.5)", "y = LeakyReLU(LeakyReLU(x, **y.attrs), **y.attrs)")],
         "no weights make a lighter"),
        # what the replacement reads stays
        ([("a = relu(x); y = tanh(a); shared(a)", "y = sigmoid(a)")],
         "proved (weights tanh 2, sigmoid 1)"),
        ([("a = relu(x); y = tanh(a); shared(a)", "y = sigmoid(relu(x))")],
         "proved (weights tanh 3, relu 1, sigmoid 1)"),
        ([("a = relu(x); y = tanh(a); shared(a)", "y = tanh(x)")],
         "proved (weights relu 1, along every path)"),
        ([("y = tanh(x)", "y = tanh(y)")], "no weights make a lighter"),
        # a value may be the output of an interior node that is read twice
        ([("y = elemwise_add(relu(a), b)", "y = elemwise_add(a, b)")],
         "proved (weights relu 1, along every path)"),
        ([("y = elemwise_add(relu(a), b)", "y = elemwise_add(a, elemwise_mul(b, b))")],
         "no weights make a lighter"),
        ([("r = relu(a); y = elemwise_add(r, b); distinct(r, b)",
           "y = elemwise_mul(a, elemwise_mul(b, b))")],
         "proved (weights relu 2, elemwise_add 1, elemwise_mul 1)"),
        ([("y = elemwise_add(relu(a), param(b))", "y = elemwise_add(a, b)")],
         "proved (weights relu 1)"),
        # a value that is read more often than before
        ([("y = square(x)", "y = elemwise_mul(x, x)")],
         "proved (weights square 2, elemwise_mul 1)"),
        # the lightest alternative, the absent operator
        ([("y = (relu | tanh)(x)", "y = sigmoid(x)")],
         "proved (weights relu 2, tanh 2, sigmoid 1)"),
        ([("y = (relu | tanh)(x)", "y = relu(x)")], "no weights make a lighter"),
        ([("y = maybe(Dropout)(relu(x))", "y = tanh(x)")], "proved (weights relu 2, tanh 1)"),
        ([("y = tanh(maybe(Dropout)(x))", "y = tanh(x)")], "no weights make a lighter"),
        # several roots
        ([("a = dot(x, v); b = dot(x, w); return a, b",
           "p, q = SliceChannel(dot(x, Concat(v, w)), num_outputs=2); return p, q")],
         "proved (weights dot 3, Concat 1, SliceChannel 1)"),
        # operators of other origin
        ([("y = `Vendor`(x)", "y = relu(x)")], "proved (weights Vendor 2, relu 1)"),
    ],
)  # fmt: skip
def test_answers(pairs: list[tuple[str, str]], answer: str) -> None:
    said = "terminates: " if answer.startswith("proved") else "bounded by budget: "
    assert proof(*pairs) == said + answer


def test_once_needs_no_proof() -> None:
    assert proof(("y = relu(x)", "y = relu(relu(x))"), once=True) == "once"


def test_once_is_left_aside_in_a_group() -> None:
    grow = parse_rewrite("y = tanh(x)", "y = relu(relu(x))", id="grow", once=True)
    back = parse_rewrite("y = relu(x)", "y = tanh(x)", id="back")
    assert str(terminates([grow, back])) == "terminates: proved (weights relu 2, tanh 1)"


class Opaque:
    """A body of which nothing is known."""

    reads = frozenset({"x"})

    def draft(self, scope: object, bindings: object) -> Any:
        raise NotImplementedError


def test_what_python_decides_is_not_foreseen() -> None:
    rule = replace(DROP, id="mine", body=Opaque())
    assert str(terminates([DROP, rule])) == (
        "bounded by budget: what mine puts in is decided in Python"
    )
    assert str(terminates([DROP, replace(rule, once=True)])) == (
        "terminates: proved (weights Dropout 1)"
    )


def test_many_blockers_are_counted() -> None:
    names = ["relu", "tanh", "sigmoid", "exp", "log", "sin"]
    rules = [
        parse_rewrite(f"y = {one}(x)", f"y = {other}(x)", id=one)
        for one, other in zip(names, [*names[1:], names[0]], strict=True)
    ]
    found = terminates(rules)
    assert str(found) == (
        "bounded by budget: no weights make all of relu, tanh, sigmoid and 3 more lighter"
    )
    assert found.to_json()["blockers"] == [0, 1, 2, 3, 4, 5]


def test_a_hundred_rewrites_take_no_time() -> None:
    rules = [
        parse_rewrite(f"y = `op{n}`(x)", f"y = `op{n + 1}`(`op{n + 1}`(x))", id=f"rule{n}")
        for n in range(100)
    ]
    circle = [*rules, parse_rewrite("y = `op100`(x)", "y = `op0`(x)", id="back")]
    with at_most(2_000_000):
        assert terminates(rules)
        assert not terminates(circle)


# -- properties ----------------------------------------------------------------------------------

UNARY = ("relu", "tanh", "sigmoid")
BINARY = ("elemwise_add", "broadcast_sub")


@st.composite
def terms(draw: st.DrawFn, leaves: tuple[str, ...], most: int) -> str:
    """Draw an expression of at most that many operators."""
    if not most or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(leaves))
    if draw(st.booleans()):
        return f"{draw(st.sampled_from(UNARY))}({draw(terms(leaves, most - 1))})"
    half = (most - 1) // 2
    return (
        f"{draw(st.sampled_from(BINARY))}({draw(terms(leaves, half))}, {draw(terms(leaves, half))})"
    )


@st.composite
def rewrites(draw: st.DrawFn) -> Rewrite:
    """Draw a rewrite of a few operators, with what proofs have to mind."""
    inner = draw(st.sampled_from(UNARY))
    outer = draw(st.sampled_from(UNARY + BINARY))
    other = ", b" if outer in BINARY else ""
    arguments = draw(st.sampled_from([f"r{other}", f"b, r{''}"])) if other else "r"
    maybe = draw(st.sampled_from(["{}(x)", "{}(x)", "(relu | {})(x)", "{}(maybe(tanh)(x))"]))
    lines = [f"r = {maybe.format(inner)}", f"y = {outer}({arguments})"]
    if draw(st.integers(0, 3)) == 0:
        lines.append("shared(r)")
    leaves = ("x", "x", *(["b", "b"] if other else []), "r")
    result = draw(terms(leaves, 3))
    pattern = "\n".join(lines)
    replace = result if result in leaves else f"y = {result}"
    return parse_rewrite(pattern.replace("(relu | relu)", "relu"), replace, id="rule")


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    lines = ["v0 = variable()", "v1 = variable()"]
    for number in range(2, draw(st.integers(3, 9))):
        known = tuple(f"v{each}" for each in range(number))
        op = draw(st.sampled_from(UNARY + BINARY))
        count = 2 if op in BINARY else 1
        inputs = [draw(st.sampled_from(known[-3:])) for _ in range(count)]
        lines.append(f"v{number} = {op}({', '.join(inputs)})")
    heads = ", ".join([f"v{number}", draw(st.sampled_from(known))])
    return parse_graph("\n".join([*lines, f"return {heads}"]))


def weight(graph: Graph, found: Termination) -> int:
    if found.measure == "nodes":
        ops = [graph.op(key) for key in graph.order() if not graph.is_variable(key)]
        return sum(found.weights.get(op, 1) for op in ops)
    totals: Counter[int] = Counter()
    for key in graph.order():
        if not graph.is_variable(key):
            below = sum(totals[source] for source, _, _ in graph.inputs(key))
            totals[key] = found.weights.get(graph.op(key), 1) + below
    return sum(totals[head.node] for head in graph.heads)


@given(st.lists(rewrites(), min_size=1, max_size=3), graphs())
def test_what_is_proved_ends_within_its_weight(rules: list[Rewrite], graph: Graph) -> None:
    found = terminates(rules)
    if not found:
        return
    most = weight(graph, found)
    with graph.edit() as edit:
        group = Group([Member(each, each.id) for each in rules], budget=1_000_000)
        fired = group.run(graph, edit, None, [])
        edit.sweep()
    assert fired <= most - weight(graph, found)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Draw operators one below the other, and others to take their place."""
    before = draw(st.lists(st.sampled_from(UNARY), min_size=1, max_size=4))
    return before, draw(st.lists(st.sampled_from(UNARY), max_size=4))


@given(st.lists(chains(), min_size=1, max_size=4))
def test_it_proves_what_trying_small_weights_proves(
    rules: list[tuple[list[str], list[str]]],
) -> None:
    def nested(ops: list[str]) -> str:
        text = "x"
        for op in ops:
            text = f"{op}({text})"
        return text

    parsed = [parse_rewrite(nested(before), nested(after)) for before, after in rules]
    tried = any(
        all(sum(map(w.__getitem__, before)) > sum(map(w.__getitem__, after))
            for before, after in rules)
        for w in (dict(zip(UNARY, each, strict=True)) for each in product(range(1, 6), repeat=3))
    )  # fmt: skip
    found = terminates(parsed)
    assert found or not tried
    if found:
        w = {op: found.weights.get(op, 1) for op in UNARY}
        assert all(
            sum(map(w.__getitem__, before)) > sum(map(w.__getitem__, after))
            for before, after in rules
        )
