"""The text form of a graph, statement by statement as Python's parser sees it.

A name may stand in backquotes. Before Python's parser sees the text, each such name gives way to an
identifier that no text may hold. The text is parsed in pieces of some kilobytes, so that the syntax
tree of a large graph is never in memory as a whole, and only once it is known to be harmless:
Python 3.10 crashes on a long chain such as ``a.b.b.b…``.
"""

from __future__ import annotations

import ast
import re
import warnings
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from graphpass.errors import TextError, pointed
from graphpass.formats.text_chains import Chains

__all__ = ["PLACEHOLDER", "Place", "TextSource", "shortened"]

PLACEHOLDER = "\N{CYRILLIC LETTER MULTIOCULAR O}"
"""Begins the identifiers that stand for names in backquotes; a bare name can't hold it."""

_CALLED = "text"
_CHUNK = 8192
_LONG = 300

_NEWLINE = re.compile(r"\r\n?")
_UNPRINTABLE = re.compile("[\0\ud800-\udfff]")
_BOUNDARY = re.compile(r"\n(?=\S)")
_DIGITS = re.compile(rf"[0-9][0-9_]{{{_LONG}}}")
_TOKEN = re.compile(
    r"(?P<run>[\w \t\f\n,=:]{1,4096})"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<string>'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\""
    r"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|(?P<name>`(?:\\.|[^`\\\n])*`)"
    r"|\#[^\n]*|\\\n"
    r"|(?P<other>.)",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:([`\\])|([nrt])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|)"
)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}


class Place(NamedTuple):
    """Where something begins in what Python's parser sees."""

    line: int
    """From 1."""

    offset: int
    """From 0, in UTF-8 bytes."""


class _Replaced(NamedTuple):
    start: int
    end: int
    length: int


class TextSource:
    """A text, and what its errors look like.

    Parameters
    ----------
    text : str
        Any text at all; all its lines may be indented alike.

    Raises
    ------
    TextError
        If it holds what Python's parser had better not see.

    Notes
    -----
    Linear in the length of the text.
    """

    __slots__ = ("_base", "_chunks", "_indent", "_numbers", "_quoted", "_replaced", "_text")

    def __init__(self, text: str) -> None:
        self._text, self._indent = _dedented(_NEWLINE.sub("\n", text.removeprefix("\ufeff")))
        self._base = 0
        self._numbers: dict[str, int] = {}
        self._quoted: list[str] = []
        self._replaced: list[_Replaced] = []
        found = _UNPRINTABLE.search(self._text)
        if found:
            code = ord(found[0])
            escape = f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
            raise self._error_at(
                found.start(), f"this character can't stand in a text; write it as {escape}"
            )
        self._chunks = list(self._split())

    def statements(self) -> Iterator[ast.stmt]:
        """Parse the text and yield its statements.

        `place` and `error` take their nodes while the statement is the latest one.

        Raises
        ------
        TextError
            If Python can't parse it.
        """
        line = 0
        for chunk in self._chunks:
            self._base = line
            yield from self._parse(chunk)
            line += chunk.count("\n")

    @property
    def end(self) -> Place:
        """Where the text ends."""
        text = self._text.rstrip()
        line = text.count("\n") + 1
        return Place(line, len(self._line(line)[1].rstrip().encode()))

    def is_quoted(self, identifier: str) -> bool:
        """Return whether an identifier of the syntax tree stood in backquotes."""
        return identifier[0] == PLACEHOLDER

    def name(self, identifier: str) -> str:
        """Return the name that an identifier of the syntax tree stands for."""
        return self._quoted[int(identifier[1:])] if identifier[0] == PLACEHOLDER else identifier

    def place(self, node: ast.expr | ast.stmt | ast.keyword) -> Place:
        """Return where a node of the latest statement begins."""
        return Place(self._base + node.lineno, node.col_offset)

    def error(self, where: Place | ast.expr | ast.stmt | ast.keyword, reason: str) -> TextError:
        """Make the error about what begins at a place: place, reason, the line and a caret."""
        place = where if isinstance(where, Place) else self.place(where)
        start, seen = self._line(place.line)
        column = len(seen.encode()[: place.offset].decode(errors="ignore"))
        return self._error_at(start + self._given_column(start, column), reason)

    # -- before Python's parser -----------------------------------------------------------------

    def _split(self) -> Iterator[str]:
        """Yield the pieces that Python is to parse: whole statements, names replaced."""
        text = self._text
        parts: list[str] = []
        begun = done = 0
        chains = Chains()
        for token in _TOKEN.finditer(text):
            kind = token.lastgroup
            if kind is None:
                continue
            start, end = token.span()
            fault = chains.take(kind, token[0])
            if fault:
                raise self._error_at(start, fault)
            if kind == "run":
                self._check_run(start, end)
                if end - begun >= _CHUNK and chains.depth == 0:
                    boundary = _BOUNDARY.search(text, start, end + 1)
                    if boundary:
                        parts.append(text[done : boundary.end()])
                        yield "".join(parts)
                        parts = []
                        begun = done = boundary.end()
            elif kind == "name":
                parts += (text[done:start], self._replacement(token))
                done = end
            elif kind == "other":
                self._check_other(token[0], start)
        parts.append(text[done:])
        yield "".join(parts)

    def _check_run(self, start: int, end: int) -> None:
        found = self._text.find(PLACEHOLDER, start, end)
        if found >= 0:
            reason = f"a name with the letter {PLACEHOLDER} stands in backquotes"
            raise self._error_at(found, reason)
        digits = _DIGITS.search(self._text, start, end) if end - start > _LONG else None
        if digits:
            raise self._error_at(digits.start(), "the number is too long")

    def _check_other(self, char: str, position: int) -> None:
        if char in "'\"":
            raise self._error_at(position, "a text in quotes has to end on its line")
        if char == "`":
            raise self._error_at(position, "a name in backquotes has to end on its line")

    def _replacement(self, token: re.Match[str]) -> str:
        text = self._text
        start, end = token.span()
        near = text[max(start - 1, 0) : start] + text[end : end + 1]
        if any(char.isalnum() or char in "_`" for char in near):
            raise self._error_at(start, "a name in backquotes has to stand by itself")
        name = token[0][1:-1]
        if "\\" in name:
            name = _ESCAPE.sub(lambda escape: self._unescaped(escape, start + 1), name)
        number = self._numbers.setdefault(name, len(self._numbers))
        if number == len(self._quoted):
            self._quoted.append(name)
        identifier = f"{PLACEHOLDER}{number}"
        self._replaced.append(_Replaced(start, end, len(identifier)))
        return identifier

    def _unescaped(self, escape: re.Match[str], start: int) -> str:
        literal, control, *codes = escape.groups()
        code = next(filter(None, codes), None)
        if literal is not None:
            return literal
        if control is not None:
            return _CONTROLS[control]
        if code is None or int(code, 16) > 0x10FFFF:
            raise self._error_at(
                start + escape.start(),
                r"in backquotes, \ stands before `, \, n, r, t, xNN, uNNNN or UNNNNNNNN only",
            )
        return chr(int(code, 16))

    # -- Python's parser --------------------------------------------------------------------------

    def _parse(self, chunk: str) -> list[ast.stmt]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # such as an unknown escape in a string
                return ast.parse(chunk).body
        except SyntaxError as error:
            line, column, reason = error.lineno or 1, error.offset or 1, error.msg
        except (MemoryError, RecursionError):
            line, column, reason = 1, 1, "it is nested too deep"
        except (ValueError, OverflowError) as error:
            line, column, reason = 1, 1, str(error)
        reason = re.sub(rf"{PLACEHOLDER}\d+", lambda found: self.name(found[0]), reason)
        start, _ = self._line(self._base + line)
        raise self._error_at(
            start + self._given_column(start, column - 1), f"Python can't read this: {reason}"
        )

    # -- places -----------------------------------------------------------------------------------

    def _line(self, number: int) -> tuple[int, str]:
        """Return where a line begins in the text as given, and how Python's parser sees it."""
        start = 0
        for _ in range(number - 1):
            following = self._text.find("\n", start) + 1
            if not following:
                break
            start = following
        end = self._text.find("\n", start)
        end = len(self._text) if end < 0 else end
        parts: list[str] = []
        done = start
        for replaced in self._replaced_from(start):
            if replaced.start >= end:
                break
            parts += (self._text[done : replaced.start], PLACEHOLDER.ljust(replaced.length, "0"))
            done = replaced.end
        return start, "".join((*parts, self._text[done:end]))

    def _given_column(self, start: int, column: int) -> int:
        """Return the column, from 0, of the given line for a column as Python's parser sees it."""
        for replaced in self._replaced_from(start):
            position = replaced.start - start
            if column <= position:
                break
            if column < position + replaced.length:
                return position
            grown = replaced.end - replaced.start - replaced.length
            column += grown
        return column

    def _replaced_from(self, start: int) -> Iterator[_Replaced]:
        first = bisect_left(self._replaced, (start,))
        return (self._replaced[index] for index in range(first, len(self._replaced)))

    def _error_at(self, position: int, reason: str) -> TextError:
        """Make the error about what stands at a position of the text as given."""
        text = self._text
        position = min(max(position, 0), len(text))
        line = text.count("\n", 0, position) + 1
        start = text.rfind("\n", 0, position) + 1
        end = text.find("\n", position)
        column = position - start + self._indent + 1
        shown = " " * self._indent + text[start : len(text) if end < 0 else end]
        return TextError(
            f"{_CALLED}:{line}:{column}: {reason}\n{pointed(shown, column)}",
            reason=reason,
            line=line,
            column=column,
        )


def _dedented(text: str) -> tuple[str, int]:
    """Take off the blanks that all lines begin with, and return how many."""
    if not text.lstrip("\n").startswith(" "):
        return text, 0
    lines = text.split("\n")
    indent = min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)
    return "\n".join([line[indent:] for line in lines]), indent


def shortened(name: str) -> str:
    """Return how messages quote a name, which may be very long."""
    return repr(name if len(name) <= 60 else f"{name[:57]}...")
