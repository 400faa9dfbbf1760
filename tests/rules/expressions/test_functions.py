"""Each function, what it gives and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphpass.errors import ExpressionError
from graphpass.rules.expressions import Scope, UnknownError, parse_expression
from graphpass.rules.expressions.functions import FUNCTIONS

W = np.arange(18, dtype="float32").reshape(2, 1, 3, 3)
G = np.array([1, 2], "float32")

SAME_AS_NUMPY = [
    ("sqrt(weight)", np.sqrt(W)),
    ("abs(-weight)", W),
    ("exp(gamma)", np.exp(G)),
    ("log(gamma)", np.log(G)),
    ("isfinite(gamma / 0)", np.array([False, False])),
    ("maximum(weight, 5)", np.maximum(W, np.float32(5))),
    ("minimum(5, weight)", np.minimum(W, np.float32(5))),
    ("clip(weight, 3, 5)", np.clip(W, 3, 5)),
    ("clip(weight, None, 5)", np.minimum(W, 5)),
    ("clip(weight, 3, None)", np.maximum(W, 3)),
    ("sum(weight)", np.sum(W)),
    ("sum(weight, axis=0)", np.sum(W, 0)),
    ("sum(weight, axis=(0, -1), keepdims=True)", np.sum(W, (0, -1), keepdims=True)),
    ("mean(weight, axis=1)", np.mean(W, 1)),
    ("prod(gamma)", np.prod(G)),
    ("max(weight, axis=2)", np.max(W, 2)),
    ("min(weight)", np.min(W)),
    ("all(weight > 3, axis=0)", np.all(W > 3, 0)),
    ("any(weight > 3, axis=0)", np.any(W > 3, 0)),
    ("reshape(weight, (-1, 9))", W.reshape(-1, 9)),
    ("reshape(weight, (weight.size,))", W.reshape(18)),
    ("transpose(weight)", W.T),
    ("transpose(weight, ())", W.T),
    ("transpose(weight, (1, 0, 3, 2))", W.transpose(1, 0, 3, 2)),
    ("concatenate((weight, weight), 1)", np.concatenate((W, W), 1)),
    ("concatenate((weight, weight), axis=-1)", np.concatenate((W, W), -1)),
    ("stack((gamma, scale))", np.stack((G, G / 2))),
    ("stack(tuple(gamma for i in range(3)), axis=1)", np.stack((G, G, G), 1)),
    ("squeeze(weight)", W.squeeze()),
    ("squeeze(weight, 1)", W.squeeze(1)),
    ("squeeze(weight, (1,))", W.squeeze(1)),
    ("expand_dims(gamma, -1)", G[:, None]),
    ("repeat(gamma, 2)", np.repeat(G, 2)),
    ("repeat(weight, 2, axis=1)", np.repeat(W, 2, 1)),
    ("tile(gamma, 2)", np.tile(G, 2)),
    ("tile(gamma, (2, 1))", np.tile(G, (2, 1))),
    ("gamma @ reshape(weight, (2, 9))", G @ W.reshape(2, 9)),
    ("dot(gamma, gamma)", np.dot(G, G)),
    ("weight @ weight", W @ W),
    ("per_axis(gamma, 0, 4)", G.reshape(2, 1, 1, 1)),
    ("per_axis(gamma, -1, 2)", G.reshape(1, 2)),
    ("zeros((2, 3))", np.zeros((2, 3), "float32")),
    ("ones(2, 'float16')", np.ones(2, "float16")),
    ("ones((), dtype='bool')", np.ones((), "bool")),
    ("full((2,), 2.5)", np.full(2, 2.5, "float32")),
    ("full((2,), 3, 'int8')", np.full(2, 3, "int8")),
    ("zeros_like(weight)", np.zeros_like(W)),
    ("ones_like(scale)", np.ones_like(G)),
    ("full_like(weight, 7)", np.full_like(W, 7)),
    ("ones_like(x)", np.ones((1, 2, 5, 5), "float32")),
    ("arange(3)", np.arange(3, dtype="float32")),
    ("arange(1, 2, 0.25)", np.arange(1, 2, 0.25).astype("float32")),
    ("arange(3, 0, -1, 'int32')", np.array([3, 2, 1], "int32")),
    ("eye(2)", np.eye(2, dtype="float32")),
    ("eye(2, 3, 'int64')", np.eye(2, 3, dtype="int64")),
    ("astype(weight, 'int32')", W.astype("int32")),
    ("astype(2.75, 'float16')", np.float16(2.75)),
    ("astype(weight, 'float64') * 2", W.astype("float64") * 2),
]


@pytest.mark.parametrize(("text", "expected"), SAME_AS_NUMPY)
def test_an_array(text: str, expected: Any, scope: Scope) -> None:
    found = parse_expression(text).evaluate(scope)
    expected = np.asarray(expected)
    assert isinstance(found, np.ndarray)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(found, expected)
    assert not found.flags.writeable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sqrt(4), exp(0), log(1), abs(-3), abs(-2.5)", (2.0, 1.0, 0.0, 3, 2.5)),
        ("isfinite(1e308 * 10), isfinite(2)", (False, True)),
        ("maximum(2, 3), minimum(2, 3), clip(5, 0, 3), clip(5, 7, None)", (3, 2, 3, 7)),
        ("sum(conv.kernel), prod(x.shape), max(pair), min(pair)", (6, 50, 2, 1)),
        ("sum(()), prod(())", (0, 1)),
        ("all(pair), any((0, 0)), all(()), any(())", (True, False, True, False)),
        ("all(weight >= 0), any(weight > 100)", (True, False)),
        ("len(pair), len('NCHW')", (2, 4)),
        ("range(3), range(1, 3), range(5, 0, -2)", ((0, 1, 2), (1, 2), (5, 3, 1))),
        ("tuple(pair), count(pair), count((0, 1))", ((1, 2), 2, 1)),
        ("int(2.75), int('12'), int(True), int(gamma[1])", (2, 12, 1, 2)),
        ("float(2), float('0.5'), float(gamma[0])", (2.0, 0.5, 1.0)),
        ("bool(0), bool('a'), bool(gamma[0] == 1)", (False, True, True)),
        ("equal(gamma, gamma), equal(gamma, weight), equal(gamma, scale)", (True, False, False)),
        ("equal(2, 2.0), equal(gamma[0], 1)", (True, True)),
        ("allclose(gamma, gamma + 1e-6), allclose(gamma, scale)", (True, False)),
        ("allclose(gamma, scale, rtol=0, atol=1), allclose(1, 1)", (True, True)),
        ("attribute(conv, 'kernel'), attribute(vendor, 'level')", ((3, 3), "3")),
    ],
)
def test_a_number(text: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zeros((2, -1))", "a dimension can't be negative"),
        ("zeros((2, 1.5))", "a dimension is a whole number, not 1.5"),
        ("zeros('a')", "a shape is a tuple, not the text 'a'"),
        ("zeros((1,) + tuple(1 for i in range(40)))", "an array has 32 dimensions at most"),
        ("zeros(2, 'float8')", "a dtype is one of bfloat16, float16, float32"),
        ("zeros(2, 'object')", "a dtype is one of"),
        ("zeros(2, 'O')", "a dtype is one of"),
        ("zeros(2, pair)", "a dtype is one of"),
        ("astype(weight, 'str')", "a dtype is one of"),
        ("full(2, 'a')", "the text 'a' is no number and no array"),
        ("full(2, gamma)", "an array is filled with a number"),
        ("full(2, 300, 'uint8')", "300 is no uint8"),
        ("arange(0, 1, 0)", "a step that is not zero"),
        ("arange(0, 1e308 * 10)", "arange takes numbers below 2**63"),
        ("reshape(weight, (4, 4))", "cannot reshape"),
        ("reshape(weight, (-1, -1))", "unknown dimension"),
        ("transpose(weight, (0, 0, 1, 2))", "repeated axis"),
        ("sum(weight, axis=4)", "there is no axis 4 of 4"),
        ("sum(weight, axis='a')", "an axis is a whole number"),
        ("sum(('a', 1))", "the text 'a' is no number"),
        ("sum((gamma, gamma))", "an array of shape (2,) is no number; put arrays together"),
        ("prod(tuple(99999 for i in range(9)))", "the integer is larger than 2**63"),
        ("max(())", "max(())"),
        ("max(weight[:0])", "zero-size array"),
        ("concatenate(weight)", "what is put together is a tuple, not the value conv0_weight"),
        ("concatenate((gamma, weight))", "number of dimensions"),
        ("stack(())", "there is nothing to put together"),
        ("stack((gamma, weight))", "same shape"),
        ("per_axis(weight, 0, 4)", "per_axis takes an array of one dimension, not of 4"),
        ("per_axis(gamma, 4, 4)", "there is no axis 4 of 4"),
        ("per_axis(gamma, 0, 99)", "an array has 32 dimensions at most, not 99"),
        ("gamma @ weight", "the shapes (2,) and (2, 1, 3, 3) don't fit"),
        ("gamma @ 2", "@ takes two arrays of one dimension or more"),
        ("gamma + arange(3)", "the shapes (2,) and (3,) don't fit"),
        ("repeat(gamma, -1)", "negative"),
        ("repeat(gamma, 1, axis=32)", "there is no axis 32 of 1"),
        ("squeeze(weight, 0)", "cannot select an axis"),
        ("len(weight)", "is no tuple and no text"),
        ("len(3)", "is no tuple and no text"),
        ("int('a')", "invalid literal"),
        ("int(gamma)", "an array of shape (2,) is not one number"),
        ("int(1e308 * 10)", "the number is too large"),
        ("int(1e30)", "the integer is larger than 2**63"),
        ("range(1.5)", "a bound is a whole number, not 1.5"),
        ("range(0, 1, 0)", "must not be zero"),
        ("tuple(weight)", "the value conv0_weight is no tuple"),
        ("attribute(conv, 'kernal')", "Convolution has no attribute 'kernal'; nearest: kernel"),
        ("attribute(conv, 3)", 'write attribute(conv, "kernel")'),
        ("mean(gamma[:0])", "no elements have no mean"),
        ("mean('a')", "the text 'a' is no number and no array"),
        ("astype(weight, 'int32') // 0", "division by zero"),
        ("astype(gamma, 'int32') % astype(gamma - 1, 'int8')", "division by zero"),
        ("astype(gamma, 'int32') ** -1", "negative integer powers"),
        ("-(gamma == 1)", "-(gamma == 1)"),
        ("astype(gamma, 'int8') + 300", "300 is no int8"),
    ],
)
def test_a_failure(text: str, message: str, scope: Scope) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, "let s").evaluate(scope)
    assert message in str(caught.value)


def test_an_error_names_the_part_and_its_values(scope: Scope) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("1 + per_axis(gamma, number, 2) * 3", "let scale").evaluate(scope)
    assert str(caught.value) == (
        "let scale: per_axis(gamma, number, 2): there is no axis 7 of 2, "
        "where gamma is bn0_gamma, number is 7"
    )


def test_every_function_is_tried() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert not [name for name in FUNCTIONS if not re.search(rf"\W{name}\(", source)]


def test_nothing_is_printed_when_numpy_would_warn(
    scope: Scope, recwarn: pytest.WarningsRecorder
) -> None:
    before = np.geterr()
    for text in (
        "gamma / 0",
        "log(gamma - 1)",
        "sqrt(-gamma)",
        "sqrt(-1)",
        "log(0)",
        "exp(gamma * 1000)",
        "astype(gamma / 0, 'int32')",
        "astype(70000, 'float16')",
        "gamma * 1e300",
        "gamma / 0 < 1",
        "(gamma - gamma) / 0 == 1",
        "allclose(gamma / 0, gamma)",
    ):
        parse_expression(text).evaluate(scope)
    assert not recwarn.list
    assert np.geterr() == before


def test_numpy_warns_again_after_a_failure(scope: Scope) -> None:
    before = np.geterr()
    with pytest.raises(ExpressionError):
        parse_expression("gamma / 0 + arange(5)").evaluate(scope)
    with pytest.raises(UnknownError):
        parse_expression("gamma / 0 + x").evaluate(scope)
    assert np.geterr() == before


def test_likeness_needs_a_known_shape(scope: Scope) -> None:
    with pytest.raises(UnknownError, match="the shape of bn0_output is not known"):
        parse_expression("ones_like(y)").evaluate(scope)
