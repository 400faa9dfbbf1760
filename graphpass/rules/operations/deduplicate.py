"""``deduplicate``: what is computed twice is computed once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from graphpass.errors import AttributeValueError, count, listed, shortened
from graphpass.graph import Edit, Graph
from graphpass.ops.meaning import is_commutative
from graphpass.rules.operations.operation import Operation, Purpose, Run
from graphpass.rules.rewrite.fire import PROVENANCE
from graphpass.rules.surgery.repeating import has_own_shape, overwritten_gammas, repeats
from graphpass.rules.surgery.stamps import restamp
from graphpass.rules.surgery.subgraphs import change_subgraphs

__all__ = ["Deduplicate"]

_SHOWN = 6

_Place: TypeAlias = "tuple[int, int]"
"""The first node of a class, and an output: what equal values have in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduplicate(Operation):
    """Merge operators that compute the same.

    Two operators are one if they run the same operator with attributes of the same meaning on the
    same values, and wait for the same nodes; operands of a commutative operator may change places.
    What draws random numbers, writes to what it reads, runs subgraphs or is unknown stays. Of
    several heads each stays, since outputs go by their names.
    """

    keyword: ClassVar[str] = "deduplicate"

    def apply(self, run: Run, edit: Edit) -> str:
        """Merge them. Linear in the graph and its subgraphs."""
        merged = _Merger(run.graph, run.purpose).merge(edit)
        inside = change_subgraphs(
            run.graph,
            edit,
            lambda graph, inner: _merge_inside(graph, inner, run.purpose),
        )
        if merged.gone:
            run.drop_orphans(edit)
            restamp(run.graph, edit, merged.states)
        for names in merged.heads:
            run.note(f"{listed(names)} compute the same, but are heads, which keep their names")
        also = f"; {count(inside, 'operator')} in subgraphs" if inside else ""
        return f"merged {count(len(merged.gone), 'operator')}{merged.said()}{also}"


def _merge_inside(graph: Graph, edit: Edit, purpose: Purpose) -> int:
    merged = _Merger(graph, purpose).merge(edit)
    if merged.gone:
        edit.sweep()
        restamp(graph, edit, merged.states)
    return len(merged.gone)


@dataclass(slots=True)
class _Merged:
    """What was merged."""

    gone: list[tuple[str, str]] = field(default_factory=list)
    """Names: of an operator that went, and of the one that took its place."""

    heads: list[list[str]] = field(default_factory=list)
    """Names of heads that are equal."""

    states: list[int] = field(default_factory=list)
    """Variables that the operators that went wrote to."""

    def said(self) -> str:
        if not self.gone:
            return ""
        pairs = [f"{old!r} into {new!r}" for old, new in self.gone]
        return f" ({shortened(pairs, _SHOWN)})"


class _Merger:
    """Finds classes of equal operators, each after what it reads, and merges them."""

    def __init__(self, graph: Graph, purpose: Purpose) -> None:
        self._graph = graph
        self._purpose = purpose
        self._unstable = overwritten_gammas(graph)
        if purpose == "training":
            self._unstable.update(graph.variable_keys().auxiliary_states)
        self._classes: dict[Hashable, list[int]] = {}
        self._first: dict[int, int] = {}
        """Operator -> the first of its class."""

    def merge(self, edit: Edit) -> _Merged:
        """Let one operator of each class stand for all of it."""
        graph = self._graph
        for key in graph.order():
            identity = self._identity(key)
            if identity is not None:
                members = self._classes.setdefault(identity, [])
                members.append(key)
                self._first[key] = members[0]
        merged = _Merged()
        stands: dict[int, int] = {}
        for members in self._classes.values():
            if len(members) > 1:
                self._choose(members, stands, merged)
        if stands:
            self._rewire(stands, edit)
        return merged

    def _identity(self, key: int) -> Hashable | None:
        """Return what equal operators have in common; None for a node that equals none."""
        graph = self._graph
        if graph.is_variable(key):
            return None
        try:
            if not repeats(graph, key, self._purpose) or not has_own_shape(graph, key):
                return None
            attributes = tuple(
                sorted(
                    (name, repr(value))
                    for name, value in graph.node(key).attributes.items()
                    if name != PROVENANCE
                )
            )
        except AttributeValueError:
            return None
        inputs = graph.inputs(key)
        if any(entry.node in self._unstable for entry in inputs) and not _writes(graph, key):
            return None
        read: list[_Place] = [(self._stand(e.node), e.output) for e in inputs]
        if len(read) == 2 and is_commutative(graph.op(key)) and self._purpose == "inference":
            read.sort()
        waited_for = sorted({self._stand(other) for other in graph.control_dependencies(key)})
        return graph.op(key), attributes, tuple(read), tuple(waited_for)

    def _stand(self, key: int) -> int:
        return self._first.get(key, key)

    def _choose(self, members: list[int], stands: dict[int, int], merged: _Merged) -> None:
        """Choose which of equal operators stays: the first head, or the first of all."""
        graph = self._graph
        heads = [key for key in members if graph.is_head(key)]
        stays = heads[0] if heads else members[0]
        if len(heads) > 1:
            merged.heads.append([graph.name(key) for key in heads])
        for key in members:
            if key == stays:
                continue
            stands[key] = stays
            if key not in heads:
                merged.gone.append((graph.name(key), graph.name(stays)))
                merged.states += [
                    graph.inputs(key)[slot].node for slot in graph.signature(key).mutable_slots
                ]

    def _rewire(self, stands: dict[int, int], edit: Edit) -> None:
        """Let everybody read, and wait for, what stands for others. Linear in the edges."""
        graph = self._graph
        for key in graph.order():
            if stands.keys().isdisjoint(graph.sources(key)):
                continue
            inputs = [
                entry._replace(node=stands.get(entry.node, entry.node))
                for entry in graph.inputs(key)
            ]
            control = [stands.get(other, other) for other in graph.control_dependencies(key)]
            edit.set_inputs(key, inputs, control=dict.fromkeys(control))


def _writes(graph: Graph, key: int) -> bool:
    return bool(graph.signature(key).mutable_slots)
