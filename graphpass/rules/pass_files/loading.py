"""Pass files: YAML text, or the same structure from Python, -> a `Pass`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

from graphpass.errors import PassFileError, TextError, UsageError, nearest, suggestion
from graphpass.rules.limits import MAX_BYTES
from graphpass.rules.operations import OPERATIONS, operation_class
from graphpass.rules.operations.operation import Operation
from graphpass.rules.pass_files.parameters import Plain, Substitution, locate, substitute
from graphpass.rules.pass_files.schema import SchemaFault, schema_faults
from graphpass.rules.pass_files.yaml_text import (
    KeyPath,
    KeyValue,
    Located,
    PassText,
    PythonRule,
    from_python,
    parse_yaml,
    plain_scalar,
)
from graphpass.rules.reading import Reading

__all__ = [
    "Pass",
    "PassSource",
    "Rule",
    "load_pass",
    "parse_setting",
    "shipped_lowering_names",
    "shipped_names",
    "shipped_text",
]

PassSource: TypeAlias = (
    "str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | PythonRule | Pass"
)
"""What `load_pass` takes."""

_SUFFIXES = (".yaml", ".yml", ".json")
_BEGIN = re.compile(r"""^[{\s]*["']?graphpass["']?\s*:""", re.MULTILINE)
"""What a file has to hold before a word of it is quoted to whoever wrote the pass that uses it."""

_INLINE = "<inline>"


def load_pass(source: PassSource, *, folder: Path | Reading | None = None) -> Pass:
    """Load a pass.

    Parameters
    ----------
    source
        The path of a YAML file, the name of a shipped pass, several of them with commas between,
        YAML text that begins with ``{``, ``[`` or ``KEY: ``, a list of rules, one rule,
        a whole pass as a dict, or a `Pass`, which is returned. In Python a rule is a dict, or a
        `Rewrite`.
    folder : Path or Reading, optional
        Where relative paths start, the working directory if absent; and which files may be read.

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
    reading = folder if isinstance(folder, Reading) else Reading(folder or Path())
    base = reading.folder
    if isinstance(source, Pass):
        return source
    if isinstance(source, str) and _is_yaml_text(source):
        origin = PassText(_INLINE, source.splitlines())
        tree = _whole(parse_yaml(source, origin))
        return _load(tree, origin, name="inline", folder=base, identity="")
    if isinstance(source, str | os.PathLike):
        given = os.fspath(source)
        path = base / given
        is_path = path.suffix in _SUFFIXES or os.sep in given or _kind(path) in ("file", "other")
        if "," in given and _kind(path) == "nothing":
            used = [{"use": each.strip()} for each in given.split(",") if each.strip()]
            return replace(load_pass(used, folder=reading), name=given)
        if given in (*shipped_names(), *shipped_lowering_names()) or not is_path:
            return _load_shipped(given)
        reading.check(path)
        text, identity = _read(path), str(path.resolve())
        if reading.below is not None and not _BEGIN.search(text):
            raise PassFileError(f"{path}: not a pass file, which begins with `graphpass: 1`")
        origin = PassText(str(path), text.splitlines())
        tree = parse_yaml(text, origin)
        if not isinstance(tree.value, Mapping):
            said = "a pass file is a mapping that begins with `graphpass: 1`"
            raise origin.error(tree.mark, said)
        return _load(tree, origin, name=path.stem, folder=path.parent, identity=identity)
    origin = PassText()
    start: KeyPath = ("rules",)
    if isinstance(source, Mapping):
        start = () if "rules" in source else ("rules", 0)
    tree = _whole(from_python(source, origin, start))
    return _load(tree, origin, name="rules", folder=base, identity="")


def parse_setting(text: str) -> tuple[str, Plain]:
    """Read ``name=value``, the value as YAML: ``k=3`` is a number, ``k=[3, 3]`` a list.

    Raises
    ------
    UsageError
        If there is no ``=``, or a number is wider than 64 bits.
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
        source = PassText(name, value.splitlines())
        return name, substitute(parse_yaml(value, source), None, source, ())
    try:
        return name, plain_scalar(value)
    except ValueError as error:
        raise UsageError(f"--set {name}: {error}") from None


@cache
def _load_shipped(name: str) -> Pass:
    text = shipped_text(name)
    origin = PassText(f"{name}.yaml", text.splitlines())
    tree = parse_yaml(text, origin, shipped=True)
    return _load(tree, origin, name=name, folder=Path(), identity=f"shipped {name}")


def _is_yaml_text(source: str) -> bool:
    """Return whether this is a pass itself, in flow or block style, and not the name of one."""
    if source.lstrip().startswith(("{", "[")):
        return True
    return re.match(r"\s*(-\s+)?\w+:\s", source) is not None and _kind(Path(source)) == "nothing"


def _kind(path: Path) -> Literal["file", "folder", "other", "nothing"]:
    """Return what a path leads to; a name that no file can have leads to nothing."""
    try:
        if path.is_file():
            return "file"
        return "folder" if path.is_dir() else "other" if path.exists() else "nothing"
    except (OSError, ValueError):
        return "nothing"


def _read(path: Path) -> str:
    match _kind(path):
        case "folder":
            raise UsageError(f"{path}: a folder; name a pass file")
        case "other":
            raise UsageError(f"{path}: not a regular file; copy what it holds into one")
        case "nothing":
            try:
                siblings = [sibling.name for sibling in path.parent.iterdir()]
            except (OSError, ValueError):
                raise UsageError(f"{path}: there is no such file, nor its folder") from None
            near = nearest(path.name, [*siblings, *shipped_names()])
            hint = f"; nearest: {', '.join(near)}" if near else ""
            raise UsageError(f"{path}: there is no such file{hint}")
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


def _whole(tree: Located) -> Located:
    """Complete what may be short outside of files: a list of rules, or one rule."""
    if not isinstance(tree.value, Mapping):
        rules = tree if isinstance(tree.value, tuple) else Located((tree,), tree.mark)
        members: dict[str, KeyValue] = {"rules": KeyValue(tree.mark, rules)}
    elif "rules" in tree.value:
        members = dict(tree.value)
    else:
        members = {"rules": KeyValue(tree.mark, Located((tree,), tree.mark))}
    members.setdefault("graphpass", KeyValue(tree.mark, Located(1, tree.mark)))
    return Located(members, tree.mark)


def _load(tree: Located, source: PassText, *, name: str, folder: Path, identity: str) -> Pass:
    assert isinstance(tree.value, Mapping)
    header = {
        key: [] if key == "rules" else substitute(member.value, None, source, (key,))
        for key, member in tree.value.items()
    }
    wrong = schema_faults(header)
    faults = [*_located(wrong, tree, {}, source)]
    parameters = header.get("parameters") or {}
    is_known = "rules" in header and not any(f.path[:1] == ("parameters",) for f in wrong)
    rules = _rules(tree, parameters, source, faults) if is_known else ()
    _refuse(faults)
    return Pass(
        name=header.get("name", name),
        rules=rules,
        description=header.get("description", "").strip(),
        parameters=parameters,
        folder=folder,
        budget=header.get("budget"),
        tests=tuple(header.get("tests", ())),
        identity=identity,
        tree=tree,
        source=source,
    )


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pass."""

    index: int
    """Its position in the pass, counted from 1."""

    operation: Operation
    """What it does."""

    id: str | None = None
    """The name that the pass gives it."""

    place: str = ""
    """``siamese.yaml:7``, empty where there is no text."""

    @property
    def label(self) -> str:
        """How messages and reports name the rule: ``siamese.yaml:7: rule 2 (rename)``."""
        name = f" {self.id}" if self.id else ""
        place = f"{self.place}: " if self.place else ""
        return f"{place}rule {self.index} ({self.operation.keyword}{name})"


_TYPES = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Pass:
    """A named list of rules. Make one with `load_pass`, run it with `apply`."""

    name: str
    """What reports call it."""

    rules: tuple[Rule, ...]
    """What it does, in order, its parameters filled in."""

    description: str = ""
    """What it is for."""

    parameters: Mapping[str, Plain] = field(default_factory=dict)
    """Parameters and their values."""

    folder: Path = field(default_factory=Path)
    """Where relative paths in it start."""

    budget: int | None = None
    """How many firings a group of rewrites may have; None: ten for each operator,
    and one for each value that one reads."""

    tests: tuple[Mapping[str, Any], ...] = ()
    """Graphs before and after the whole pass, see `graphpass.rules.lint.run_tests`."""

    unbound: Pass | None = field(default=None, repr=False, compare=False)
    """The same before `bind`, its parameters as the file has them; None if it is that."""

    identity: str = ""
    """The file it is from, told apart from all others; empty for rules without one."""

    tree: Located | None = field(default=None, repr=False, compare=False)
    """Its text as located values; None where it was made without any."""

    source: PassText = field(default_factory=PassText, repr=False, compare=False)
    """The text that it was read from."""

    def bind(self, values: Mapping[str, Any] | None) -> Pass:
        """Return the same pass with other values of its parameters.

        Raises
        ------
        UsageError
            If it has no such parameter; the message lists those it has. If the default is a number,
            or true or false, and the value is not.
        PassFileError
            If a rule makes no sense with these values.
        """
        if not values:
            return self
        for name in values:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise UsageError(
                    f"the pass {self.name} has no parameter {name!r}"
                    f"{suggestion(str(name), self.parameters)}; it has {known}"
                )
        given = substitute(from_python(values, self.source, ()), None, self.source, ())
        for name, value in given.items():
            default = self.parameters[name]
            kinds = {type(default), type(None), *([int] if type(default) is float else [])}
            title = _TYPES.get(type(default))
            if title is not None and type(value) not in kinds:
                raise UsageError(
                    f"the parameter {name} of the pass {self.name} is {title} ({default!r} if "
                    f"nothing is set), not {value!r}"
                )
        parameters = {**self.parameters, **given}
        if self.tree is None:
            return replace(self, parameters=parameters)
        faults: list[PassFileError] = []
        rules = _rules(self.tree, parameters, self.source, faults)
        _refuse(faults)
        unbound = self.unbound or self
        return replace(self, parameters=parameters, rules=rules, unbound=unbound)

    def place(self, path: KeyPath, line: int | None = None, column: int | None = None) -> str:
        """Return where a value stands: ``siamese.yaml:7:5``; else ``rule 1 (rewrite), match``.

        Parameters
        ----------
        path : tuple of str and int
            The way to the value from the top of the pass.
        line, column : int, optional
            A place in the text that it is, from 1.
        """
        mark = None
        if self.tree is not None:
            _, mark = locate(self.tree, path, self.parameters)
            mark = self.source.inside(mark, line, column)
        return self.source.place(mark, path)


# -- rules -----------------------------------------------------------------------------------------


_MADE = {"match": "...", "replace": "..."}
"""What the schema sees in the place of a rule that Python has made,"""

_STAND_IN: Plain = {"prune": {}}
"""and of one whose parameters can't be filled in."""

_MOST_TOLD = 20
"""Errors of one pass that are told."""


def _rules(
    tree: Located, parameters: Mapping[str, Plain], source: PassText, faults: list[PassFileError]
) -> tuple[Rule, ...]:
    """Return the rules of a pass, its parameters filled in; what is wrong is added to `faults`."""
    assert isinstance(tree.value, Mapping)
    given = tree.value["rules"].value
    fill = Substitution(parameters, source)
    listed: dict[int, Plain] = {}
    if isinstance(given.value, tuple):
        for index, item in enumerate(given.value):
            try:
                listed[index] = fill.value(item, ("rules", index))
            except PassFileError as error:
                faults.append(error)
    else:  # one parameter may be all rules
        filled = fill.value(given, ("rules",))
        if not isinstance(filled, list):
            wrong = schema_faults({"graphpass": 1, "rules": filled})
            faults += _located(wrong, tree, parameters, source)
            return ()
        listed = dict(enumerate(filled))
    stood = [_STAND_IN] * (max(listed, default=-1) + 1)
    for index, rule in listed.items():
        if isinstance(rule, PythonRule):
            listed[index] = {rule.keyword: rule}
        elif isinstance(rule, dict):  # an option without a value is none
            rule = listed[index] = {
                key: {name: option for name, option in (value or {}).items() if option is not None}
                if key in OPERATIONS and isinstance(value, dict | None)
                else value
                for key, value in rule.items()
            }
            stood[index] = {
                key: _MADE if isinstance(value, PythonRule) and value.keyword == key else value
                for key, value in rule.items()
            }
        else:
            stood[index] = rule
    wrong = schema_faults({"graphpass": 1, "rules": stood})
    faults += _located(wrong, tree, parameters, source)
    good = listed.keys() - {fault.path[1] for fault in wrong if len(fault.path) > 1}
    rules = []
    for index in sorted(good):
        [keyword] = [key for key in listed[index] if key in OPERATIONS]
        path: KeyPath = ("rules", index, keyword)
        key, mark = locate(tree, path, parameters)
        place = f"{source.name}:{key.line}" if key is not None else ""
        value = listed[index][keyword]
        if keyword == "lower":
            assert isinstance(tree.value, Mapping)
            target = tree.value.get("target")
            value = {**value, "target": "" if target is None else str(target.value.value)}
        try:
            operation = operation_class(keyword).from_value(value)
        except TextError as error:
            for each in (error, *error.others):
                within = (*path, *each.path)
                _, begin = locate(tree, within, parameters)
                inside = source.inside(begin, each.line, each.column)
                faults.append(source.error(inside, each.reason, within))
        except UsageError as error:
            faults.append(source.error(mark, str(error), path))
        else:
            own = listed[index].get("id") or operation.own_id
            rules.append(Rule(index + 1, operation, own, place))
    return tuple(rules)


def _located(
    faults: Iterable[SchemaFault], tree: Located, parameters: Mapping[str, Plain], source: PassText
) -> Iterator[PassFileError]:
    """Yield the errors of what breaks the schema, each with its place."""
    for fault in faults:
        key, value = locate(tree, fault.path, parameters)
        mark, path = (key, fault.path[:-1]) if fault.key else (value, fault.path)
        yield source.error(mark, fault.message, path)


def _refuse(faults: Iterable[PassFileError]) -> None:
    """Raise what is wrong with a pass, if anything is: one error for a place, by their order."""
    places: dict[object, PassFileError] = {}
    for fault in faults:
        places.setdefault(fault.mark or str(fault), fault)
    found = sorted(places.values(), key=lambda each: each.mark or (0, 0))
    if found:
        more = len(found) - _MOST_TOLD
        texts = [*map(str, found[:_MOST_TOLD]), *([f"and {more} more errors"] if more > 0 else [])]
        raise PassFileError("\n".join(texts))


# -- shipped passes --------------------------------------------------------------------------------

_SHIPPED = Path(__file__).parents[2] / "passes"


@cache
def shipped_names() -> tuple[str, ...]:
    """Return the names of the shipped passes, sorted."""
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.yaml")))


@cache
def shipped_lowering_names() -> tuple[str, ...]:
    """Return the names of the shipped passes that lower to ONNX: ``onnx/dense``, sorted."""
    return tuple(sorted(f"onnx/{path.stem}" for path in _SHIPPED.glob("onnx/*.yaml")))


def shipped_text(name: str) -> str:
    """Return the YAML text of a shipped pass.

    Raises
    ------
    UsageError
        If there is none of that name; the message names the nearest.
    """
    names = shipped_names()
    if name not in names and name not in shipped_lowering_names():
        raise UsageError(
            f"there is no pass {name!r}{suggestion(name, names)}; name a shipped pass "
            f"({', '.join(names)}) or the path of a YAML file"
        )
    return (_SHIPPED / f"{name}.yaml").read_text(encoding="utf-8")
