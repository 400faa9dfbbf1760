"""``deduplicate``: what is computed twice is computed once, and what only looks so is left."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass import Model, Parameters
from graphpass.formats.text import parse_graph, print_graph


def deduplicated(perform, text: str, purpose: str = "inference") -> tuple[str, list[str], str]:
    model = Model(parse_graph(text))
    done = perform(model, "deduplicate", None, purpose=purpose)
    again = perform(model, "deduplicate", None, purpose=purpose)
    assert again.summary == "merged 0 operators"
    return print_graph(model.graph), done.notes, done.summary


def check(perform, before: str, after: str, **options: str) -> list[str]:
    found, notes, _ = deduplicated(perform, before, **options)
    assert found == print_graph(parse_graph(after))
    return notes


def unchanged(perform, text: str, **options: str) -> list[str]:
    return check(perform, text, text, **options)


def test_equal_operators_become_one_from_the_inputs_up(perform) -> None:
    text, _, summary = deduplicated(
        perform,
        """
        x, w = variable(), variable()
        a = FullyConnected(x, w, num_hidden=3, no_bias=True)
        b = FullyConnected(x, w, num_hidden=3, no_bias=True, flatten=True)
        c = relu(a)
        d = relu(b)
        return elemwise_add(c, d)
        """,
    )
    assert "elemwise_add(c, c)" in text
    assert "'b'" in summary
    assert summary == "merged 2 operators ('b' into 'a', 'd' into 'c')"


def test_attributes_count_by_what_they_mean(perform) -> None:
    _, _, summary = deduplicated(
        perform,
        """
        x = variable()
        a = sum(x, axis=1, keepdims=True)
        b = sum(x, axis="(1,)", keepdims="1", exclude=False)
        c = sum(x, axis=(1,), keepdims=False)
        d = sum(x, axis=1, keepdims=True, __mood__="calm")
        return Concat(a, b, c, d, num_args=4)
        """,
    )
    assert summary == "merged 1 operator ('b' into 'a')"


def test_signs_of_zero_count(perform) -> None:
    unchanged(
        perform,
        """
        x = variable()
        a = _mul_scalar(x, scalar=0.0)
        b = _mul_scalar(x, scalar=-0.0)
        return elemwise_add(a, b)
        """,
    )


def test_operands_may_change_places_where_that_is_the_same(perform) -> None:
    check(
        perform,
        """
        x, y = variable(), variable()
        a = elemwise_add(x, y)
        b = elemwise_add(y, x)
        c = elemwise_sub(x, y)
        d = elemwise_sub(y, x)
        e = add_n(x, y, x, num_args=3)
        f = add_n(y, x, x, num_args=3)
        return Concat(a, b, c, d, e, f, num_args=6)
        """,
        """
        x, y = variable(), variable()
        a = elemwise_add(x, y)
        c = elemwise_sub(x, y)
        d = elemwise_sub(y, x)
        e = add_n(x, y, x, num_args=3)
        f = add_n(y, x, x, num_args=3)
        return Concat(a, a, c, d, e, f, num_args=6, name="concat0")
        """,
    )


def test_in_training_operands_keep_their_places(perform) -> None:
    text = """
    x, y = variable(), variable()
    a = _maximum(x, y)
    b = _maximum(y, x)
    return elemwise_add(a, b)
    """
    unchanged(perform, text, purpose="training")


def test_one_value_read_twice_is_no_duplicate(perform) -> None:
    unchanged(perform, "x = variable(); a = elemwise_add(x, x); return elemwise_add(a, a)")


def test_outputs_are_told_apart(perform) -> None:
    check(
        perform,
        """
        x = variable()
        s, t = SliceChannel(x, num_outputs=2)
        u, v = SliceChannel(x, num_outputs=2, axis=1)
        return elemwise_sub(s, v), elemwise_add(t, u)
        """,
        """
        x = variable()
        s, t = SliceChannel(x, num_outputs=2)
        return elemwise_sub(s, t), elemwise_add(t, s)
        """,
    )


def test_a_head_stays_and_others_read_it(perform) -> None:
    check(
        perform,
        """
        x = variable()
        a = relu(x)
        b = relu(x)
        c = tanh(a)
        return c, b
        """,
        """
        x = variable()
        b = relu(x)
        c = tanh(b)
        return c, b
        """,
    )


def test_equal_heads_stay_two_outputs(perform) -> None:
    notes = check(
        perform,
        """
        x = variable()
        a = relu(x)
        b = relu(x)
        c = tanh(b)
        d = tanh(a)
        e = elemwise_add(c, d)
        return a, b, e
        """,
        """
        x = variable()
        a = relu(x)
        b = relu(x)
        c = tanh(a)
        e = elemwise_add(c, c)
        return a, b, e
        """,
    )
    assert notes == ["'a', 'b' compute the same, but are heads, which keep their names"]


@pytest.mark.parametrize(
    "operator",
    [
        "_random_uniform(shape=(2, 3))",
        "_sample_normal(x, x)",
        'Dropout(x, mode="always")',
        "_shuffle(x)",
        "`Unheard`(x, outputs=1)",
        'Custom(x, op_type="proposal")',
        "IdentityAttachKLSparseReg(x, m)",
        "sgd_mom_update(x, x, m, lr=0.1)",
        "_zeros(shape=(0, 3))",
        "_ones(shape=())",
        "_full(value=3)",
        "_zeros_without_dtype(shape=(2, 3))",
    ],
)
def test_what_may_differ_stays_apart(perform, operator: str) -> None:
    unchanged(
        perform,
        f"x, m = variable(), variable(); a = {operator}; b = {operator}; "
        "return Concat(x, m, a, b, num_args=4)",
    )


def test_dropout_differs_in_training_only(perform) -> None:
    text = "x = variable(); a = Dropout(x); b = Dropout(x); return elemwise_add(a, b)"
    assert deduplicated(perform, text)[2] == "merged 1 operator ('b' into 'a')"
    unchanged(perform, text, purpose="training")


NORMS = """
x, g, b, m, v = variable(), variable(), variable(), variable(), variable()
n = BatchNorm(x, g, b, m, v, fix_gamma=False)
o = BatchNorm(x, g, b, m, v, fix_gamma=False)
return elemwise_add(n, o)
"""


def test_norms_on_one_state_are_one_in_inference(perform) -> None:
    check(
        perform,
        NORMS,
        """
        x, g, b, m, v = variable(), variable(), variable(), variable(), variable()
        n = BatchNorm(x, g, b, m, v, fix_gamma=False)
        return elemwise_add(n, n)
        """,
    )


def test_norms_that_move_one_state_twice_stay_in_training(perform) -> None:
    unchanged(perform, NORMS, purpose="training")


def test_what_reads_a_state_stays_in_training(perform) -> None:
    text = """
    x, g, b, m, v = variable(), variable(), variable(), variable(), variable()
    before = relu(m)
    n = BatchNorm(x, g, b, m, v, fix_gamma=False)
    behind = relu(m, after=[n])
    other = relu(m)
    return Concat(n, before, behind, other, num_args=4)
    """
    unchanged(perform, text, purpose="training")
    assert deduplicated(perform, text)[2] == "merged 1 operator ('other' into 'before')"


def test_a_gamma_that_is_overwritten_is_read_when_it_was(perform) -> None:
    unchanged(
        perform,
        """
        x, g, b, m, v = variable(), variable(), variable(), variable(), variable()
        early = relu(g)
        n = BatchNorm(x, g, b, m, v)
        late = relu(g)
        return Concat(n, early, late, num_args=3)
        """,
    )


def test_losses_pull_once_each_in_training(perform) -> None:
    text = """
    x = variable()
    a = MakeLoss(x)
    b = MakeLoss(x)
    return elemwise_add(a, b)
    """
    unchanged(perform, text, purpose="training")
    assert deduplicated(perform, text)[2] == "merged 1 operator ('b' into 'a')"


def test_control_dependencies_count_and_follow(perform) -> None:
    check(
        perform,
        """
        x, y = variable(), variable()
        p = tanh(y)
        q = tanh(y)
        a = relu(x, after=[p])
        b = relu(x, after=[q])
        c = relu(x)
        return Concat(a, b, c, num_args=3)
        """,
        """
        x, y = variable(), variable()
        p = tanh(y)
        a = relu(x, after=[p])
        c = relu(x)
        return Concat(a, a, c, num_args=3)
        """,
    )


def test_names_do_not_count(perform) -> None:
    _, _, summary = deduplicated(
        perform,
        """
        x = variable()
        a = relu(x)
        a_1 = relu(x, name="a")
        return elemwise_sub(a, a_1)
        """,
    )
    assert summary == "merged 1 operator ('a' into 'a')"


LOOP = """
def body():
    x, h = variable(), variable()
    {body}
    return out, state
