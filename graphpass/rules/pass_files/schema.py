"""The JSON Schema of a pass, and its errors in words.

``formats/schemas/pass.json`` is the one authority on the shape of a pass: editors complete and
check with it, and so does the loader. Every part of it that a message may name has a ``title``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple

from graphpass.errors import nearest, suggestion
from graphpass.rules.pass_files.yaml_text import KeyPath

__all__ = ["SchemaFault", "pass_schema", "schema_faults"]


class SchemaFault(NamedTuple):
    """One place where a pass breaks the schema."""

    path: KeyPath
    """Where it is."""

    message: str
    """What is wrong there, and what is meant."""

    key: bool = False
    """Whether the key at the end of the path is wrong, rather than its value."""


@cache
def pass_schema() -> Mapping[str, Any]:
    """Return the JSON Schema (2020-12) of a pass."""
    file = Path(__file__).parents[2] / "formats" / "schemas" / "pass.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def schema_faults(tree: Any) -> list[SchemaFault]:
    """Return every place where a plain pass breaks the schema; an empty list if there is none.

    Where a key is unknown, what its mapping lacks is left out: most likely it is that key.
    """
    if _fits(tree, pass_schema()):
        return []
    from jsonschema import Draft202012Validator, validators

    # JSON Schema takes 2.0 for an integer.
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, x: type(x) is int)
    validator = validators.extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]
    errors = validator(pass_schema()).iter_errors(tree)
    faults = dict.fromkeys(_fault(_innermost(error)) for error in errors)
    misspelt = {fault.path[:-1] for fault in faults if fault.key}
    return [fault for fault in faults if fault.key or fault.path not in misspelt]


_KINDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}


_TYPES = {
    str: "string", int: "integer", float: "number", list: "array", dict: "object",
    type(None): "null",
}  # fmt: skip
"""The type of a plain value -> what the schema calls it."""

_TITLED = ("pattern", "minLength", "minimum", "minItems", "type")
"""What can be wrong with a value that only the title of what it should be can explain."""


def _fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a value is plainly as the schema of a pass says, or as a part of it says.

    Importing ``jsonschema`` takes longer than most commands do in all, so it is left to what seems
    to break the schema. Known are the keywords that `pass_schema` has.
    """

    def holds(keyword: str, wanted: Any) -> bool:
        match keyword, value:
            case "$ref", _:
                return _fits(value, pass_schema()["$defs"][wanted.rpartition("/")[2]])
            case "type", _:
                kinds = [wanted] if isinstance(wanted, str) else wanted
                own = "boolean" if isinstance(value, bool) else _TYPES.get(type(value))
                return own in kinds or (own == "integer" and "number" in kinds)
            case "enum", _:
                return isinstance(value, str) and value in wanted
            case "const", _:
                return type(value) is type(wanted) and bool(value == wanted)
            case "not", _:
                return not _fits(value, wanted)
            case (("anyOf" | "oneOf"), _):
                fitting = sum(_fits(value, each) for each in wanted)
                return fitting == 1 or (keyword == "anyOf" and fitting > 1)
            case (("minLength" | "minItems" | "minProperties"), (str() | list() | dict())):
                return bool(len(value) >= wanted)
            case (("maxItems" | "maxProperties"), (list() | dict())):
                return bool(len(value) <= wanted)
            case "minimum", (int() | float()):
                return bool(value >= wanted)
            case "pattern", str():
                return re.search(wanted, value) is not None
            case "prefixItems", list():
                return all(map(_fits, value, wanted))
            case "items", list():
                rest = value[len(schema.get("prefixItems", ())) :]
                return all(_fits(each, wanted) for each in rest) if wanted else not rest
            case "required", dict():
                return all(key in value for key in wanted)
            case "properties", dict():
                return all(
                    _fits(value[key], inner) for key, inner in wanted.items() if key in value
                )
            case "additionalProperties", dict():
                others = [value[key] for key in value if key not in schema.get("properties", ())]
                return all(_fits(each, wanted) for each in others) if wanted else not others
            case "propertyNames", dict():
                return all(_fits(key, wanted) for key in value)
            case "dependentRequired", dict():
                return all(
                    set(keys) <= value.keys() for key, keys in wanted.items() if key in value
                )
            case "dependentSchemas", dict():
                return all(_fits(value, inner) for key, inner in wanted.items() if key in value)
        return True

    return all(starmap(holds, schema.items()))


def _innermost(error: Any) -> Any:
    """Return the error that the user meant to avoid, of all alternatives that failed.

    An alternative of another type altogether is out of the question; of the others the one that
    knows most keys, or most nearly, is what was meant, and then the one with the fewest faults. If
    none is left, the error is the choice itself.
    """
    while error.context and not _is_choice_of_keys(error):
        meant = _alternatives(error)
        if not meant:
            return error
        found = min(min(meant, key=_strangeness), key=_is_about_values)
        if not found.relative_path and found.validator in _TITLED and "title" not in found.schema:
            return error
        error = found
    return error


