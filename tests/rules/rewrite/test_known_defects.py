"""What other rewriters are known to get wrong, by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from effort import at_most

from graphpass import isomorphic
from graphpass.errors import GraphpassError, RunawayError
from graphpass.formats.text import parse_graph
from graphpass.graph.invariants import check_acyclic
from graphpass.graph.ranks import Ranks

FOLD = {
    "id": "fold",
    "match": """
        conv = Convolution(x, weight, no_bias=True)
        out = BatchNorm(conv, gamma, beta, mean, var)
    """,
    "where": ["known(weight, gamma, beta, mean, var)"],
    "let": {
        "scale": "(ones_like(gamma) if out.fix_gamma else gamma) / sqrt(var + out.eps)",
        "folded": "weight * per_axis(scale, 0, weight.ndim)",
        "shift": "beta - mean * scale",
    },
    "replace": "out = Convolution(x, folded, shift, **conv.attrs, no_bias=False)",
}

CONV = "Convolution({x}, {w}, kernel=(1, 1), num_filter=2, no_bias=True)"
NORM = "BatchNorm({x}, {n}_gamma, {n}_beta, {n}_mean, {n}_var, fix_gamma=False)"


def norm_variables(*names: str) -> str:
    return "\n".join(
        f"{name}_{part} = variable()" for name in names for part in ("gamma", "beta", "mean", "var")
    )


def norm_values(*names: str) -> dict[str, tuple[int, ...]]:
    return {f"{name}_{part}": (2,) for name in names for part in ("gamma", "beta", "mean", "var")}


def test_one_node_is_never_matched_by_two_pattern_nodes(rewriting: Any) -> None:
    done = rewriting(
        "x = variable()\na = relu(x)\ny = elemwise_add(a, a)\nreturn y",
        {"match": "elemwise_add(relu(p), relu(q))", "replace": "tanh(p)"},
    )
    assert done.firings == []


def test_two_firings_never_make_the_same_weight_name(rewriting: Any) -> None:
    text = f"""
x, w = variable(), variable()
{norm_variables("a", "b")}
c0 = {CONV.format(x="x", w="w")}
n0 = {NORM.format(x="c0", n="a")}
c1 = {CONV.format(x="n0", w="w")}
n1 = {NORM.format(x="c1", n="b")}
return n1
"""
    values = {"w": (2, 2, 1, 1), **norm_values("a", "b")}
    done = rewriting(text, FOLD, values=values)
    assert done.firings == [("fold", "n0"), ("fold", "n1")]
    names = done.model.graph.arguments
    assert len(set(names)) == len(names)
    assert names == ["x", "n0_weight", "n0_bias", "w", "n1_bias"]
    assert not np.array_equal(done.model.parameters["n0_weight"], done.model.parameters["w"])


def test_the_second_of_two_shared_users_may_keep_the_name(rewriting: Any) -> None:
    text = f"""
x, w = variable(), variable()
{norm_variables("a")}
c0 = {CONV.format(x="x", w="w")}
n0 = {NORM.format(x="c0", n="a")}
c1 = {CONV.format(x="n0", w="w")}
return c1
"""
    weight = np.arange(4, dtype="float32").reshape(2, 2, 1, 1)
    done = rewriting(text, FOLD, values={"w": weight, **norm_values("a")})
    assert done.model.graph.arguments == ["x", "n0_weight", "n0_bias", "w"]
    assert np.array_equal(done.model.parameters["w"], weight)


def test_a_new_weight_may_take_the_name_of_one_that_goes(rewriting: Any) -> None:
    # s is read elsewhere, so the sum is a new variable; of the names that are free, it is y_bias.
    text = """
