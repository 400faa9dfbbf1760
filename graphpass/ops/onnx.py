"""The operators of ONNX: inputs, outputs, attributes and types, opsets 17 to 21.

``onnx-17-21.json`` was dumped from ``onnx.defs`` by `graphpass.ops.dump.onnx_table`, so that what
names an operator is checked without ``onnx``. It is read when an operator is first asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from graphpass.errors import UsageError, suggestion

__all__ = [
    "DTYPES",
    "OPSETS",
    "Formal",
    "OnnxAttribute",
    "OnnxOperator",
    "onnx_operator",
    "onnx_operator_names",
    "unknown_onnx_operator",
]

OPSETS = (17, 18, 19, 20, 21)
"""Opsets that can be written."""

DTYPES: Mapping[str, int] = {
    "float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7, "bool": 9, "float16": 10,
    "float64": 11, "bfloat16": 16,
}  # fmt: skip
"""MXNet's name of a dtype -> its number in ONNX (onnx.proto, `TensorProto.DataType`)."""

_NAMES = {"float": "float32", "double": "float64"}
"""ONNX's name of a dtype -> MXNet's, where they differ."""


class Formal(NamedTuple):
    """One input or output that an operator declares; the last may stand for many."""

    name: str

    kind: str
    """A letter such as ``T`` that stands for one type throughout, or a type."""

    optional: bool = False

    least: int | None = None
    """Of one that stands for many: how many there are at least; None for a single one."""

    mixed: bool = False
    """Of one that stands for many: whether they may have different types."""


class OnnxAttribute(NamedTuple):
    """One attribute that an operator declares."""

    kind: str
    """``INT``, ``FLOAT``, ``STRING``, ``TENSOR``, ``GRAPH``, or one of them with ``S`` for many."""

    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class OnnxOperator:
    """An operator as one opset has it."""

    name: str

    since: int
    """The opset that brought this version."""

    inputs: tuple[Formal, ...]
    outputs: tuple[Formal, ...]
    attributes: Mapping[str, OnnxAttribute]

    types: Mapping[str, frozenset[str]]
    """Letter -> dtypes by MXNet's names, as far as MXNet has them, that it may stand for."""

    @property
    def least_inputs(self) -> int:
        """How many inputs there are at least."""
        return _least(self.inputs)

    @property
    def most_inputs(self) -> int | None:
        """How many inputs there are at most; None for any number."""
        return _most(self.inputs)

    @property
    def least_outputs(self) -> int:
        """How many outputs there are at least."""
        return _least(self.outputs)

    @property
    def most_outputs(self) -> int | None:
        """How many outputs there are at most; None for any number."""
        return _most(self.outputs)

    def input(self, slot: int) -> Formal:
        """Return what is declared for an input."""
        return self.inputs[min(slot, len(self.inputs) - 1)]

    def output(self, slot: int) -> Formal:
        """Return what is declared for an output."""
        return self.outputs[min(slot, len(self.outputs) - 1)]

    def dtypes(self, formal: Formal) -> frozenset[str]:
        """Return which dtypes an input or output may have."""
        return self.types.get(formal.kind) or frozenset({formal.kind})


def _least(formals: Sequence[Formal]) -> int:
    needed = [
        slot + 1 if each.least is None else slot + each.least
        for slot, each in enumerate(formals)
        if not each.optional
    ]
    return max(needed, default=0)


def _most(formals: Sequence[Formal]) -> int | None:
    return None if formals and formals[-1].least is not None else len(formals)


def onnx_operator(name: str, opset: int) -> OnnxOperator | None:
    """Return an operator as an opset has it, or None.

    Raises
    ------
    UsageError
        If nothing is known of the opset.

    Examples
    --------
    >>> onnx_operator("Gemm", 18).attributes["transB"]
    OnnxAttribute(kind='INT', required=False, default=0)
    >>> onnx_operator("DeformConv", 18) is None, onnx_operator("DeformConv", 19).since
    (True, 19)
    """
    if opset not in OPSETS:
        raise UsageError(f"opset {opset} is not known; choose one from {OPSETS[0]} to {OPSETS[-1]}")
    rows = [row for row in _table()["operators"].get(name, ()) if row[0] <= opset]
    return _operator(name, rows[-1][0]) if rows else None


def onnx_operator_names(opset: int) -> list[str]:
    """Return the names of all operators of an opset."""
    rows = _table()["operators"].items()
    return [name for name, found in rows if found[0][0] <= opset]


def unknown_onnx_operator(name: str, opset: int) -> str:
    """Return what is wrong with an operator that an opset does not have."""
    later = [each for each in OPSETS if each > opset and onnx_operator(name, each) is not None]
    if later:
        return f"ONNX has {name} from opset {later[0]} on; write `target: onnx {later[0]}`"
    near = suggestion(name, onnx_operator_names(opset))
    return f"opset {opset} of ONNX has no operator {name!r}{near}"


@cache
def _table() -> Any:
    text = Path(__file__).with_name("onnx-17-21.json").read_text(encoding="utf-8")
    return json.loads(text)


@cache
def _operator(name: str, since: int) -> OnnxOperator:
    table = _table()
    _, inputs, outputs, attributes, types = next(
        row for row in table["operators"][name] if row[0] == since
    )
    return OnnxOperator(
        name,
        since,
        tuple(map(_formal, inputs.split())),
        tuple(map(_formal, outputs.split())),
        {
            key: OnnxAttribute(kind.rstrip("!"), kind.endswith("!"), *default)
            for key, (kind, *default) in attributes.items()
        },
        {
            letter: frozenset(_NAMES.get(each, each) for each in table["types"][number].split())
            for letter, number in types.items()
        },
    )


def _formal(text: str) -> Formal:
    name, _, kind = text.partition(":")
    mixed, name = name.endswith("~"), name.rstrip("~")
    name, star, least = name.partition("*")
    optional = name.endswith("?")
    many = int(least) if star else None
    return Formal(name.rstrip("?"), _NAMES.get(kind, kind), optional, many, mixed)
