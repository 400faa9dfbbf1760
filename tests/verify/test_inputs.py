"""Seeded random values."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass.ops.sites import Range
from graphpass.verify.arrays import cast
from graphpass.verify.inputs import draw, draw_gradient, draw_parameter


def test_values_depend_on_name_and_seed_alone() -> None:
    first = draw("x", (3, 4), "float32", None, (1, 0))
    assert first.dtype == np.float32
    assert np.array_equal(first, draw("x", (3, 4), "float32", None, (1, 0)))
    for name, seed in (("y", (1, 0)), ("x", (2, 0)), ("x", (1, 1))):
        assert not np.array_equal(first, draw(name, (3, 4), "float32", None, seed))


def test_values_are_normal() -> None:
    values = draw("x", (10_000,), "float64", None, (0,))
    assert abs(values.mean()) < 0.05
    assert abs(values.std() - 1) < 0.05
    assert not np.isin(values, [0, 1]).any()


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "uint8"])
def test_whole_numbers_cover_their_range(dtype: str) -> None:
    values = draw("i", (1000,), dtype, Range(2, 5), (0,))
    assert values.dtype == np.dtype(dtype)
    assert set(values.tolist()) == {2, 3, 4, 5}


def test_integers_without_a_range_are_small() -> None:
    assert set(draw("i", (1000,), "int32", None, (0,)).tolist()) == set(range(10))
    assert set(draw("i", (1000,), "bool", None, (0,)).tolist()) == {True, False}


def test_columns_have_ranges_of_their_own() -> None:
    columns = (Range(0, 1), Range(5, 6, integral=False))
    values = draw("b", (100, 3), "float32", Range(0, 1, columns=columns), (0,))
    assert set(values[:, 0].tolist()) == {0.0, 1.0}
    assert ((values[:, 1:] >= 5) & (values[:, 1:] <= 6)).all()


def test_parameters_keep_deep_networks_finite() -> None:
    scales = draw_parameter("g", (1000,), "float32", "gamma", (0,))
    assert 0.5 <= scales.min() < scales.max() <= 1.5
    weights = draw_parameter("w", (200, 50, 2, 2), "float16", "weight", (0,))
    assert weights.dtype == np.float16
    assert abs(weights.astype("f8").std() - 200**-0.5) < 0.01


def test_gradients_of_integer_heads_are_zero() -> None:
    assert not draw_gradient(np.ones(3, "int32"), 0, (0,)).any()
    assert draw_gradient(np.ones(3, "float16"), 0, (0,)).all()


def test_casting_through_bfloat16() -> None:
    values = np.array([1.0, -2.5, 3.140625], "float32")
    there = cast(values, "bfloat16")
    assert np.array_equal(cast(there, "float32"), values)
    assert cast(there, "bfloat16") is not None
    assert cast(values, "float32").flags.c_contiguous


def test_odd_names_are_seeds_too() -> None:
    draw("\udcff odd", (2,), "float32", None, (0,))
    draw("", (), "float32", None, (0,))
