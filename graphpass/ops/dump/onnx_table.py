"""Write the table of ONNX operators: ``python -m graphpass.ops.dump.onnx_table OUT.json``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import onnx.defs

from graphpass.ops.onnx import OPSETS

__all__ = ["collect", "layout", "main"]


def main() -> None:
    """Write the table to the file that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m graphpass.ops.dump.onnx_table OUT.json")
    Path(sys.argv[1]).write_text(layout(collect()), encoding="utf-8")


def layout(table: dict[str, Any]) -> str:
    """Print one operator a line, so that two dumps can be compared."""
    rows = [
        f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}"
        for name, found in table["operators"].items()
    ]
    body = ",\n".join(rows)
    types = json.dumps(table["types"], indent=0)
    return (
        f'{{"onnx": {json.dumps(table["onnx"])}, "types": {types}, "operators": {{\n{body}\n}}}}\n'
    )


def collect() -> dict[str, Any]:
    """Return the table of the installed ``onnx``: every version that is in force at some opset."""
    history: dict[str, dict[int, Any]] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "" and schema.since_version <= OPSETS[-1]:
            history.setdefault(schema.name, {})[schema.since_version] = schema
    types: dict[str, int] = {}
    operators = {}
    for name, versions in sorted(history.items()):
        in_force = {max([0, *[v for v in versions if v <= opset]]) for opset in OPSETS}
        operators[name] = [
            _record(versions[version], types)
            for version in sorted(in_force - {0})
            if not versions[version].deprecated
        ]
    found = {name: rows for name, rows in operators.items() if rows}
    return {"onnx": onnx.__version__, "types": list(types), "operators": found}


def _record(schema: Any, types: dict[str, int]) -> list[Any]:
    """Return version, inputs, outputs, attributes, and which types a letter may stand for."""
    attributes = {
        name: [_type(each), *_default(each)] for name, each in sorted(schema.attributes.items())
    }
    constraints = {
        each.type_param_str: types.setdefault(
            " ".join(sorted(map(_plain, each.allowed_type_strs))), len(types)
        )
        for each in schema.type_constraints
    }
    texts = [" ".join(map(_formal, each)) for each in (schema.inputs, schema.outputs)]
    return [schema.since_version, *texts, attributes, constraints]


def _formal(each: Any) -> str:
    """Return a parameter as ``name:type``; ``?`` marks an optional one, ``*`` one for many."""
    option = str(each.option).rpartition(".")[2]
    mark = {"Single": "", "Optional": "?", "Variadic": f"*{each.min_arity}"}[option]
    mixed = "" if each.is_homogeneous else "~"
    return f"{each.name}{mark}{mixed}:{_plain(each.type_str)}"


def _plain(text: str) -> str:
    """Return the type of a tensor by its elements alone."""
    found = re.fullmatch(r"tensor\((\w+)\)", text)
    return found[1] if found else text


def _type(attribute: Any) -> str:
    kind = str(attribute.type).rpartition(".")[2]
    return f"{kind}!" if attribute.required else kind


def _default(attribute: Any) -> list[Any]:
    """Return the default in a list, which is empty where there is none, or one that is a tensor."""
    if not attribute.default_value.name or _type(attribute).startswith("TENSOR"):
        return []
    return [_value(onnx.helper.get_attribute_value(attribute.default_value))]


def _value(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return list(map(_value, value))
    if isinstance(value, float):
        return float(f"{value:.7g}")  # single precision, as it was written
    return value.decode() if isinstance(value, bytes) else value


if __name__ == "__main__":
    main()
