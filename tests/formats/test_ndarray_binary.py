"""What can be stored as an array, and how it is converted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import BFLOAT16, Storage, StoredArray, byte_view, storable


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
        StoredArray(False, Storage.DENSE, None).view(memoryview(b""))
