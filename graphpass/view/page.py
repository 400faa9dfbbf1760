"""One HTML page of a model, or of the difference between two: a file that needs no network."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import Any

from graphpass.view.drawing import Cluster, Drawing, group_boxes
from graphpass.view.layout import layered

__all__ = ["as_html", "dot", "page", "svg"]

_MANY = 200
"""Boxes that the first look unfolds at most."""


def page(drawing: Drawing) -> str:
    """Return the page as HTML.

    Raises
    ------
    UsageError
        fast-sugiyama is not installed.

    Notes
    -----
    Linear in boxes and edges, but for the layouts of what stands in one group together.
    """
    attrs: dict[tuple[tuple[str, str], ...], int] = {}
    boxes = []
    for box in drawing.boxes:
        number = attrs.setdefault(tuple(box.attrs.items()), len(attrs))
        boxes.append(
            [box.name, box.op, number, box.outputs, box.multiply_adds, box.parameters, box.heads,
             box.state, box.notes]
        )  # fmt: skip
    weights = {
        name: [weight.shape]
        if (found := weight.histogram) is None
        else [weight.shape, found.low, found.high, found.mean, found.deviation, found.counts,
              found.sampled]
        for name, weight in drawing.weights.items()
    }  # fmt: skip
    groups = _groups(drawing, group_boxes(drawing))
    data = {
        "facts": drawing.facts,
        "boxes": boxes,
        "attrs": [dict(pairs) for pairs in attrs],
        "weights": weights,
        "edges": drawing.edges,
        "groups": groups,
        "open": _opened(groups),
    }
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    template = files("graphpass.view").joinpath("page.html").read_text("utf-8")
    return template.replace("{{title}}", as_html(drawing.title)).replace("{{data}}", text)


def _groups(drawing: Drawing, root: Cluster) -> list[dict[str, Any]]:
    """Return each group with its children's places and the edges between them, the root first.

    A child is the position of a box, or -1 - the number of a group.
    """
    numbers = {root: 0}
    order = [root]
    way: dict[int, list[tuple[int, int]]] = {}
    chains: list[list[tuple[int, int]]] = [[]]
    for group in order:  # grows while it is walked
        number = numbers[group]
        for position, child in enumerate(group.children):
            chain = [*chains[number], (number, position)]
            if isinstance(child, Cluster):
                numbers[child] = len(order)
                order.append(child)
                chains.append(chain)
            else:
                way[child] = chain
    between: list[dict[tuple[int, int], int]] = [{} for _ in order]
    enters: list[set[int]] = [set() for _ in order]
    leaves: list[set[int]] = [set() for _ in order]
    for a, b in drawing.edges:
        above, below = way[a], way[b]
        depth = next(
            level for level, (one, other) in enumerate(zip(above, below, strict=False))
            if one != other
        )  # fmt: skip
        at, start = above[depth]
        ends = start, below[depth][1]
        between[at][ends] = between[at].get(ends, 0) + 1
        for inner, position in above[depth + 1 :]:
            leaves[inner].add(position)
        for inner, position in below[depth + 1 :]:
            enters[inner].add(position)
    found = []
    for number, group in enumerate(order):
        layout = layered(len(group.children), between[number])
        found.append(
            {
                "label": group.label.rstrip("_./"),
                "children": [
                    -1 - numbers[child] if isinstance(child, Cluster) else child
                    for child in group.children
                ],
                "places": [[round(x, 2), y] for x, y in layout.places],
                "edges": [
                    [a, b, times, [[round(x, 2), y] for x, y in layout.routes.get((a, b), ())]]
                    for (a, b), times in between[number].items()
                ],
                "enters": sorted(enters[number]),
                "leaves": sorted(leaves[number]),
            }
        )
    return found


def _opened(groups: list[dict[str, Any]]) -> list[int]:
    """Return the groups unfolded at first: all of a small model, the outer ones of a large."""
    opened, shown, front = [0], len(groups[0]["children"]), [0]
    while front:
        inner = [-1 - child for group in front for child in groups[group]["children"] if child < 0]
        shown += sum(len(groups[group]["children"]) for group in inner)
        if shown > _MANY:
            break
        opened += inner
        front = inner
    return opened


# -- files for papers ----------------------------------------------------------------------------

_WIDE, _HIGH, _ACROSS, _DOWN = 150, 30, 170, 52
_FILL = {"added": "#c9efcf", "removed": "#f8cfcf", "changed": "#fdeeb5", "moved": "#d4e4fb"}


def as_html(text: str) -> str:
    """Return a text for a page; bytes of names that are not UTF-8 are spelled out."""
    return html.escape(text.encode("utf-8", "backslashreplace").decode())


def svg(drawing: Drawing) -> str:
    """Return the whole drawing, unfolded, as an SVG picture with one box for each operator.

    Raises
    ------
    UsageError
        fast-sugiyama is not installed.
    """
    layout = layered(len(drawing.boxes), drawing.edges)
    spots = [(12 + x * _ACROSS, 12 + y * _DOWN) for x, y in layout.places]
    width = max((x for x, _ in spots), default=0) + _WIDE + 12
    height = max((y for _, y in spots), default=0) + _HIGH + 12
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'font-family="sans-serif" font-size="10">',
        f"<title>{_escaped(drawing.title)}</title>",
        '<defs><marker id="arrow" viewBox="0 0 6 6" refX="6" refY="3" markerWidth="6" '
        'markerHeight="6" orient="auto"><path d="M0,0L6,3L0,6z" fill="#667"/></marker></defs>',
    ]
    half = _WIDE / 2
    for a, b in drawing.edges:
        points: list[tuple[float, float]] = [(spots[a][0] + half, spots[a][1] + _HIGH)]
        for x, y in layout.routes.get((a, b), ()):
            points.append((12 + x * _ACROSS + half, 12 + y * _DOWN + _HIGH / 2))
        points.append((spots[b][0] + half, spots[b][1]))
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        lines.append(
            f'<polyline points="{way}" fill="none" stroke="#667" marker-end="url(#arrow)"/>'
        )
    for box, (x, y) in zip(drawing.boxes, spots, strict=True):
        fill = _FILL.get(box.state, "#eef1f6" if box.op == "input" else "#fff")
        lines.append(
            f'<g><title>{_escaped(box.name)}</title><rect x="{x:.1f}" y="{y:.1f}" '
            f'width="{_WIDE}" height="{_HIGH}" rx="4" fill="{fill}" stroke="#445"/>'
            f'<text x="{x + half:.1f}" y="{y + 12:.1f}" text-anchor="middle" '
            f'font-weight="bold">{_escaped(_fit(box.op, 24))}</text>'
            f'<text x="{x + half:.1f}" y="{y + 24:.1f}" text-anchor="middle">'
            f"{_escaped(_fit(box.name, 27))}</text></g>"
        )
    return "\n".join([*lines, "</svg>", ""])


def dot(drawing: Drawing) -> str:
    """Return the drawing in the language of Graphviz, for its own tools to lay out."""

    def quoted(text: str) -> str:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'

    lines = [
        f"digraph {quoted(drawing.title)} {{",
        "  node [shape=box, fontname=sans, style=filled]",
    ]
    for number, box in enumerate(drawing.boxes):
        label = quoted(f"{box.op}\n{box.name}")
        lines.append(f'  n{number} [label={label}, fillcolor="{_FILL.get(box.state, "white")}"]')
    lines += [f"  n{a} -> n{b}" for a, b in drawing.edges]
    return "\n".join([*lines, "}", ""])


def _escaped(text: str) -> str:
    printable = "".join(each if each.isprintable() else "\ufffd" for each in text)
    return html.escape(printable)


def _fit(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length // 2]}…{text[-(length // 2) + 1 :]}"
