"""What is known of a variable's value."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass.rules.operations.weights import dtype_hint, same_shape, shape_hint


@pytest.mark.parametrize(
    ("text", "shape"),
    [("(1, 3)", (1, 3)), ("[0,3]", (0, 3)), ("5", (5,)), ("None", None), ("?", None), ("", None)],
)
def test_shape_hints(text: str, shape) -> None:
    assert shape_hint({"__shape__": text}) == shape
    assert shape_hint({}) is None


@pytest.mark.parametrize(("text", "dtype"), [("0", "f4"), ("2", "f2"), ("99", None), ("x", None)])
def test_dtype_hints(text: str, dtype) -> None:
    found = dtype_hint({"__dtype__": text})
    assert found == (None if dtype is None else np.dtype(dtype))
    assert dtype_hint({}) is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [((1, 3), (1, 3), True), ((0, 3), (-1, 3), True), ((1,), (1, 1), False), (None, (), True)],
)
def test_unknown_dimensions_agree_with_any(first, second, same: bool) -> None:
    assert same_shape(first, second) is same
    assert same_shape(second, first) is same
