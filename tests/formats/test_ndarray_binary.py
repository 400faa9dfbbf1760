"""What can be stored as an array, how it is converted, and how a file is walked."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import (
    BFLOAT16,
    ByteCursor,
    StoredArray,
    byte_view,
    storable,
)


@pytest.mark.parametrize(
    "dtype",
    ["f2", "f4", "f8", "?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "longlong", "intc"],
)
@pytest.mark.parametrize("order", "<>")
def test_types_are_kept_and_made_little_endian(dtype: str, order: str) -> None:
    array = np.array([0, 1, 2], dtype)
    got = storable(array.astype(array.dtype.newbyteorder(order)), "w")
    assert got.dtype == array.dtype.newbyteorder("<")
    assert got.tolist() == array.tolist()


def test_bfloat16_is_kept() -> None:
    array = np.array([0x3F80, 0x4000], "<u2").view(BFLOAT16)
    assert storable(array, "w").dtype == BFLOAT16
    swapped = array.astype(BFLOAT16.newbyteorder(">"))
    assert storable(swapped, "w").tobytes() == array.tobytes()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype="f4").reshape(3, 4).T,
        np.asfortranarray(np.arange(12, dtype="f4").reshape(3, 4)),
        np.arange(12, dtype="f4")[::3],
        np.broadcast_to(np.float32(3), (2, 2)),
    ],
    ids=["transposed", "fortran", "strided", "broadcast"],
)
def test_layouts_are_made_contiguous(array: np.ndarray) -> None:
    got = storable(array, "w")
    assert got.flags.c_contiguous
    assert np.array_equal(got, array)
    assert byte_view(got).tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [3.5, np.float32(1), np.zeros(()), [], np.zeros((0, 4))])
def test_scalars_and_empty_arrays_keep_their_shape(value: Any) -> None:
    got = storable(value, "w")
    assert got.shape == np.shape(value)
    assert byte_view(got).size == got.nbytes


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(2, "complex64"),
        np.array([None]),
        np.array(["a"]),
        np.array([b"a"]),
        np.zeros(2, "datetime64[s]"),
        np.zeros(2, "V2"),
        np.zeros(2, [("a", "f4")]),
        [2**80],
        "text",
        object(),
    ],
    ids=lambda value: str(np.asarray(value).dtype),
)
def test_what_the_format_can_not_hold_is_refused(value: Any) -> None:
    with pytest.raises(ParamsError, match="parameter 'w' is an array of"):
        storable(value, "parameter 'w'")


@pytest.mark.filterwarnings("ignore:Creating an ndarray from ragged:Warning")
def test_ragged_lists_are_refused() -> None:
    with pytest.raises(ParamsError, match="parameter 'w' is"):
        storable([[1.0], [1.0, 2.0]], "parameter 'w'")


def test_as_many_dimensions_are_written_as_are_read() -> None:
    assert storable(np.zeros((1,) * 32), "w").ndim == 32
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        with pytest.raises(ParamsError, match="33 dimensions"):
            storable(np.zeros((1,) * 33), "w")


def test_an_array_without_a_value_has_no_view() -> None:
    with pytest.raises(ValueError, match="without a value"):
        StoredArray(False, None).view(memoryview(b""))


def test_the_cursor_walks() -> None:
    cursor = ByteCursor(memoryview(bytes([1, 0, 9, 9, 9])), "f")
    assert cursor.read("<H", "a number") == (1,)
    assert cursor.skip(2, "values") == 2
    assert cursor.offset == 4
    assert cursor.skip(0, "nothing") == 4


def test_the_cursor_stays_inside() -> None:
    cursor = ByteCursor(memoryview(b"abc"), "f.params")
    cursor.where = "array 7"
    with pytest.raises(ParamsError, match=r"f\.params: byte 0, array 7: a number should take 4"):
        cursor.read("<I", "a number")
    assert cursor.offset == 0


def test_counts_are_checked_against_what_follows() -> None:
    data = struct.pack("<Q", 3) + bytes(12)
    assert ByteCursor(memoryview(data), "f").read_count("arrays", 4) == 3
    with pytest.raises(ParamsError, match="3 arrays take at least 15 bytes, but only 12 follow"):
        ByteCursor(memoryview(data), "f").read_count("arrays", 5)


def test_errors_carry_the_hint() -> None:
    cursor = ByteCursor(memoryview(b""), "f")
    cursor.hint = ". Try again"
    assert str(cursor.error("it broke", 5)) == "f: byte 5, header: it broke. Try again"