def _alternatives(error: Any) -> list[list[Any]]:
    """Return what is wrong with each alternative that is not of another type altogether."""
    branches: dict[int, list[Any]] = {}
    for child in error.context:
        branches.setdefault(child.relative_schema_path[0], []).append(child)
    return [faults for faults in branches.values() if not any(map(_is_other_type, faults))]


def _strangeness(faults: Iterable[Any]) -> tuple[int, int, int]:
    """Return how far a value is from an alternative: unknown keys, those unlike any, and faults."""
    unknown = unlike = number = 0
    for error in faults:
        counts = (0, 0, 1)
        if not _is_about_values(error):
            keys = _unknown_keys(error)
            known = error.schema.get("properties", {})
            counts = len(keys), sum(not nearest(key, known) for key in keys), 1
        elif not error.relative_path and not _is_choice_of_keys(error):
            counts = min(map(_strangeness, _alternatives(error)), default=counts)
        unknown, unlike, number = (
            a + b for a, b in zip((unknown, unlike, number), counts, strict=True)
        )
    return unknown, unlike, number


def _is_about_values(error: Any) -> bool:
    """Return whether an error is something else than unknown keys of the value itself."""
    return bool(error.relative_path) or error.validator != "additionalProperties"


def _is_other_type(error: Any) -> bool:
    """Return whether a value is nothing like what an alternative asks for."""
    if error.relative_path:
        return False
    if error.validator == "anyOf":
        return all(map(_is_other_type, error.context))
    return error.validator in ("type", "const", "enum")


def _is_choice_of_keys(error: Any) -> bool:
    return error.validator in ("oneOf", "anyOf") and all(
        branch.keys() == {"required"} for branch in error.validator_value
    )


def _unknown_keys(error: Any) -> list[str]:
    return [key for key in error.instance if key not in error.schema.get("properties", {})]


def _fault(error: Any) -> SchemaFault:
    path: KeyPath = tuple(error.absolute_path)
    if error.validator == "additionalProperties" and error.validator_value is False:
        known = error.schema["properties"]
        key = _unknown_keys(error)[0]
        here = _subject(error, path)
        listed = f"it has {', '.join(known)}" if known else "it takes no options"
        message = f"{here} has no {key!r}{suggestion(key, known)}; {listed}"
        return SchemaFault((*path, key), message, key=True)
    if error.validator == "propertyNames" or "propertyNames" in error.absolute_schema_path:
        return SchemaFault(
            (*path, error.instance), f"{_spell(error.instance)} is not {_wanted(error)}", True
        )
    if error.validator == "not":
        return SchemaFault(path, f"{path[-1]!r} has no meaning here: {_wanted(error)}", key=True)
    return SchemaFault(path, _message(error, path))


def _subject(error: Any, path: KeyPath) -> str:
    """Return what the mapping at `path` is called: the operation, the option, or its title."""
    if len(path) == 2 and path[0] == "rules":
        return "a rule"
    return str(path[-1]) if path and isinstance(path[-1], str) else str(_wanted(error))


def _message(error: Any, path: KeyPath) -> str:
    """Return what is wrong with a value, and what is meant."""
    value, wanted, here = error.instance, error.validator_value, _subject(error, path)
    match error.validator:
        case "required":
            return f"{here} needs {'+'.join(key for key in wanted if key not in value)}"
        case "dependentRequired":
            for key, needed in wanted.items():
                missing = [name for name in needed if name not in value]
                if key in value and missing:
                    return f"{here} with {key!r} needs {'+'.join(missing)}"
        case "oneOf" | "anyOf" if _is_choice_of_keys(error) and isinstance(value, dict):
            choices = [branch["required"] for branch in wanted]
            found = [keys for keys in choices if all(key in value for key in keys)]
            if found:
                both = " and ".join(map("+".join, found[:2]))
                return f"{here} takes one of {both}, but has both"
            known = f"; it has {', '.join(value)}" if value else ""
            return f"{here} needs one of {', '.join(map('+'.join, choices))}{known}"
        case "minProperties":
            names = error.schema.get("properties")
            listed = f"of {', '.join(names)}" if names else "entry"
            return f"{here} needs at least one {listed}"
        case "minLength":
            return "this is empty; write a text"
    is_word = isinstance(value, str) and error.validator == "enum"
    hint = suggestion(value, map(str, wanted)) if is_word else ""
    return f"{_spell(value)} is not {_wanted(error)}{hint}"


def _wanted(error: Any) -> str:
    if "title" in error.schema:
        return str(error.schema["title"])
    kinds = error.schema.get("type", "")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds) or "what is meant here"


def _spell(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
