"""What a node reads and produces, subgraphs and opaque operators included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphpass.graph.node import VARIABLE
from graphpass.ops import Signature, find

if TYPE_CHECKING:
    from graphpass.graph.graph import Graph

__all__ = ["is_opaque", "node_signature", "opaque_signature", "subgraph_signature"]

_VARIABLE_SIGNATURE = Signature(
    num_inputs=None,
    input_names=None,
    mutable_slots=(),
    num_outputs=1,
    num_visible_outputs=1,
    output_names=("output",),
    initializers={},
)


def is_opaque(op: str) -> bool:
    """Return whether only the file can tell how many outputs an operator has."""
    if op == VARIABLE:
        return False
    operator = find(op)
    return operator is None or operator.opaque or op.startswith("_CachedOp")


def opaque_signature(num_outputs: int, mutable_slots: Sequence[int] = ()) -> Signature:
    """Describe an operator that the operator table does not know, from what its file shows.

    MXNet names the outputs of an operator without a name list ``output``, or ``output0``, … where
    there are several.
    """
    names = ("output",) if num_outputs == 1 else tuple(f"output{i}" for i in range(num_outputs))
    return Signature(
        num_inputs=None,
        input_names=None,
        mutable_slots=tuple(mutable_slots),
        num_outputs=num_outputs,
        num_visible_outputs=num_outputs,
        output_names=names,
        initializers={},
    )


def node_signature(data: Mapping[str, Any]) -> Signature:
    """Return the signature of a node from its data in the DAG."""
    carried: Signature | None = data.get("carried")
    if carried is not None:
        return carried
    if data["op"] == VARIABLE:
        return _VARIABLE_SIGNATURE
    operator = find(data["op"])
    if operator is None:
        return opaque_signature(1)
    signature = operator.signature(data["attrs"])
    if operator.from_subgraph and data.get("subgraphs"):
        return subgraph_signature(signature, data["subgraphs"])
    return signature


def subgraph_signature(signature: Signature, subgraphs: Sequence[Graph]) -> Signature:
    """Complete the signature of an operator that reads what its subgraph's variables stand for.

    The inputs follow the subgraph's variables in saved order, so its auxiliary states tell which
    slots are mutable. Further inputs (ranges of quantised data) may follow.

    Notes
    -----
    Linear in the subgraph; its walk is kept until it is edited.
    """
    inner = subgraphs[0]
    keys = inner.variable_keys()
    states = set(keys.auxiliary_states)
    variables = [key for key in inner.order() if inner.is_variable(key)]
    slots = tuple(slot for slot, key in enumerate(variables) if key in states)
    return replace(signature, mutable_slots=slots)
