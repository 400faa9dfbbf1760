"""How much an expression may compute, so that a pass file from a stranger can't exhaust a machine.

===================  ===========================================================================
what                 at most
===================  ===========================================================================
elements per array   2^24, or four times those of the largest stored array that was used
elements of arrays   as many in one tuple as in one array
elements in all      16 times that, for all expressions of one match together
steps of loops       100,000 per expression, or four per node of the graph
tuple, text          10,000 elements or characters
integer              2^63 either way
===================  ===========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_INT", "MAX_LENGTH", "MAX_RANK", "Budget"]

MAX_INT = 2**63
MAX_LENGTH = 10_000
MAX_RANK = 32
"""Dimensions of an array, as NumPy 1 and a parameters file allow."""

_ELEMENTS = 2**24
_PER_STORED = 4
_IN_ALL = 16
_STEPS = 100_000
_PER_NODE = 4


class Budget:
    """What is left for the expressions of one match.

    Parameters
    ----------
    nodes : int
        Nodes of the graph.
    quiet : bool
        Whether the caller keeps NumPy from warning.
    """

    __slots__ = ("_error_state", "_made", "_max_steps", "_steps", "limit")

    def __init__(self, nodes: int, *, quiet: bool = False) -> None:
        self.limit = _ELEMENTS
        """Elements that one array may have."""
        self._made = 0
        self._max_steps = max(_STEPS, _PER_NODE * nodes)
        self._steps = 0
        self._error_state: Mapping[str, Any] | None = {} if quiet else None

    def begin(self) -> None:
        """Begin an expression."""
        self._steps = 0

    def end(self) -> None:
        """End an expression: NumPy warns again."""
        if self._error_state:
            import numpy as np

            np.seterr(**self._error_state)
            self._error_state = None

    def met(self, size: int) -> None:
        """Take note of a stored array."""
        self.limit = max(self.limit, _PER_STORED * size)

    def step(self, count: int) -> None:
        """Spend steps of a loop.

        Raises
        ------
        ValueError
            If none are left.
        """
        self._steps += count
        if self._steps > self._max_steps:
            raise ValueError(f"this takes more than {self._max_steps:,} steps")

    def make(self, elements: int) -> None:
        """Spend the elements of a new array, before it is made.

        Raises
        ------
        ValueError
            If that is more than one array may have, or than are left.
        """
        if elements > self.limit:
            raise ValueError(
                f"an array of {elements:,} elements is larger than the {self.limit:,} allowed"
            )
        self.work(elements)

    def hold(self, elements: int) -> None:
        """Make sure that the arrays of a tuple are not more than one array may be.

        Raises
        ------
        ValueError
            If they have too many elements together.
        """
        if elements > self.limit:
            raise ValueError(
                f"arrays of {elements:,} elements together are more than the {self.limit:,} allowed"
            )

    def work(self, elements: int) -> None:
        """Spend elements that are computed with, and keep NumPy from printing warnings.

        Raises
        ------
        ValueError
            If none are left.
        """
        self._made += elements
        if self._made > _IN_ALL * self.limit:
            raise ValueError(
                f"the expressions of this match compute more than {_IN_ALL * self.limit:,} "
                "elements in all"
            )
        if self._error_state is None:
            import numpy as np

            self._error_state = np.seterr(all="ignore")
