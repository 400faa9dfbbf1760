"""What a commit checks, of the nodes that the transaction touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from graphpass.errors import CycleError, GraphError
from graphpass.graph.node import VARIABLE
from graphpass.graph.order import find_cycle

if TYPE_CHECKING:
    from graphpass.graph.graph import Graph

__all__ = ["check_acyclic", "check_arity", "check_outputs", "check_variable_names", "describe"]


def describe(graph: Graph, key: int) -> str:
    """Return how messages name a node: op, name, and the key where names may repeat."""
    op = graph.op(key)
    kind = "variable" if op == VARIABLE else op
    return f"{kind} {graph.name(key)!r} (#{key})"


def check_acyclic(graph: Graph, keys: Iterable[int]) -> None:
    """Refuse a cycle through any of `keys`.

    Raises
    ------
    CycleError
        With the cycle's names, ``a -> b -> a``.

    Notes
    -----
    Linear in the ancestors of `keys`.
    """
    cycle = find_cycle(graph._pred, keys)
    if cycle is not None:
        names = [graph.name(key) for key in cycle]
        raise CycleError(
            f"the graph has a cycle: {' -> '.join([*names, names[0]])}; "
            "an operator can't read what is computed from its own output"
        )


def check_arity(graph: Graph, keys: Iterable[int]) -> None:
    """Refuse an operator that does not get as many inputs as it takes."""
    for key in keys:
        signature = graph.signature(key)
        wanted = signature.num_inputs
        found = len(graph.inputs(key))
        if wanted is None or wanted == found:
            continue
        names = signature.input_names
        listed = f" ({', '.join(names)})" if names else ""
        raise GraphError(
            f"{describe(graph, key)} takes {wanted} input{'s' * (wanted != 1)}{listed} "
            f"under its attributes, but is given {found}"
        )


def check_outputs(graph: Graph, keys: Iterable[int]) -> None:
    """Refuse a use of an output that the node does not have."""
    checked = {key: graph.signature(key) for key in keys if not graph.is_variable(key)}
    for key, signature in checked.items():
        for consumer, edges in graph._succ[key].items():
            for slot, data in edges.items():
                if data.get("output", 0) >= signature.num_outputs:
                    _refuse_output(
                        graph, key, data["output"], f"input {slot} of {describe(graph, consumer)}"
                    )
    for head in graph.heads:
        if head.node in checked and head.output >= checked[head.node].num_outputs:
            _refuse_output(graph, head.node, head.output, "a head")


def _refuse_output(graph: Graph, key: int, output: int, reader: str) -> None:
    raise GraphError(
        f"{reader} reads output {output} of {describe(graph, key)}, "
        f"which has {graph.signature(key).num_outputs}"
    )


def check_variable_names(graph: Graph, keys: Iterable[int]) -> None:
    """Refuse a variable name that another variable has: parameters are bound by name."""
    for key in keys:
        for other in graph.named(graph.name(key)):
            if other != key and graph.is_variable(other):
                raise GraphError(
                    f"two variables would be called {graph.name(key)!r}: #{other} and #{key}; "
                    "parameters are bound by name, so rename one of them, or tie them"
                )
