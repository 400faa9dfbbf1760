"""How large the arrays of tests may be: a pass from a stranger must not exhaust a machine."""

from __future__ import annotations

from math import prod

from graphpass.errors import UsageError

__all__ = ["Room"]

_ELEMENTS = 2**24
"""Of one array, as of one that an expression makes."""

_IN_ALL = 4 * _ELEMENTS
"""Of all arrays together."""

_DIMENSIONS = 32
"""Of an array, as NumPy 1 allows."""


class Room:
    """How many elements the variables of tests may still have."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _IN_ALL

    def take(self, name: str, shape: tuple[int, ...]) -> None:
        """Take the elements of a variable, before there is an array of them.

        Raises
        ------
        UsageError
            If that is more than one array may have, or than are left.
        """
        asked = f"{name} is to have the shape {shape!s:.80}, and a test may ask for no more than"
        if len(shape) > _DIMENSIONS:
            raise UsageError(f"{asked} {_DIMENSIONS} dimensions")
        size = prod(max(extent, 1) for extent in shape)
        if size > _ELEMENTS:
            raise UsageError(f"{asked} {_ELEMENTS:,} elements; write a smaller one")
        if size > self._left:
            raise UsageError(
                f"with {name} of the shape {shape}, the tests of this pass ask for more than "
                f"{_IN_ALL:,} elements in all; write smaller ones"
            )
        self._left -= size
