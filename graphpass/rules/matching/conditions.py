"""What must hold of a match as a whole: closed, distinct, and free of cycles when contracted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphpass.graph import Entry
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.patterns.plan import Plan

__all__ = ["Assignment", "Objection", "objection"]


class Assignment(NamedTuple):
    """Everything that a pattern's names and operators stand for."""

    nodes: Mapping[int, int]
    """Number of an operator -> node, for those that are there."""

    owners: Mapping[int, int]
    """The other way round."""

    values: Mapping[str, Entry | tuple[Entry, ...]]
    """Name of a value variable, or of several values -> what it stands for."""

    roots: tuple[Entry, ...]

    named: Mapping[str, Entry]
    """Every name of one value, those of nodes included."""


class Objection(NamedTuple):
    """A condition that does not hold."""

    code: str
    part: int
    nodes: tuple[int, ...]
    found: Any
    wanted: Any


def objection(plan: Plan, index: GraphIndex, assignment: Assignment) -> Objection | None:
    """Return the first condition that an assignment breaks, or None if it is a match.

    Notes
    -----
    Linear in the users of the matched nodes; for several roots also in the nodes that lie between
    the first root and the values that the match reads, in saved order.
    """
    return (
        _not_distinct(plan, assignment)
        or _used_outside(plan, index, assignment)
        or _cycle(plan, index, assignment)
    )


def _not_distinct(plan: Plan, assignment: Assignment) -> Objection | None:
    for names in plan.distinct:
        seen: dict[tuple[int, int], str] = {}
        for name in names:
            entry = assignment.named.get(name)
            if entry is None:
                continue
            other = seen.setdefault(entry[:2], name)
            if other != name:
                return Objection("distinct", 0, (entry.node,), (other, name), names)
    return None


def _used_outside(plan: Plan, index: GraphIndex, assignment: Assignment) -> Objection | None:
    """Object to a use, outside the match, of a value that the pattern does not give away."""
    given: dict[int, set[int]] = {}
    whole: set[int] = set()
    for root, entry in zip(plan.roots, assignment.roots, strict=True):
        given.setdefault(entry.node, set()).add(entry.output)
        if root.whole and root.value.part in assignment.nodes:
            whole.add(entry.node)
    for number, key in assignment.nodes.items():
        if key in whole or plan.parts[number].shared:
            continue
        outputs = given.get(key, set())
        for output in sorted(index.heads.get(key, set()) - outputs):
            return Objection("head", number, (key,), output, sorted(outputs))
        for reader in index.readers(key):
            if reader in assignment.owners:
                continue
            for used in index.used_outputs(key, reader):
                if used not in outputs and not (used is None and outputs):
                    return Objection("used", number, (key, reader), used, sorted(outputs))
    return None


def _cycle(plan: Plan, index: GraphIndex, assignment: Assignment) -> Objection | None:
    """Object to a value that is read from outside, or named, and computed from a root.

    Only several roots can do that: what a single root is computed from is not computed from it.
    """
    roots = {entry.node for entry in assignment.roots}
    if len(roots) == 1:
        return None
    position = index.position
    first = min(position[key] for key in roots)
    starts = dict.fromkeys(_outside(index, assignment))
    seen: set[int] = set()
    for start in starts:
        pending = [start]
        while pending:
            key = pending.pop()
            if key in seen or position[key] < first:
                continue
            if key in roots:
                number = assignment.owners.get(key, 0)
                return Objection("cycle", number, (key, start), start, None)
            seen.add(key)
            pending.extend(index.graph.dag.predecessors(key))
    return None


def _outside(index: GraphIndex, assignment: Assignment) -> Iterator[int]:
    """Yield the nodes whose values a replacement might read."""
    for value in assignment.values.values():
        for entry in [value] if isinstance(value, Entry) else value:
            yield entry.node
    for key in assignment.owners:
        for source in index.graph.dag.predecessors(key):
            if source not in assignment.owners:
                yield source
