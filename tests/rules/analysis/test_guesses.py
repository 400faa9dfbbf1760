"""Values and shapes that conditions give away."""

from __future__ import annotations

import pytest

from graphpass.rules.analysis.guesses import attribute_guesses, shape_guesses
from graphpass.rules.rewriting.rewrite import parse_rewrite


@pytest.mark.parametrize(
    ("match", "where", "word", "wanted"),
    [
        ("y = Activation(x)", "y.act_type in ('relu', 'tanh')", "act_type", {"relu", "tanh"}),
        ("y = Dropout(x)", "y.p > 0.7", "p", {0.7, 0.85}),
        ("y = BatchNorm(x, *_)", "y.axis != 1", "axis", {1, 2, 0}),
        ("y = Convolution(x, *_)", "y.kernel[1] == 5", "kernel", {(5, 5)}),
        ("y = transpose(x)", "len(y.axes) > 1", "axes", {(0,), (0, 1), (1, 0)}),
    ],
)
def test_attributes(match: str, where: str, word: str, wanted: set[object]) -> None:
    found = attribute_guesses([parse_rewrite(match, "relu(x)", where=where)])
    assert wanted <= set(found[0, "y"][word])


@pytest.mark.parametrize(
    ("where", "shape"),
    [
        ("w.shape[0] == 7", (7, 2)),
        ("w.shape[-1] > 7", (2, 8)),
        ("7 > w.shape[1]", (2, 6)),
        ("w.ndim == 3", (2, 2, 2)),
        ("len(w.shape) == 1", (2,)),
        ("w.shape == (3, 4, 5)", (3, 4, 5)),
        ("w.shape[3] in (5, 6)", (2, 2, 2, 5)),
    ],
)
def test_shapes(where: str, shape: tuple[int, ...]) -> None:
    found = shape_guesses([parse_rewrite("y = dot(x, w)", "relu(x)", where=where)])
    assert found[0, "w"].shape((2, 2), 2) == shape


def test_nothing_is_said() -> None:
    rewrite = parse_rewrite("y = dot(x, w)", "relu(x)", where="w.shape[0] == x.shape[1]")
    assert not shape_guesses([rewrite])