x, w, s, v, y_bias = variable(), variable(), variable(), variable(), variable()
a = FullyConnected(x, w, s, num_hidden=2)
y = FullyConnected(a, v, y_bias, num_hidden=2)
return broadcast_add(y, s)
"""
    rule = {
        "match": "a = FullyConnected(x, w, s)\ny = FullyConnected(a, v, t)",
        "let": {"total": "s + t"},
        "replace": "y = FullyConnected(x, w, total, num_hidden=2)",
    }
    values = {"w": (2, 2), "s": (2,), "v": (2, 2), "y_bias": (2,)}
    done = rewriting(text, rule, values=values)
    assert done.model.graph.arguments == ["x", "w", "y_bias", "s"]
    assert set(done.model.parameters) == {"w", "y_bias", "s"}


def test_two_roots_are_replaced_in_the_order_of_the_pattern(rewriting: Any) -> None:
    done = rewriting(
        """
x, u, v = variable(), variable(), variable()
a = dot(x, u)
b = dot(x, v)
return relu(b), tanh(a)
""",
        {
            "match": "p = dot(x, s)\nq = dot(x, t)\nreturn p, q",
            "where": ["q.users[0].op == 'tanh'"],
            "replace": "c = Concat(s, t, dim=1)\nboth = dot(x, c)\n"
            "l, r = SliceChannel(both, num_outputs=2)\nreturn l, r",
        },
    )
    graph = done.model.graph
    [slices] = [node for node in graph if node.op == "SliceChannel"]
    heads = [graph.node(head.node) for head in graph.heads]
    read = {node.op: graph.inputs(node.key)[0] for node in heads}
    assert read["relu"][:2] == (slices.key, 0)
    assert read["tanh"][:2] == (slices.key, 1)
    [concat] = [node for node in graph if node.op == "Concat"]
    assert [graph.name(entry.node) for entry in graph.inputs(concat.key)] == ["v", "u"]


@pytest.mark.parametrize("size", [1, 50, 2000])
def test_a_rule_that_grows_for_ever_is_ended(rewriting: Any, size: int) -> None:
    lines = ["x = variable()", "y0 = negative(x)"]
    lines += [f"y{n} = negative(y{n - 1})" for n in range(1, size)]
    text = "\n".join([*lines, f"return y{size - 1}"])
    with at_most(20_000_000), pytest.raises(RunawayError) as caught:
        rewriting(text, {"id": "grow", "match": "negative(x)",
                         "replace": "negative(negative(negative(x)))"})  # fmt: skip
    assert "grow (" in str(caught.value)


def test_nine_commutative_operands_are_one_rule(rewriting: Any) -> None:
    names = [f"v{n}" for n in range(9)]
    ops = ["relu", "tanh", "sigmoid", "exp", "negative", "square", "abs", "sqrt", "cos"]
    made = "\n".join(f"a{n} = {op}(v{n})" for n, op in enumerate(ops))
    shuffled = [f"a{n}" for n in (4, 0, 8, 2, 6, 1, 7, 3, 5)]
    text = f"{', '.join(names)} = {', '.join(['variable()'] * 9)}\n{made}\n" + (
        f"y = add_n({', '.join(shuffled)})\nreturn y"
    )
    operands = ", ".join(f"{op}(p{n})" for n, op in enumerate(ops))
    with at_most(2_000_000):
        done = rewriting(text, {"match": f"y = add_n({operands})", "replace": "y = tanh(p4)"})
    assert done.model.graph.arguments == ["v4"]


def test_a_convolution_that_two_norms_read_is_left_alone(rewriting: Any) -> None:
    text = f"""
