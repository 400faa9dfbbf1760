"""Where a value of a pass stands: file, line and column, or the rule of a Python list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias

from graphpass.errors import PassFileError, pointed
from graphpass.rules.scalar_places import place_in_scalar

if TYPE_CHECKING:
    from graphpass.rules.operation import Operation

__all__ = [
    "MAX_DEPTH",
    "Located",
    "Mark",
    "Member",
    "Path",
    "PythonRule",
    "Scalar",
    "Source",
    "TextMark",
    "from_python",
]

_BREAK = re.compile(r"\r\n|\r|\n")

Scalar: TypeAlias = "str | int | float | bool | None"

Path: TypeAlias = "tuple[str | int, ...]"
"""Keys and positions from the top of a pass to a value: ``("rules", 1, "rename", "to")``."""

MAX_DEPTH = 32
"""How deep the collections of a pass may be nested; real ones need 6."""


class PythonRule:
    """A rule that Python has made: in a list from Python it may stand where a mapping would."""

    __slots__ = ()

    keyword: ClassVar[str]
    """The operation that it is of."""

    def operation(self) -> Operation:
        """Return the rule as the operation that runs.

        Raises
        ------
        UsageError
            If it is not finished.
        """
        raise NotImplementedError


class Mark(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int


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

    value: Scalar | PythonRule | tuple[Located, ...] | Mapping[str, Member]
    """A scalar, a rule that Python has made, a list, or a mapping."""

    mark: Mark | None = None
    """Where it begins; None for a value that Python gave."""


class Member(NamedTuple):
    """One ``key: value`` of a mapping."""

    mark: Mark | None
    """Where the key begins."""

    value: Located


@dataclass(frozen=True, slots=True)
class Source:
    """The text that a pass was read from; empty for rules that Python gave."""

    name: str = ""
    """The file as the user called it."""

    lines: Sequence[str] = field(default=(), repr=False)
    """The lines of the text."""

    def place(self, mark: Mark | None, path: Path = ()) -> str:
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

    def error(self, mark: Mark | None, message: str, path: Path = ()) -> PassFileError:
        """Make the error for what stands at `mark`: place, message, the line and a caret."""
        text = f"{self.place(mark, path)}: {message}"
        if mark is None or mark.line > len(self.lines):
            return PassFileError(text)
        return PassFileError(f"{text}\n{pointed(self.lines[mark.line - 1], mark.column)}")


def from_python(value: Any, source: Source, path: Path) -> Located:
    """Take over what Python gave, as if it had stood in a file at `path`. Tuples count as lists.

    Raises
    ------
    PassFileError
        If there is a value that no pass file can hold, or a collection that holds itself.

    Notes
    -----
    A collection that stands in several places is taken over once.
    """
    return _from_python(value, source, path, {})


def _from_python(value: Any, source: Source, path: Path, known: dict[int, Located]) -> Located:
    if id(value) in known:
        return known[id(value)]
    if len(path) > MAX_DEPTH:
        raise source.error(None, f"collections are nested deeper than {MAX_DEPTH}", path)
    if isinstance(value, Mapping):
        members = {}
        for key, member in value.items():
            if not isinstance(key, str):
                raise source.error(None, f"the key {key!r} is no text; write {str(key)!r}", path)
            members[key] = Member(None, _from_python(member, source, (*path, key), known))
        known[id(value)] = Located(members)
        return known[id(value)]
    if isinstance(value, list | tuple):
        items = enumerate(value)
        made = [_from_python(item, source, (*path, index), known) for index, item in items]
        known[id(value)] = Located(tuple(made))
        return known[id(value)]
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()  # a number of NumPy
    if value is None or isinstance(value, str | bool | int | float | PythonRule):
        return Located(value)
    raise source.error(
        None, f"{value!r} is a {type(value).__name__}; a rule holds texts, numbers and lists", path
    )
