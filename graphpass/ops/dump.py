"""Write the operator table of the installed MXNet: ``python -m graphpass.ops.dump OUT.json``.

The table holds, for each operator, what `graphpass.ops.table` reads: aliases, attributes and the
signature. Attributes come from the text with which MXNet refuses an unknown one, since that lists
the fields that it parses; what it documents elsewhere is incomplete. Constant signatures are asked
of MXNet, the others come from `graphpass.ops.varying`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from graphpass.ops.declarations import Declaration, parses, read_declarations
from graphpass.ops.probe import Prober, prober
from graphpass.ops.varying import VARYING

__all__ = ["dump", "main"]

_UNTOUCHABLE = {"_Native", "_NDArray", "_backward__Native", "_backward__NDArray"}
"""Operators that read a pointer and so end the process."""

_EXAMPLES = {
    "Pooling": {"kernel": "(1, 1)"},
    "Pooling_v1": {"kernel": "(1, 1)"},
    "_backward_Pooling": {"kernel": "(1, 1)"},
    "_backward_Pooling_v1": {"kernel": "(1, 1)"},
    "_contrib_quantized_pooling": {"kernel": "(1, 1)"},
    "_contrib_quantized_rnn": {"mode": "lstm"},
}
"""What some operators need beyond their required attributes."""

_MANY = 60
_ANY_MORE = "..."


def dump(asking: Prober) -> dict[str, Any]:
    """Return the operator table of the MXNet that `asking` runs."""
    operators = {}
    for name, info in sorted(asking.operators().items()):
        record: dict[str, Any] = {}
        if info["aliases"]:
            record["aliases"] = info["aliases"]
        if info["key_var_num_args"]:
            record["key_var_num_args"] = info["key_var_num_args"]
        declarations, strict = read_declarations(asking, name, info["declared"])
        if declarations:
            record["attributes"] = {each.name: _fields(each) for each in declarations}
            if not strict:
                record["strict"] = False
        record.update(_constant_signature(asking, name, declarations))
        if name in VARYING:
            record.pop("opaque", None)
            record.update(VARYING[name])
        operators[name] = record
    return {"mxnet": "1.9.1", "operators": operators}


def _fields(declaration: Declaration) -> list[Any]:
    """Return type, default, bounds and choices; what is empty at the end is left out."""
    bounds = None if declaration.bounds == (None, None) else declaration.bounds
    fields = [declaration.type, declaration.default, bounds, declaration.choices or None]
    while fields[-1] is None:
        fields.pop()
    return fields


def _constant_signature(
    asking: Prober, name: str, declarations: list[Declaration]
) -> dict[str, Any]:
    """Ask MXNet for the signature with only the required attributes given."""
    if name in _UNTOUCHABLE:
        return {"inputs": _ANY_MORE, "opaque": True}
    attrs = {each.name: _example(each) for each in declarations if each.default is None}
    attrs.update(_EXAMPLES.get(name, {}))
    found = asking.signature(name, attrs, None)
    counted = found.get("num_inputs") is not None
    if not counted:
        found.update(asking.signature(name, attrs, _MANY))
    if "num_outputs" not in found:
        return {"inputs": _ANY_MORE, "opaque": True}
    record = {"inputs": _inputs_text(found, counted=counted), "outputs": _outputs_text(found)}
    if found.get("initializers"):
        record["initializers"] = found["initializers"]
    return {key: value for key, value in record.items() if value not in ("", "output")}


def _inputs_text(found: dict[str, Any], *, counted: bool) -> str:
    mutable = found["mutable_slots"]
    slots = found["num_inputs"] if counted else max(mutable, default=-1) + 1
    names = found.get("input_names") or ["_"] * slots
    items = [("&" if slot in mutable else "") + name for slot, name in enumerate(names)]
    return " ".join(items if counted else [*items, _ANY_MORE])


def _outputs_text(found: dict[str, Any]) -> str:
    visible = found["num_visible_outputs"]
    return " ".join(
        name + ("~" if slot >= visible else "") for slot, name in enumerate(found["output_names"])
    )


def _example(declaration: Declaration) -> str:
    """Return a text that a required attribute takes."""
    if declaration.choices:
        return declaration.choices[0]
    return next(text for text in ("(1, 1)", "0.5", "2", "True") if parses(declaration.type, text))


def main() -> None:
    """Write the table to the file that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m graphpass.ops.dump OUT.json")
    with prober() as asking:
        table = dump(asking)
    Path(sys.argv[1]).write_text(_layout(table), encoding="utf-8")


def _layout(table: dict[str, Any]) -> str:
    """Print one operator a line, so that a difference between two dumps can be read."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(record, separators=(',', ':'), sort_keys=True)}"
        for name, record in table["operators"].items()
    ]
    body = ",\n".join(lines)
    return f'{{"mxnet": {json.dumps(table["mxnet"])}, "operators": {{\n{body}\n}}}}\n'


if __name__ == "__main__":
    main()
