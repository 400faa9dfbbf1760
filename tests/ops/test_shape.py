"""Shapes that are known in part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass.ops.shape import ConflictError, Shape, merge_dtypes, merge_shapes

EXTENTS = st.one_of(st.none(), st.integers(0, 3))
SHAPES = st.one_of(st.none(), st.lists(EXTENTS, max_size=3).map(tuple))


@given(one=SHAPES, other=SHAPES)
def test_two_facts_say_the_same_in_either_order(one: Shape | None, other: Shape | None) -> None:
    try:
        merged = merge_shapes(one, other)
    except ConflictError:
        with pytest.raises(ConflictError):
            merge_shapes(other, one)
        return
    assert merged == merge_shapes(other, one)
    assert merge_shapes(merged, one) == merged == merge_shapes(merged, other)


@pytest.mark.parametrize(("one", "other"), [((2,), (3,)), ((2,), (2, 1)), ((None, 2), (5, 3))])
def test_facts_that_contradict_each_other(one: Shape, other: Shape) -> None:
    with pytest.raises(ConflictError):
        merge_shapes(one, other)


def test_dtypes() -> None:
    assert merge_dtypes(None, "int8") == merge_dtypes("int8", None) == "int8"
    with pytest.raises(ConflictError, match="int8 is not float32"):
        merge_dtypes("int8", "float32")
