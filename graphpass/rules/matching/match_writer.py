"""Complete bindings -> `Match`."""

from __future__ import annotations

from graphpass.graph import Entry
from graphpass.rules.matching.bindings import ABSENT, Bindings
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.matching.match import Binding, Level, Match
from graphpass.rules.patterns.plan import Plan, Produced

__all__ = ["MatchWriter"]


class MatchWriter:
    """Writes the matches of one pattern in one graph."""

    def __init__(self, plan: Plan, index: GraphIndex, path: tuple[Level, ...]) -> None:
        self._parts = range(len(plan.parts))
        self._roots = plan.roots
        self._whole = tuple([root.whole for root in plan.roots])
        self._index = index
        self._path = path
        self._names = [
            (name, target.part, target.output)
            if isinstance(target, Produced)
            else (name, target, None)
            for name, target in plan.names.items()
        ]
        """Name, operator and output; no output for the node itself."""

    def match(self, bound: Bindings) -> Match:
        """Return what is bound as a match; later changes of the bindings do not touch it."""
        nodes = bound.nodes
        bindings: dict[str, Binding] = {}
        for name, part, output in self._names:
            key = nodes.get(part)
            if key is None:
                continue
            if key == ABSENT:
                bindings[name] = bound.stand_ins[part]
            else:
                bindings[name] = key if output is None else Entry(key, output)
        bindings.update(bound.values)
        roots = bound.roots()
        returned = {entry.node for entry in roots}
        interior = [key for key in bound.owners if key not in returned]
        if len(interior) > 1:
            interior.sort(key=self._index.position.__getitem__)
        whole, found = self._whole, tuple(map(nodes.get, self._parts))
        if bound.stand_ins:
            whole = tuple([root.whole and nodes[root.value.part] != ABSENT for root in self._roots])
            found = tuple([None if key == ABSENT else key for key in found])
        return Match(roots, bindings, tuple(interior), self._index.graph, self._path, whole, found)
