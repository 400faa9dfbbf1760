"""What goes when a match gives way: the nodes that nothing will read any more."""

from __future__ import annotations

from collections.abc import Iterable

from graphpass.graph import Graph
from graphpass.rules.matching.match import Match
from graphpass.rules.rewriting.draft import Draft

__all__ = ["departures"]


def departures(graph: Graph, match: Match, draft: Draft) -> dict[int, None]:
    """Return the nodes that go, each before what it reads.

    A root goes unless the replacement reads it, an inner node unless the replacement or somebody
    outside does; what only they read goes with them.

    Notes
    -----
    Linear in what goes, its inputs, and their users.
    """
    kept = draft.read_nodes()
    roots = {entry.node for entry in match.roots}
    matched = roots.union(match.interior)
    gone: dict[int, None] = {}
    pending = list(roots)
    while pending:
        key = pending.pop()
        if key in gone or key in kept:
            continue
        if key in roots:
            stays = _is_read(graph.readers(key), gone, matched)
        else:
            stays = graph.is_head(key) or _is_read(graph.readers(key), gone, None)
        if not stays:
            gone[key] = None
            pending.extend(graph.sources(key))
    return gone


def _is_read(readers: Iterable[int], gone: dict[int, None], among: set[int] | None) -> bool:
    """Return whether a node that stays reads a value; of a root only matched ones count."""
    return any(reader not in gone and (among is None or reader in among) for reader in readers)
