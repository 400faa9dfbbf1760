"""Matching by brute force: every assignment of nodes to the operators of a pattern, checked.

Written from docs/patterns.md, without a look at how the matcher goes about it. It knows the few
operators of `random_patterns` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import networkx as nx

from graphpass import Model
from graphpass.graph import Entry
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    OptionalOperand,
    Part,
    Pattern,
    Rest,
    Restricted,
)

COMMUTATIVE = {"elemwise_add", "add_n"}
NAMED_INPUTS = {
    "FullyConnected": ["data", "weight", "bias"],
    "BatchNorm": ["data", "gamma", "beta", "moving_mean", "moving_var"],
}
OUTPUTS = {"SliceChannel": 2}

Signature = tuple[tuple[Entry, ...], frozenset[int], tuple[tuple[int, int], ...]]


class Oracle:
    """All matches of one pattern in one model."""

    def __init__(self, pattern: Pattern, model: Model) -> None:
        self.pattern = pattern
        self.model = model
        self.graph = model.graph
        self.live = self.graph.order()
        self.bound: dict[str, tuple[Part, int | None]] = {
            name: (part, None if part.visible_outputs is None else output)
            for part in pattern.parts
            for output, name in enumerate(part.names)
            if name is not None
        }

    def signatures(self) -> set[Signature]:
        """Return what tells matches apart, up to operands that can change places."""
        return {attempt.signature() for attempt in self.matches()}

    def matches(self) -> Iterator[Attempt]:
        """Yield every assignment that is a match."""
        choices = [
            [None, *(key for key in self.live if self.graph.op(key) in part.ops)]
            for part in self.pattern.parts
        ]
        for chosen in product(*choices):
            nodes = [key for key in chosen if key is not None]
            if len(nodes) != len(set(nodes)):
                continue
            for attempt in self._attempts(dict(enumerate(chosen))):
                if attempt.is_match():
                    yield attempt

    def _attempts(self, nodes: dict[int, int | None]) -> Iterator[Attempt]:
        """Yield every way to arrange the inputs of the chosen nodes, and to place absent roots."""
        arranged = []
        for part in self.pattern.parts:
            key = nodes[part.index]
            arranged.append([None] if key is None else list(self._arrangements(part, key)))
        entries = [
            Entry(key, output)
            for key in self.live
            for output in range(OUTPUTS.get(self.graph.op(key), 1))
        ]
        roots = []
        for root in self.pattern.roots:
            key = nodes[root.value.part]
            roots.append(entries if key is None else [Entry(key, root.value.output)])
        for arrangement in product(*arranged):
            for values in product(*roots):
                yield Attempt(self, nodes, dict(enumerate(arrangement)), values)

    def _arrangements(self, part: Part, key: int) -> Iterator[list[tuple[Any, Any]]]:
        """Yield lists of (operand, value); a list of values for `Rest`."""
        op, entries = self.graph.op(key), list(self.graph.inputs(key))
        operands = list(part.operands)
        rest = [operand for operand in operands if isinstance(operand, Rest)]
        others = [operand for operand in operands if not isinstance(operand, Rest)]
        if op in NAMED_INPUTS and not rest and any(isinstance(o, OptionalOperand) for o in others):
            if len(others) < len(entries):
                return
            if all(isinstance(o, OptionalOperand) for o in others[len(entries) :]):
                yield list(zip(others, entries, strict=False))
            return
        while len(others) > len(entries) and any(isinstance(o, OptionalOperand) for o in others):
            last = max(i for i, o in enumerate(others) if isinstance(o, OptionalOperand))
            del others[last]
        if len(others) > len(entries) or (len(others) < len(entries) and not rest):
            return
        if op in COMMUTATIVE:
            for slots in permutations(range(len(entries)), len(others)):
                left = [entry for slot, entry in enumerate(entries) if slot not in slots]
                placed = [(o, entries[slot]) for o, slot in zip(others, slots, strict=True)]
                yield [*placed, *((r, left) for r in rest)]
            return
        if not rest:
            yield list(zip(others, entries, strict=True))
            return
        before = operands.index(rest[0])
        after = len(operands) - before - 1
        stop = len(entries) - after
        yield [
            *zip(operands[:before], entries[:before], strict=True),
            (rest[0], entries[before:stop]),
            *zip(operands[before + 1 :], entries[stop:], strict=True),
        ]

    def is_kind(self, entry: Entry, kind: str) -> bool:
        name, key = self.graph.name(entry.node), entry.node
        if kind == "aux":
            return name in self.graph.auxiliary_states
        if kind == "const":
            above = {key, *nx.ancestors(self.graph.dag, key)}
            return all(
                self.is_kind(Entry(k), "param")
                if self.graph.is_variable(k)
                else self.graph.op(k) not in ("Dropout", "BatchNorm")
                for k in above
            )
        if not self.graph.is_variable(key) or name in self.graph.auxiliary_states:
            return False
        return (name in self.model.parameters) == (kind == "param")


class Attempt:
    """One assignment, and whether it is a match."""

    def __init__(
        self, oracle: Oracle, nodes: dict[int, int | None], arranged: dict[int, Any], roots: Any
    ) -> None:
        self.oracle = oracle
        self.nodes = nodes
        self.arranged = arranged
        self.roots: tuple[Entry, ...] = roots
        self.values: dict[str, Any] = {}
        self.stand_ins: dict[int, tuple[int, int]] = {}
        self.visited: set[int] = set()

    def is_match(self) -> bool:
        pairs = zip(self.oracle.pattern.roots, self.roots, strict=True)
        return (
            all(self.agrees(root.value, entry) for root, entry in pairs)
            and all(
                part.index in self.visited or self.nodes[part.index] is None
                for part in self.oracle.pattern.parts
            )
            and self.has_outputs()
            and self.is_distinct()
            and self.is_closed()
            and self.is_acyclic()
        )

    def agrees(self, operand: Any, entry: Any) -> bool:
        if isinstance(operand, Anything):
            return True
        if isinstance(operand, Rest):
            value = tuple([each[:2] for each in entry])
            return operand.name is None or self.values.setdefault(operand.name, value) == value
        if isinstance(operand, NamedValue):
            return self.values.setdefault(operand.name, entry[:2]) == entry[:2]
        if isinstance(operand, Restricted):
            if not self.oracle.is_kind(entry, operand.kind):
                return False
            return operand.name is None or self.agrees(NamedValue(operand.name), entry)
        if isinstance(operand, OptionalOperand):
            return self.agrees(operand.operand, entry)
        part, output = self.oracle.pattern.parts[operand.part], operand.output
        key = self.nodes[part.index]
        if key is None:
            if not part.maybe:
                return False
            if part.index in self.visited:
                return self.stand_ins[part.index] == entry[:2]
            self.visited.add(part.index)
            self.stand_ins[part.index] = entry[:2]
            return self.agrees(part.operands[0], entry)
        if (key, output) != entry[:2]:
            return False
        if part.index in self.visited:
            return True
        self.visited.add(part.index)
        texts = self.oracle.graph.attrs(key)
        if any(texts.get(name) != str(value) for name, value in part.attributes):
            return False
        return all(self.agrees(inner, value) for inner, value in self.arranged[part.index])

    def has_outputs(self) -> bool:
        for part in self.oracle.pattern.parts:
            key = self.nodes[part.index]
            if part.visible_outputs is None or key is None:
                continue
            if OUTPUTS.get(self.oracle.graph.op(key), 1) != part.visible_outputs:
                return False
        return True

    def value_of(self, name: str) -> tuple[int, int] | None:
        if name not in self.oracle.bound:
            return self.values.get(name)
        part, output = self.oracle.bound[name]
        key = self.nodes[part.index]
        return self.stand_ins.get(part.index) if key is None else (key, output or 0)

    def is_distinct(self) -> bool:
        for each in self.oracle.pattern.distinct:
            found = [self.value_of(name) for name in dict.fromkeys(each)]
            known = [value for value in found if value is not None]
            if len(known) != len(set(known)):
                return False
        return True

    def is_closed(self) -> bool:
        graph = self.oracle.graph
        inside = {key for key in self.nodes.values() if key is not None}
        for part in self.oracle.pattern.parts:
            key = self.nodes[part.index]
            if key is None or part.shared:
                continue
            allowed: set[int] = set()
            everything = False
            for root, entry in zip(self.oracle.pattern.roots, self.roots, strict=True):
                if entry.node == key:
                    allowed.add(entry.output)
                    everything |= root.value.part == part.index and root.whole
            if everything:
                continue
            if any(head.node == key and head.output not in allowed for head in graph.heads):
                return False
            for user in self.oracle.live:
                if user in inside:
                    continue
                if any(e.node == key and e.output not in allowed for e in graph.inputs(user)):
                    return False
                if key in graph.control_dependencies(user) and not allowed:
                    return False
        return True

    def is_acyclic(self) -> bool:
        roots = {entry.node for entry in self.roots}
        if len(roots) == 1:
            return True
        graph = self.oracle.graph
        inside = {key for key in self.nodes.values() if key is not None}
        sources = set()
        for value in self.values.values():
            sources |= {value[0]} if value and isinstance(value[0], int) else {e[0] for e in value}
        for key in inside:
            sources |= set(graph.dag.predecessors(key)) - inside
        return not any(
            source == root or nx.has_path(graph.dag, root, source)
            for source in sources
            for root in roots
        )

    def signature(self) -> Signature:
        flat: list[tuple[int, int]] = []
        for value in self.values.values():
            flat += [value] if value and isinstance(value[0], int) else list(value)
        inside = frozenset(key for key in self.nodes.values() if key is not None)
        return self.roots, inside, tuple(sorted(flat))
