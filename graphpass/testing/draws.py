"""What random graphs are drawn from: cheap draws, and names as real files have them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

from hypothesis import strategies as st

__all__ = ["ATTRIBUTE_KEYS", "ATTRIBUTE_TEXTS", "NODE_NAMES", "ODD_NAMES", "Dice"]

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


ODD_NAMES = (
    "in_stem_conv1_3*3_conv2d_weight", "vggish/input", ".$0", "stage1+unit2", "conv[0]", "glob:x",
    "op:relu", "id:0", "regex:.*", "arg:w", "aux:m", "a b", " ", "it's", 'say "hi"', "back\\slash",
    "relu0_output", "output", "relu0_output0", "_", "__lr_mult__", "größe", "重み", "🧠", "0",
    "null", "None", "${prefix}", "{braces}", "%s", "#id", "a\tb", "-",
)  # fmt: skip
"""Names that once broke a tool, or could: patterns, prefixes, quotes, other scripts."""

_CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_SAFE = st.characters(exclude_categories=["Cs"], exclude_characters='\0"\\\t\r\n')
_PLAIN = ("data", "conv0", "fc1", "fc1_weight", "bn0_gamma", "relu0", "x", "w")

NODE_NAMES: st.SearchStrategy[str] = st.one_of(
    st.sampled_from((*_PLAIN, *_PLAIN, *_PLAIN, "", *ODD_NAMES)),
    st.sampled_from((*_PLAIN, "", *ODD_NAMES)),
    st.sampled_from(_PLAIN),
    st.text(_CHARACTERS, max_size=6),
)
"""The name of a node: mostly plain, often awkward, at times empty or arbitrary text."""

ATTRIBUTE_TEXTS: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(("1", "0.5", "gpu0", "True", "(1, 3, 8, 8)", '["zero", {}]', "", "a\\b\n")),
    st.text(_CHARACTERS, max_size=5),
)
"""The text of an attribute that nobody parses."""

ATTRIBUTE_KEYS: st.SearchStrategy[str] = st.one_of(
    st.sampled_from(("mood", "__mood__", "größe", "a b", "", "__a", "____")),
    st.text(_SAFE, max_size=4),
)
"""The key of a user's own attribute.

No quote, backslash, tab or line break: MXNet does not escape keys when it saves them.
"""
