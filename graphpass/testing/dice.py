"""Cheap draws: most of what a random graph needs is a number below another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

__all__ = ["Dice"]

_T = TypeVar("_T")


class Dice:
    """Draws of one example.

    A strategy costs more to make than to draw from, and a graph takes hundreds of draws, so the
    few kinds of draws that it takes are made once and kept. All shrink towards the first choice.
    """

    __slots__ = ("draw",)

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def below(self, count: int) -> int:
        """Draw a number from 0 to `count` - 1."""
        return self.draw(_below(count)) if count > 1 else 0

    def between(self, least: int, most: int) -> int:
        """Draw a number from `least` to `most`."""
        return least + self.below(most - least + 1)

    def pick(self, options: Sequence[_T]) -> _T:
        """Draw one of `options`."""
        return options[self.below(len(options))]

    def latest(self, options: Sequence[_T]) -> _T:
        """Draw one of `options`; the last one is the simplest."""
        return options[-1 - self.below(len(options))]

    def one_in(self, count: int) -> bool:
        """Draw True once in `count` times."""
        return self.below(count) == count - 1

    def repeat(self, step: Callable[[], None], *, least: int = 0, most: int) -> None:
        """Run `step`, which draws, up to `most` times; more than half as often on average.

        Each run is a part of its own, which a failing example loses as a whole when it shrinks.
        """
        for count in range(most):
            stops = 0 if count < least else most
            if not self.draw(_turn(step, stops)):
                break


@st.composite
def _turn(draw: st.DrawFn, step: Callable[[], None], stops: int) -> bool:
    """Run a step, or end the run once in `stops` + 1 times."""
    if stops and draw(_below(stops + 1)) == 0:
        return False
    step()
    return True


@cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)
