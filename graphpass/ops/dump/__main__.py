"""Write the operator table of the installed MXNet: ``python -m graphpass.ops.dump OUT.json``."""

from __future__ import annotations

import contextlib
import json
import random
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from graphpass.ops.attributes import AttributeSpec
from graphpass.ops.dump.by_hand import REQUIREMENTS, VARYING
from graphpass.ops.dump.declarations import parses, read_declarations
from graphpass.ops.dump.prober import Prober, prober
from graphpass.ops.operator import Operator, build_operator
from graphpass.ops.values import format_value

__all__ = ["collect", "collect_operator", "disagreement", "draw_attrs", "layout", "main"]

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

_UNCOUNTED_INPUTS = 60
"""How many variables to connect to an operator that takes any number."""

_UNUSABLE_NAMES = {
    "_contrib_dgl_graph_compact": "MXNet halves the count, and has no names where it is odd",
}
"""Operators that the table says nothing about where MXNet does name the inputs."""

_CONTROL_FLOW = {"_foreach", "_while_loop", "_cond"}
"""Operators whose inputs MXNet names only when they are composed with their subgraphs."""

_TEXTS = {"op_type": "graphpass_custom", "subscripts": "ij,jk->ik", "function": "x"}


def main() -> None:
    """Write the table to the file that the command line names."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m graphpass.ops.dump OUT.json")
    with prober() as asking:
        table = collect(asking)
        differing = find_disagreements(asking, table, draws=20)
    if differing:
        raise SystemExit("\n".join(["MXNet disagrees with the signatures:", *differing]))
    Path(sys.argv[1]).write_text(layout(table), encoding="utf-8")


def layout(table: dict[str, Any]) -> str:
    """Print one operator a line, so that a difference between two dumps can be read."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(record, separators=(',', ':'), sort_keys=True)}"
        for name, record in table["operators"].items()
    ]
    body = ",\n".join(lines)
    return f'{{"mxnet": {json.dumps(table["mxnet"])}, "operators": {{\n{body}\n}}}}\n'


def collect(asking: Prober) -> dict[str, Any]:
    """Return the operator table of the MXNet that `asking` runs."""
    answer = asking.operators()
    operators = {
        name: collect_operator(asking, name, info)
        for name, info in sorted(answer["operators"].items())
    }
    return {"mxnet": answer["mxnet"], "operators": operators}


def collect_operator(asking: Prober, name: str, info: dict[str, Any]) -> dict[str, Any]:
    """Return the record of one operator; `info` is what `Prober.operators` tells about it."""
    record: dict[str, Any] = {}
    if info["aliases"]:
        record["aliases"] = info["aliases"]
    if info["key_var_num_args"]:
        record["key_var_num_args"] = info["key_var_num_args"]
    declared = read_declarations(asking, name, info["documented"])
    if declared.attributes:
        record["attributes"] = {each.name: _fields(each) for each in declared.attributes}
        record.update({"open_keys": True} if declared.open_keys else {})
        record.update({"unparsed": True} if declared.unparsed else {})
    record.update(_constant_signature(asking, name, declared.attributes))
    if name in VARYING:
        record.pop("opaque", None)
        record.update(VARYING[name])
    if name in REQUIREMENTS:
        record["requires"] = REQUIREMENTS[name]
    return record


def _fields(declaration: AttributeSpec) -> list[Any]:
    """Return type, default, bounds and choices; what is empty at the end is left out."""
    bounds = None if declaration.bounds == (None, None) else declaration.bounds
    fields = [declaration.type, declaration.default, bounds, declaration.choices or None]
    while fields[-1] is None:
        fields.pop()
    return fields


