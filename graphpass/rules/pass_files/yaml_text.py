"""YAML text -> values that know where they stand.

Only the parser of ``ruamel.yaml`` is used, event by event. What the events mean is decided here, so
that a text can't make objects, expand without end or nest until the stack overflows. Plain scalars
follow the core schema of YAML 1.2.2 (§10.3.2): ``no`` and ``2024-01-31`` are texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from graphpass.errors import PassFileError
from graphpass.rules.pass_files.places import MAX_DEPTH, KeyValue, Located, Mark, PassText, Scalar

__all__ = ["MAX_BYTES", "parse_yaml", "plain_scalar"]

MAX_BYTES = 2**20
"""The largest text that is read; the parser takes about two seconds for it."""

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,1000}|0o[0-7]{1,1000}|0x[0-9a-fA-F]{1,1000}")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


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


def parse_yaml(text: str, source: PassText) -> Located:
    """Parse one YAML document.

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
        for event in YAML(typ="safe", pure=True).parse(text):
            composer.take(event)
    except YAMLError as error:
        raise _syntax_error(error, text, source) from None
    return composer.root or Located(None, Mark(1, 1))


def plain_scalar(text: str) -> Scalar:
    """Return the value of a scalar without quotes.

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
        return int(text[2:], base) if base != 10 else int(text)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
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
            plain = event.implicit[0]
            value = plain_scalar(event.value) if plain else event.value
            self._add(Located(value, mark), mark, event.anchor)
        elif kind == "AliasEvent":
            self._add(self._alias(event.anchor, mark), mark)
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

    def _alias(self, anchor: str, mark: Mark) -> Located:
        if self._wants_key():
            raise self._source.error(mark, "an alias can't be a key; write a text")
        if anchor not in self._anchors:
            raise self._source.error(mark, f"there is no anchor &{anchor} before this alias")
        found = self._anchors[anchor]
        if found is None:
            raise self._source.error(mark, f"*{anchor} stands inside &{anchor} itself")
        return found

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
