"""The JSON Schema of the symbol, and its errors in words.

The schema (``schemas/symbol.json``) is the published description of what the reader takes. It is
consulted only when the reader has tripped: validating with it costs about 60 µs a node.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from graphpass.errors import suggestion

__all__ = ["explain_schema_error", "symbol_schema"]


def symbol_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of symbol JSON."""
    file = Path(__file__).parent / "schemas" / "symbol.json"
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def explain_schema_error(tree: Any) -> str | None:
    """Return the first place where a parsed symbol breaks the schema, or None if it does not.

    The message gives the path into the file, the node's name, what is wrong and what is meant.
    """
    from jsonschema import Draft202012Validator

    error = next(iter(Draft202012Validator(symbol_schema()).iter_errors(tree)), None)
    while error is not None and error.context:
        error = min(error.context, key=lambda child: -len(child.absolute_path))
    if error is None:
        return None
    path = list(error.absolute_path)
    return f"{_path(path)}{_owner(tree, path)}: {_what(error)}"


def _path(path: list[Any]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the top level"


def _owner(tree: Any, path: list[Any]) -> str:
    """Return the name of the innermost node on the path."""
    owner = ""
    value = tree
    for parent, step in zip([None, *path], path, strict=False):
        value = value[step]
        if parent == "nodes" and isinstance(value, dict) and isinstance(value.get("name"), str):
            owner = f" (node {value['name']!r})"
    return owner


_KINDS = {
    "string": "a string",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}


def _what(error: Any) -> str:
    found = json.dumps(error.instance, ensure_ascii=True, default=str)
    found = found if len(found) <= 60 else f"{found[:57]}..."
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"the key {missing[0]!r} is missing; every symbol of MXNet has it"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = [key for key in error.instance if key not in known]
        return f"the key {unknown[0]!r} is unknown{suggestion(unknown[0], known)}; remove it"
    if error.validator == "type":
        kind = _KINDS.get(error.validator_value, str(error.validator_value))
        hint = f", for example {json.dumps(str(error.instance))}" if kind == "a string" else ""
        return f"{found} is not {kind}{hint if not isinstance(error.instance, dict | list) else ''}"
    if error.validator in ("minItems", "maxItems"):
        return f"{found} has {len(error.instance)} elements; {error.schema.get('title', 'this')}"
    if error.validator == "minimum":
        return f"{found} is negative; ids and indices count from 0"
    return str(error.message)
