"""Patterns laid over each other."""

from __future__ import annotations

import pytest

from graphpass.formats.text import print_graph
from graphpass.rules.analysis.sketch import Style, draw, overlay
from graphpass.rules.analysis.witness import witnesses
from graphpass.rules.rewriting.rewrite import parse_rewrite

FULL, BARE = Style(True, True), Style(False, False)


def laid(first: str, second: str, parts: tuple[int, int], style: Style = FULL) -> str | None:
    """Return the plainest graph of two patterns, or None where there is none."""
    rewrites = [parse_rewrite(match, "_zeros()") for match in (first, second)]
    drawings = [draw(each.plan, number, style) for number, each in enumerate(rewrites)]
    assert drawings[0] is not None
    assert drawings[1] is not None
    if not overlay(drawings[0].boxes[parts[0]], drawings[1].boxes[parts[1]]):
        return None
    for witness in witnesses([drawings[0], drawings[1]], rewrites):
        return print_graph(witness.model.graph)
    return None


@pytest.mark.parametrize(
    ("first", "second", "parts", "text"),
    [
        ("a = tanh(relu(x))", "b = relu(exp(x))", (0, 1),
         "x = variable()\nexp = exp(x)\nb = relu(exp)\na = tanh(b)\nreturn a"),
        # the same name is the same value
        ("a = dot(x, x)", "b = dot(relu(x), y)", (0, 1),
         "x = variable()\nrelu = relu(x)\na = dot(relu, relu)\nreturn a"),
        # inputs that are left take what there is
        ("a = Concat(x, *_)", "b = Concat(x, relu(y), z)", (0, 1),
         "x, y = variable(), variable()\nrelu = relu(y)\nz = variable()\n"
         "a = Concat(x, relu, z, num_args=3)\nreturn a"),
        # what neither says is filled in
        ("a = (Activation | relu)(x)", "b = Activation(x)", (0, 0),
         'x = variable()\na = Activation(x, act_type="relu")\nreturn a'),
        # values that would be computed from themselves
        ("r = relu(x); a = dot(r, x)", "b = dot(y, relu(y))", (1, 1), None),
        # kinds, outputs, attributes, counts
        ("a = dot(param(x), y)", "b = dot(relu(x), y)", (0, 1), None),
        ("a = dot(param(x), y)", "b = dot(aux(x), y)", (0, 0), None),
        ("s = SliceChannel(x, num_outputs=2); a = relu(s[1])",
         "s = SliceChannel(x); b = relu(s)", (1, 1), None),
        ("a = Pooling(x, kernel=(2, 2))", "b = Pooling(x, kernel=(3, 3))", (0, 0), None),
        ("a = add_n(x, y)", "b = add_n(x, y, z)", (0, 0), None),
    ],
)  # fmt: skip
def test_overlays(first: str, second: str, parts: tuple[int, int], text: str | None) -> None:
    assert laid(first, second, parts) == text


def test_what_may_be_absent_is_drawn_or_not() -> None:
    pattern = "a = tanh(maybe(Dropout)(FullyConnected(x, w, optional(b))))"
    full, bare = laid(pattern, "b = tanh(x)", (2, 0)), laid(pattern, "b = tanh(x)", (2, 0), BARE)
    assert full == (
        "x, w, b = variable(), variable(), variable()\n"
        "fullyconnected = FullyConnected(x, w, b, num_hidden=2)\n"
        "dropout = Dropout(fullyconnected)\na = tanh(dropout)\nreturn a"
    )
    assert bare == (
        "x, w = variable(), variable()\n"
        "fullyconnected = FullyConnected(x, w, num_hidden=2, no_bias=True)\n"
        "a = tanh(fullyconnected)\nreturn a"
    )
