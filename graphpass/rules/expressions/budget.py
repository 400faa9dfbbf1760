"""How much an expression may compute, so that a pass file from a stranger can't exhaust a machine.

===================  ===========================================================================
what                 at most
===================  ===========================================================================
elements per array   2^24, or four times those of the largest stored array that was used
elements of arrays   as many in one tuple as in one array
elements in all      16 times that, for all expressions of one match together
steps of loops       100,000 per expression, or 32 per node of the graph
tuple, text          10,000 elements or characters
integer              2^63 either way
===================  ===========================================================================

All matches of a run together may compute 2^30 elements, or 64 times what is stored, and take 2^24
steps of loops, or 1,024 per node of the graph: some seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphpass.errors import ExpressionError, RunawayError

if TYPE_CHECKING:
    from graphpass.model import Model

__all__ = ["MAX_INT", "MAX_LENGTH", "MAX_RANK", "Budget", "Purse"]

MAX_INT = 2**63
MAX_LENGTH = 10_000
MAX_RANK = 32
"""Dimensions of an array, as NumPy 1 and a parameters file allow."""

_ELEMENTS = 2**24
_PER_STORED = 4
_IN_ALL = 16
_STEPS = 100_000
_PER_NODE = 32
_RUN_ELEMENTS = 2**30
_RUN_PER_STORED = 64
_RUN_FIRINGS = 10_000
_FIRINGS_PER_NODE = 30
_RUN_STEPS = 2**24
_RUN_PER_NODE = 1024


class Budget:
    """What is left for the expressions of one match.

    Parameters
    ----------
    nodes : int
        Nodes of the graph.
    quiet : bool
        Whether the caller keeps NumPy from warning.
    """

    __slots__ = ("_error_state", "_left", "_nodes", "_steps", "_taken", "limit", "quiet")

    def __init__(self, nodes: int, *, quiet: bool = False) -> None:
        self.limit = _ELEMENTS
        """Elements that one array may have."""
        self.quiet = quiet
        """Whether NumPy does not warn now."""
        self._left = _IN_ALL * _ELEMENTS
        self._nodes = nodes
        self._steps = 0
        self._taken = 0
        self._error_state: Mapping[str, Any] | None = None

    def begin(self) -> None:
        """Begin an expression."""
        self._taken += self._steps
        self._steps = 0

    def renew(self) -> None:
        """Begin anew, to find a reason for what was computed already."""
        self.begin()
        self._left = _IN_ALL * self.limit

    @property
    def elements(self) -> int:
        """How many elements were spent since it was made or renewed."""
        return _IN_ALL * self.limit - self._left

    @property
    def steps(self) -> int:
        """How many steps of loops were taken."""
        return self._taken + self._steps

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


class Purse:
    """What all rewrites of a run may do together: what expressions compute, and firings.

    Parameters
    ----------
    nodes : int
        Nodes of the graph.
    stored : int
        Elements of all stored values.
    """

    __slots__ = (
        "_elements",
        "_firings",
        "_most_elements",
        "_most_firings",
        "_most_steps",
        "_steps",
    )

    def __init__(self, nodes: int, stored: int) -> None:
        self._elements = self._steps = self._firings = 0
        self._most_firings = max(_RUN_FIRINGS, _FIRINGS_PER_NODE * nodes)
        self._most_elements = max(_RUN_ELEMENTS, _RUN_PER_STORED * stored)
        self._most_steps = max(_RUN_STEPS, _RUN_PER_NODE * nodes)

    @classmethod
    def of(cls, model: Model) -> Purse:
        """Return a purse for a run on a model. Linear in nodes and parameters."""
        stored = sum([array.size for array in model.parameters.values()])
        return cls(len(model.graph), stored)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left."""
        return self._elements > self._most_elements or self._steps > self._most_steps

    def fire(self) -> None:
        """Count a firing.

        Raises
        ------
        RunawayError
            If that is one too many: groups that each end may still double a graph again and again.
        """
        self._firings += 1
        if self._firings > self._most_firings:
            raise RunawayError(
                f"the rewrites of this run fired more than {self._most_firings:,} times in all, so "
                "it seems that they make ever more of what they match; if that many are needed, "
                "say so with budget:"
            )

    def check(self) -> None:
        """Refuse to begin with one more match where nothing is left.

        Raises
        ------
        ExpressionError
            If so.
        """
        if self._elements > self._most_elements:
            self._refuse(f"{self._most_elements:,} elements")
        if self._steps > self._most_steps:
            self._refuse(f"{self._most_steps:,} steps of loops")

    def pay(self, budget: Budget) -> None:
        """Pay for what the expressions of one match computed.

        Raises
        ------
        ExpressionError
            If that is more than is left.
        """
        self._elements += budget.elements
        self._steps += budget.steps
        self.check()

    def _refuse(self, limit: str) -> None:
        raise ExpressionError(
            f"the expressions of all matches of this run take more than {limit} together; narrow "
            "the pattern, or put the condition that most matches fail, and that costs little, first"
        )
