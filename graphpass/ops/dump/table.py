"""Collect the operator table of the installed MXNet.

The table holds, for each operator, what `graphpass.ops.table` reads: aliases, attributes and the
signature. Attributes come from the text with which MXNet refuses an unknown one, since that lists
the fields that it parses; what it documents elsewhere is incomplete. Constant signatures are asked
of MXNet, the others come from `graphpass.ops.dump.varying`.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Sequence
from typing import Any

from graphpass.ops.dump.agreement import disagreement, draw_attrs
from graphpass.ops.dump.declarations import Declaration, parses, read_declarations
from graphpass.ops.dump.prober import Prober
from graphpass.ops.dump.requirements import REQUIREMENTS
from graphpass.ops.dump.varying import VARYING
from graphpass.ops.table import build_operator

__all__ = ["collect", "collect_operator", "find_disagreements"]

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


def _fields(declaration: Declaration) -> list[Any]:
    """Return type, default, bounds and choices; what is empty at the end is left out."""
    bounds = None if declaration.bounds == (None, None) else declaration.bounds
    fields = [declaration.type, declaration.default, bounds, declaration.choices or None]
    while fields[-1] is None:
        fields.pop()
    return fields


def _constant_signature(
    asking: Prober, name: str, declarations: Sequence[Declaration]
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


def _example(declaration: Declaration) -> str:
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
