"""What goes when a match gives way: the nodes that nothing will read any more."""

from __future__ import annotations

from collections.abc import Container, Iterable

from graphpass.graph import Graph
from graphpass.rules.matching.match import Match
from graphpass.rules.rewriting.draft import Draft, Made
from graphpass.rules.rewriting.live_index import LiveIndex

__all__ = ["departures", "needed_results"]


def departures(
    graph: Graph, match: Match, draft: Draft, waited: Iterable[int] = ()
) -> dict[int, None]:
    """Return the nodes that go, each before what it reads; those in `waited` stay.

    A root goes unless the replacement reads it, an inner node unless the replacement or somebody
    outside does; what only they read goes with them.

    Notes
    -----
    Linear in what goes, its inputs, and their users.
    """
    kept = draft.read_nodes().union(waited)
    roots = {entry.node for entry in match.roots}
    if not all(match.whole):
        kept |= _still_used(graph, match)
    matched = match.matched
    gone: dict[int, None] = {}
    pending = list(roots)
    while pending:
        key = pending.pop()
        if key in gone or key in kept:
            continue
        readers = graph.readers(key)
        if key in roots:
            stays = any([reader in matched and reader not in gone for reader in readers])
        elif len(readers) == 1:
            stays = next(iter(readers)) not in gone or graph.is_head(key)
        else:
            stays = graph.is_head(key) or any(reader not in gone for reader in readers)
        if not stays:
            gone[key] = None
            pending.extend(graph.sources(key))
    return gone


def _still_used(graph: Graph, match: Match) -> set[int]:
    """Return the roots that somebody outside uses through an output that is not returned."""
    returned: dict[int, set[int]] = {}
    whole: set[int] = set()
    for (key, output, _), is_whole in zip(match.roots, match.whole, strict=True):
        returned.setdefault(key, set()).add(output)
        if is_whole:
            whole.add(key)
    matched = match.matched
    found = set()
    for key in returned.keys() - whole:
        used = {
            data.get("output", -1)
            for reader, edges in graph.readers(key).items()
            if reader not in matched
            for data in edges.values()
        } - {-1}
        if graph.is_head(key):
            used |= {head.output for head in graph.heads if head.node == key}
        if used - returned[key]:
            found.add(key)
    return found


def needed_results(
    index: LiveIndex, match: Match, draft: Draft, going: Container[int]
) -> list[bool]:
    """Return, per root, whether anything that stays uses what takes its place.

    Who only waits for a node is content with any new node in the place of one of its outputs.
    """
    found: list[bool] = []
    waited: set[int] = set()
    for (key, output, _), whole in zip(match.roots, match.whole, strict=True):
        edges = [
            data
            for reader, several in index.graph.readers(key).items()
            if reader not in going
            for data in several.values()
        ]
        used = {data["output"] for data in edges if "output" in data}
        if any("output" not in data for data in edges):
            waited.add(key)
        used |= index.heads.get(key, set())
        found.append(bool(used) if whole else output in used)
    for key in waited:
        made = [
            number
            for number, (root, result) in enumerate(zip(match.roots, draft.results, strict=True))
            if root.node == key and isinstance(result, Made)
        ]
        if made and not any(found[number] for number in made):
            found[made[0]] = True
    return found
