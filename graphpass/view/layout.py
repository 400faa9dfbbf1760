"""Layered places for boxes: layers from top to bottom, as values flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphpass.errors import UsageError

__all__ = ["Layout", "layered"]


@dataclass(slots=True)
class Layout:
    """Where boxes and edges go, in columns and layers."""

    places: list[tuple[float, int]]
    """Column (any number) and layer (from 0) of each box."""

    routes: dict[tuple[int, int], list[tuple[float, int]]]
    """Edge to the points that it passes in the layers between its ends."""


def layered(count: int, edges: Iterable[tuple[int, int]]) -> Layout:
    """Return a layered layout of a graph of boxes 0 to `count` - 1.

    An edge that runs against the order of the numbers is laid out as if it ran with it, so a cycle
    (of groups, say) does no harm.

    Raises
    ------
    UsageError
        fast-sugiyama is not installed.

    Notes
    -----
    The layout is that of K. Sugiyama et al., *Methods for visual understanding of hierarchical
    system structures* (1981), with the places of U. Brandes and B. Köpf (2002), as the package
    fast-sugiyama computes it.
    """
    try:
        from fast_sugiyama import from_edges
    except ImportError:
        raise UsageError(
            "a picture needs the package fast-sugiyama; install it with: "
            "pip install 'graphpass[view]'"
        ) from None
    pairs = _short(list(dict.fromkeys((min(a, b), max(a, b)) for a, b in edges if a != b)))
    parts: Any = (  # its ids are ints, as they are given
        from_edges(
            pairs,
            minimum_length=1,
            vertex_spacing=1,
            dummy_vertices=True,
            dummy_size=0.5,
            ranking_type="up",
            crossing_minimization="median",
            check_layout=False,
        )
        if pairs
        else []
    )
    boxes = {box for pair in pairs for box in pair}
    places: list[tuple[float, int]] = [(0.0, 0)] * count
    routes: dict[tuple[int, int], list[tuple[float, int]]] = {}
    right = 0.0
    for positions, width, _, steps in sorted(parts, key=lambda part: min(part[0])[0]):
        left = min(x for _, (x, _) in positions)
        top = max(y for _, (_, y) in positions)
        found = {point: (x - left + right, round(top - y)) for point, (x, y) in positions}
        after: dict[int, int] = {a: b for a, b in steps or () if a not in boxes}
        for start, point in steps or ():
            if start in boxes and point not in boxes:
                passed = []
                while point not in boxes:
                    passed.append(found[point])
                    point = after[point]
                routes[start, point] = passed
        for box in boxes & found.keys():
            places[box] = found[box]
        right += width + 1
    lone = [box for box in range(count) if box not in boxes]
    across = max(1, len(lone) if len(lone) < 8 else round(len(lone) ** 0.5))
    for number, box in enumerate(lone):
        places[box] = (right + number % across, number // across)
    return Layout(places, routes)


_LONGEST = 30
"""Layers that an edge may cross and still have a place in each."""


def _short(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out edges across many layers, but one for each box that has no other.

    Each layer that an edge crosses takes a point: an input that 5,000 steps read would take
    millions.
    """
    layer: dict[int, int] = {}
    for a, b in sorted(pairs, key=lambda pair: pair[1]):
        layer[b] = max(layer.get(b, 0), layer.setdefault(a, 0) + 1)
    kept = [(a, b) for a, b in pairs if layer[b] - layer[a] <= _LONGEST]
    met = {box for pair in kept for box in pair}
    for a, b in sorted(set(pairs).difference(kept), key=lambda pair: layer[pair[1]]):
        if a not in met or b not in met:
            kept.append((a, b))
            met |= {a, b}
    return kept
