r"""Where the characters of a YAML text stand in the file, whatever style it is written in.

========  ====================================================================================
style     what its characters are made of
========  ====================================================================================
plain     lines, joined by a space; an empty line between two is a line break
``'``     the same; ``''`` is one quote
``"``     the same; escapes such as ``\n`` and ``\x41``, and ``\`` before a break that is none
``|``     lines, without their indentation
``>``     the same, joined by a space where neither is indented further
========  ====================================================================================

(YAML 1.2.2, chapters 7.3 and 8.1.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

__all__ = ["place_in_scalar"]

_Place: TypeAlias = tuple[int, int]
_Characters: TypeAlias = Iterator[tuple[str, _Place]]

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+")
_COMMENT = re.compile(r"#.*")
_SPACES = re.compile(r"[ \t]*")
_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|(?P<short>.))", re.DOTALL
)
_SHORT = dict(
    zip("0abtnvfreN_LP", "\0\a\b\t\n\v\f\r\x1b\x85\xa0\u2028\u2029", strict=True)
)  # every other character stands for itself


def place_in_scalar(
    lines: Sequence[str], begin: _Place, text: str, offset: int
) -> tuple[int, int] | None:
    """Return line and column of a character of a text, or None if `text` does not begin there.

    Parameters
    ----------
    lines : sequence of str
        The lines of the file.
    begin : tuple of int
        Line and column, from 1, of the text or of its anchor.
    text : str
        What it means.
    offset : int
        The character, from 0; the length of `text` for what follows the last one.

    Notes
    -----
    Linear in the lines from `begin` on.

    Examples
    --------
    >>> place_in_scalar(["- 'it''s", "  here'"], (1, 3), "it's here", 5)
    (2, 3)
    """
    for position, (char, place) in enumerate(_characters(lines, begin, text)):
        if position == len(text) == offset:
            return place
        if position == len(text) or char != text[position]:
            return None
        if position == offset:
            return place
    return None


def _characters(lines: Sequence[str], begin: _Place, text: str) -> _Characters:
    """Yield every character with its place, and at last something where the text has ended."""
    line, column = _skip_anchor(lines, begin)
    if line > len(lines):
        return iter(())
    style = lines[line - 1][column - 1 : column]
    if style in ("|", ">"):
        return _block(lines, line + 1, _indentation(lines[line:], text), folds=style == ">")
    quote = style if style in ("'", '"') else ""
    return _flow(lines, line, column - 1 + len(quote), quote)


def _skip_anchor(lines: Sequence[str], begin: _Place) -> _Place:
    line, column = begin
    anchor = _ANCHOR.match(lines[line - 1], column - 1)
    if anchor is None:
        return begin
    at = anchor.end()
    while line <= len(lines):
        at = _after_spaces(lines[line - 1], at)
        if at < len(lines[line - 1]) and not _COMMENT.match(lines[line - 1], at):
            break
        line, at = line + 1, 0
    return line, at + 1


def _flow(lines: Sequence[str], line: int, at: int, quote: str) -> _Characters:
    """Yield the characters of a plain or quoted text; `at` counts from 0."""
    while True:
        written = lines[line - 1]
        place = line, at + 1
        is_joined = quote == '"' and written[at:] == "\\"
        if is_joined or _after_spaces(written, at) == len(written):
            following = _filled(lines, line)
            if following > len(lines):
                yield "", place
                return
            ends = [place, *((empty, 1) for empty in range(line + 1, following))]
            yield from _folded(ends, "" if is_joined else " ")
            line, at = following, _after_spaces(lines[following - 1], 0)
        elif quote == "'" and written.startswith("''", at):
            yield quote, place
            at += 2
        elif quote and written[at] == quote:
            yield "", place
            return
        elif quote == '"' and (escape := _ESCAPE.match(written, at)):
            yield _meant(escape), place
            at = escape.end()
        else:
            yield written[at], place
            at += 1


def _folded(ends: Sequence[_Place], joint: str) -> _Characters:
    """Yield what the ends of a line and of empty ones after it mean: breaks, or else the joint."""
    if len(ends) == 1 and joint:
        yield joint, ends[0]
    yield from (("\n", end) for end in ends[:-1])


def _meant(escape: re.Match[str]) -> str:
    short = escape["short"]
    return chr(int(escape[0][2:], 16)) if short is None else _SHORT.get(short, short)


def _filled(lines: Sequence[str], line: int) -> int:
    """Return the number of the next line below `line` that holds something."""
    following = line + 1
    while following <= len(lines) and not lines[following - 1].strip(" \t"):
        following += 1
    return following


def _after_spaces(written: str, at: int) -> int:
    spaces = _SPACES.match(written, at)
    return spaces.end() if spaces else at


def _indentation(below: Sequence[str], text: str) -> int:
    """Return how far a block is indented: by what its first line has more than that of `text`."""
    return max(0, _leading(below) - _leading(text.split("\n")))


def _leading(lines: Sequence[str]) -> int:
    first = next((line for line in lines if line.strip(" ")), "")
    return len(first) - len(first.lstrip(" "))


def _block(lines: Sequence[str], line: int, indent: int, *, folds: bool) -> _Characters:
    """Yield the characters of a block whose first line is `line`."""
    ends: list[_Place] = []
    stands_out = True  # the line before is indented further, or there is none
    for number in range(line, len(lines) + 1):
        written = lines[number - 1]
        if written[:indent].strip(" "):
            break
        if len(written) > indent:
            is_deeper = written[indent] in " \t"
            if folds and not (stands_out or is_deeper):
                yield from _folded(ends, " ")
            else:
                yield from (("\n", end) for end in ends)
            for at in range(indent, len(written)):
                yield written[at], (number, at + 1)
            ends, stands_out = [], is_deeper
        ends.append((number, len(written) + 1))
    yield from (("\n", end) for end in ends)
    yield "", ends[-1] if ends else (line, 1)