x, w = variable(), variable()
{norm_variables("a", "b")}
c = {CONV.format(x="x", w="w")}
n0 = {NORM.format(x="c", n="a")}
n1 = {NORM.format(x="c", n="b")}
return n0, n1
"""
    values = {"w": (2, 2, 1, 1), **norm_values("a", "b")}
    done = rewriting(text, FOLD, values=values)
    assert done.firings == []
    assert not done.report.changed


def test_matches_do_not_go_stale(rewriting: Any) -> None:
    """The second match found at first, tanh over relu, is gone once relu has become a sigmoid."""
    done = rewriting(
        "x = variable()\na = exp(x)\nb = relu(a)\nc = tanh(b)\nreturn c",
        {"id": "first", "match": "relu(exp(x))", "replace": "sigmoid(x)"},
        {"id": "second", "match": "tanh(relu(x))", "replace": "sin(x)"},
    )
    assert done.firings == [("first", "b")]
    assert [node.op for node in done.model.graph] == ["null", "sigmoid", "tanh"]


def test_a_diamond_is_no_cycle(rewriting: Any) -> None:
    done = rewriting(
        "x = variable()\na = relu(x)\nl = tanh(a)\nr = exp(a)\ny = elemwise_add(l, r)\nreturn y",
        {"match": "y = elemwise_add(tanh(a), exp(a))", "replace": "y = sin(a)"},
    )
    assert [node.op for node in done.model.graph] == ["null", "relu", "sin"]


def test_two_roots_that_would_close_a_cycle_are_refused(rewriting: Any) -> None:
    done = rewriting(
        "x = variable()\na = relu(x)\nb = sin(a)\nc = elemwise_add(x, b)\nreturn a, c",
        {"match": "a = relu(x)\nc = elemwise_add(x, b)\nreturn a, c",
         "replace": "s = Concat(x, b, dim=1)\nl, r = SliceChannel(s, num_outputs=2)\nreturn l, r"},
    )  # fmt: skip
    assert done.firings == []
    check_acyclic(done.model.graph, list(done.model.graph.order()))


def test_an_interior_head_is_kept(rewriting: Any) -> None:
    done = rewriting(
        "x = variable()\na = relu(x)\nb = relu(a)\nreturn b, a",
        {"match": "relu(relu(x))", "replace": "relu(x)"},
    )
    assert done.firings == []


def test_matches_back_to_back_do_not_overlap(rewriting: Any) -> None:
    """Of three in a row the first two match; what is made then matches with the third."""
    done = rewriting(
        "x = variable()\na = exp(x)\nb = exp(a)\nc = exp(b)\nd = exp(c)\ne = exp(d)\nreturn e",
        {"match": "exp(exp(x))", "replace": "sin(x)"},
    )
    assert done.firings == [("rule 1", "b"), ("rule 1", "d")]
    assert [node.op for node in done.model.graph] == ["null", "sin", "sin", "exp"]


def test_a_circle_of_rules_is_shown(rewriting: Any) -> None:
    with pytest.raises(RunawayError) as caught:
        rewriting(
            "x = variable()\na = relu(x)\nb = tanh(a)\nc = exp(b)\nreturn c",
            {"id": "there", "match": "y = relu(x)", "replace": "y = sigmoid(x)"},
            {"id": "back", "match": "y = sigmoid(x)", "replace": "y = relu(x)"},
        )
    message = str(caught.value)
    assert "the graph is just as it was" in message
    assert "there (" in message
    assert "back (" in message


def test_a_shared_root_returned_in_part_lives_on(rewriting: Any) -> None:
    rule = {"match": "a = SliceChannel(v)\nshared(a)\nreturn a[0]", "replace": "relu(v)"}
    done = rewriting(
        "p = variable()\ns = SliceChannel(p, num_outputs=2)\ny = elemwise_sub(p, s[1])\n"
        "return y, s",
        rule,
    )
    assert done.firings == [("rule 1", "s")]
    assert [node.op for node in done.model.graph] == [
        "null",
        "SliceChannel",
        "elemwise_sub",
        "relu",
    ]


def test_who_waits_for_what_becomes_a_value_prevents_the_match(rewriting: Any) -> None:
    done = rewriting(
        "p = variable()\na = relu(p)\nb = tanh(a)\nc = sin(p, after=[b])\nreturn c, b",
        {"match": "a = relu(v)\nb = tanh(a)\nreturn a, b", "replace": "return exp(v), v"},
    )
    assert done.firings == []


def test_who_only_the_match_waited_for_is_waited_for_still(rewriting: Any) -> None:
    done = rewriting(
        "x, z = variable(), variable()\na = relu(z)\nb = tanh(x, after=[a])\nc = sigmoid(b)\n"
        "return c",
        {"match": "sigmoid(tanh(x))", "replace": "exp(x)"},
    )
    assert "c = exp(x, after=[a])" in done.text


def test_two_outputs_of_one_root_get_two_names(rewriting: Any) -> None:
    done = rewriting(
        "x = variable()\ns = SliceChannel(x, num_outputs=2)\nreturn s, s[1]",
        {"match": "a, b = SliceChannel(x)\nreturn a, b", "replace": "return relu(x), tanh(x)"},
    )
    assert done.model.graph.outputs == ["s_output", "s_tanh_output"]


def test_a_comma_in_a_condition_is_an_error(rewriting: Any) -> None:
    with pytest.raises(GraphpassError, match="a comma makes a tuple"):
        rewriting(
            "x = variable()\na = relu(x)\nreturn a",
            {"match": "y = relu(x)", "where": "y.is_head, False", "replace": "y = tanh(x)"},
        )


@pytest.mark.parametrize(
    ("replacement", "reason"),
    [
        ("y = `null`(x)", "a replacement can't make a variable"),
        ("y = ``(x)", "a replacement can't make a variable"),
        ('y = Activation(x, act_type="relux")', "relux"),
    ],
)
def test_what_no_graph_can_hold_is_refused_at_once(
    rewriting: Any, replacement: str, reason: str
) -> None:
    with pytest.raises(GraphpassError, match=reason):
        rewriting("x = variable()\nreturn x", {"match": "y = relu(x)", "replace": replacement})


def test_a_pattern_with_too_many_ways_ends_with_an_error(rewriting: Any) -> None:
    lines = ["x = variable()", "y0 = relu(x)"] + [f"y{n} = relu(y{n - 1})" for n in range(1, 60)]
    pattern = "exp(x)"
    for _ in range(24):
        pattern = f"maybe(relu)({pattern})"
    with at_most(50_000_000), pytest.raises(GraphpassError, match="in too many ways"):
        rewriting(
            "\n".join([*lines, "return y59"]),
            {"match": f"y = relu({pattern})", "replace": "y = tanh(x)"},
        )


@pytest.mark.parametrize(
    ("replace", "expected"),
    [
        ("return b, a", "return relu(s[1]), tanh(s[0])"),
        ("return b, b", "return relu(s[1]), tanh(s[1])"),
        ("return a, a", "return relu(s[0]), tanh(s[0])"),
        ("return b, v", "return relu(s[1]), tanh(v)"),
    ],
)
def test_roots_may_change_places(rewriting: Any, replace: str, expected: str) -> None:
    text = "v = variable(); s = SliceChannel(v, num_outputs=2); return relu(s[0]), tanh(s[1])"
    rule = {"match": "a, b = SliceChannel(v)\nreturn a, b", "replace": replace, "once": True}
    wanted = parse_graph(text.replace("return relu(s[0]), tanh(s[1])", expected))
    assert isomorphic(rewriting(text, rule).model.graph, wanted, names=False)


def test_nodes_that_change_places(rewriting: Any) -> None:
    text = "v = variable(); a = sin(v); b = tanh(v); return relu(a), cos(b), a"
    rule = {"match": "a = sin(v)\nb = tanh(v)\nreturn a, b", "replace": "return b, a", "once": True}
    wanted = parse_graph("v = variable(); a = sin(v); b = tanh(v); return relu(b), cos(a), b")
    assert isomorphic(rewriting(text, rule).model.graph, wanted, names=False)


@pytest.mark.parametrize("once", [False, True])
def test_a_chain_of_new_operators_needs_no_new_order(
    rewriting: Any, once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread: list[int] = []
    monkeypatch.setattr(Ranks, "_spread", lambda self: spread.append(1))
    names = "".join(f"n{i} = negative(n{i - 1}); " for i in range(1, 200))
    deep = "negative(negative(negative(v)))" if once else "relu(tanh(sigmoid(v)))"
    rule = {"match": "y = negative(v)", "replace": f"y = {deep}", "once": once}
    done = rewriting(f"v = variable(); n0 = negative(v); {names}return n199", rule)
    assert len(done.firings) == 200
    assert not spread


def test_a_root_with_many_firings_seldom_needs_a_new_order(
    rewriting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spread: list[int] = []
    true = Ranks._spread
    monkeypatch.setattr(Ranks, "_spread", lambda self: (spread.append(1), true(self)))
    operands = ", ".join(["v"] * 100)
    rule = {"match": "y = add_n(a, b, *xs)", "replace": "y = add_n(tanh(a), *xs)"}
    done = rewriting(f"v = variable(); y = add_n({operands}, num_args=100); return y", rule)
    assert len(done.firings) == 99
    assert len(spread) <= 99 // 20


def test_a_condition_that_takes_half_the_budget_is_just_false(rewriting: Any) -> None:
    costly = "any(any(i + j < 0 for i in range(100)) for j in range(40))"
    rule = {"match": "y = relu(v)", "where": [costly], "replace": "v"}
    assert rewriting("v = variable(); y = relu(v); return y", rule).firings == []


def test_all_matches_together_have_a_budget(rewriting: Any) -> None:
    names = "".join(f"n{i} = relu(n{i - 1}); " for i in range(1, 200))
    rule = {
        "match": "y = relu(v)",
        "where": ["sum(sum(ones((1000, 1000))) for i in range(7)) < 0 or v.name == ''"],
        "replace": "v",
    }
    with pytest.raises(GraphpassError, match="all matches of this run take more than 1,073,741,82"):
        rewriting(f"v = variable(); n0 = relu(v); {names}return n199", rule)


def test_counting_users_is_not_quadratic(rewriting: Any) -> None:
    names = "".join(f"n{i} = relu(v); " for i in range(20_000))
    heads = ", ".join(f"n{i}" for i in range(20_000))
    rule = {"match": "y = relu(v)", "where": ["len(v.users) == 1"], "replace": "v"}
    assert rewriting(f"v = variable(); {names}return {heads}", rule).firings == []  # or hours


def test_as_many_firings_as_values_are_read(rewriting: Any) -> None:
    operands = ", ".join(["r"] * 1500)
    rule = {"match": "y = add_n(relu(a), *xs); shared(y)", "replace": "y = add_n(a, *xs)"}
    rule["match"] = "y = add_n(relu(a), *xs)"
    text = f"v = variable(); r = relu(v); y = add_n({operands}, num_args=1500); return y"
    assert len(rewriting(text, rule).firings) == 1500


def test_roots_that_share_a_value_with_many_are_given_up(rewriting: Any) -> None:
    names = "".join(f"n{i} = dot(v, u); " for i in range(2_000))
    heads = ", ".join(f"n{i}" for i in range(2_000))
    rule = {"match": "a = dot(v, u)\nb = dot(v, w)\nreturn a, b", "replace": "return b, a"}
    rule["where"] = ["a.num_inputs == 3"]
    with pytest.raises(GraphpassError, match="could hold in too many ways in this graph"):
        rewriting(f"v, u = variable(), variable(); {names}return {heads}", rule)


TOWERS = """
x, y, w, b = variable(), variable(), variable(), variable()
one = FullyConnected(x, w, b, num_hidden=2)
two = FullyConnected(y, w, b, num_hidden=2)
return one, two
"""


def test_what_was_tied_stays_tied(rewriting: Any) -> None:
    rule = {
        "match": "f = FullyConnected(x, w, b)",
        "let": {"twice": "w * 2", "sum": "b + w[:, 0]"},
        "replace": "f = FullyConnected(x, twice, sum, num_hidden=2)",
        "once": True,
    }
    done = rewriting(TOWERS, rule, values={"w": (2, 2), "b": (2,)})
    assert len(done.firings) == 2
    assert len(done.model.parameters) == 2
    inputs = [done.model.graph.inputs(head.node) for head in done.model.graph.heads]
    assert inputs[0][1:] == inputs[1][1:]


def test_a_tied_weight_gets_its_name_back_when_the_last_reader_is_done(rewriting: Any) -> None:
    rule = {
        "match": "f = FullyConnected(x, w, b)",
        "let": {"twice": "w * 2"},
        "replace": "f = FullyConnected(x, twice, b, num_hidden=2)",
        "once": True,
    }
    done = rewriting(TOWERS, rule, values={"w": (2, 2), "b": (2,)})
    assert done.model.graph.arguments == ["x", "w", "b", "y"]
    assert sorted(done.model.parameters) == ["b", "w"]
    kept = TOWERS.replace("return one, two", "return one, two, tanh(w)")
    done = rewriting(kept, rule, values={"w": (2, 2), "b": (2,)})
    assert done.model.graph.arguments == ["x", "one_weight", "b", "y", "w"]


def test_of_two_weights_each_keeps_its_name_and_hints(rewriting: Any) -> None:
    text = """
