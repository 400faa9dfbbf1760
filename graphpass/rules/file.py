"""Pass files: YAML text, or the same structure from Python, -> a `Pass`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from graphpass.errors import PassFileError, UsageError, nearest
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.rule_reading import read_rules, refuse
from graphpass.rules.schema import schema_faults
from graphpass.rules.shipped import shipped_names, shipped_text
from graphpass.rules.source import Located, Member, PythonRule, Source, from_python
from graphpass.rules.substitution import Plain, substitute
from graphpass.rules.yaml_text import MAX_BYTES, parse_yaml, plain_scalar

__all__ = ["PassSource", "load_pass", "parse_setting"]

PassSource: TypeAlias = (
    "str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | PythonRule | Pass"
)
"""What `load_pass` takes."""

_SUFFIXES = (".yaml", ".yml", ".json")
_INLINE = "<inline>"


def load_pass(source: PassSource, *, folder: Path | None = None) -> Pass:
    """Load a pass.

    Parameters
    ----------
    source
        The path of a YAML file, the name of a shipped pass, YAML text that begins with ``{`` or
        ``[``, a list of rules, one rule, a whole pass as a dict, or a `Pass`, which is returned.
        In Python a rule is a dict, or a `Rewrite`.
    folder : Path, optional
        Where relative paths start; the working directory if absent.

    Raises
    ------
    PassFileError
        If it is malformed: file, line, column, what is wrong, the line and a caret.
    UsageError
        If there is no such file or pass; the message names the nearest.

    Examples
    --------
    >>> loaded = load_pass({"parameters": {"new": "left"}, "rules": [{"prefix": "${new}_"}]})
    >>> loaded.rules[0].label, loaded.rules[0].operation.prefix
    ('rule 1 (prefix)', 'left_')
    >>> load_pass("{prefix: right_}").rules[0].label
    '<inline>:1: rule 1 (prefix)'
    """
    base = Path() if folder is None else folder
    if isinstance(source, Pass):
        return source
    if isinstance(source, str) and source.lstrip().startswith(("{", "[")):
        origin = Source(_INLINE, source.splitlines())
        tree = _whole(parse_yaml(source, origin))
        return _load(tree, origin, name="inline", folder=base, identity="")
    if isinstance(source, str | os.PathLike):
        return _load_named(os.fspath(source), base)
    origin = Source()
    tree = _whole(from_python(source, origin, _start(source)))
    return _load(tree, origin, name="rules", folder=base, identity="")


def parse_setting(text: str) -> tuple[str, Plain]:
    """Read ``name=value``, the value as YAML: ``k=3`` is a number, ``k=[3, 3]`` a list.

    Raises
    ------
    UsageError
        If there is no ``=``.
    PassFileError
        If the value begins like a YAML collection or quoted text and is none.

    Examples
    --------
    >>> parse_setting("prefix=b_"), parse_setting("kernel=[3, 3]"), parse_setting("cut=")
    (('prefix', 'b_'), ('kernel', [3, 3]), ('cut', None))
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} sets nothing; write NAME=VALUE, such as prefix=b_")
    if value.startswith(("[", "{", '"', "'")):
        source = Source(name, value.splitlines())
        return name, substitute(parse_yaml(value, source), None, source, ())
    return name, plain_scalar(value)


def _start(source: Mapping[str, Any] | Sequence[Any] | PythonRule) -> tuple[str | int, ...]:
    """Return where rules from Python stand in the whole pass that `_whole` makes of them."""
    if not isinstance(source, Mapping):
        return ("rules",)
    return () if "rules" in source else ("rules", 0)


def _load_named(name: str, folder: Path) -> Pass:
    path = folder / name
    is_path = path.suffix in _SUFFIXES or os.sep in name or _exists(path)
    if name in shipped_names() or not is_path:
        return _load_shipped(name)
    text = _read(path)
    origin = Source(str(path), text.splitlines())
    tree = parse_yaml(text, origin)
    if not isinstance(tree.value, Mapping):
        raise origin.error(tree.mark, "a pass file is a mapping that begins with `graphpass: 1`")
    return _load(tree, origin, name=path.stem, folder=path.parent, identity=str(path.resolve()))


@cache
def _load_shipped(name: str) -> Pass:
    text, file = shipped_text(name), f"{name}.yaml"
    origin = Source(file, text.splitlines())
    return _load(
        parse_yaml(text, origin), origin, name=name, folder=Path(), identity=f"shipped {name}"
    )


def _read(path: Path) -> str:
    if not _is_file(path):
        raise UsageError(_no_file(path))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: can't be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise PassFileError(
            f"{path}: larger than a pass may be ({MAX_BYTES} bytes); "
            "put a long rename map in a CSV file"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PassFileError(
            f"{path}:{line}: byte {error.start} is not UTF-8; a pass is YAML text in UTF-8"
        ) from None


def _is_file(path: Path) -> bool:
    """Return whether there is a file; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists() and not path.is_dir()
    except (OSError, ValueError):
        return False


def _no_file(path: Path) -> str:
    try:
        if path.is_dir():
            return f"{path}: a folder; name a pass file"
        if path.exists():
            return f"{path}: not a regular file; copy what it holds into one"
        siblings = [sibling.name for sibling in path.parent.iterdir()]
    except (OSError, ValueError):
        return f"{path}: there is no such file, nor its folder"
    near = nearest(path.name, [*siblings, *shipped_names()])
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return f"{path}: there is no such file{hint}"


def _whole(tree: Located) -> Located:
    """Complete what may be short outside of files: a list of rules, or one rule."""
    if not isinstance(tree.value, Mapping):
        rules = tree if isinstance(tree.value, tuple) else Located((tree,), tree.mark)
        members: dict[str, Member] = {"rules": Member(tree.mark, rules)}
    elif "rules" in tree.value:
        members = dict(tree.value)
    else:
        members = {"rules": Member(tree.mark, Located((tree,), tree.mark))}
    members.setdefault("graphpass", Member(tree.mark, Located(1, tree.mark)))
    return Located(members, tree.mark)


def _load(tree: Located, source: Source, *, name: str, folder: Path, identity: str) -> Pass:
    assert isinstance(tree.value, Mapping)
    header = {
        key: [] if key == "rules" else substitute(member.value, None, source, (key,))
        for key, member in tree.value.items()
    }
    refuse(schema_faults(header), tree, {}, source)
    parameters = header.get("parameters", {})
    return Pass(
        name=header.get("name", name),
        rules=read_rules(tree, parameters, source),
        description=header.get("description", "").strip(),
        parameters=parameters,
        folder=folder,
        budget=header.get("budget"),
        tests=tuple(header.get("tests", ())),
        identity=identity,
        tree=tree,
        source=source,
    )
