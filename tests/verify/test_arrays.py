"""How far two arrays are apart."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graphpass.errors import UsageError
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.verify.arrays import cast, compare, same_bits


def test_equal_arrays() -> None:
    found = compare(np.array([1.0, -2.0]), np.array([1.0, -2.0]))
    assert found.equal
    assert (found.max_abs, found.max_rel, found.differing, found.magnitude) == (0, 0, 0, 2)
    assert str(found) == "(2,) float64, max abs 0, max rel 0"


def test_errors_are_largest_over_all_elements() -> None:
    found = compare(np.array([1.0, 10.0, 0.0]), np.array([1.5, 11.0, 0.0]), atol=0.6)
    assert not found.equal
    assert found.max_abs == 1.0
    assert found.max_rel == pytest.approx(0.5 / 1.5)
    assert found.differing == 1
    assert "1 of 3 values differ" in str(found)


def test_tolerance_is_relative_to_a() -> None:
    assert compare(np.array([100.0]), np.array([101.0]), rtol=0.01).equal
    assert not compare(np.array([100.0]), np.array([101.1]), rtol=0.01).equal


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        (math.inf, math.inf, True),
        (math.inf, -math.inf, False),
        (math.inf, 1e300, False),
        (1e300, math.inf, False),
        (0.0, -0.0, True),
    ],
)
def test_nan_and_infinity(a: float, b: float, equal: bool) -> None:
    found = compare(np.array([a, 1.0]), np.array([b, 1.0]), rtol=0.5, atol=0.5)
    assert found.equal is equal
    assert found.differing == (not equal)
    assert math.isinf(found.max_abs) is (not equal)
    json.dumps(found.to_json(), allow_nan=False)


def test_nan_in_both_is_counted() -> None:
    found = compare(np.array([math.nan, 1.0]), np.array([math.nan, 1.0]))
    assert found.nan == 1
    assert "1 of 2 values are NaN in both" in str(found)


def test_an_output_of_zeros_is_pointed_out() -> None:
    assert "all zero" in str(compare(np.zeros(3), np.zeros(3)))


def test_shape_and_dtype_count() -> None:
    assert str(compare(np.ones((2, 3)), np.ones((3, 2)))) == "shape (2, 3) is (3, 2) in B"
    assert str(compare(np.ones(2, "f4"), np.ones(2))) == "dtype float32 is float64 in B"


def test_large_integers_are_told_apart() -> None:
    a = np.array([2**62], "i8")
    found = compare(a, a + 1)
    assert not found.equal
    assert found.max_abs == 1


def test_bfloat16_is_compared_by_value() -> None:
    a = cast(np.array([1.0, 2.0], "f4"), "bfloat16")
    b = cast(np.array([1.0, 2.5], "f4"), "bfloat16")
    assert a.dtype == BFLOAT16
    assert compare(a, b).max_abs == 0.5
    assert compare(a, b).dtypes == ("bfloat16", "bfloat16")


def test_empty_arrays_are_equal() -> None:
    assert compare(np.zeros((0, 3)), np.zeros((0, 3))).equal


def test_runs_are_merged() -> None:
    good = compare(np.array([1.0]), np.array([1.0]))
    bad = compare(np.array([5.0]), np.array([6.0]))
    for merged in (good.merged(bad), bad.merged(good)):
        assert not merged.equal
        assert (merged.max_abs, merged.size, merged.differing, merged.magnitude) == (1, 2, 1, 5)


@given(
    arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=5)),
    st.integers(0, 10**6),
    st.sampled_from([-0.0, math.nan, 7.5]),
)
def test_one_other_element_is_always_found(values: np.ndarray, where: int, new: float) -> None:
    other = values.copy()
    other.flat[where % values.size] = new
    same = values.tobytes() == other.tobytes()
    assert same_bits(values, other) is same
    expected = np.array_equal(values, other, equal_nan=True)
    assert compare(values, other).equal == expected


def test_bits_of_arrays_that_are_not_contiguous() -> None:
    values = np.arange(6.0).reshape(2, 3)
    assert same_bits(values.T, values.T.copy())
    assert not same_bits(values, values.astype("f4"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-9, 10**400])
def test_what_is_no_tolerance_is_refused(value: float) -> None:
    x = np.ones(1)
    with pytest.raises(UsageError, match=r"rtol .* is no tolerance; give a number from 0 up"):
        compare(x, x, rtol=value)
    with pytest.raises(UsageError, match=r"atol .* is no tolerance; give a number from 0 up"):
        compare(x, x, atol=value)


def test_what_is_finite_is_counted_over_runs() -> None:
    hollow = compare(np.array([math.nan, math.inf]), np.array([math.nan, math.inf]))
    assert hollow.equal
    assert hollow.hollow
    assert str(hollow).endswith("nothing finite to compare")
    merged = hollow.merged(compare(np.zeros(2), np.zeros(2)))
    assert merged.finite == 2
    assert not merged.hollow
    assert not compare(np.zeros(0), np.zeros(0)).hollow