x, w = variable(), variable()
v = variable(__lr_mult__=5)
a = FullyConnected(x, w, num_hidden=2, no_bias=True)
b = FullyConnected(a, v, num_hidden=2, no_bias=True)
return b
"""
    rule = {
        "match": "a = FullyConnected(x, w)\nb = FullyConnected(a, v)",
        "let": {"more": "v * 2"},
        "replace": "b = FullyConnected(a, more, **b.attrs)",
        "once": True,
    }
    done = rewriting(text, rule, values={"w": (2, 2), "v": (2, 2)})
    graph = done.model.graph
    assert graph.arguments == ["x", "w", "v"]
    assert graph.attrs(graph.named("v")[0]) == {"__lr_mult__": "5"}


def test_no_firing_makes_numbers_that_are_not_finite(rewriting: Any) -> None:
    layer = "FullyConnected(x, w, num_hidden=2, no_bias=True)"
    text = f"x, w = variable(), variable(); f = {layer}; return f"
    rule = {
        "match": "f = FullyConnected(x, w)",
        "let": {"huge": "w / 1e-46"},
        "replace": "f = FullyConnected(x, huge, num_hidden=2, no_bias=True)",
    }
    assert rewriting(text, rule, values={"w": (2, 2)}).firings == []


def test_a_shape_that_becomes_known_far_away_is_seen(rewriting: Any) -> None:
    text = "x = variable(__shape__=(2, 4)); r = `Vendor`(x); t = tanh(exp(exp(r))); return t"
    done = rewriting(
        text,
        {"id": "far", "match": "y = tanh(x)", "where": ["x.shape[1] == 4"], "replace": "relu(x)"},
        {"id": "near", "match": "y = `Vendor`(x)", "replace": "y = relu(x)"},
    )
    assert sorted(done.firings) == [("far", "t"), ("near", "r")]


def test_a_root_that_a_shared_node_reads_goes_all_the_same(rewriting: Any) -> None:
    text = """
