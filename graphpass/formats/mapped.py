"""Files that are mapped into memory, and what happens when one changes under its arrays."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from graphpass.errors import ParamsError

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["MappedFile", "intact"]


class MappedFile(mmap.mmap):
    """A regular file that is not empty, mapped for reading, by its path.

    The system kills a process (SIGBUS) that looks at a page of a file which is no longer that long,
    and shows the new bytes of a file that was written to. So `intact` is asked before an array is
    looked at. A file that is replaced by another of its name keeps its bytes here.
    """

    path: str
    _descriptor: int
    _stamp: tuple[int, int]

    def __new__(cls, path: str) -> Self:
        """Map a file. Raises `OSError` or `ValueError` if it can't be."""
        with Path(path).open("rb") as file:
            found = super().__new__(cls, file.fileno(), 0, access=mmap.ACCESS_READ)
            found._descriptor = os.dup(file.fileno())
        found.path = path
        found._stamp = found._now()
        return found

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            os.close(self._descriptor)

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._descriptor)
        return status.st_size, status.st_mtime_ns

    def check(self) -> None:
        """Refuse a file that another program has written to since it was mapped.

        Raises
        ------
        ParamsError
            With its size then and now.
        """
        now = self._now()
        if now != self._stamp:
            raise ParamsError(
                f"{self.path}: another program has written to the file while it was in use (it had "
                f"{self._stamp[0]} bytes, and has {now[0]}), so its values can't be trusted; wait "
                "until it is whole, and load it again"
            )


def intact(array: Array) -> Array:
    """Return an array, if the file that it lies in, if any, is what it was.

    Raises
    ------
    ParamsError
        If it is not.

    Notes
    -----
    Two microseconds. Between this and the use of the array the file must stay as it is.
    """
    base: Any = array.base
    while isinstance(base, np.ndarray | memoryview):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, MappedFile):
        base.check()
    return array
