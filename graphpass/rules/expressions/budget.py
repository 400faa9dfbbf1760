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

    __slots__ = ("_error_state", "_left", "_nodes", "_steps", "limit", "quiet")

    def __init__(self, nodes: int, *, quiet: bool = False) -> None:
        self.limit = _ELEMENTS
        """Elements that one array may have."""
        self.quiet = quiet
        """Whether NumPy does not warn now."""
        self._left = _IN_ALL * _ELEMENTS
        self._nodes = nodes
        self._steps = 0
        self._error_state: Mapping[str, Any] | None = None

    def begin(self) -> None:
        """Begin an expression."""
        self._steps = 0

    def end(self) -> None:
        """End an expression: NumPy warns again."""
        if self._error_state is not None:
            import numpy as np

            np.seterr(**self._error_state)
            self._error_state = None
            self.quiet = False

    def met(self, size: int) -> None:
        """Take note of a stored array."""
        more = _PER_STORED * size - self.limit
        if more > 0:
            self.limit += more
            self._left += _IN_ALL * more

    def step(self, count: int) -> None:
        """Spend steps of a loop.

        Raises
        ------
        ValueError
            If none are left.
        """
        self._steps += count
        if self._steps > _STEPS and self._steps > _PER_NODE * self._nodes:
            most = max(_STEPS, _PER_NODE * self._nodes)
            raise ValueError(f"this takes more than {most:,} steps")

    def make(self, elements: int, rounds: int = 1) -> None:
        """Spend the elements of a new array, before it is made, times the rounds that it takes.

        Raises
        ------
        ValueError
            If that is more than one array may have, or than are left.
        """
        if elements > self.limit:
            raise ValueError(
                f"an array of {elements:,} elements is larger than the {self.limit:,} allowed"
            )
        if self.quiet and elements * rounds <= self._left:
            self._left -= elements * rounds
        else:
            self.work(elements * rounds)

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
        self._left -= elements
        if self._left < 0:
            raise ValueError(
                f"the expressions of this match compute more than {_IN_ALL * self.limit:,} "
                "elements in all"
            )
        if not self.quiet:
            import numpy as np

            self._error_state = np.seterr(all="ignore")
            self.quiet = True