x, w, b = variable(), variable(), variable()
f = FullyConnected(x, w, b, num_hidden=3)
s = sigmoid(f)
e = exp(s)
return e, cos(s), f
"""
    rule = {
        "match": "f = FullyConnected(x, w, b); s = sigmoid(f); e = exp(s); shared(s); return e, f",
        "let": {"w2": "w * 2"},
        "replace": "g = FullyConnected(x, w2, b, **f.attrs); return exp(sigmoid(g)), g",
        "once": True,
    }
    done = rewriting(text, rule, values={"w": (3, 4), "b": (3,)})
    graph = done.model.graph
    assert len(graph) == len(graph.order())
    assert graph.outputs == ["e_output", "cos0_output", "f_output"]
    assert [graph.op(key) for key in graph.order()].count("FullyConnected") == 1
    assert graph.arguments == ["x", "w", "b"]


INNER = "x = variable(); a = relu(x); b = sigmoid(a); c = exp(b); return c"


@pytest.mark.parametrize(
    ("heads", "replace", "after"),
    [
        ("c, a", "m = tanh(x); return sin(b), m",
         "x = variable(); a = relu(x); b = sigmoid(a); c = sin(b); a_m = tanh(x); return c, a_m"),
        ("c, a", "return sin(b), cos(b)",
         "x = variable(); a = relu(x); b = sigmoid(a); c = sin(b); a_cos = cos(b)\n"
         "return c, a_cos"),
        ("c", "m = tanh(x); return sin(b), m",
         "x = variable(); a = relu(x); b = sigmoid(a); c = sin(b); return c"),
    ],
)  # fmt: skip
def test_what_the_replacement_reads_goes_on_reading_what_it_did(
    rewriting: Any, heads: str, replace: str, after: str
) -> None:
    rule = {
        "match": "a = relu(x); b = sigmoid(a); c = exp(b); return c, a",
        "replace": replace,
        "once": True,
    }
    done = rewriting(INNER.replace("return c", f"return {heads}"), rule)
    assert isomorphic(done.model.graph, parse_graph(after), names=True)
    assert len(done.model.graph) == len(done.model.graph.order())


def test_a_name_that_a_firing_gives_is_seen_by_conditions_elsewhere(rewriting: Any) -> None:
    done = rewriting(
        "x = variable(); a = relu(x); b = exp(a); return b",
        {"id": "B", "match": "z = exp(v)", "where": ['v.name == "marked_output"'],
         "replace": "z = sin(v)"},
        {"id": "A", "match": "y = relu(x)", "replace": 'y = tanh(x, name="marked")'},
    )  # fmt: skip
    assert sorted(done.firings) == [("A", "a"), ("B", "b")]


def test_groups_that_double_a_graph_in_turn_end(rewriting: Any) -> None:
    twice = {"match": "y = relu(x)", "replace": "y = relu(relu(x))", "once": True}
    with pytest.raises(RunawayError, match="fired more than 10,000 times in all"):
        rewriting("x = variable(); y = relu(x); return y",
                  *[{**twice, "id": f"g{n}", "group": str(n)} for n in range(60)])  # fmt: skip


def test_conditions_of_all_groups_share_one_limit(rewriting: Any) -> None:
    costly = {"match": "y = relu(x)", "where": ["sum(exp(ones((1000, 1000)))) < 0"], "replace": "x"}
    chain = "; ".join(f"r{n} = relu({f'r{n - 1}' if n else 'x'})" for n in range(6))
    with pytest.raises(GraphpassError, match="of all matches of this run take more than"):
        rewriting(f"x = variable(); {chain}; return r5",
                  *[{**costly, "id": f"g{n}", "group": str(n)} for n in range(60)])  # fmt: skip


def test_an_error_names_the_node_as_it_was(rewriting: Any) -> None:
    rule = {"match": "y = relu(x)", "replace": 'y = tanh(x, name="x")'}
    with pytest.raises(GraphpassError, match=r"at relu 'y' \(#1\): an operator would be called"):
        rewriting("x = variable(); y = relu(x); return y", rule)


def test_firings_of_a_group_are_numbered_as_they_come(rewriting: Any) -> None:
    done = rewriting(
        "x = variable(); a = relu(x); b = exp(a); c = tanh(b); return c",
        {"id": "first", "match": "y = relu(x)", "replace": "y = sin(x)"},
        {"id": "second", "match": "y = exp(sin(x))", "replace": "y = sin(relu(x))"},
        {"id": "third", "match": "y = tanh(x)", "replace": "y = cos(x)"},
    )
    numbered = [(f.number, f.rule) for step in done.report.steps for f in step.firings]
    assert sorted(numbered) == [(1, "first"), (2, "second"), (3, "first"), (4, "third")]
    assert done.report.to_json()["rules"][0]["firings"][1]["number"] == 3


def test_who_waits_for_a_root_that_stays_needs_nothing_new(rewriting: Any) -> None:
    text = """
