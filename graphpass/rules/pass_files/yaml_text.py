r"""YAML text, or what Python gives in its place -> values that know where they stand.

Only the parser of ``ruamel.yaml`` is used, event by event. What the events mean is decided here, so
that a text can't make objects, expand without end or nest until the stack overflows. Plain scalars
follow the core schema of YAML 1.2.2 (§10.3.2): ``no`` and ``2024-01-31`` are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isinf
from typing import Any, ClassVar, NamedTuple, TypeAlias

from graphpass.errors import PassFileError, pointed
from graphpass.formats.python_text import Mark
from graphpass.rules.limits import MAX_BYTES, MAX_DEPTH, MAX_INT

__all__ = [
    "KeyPath",
    "KeyValue",
    "Located",
    "Mark",
    "PassText",
    "PythonRule",
    "Scalar",
    "TextMark",
    "from_python",
    "parse_yaml",
    "place_in_scalar",
    "plain_scalar",
]

_BREAK = re.compile(r"\r\n|\r|\n")

Scalar: TypeAlias = "str | int | float | bool | None"

KeyPath: TypeAlias = "tuple[str | int, ...]"
"""Keys and positions from the top of a pass to a value: ``("rules", 1, "rename", "to")``."""


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
        if mark is not None and mark.line <= len(self.lines):
            text = f"{text}\n{pointed(self.lines[mark.line - 1], mark.column)}"
        error = PassFileError(text)
        error.mark = mark
        return error


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
        if isinstance(value, int) and not -MAX_INT <= value <= MAX_INT:
            raise source.error(None, "an integer is wider than 64 bits", path)
        if value is None or isinstance(value, str | bool | int | float | PythonRule):
            return Located(value)
        said = f"{value!r} is a {type(value).__name__}; a rule holds texts, numbers and lists"
        raise source.error(None, said, path)

    return take(value, path)


# -- YAML ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come yet."""

    mark: Mark
    anchor: str | None
    items: list[Located] = field(default_factory=list)
    members: dict[str, KeyValue] | None = None
    """Of a mapping; None for a list."""
    key: tuple[str, Mark] | None = None
    """The key whose value comes next."""


def parse_yaml(text: str, source: PassText, *, shipped: bool = False) -> Located:
    """Parse one YAML document.

    A text that is `shipped` is known to be good. Then libyaml reads it if it is installed, in a
    tenth of the time: what is wrong it would say in other words, and of nothing where it stands.

    Raises
    ------
    PassFileError
        If the text is not YAML, or uses what a pass can't mean: tags, several documents, keys that
        are no scalars or stand twice, an alias of something that is not complete.

    Examples
    --------
    >>> parse_yaml("[1, yes, null]", PassText("x")).value[1]
    Located(value='yes', mark=Mark(line=1, column=5))
    """
    if len(text) > MAX_BYTES:
        raise source.error(
            None,
            f"{len(text)} characters are more than a pass may have ({MAX_BYTES}); "
            "put a long rename map in a CSV file",
        )
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    composer = _Composer(source)
    try:
        for event in YAML(typ="safe", pure=not shipped).parse(text):
            composer.take(event)
    except YAMLError as error:
        raise _syntax_error(error, text, source) from None
    return composer.root or Located(None, Mark(1, 1))


_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_MAX_DIGITS = 30
"""No integer of 64 bits has more, with some zeros in front."""

_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


def plain_scalar(text: str) -> Scalar:
    """Return the value of a scalar without quotes.

    Raises
    ------
    ValueError
        If it is a number that is wider than any format holds: 64 bits, or a double.

    Examples
    --------
    >>> [plain_scalar(text) for text in ("3", "1e-5", "true", "~", "no", "0x10", "1_000")]
    [3, 1e-05, True, None, 'no', 16, '1_000']
    """
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        digits = text[2:] if base != 10 else text
        value = int(digits, base) if len(digits) <= _MAX_DIGITS else MAX_INT + 1
        if not -MAX_INT <= value <= MAX_INT:
            raise ValueError("the integer is wider than 64 bits; a text of digits needs quotes")
        return value
    if _FLOAT.fullmatch(text):
        number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        if isinf(number) and "inf" not in text.lower():
            raise ValueError("the number is larger than any; a text of digits needs quotes")
        return number
    return text


