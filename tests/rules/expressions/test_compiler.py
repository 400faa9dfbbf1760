"""What the language has, and what it refuses to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphpass.errors import ExpressionError, TextError
from graphpass.rules.expressions import Scope, UnknownError, parse_expression


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("-1", -1),
        ("- -1", 1),
        ("+2.5", 2.5),
        ("'NC' + 'HW'", "NCHW"),
        ("None", None),
        ("number", 7),
        ("number + 1 == 8", True),
        ("2 + 3 * 4 - 6 / 3", 12.0),
        ("7 // 2, 7 % 2, 2 ** 10, -7 // 2", (3, 1, 1024, -4)),
        ("1 < 2 <= 2 < 3", True),
        ("1 < 2 > 5", False),
        ("1 == 1.0 != 2", True),
        ("conv.layout in (None, 'NCHW')", True),
        ("conv.layout not in (None, 'NCHW')", False),
        ("'conv' in conv.name", True),
        ("None is None", True),
        ("conv.layout is not None", True),
        ("not number", False),
        ("0 or 'a'", "a"),
        ("1 and 0", 0),
        ("False and 1 / 0", False),
        ("True or 1 / 0", True),
        ("1 if number == 7 else 1 / 0", 1),
        ("0 < 1 and (3 if number else 4) == 3", True),
        ("(1, 2) + (3,)", (1, 2, 3)),
        ("[1, 2]", (1, 2)),
        ("()", ()),
        ("pair[0], pair[-1], (4, 5, 6)[1:], (4, 5, 6)[::-1]", (1, 2, (5, 6), (6, 5, 4))),
        ("'NCHW'[0]", "N"),
        ("(1, (2, 3)) == (1, (2, 3))", True),
        ("(1, 2) < (1, 3)", True),
        ("weight[0, 0, 1]", [3, 4, 5]),
        ("weight[1, 0, :2, ::2]", [[9, 11], [12, 14]]),
        ("gamma[len(pair) - 1]", 2.0),
        ("`conv/0`.kernel", (3, 3)),
        ("split[1].name", "halves_output1"),
        ("all(u.op != 'relu' for u in out.users)", False),
        ("any(u.op == 'relu' for u in out.users)", True),
        ("count(u.op == 'relu' for u in out.users)", 1),
        ("count(True for u in out.users if u.op != 'relu')", 1),
        ("tuple(i * i for i in range(4) if i % 2 == 1)", (1, 9)),
        ("tuple(conv.kernel[i] for i in (1, 0))", (3, 3)),
        ("sum(i for i in pair), max(i for i in pair)", (3, 2)),
        ("all(any(i == j for j in pair) for i in pair)", True),
        ("tuple(tuple(i * j for j in pair) for i in pair)", ((1, 2), (2, 4))),
        ("tuple(sum(i for i in range(i)) + i for i in pair)", (1, 3)),
        ("tuple(number for number in pair)", (1, 2)),
        ("all(1 / 0 for u in ())", True),
        ("any(i == 1 or 1 / 0 for i in pair)", True),
    ],
)
def test_a_value(text: str, expected: Any, value: Callable[[str], Any]) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lambda: 1", "a lambda is not allowed here"),
        ("[x for x in y]", "a comprehension is not allowed here"),
        ("{1: 2}", "a dictionary is not allowed here"),
        ("{1}", "a set is not allowed here"),
        ("f'{x}'", "an f-string is not allowed here"),
        ("(x := 1)", "an assignment inside an expression is not allowed here"),
        ("(*x, 1)", "a star is not allowed here"),
        ("(x for x in y)", "a comprehension is not allowed here"),
        ("sqrt(*x)", "a star is not allowed here"),
        ("sqrt(**x)", "a function takes plain arguments"),
        ("b'x'", "b'x' is not allowed here"),
        ("1j", "1j is not allowed here"),
        ("...", "Ellipsis is not allowed here"),
        ("weight[...]", "Ellipsis is not allowed here"),
        ("1 << 2", "the operators are + - * / // % ** and @"),
        ("~x", "write not, or for an array x == False, instead of ~"),
        ("x is y", "is and is not compare with None only; write == or !="),
        ("sqr(x)", "there is no function 'sqr'; nearest: sqrt"),
        ("eval('1')", "there is no function 'eval'; nearest: equal"),
        ("`sqrt`(1)", "only functions can be called, such as sqrt(x)"),
        ("x.sum()", "only functions can be called, such as sqrt(x)"),
        ("sqrt(1)(2)", "only functions can be called, such as sqrt(x)"),
        ("sqrt()", "write sqrt(x)"),
        ("sqrt(1, 2)", "write sqrt(x)"),
        ("sum(x, 0)", "write sum(xs, *, axis=None, keepdims=False)"),
        ("sum(x, axes=0)", "write sum(xs, *, axis=None, keepdims=False)"),
        ("known()", "write known(x)"),
        ("known(x=1)", "write known(x)"),
        ("known(x for x in y)", "a comprehension is not allowed here"),
        ("bound(x, y)", "bound takes a name of the pattern"),
        ("bound(1)", "bound takes a name of the pattern"),
        ("any(bound(u) for u in x)", "bound takes a name of the pattern"),
        ("sqrt(u for u in x)", "for stands in all, any, count, max, min, prod, sum, tuple only"),
        ("sum((u for u in x), axis=0)", "for stands in all, any"),
        ("all(u for u in x for v in u)", "write one for; a second one can stand in a function"),
        ("all(1 for u, v in x)", "for takes one name"),
        ("all(1 for `u` in x)", "for takes one name"),
        ("x._private", "there is no attribute '_private'"),
        ("x.`shape`", "an attribute of such a name is read by attribute(node"),
        ("9223372036854775809", "the integer is larger than 2**63"),
        ("x = 1", "write one expression"),
        ("1; 2", "write one expression"),
        ("", "write one expression"),
        ("import os", "write one expression"),
        ("1 +", "Python can't read this"),
        ("-" * 200 + "1", "this is nested deeper than 60"),
        ("1" + "+1" * 2000, "this is nested deeper than 60"),
        ("x" + ".name" * 1500, "this is nested deeper than 60"),
        ("(" * 100 + ")" * 100, "brackets are nested deeper than 50"),
        ("1" * 20000, "20000 characters"),
    ],
)
def test_a_refusal(text: str, reason: str) -> None:
    with pytest.raises(TextError) as caught:
        parse_expression(text)
    assert reason in caught.value.reason


def test_an_error_shows_the_place() -> None:
    with pytest.raises(TextError) as caught:
        parse_expression("1 + sqr(`a b`)", "let scale")
    assert str(caught.value) == (
        "let scale:1:5: there is no function 'sqr'; nearest: sqrt\n1 + sqr(`a b`)\n    ^"
    )
    assert (caught.value.line, caught.value.column) == (1, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 // 0", "let s: 1 // 0: division by zero"),
        ("number % 0", "let s: number % 0: division by zero, where number is 7"),
        ("pair[2]", "let s: pair[2]: tuple index out of range, where pair is (1, 2)"),
        ("pair['a']", "an index is a whole number or a slice, not the text 'a'"),
        ("pair['a':]", "the bounds of a slice are whole numbers"),
        ("pair[True]", "an index is a whole number or a slice, not True"),
        ("weight[pair, 0]", "an index is a whole number or a slice, not a tuple"),
        ("weight[None]", "an index is a whole number or a slice, not None"),
        ("weight[0, 0, 0, 0, 0]", "too many indices"),
        ("split[2]", "SliceChannel 'halves' has no output 2"),
        ("split[:1]", "an index is a whole number, not a slice"),
        ("number[0]", "7 has no elements"),
        ("1 < 'a'", "1 and the text 'a' can't be compared"),
        ("'a' * 3", "the text 'a' is no number and no array"),
        ("'%s' % 3", "the text '%s' is no number and no array"),
        ("(1,) * (3,)", "a tuple is no number and no array"),
        ("'a' + 1", "the text 'a' is no number and no array"),
        ("1 in 5", "5 has no elements to look among"),
        ("1 if weight else 2", "the value conv0_weight is neither true nor false"),
        ("1 if weight > 0 else 2", "neither true nor false; ask all(...) or any(...)"),
        ("not conv", "the node Convolution 'conv0' is neither true nor false"),
        ("0 < weight < 1", "neither true nor false"),
        ("(weight, 1) == (weight, 1)", "can't be compared as a whole; write equal(a, b)"),
        ("(-8) ** 0.5", "the result is a complex number"),
        ("0.0 ** -1", "0.0 ** -1: division by zero"),
        ("10.0 ** 400", "the number is too large"),
        ("2 ** 64", "the integer is larger than 2**63"),
        ("conv.kernal", "Convolution has no attribute 'kernal'; nearest: kernel"),
        ("number.shape", "7 has no 'shape'"),
        ("scale.name", "an array of shape (2,) has no 'name'"),
        ("conv.kernel.shape", "a tuple has no 'shape'"),
        ("conv.attrs.shape", "the table of attributes of Convolution 'conv0' has no 'shape'"),
        ("all(u for u in 3)", "3 is a tuple, not 3"),
        ("all(u for u in weight)", "weight is a tuple, not the value conv0_weight"),
        ("nothing", "there is no name 'nothing'"),
        ("gama", "there is no name 'gama'; nearest: gamma"),
        ("attribute(x, 'kernel')", 'write attribute(conv, "kernel"), conv being a node'),
    ],
)
def test_a_failure(text: str, message: str, scope: Scope) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text, "let s").evaluate(scope)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("bias + 1", "bias is not bound"),
        ("x + 1", "x (variable 'data') has no stored value"),
        ("y + 1", "y (BatchNorm 'bn0') has no stored value"),
        ("conv + 1", "conv (Convolution 'conv0') has no stored value"),
        ("half + 1", "half (output 1 of SliceChannel 'halves') has no stored value"),
        ("rest[1] * 2", "variable 'bn0_beta' has no stored value"),
        ("y.shape", "the shape of bn0_output is not known"),
        ("y.ndim", "the shape of bn0_output is not known"),
        ("vendor.dtype", "the dtype of vendor0_output is not known"),
        ("conv.shape", "the shape of conv0_output is not known"),
        ("rest[1].shape", "of the shape of bn0_beta only (?, 2) is known"),
        ("x.kernel", "x (variable 'data') is a value and has no 'kernel'"),
        ("x.shap", "x (variable 'data') is a value and has no 'shap'; nearest: shape, is_head"),
        ("vendor.size", "the shape of vendor0_output is not known"),
        ("vendor.speed", "VendorOp 'vendor0' has no attribute 'speed'"),
        ("x.node.kernel", "variable 'data' has no attribute 'kernel'"),
        ("conv.attrs['stride']", "Convolution 'conv0' has no attribute 'stride' in its file"),
    ],
)
def test_what_is_not_known(text: str, reason: str, scope: Scope) -> None:
    with pytest.raises(UnknownError) as caught:
        parse_expression(text).evaluate(scope)
    assert caught.value.reason == reason
