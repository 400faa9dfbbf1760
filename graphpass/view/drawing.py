"""What a picture shows: operators as boxes with their weights folded in, and the values between."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from graphpass.model import Model
from graphpass.rules.report.firings import Firing
from graphpass.rules.report.report import Report, every_step
from graphpass.shapes import Shape, printed
from graphpass.verify.difference import Diff
from graphpass.view.summary import assess

__all__ = ["Box", "Cluster", "Drawing", "draw", "draw_difference", "group_boxes"]


@dataclass(slots=True)
class Box:
    """An operator, or a variable that is no weight, as one box."""

    name: str
    op: str
    """Operator, ``"input"`` for a variable."""

    attrs: Mapping[str, str]
    outputs: list[str]
    """Shape and dtype of each output, as text: ``1x64x112x112 float32``."""

    multiply_adds: int | None
    parameters: list[str]
    """Names of the weights and states that it reads, by slot."""

    heads: list[str]
    """Names of the outputs of the model that it gives."""

    state: str = ""
    """In a picture of a difference: ``added``, ``removed``, ``changed`` or ``moved``."""

    notes: list[str] = field(default_factory=list)
    """What changed, or which rule made it."""


@dataclass(slots=True)
class Drawing:
    """All boxes of a picture in saved order, and the values that run between them."""

    title: str
    boxes: list[Box]
    edges: list[tuple[int, int]]
    """Position of the box that gives a value, of the one that reads it; each pair once."""

    weights: dict[str, Stored]
    """What is known of each weight, by name."""

    facts: list[tuple[str, str]]
    """Lines of a table about the whole."""

    def users(self) -> dict[str, list[int]]:
        """Return which boxes read a weight, of those weights that several read."""
        users: dict[str, list[int]] = defaultdict(list)
        for position, box in enumerate(self.boxes):
            for name in dict.fromkeys(box.parameters):
                users[name].append(position)
        return {name: boxes for name, boxes in users.items() if len(boxes) > 1}


@dataclass(slots=True)
class Stored:
    """A weight or an auxiliary state."""

    shape: str
    histogram: Histogram | None = None
    """None where it has no stored value, or no number."""


@dataclass(slots=True)
class Histogram:
    """How values are spread."""

    low: float
    high: float
    counts: list[int]
    """Of `bins` ranges of one width between `low` and `high`."""

    mean: float
    deviation: float
    sampled: bool
    """Whether only part of the values was looked at."""


_BINS, _SAMPLE = 32, 100_000
_EMPTY: dict[str, str] = {}


def draw(
    model: Model,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    title: str = "model",
    histograms: bool = True,
) -> Drawing:
    """Return what a picture of a model shows.

    Parameters
    ----------
    model : Model
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs, which make those of all other values known.
    title : str
    histograms : bool
        Whether to look at the values of the weights; of each, at most 100,000 evenly spaced ones.

    Raises
    ------
    UsageError
        `shapes` names no input of the model.

    Notes
    -----
    Linear in the graph, and in what is looked at of the weights.
    """
    drawing, _ = _draw(model, shapes or {}, title, histograms)
    return drawing


def _draw(
    model: Model, shapes: Mapping[str, tuple[int, ...]], title: str, histograms: bool
) -> tuple[Drawing, dict[int, int]]:
    graph, costs = model.graph, assess(model, shapes)
    inputs = set(model.inputs)
    read = {source for key in graph.order() for source in graph.sources(key)}
    heads: dict[int, list[str]] = defaultdict(list)
    for head, name in zip(graph.heads, graph.outputs, strict=True):
        heads[head.node].append(name)
    places: dict[int, int] = {}
    boxes: list[Box] = []
    weights: dict[str, Stored] = {}
    for line in costs.lines:
        key, values = line.id, zip(line.shapes, line.dtypes, strict=True)
        outputs = [f"{_spelled(shape)} {dtype or '?'}" for shape, dtype in values]
        variable = graph.is_variable(key)
        if variable and line.name not in inputs and key in read and key not in heads:
            histogram = _histogram(model, line.name) if histograms else None
            weights[line.name] = Stored(outputs[0], histogram)
            continue
        places[key] = len(boxes)
        folded = [
            graph.name(entry.node)
            for entry in graph.inputs(key)
            if graph.is_variable(entry.node) and entry.node not in places
        ]
        op = "input" if variable else line.op
        attrs = graph.attrs(key) or _EMPTY
        boxes.append(
            Box(line.name, op, attrs, outputs, line.multiply_adds, folded, heads.get(key, []))
        )
    edges = [
        (places[source], place)
        for key, place in places.items()
        for source in dict.fromkeys(graph.sources(key))
        if source in places
    ]
    facts = [
        ("operators", f"{sum(box.op != 'input' for box in boxes):,}"),
        ("parameters", f"{len(weights):,} ({costs.parameter_bytes:,} bytes)"),
        ("multiply-adds", f"{costs.multiply_adds:,}" if costs.multiply_adds else "not known"),
        ("inputs", ", ".join(model.inputs)),
        ("outputs", ", ".join(graph.outputs)),
    ]
    return Drawing(title, boxes, edges, weights, facts), places


def _spelled(shape: Shape | None) -> str:
    return (
        "x".join("?" if each is None else str(each) for each in shape) if shape else printed(shape)
    )


def _histogram(model: Model, name: str) -> Histogram | None:
    import numpy as np

    if name not in model.parameters:
        return None
    values = np.asarray(model.parameters[name]).reshape(-1)
    step = max(1, -(-values.size // _SAMPLE))
    looked = values[::step]
    if looked.dtype.kind not in "fiub" and looked.dtype.name != "bfloat16":
        return None
    looked = looked.astype(np.float64)
    looked = looked[np.isfinite(looked)]
    if not looked.size:
        return None
    counts, _ = np.histogram(looked, bins=_BINS)
    low, high = float(looked.min()), float(looked.max())
    return Histogram(
        low, high, counts.tolist(), float(looked.mean()), float(looked.std()), step > 1
    )


# -- two models -----------------------------------------------------------------------------------


def draw_difference(
    before: Model,
    after: Model,
    difference: Diff,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    title: str = "difference",
    report: Report | None = None,
    histograms: bool = True,
) -> Drawing:
    """Return one picture of two models: the second, and what only the first has.

    Parameters
    ----------
    before, after : Model
    difference : Diff
        What `graphpass.diff(before, after)` returns.
    shapes : mapping of str to tuple of int, optional
        Shapes of inputs; each model takes those of its own inputs.
    title : str
    report : Report, optional
        What made `after` of `before`: boxes then tell which rule made them, and of what.
    histograms : bool
        Whether to look at the values of the weights.
    """
    given = shapes or {}

    def own(model: Model) -> dict[str, tuple[int, ...]]:
        return {name: shape for name, shape in given.items() if name in model.inputs}

    old, old_places = _draw(before, own(before), title, histograms=False)
    new, new_places = _draw(after, own(after), title, histograms)
    for node in difference.graph.only_in_b:
        if node.key in new_places:
            new.boxes[new_places[node.key]].state = "added"
    for change in difference.graph.changed:
        place = new_places.get(change.b.key)
        if place is not None:
            own_change = change.attributes or change.a.op != change.b.op or change.renamed
            new.boxes[place].state = "changed" if own_change else "moved"
            new.boxes[place].notes.append(str(change))
    if report is not None:
        for key, note in _made_by(report):
            if key in new_places:
                new.boxes[new_places[key]].notes.append(note)

    # What only the first has goes where its neighbours in the first are.
    met = {
        old_places[a]: new_places[b]
        for a, b in difference.graph.mapping.items()
        if a in old_places and b in new_places
    }
    slots: dict[int, tuple[int, int]] = {}
    last = -1
    for place in range(len(old.boxes)):
        if place in met:
            last = met[place]
            slots[place] = (last, -1)
        else:
            old.boxes[place].state = "removed"
            slots[place] = (last, place)
    order = sorted({*slots.values(), *((place, -1) for place in range(len(new.boxes)))})
    where = {slot: position for position, slot in enumerate(order)}
    edges = {(where[a, -1], where[b, -1]) for a, b in new.edges}
    edges |= {
        (where[slots[a]], where[slots[b]]) for a, b in old.edges if a not in met or b not in met
    }
    boxes = [new.boxes[a] if b < 0 else old.boxes[b] for a, b in order]
    states = [box.state for box in boxes]
    counts = ", ".join(
        f"{states.count(state)} {state}"
        for state in ("added", "removed", "changed", "moved")
        if state in states
    )
    facts = [("difference", counts or "none"), *new.facts]
    return Drawing(title, boxes, sorted(edges), {**old.weights, **new.weights}, facts)


def _made_by(report: Report) -> Iterator[tuple[int, str]]:
    """Yield the key of a node that a rule made or changed, and what to say of it."""
    for step in every_step(report.steps):
        where = f"{step.place}: " if step.place else ""
        firings: Sequence[Firing] = step.firings
        for firing in firings:
            if firing.path:
                continue
            gone = ", ".join(f"{ref.op} {ref.name!r}" for ref in firing.removed if ref.op != "null")
            for ref in firing.added:
                yield ref.key, f"{where}{firing.rule} made it of {gone or firing.root.name}"
        if not firings:
            for ref in step.delta.nodes_added:
                yield ref.key, f"{where}rule {step.index} ({step.keyword}) made it"


# -- groups ---------------------------------------------------------------------------------------


@dataclass(slots=True, eq=False)
class Cluster:
    """A group: boxes, and groups of boxes, that a picture can fold into one."""

    label: str
    children: list[int | Cluster]
    """Positions of boxes, and groups, in saved order."""

    def boxes(self) -> Iterator[int]:
        """Yield the positions of all boxes in it."""
        pending: list[int | Cluster] = [self]
        while pending:
            each = pending.pop()
            if isinstance(each, Cluster):
                pending.extend(reversed(each.children))
            else:
                yield each


_PART = re.compile(r"[^_/.]+[_/.]*")
_FEWEST, _MOST = 3, 600


def group_boxes(drawing: Drawing) -> Cluster:
    """Return boxes grouped by the beginnings of their names, as layers and blocks bear them.

    A beginning makes a group where at least three boxes have it and they stand close together in
    saved order; what remains of more than 600 in one place is cut into runs. Linear in boxes and
    parts of names.
    """
    boxes = drawing.boxes
    root = Cluster("", [])
    pending: list[tuple[Cluster, list[int], int]] = [(root, list(range(len(boxes))), 0)]
    parts = [_PART.findall(box.name) for box in boxes]
    while pending:
        group, members, depth = pending.pop()
        by_part: dict[str, list[int]] = defaultdict(list)
        for member in members:
            if len(parts[member]) > depth + 1:
                by_part[parts[member][depth]].append(member)
        placed: dict[int, Cluster] = {}
        for part, found in by_part.items():
            if len(found) == len(members):
                break
            close = found[-1] - found[0] < 2 * len(found) + 8
            if len(found) >= _FEWEST and close:
                inner = Cluster(f"{group.label}{part}", [])
                placed.update(dict.fromkeys(found, inner))
                pending.append((inner, found, depth + 1))
        else:
            group.children = list(dict.fromkeys(placed.get(member, member) for member in members))
            continue
        # All share this part of the name: it belongs to the group's own label.
        group.label += part
        pending.append((group, members, depth + 1))
    uncut = [root]
    while uncut:
        group = uncut.pop()
        uncut.extend(each for each in group.children if isinstance(each, Cluster))
        while len(group.children) > _MOST:
            length = max(20, int(len(group.children) ** 0.5))
            runs: list[int | Cluster] = []
            for start in range(0, len(group.children), length):
                run = Cluster("", group.children[start : start + length])
                members = list(run.boxes())
                run.label = f"{boxes[members[0]].name} … {boxes[members[-1]].name}"
                runs.append(run)
            group.children = runs
    return root