class _Composer:
    """Builds the values from the parser's events, without recursion."""

    def __init__(self, source: PassText) -> None:
        self.root: Located | None = None
        self._source = source
        self._open: list[_Open] = []
        self._anchors: dict[str, Located | None] = {}

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        kind = type(event).__name__
        mark = Mark(event.start_mark.line + 1, event.start_mark.column + 1)
        if getattr(event, "tag", None) is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            raise self._source.error(mark, f"the tag {tag} is not read: a pass is data; remove it")
        if kind == "ScalarEvent" and self._wants_key():
            top = self._open[-1]
            assert top.members is not None
            if event.value in top.members:
                first = top.members[event.value].mark
                line = f" (line {first.line})" if first is not None else ""
                raise self._source.error(mark, f"the key {event.value!r} stands here twice{line}")
            top.key = (event.value, mark)
        elif kind == "ScalarEvent":
            try:
                value = plain_scalar(event.value) if event.implicit[0] else event.value
            except ValueError as error:
                raise self._source.error(mark, str(error)) from None
            self._add(Located(value, mark), mark, event.anchor)
        elif kind == "AliasEvent":
            if self._wants_key():
                raise self._source.error(mark, "an alias can't be a key; write a text")
            anchor = event.anchor
            if anchor not in self._anchors:
                raise self._source.error(mark, f"there is no anchor &{anchor} before this alias")
            known = self._anchors[anchor]
            if known is None:
                raise self._source.error(mark, f"*{anchor} stands inside &{anchor} itself")
            self._add(known, mark)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if self._wants_key():
                raise self._source.error(mark, "a collection can't be a key; write a text")
            if len(self._open) >= MAX_DEPTH:
                raise self._source.error(mark, f"collections are nested deeper than {MAX_DEPTH}")
            if event.anchor is not None:
                self._anchors[event.anchor] = None
            is_mapping = kind == "MappingStartEvent"
            self._open.append(_Open(mark, event.anchor, members={} if is_mapping else None))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            done = self._open.pop()
            whole = tuple(done.items) if done.members is None else done.members
            self._add(Located(whole, done.mark), done.mark, done.anchor)
        elif kind == "DocumentStartEvent" and self.root is not None:
            raise self._source.error(mark, "a second document begins here; a pass is one document")

    def _wants_key(self) -> bool:
        top = self._open[-1] if self._open else None
        return top is not None and top.members is not None and top.key is None

    def _add(self, value: Located, mark: Mark, anchor: str | None = None) -> None:
        if anchor is not None:
            self._anchors[anchor] = value
        if not self._open:
            self.root = value
            return
        top = self._open[-1]
        if top.members is None:
            top.items.append(value)
            return
        assert top.key is not None
        top.members[top.key[0]] = KeyValue(top.key[1], value)
        top.key = None


def _syntax_error(error: Exception, text: str, source: PassText) -> PassFileError:
    """Say in words of this project what the parser says."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = getattr(error, "position", None)
    if mark is None and isinstance(position, int):
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        return source.error(
            Mark(line, column),
            f"the character {text[position : position + 1]!a} is not allowed in YAML text",
        )
    parts = [getattr(error, "context", None), getattr(error, "problem", None)]
    what = ", ".join(str(part) for part in parts if part) or "not YAML"
    if "'\\t'" in what:
        what = "a tab can't stand here; YAML indents with spaces"
    if mark is None:
        return source.error(None, f"not YAML: {what}")
    place = Mark(mark.line + 1, mark.column + 1)
    before = text[: mark.index + 1].rpartition("\n")[2]
    hint = '; inside braces and brackets, quote "${name}"' if before.endswith("${") else ""
    return source.error(place, f"not YAML: {what}{hint}")


# -- characters of scalars -------------------------------------------------------------------------

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


def place_in_scalar(
    lines: Sequence[str], begin: tuple[int, int], text: str, offset: int
) -> tuple[int, int] | None:
    r"""Return line and column of a character of a text, or None if `text` does not begin there.

    What is said of a place inside a text points at the character in the file, whatever the style:

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
