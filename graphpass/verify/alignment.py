"""Which node of one graph is meant by which node of another, where the two are not isomorphic.

Pairs are found from the surest evidence to the weakest. After each pair, its neighbourhood is
paired as far as it agrees, so that one node inserted into a large graph costs one node:

1. nodes that are equal together with everything they depend on, names included;
2. heads by position;
3. nodes of one operator with equal attributes and one name;
4. nodes that are equal together with everything they depend on, names left aside;
5. nodes of one operator and one name, then of one name;
6. nodes of one operator with equal attributes, in saved order, where there are as many in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import NamedTuple

from graphpass.graph import VARIABLE, Entry, Graph, paused_collector
from graphpass.verify.isomorphism import comparable

__all__ = ["align"]


def align(a: Graph, b: Graph) -> dict[int, int]:
    """Return the key of a node of A to the key of the node of B that is meant by it.

    The mapping is one to one, pairs operators with operators and variables with variables, and
    covers nodes that the heads reach. Equal graphs always give the same mapping.

    Notes
    -----
    Linear in nodes and edges: each step looks at every node once, each pair at its own edges once.
    """
    with paused_collector():
        classes = _Classes()
        side_a, side_b = classes.of(a), classes.of(b)
        aligner = _Aligner(side_a, side_b)
        aligner.by(side_a.exacts, side_b.exacts)
        for head_a, head_b in zip(a.heads, b.heads, strict=False):
            aligner.offer(head_a.node, head_b.node)
        aligner.by(side_a.labels, side_b.labels)
        aligner.by(side_a.shapes, side_b.shapes)
        if len(aligner.forward) < min(len(a.order()), len(b.order())):
            names_a, names_b = ({key: (each.op(key), each.name(key)) for key in each.order()}
                                for each in (a, b))  # fmt: skip
            aligner.by(names_a, names_b)
            kinds_a, kinds_b = ({key: (op == VARIABLE, name) for key, (op, name) in names.items()}
                                for names in (names_a, names_b))  # fmt: skip
            aligner.by(kinds_a, kinds_b)
        aligner.by(side_a.attributes, side_b.attributes, only_if_as_many=True)
        return aligner.forward


class _Numbered(NamedTuple):
    """One graph, with what is known of each node as a small number that both graphs share."""

    graph: Graph
    inputs: Mapping[int, tuple[Entry, ...]]
    labels: Mapping[int, int]
    """Operator, attributes and name."""

    exacts: Mapping[int, int]
    """The label, and those of everything that it depends on."""

    shapes: Mapping[int, int]
    """The same without names. A variable alone has none: it is paired by what reads it."""

    attributes: Mapping[int, int]
    """Operator and attributes."""


class _Classes:
    """Numbers equal things equally, over both graphs: hash-consing."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._by_text: dict[Hashable, int] = {}

    def of(self, graph: Graph) -> _Numbered:
        all_inputs: dict[int, tuple[Entry, ...]] = {}
        labels: dict[int, int] = {}
        exacts: dict[int, int] = {}
        shapes: dict[int, int] = {}
        attributes: dict[int, int] = {}
        for key in graph.order():
            all_inputs[key] = inputs = graph.inputs(key)
            control = graph.control_dependencies(key)
            op, attrs = graph.op(key), graph.attrs(key)
            texts = (op, *attrs.items())
            values = self._by_text.get(texts)
            if values is None:
                values = self._by_text[texts] = self._number((op, repr(comparable(op, attrs))))
            own_number = self._number(("says", values, len(graph.subgraphs(key))))
            attributes[key] = own_number
            labels[key] = self._number(("label", own_number, graph.name(key)))
            for classes, own in ((exacts, labels[key]), (shapes, own_number)):
                read = tuple([(classes[entry.node], entry.output) for entry in inputs])
                after = tuple([classes[source] for source in control])
                classes[key] = self._number((own, read, after))
        told = {key: shape for key, shape in shapes.items() if not graph.is_variable(key)}
        return _Numbered(graph, all_inputs, labels, exacts, told, attributes)

    def _number(self, thing: Hashable) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))


class _Aligner:
    """Grows a one-to-one mapping, never taking a pair back."""

    def __init__(self, a: _Numbered, b: _Numbered) -> None:
        self.a, self.b = a, b
        self.forward: dict[int, int] = {}
        self._backward: dict[int, int] = {}
        self._free_a = Counter(a.labels.values())
        self._free_b = Counter(b.labels.values())

    def by(
        self,
        groups_a: Mapping[int, Hashable],
        groups_b: Mapping[int, Hashable],
        *,
        only_if_as_many: bool = False,
    ) -> None:
        """Pair free nodes of one group, the last ones first: they settle the most."""
        order_a, order_b = self.a.graph.order(), self.b.graph.order()
        if len(self.forward) in (len(order_a), len(order_b)):
            return
        free: dict[Hashable, list[int]] = {}
        for b in order_b:
            if b not in self._backward and b in groups_b:
                free.setdefault(groups_b[b], []).append(b)
        if only_if_as_many:
            wanted = Counter(groups_a[a] for a in order_a if a not in self.forward)
            free = {group: keys for group, keys in free.items() if len(keys) == wanted[group]}
        for a in reversed(order_a):
            if a in self.forward or a not in groups_a:
                continue
            candidates = free.get(groups_a[a], [])
            while candidates and candidates[-1] in self._backward:
                candidates.pop()
            if candidates:
                self._pair(a, candidates.pop())

    def offer(self, a: int, b: int) -> None:
        """Pair two nodes, and settle around them, if nothing speaks against it."""
        if self._plausible(a, b):
            self._pair(a, b)

    def _plausible(self, a: int, b: int) -> bool:
        """Return whether two nodes are free, of one operator, and not meant for others."""
        if a in self.forward or b in self._backward:
            return False
        if self.a.graph.op(a) != self.b.graph.op(b):
            return False
        label_a, label_b = self.a.labels[a], self.b.labels[b]
        return label_a == label_b or not (self._free_b[label_a] or self._free_a[label_b])

    def _pair(self, a: int, b: int) -> None:
        """Pair two nodes, and what reads them and what they read as far as it is plausible."""
        pending = self._take(a, b, [])
        while pending:
            self._settle(*pending.pop(), pending)

    def _take(self, a: int, b: int, pending: list[tuple[int, int]]) -> list[tuple[int, int]]:
        self.forward[a] = b
        self._backward[b] = a
        self._free_a[self.a.labels[a]] -= 1
        self._free_b[self.b.labels[b]] -= 1
        pending.append((a, b))
        return pending

    def _settle(self, a: int, b: int, pending: list[tuple[int, int]]) -> None:
        read = zip(self.a.inputs[a], self.b.inputs[b], strict=False)
        around = [(x.node, y.node) for x, y in read if x.output == y.output]
        readers_a, readers_b = self._only_readers(self.a, a), self._only_readers(self.b, b)
        around += [(key, readers_b[use]) for use, key in readers_a.items() if use in readers_b]
        for x, y in around:
            if self._plausible(x, y):
                self._take(x, y, pending)

    def _only_readers(self, side: _Numbered, key: int) -> dict[tuple[str, int, int], int]:
        """Return the free nodes that read a node as the only one of their operator to do so."""
        taken = self.forward if side is self.a else self._backward
        readers: dict[tuple[str, int, int], list[int]] = {}
        for user, slot in side.graph.uses(key):
            if user not in taken and user in side.labels:
                use = (side.graph.op(user), slot, side.inputs[user][slot].output)
                readers.setdefault(use, []).append(user)
        return {use: users[0] for use, users in readers.items() if len(users) == 1}
