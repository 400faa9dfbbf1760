r"""Text in Python's syntax, with any name at all in backquotes: parsed with `ast`, never executed.

Real names hold ``-``, ``/``, ``+`` and ``.$0``, so a name may stand in backquotes. There ``\``
stands before another backquote or backslash, and before ``n``, ``t``, ``r``, ``xNN`` and ``uNNNN``
as in a string. Before Python's parser sees the text, each such name gives way to underscores of the
same length, so that columns stay; a name is known again by where it stands.
"""

from __future__ import annotations

import ast
import keyword
import re
import unicodedata
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from graphpass.errors import TextError, pointed

__all__ = ["MAX_LENGTH", "Mark", "PythonText", "parse_python", "quoted_name"]

MAX_LENGTH = 10_000
"""Characters of the longest text that is read; Python's parser is safe with any text so short."""

_MAX_DEPTH = 50
_MAX_LINES = 1000

_LINE = re.compile(r"\r\n|\r|\n")
_TOKEN = re.compile(
    r"(?P<triple>'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\")"
    r"|(?P<string>'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|(?P<comment>\#[^\n\r]*)"
    r"|(?P<name>`(?:\\.|[^`\\\n\r])*`)"
    r"|(?P<stray>`)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^xuU]|.?)", re.DOTALL)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "`": "`", "\\": "\\"}
_UNREADABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Mark(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class PythonText:
    """A parsed text."""

    tree: ast.Module
    """What Python makes of it."""

    name: str
    """What messages call it: ``pattern``."""

    lines: Sequence[str] = field(repr=False)
    """Its lines, as they were given."""

    _readable: Sequence[str] = field(repr=False)
    _names: Mapping[tuple[int, int], str] = field(repr=False)
    _indent: int = 0

    def place(self, node: ast.expr | ast.stmt | ast.keyword) -> Mark:
        """Return where something begins."""
        before = self._readable[node.lineno - 1].encode()[: node.col_offset]
        return Mark(node.lineno, len(before.decode()) + self._indent + 1)

    def backquoted(self, node: ast.Name | ast.keyword) -> str | None:
        """Return the name that stands in backquotes where a node begins, or None."""
        return self._names.get(self.place(node))

    def error(self, place: tuple[int, int] | None, reason: str) -> TextError:
        """Make the error about what stands at a place: place, reason, the line and a caret."""
        return _error(self.name, self.lines, place, reason)


def parse_python(text: str, name: str) -> PythonText:
    """Parse a text, whose lines may all be indented alike.

    Parameters
    ----------
    text : str
        At most `MAX_LENGTH` characters.
    name : str
        What messages call it.

    Raises
    ------
    TextError
        If Python can't parse it, or it is too long or nested too deep.

    Examples
    --------
    >>> parsed = parse_python("y = relu(`conv-0`)", "pattern")
    >>> parsed.backquoted(parsed.tree.body[0].value.args[0])
    'conv-0'
    """
    lines = _LINE.split(text)
    if len(text) > MAX_LENGTH or len(lines) > _MAX_LINES:
        raise TextError(
            f"{name}: {len(text)} characters in {len(lines)} lines are more than a {name} may have "
            f"({MAX_LENGTH} in {_MAX_LINES})"
        )
    masked, names = _mask(text, name, lines)
    readable = _LINE.split(masked)
    filled = [line for line in readable if line.strip()]
    indent = min((len(line) - len(line.lstrip(" ")) for line in filled), default=0)
    readable = [line[indent:] for line in readable]
    tree = _parse("\n".join(readable), name, lines, indent)
    return PythonText(tree, name, lines, readable, names, indent)


def quoted_name(name: str) -> str:
    """Return how a name is written: bare if Python reads it back, else in backquotes.

    Examples
    --------
    >>> quoted_name("conv0"), quoted_name("conv/0"), quoted_name("in")
    ('conv0', '`conv/0`', '`in`')
    """
    bare = name.isidentifier() and not keyword.iskeyword(name)
    if bare and unicodedata.normalize("NFKC", name) == name:
        return name
    return f"`{''.join(map(_escaped, name))}`"


def _escaped(char: str) -> str:
    for short, meant in _SHORT.items():
        if char == meant:
            return f"\\{short}"
    if char.isprintable():
        return char
    return char.encode("unicode_escape").decode()


def _mask(text: str, name: str, lines: Sequence[str]) -> tuple[str, dict[tuple[int, int], str]]:
    """Replace names in backquotes by underscores, and refuse what Python's parser must not see."""
    names: dict[tuple[int, int], str] = {}
    parts = []
    done = depth = 0
    for token in _TOKEN.finditer(text):
        place = _place(text, token.start())
        depth += (token["open"] is not None) - (token["close"] is not None)
        if depth > _MAX_DEPTH:
            raise _error(name, lines, place, f"brackets are nested deeper than {_MAX_DEPTH}")
        if token["stray"]:
            raise _error(name, lines, place, "a name in backquotes must end on its line")
        if token["name"] is None:
            continue
        near = text[max(token.start() - 1, 0) : token.start()] + text[token.end() : token.end() + 1]
        if any(char.isalnum() or char in "_`" for char in near):
            raise _error(name, lines, place, "a name in backquotes must stand by itself")
        try:
            names[place] = _ESCAPE.sub(_unescaped, token[0][1:-1])
        except ValueError:
            raise _error(
                name, lines, place, r"in backquotes, \ stands before `, \, n, t, r, xNN or uNNNN"
            ) from None
        parts += [text[done : token.start()], "_" * len(token[0])]
        done = token.end()
    masked = "".join([*parts, text[done:]])
    unreadable = _UNREADABLE.search(masked.replace("\r", "\n"))
    if unreadable:
        raise _error(
            name, lines, _place(text, unreadable.start()),
            f"the character {unreadable[0]!r} can't stand here; write it as an escape",
        )  # fmt: skip
    return masked, names


def _unescaped(match: re.Match[str]) -> str:
    code = match[1]
    if code in _SHORT:
        return _SHORT[code]
    if len(code) > 1:
        return chr(int(code[1:], 16))
    raise ValueError(code)


def _parse(text: str, name: str, lines: Sequence[str], indent: int) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        place = (error.lineno or 1, (error.offset or 1) + indent)
        raise _error(name, lines, place, f"Python can't read this: {error.msg}") from None
    except (RecursionError, MemoryError):
        raise TextError(f"{name}: nested too deep") from None


def _place(text: str, position: int) -> tuple[int, int]:
    before = _LINE.split(text[:position])
    return len(before), len(before[-1]) + 1


def _error(
    name: str, lines: Sequence[str], place: tuple[int, int] | None, reason: str
) -> TextError:
    if place is None:
        return TextError(f"{name}: {reason}", reason=reason)
    line = min(max(place[0], 1), len(lines))
    column = min(max(place[1], 1), len(lines[line - 1]) + 1)
    text = f"{name}:{line}:{column}: {reason}\n{pointed(lines[line - 1], column)}"
    return TextError(text, reason=reason, line=line, column=column)
