"""Compare the operator table with MXNet on attribute values drawn at random."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from graphpass.ops.attributes import AttributeSpec
from graphpass.ops.dump.prober import Prober
from graphpass.ops.operator import Operator
from graphpass.ops.values import format_value

__all__ = ["disagreement", "draw_attrs"]

_UNCOUNTED_INPUTS = 60
"""How many variables to connect to an operator that takes any number."""

_UNUSABLE_NAMES = {
    "_contrib_dgl_graph_compact": "MXNet halves the count, and has no names where it is odd",
}
"""Operators that the table says nothing about where MXNet does name the inputs."""

_CONTROL_FLOW = {"_foreach", "_while_loop", "_cond"}
"""Operators whose inputs MXNet names only when they are composed with their subgraphs."""

_TEXTS = {"op_type": "graphpass_custom", "subscripts": "ij,jk->ik", "function": "x"}


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
