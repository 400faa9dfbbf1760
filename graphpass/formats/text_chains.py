"""What a text must not hold if Python's parser is to survive it."""

from __future__ import annotations

__all__ = ["Chains"]

_MAX_DEPTH = 50
_MAX_CHAIN = 50


class Chains:
    """How deep brackets are open, and how long a chain of operators the innermost one holds.

    Chains such as ``a.b.b``, ``1 + 1 + 1`` and ``f()()()`` nest in the syntax tree without
    nesting in the text; Python 3.10 crashes on one of 200,000 links.
    """

    __slots__ = ("_lengths", "_previous")

    def __init__(self) -> None:
        self._lengths = [0]
        self._previous = ""

    @property
    def depth(self) -> int:
        """How many brackets are open."""
        return len(self._lengths) - 1

    def take(self, kind: str, token: str) -> str | None:
        """Take the next token; return what is wrong with it, if anything is."""
        lengths = self._lengths
        previous = self._previous
        if kind == "run":
            if lengths[-1] and ("," in token or "=" in token or (not self.depth and "\n" in token)):
                lengths[-1] = 0
            if not token.isspace():
                self._previous = kind
            return None
        self._previous = kind
        if kind == "close":
            if self.depth:
                lengths.pop()
        elif kind == "other" or (kind == "open" and previous == "close"):
            lengths[-1] += 1
            if lengths[-1] > _MAX_CHAIN:
                return "the expression is too long"
        if kind == "open":
            lengths.append(0)
            if self.depth > _MAX_DEPTH:
                return f"brackets are nested more than {_MAX_DEPTH} deep"
        return None