def _constant_signature(
    asking: Prober, name: str, declarations: Sequence[AttributeSpec]
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
    record: dict[str, Any] = {
        "inputs": _inputs_text(found, counted=counted),
        "outputs": _outputs_text(found),
    }
    if found.get("initializers"):
        record["initializers"] = found["initializers"]
    if found.get("unnamed"):
        record["unnamed"] = True
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


def _example(declaration: AttributeSpec) -> str:
    """Return a text that a required attribute takes."""
    if declaration.choices:
        return declaration.choices[0]
    return next(text for text in ("(1, 1)", "0.5", "2", "True") if parses(declaration.type, text))


def find_disagreements(asking: Prober, table: dict[str, Any], draws: int) -> list[str]:
    """Compare each signature with MXNet on `draws` random nodes; return what differs."""
    generator = random.Random(0)
    found = []
    for name, record in table["operators"].items():
        operator = build_operator(name, record)
        if operator.opaque or operator.from_subgraph:
            continue
        for _ in range(draws if operator.attributes else 1):
            with contextlib.suppress(LookupError):
                found.append(disagreement(asking, operator, draw_attrs(generator, operator)))
    return [each for each in found if each is not None]


def draw_attrs(generator: random.Random, operator: Operator) -> dict[str, str]:
    """Draw a text for each attribute; optional ones are left out half of the time."""
    return {
        spec.name: _draw_text(generator, spec)
        for spec in operator.attributes.values()
        if spec.required or generator.random() < 0.5
    }


def _draw_text(generator: random.Random, spec: AttributeSpec) -> str:
    if spec.choices:
        extra = ["None"] if spec.type == "enum or None" else []
        return generator.choice([*spec.choices, *extra])
    if spec.type == "string":
        return _TEXTS.get(spec.name, "x")
    low, _ = spec.bounds
    least = max(0, int(low)) if low is not None else 1
    return format_value(_draw_value(generator, spec.type, least))


def _draw_value(generator: random.Random, type_name: str, least: int) -> Any:
    if type_name.startswith("boolean"):
        return generator.random() < 0.5
    if type_name.endswith(" or None"):
        absent = generator.random() < 0.5
        return None if absent else _draw_value(generator, type_name[: -len(" or None")], least)
    if type_name in ("float", "double"):
        return float(least)
    if type_name in ("Shape", "Shape(tuple)") or type_name.startswith("tuple of"):
        inner = type_name[len("tuple of <") : -1] if type_name.startswith("tuple") else "int"
        length = generator.choice([1, 2, 2, 3, 4])
        return tuple(_draw_value(generator, inner, least) for _ in range(length))
    return "L" if type_name == "character" else generator.randint(least, least + 3)


def disagreement(asking: Prober, operator: Operator, attrs: Mapping[str, str]) -> str | None:
    """Return how the table and MXNet differ for a node, or None.

    MXNet crashes when it composes an operator without outputs, so such a node is only loaded.

    Raises
    ------
    LookupError
        MXNet does not create the node.
    """
    refusal = asking.create(operator.name, attrs)
    if refusal is not None:
        raise LookupError(refusal)
    mine = operator.signature(attrs)
    connected = mine.num_inputs if mine.num_inputs is not None else _UNCOUNTED_INPUTS
    composable = mine.num_outputs > 0
    ask = asking.signature if composable else asking.outputs
    theirs = ask(operator.name, attrs, connected)
    if "num_outputs" not in theirs:
        raise LookupError(theirs.get("error", "MXNet can't tell the outputs"))
    theirs["output_names"] = tuple(theirs["output_names"])
    theirs["mutable_slots"] = tuple(theirs["mutable_slots"])
    if "input_names" in theirs and operator.name not in _CONTROL_FLOW:
        theirs["input_names"] = _usable_names(operator.name, theirs["input_names"])
    else:
        theirs.pop("input_names", None)
    if "initializers" in theirs:
        theirs["initializers"] = {int(k): v for k, v in theirs["initializers"].items()}
    theirs.pop("unnamed", None)
    differences = [
        f"{key} is {getattr(mine, key)!r} here and {value!r} in MXNet"
        for key, value in theirs.items()
        if getattr(mine, key) != value
    ]
    return f"{operator.name} {dict(attrs)}: {'; '.join(differences)}" if differences else None


def _usable_names(operator: str, names: list[str] | None) -> tuple[str, ...] | None:
    """Drop names that MXNet repeats for several inputs of one node."""
    if names is None or len(set(names)) < len(names) or operator in _UNUSABLE_NAMES:
        return None
    return tuple(names)


if __name__ == "__main__":
    main()
