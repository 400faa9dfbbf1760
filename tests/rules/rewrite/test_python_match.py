"""What conditions and replacements in Python get, may give, and are told when they are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model, Parameters
from graphpass.errors import GraphpassError, OperationError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.rules import explain
from graphpass.rules.rewrite.python_rewrite import PythonRewrite

HERE = Path(__file__).name

NET = """
x, w, v = variable(), variable(__lr_mult__='2'), variable()
a = FullyConnected(x, w, num_hidden=3, no_bias=True, __ctx_group__='g')
b = FullyConnected(a, v, num_hidden=2, no_bias=True)
c = relu(b)
return c
"""


def net() -> Model:
    parameters = Parameters()
    parameters.set("w", np.arange(12, dtype="float32").reshape(3, 4), "arg")
    parameters.set("v", np.arange(6, dtype="float32").reshape(2, 3), "arg")
    return Model(parse_graph(NET), parameters)


def two_layers(op: Any, x: Any, w: Any, v: Any, bias: Any) -> Any:
    first = op.FullyConnected(x, w).named("first")
    return op.FullyConnected(first, v, op.optional(bias)).named("second")


def run(
    replacement: Callable[[Any, Any], Any],
    where: Callable[[Any], Any] | None = None,
    pattern: Callable[..., Any] = two_layers,
    model: Model | None = None,
    **options: Any,
) -> Model:
    rewrite = make(replacement, where, pattern, **options)
    model = model or net()
    graphpass.apply(rewrite, model)
    return model


def make(
    replacement: Callable[[Any, Any], Any],
    where: Callable[[Any], Any] | None = None,
    pattern: Callable[..., Any] = two_layers,
    **options: Any,
) -> PythonRewrite:
    rewrite: PythonRewrite = graphpass.rewrite(**{"once": True, **options})(pattern)
    rewrite.replace(replacement)
    if where is not None:
        rewrite.where(where)
    return rewrite


# -- what they get ---------------------------------------------------------------------------------


def test_a_match_answers_by_name() -> None:
    seen: dict[str, Any] = {}

    def look(match: Any) -> bool:
        first, second, w = match.first, match.second, match.w
        seen.update(
            names=(first.name, second.op, w.name, match["v"].name),
            typed=(first.num_hidden, first.no_bias, first.flatten),
            raw=dict(first.attrs),
            hung=(first.__ctx_group__, w.__lr_mult__, w.__wd_mult__),
            value=(w.shape, w.ndim, w.dtype, w.size, w.is_param, match.x.is_input),
            stored=(w.has_value, match.x.has_value, w.array.sum(), float(np.sum(w))),
            around=(
                [user.name for user in second.users],
                [value.name for value in second.inputs],
                match.x.users == (first,),
                second.inputs[1] == match.v,
                second.inputs[1] == match.w,
                w.node.op,
                first[0].name,
                [output.name for output in first],
            ),
            absent=match.bias,
            listed=dir(match),
        )
        return True

    run(lambda op, match: match.x, look)
    assert seen == {
        "names": ("a", "FullyConnected", "w", "v"),
        "typed": (3, True, True),
        "raw": {"num_hidden": "3", "no_bias": "True"},
        "hung": ("g", "2", None),
        "value": ((3, 4), 2, "float32", 12, True, True),
        "stored": (True, False, 66.0, 66.0),
        "around": (["c"], ["a_output", "v"], True, True, False, "null", "a_output", ["a_output"]),
        "absent": None,
        "listed": ["bias", "first", "refuse", "second", "v", "w", "x"],
    }


def test_several_values_are_a_tuple() -> None:
    def several(op: Any, *xs: Any) -> Any:
        return op.add_n(*xs).named("y")

    def reverse(op: Any, match: Any) -> Any:
        return op.Concat(*reversed(match.xs), dim=0)

    model = Model(parse_graph("p, q = variable(), variable(); y = add_n(p, q, p); return y"))
    graphpass.apply(make(reverse, pattern=several), model)
    assert print_graph(model.graph) == print_graph(
        parse_graph("p, q = variable(), variable(); y = Concat(p, q, p, dim=0); return y")
    )


def test_an_operator_that_is_absent_is_the_value_it_stands_for() -> None:
    def pattern(op: Any, x: Any) -> Any:
        return op.relu(op.maybe("tanh")(x).named("t"))

    def look(match: Any) -> bool:
        seen.append((match.t.name, match.t == match.x))
        return True

    seen: list[Any] = []
    rewrite = make(lambda op, match: match.x, look, pattern)
    for text in ("tanh(x)", "x"):
        graphpass.apply(rewrite, Model(parse_graph(f"x = variable(); return relu({text})")))
    assert seen == [("tanh0", False), ("x", True)]
    asks = make(lambda op, match: match.x, lambda match: match.t.op == "tanh", pattern)
    model = Model(parse_graph("x = variable(); y = relu(x); return y"))
    assert "✗ condition 1: t (variable 'x') is a value and has no 'op'" in str(
        explain(asks, model, "y")
    )


def test_stored_values_are_read_only() -> None:
    def halve(op: Any, match: Any) -> Any:
        match.w.array[:] /= 2
        return match.x

    with pytest.raises(OperationError, match=r"raises ValueError: .*read-only"):
        run(halve)


# -- what they may make ----------------------------------------------------------------------------


def test_arrays_become_parameters_in_the_place_of_those_they_replace() -> None:
    def merge(op: Any, match: Any) -> Any:
        product = match.v.array @ match.w.array
        return op.FullyConnected(match.x, product, **match.second.attrs)

    model = run(merge)
    assert print_graph(model.graph) == print_graph(
        parse_graph("""
