"""Arrays that are stored as row_sparse or csr: kept as they are, made dense when one is read.

A row_sparse array holds some rows and their indices; a csr array holds, row by row, the numbers
that are not zero (`indptr` says where each row begins) and their columns. Indices may come in any
order. Of two values for one place the last one counts, as in MXNet.
"""

from __future__ import annotations

import math
import mmap
import sys
from typing import Any

import numpy as np

from graphpass.errors import ParamsError

__all__ = ["DenseView", "SparseArray"]


class DenseView(np.ndarray[Any, Any]):
    """The dense, read-only form of a stored sparse array, which remembers that array.

    Whoever stores it under another name, as it is, stores the sparse array. What is computed from
    it remembers nothing.
    """

    sparse: SparseArray | None

    def __array_finalize__(self, other: object) -> None:
        self.sparse = None


class SparseArray:
    """A row_sparse or csr array as a file holds it.

    Attributes
    ----------
    storage : str
        ``"row_sparse"`` or ``"csr"``.
    shape : tuple of int
        Of the array that it stands for.
    values : array
        Rows, of the shape (rows stored, …), or numbers, of the shape (numbers stored,).
    indices : tuple of array
        The indices of the rows, or `indptr`, of the shape (rows + 1,), and the columns.

    Raises
    ------
    ParamsError
        If the parts do not fit together. What the indices are is looked at in `dense`.
    """

    __slots__ = ("_dense", "indices", "shape", "storage", "values")

    def __init__(
        self,
        storage: str,
        shape: tuple[int, ...],
        values: np.ndarray[Any, Any],
        indices: tuple[np.ndarray[Any, Any], ...],
    ) -> None:
        self.storage, self.shape, self.values, self.indices = storage, shape, values, indices
        self._dense: DenseView | None = None
        count = len(values) if values.ndim else -1
        if storage == "csr":
            fits = len(shape) == 2 and values.ndim == 1
            wanted = [(shape[0] + 1,), (count,)] if fits else []
        else:
            fits = bool(shape) and values.shape[1:] == shape[1:]
            wanted = [(count,)]
        whole = all(part.dtype.kind in "iu" for part in indices)
        if not (fits and whole and [part.shape for part in indices] == wanted):
            parts = ", ".join(f"{part.dtype} {part.shape}" for part in indices)
            raise ParamsError(
                f"a {storage} array of shape {shape} can't have values of shape {values.shape} and "
                f"indices {parts}; the file is damaged"
            )

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its values."""
        dtype: np.dtype[Any] = self.values.dtype
        return dtype

    @property
    def size(self) -> int:
        """How many values are stored."""
        return self.values.size

    @property
    def parts(self) -> tuple[np.ndarray[Any, Any], ...]:
        """All that is stored: the values, then the indices."""
        return (self.values, *self.indices)

    @property
    def nbytes(self) -> int:
        """The size of what is stored."""
        return sum(part.nbytes for part in self.parts)

    def dense(self) -> DenseView:
        """Return the array that it stands for; made once.

        Raises
        ------
        ParamsError
            If an index is out of range, or the array is larger than any memory.

        Notes
        -----
        Takes memory for what is stored: pages that nobody writes to are all one page of zeros.
        """
        if self._dense is None:
            whole = _zeros(self.shape, self.dtype)
            if self.storage == "csr":
                starts, columns = (np.asarray(part, np.int64) for part in self.indices)
                steps = np.diff(starts)
                if starts[0] != 0 or starts[-1] != len(columns) or (steps < 0).any():
                    raise ParamsError("the row pointers of a csr array are not in order")
                self._check(columns, self.shape[1])
                whole[np.repeat(np.arange(self.shape[0]), steps), columns] = self.values
            else:
                (rows,) = self.indices
                self._check(rows, self.shape[0])
                whole[rows] = self.values
            self._dense = whole.view(DenseView)
            self._dense.sparse = self
            self._dense.flags.writeable = False
        return self._dense

    def _check(self, indices: np.ndarray[Any, Any], extent: int) -> None:
        if len(indices) and not (int(indices.min()) >= 0 and int(indices.max()) < extent):
            raise ParamsError(
                f"a {self.storage} array of shape {self.shape} has an index outside of it, "
                f"{indices.min()} or {indices.max()}; the file is damaged"
            )


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    size = math.prod(shape) * dtype.itemsize
    try:
        mapped = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | _NO_RESERVE) if size else b""
        return np.frombuffer(mapped, dtype, math.prod(shape)).reshape(shape)
    except (OSError, ValueError, OverflowError):
        raise ParamsError(
            f"a sparse array of shape {shape} can't be made dense: that takes {size} bytes"
        ) from None


_NO_RESERVE = getattr(mmap, "MAP_ANONYMOUS", 0) | (0x4000 if sys.platform == "linux" else 0)
"""With Linux's ``MAP_NORESERVE``, which Python 3.11 does not name."""
