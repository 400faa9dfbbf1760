r"""Where a value of a pass stands: file, line and column, or the rule of a Python list.

A text may stand in a YAML file in several styles, and what is said of a place inside it points at
the character in the file:

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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeAlias

from graphpass.errors import PassFileError, pointed
from graphpass.formats.python_text import Mark

__all__ = [
    "MAX_DEPTH",
    "KeyPath",
    "KeyValue",
    "Located",
    "Mark",
    "PassText",
    "PythonRule",
    "Scalar",
    "TextMark",
    "from_python",
    "place_in_scalar",
]

_BREAK = re.compile(r"\r\n|\r|\n")

Scalar: TypeAlias = "str | int | float | bool | None"

KeyPath: TypeAlias = "tuple[str | int, ...]"
"""Keys and positions from the top of a pass to a value: ``("rules", 1, "rename", "to")``."""

_LineColumn: TypeAlias = tuple[int, int]
_Characters: TypeAlias = Iterator[tuple[str, _LineColumn]]

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+")
_COMMENT = re.compile(r"#.*")
_SPACES = re.compile(r"[ \t]*")
_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|(?P<short>.))", re.DOTALL
)
_SHORT = dict(
    zip("0abtnvfreN_LP", "\0\a\b\t\n\v\f\r\x1b\x85\xa0\u2028\u2029", strict=True)
)  # every other character stands for itself

MAX_DEPTH = 32
"""How deep the collections of a pass may be nested; real ones need 6."""


class PythonRule:
    """A rule that Python has made: in a list from Python it may stand where a mapping would."""

    __slots__ = ()

    keyword: ClassVar[str]
    """The operation that it is of."""

    def refuse_unfinished(self) -> None:
        """Refuse a rule that lacks something.

        Raises
        ------
        UsageError
            If it does.
        """


class TextMark(Mark):
    """A place where a text begins, for whoever looks for places inside it."""

    text: str
    """As the file means it."""

    filled: str
    """With its parameters filled in."""

    origins: Sequence[int]
    """For each character of `filled`, and for its end: the one of `text` that it comes from."""

    @classmethod
    def of(cls, mark: Mark, text: str, filled: str, origins: Sequence[int]) -> TextMark:
        """Return the mark of a text."""
        made = cls(*mark)
        made.text, made.filled, made.origins = text, filled, origins
        return made

    def offset(self, line: int, column: int) -> int:
        """Return the character of `text` behind a line and column of `filled`, from 1."""
        begins = [0, *(match.end() for match in _BREAK.finditer(self.filled)), len(self.filled) + 1]
        line = min(max(line, 1), len(begins) - 1)
        offset = min(begins[line - 1] + max(column, 1), begins[line]) - 1
        return self.origins[offset]


@dataclass(frozen=True, slots=True)
class Located:
    """A value that knows where it stands."""

    value: Scalar | PythonRule | tuple[Located, ...] | Mapping[str, KeyValue]
    """A scalar, a rule that Python has made, a list, or a mapping."""

    mark: Mark | None = None
    """Where it begins; None for a value that Python gave."""


class KeyValue(NamedTuple):
    """One ``key: value`` of a mapping."""

    mark: Mark | None
    """Where the key begins."""

    value: Located


@dataclass(frozen=True, slots=True)
class PassText:
    """The text that a pass was read from; empty for rules that Python gave."""

    name: str = ""
    """The file as the user called it."""

    lines: Sequence[str] = field(default=(), repr=False)
    """The lines of the text."""

    def place(self, mark: Mark | None, path: KeyPath = ()) -> str:
        """Return ``siamese.yaml:7:5``, or ``rule 2 (rename), to`` where there is no text."""
        if mark is not None:
            return f"{self.name}:{mark.line}:{mark.column}"
        if len(path) < 2 or path[0] != "rules":
            return self.name or "the pass"
        keyword = f" ({path[2]})" if len(path) > 2 and isinstance(path[2], str) else ""
        option = f", {'.'.join(map(str, path[3:6]))}" if keyword and len(path) > 3 else ""
        return f"rule {int(path[1]) + 1}{keyword}{option}"

    def inside(self, mark: Mark | None, line: int | None, column: int | None) -> Mark | None:
        """Return the place of a line and column of the text that begins at `mark`.

        Where a parameter was filled in, it is that of ``${name}``. Where the text can't be told
        from the file, it is `mark`.
        """
        if not isinstance(mark, TextMark) or line is None or column is None:
            return mark
        place = place_in_scalar(self.lines, mark, mark.text, mark.offset(line, column))
        return mark if place is None else Mark(*place)

    def error(self, mark: Mark | None, message: str, path: KeyPath = ()) -> PassFileError:
        """Make the error for what stands at `mark`: place, message, the line and a caret."""
        text = f"{self.place(mark, path)}: {message}"
        if mark is None or mark.line > len(self.lines):
            return PassFileError(text)
        return PassFileError(f"{text}\n{pointed(self.lines[mark.line - 1], mark.column)}")


def from_python(value: Any, source: PassText, path: KeyPath) -> Located:
    """Take over what Python gave, as if it had stood in a file at `path`. Tuples count as lists.

    Raises
    ------
    PassFileError
        If there is a value that no pass file can hold, or a collection that holds itself.

    Notes
    -----
    A collection that stands in several places is taken over once.
    """
    known: dict[int, Located] = {}

    def take(value: Any, path: KeyPath) -> Located:
        if id(value) in known:
            return known[id(value)]
        if len(path) > MAX_DEPTH:
            raise source.error(None, f"collections are nested deeper than {MAX_DEPTH}", path)
        if isinstance(value, Mapping):
            members = {}
            for key, member in value.items():
                if not isinstance(key, str):
                    said = f"the key {key!r} is no text; write {str(key)!r}"
                    raise source.error(None, said, path)
                members[key] = KeyValue(None, take(member, (*path, key)))
            return known.setdefault(id(value), Located(members))
        if isinstance(value, list | tuple):
            made = tuple([take(item, (*path, index)) for index, item in enumerate(value)])
            return known.setdefault(id(value), Located(made))
        if getattr(value, "shape", None) == () and hasattr(value, "item"):
            value = value.item()  # a number of NumPy
        if value is None or isinstance(value, str | bool | int | float | PythonRule):
            return Located(value)
        said = f"{value!r} is a {type(value).__name__}; a rule holds texts, numbers and lists"
        raise source.error(None, said, path)

    return take(value, path)


# -- characters of scalars -------------------------------------------------------------------------


def place_in_scalar(
    lines: Sequence[str], begin: _LineColumn, text: str, offset: int
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


def _characters(lines: Sequence[str], begin: _LineColumn, text: str) -> _Characters:
    """Yield every character with its place, and at last something where the text has ended."""
    line, column = begin
    anchor = _ANCHOR.match(lines[line - 1], column - 1)
    if anchor is not None:
        at = anchor.end()
        while line <= len(lines):
            at = _after_spaces(lines[line - 1], at)
            if at < len(lines[line - 1]) and not _COMMENT.match(lines[line - 1], at):
                break
            line, at = line + 1, 0
        column = at + 1
    if line > len(lines):
        return iter(())
    style = lines[line - 1][column - 1 : column]
    if style in ("|", ">"):
        # a block is indented by what its first line has more than that of the text
        indent = max(0, _leading(lines[line:]) - _leading(text.split("\n")))
        return _block(lines, line + 1, indent, folds=style == ">")
    quote = style if style in ("'", '"') else ""
    return _flow(lines, line, column - 1 + len(quote), quote)


def _flow(lines: Sequence[str], line: int, at: int, quote: str) -> _Characters:
    """Yield the characters of a plain or quoted text; `at` counts from 0."""
    while True:
        written = lines[line - 1]
        place = line, at + 1
        is_joined = quote == '"' and written[at:] == "\\"
        if is_joined or _after_spaces(written, at) == len(written):
            following = line + 1
            while following <= len(lines) and not lines[following - 1].strip(" \t"):
                following += 1
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
            short = escape["short"]
            meant = chr(int(escape[0][2:], 16)) if short is None else _SHORT.get(short, short)
            yield meant, place
            at = escape.end()
        else:
            yield written[at], place
            at += 1


def _folded(ends: Sequence[_LineColumn], joint: str) -> _Characters:
    """Yield what the ends of a line and of empty ones after it mean: breaks, or else the joint."""
    if len(ends) == 1 and joint:
        yield joint, ends[0]
    yield from (("\n", end) for end in ends[:-1])


def _after_spaces(written: str, at: int) -> int:
    spaces = _SPACES.match(written, at)
    return spaces.end() if spaces else at


def _leading(lines: Sequence[str]) -> int:
    first = next((line for line in lines if line.strip(" ")), "")
    return len(first) - len(first.lstrip(" "))


def _block(lines: Sequence[str], line: int, indent: int, *, folds: bool) -> _Characters:
    """Yield the characters of a block whose first line is `line`."""
    ends: list[_LineColumn] = []
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
