"""What goes when a match gives way: the nodes that nothing will read any more."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import NamedTuple

from graphpass.graph import Graph
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewriting.draft import Draft, Made

__all__ = ["Departures", "departures", "needed_results"]


class Departures(NamedTuple):
    """What becomes of the nodes of a match."""

    going: dict[int, None]
    """Nodes that go, each before what it reads."""

    living: set[int]
    """Matched nodes that live on because the replacement reads them, or what reads them. They go on
    reading what they read; everybody else reads what takes the place of a root."""


def departures(graph: Graph, match: Match, draft: Draft, waited: Iterable[int] = ()) -> Departures:
    """Return what goes when a draft takes the place of a match; nodes in `waited` stay.

    A root goes unless the replacement reads it, or something that does; an inner node unless
    somebody outside reads it either; what only they read goes with them.

    Notes
    -----
    Linear in the match, what goes, its inputs, and their users.
    """
    kept = draft.read_nodes().union(waited)
    roots = {entry.node for entry in match.roots}
    if not all(match.whole):
        kept |= _still_used(graph, match)
    matched = match.matched
    living = _below(graph, kept.intersection(matched), matched)
    gone: dict[int, None] = {}
    pending = list(roots)
    while pending:
        key = pending.pop()
        if key in gone or key in kept or key in living:
            continue
        readers = graph.readers(key)
        if key in roots:
            stays = False
        elif len(readers) == 1:
            stays = next(iter(readers)) not in gone or graph.is_head(key)
        else:
            stays = graph.is_head(key) or any(reader not in gone for reader in readers)
        if not stays:
            gone[key] = None
            pending.extend(graph.sources(key))
    return Departures(gone, living)


def _below(graph: Graph, keys: Iterable[int], among: Container[int]) -> set[int]:
    """Return nodes, and what they read, and so on, as far as it is among some."""
    found = set(keys)
    pending = list(found)
    while pending:
        new = [key for key in graph.sources(pending.pop()) if key in among and key not in found]
        found.update(new)
        pending += new
    return found


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


def needed_results(index: Facts, match: Match, draft: Draft, fates: Departures) -> list[bool]:
    """Return, per root, whether anything uses what takes its place.

    Who only waits for a node that goes is content with any new node in the place of an output.
    """
    found: list[bool] = []
    waited: set[int] = set()
    for (key, output, _), whole in zip(match.roots, match.whole, strict=True):
        edges = [
            data
            for reader, several in index.graph.readers(key).items()
            if reader not in fates.going and reader not in fates.living
            for data in several.values()
        ]
        used = {data["output"] for data in edges if "output" in data}
        if key in fates.going and any("output" not in data for data in edges):
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
