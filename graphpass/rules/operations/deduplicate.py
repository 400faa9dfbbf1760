"""``deduplicate``: what is computed twice is computed once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import ClassVar

from graphpass.errors import AttributeValueError, count, listed, shortened
from graphpass.graph import VARIABLE, Edit, Graph, ValueKey
from graphpass.ops.meaning import is_commutative
from graphpass.rules.operations.operation import Operation, Purpose, Run
from graphpass.rules.operations.operators import (
    overwritten_gammas,
    repeats,
    says_own_shape,
    subgraph_identity,
    value_identity,
)
from graphpass.rules.operations.region import change_subgraphs, restamp

__all__ = ["Deduplicate"]

_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduplicate(Operation):
    """Merge operators that compute the same.

    Two operators are one if they run the same operator with attributes of the same meaning on the
    same values, and wait for the same nodes; operands of a commutative operator may change places.
    What draws random numbers, writes to what it reads or is unknown stays; what runs a subgraph
    with such an operator in it too. Of several heads each stays, since outputs go by their names.
    """

    keyword: ClassVar[str] = "deduplicate"

    def apply(self, run: Run, edit: Edit) -> str:
        """Merge them. Linear in the graph and its subgraphs."""

        def merge(graph: Graph, edit: Edit) -> _Merged:
            merged = _Merger(graph, run.purpose).merge(edit)
            if merged.gone:
                restamp(graph, edit, merged.states)
            return merged

        merged = merge(run.graph, edit)
        inside = change_subgraphs(run.graph, edit, lambda *inner: len(merge(*inner).gone))
        for names in merged.heads:
            run.note(f"{listed(names)} compute the same, but are heads, which keep their names")
        also = f"; {count(inside, 'operator')} in subgraphs" if inside else ""
        return f"merged {count(len(merged.gone), 'operator')}{merged.said()}{also}"


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
        pairs = (f"{old!r} into {new!r}" for old, new in self.gone)
        return f" ({shortened(pairs, _SHOWN)})"


class _Merger:
    """Finds classes of equal operators, each after what it reads, and merges them."""

    def __init__(self, graph: Graph, purpose: Purpose) -> None:
        self._graph = graph
        self._purpose = purpose
        self._unstable = overwritten_gammas(graph)
        if purpose == "training":
            self._unstable.update(graph.variable_keys().auxiliary_states)
        self._with_subgraphs = set(graph.with_subgraphs())
        self._kinds: dict[Hashable, _Alike | None] = {}
        self._first: dict[int, int] = {}
        """Operator -> the first of its class, where that is another."""

    def merge(self, edit: Edit) -> _Merged:
        """Let one operator of each class stand for all of it: the first head, or the first."""
        graph = self._graph
        firsts: dict[Hashable, int] = {}
        classes: dict[int, list[int]] = {}
        for key in graph.order():
            identity = self._identity(key)
            if identity is not None:
                first = firsts.setdefault(identity, key)
                if first != key:
                    self._first[key] = first
                    classes.setdefault(first, [first]).append(key)
        merged = _Merged()
        stands: dict[int, int] = {}
        for members in classes.values():
            heads = [key for key in members if graph.is_head(key)]
            stays = heads[0] if heads else members[0]
            if len(heads) > 1:
                merged.heads.append(graph.names_of(heads))
            for key in members:
                if key == stays:
                    continue
                stands[key] = stays
                if key not in heads:
                    merged.gone.append((graph.name(key), graph.name(stays)))
                    slots = graph.signature(key).mutable_slots
                    merged.states += [graph.inputs(key)[slot].node for slot in slots]
        if any(map(graph.is_head, stands)) or any(map(self._first.__contains__, stands.values())):
            edit.replace_nodes(stands)
            if merged.gone:
                edit.sweep()
        elif stands:
            edit.merge_nodes(stands)
        return merged

    def _identity(self, key: int) -> Hashable | None:
        """Return what equal operators have in common; None for a node that equals none."""
        graph, first = self._graph, self._first
        op = graph.op(key)
        if op == VARIABLE:
            return None
        # Nodes share what a file says of several of them, but for subgraphs.
        said = op, id(graph.attrs(key)), key if key in self._with_subgraphs else None
        if said not in self._kinds:
            self._kinds[said] = self._kind(key)
        kind = self._kinds[said]
        into = graph.sources(key)
        if kind is None or not (into or kind.has_own_shape):
            return None
        if not kind.writes and not self._unstable.isdisjoint(into):
            return None
        read: list[ValueKey] = []
        waited_for: tuple[int, ...] = ()
        for slot, (source, edges) in enumerate(into.items()):
            if len(edges) > 1 or slot not in edges:
                read = [(first.get(node, node), output) for node, output, _ in graph.inputs(key)]
                waits = graph.control_dependencies(key)
                waited_for = tuple(sorted({first.get(other, other) for other in waits}))
                break
            read.append((first.get(source, source), edges[slot]["output"]))
        if len(read) == 2 and kind.commutes:
            read.sort()
        return kind.meaning, tuple(read), waited_for

    def _kind(self, key: int) -> _Alike | None:
        """Return what operators of one name and the same texts have in common."""
        graph, op = self._graph, self._graph.op(key)
        try:
            if not repeats(graph, key, self._purpose):
                return None
            inner = tuple(map(subgraph_identity, graph.subgraphs(key)))
            attributes = value_identity(graph, key)
            has_own_shape = says_own_shape(graph, key)
        except AttributeValueError:
            return None
        return _Alike(
            meaning=(op, attributes, inner),
            has_own_shape=has_own_shape,
            writes=bool(graph.signature(key).mutable_slots),
            commutes=is_commutative(op) and self._purpose == "inference",
        )


@dataclass(frozen=True, slots=True)
class _Alike:
    """What operators of one name and the same texts have in common."""

    meaning: Hashable
    """Their name and the values of their attributes; equal for texts that mean the same."""

    has_own_shape: bool
    """Whether one that reads nothing says what it makes."""

    writes: bool
    commutes: bool
