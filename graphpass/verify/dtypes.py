"""Dtypes by MXNet's names, and values moved between them, bfloat16 included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphpass.formats.ndarray_binary import BFLOAT16, Array, dtype_name

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["cast", "dtype_of", "total", "widened"]


def dtype_of(name: str) -> np.dtype[Any]:
    """Return the dtype of MXNet's name for it."""
    return BFLOAT16 if name == "bfloat16" else np.dtype(name)


def cast(values: npt.NDArray[Any], dtype: str) -> Array:
    """Return values in a dtype, bfloat16 included."""
    target = dtype_of(dtype)
    if values.dtype == target:
        return np.asarray(values, order="C")
    if target == BFLOAT16:
        bits = np.asarray(values, dtype="<f4", order="C").view("<u4") >> 16
        return bits.astype("<u2").view(BFLOAT16)
    if values.dtype == BFLOAT16:
        values = widened(values)
    return np.asarray(values, dtype=target, order="C")


def total(values: Sequence[Array]) -> Array:
    """Return the sum of some arrays of one dtype, in that dtype; added up in double precision."""
    if len(values) == 1:
        return values[0]
    added = np.sum(np.stack([widened(value) for value in values]), axis=0)
    return cast(added, dtype_name(values[0].dtype))


def widened(values: Array) -> npt.NDArray[Any]:
    """Return values in a type that holds them and their differences exactly, or nearly so."""
    if values.dtype == BFLOAT16:
        return (values.view("<u2").astype("<u4") << 16).view("<f4").astype("f8")
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        return values.astype(np.longdouble)
    return values.astype("f8")