x, h = variable(), variable()
loop = _foreach(x, h, subgraphs=[body], num_args=3, num_outputs=2, num_out_data=1,
    in_state_locs=(1,), in_data_locs=(0,), remain_locs=())
return loop
"""


def test_inside_a_subgraph(perform) -> None:
    text, _, summary = deduplicated(
        perform,
        LOOP.format(
            body="a = elemwise_add(x, h); b = elemwise_add(h, x)\n"
            "    out = relu(a); state = tanh(b)"
        ),
    )
    assert summary == "merged 0 operators; 1 operator in subgraphs"
    assert "tanh(a)" in text


def test_a_subgraph_whose_variables_would_change_places_is_left(perform) -> None:
    body = "a = elemwise_add(x, h); out = relu(a); state = elemwise_add(h, x)"
    model = Model(parse_graph(LOOP.format(body=body)))
    before = print_graph(model.graph)
    assert perform(model, "deduplicate", None).summary == "merged 0 operators"
    assert print_graph(model.graph) == before


@pytest.mark.parametrize(
    ("body", "other", "gone"),
    [
        ("out = relu(x); state = tanh(h)", "state = tanh(h); out = relu(x)", 1),
        ("out = relu(x); state = tanh(h)", "out = relu(x); state = relu(h)", 0),
        ("out = relu(x); state = tanh(h)", "out = relu(h); state = tanh(x)", 1),
        ("out = Dropout(x, p=0.1); state = tanh(h)", "out = Dropout(x, p=0.1); state = tanh(h)", 1),
        ('out = Dropout(x, mode="always"); state = tanh(h)',
         'out = Dropout(x, mode="always"); state = tanh(h)', 0),
        ("out = `VendorThing`(x); state = tanh(h)", "out = `VendorThing`(x); state = tanh(h)", 0),
    ],
)  # fmt: skip
def test_loops_that_compute_the_same_are_one(perform, body: str, other: str, gone: int) -> None:
    text = LOOP.format(body=body)
    block, _, call = text.partition("x, h = variable(), variable()\nloop")
    second = LOOP.format(body=other).partition("x, h = variable(), variable()\nloop")[0]
    twice = f"{block}{second.replace('body', 'other')}x, h = variable(), variable()\nloop{call}"
    again = call.replace("body", "other").replace("return loop", "return elemwise_add(loop, more)")
    model = Model(parse_graph(twice.replace("return loop\n", "") + f"more{again}"))
    merged = perform(model, "deduplicate", None).summary
    assert merged.startswith(f"merged {gone} operator")
    assert len(model.graph.with_subgraphs()) == 2 - gone


def test_a_long_chain_of_duplicates(perform) -> None:
    lines = ["x = variable()", "a0 = relu(x)", "b0 = relu(x)"]
    for number in range(1, 2000):
        lines += [f"a{number} = tanh(a{number - 1})", f"b{number} = tanh(b{number - 1})"]
    lines.append("return elemwise_add(a1999, b1999)")
    model = Model(parse_graph("\n".join(lines)))
    assert perform(model, "deduplicate", None).summary.startswith("merged 2000 operators ('b0' int")
    assert len(model.graph) == 2002


@pytest.mark.mxnet
def test_the_outputs_are_the_same_bits(perform, judge) -> None:
    graph = parse_graph(
        """
        x, w, g, b, m, v = variable(), variable(), variable(), variable(), variable(), variable()
        c = FullyConnected(x, w, num_hidden=4, no_bias=True)
        d = FullyConnected(x, w, num_hidden=4, no_bias=True)
        n = BatchNorm(c, g, b, m, v)
        o = BatchNorm(d, g, b, m, v)
        s, t = SliceChannel(n, num_outputs=2)
        u, z = SliceChannel(o, num_outputs=2)
        return elemwise_sub(s, z), elemwise_add(u, t), o, relu(x), relu(x)
        """
    )
    numbers = np.random.default_rng(0)
    parameters = Parameters({"w": numbers.standard_normal((4, 3)).astype("float32")})
    for name in "gbmv":
        array = numbers.uniform(0.5, 2, 4).astype("float32")
        parameters.set(name, array, "aux" if name in "mv" else "arg")
    model = Model(graph, parameters)
    fed = {"x": numbers.standard_normal((2, 3)).astype("float32")}
    before, outputs = judge.outputs(model, fed), model.graph.outputs
    assert perform(model, "deduplicate", None).summary.startswith("merged 3 operators")
    assert model.graph.outputs == outputs
    for ours, theirs in zip(judge.outputs(model, fed), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
