"""What stands for things that are not known."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

__all__ = ["UNBOUND", "Unbound", "UnknownError", "UnknownExtentError"]


class Unbound(Enum):
    """The type of `UNBOUND`."""

    UNBOUND = "unbound"


UNBOUND: Final[Literal[Unbound.UNBOUND]] = Unbound.UNBOUND
"""What a name of the pattern stands for where its operand or operator is absent."""


class UnknownError(Exception):
    """An expression asks for something that nothing tells: a value, a shape, what is absent.

    That is no fault of the expression. A condition that meets it does not hold.

    Attributes
    ----------
    reason : str
        One clause, without a full stop.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownExtentError(UnknownError):
    """An expression asks for a shape of which only some extents are known.

    Attributes
    ----------
    shape : tuple of int or None
        What is known.
    """

    def __init__(self, reason: str, shape: tuple[int | None, ...]) -> None:
        super().__init__(reason)
        self.shape = shape
