"""Rewrites in Python do what they say, and beside texts what the equal texts do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model, Parameters
from graphpass.errors import ExpectationError, OperationError, PassFileError, UsageError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.rules import explain, load_pass, parse_rewrite
from graphpass.rules.rewrite.python_rewrite import PythonRewrite


def make_model(text: str, **values: Any) -> Model:
    """Return a model of a graph in text form; a value is an array, or the shape of a random one."""
    graph = parse_graph(text)
    states = set(graph.auxiliary_states)
    rng = np.random.default_rng(5)
    parameters = Parameters()
    for name, value in values.items():
        array = rng.uniform(0.5, 1.5, value).astype("float32") if type(value) is tuple else value
        parameters.set(name, array, "aux" if name in states else "arg")
    return Model(graph, parameters)


def after(rewrite: object, text: str, **values: Any) -> str:
    model = make_model(text, **values)
    graphpass.apply(rewrite, model)  # type: ignore[arg-type]
    return print_graph(model.graph)


def text_of(text: str) -> str:
    return print_graph(parse_graph(text))


def replacing(
    pattern: Callable[..., Any], replacement: Callable[..., Any], **options: Any
) -> PythonRewrite:
    made: PythonRewrite = graphpass.rewrite(**{"id": "mine", **options})(pattern)
    made.replace(replacement)
    return made


@graphpass.rewrite
def twice(op: Any, x: Any) -> Any:
    return op.relu(op.relu(x)).named("y")


@twice.replace
def _once(op: Any, match: Any) -> Any:
    return op.relu(match.x)


CHAIN = "x = variable(); a = relu(x); b = relu(a); c = relu(b); return c"


def test_a_rewrite_is_applied_alone_in_a_list_and_in_a_mapping() -> None:
    wanted = text_of("x = variable(); c = relu(x); return c")
    for pass_ in (twice, [twice], {"rules": [twice]}, {"rewrite": twice}, [{"rewrite": twice}]):
        assert after(pass_, CHAIN) == wanted
    assert after([twice, {"prefix": "p_"}], CHAIN) == text_of(
        "p_x = variable(); p_c = relu(p_x); return p_c"
    )


def test_a_rewrite_of_texts_is_taken_as_well() -> None:
    made = parse_rewrite("y = relu(relu(x))", "y = relu(x)", id="text")
    assert after(made, CHAIN) == after(twice, CHAIN)
    assert load_pass([made]).rules[0].label == "rule 1 (rewrite text)"


def test_a_dry_run_reports_and_changes_nothing() -> None:
    model = make_model(CHAIN)
    report = graphpass.apply(twice, model, dry_run=True)
    assert [(firing.rule, firing.root.name) for firing in report.steps[0].firings] == [
        ("twice", "b"),
        ("twice", "c"),
    ]
    assert print_graph(model.graph) == text_of(CHAIN)


def test_rewrites_beside_each_other_run_as_one_group() -> None:
    first = replacing(lambda op, x: op.relu(x), lambda op, match: op.tanh(match.x))
    then = {"match": "y = tanh(tanh(x))", "replace": "y = relu(x)"}
    report = graphpass.apply(
        [first, {"rewrite": then}], make_model("x = variable(); return relu(relu(relu(x)))")
    )
    # what the second one makes is rewritten by the first one again: they share a fixpoint
    assert [len(step.firings) for step in report.steps] == [5, 2]
    apart = graphpass.apply([first, {"rewrite": {**then, "group": "other"}}], make_model(CHAIN))
    assert [len(step.firings) for step in apart.steps] == [3, 1]


def test_options() -> None:
    def pattern(op: Any, x: Any) -> Any:
        return op.relu(x)

    grows = replacing(pattern, lambda op, match: op.relu(op.relu(match.x)), once=True)
    assert after(grows, "x = variable(); a = relu(x); return a").count("relu(") == 2
    with pytest.raises(ExpectationError, match="it was to fire 1 time, but fired 3 times"):
        graphpass.apply(
            replacing(pattern, lambda op, match: op.tanh(match.x), expect=1), make_model(CHAIN)
        )
    inference = replacing(pattern, lambda op, match: op.tanh(match.x), when="inference")
    with pytest.raises(OperationError, match=r"rule 1 \(rewrite mine\): it is right for inference"):
        graphpass.apply(inference, make_model(CHAIN), purpose="training")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": ""}, "id='' is no name; write a text"),
        (
            {"when": "training"},
            "when='training' has no meaning; write when='inference', or leave it out",
        ),
        ({"once": 1}, "once=1 is neither True nor False"),
        ({"expect": -1}, "expect=-1 is no number of firings; write 0 or more"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        graphpass.rewrite(**options)
    assert str(caught.value) == message


def test_a_rewrite_that_is_not_finished() -> None:
    @graphpass.rewrite
    def half(op: Any, x: Any) -> Any:
        return op.relu(x)

    with pytest.raises(PassFileError) as caught:
        graphpass.apply([{"prefix": "a_"}, half], make_model("x = variable(); return tanh(x)"))
    assert str(caught.value) == (
        "rule 2 (rewrite): half has no replacement; write one as a function under @half.replace"
    )
    half.replace(lambda op, match: match.x)
    with pytest.raises(UsageError) as clash:
        half.replace(lambda op, match: match.x)
    assert str(clash.value) == "half has a replacement already; it can have only one"
    with pytest.raises(UsageError, match="where takes a function, not 3; use it as a decorator"):
        half.where(3)  # type: ignore[type-var]


def test_a_rewrite_stands_for_a_rule_only() -> None:
    with pytest.raises(PassFileError, match='"rewrite twice" is not a prefix'):
        load_pass([{"prefix": twice}])
    with pytest.raises(PassFileError, match="takes one of prefix and rewrite, but has both"):
        load_pass([{"prefix": "a_", "rewrite": twice}])


# -- folding BatchNorm, in Python and as text ------------------------------------------------------

FOLD = {
    "id": "fold",
    "match": """
        conv = Convolution(x, weight, optional(bias))
        out = BatchNorm(conv, gamma, beta, moving_mean, moving_var)
    """,
    "where": [
        "conv.layout in (None, 'NCW', 'NCHW', 'NCDHW')",
        "out.axis == 1 and not out.output_mean_var",
        "known(weight, bias, gamma, beta, moving_mean, moving_var)",
    ],
    "let": {
        "scale": "(ones_like(gamma) if out.fix_gamma else gamma) / sqrt(moving_var + out.eps)",
        "folded_weight": "weight * per_axis(scale, 0, weight.ndim)",
        "folded_bias": "((bias if bound(bias) else 0) - moving_mean) * scale + beta",
    },
    "replace": "out = Convolution(x, folded_weight, folded_bias, **conv.attrs, no_bias=False)",
}


@graphpass.rewrite
def fold(
    op: Any, x: Any, weight: Any, bias: Any, gamma: Any, beta: Any, mean: Any, var: Any
) -> Any:
    conv = op.Convolution(x, weight, op.optional(bias)).named("conv")
    return op.BatchNorm(conv, gamma, beta, mean, var).named("out")


@fold.where
def channels_first(match: Any) -> bool:
    return match.conv.layout in (None, "NCW", "NCHW", "NCDHW")


@fold.where
def _(match: Any) -> bool:
    """Channels are what is normalized.

    And nothing else.
    """
    return match.out.axis == 1 and not match.out.output_mean_var


@fold.replace
def _(op: Any, match: Any) -> Any:
    gamma = np.ones_like(match.gamma) if match.out.fix_gamma else match.gamma.array
    scale = gamma / np.sqrt(match.var.array + match.out.eps)
    weight = match.weight.array * scale.reshape(-1, *[1] * (match.weight.ndim - 1))
    bias = match.bias.array if match.bias else 0
    shift = (bias - match.mean.array) * scale + match.beta.array
    return op.Convolution(match.x, weight, shift, **match.conv.attrs | {"no_bias": False})


NORM = "BatchNorm({x}, {n}_gamma, {n}_beta, {n}_mean, {n}_var{more})"
NET = "\n".join(
    [
        "x, w, b, v = variable(), variable(), variable(), variable(__lr_mult__='2')",
        *(
            f"{n}_{part} = variable()"
            for n in ("p", "q", "r")
            for part in ("gamma", "beta", "mean", "var")
        ),
        "c0 = Convolution(x, w, b, kernel=(1, 1), num_filter=4, __ctx_group__='a')",
        f"n0 = {NORM.format(x='c0', n='p', more='')}",
        "c1 = Convolution(n0, v, kernel=(1, 1), num_filter=4, no_bias=True)",
        f"n1 = {NORM.format(x='c1', n='q', more=', fix_gamma=False')}",
        "c2 = Convolution(n1, v, kernel=(1, 1), num_filter=4, no_bias=True)",
        f"n2 = {NORM.format(x='c2', n='r', more=', axis=3')}",
        "return n2",
    ]
)
VALUES = {
    "w": (4, 3, 1, 1),
    "b": (4,),
    "v": (4, 4, 1, 1),
    **{f"{n}_{part}": (4,) for n in ("p", "q", "r") for part in ("gamma", "beta", "mean", "var")},
}


def test_folding_in_python_is_folding_as_text() -> None:
    model = make_model(NET, **VALUES)
    in_python, as_text = model.copy(), model.copy()
    report = graphpass.apply(fold, in_python)
    graphpass.apply([{"rewrite": FOLD}], as_text)
    assert len(report.steps[0].firings) == 2
    assert graphpass.isomorphic(in_python, as_text, names=True, parameters=True)
    assert print_graph(in_python.graph) == print_graph(as_text.graph)
    assert in_python.parameters == as_text.parameters
    assert not graphpass.isomorphic(in_python, model)


@pytest.mark.mxnet
def test_folding_in_python_keeps_the_outputs(mx: Any) -> None:
    before = make_model(NET, **VALUES)
    folded = before.copy()
    graphpass.apply(fold, folded)
    assert graphpass.verify(before, folded, inputs={"x": (2, 3, 4, 4)})


def test_explain_tells_the_conditions() -> None:
    model = make_model(NET, **VALUES)
    assert str(explain(fold, model, "n0")).splitlines()[-2:] == [
        "  ✓ channels_first",
        "  ✓ Channels are what is normalized",
    ]
    # the last one shares its weight with another convolution and normalizes another axis
    assert "✗ Channels are what is normalized: does not hold" in " ".join(
        str(explain(fold, model, "n2")).split()
    )


def test_what_is_not_stored_is_a_reason_and_no_error() -> None:
    values: Mapping[str, Any] = {name: shape for name, shape in VALUES.items() if name != "p_var"}
    model = make_model(NET, **values)
    report = graphpass.apply(fold, model)
    assert [firing.root.name for firing in report.steps[0].firings] == ["n1"]
    assert "variable 'p_var'" in str(explain(fold, make_model(NET, **values), "n0"))
