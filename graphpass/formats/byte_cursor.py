"""A checked read position over bytes that nobody trusts."""

from __future__ import annotations

import struct
from typing import Any

from graphpass.errors import ParamsError

__all__ = ["ByteCursor"]

_COUNT = struct.Struct("<Q")


class ByteCursor:
    """Walks over `data` and refuses, before anything is allocated, to leave it.

    Parameters
    ----------
    data
        The bytes of the whole file, often a memory map. Only what `read` asks for is touched.
    source
        What the bytes are called in errors, most often the path of the file.

    Attributes
    ----------
    where : str
        The part of the file that is being read, for errors.
    hint : str
        What errors add.
    sparse : tuple of str, optional
        The first array that says it is sparse, and how it is stored.
    """

    __slots__ = ("data", "hint", "offset", "source", "sparse", "where")

    def __init__(self, data: memoryview, source: str) -> None:
        self.data = data
        self.offset = 0
        self.source = source
        self.where = "header"
        self.hint = ""
        self.sparse: tuple[str, str] | None = None

    @property
    def remaining(self) -> int:
        """Number of bytes from the current offset to the end."""
        return len(self.data) - self.offset

    def read(self, layout: struct.Struct, what: str) -> tuple[Any, ...]:
        """Unpack `layout` at the current offset and move behind it."""
        return layout.unpack_from(self.data, self.skip(layout.size, what))

    def read_count(self, what: str, smallest: int) -> int:
        """Read the u64 number of `what` that follow, each of at least `smallest` bytes."""
        start = self.offset
        (count,) = self.read(_COUNT, f"the number of {what}")
        if count * smallest > self.remaining:
            raise self.error(
                f"{count} {what} take at least {count * smallest} bytes, but only "
                f"{self.remaining} follow; the file is truncated or damaged: copy or download "
                "it again",
                start,
            )
        return int(count)

    def skip(self, size: int, what: str) -> int:
        """Move behind the next `size` bytes, which are `what`, and return where they start."""
        if size > self.remaining:
            missing = size - self.remaining
            raise self.error(
                f"{what} should take {size} bytes, but the file ends {missing} bytes too early, "
                f"at byte {len(self.data)}; it is truncated or damaged: copy or download it again"
            )
        start = self.offset
        self.offset += size
        return start

    def error(self, problem: str, offset: int | None = None) -> ParamsError:
        """Return an error that says where in the file `problem` is, and what `hint` adds."""
        at = self.offset if offset is None else offset
        return ParamsError(f"{self.source}: byte {at}, {self.where}: {problem}{self.hint}")
