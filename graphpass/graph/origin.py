"""Where a graph was read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Origin", "Unreached"]


class Unreached(NamedTuple):
    """A node that a file holds and no head depends on; the graph is read without it."""

    op: str
    name: str
    is_read: bool
    """Whether another node of the file reads it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file said of itself; nothing in the graph depends on it but how it is saved."""

    dialect: str
    """Oldest release that wrote the file's spelling: ``"0.8"``, ``"0.9"``, ``"1.0"``, ``"2.0"``."""

    version: int | None
    """``mxnet_version`` as in the file (10901 is 1.9.1), or None where it has none."""

    np_shape: bool = False
    """Whether the model was saved in NumPy-shape mode, where a dimension of 0 means empty."""

    unreached: tuple[Unreached, ...] = ()
    """What the graph was read without."""

    @property
    def release(self) -> str:
        """The writing release in words: ``"1.9.1"``, ``"0.8 or older"``."""
        if self.version is None or self.version < 0:
            return "0.8 or older"
        major, rest = divmod(self.version, 10000)
        return f"{major}.{rest // 100}.{rest % 100}"