x, z = variable(), variable()
halves = SliceChannel(x, num_outputs=2)
y = relu(z, after=[halves])
return y
"""
    rule = {"match": "s = SliceChannel(_); y = maybe(Dropout)(s[1])", "replace": "Concat(s)"}
    done = rewriting(text, rule)
    assert done.firings == []
    assert isomorphic(done.model.graph, parse_graph(text), names=True)


def test_a_value_that_waits_to_be_computed_is_computed_before_it_is_read(rewriting: Any) -> None:
    """A chain of sums: each firing reads what the one before it has stored."""
    rule = {
        "match": "inner = broadcast_add(x, param(a))\nouter = broadcast_add(inner, param(b))",
        "where": "known(a, b)",
        "let": {"both": "a + b"},
        "replace": "outer = broadcast_add(x, both)",
    }
    names = [f"p{number}" for number in range(6)]
    lines = [f"{name} = variable()" for name in names]
    lines += [f"s{n} = broadcast_add({f's{n - 1}' if n else 'x'}, {name})"
              for n, name in enumerate(names)]  # fmt: skip
    values = {name: np.full((1, 3), 2.0**n, "float32") for n, name in enumerate(names)}
    text = "\n".join(["x = variable()", *lines, "return s5"])
    done = rewriting(text, rule, values=values)
    assert len(done.firings) == 5
    [total] = done.model.parameters.values()
    np.testing.assert_array_equal(total, np.full((1, 3), 63, "float32"))


def test_a_value_that_is_not_finite_is_refused_wherever_it_stands_in_a_row(rewriting: Any) -> None:
    """Values of many firings are computed together; one that overflows refuses its match alone."""
    rule = {
        "match": "y = broadcast_mul(x, param(a))",
        "where": "known(a)",
        "let": {"square": "a * a"},
        "replace": "y = broadcast_div(x, square)",
    }
    sizes = [1.0, 2.0, 1e30, 3.0]
    lines = [f"p{n} = variable()" for n in range(4)]
    lines += [f"s{n} = broadcast_mul({f's{n - 1}' if n else 'x'}, p{n})" for n in range(4)]
    values = {f"p{n}": np.full((2,), size, "float32") for n, size in enumerate(sizes)}
    done = rewriting("\n".join(["x = variable()", *lines, "return s3"]), rule, values=values)
    assert [root for _, root in done.firings] == ["s0", "s1", "s3"]
    assert [value[0] for value in done.model.parameters.values()] == [1, 4, np.float32(1e30), 9]


def test_what_one_rule_has_seen_of_a_variable_tells_another_rule_the_same(rewriting: Any) -> None:
    """Both rules decide once for all matches of one shape, to which hints of variables belong."""
    text = (
        "x, p0, p1 = variable(), variable(__lr_mult__='2'), variable(__lr_mult__='3')\n"
        "s0 = broadcast_mul(tanh(x), p0); r = relu(s0); s1 = broadcast_mul(r, p1); return s1"
    )
    never = {"match": "y = relu(broadcast_mul(x, a))", "where": "a.name == 'q'", "replace": "x"}
    rule = {
        "match": "y = broadcast_mul(x, a)",
        "where": "a.__lr_mult__ == '2'",
        "replace": "y = broadcast_add(x, a)",
    }
    assert [root for _, root in rewriting(text, never, rule).firings] == ["s0"]


def test_what_only_a_match_reads_goes_whatever_went_at_the_match_before(rewriting: Any) -> None:
    """The first constant reads nothing; below the second one there is more to go."""
    text = (
        "p = variable()\na = tanh(_ones(shape=(1,)))\nb = tanh(exp(p))\nc = Concat(a, b)\nreturn c"
    )
    rule = {"match": "tanh(const(_))", "replace": "_zeros(shape=(1,))"}
    done = rewriting(text, rule, values={"p": (1,)})
    assert len(done.firings) == 2
    graph = done.model.graph
    assert [graph.op(key) for key in graph.all_keys] == ["_zeros", "_zeros", "Concat"]
    assert not done.model.parameters
