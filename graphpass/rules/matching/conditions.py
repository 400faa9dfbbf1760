"""What must hold of a match as a whole: closed, distinct, and free of cycles when contracted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from graphpass.graph import Entry
from graphpass.rules.matching.bindings import ABSENT, Bindings
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.patterns.plan import Plan

__all__ = ["Objection", "objection"]


class Objection(NamedTuple):
    """A condition that does not hold."""

    code: str
    part: int
    nodes: tuple[int, ...]
    found: Any
    wanted: Any


def objection(plan: Plan, index: GraphIndex, bound: Bindings) -> Objection | None:
    """Return the first condition that complete bindings break, or None if they are a match.

    Notes
    -----
    Linear in the users of the matched nodes; for several roots also in the nodes that lie between
    the first root and the values that the match reads, in saved order.
    """
    return (
        (_not_distinct(plan, bound) if plan.distinct else None)
        or (None if _is_apart(plan, index, bound) else _used_outside(plan, index, bound))
        or (_cycle(plan, index, bound) if len(plan.roots) > 1 else None)
    )


def _not_distinct(plan: Plan, bound: Bindings) -> Objection | None:
    for names in plan.distinct:
        seen: dict[tuple[int, int], str] = {}
        for name in names:
            entry = bound.named(name)
            if entry is None:
                continue
            other = seen.setdefault(entry[:2], name)
            if other != name:
                return Objection("distinct", 0, (entry.node,), (other, name), names)
    return None


def _is_apart(plan: Plan, index: GraphIndex, bound: Bindings) -> bool:
    """Return whether the match alone uses what is closed in, no matter which outputs it returns.

    So it is, almost always; only otherwise those outputs have to be looked at.
    """
    enclosed, owners, heads = plan.enclosed, bound.owners, index.heads
    successors = index.graph.readers
    for number, key in bound.nodes.items():
        if number not in enclosed or key == ABSENT:
            continue
        if key in heads:
            return False
        for reader in successors(key):
            if reader not in owners:
                return False
    return True


def _used_outside(plan: Plan, index: GraphIndex, bound: Bindings) -> Objection | None:
    """Object to a use, outside the match, of a value that the pattern does not give away."""
    given: dict[int, set[int]] = {}
    for entry in bound.roots():
        given.setdefault(entry.node, set()).add(entry.output)
    for number, key in bound.nodes.items():
        if number not in plan.enclosed or key == ABSENT:
            continue
        outputs = given.get(key, set())
        for output in sorted(index.heads.get(key, set()) - outputs):
            return Objection("head", number, (key,), output, sorted(outputs))
        for reader in index.readers(key):
            if reader in bound.owners:
                continue
            for used in index.used_outputs(key, reader):
                if used not in outputs and not (used is None and outputs):
                    return Objection("used", number, (key, reader), used, sorted(outputs))
    return None


def _cycle(plan: Plan, index: GraphIndex, bound: Bindings) -> Objection | None:
    """Object to a value that is read from outside, or named, and computed from a root.

    Only several roots can do that: what a single root is computed from is not computed from it.
    """
    roots = {entry.node for entry in bound.roots()}
    if len(roots) == 1:
        return None
    position = index.position
    first = min(position[key] for key in roots)
    starts = dict.fromkeys(_outside(index, bound))
    seen: set[int] = set()
    for start in starts:
        pending = [start]
        while pending:
            key = pending.pop()
            if key in seen or position[key] < first:
                continue
            if key in roots:
                number = bound.owners.get(key, 0)
                return Objection("cycle", number, (key, start), start, None)
            seen.add(key)
            pending.extend(index.graph.sources(key))
    return None


def _outside(index: GraphIndex, bound: Bindings) -> Iterator[int]:
    """Yield the nodes whose values a replacement might read."""
    for value in bound.values.values():
        for entry in [value] if isinstance(value, Entry) else value:
            yield entry.node
    for key in bound.owners:
        for source in index.graph.sources(key):
            if source not in bound.owners:
                yield source
