"""``${name}`` in a pass: located values and parameters -> plain values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from graphpass.errors import suggestion
from graphpass.rules.limits import MAX_CHARACTERS, MAX_DEPTH, MAX_VALUES
from graphpass.rules.pass_files.yaml_text import (
    KeyPath,
    Located,
    Mark,
    PassText,
    TextMark,
)

__all__ = ["Plain", "Substitution", "locate", "substitute"]

Plain: TypeAlias = Any
"""Texts, numbers, None, and lists and dicts of these."""

_PLACEHOLDER = re.compile(r"\$(?P<escaped>\$)?\{(?P<name>[^}]*)(?P<closed>\})?")


def substitute(
    tree: Located, values: Mapping[str, Plain] | None, source: PassText, path: KeyPath
) -> Plain:
    """Return plain lists and dicts, every ``${name}`` in texts and keys replaced.

    A text that is nothing but ``${name}`` becomes the value itself, whatever its type. ``$${``
    stands for ``${``.

    Parameters
    ----------
    tree : Located
        What stands in the pass.
    values : mapping
        The parameters of the pass; None to leave texts as they are.
    source : PassText
        For error messages.
    path : tuple
        Where `tree` stands in the pass.

    Raises
    ------
    PassFileError
        If a parameter is unknown or has no value, or aliases or parameters expand to too many
        values or characters.
    """
    return Substitution(values, source).value(tree, path)


def locate(
    tree: Located, path: KeyPath, values: Mapping[str, Plain]
) -> tuple[Mark | None, Mark | None]:
    """Return where the key and the value at `path` stand; the innermost that exists.

    The mark of a text knows the places inside it.
    """
    key = value = tree.mark
    names = Substitution(values, PassText())
    for step in path:
        if isinstance(tree.value, tuple) and isinstance(step, int) and step < len(tree.value):
            tree = tree.value[step]
            key = value = tree.mark
        elif isinstance(tree.value, Mapping):
            found = [name for name in tree.value if names.key(name) == step]
            if not found:
                break
            key, tree = tree.value[found[0]]
            value = tree.mark
        else:
            break
    else:
        if value is None or not isinstance(tree.value, str):
            return key, value
        text, done = tree.value, 0
        pieces: list[str] = []
        origins: list[int] = []
        for match in _PLACEHOLDER.finditer(text):
            try:
                piece = _inside(match, values)
            except _PlaceholderError:  # it stays as it is
                continue
            begin, end = match.span()
            pieces += [text[done:begin], piece]
            origins += range(done, begin)
            origins += range(begin + 1, end) if match["escaped"] else [begin] * len(piece)
            done = end
        filled = "".join([*pieces, text[done:]])
        value = TextMark.of(value, text, filled, [*origins, *range(done, len(text) + 1)])
    return key, value


class Substitution:
    """Fills in placeholders, as long as that does not come to too much."""

    def __init__(self, values: Mapping[str, Plain] | None, source: PassText) -> None:
        self._values = values
        self._source = source
        self._count = 0
        self._characters = 0

    def value(self, tree: Located, path: KeyPath) -> Plain:
        """Return what `substitute` does; the limits hold for all calls together."""
        self._count_value(tree.mark, path)
        value = tree.value
        if isinstance(value, str):
            return self._text(value, tree.mark, path)
        if isinstance(value, tuple):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        if not isinstance(value, Mapping):
            return value
        made: dict[str, Plain] = {}
        for name, (mark, member) in value.items():
            key = self._text(name, mark, path)
            if not isinstance(key, str):
                raise self._source.error(mark, f"{name} is no text here but {key!r}", path)
            if key in made:
                raise self._source.error(mark, f"the key {key!r} stands here twice", path)
            made[key] = self.value(member, (*path, key))
        return made

    def key(self, text: str) -> Plain:
        """Return what a key becomes; one that can't be filled in stays as it is."""
        try:
            return self._filled(text)
        except _PlaceholderError:
            return text

    def _text(self, text: str, mark: Mark | None, path: KeyPath) -> Plain:
        try:
            found = self._filled(text)
        except _PlaceholderError as error:
            raise self._source.error(mark, str(error), path) from None
        waiting = [found] if isinstance(found, list | dict) else []
        while waiting:  # a parameter is shared here, but each use of it is looked at
            value = waiting.pop()
            self._count_value(mark, path)
            if isinstance(value, list | dict):
                waiting.extend(value.values() if isinstance(value, dict) else value)
        return found

    def _count_value(self, mark: Mark | None, path: KeyPath) -> None:
        self._count += 1
        if self._count > MAX_VALUES or len(path) > MAX_DEPTH:
            raise self._source.error(
                mark,
                f"more than {MAX_VALUES} values; do aliases or parameters expand too far?",
                path,
            )

    def _filled(self, text: str) -> Plain:
        if self._values is None or "${" not in text:
            return text
        values = self._values
        whole = _PLACEHOLDER.fullmatch(text)
        if whole and not whole["escaped"]:
            found = _lookup(whole, values)
            return self._counted(found) if isinstance(found, str) else found
        return _PLACEHOLDER.sub(lambda match: self._counted(_inside(match, values)), text)

    def _counted(self, piece: str) -> str:
        self._characters += len(piece)
        if self._characters > MAX_CHARACTERS:
            raise _PlaceholderError(
                f"more than {MAX_CHARACTERS} characters come from ${{...}} in this pass; is a "
                "long parameter repeated too often?"
            )
        return piece


class _PlaceholderError(ValueError):
    """A placeholder that can't be replaced."""


def _inside(match: re.Match[str], values: Mapping[str, Plain]) -> str:
    if match["escaped"]:
        return match[0][1:]
    value = _lookup(match, values)
    if value is None:
        raise _PlaceholderError(
            f"the parameter {match['name']!r} has no value; give it one: --set {match['name']}=..."
        )
    if isinstance(value, list | dict):
        raise _PlaceholderError(
            f"the parameter {match['name']!r} is a collection and can't stand inside a text"
        )
    return str(value)


def _lookup(match: re.Match[str], values: Mapping[str, Plain]) -> Plain:
    name = match["name"]
    if not match["closed"]:
        raise _PlaceholderError(
            f"${{{name} is never closed; write $${{ where no parameter is meant"
        )
    if name in values:
        return values[name]
    known = f"; the pass has {', '.join(values)}" if values else "; the pass declares none"
    raise _PlaceholderError(
        f"there is no parameter {name!r}{suggestion(name, values) or known}; "
        "write $${ where no parameter is meant"
    )
