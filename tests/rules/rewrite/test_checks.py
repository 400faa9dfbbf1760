"""What is refused of a replacement before any graph is seen."""

from __future__ import annotations

import pytest

from graphpass.errors import TextError
from graphpass.rules.rewrite.rewrite import parse_rewrite


@pytest.mark.parametrize(
    ("match", "replace", "said"),
    [
        ("y = relu(x)", "y = Concat(x, x, num_args=3)",
         "num_args is 3, but the replacement gives 2 inputs; leave it out, it is filled in"),
        ("y = relu(x)", "y = add_n(x, num_args=4)", "num_args is 4, but .* gives 1 input;"),
        ("y = add_n(*xs)", "y = Concat(*xs, num_args=3)",
         "num_args counts the inputs, and how many there are depends on the match; leave it out"),
        ("y = add_n(*xs)", "y = Concat(*xs, num_args=len(xs))", "depends on the match"),
        ("y = FullyConnected(x, w, optional(b))", "y = Concat(x, b, num_args=2)",
         "depends on the match"),
        ("y = relu(x)", "y = Convolution(x, x, x, kernel=(1, 1), num_filter=2, no_bias=True)",
         r"Convolution has 2 inputs \(data, weight, bias\) with these attributes, but the "
         "replacement gives 3"),
        ("y = relu(x)", "y = SliceChannel(x, num_outputs=100000000)",
         "num_outputs counts 100000000"),
        ("y = relu(x)", "y = slice_axis(x, axis=1, begin=0)",
         "slice_axis needs the attribute end"),
        ("y = relu(x)", "y = slice_axis(x, begin=0)", "slice_axis needs the attributes axis, end"),
        ("y = relu(x)", "y = slice_axis(x, axis=1, begin=0, end=None)",
         'slice_axis needs the attribute end, and None leaves it out; end="None" writes it'),
        ("y = slice_axis(x)", "y = slice_axis(x, **y.attrs, end=None)", 'end="None" writes it'),
        ("y = relu(x)", "y = FullyConnected(x, x, no_bias=True, num_hidden=None)",
         "FullyConnected needs the attribute num_hidden, and None leaves it out; write its value"),
    ],
)  # fmt: skip
def test_what_is_refused(match: str, replace: str, said: str) -> None:
    with pytest.raises(TextError, match=said) as caught:
        parse_rewrite(match, replace)
    assert caught.value.path == ("replace",)
    assert str(caught.value).startswith("replacement:1:")


def test_the_place_of_an_attribute_that_none_leaves_out() -> None:
    with pytest.raises(TextError) as caught:
        parse_rewrite("y = relu(x)", "y = slice_axis(x, axis=1, begin=0, end=None)")
    assert caught.value.column == 36


@pytest.mark.parametrize(
    ("match", "replace"),
    [
        ("y = relu(x)", "y = Concat(x, x, num_args=2)"),
        ("y = relu(x)", "y = Concat(x, x)"),
        ("y = relu(x)", "y = Concat(x, x, num_args=None)"),
        ("y = relu(x)", 'y = slice_axis(x, axis=1, begin=0, end="None")'),
        ("y = relu(x)", "y = slice_axis(x, axis=1, begin=0, end=None if x.ndim == 1 else 1)"),
        ("y = slice_axis(x)", "y = slice_axis(x, end=None, **y.attrs)"),
        ("y = Concat(*xs)", "y = Concat(*xs, **y.attrs)"),
        ("y = Concat(a, b, c)", "y = Concat(a, b, **y.attrs)"),
        ("y = FullyConnected(x, w, optional(b))", "y = FullyConnected(x, w, b, **y.attrs)"),
        ("y = FullyConnected(x, w, optional(b))",
         "y = FullyConnected(x, w, b, num_hidden=2, no_bias=True)"),
        ("y = FullyConnected(x, w, optional(b))",
         "y = FullyConnected(x, w, no_bias=False, **y.attrs)"),
    ],
)  # fmt: skip
def test_what_may_be_right(match: str, replace: str) -> None:
    parse_rewrite(match, replace)
