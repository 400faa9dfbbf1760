"""The walk from the heads, and the lists that MXNet derives from it.

Source: ``nnvm::DFSVisit`` and ``Symbol::ListInputs``, described and checked in the format page
``docs/format-symbol-json.md``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphpass.graph.in_edges import source_at
from graphpass.graph.node import VARIABLE, Entry
from graphpass.ops import find

if TYPE_CHECKING:
    from graphpass.graph.graph import Graph

__all__ = ["VariableKeys", "find_cycle", "output_name", "post_order", "variable_keys"]


class VariableKeys(NamedTuple):
    """Keys of the variables that the heads reach."""

    arguments: tuple[int, ...]
    auxiliary_states: tuple[int, ...]

    writers: Mapping[int, Sequence[int]]
    """Variable that is mutated -> the operators that do so, in saved order."""


def post_order(pred: Mapping[int, Mapping[int, object]], heads: Iterable[Entry]) -> list[int]:
    """Return the nodes that `heads` reach, each after everything it reads.

    `pred` is the in-adjacency of a graph's DAG. Per node first the inputs by slot, then the control
    dependencies; per head in order. A cycle does not hang the walk; `find_cycle` tells whether
    there is one.

    Notes
    -----
    Iterative, linear in nodes and edges: a chain of a million nodes needs no call stack.
    """
    seen: set[int] = set()
    found: list[int] = []
    for head, _, _ in heads:
        if head in seen:
            continue
        seen.add(head)
        stack = [(head, iter(pred[head]))]
        while stack:
            key, sources = stack[-1]
            for source in sources:
                if source not in seen:
                    seen.add(source)
                    into = pred[source]
                    if into:
                        stack.append((source, iter(into)))
                        break
                    found.append(source)
            else:
                found.append(key)
                stack.pop()
    return found


def find_cycle(pred: Mapping[int, Mapping[int, object]], starts: Iterable[int]) -> list[int] | None:
    """Return the keys of a cycle among the ancestors of `starts`, in the order of the edges.

    Linear in the ancestors' nodes and edges.
    """
    done: set[int] = set()
    for start in starts:
        if start in done:
            continue
        path = [start]
        on_path = {start}
        stack = [iter(pred[start])]
        while stack:
            for source in stack[-1]:
                if source in on_path:
                    return path[path.index(source) :][::-1]
                if source not in done:
                    path.append(source)
                    on_path.add(source)
                    stack.append(iter(pred[source]))
                    break
            else:
                stack.pop()
                key = path.pop()
                on_path.discard(key)
                done.add(key)
    return None


def variable_keys(graph: Graph) -> VariableKeys:
    """Return arguments and auxiliary states in saved order.

    A variable that some operator mutates is an auxiliary state, whatever else reads it.
    """
    by_op = graph.by_op()
    writers: dict[int, list[int]] = {}
    for op, keys in by_op.items():
        operator = find(op)
        if op == VARIABLE or (operator is not None and operator.never_mutates):
            continue
        known: dict[int, tuple[int, ...]] = {}
        for key in keys:
            data = graph._nodes[key]
            shared = id(data["attrs"])  # nodes share what a file says of several of them
            slots = known.get(shared) if len(data) == 3 else None
            if slots is None:
                slots = graph.signature(key).mutable_slots
                if len(data) == 3:
                    known[shared] = slots
            if slots:
                into = graph._pred[key]
                sources = list(into)
                for slot in slots:
                    source = sources[slot] if slot < len(sources) else None
                    if source is None or slot not in into[source]:
                        source = source_at(into, slot)
                    if source is not None:
                        writers.setdefault(source, []).append(key)
    variables = by_op.get(VARIABLE, ())
    return VariableKeys(
        tuple([key for key in variables if key not in writers]),
        tuple([key for key in variables if key in writers]),
        writers,
    )


def output_name(graph: Graph, entry: Entry) -> str:
    """Return MXNet's name of a value: ``<node>_<output>``; a variable's own name stands alone."""
    name = graph.name(entry.node)
    if graph.is_variable(entry.node):
        return name
    suffix = graph.signature(entry.node).output_names[entry.output]
    return f"{name}_{suffix}" if name else suffix