x, w = variable(), variable(__lr_mult__='2')
b = FullyConnected(x, w, num_hidden=2, no_bias=True)
c = relu(b)
return c
""")
    )
    assert list(model.parameters) == ["w"]
    assert model.parameters["w"].shape == (2, 4)


def test_like_and_name_choose_whose_place_a_parameter_takes() -> None:
    def merge(**options: str) -> Callable[[Any, Any], Any]:
        def made(op: Any, match: Any) -> Any:
            product = match.v.array @ match.w.array
            given: dict[str, Any] = dict(options)
            if "like" in given:
                given["like"] = match[given["like"]]
            return op.FullyConnected(match.x, op.parameter(product, **given), **match.second.attrs)

        return made

    assert list(run(merge(like="v")).parameters) == ["v"]
    named = run(merge(like="w", name="both"))
    assert list(named.parameters) == ["both"]
    [key] = named.graph.named("both")
    assert named.graph.attrs(key) == {"__lr_mult__": "2"}
    with pytest.raises(OperationError, match="a variable would be called 'x', as variable 'x'"):
        run(merge(name="x"))


def test_an_array_that_is_given_twice_is_one_parameter() -> None:
    def tied(op: Any, match: Any) -> Any:
        array = np.ones((3, 3), "float32")
        inner = op.FullyConnected(match.first, array, num_hidden=3, no_bias=True)
        return op.FullyConnected(inner, array, num_hidden=3, no_bias=True)

    model = run(tied)
    keys = [key for key in model.graph.order() if model.graph.op(key) == "FullyConnected"]
    assert len(keys) == 3
    assert len({model.graph.inputs(key)[1] for key in keys[1:]}) == 1


@pytest.mark.parametrize(
    ("stored", "made", "kept"),
    [
        ("float32", "float64", "float32"),
        ("float64", "float64", "float64"),
        ("float32", "int32", "int32"),
        ("float32", "float16", "float16"),
    ],
)
def test_doubles_become_single_precision_unless_the_match_has_doubles(
    stored: str, made: str, kept: str
) -> None:
    model = net()
    model.parameters["v"] = model.parameters["v"].astype(stored)

    def fill(op: Any, match: Any) -> Any:
        return op.FullyConnected(match.x, np.ones((2, 4), made), num_hidden=2, no_bias=True)

    run(fill, model=model)
    assert [array.dtype for array in model.parameters.values()] == [kept]


def test_a_parameter_is_a_copy() -> None:
    kept = np.ones((2, 4), "float32")

    def fill(op: Any, match: Any) -> Any:
        return op.FullyConnected(match.x, kept, num_hidden=2, no_bias=True)

    model = run(fill)
    kept[:] = 7
    assert next(iter(model.parameters.values())).max() == 1


def test_attributes_are_values_of_python_and_none_leaves_one_out() -> None:
    def convolution(op: Any, match: Any) -> Any:
        return op.Convolution(
            match.x, match.w, kernel=np.array([1, 1]).tolist(), num_filter=np.int64(2),
            layout=None, no_bias=True, name="mine", __lr_mult__="3",
        )  # fmt: skip

    model = run(convolution)
    [key] = model.graph.named("mine")
    assert model.graph.attrs(key) == {
        "kernel": "(1, 1)",
        "num_filter": "2",
        "no_bias": "True",
        "__lr_mult__": "3",
    }


def test_several_roots_and_outputs() -> None:
    def halves(op: Any, x: Any) -> Any:
        a, b = op.SliceChannel(x, num_outputs=2).outputs("a", "b")
        return a, b

    def swapped(op: Any, match: Any) -> Any:
        a, b = op.SliceChannel(match.x, num_outputs=2, axis=0)
        return b, a

    model = Model(
        parse_graph("x = variable(); a, b = SliceChannel(x, num_outputs=2); return dot(a, b)")
    )
    graphpass.apply(make(swapped, pattern=halves), model)
    text = print_graph(model.graph)
    assert "axis=0" in text
    assert "num_outputs=2)" not in text


def test_a_new_operator_that_nobody_knows() -> None:
    def vendor(op: Any, match: Any) -> Any:
        return op["vendor.Op"](match.x, mode="fast", layers=(1, 2))

    model = run(vendor)
    [key] = [key for key in model.graph.order() if model.graph.op(key) == "vendor.Op"]
    assert model.graph.attrs(key) == {"mode": "fast", "layers": "(1, 2)"}
    assert model.graph.name(key) == "b"


# -- refusals --------------------------------------------------------------------------------------


def refused(rewrite: PythonRewrite) -> str:
    """Return the last line but one of what `explain` says."""
    model = net()
    assert not graphpass.apply(rewrite, model).changed
    return next(
        line.strip() for line in str(explain(rewrite, net(), "b")).splitlines() if "✗" in line
    )


def test_ways_to_refuse() -> None:
    def raises(match: Any) -> bool:
        raise match.refuse("it is Tuesday")

    def asks(match: Any) -> bool:
        return bool(match.x.array.sum())

    def replaces(op: Any, match: Any) -> Any:
        raise match.refuse("there is nothing better")

    def keep(op: Any, match: Any) -> Any:
        return match.x

    assert refused(make(keep, raises)) == "✗ raises: it is Tuesday"
    assert refused(make(keep, lambda match: match.refuse("no"))) == "✗ condition 1: no"
    assert refused(make(keep, lambda match: False)) == "✗ condition 1: does not hold"
    assert refused(make(keep, lambda match: np.bool_(False))) == "✗ condition 1: does not hold"
    assert refused(make(keep, asks)) == "✗ asks: x (variable 'x') has no stored value"
    assert refused(make(replaces)) == "✗ replace: there is nothing better"
    assert refused(make(lambda op, match: match.refuse("no"))) == "✗ replace: no"


# -- errors, word for word -------------------------------------------------------------------------


def divides(op: Any, match: Any) -> Any:
    return 1 / 0


def wordless(op: Any, match: Any) -> Any:
    raise KeyError


def unknown(op: Any, match: Any) -> Any:
    return op.FullyConected(match.x)


def attribute(op: Any, match: Any) -> Any:
    return op.FullyConnected(match.x, match.w, num_hiden=3)


def missing(op: Any, match: Any) -> Any:
    return op.FullyConnected(match.x, match.w)


def keyword(op: Any, match: Any) -> Any:
    return op.relu(data=match.x)


def no_name(op: Any, match: Any) -> Any:
    return match.weigth


def no_attribute(op: Any, match: Any) -> Any:
    return match.first.kernel


def branch(op: Any, match: Any) -> Any:
    op.tanh(match.x)
    return op.relu(match.x)


RAISED: list[tuple[Callable[[Any, Any], Any], int, str]] = [
    (divides, 1, "raises ZeroDivisionError: division by zero"),
    (wordless, 1, "raises KeyError"),
    (unknown, 1,
     ": MXNet 1.9.1 has no operator 'FullyConected'; nearest: FullyConnected, "
     "_sparse_FullyConnected, _backward_FullyConnected; one that it does not know is written "
     "op['FullyConected']"),
    (attribute, 1, ": FullyConnected has no attribute 'num_hiden'; nearest: num_hidden"),
    (missing, 1, ": FullyConnected needs the attribute num_hidden"),
    (keyword, 1, ": relu: data is an input; give inputs in their order, without keyword"),
    (no_name, 1,
     "raises AttributeError: the pattern has no name 'weigth'; it has bias, first, second, v, w, "
     "x"),
    (no_attribute, 1,
     "raises AttributeError: FullyConnected has no attribute 'kernel'"),
    (branch, 0, ": it makes a tanh that nothing reads; return it, or leave it"),
    (lambda op, match: None, 0,
     ": it returns nothing; return what takes the place of the match"),
    (lambda op, match: (match.x, match.x), 0,
     ": the pattern returns 1 value, but 2 take their place"),
    (lambda op, match: match.w.array, 0, ": it returns an array; let an operator read it"),
    (lambda op, match: "x", 0,
     ": it returns 'x'; return a value of the match, or one made with op"),
    (lambda op, match: op.relu(3.5), 0,
     ": relu reads arrays, not 3.5; make one: np.full((1,), 3.5)"),
    (lambda op, match: op.Concat([match.x]), 0,
     ": Concat reads values one by one; spread several with a *, as in *match.xs"),
    (lambda op, match: op.relu("x"), 0,
     ": relu can't read 'x'; give a value of the match, a new one or an array"),
    (lambda op, match: op.relu(np.array(["a"])), 0,
     ": a parameter is an array of numbers, not of <U1"),
    (lambda op, match: op.relu(match.x, name=""), 0, ": name='' is no name"),
    (lambda op, match: op.relu(op.parameter(match.w, like="w")), 0,
     ": like= takes a value of the match"),
    (lambda op, match: op.relu(match.x, axis=match.w.array), 0,
     ": relu: axis is a ndarray; an attribute is a number, a text, True, False, None or a tuple "
     "of them"),
    (lambda op, match: op._CachedOp(match.x), 0,
     ": _CachedOp runs a subgraph, which a replacement can't make"),
    (lambda op, match: match.x.shpae, 0,
     "raises AttributeError: x (variable 'x') is a value and has no 'shpae'; nearest: shape, "
     "is_head"),
    (lambda op, match: op.relu(match.x)[4], 0, "raises IndexError: the new relu has no output 4"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(RAISED)))
def test_a_replacement_that_is_wrong(case: int) -> None:
    function, line, said = RAISED[case]
    with pytest.raises(GraphpassError) as caught:
        run(function)
    line += function.__code__.co_firstlineno
    name = function.__name__
    start = f"rule 1 (rewrite two_layers) at FullyConnected 'b' (#4): the replacement {name} "
    message = str(caught.value)
    assert message.startswith(f"{start}({HERE}:")
    shown, _, rest = message.removeprefix(f"{start}({HERE}:").partition(")")
    if name != "<lambda>":
        assert int(shown) == line
    assert rest.lstrip() == said
    assert "\n" not in message


def test_the_exception_is_chained() -> None:
    with pytest.raises(OperationError) as caught:
        run(divides)
    chain: list[BaseException] = [caught.value]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    assert isinstance(chain[-1], ZeroDivisionError)


def test_the_model_is_as_it_was_after_an_error() -> None:
    model = net()
    with pytest.raises(OperationError):
        run(divides, model=model)
    assert print_graph(model.graph) == print_graph(parse_graph(NET))
    assert list(model.parameters) == ["w", "v"]


@pytest.mark.parametrize("answer", [None, 1, "yes", np.array([True, False])])
def test_a_condition_that_answers_neither_true_nor_false(answer: Any) -> None:
    def odd(match: Any) -> Any:
        return answer

    with pytest.raises(OperationError) as caught:
        run(lambda op, match: match.x, odd)
    assert str(caught.value) == (
        "rule 1 (rewrite two_layers) at FullyConnected 'b' (#4): the condition odd "
        f"({HERE}:{odd.__code__.co_firstlineno}) returns {answer!r}; a condition returns True, "
        "False, or match.refuse(reason)"
    )


def test_values_of_another_match_are_refused() -> None:
    kept: list[Any] = []

    def relu(op: Any, x: Any) -> Any:
        return op.relu(x)

    def old_value(op: Any, match: Any) -> Any:
        kept.append(match.x)
        return op.tanh(kept[0])

    def old_node(op: Any, match: Any) -> Any:
        kept.append(op.tanh(match.x))
        return kept[0]

    for replacement, said in (
        (old_value, "x (variable 'x') is of another match; take what you need from the match that "
                    "is given"),
        (old_node, "a new value of another match is put in; make everything anew for each match"),
    ):  # fmt: skip
        kept.clear()
        model = Model(parse_graph("x = variable(); return relu(relu(x))"))
        with pytest.raises(OperationError) as caught:
            graphpass.apply(make(replacement, pattern=relu), model)
        assert str(caught.value).endswith(f": {said}")
