"""Arrays that wait on the disk until a model is saved, rather than in memory."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from graphpass.formats.ndarray_binary import Array

__all__ = ["SPILLED_BYTES", "all_finite", "computed", "converted", "new_array", "spilled"]

SPILLED_BYTES = 2**22
"""Arrays of so many bytes and more do not stay in memory."""


def new_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array to fill; a large one is a mapped temporary file that has no name any more.

    The file lies in the folder for temporary files (``TMPDIR`` names another one), and its space is
    taken at once, so that a full disk leaves the array in memory instead of ending the process
    later. Nothing is left of it when the array goes, or the process, however that ends.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < SPILLED_BYTES:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(prefix="graphpass-") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            mapped = mmap.mmap(file.fileno(), size)
    except OSError:
        return np.empty(shape, dtype)
    return np.frombuffer(mapped, dtype).reshape(shape)


def computed(operation: Callable[..., Any], *operands: Array) -> Array:
    """Return what a NumPy operation makes of arrays, element by element.

    A large result of one floating-point type is written to a `new_array`.
    """
    first = operands[0].dtype
    if (
        all(each.nbytes < SPILLED_BYTES for each in operands)
        or first.kind != "f"
        or any(each.dtype != first for each in operands)
    ):
        found: Array = operation(*operands)
        return found
    shape = np.broadcast_shapes(*[each.shape for each in operands])
    operation(*operands, out=(out := new_array(shape, first)))
    return out


def converted(array: Array, dtype: np.dtype[Any]) -> Array:
    """Return an array of another type, itself if it has that one; a large one is a `new_array`."""
    if array.dtype == dtype:
        return array
    out = new_array(array.shape, dtype)
    out[...] = array
    return out


def all_finite(array: Array) -> bool:
    """Return whether an array holds neither infinities nor NaN. Linear in it."""
    flat = array.reshape(-1)
    parts = range(0, flat.size, SPILLED_BYTES)
    return all(bool(np.isfinite(flat[at : at + SPILLED_BYTES]).all()) for at in parts)


def spilled(array: Array) -> Array:
    """Return an array, a copy of it on the disk if it is large and in memory that is its own.

    Linear in the array.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if array.nbytes < SPILLED_BYTES or isinstance(base, mmap.mmap | memoryview):
        return array
    found = new_array(array.shape, array.dtype)
    found[...] = array
    return found
