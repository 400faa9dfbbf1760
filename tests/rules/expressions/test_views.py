"""What nodes and values answer."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphpass import Model
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.rules.expressions import (
    UNBOUND,
    NodeView,
    RawAttributes,
    Scope,
    UnknownError,
    ValueView,
    parse_expression,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv.kernel, conv.no_bias, conv.stride", ((3, 3), True, ())),
        ("out.eps, out.axis, out.fix_gamma", (0.5, 3, True)),
        ("conv.name, conv.op", ("conv0", "Convolution")),
        ("conv.num_inputs, conv.num_outputs, split.num_outputs", (2, 1, 2)),
        ("out.num_outputs", 1),
        ("conv.inputs", ("data", "conv0_weight")),
        ("out.users", ("relu0", "tanh0")),
        ("split.users", ("flat",)),
        ("vendor.is_head, conv.is_head", (True, False)),
        ("flat.shape", (0, -1)),
        ("vendor.level", "3"),
        ("conv.__lr_mult__", None),
        ("rest[1].__lr_mult__, float(rest[1].__lr_mult__)", ("0.5", 0.5)),
        ("conv.attrs['kernel']", "(3, 3)"),
        ("attribute(split, 'num_outputs')", 2),
        ("x.name, y.name, half.name", ("data", "bn0_output", "halves_output1")),
        ("half.output, half.node.name, half.node == split", (1, "halves", True)),
        ("conv == conv, conv == out, conv != out", (True, False, True)),
        ("conv in (out, conv), y.node in conv.users", (True, True)),
        ("x.shape, x.dtype, x.ndim, x.size", ((1, 2, 5, 5), "float32", 4, 50)),
        ("rest[1].ndim", 2),
        ("weight.shape, weight.dtype, weight.ndim, weight.size", ((2, 1, 3, 3), "float32", 4, 18)),
        ("x.users, y.users", (("conv0",), ("relu0", "tanh0"))),
        ("tuple(u.name for u in half.users), split[0].users", (("flat",), ())),
        ("x.is_input, x.is_param, x.is_aux", (True, False, False)),
        ("weight.is_param, mean.is_aux, y.is_param", (True, True, False)),
        ("y.is_head", False),
        ("scale.shape, scale.dtype, scale.ndim, scale.size", ((2,), "float32", 1, 2)),
        ("len(rest)", 2),
        ("bound(bias), bound(weight)", (False, True)),
        ("known(weight), known(x), known(y), known(conv)", (True, False, False, False)),
        ("known(weight, bias, scale, number), known(rest), known(rest[0])", (True, False, True)),
        ("known(x.shape), known(y.shape), known(bias)", (True, False, True)),
    ],
)
def test_a_word(text: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(text) == expected


def test_views_are_what_the_scope_gives(scope: Scope) -> None:
    assert isinstance(scope["conv"], NodeView)
    assert isinstance(scope["weight"], ValueView)
    assert scope["conv"] is scope["conv"]
    assert [type(each) for each in scope["rest"]] == [ValueView, ValueView]
    assert scope["bias"] is UNBOUND
    attributes = parse_expression("conv.attrs").evaluate(scope)
    assert isinstance(attributes, RawAttributes)
    assert attributes.texts["layout"] == "NCHW"


def test_a_let_hides_what_the_pattern_bound(scope: Scope) -> None:
    scope.define("weight", 3)
    assert parse_expression("weight + 1").evaluate(scope) == 4


def test_without_parameters_nothing_has_a_value(empty_scope: Scope) -> None:
    assert parse_expression("known(x) or known(weight)").evaluate(empty_scope) is False
    with pytest.raises(UnknownError, match="'conv0_weight'"):
        parse_expression("weight + 1").evaluate(empty_scope)


def test_a_stored_array_is_never_written_to(scope: Scope, model: Model) -> None:
    before = model.parameters["conv0_weight"].copy()
    for text in (
        "weight",
        "transpose(weight)",
        "weight[0]",
        "reshape(weight, (-1,))",
        "weight * 1",
    ):
        found = parse_expression(text).evaluate(scope)
        array = found.array if isinstance(found, ValueView) else found
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 5
    assert np.array_equal(before, model.parameters["conv0_weight"])


def test_arrays_given_by_hand_are_protected_too(model: Model, scope: Scope) -> None:
    own = {"conv0_weight": np.ones(3, "float32")}
    other = Scope(scope.facts, {"weight": (model.graph.inputs(scope["conv"].key)[1])}, own)
    found = parse_expression("transpose(weight)").evaluate(other)
    assert not found.flags.writeable
    assert own["conv0_weight"].flags.writeable


def test_bfloat16_is_computed_with(model: Model, scope: Scope) -> None:
    stored = np.array([1, 2.5, -3, 256], BFLOAT16)
    entry = model.graph.inputs(scope["conv"].key)[1]
    other = Scope(scope.facts, {"weight": entry}, {"conv0_weight": stored})
    assert parse_expression("known(weight), weight.dtype, weight.shape").evaluate(other) == (
        True,
        "bfloat16",
        (4,),
    )
    for text, dtype, values in (
        ("weight * 2.0 + 1", "bfloat16", [3, 6, -5, 512]),  # 513 has no place in 8 bits
        ("sum(weight)", "bfloat16", 256),
        ("mean(astype(weight, 'float32'))", "float32", 64.125),
        ("weight + ones((4,))", "float32", [2, 3.5, -2, 257]),
        ("maximum(weight, 2)", "bfloat16", [2, 2.5, 2, 256]),
        ("astype(weight, 'int32')", "int32", [1, 2, -3, 256]),
        ("full((2,), 0.1, 'bfloat16')", "bfloat16", [0.10009765625] * 2),
        ("full_like(weight, 3)", "bfloat16", [3] * 4),
    ):
        found = parse_expression(text).evaluate(other)
        assert (found.dtype.name, found.tolist()) == (dtype, values), text
    assert parse_expression("allclose(weight, weight) and max(weight) > 2").evaluate(other)


@pytest.mark.parametrize("dtype", ["object", "complex64", "S3", "datetime64[s]"])
def test_other_arrays_are_not_computed_with(dtype: str, model: Model, scope: Scope) -> None:
    entry = model.graph.inputs(scope["conv"].key)[1]
    other = Scope(scope.facts, {"weight": entry}, {"conv0_weight": np.zeros(3, dtype)})
    for text in ("weight + 1", "ones_like(weight)", "weight == weight", "weight[0]"):
        with pytest.raises(UnknownError):
            parse_expression(text).evaluate(other)


def test_attributes_that_are_no_value_are_unknown(model: Model, scope: Scope) -> None:
    model.graph.attrs(scope["out"].key)["eps"] = "tiny"  # no edit would allow it, but a file may
    del model.graph.attrs(scope["conv"].key)["kernel"]
    for text, reason in {
        "out.eps": "BatchNorm 'bn0': attribute eps='tiny' is not a double such as 0.5",
        "conv.kernel": "Convolution 'conv0' lacks the attribute kernel",
    }.items():
        with pytest.raises(UnknownError) as caught:
            parse_expression(text).evaluate(scope)
        assert caught.value.reason == reason


def test_a_released_scope_lets_go_of_its_views_at_once(scope: Scope) -> None:
    assert parse_expression("count(u.size > 0 for u in rest) == 1").why_not(scope)
    kept = [weakref.ref(array) for array in (scope["weight"].array, scope["scale"])]
    gc.disable()
    try:
        scope.release()
        assert [each() for each in kept] == [None, None]
        assert scope["weight"].shape == (2, 1, 3, 3)
    finally:
        gc.enable()
