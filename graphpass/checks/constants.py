"""Constants that are as long as one batch: states, and parameters that are spread over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphpass.checks.batch_probe import BatchProbe
from graphpass.checks.freeing import target
from graphpass.checks.subject import Spot, Subject
from graphpass.graph import Entry, Use
from graphpass.shapes import Shape
from graphpass.shapes.families.elementwise import broadcast, same_shape
from graphpass.shapes.table import rule_of

__all__ = ["Constant", "constants"]

_STATES = frozenset({"_full", "_ones", "_random_normal", "_random_uniform", "_zeros",
                     "_zeros_without_dtype"})  # fmt: skip
"""Operators that make an array of a shape that is written down."""

_SPREADING = frozenset({"broadcast_axis", "broadcast_to", "tile"})
"""Operators that write a value several times along an axis."""

_KEEPING = frozenset({"Dropout", "FullyConnected", "LeakyReLU", "SliceChannel", "expand_dims"})
"""Operators that hand on the first extent of what they read first, if their axis is another."""

_ALIGNED = frozenset({"Concat", "stack", "where"})
"""Operators, beside those of numbers, that want one first extent, if Concat's axis is another."""


@dataclass(frozen=True, slots=True)
class Constant:
    """An array of a fixed extent that meets what is fed."""

    spot: Spot
    extent: int
    reader: int
    """Key of the operator where it meets it."""

    what: str
    """What says the extent, as messages have it."""

    is_state: bool


def constants(subject: Subject, probe: BatchProbe) -> Iterator[Constant]:
    """Yield the constants of the outermost graph that fix the batch.

    Notes
    -----
    Linear in the graph, for each constant.
    """
    for spot in subject.of(*sorted(_STATES)):
        shape = target(spot)
        if spot.inside or len(shape) < 2 or not (use := _meeting(subject, probe, spot.key)):
            continue
        extent = shape[_axis(subject, use)]
        if extent > 0:
            what = f"the initial state of shape {shape}"
            yield Constant(spot, extent, use.node, what, True)
    for spot in subject.of(*sorted(_SPREADING)):
        if spot.inside or spot.key in subject.fed:
            continue
        use = _meeting(subject, probe, spot.key)
        rows = use and _spread_to(subject, spot, _axis(subject, use))
        if use and rows:
            yield Constant(spot, rows, use.node, f"its output of {rows} rows", False)


def _axis(subject: Subject, use: Use) -> int:
    return 1 if subject.graph.op(use.node) == "RNN" else 0


def _spread_to(subject: Subject, spot: Spot, axis: int) -> int | None:
    """Return the extent that an operator gives an axis, None if it leaves it as it is."""
    known, read = subject.from_all, spot.graph.inputs(spot.key)
    before, after = known.shape(read[0]) if read else None, known.shape(Entry(spot.key))
    written = spot.attribute("reps") or () if spot.node.op == "tile" else target(spot)
    if len(written if after is None else after) < 2:
        return None  # numbers of their own, such as one for each box
    extent = _at(after, axis) or _at(written, axis)
    if after is None and spot.node.op == "tile" and extent == 1:
        return None
    if before is not None and after is not None and len(before) == len(after):
        return None if before[axis] == extent else extent
    return extent


def _at(shape: Shape | None, axis: int) -> int | None:
    return shape[axis] if shape is not None and axis < len(shape) else None


def _meeting(subject: Subject, probe: BatchProbe, key: int) -> Use | None:
    """Return where an array first meets what is fed and has to be as long."""
    graph, fed = subject.graph, subject.fed
    seen, pending = {key}, [key]
    while pending:
        current = pending.pop()
        for use in graph.uses(current):
            if use.node in seen or not graph.reaches(use.node):
                continue
            seen.add(use.node)
            if graph.op(use.node) == "RNN":
                return use
            if use.node in fed:
                if _aligns(subject, use) and not _beside_a_steady_one(subject, probe, use.node):
                    return use
            elif _keeps(subject, use):
                pending.append(use.node)
    return None


def _aligns(subject: Subject, use: Use) -> bool:
    """Return whether an operator wants what it reads to be as long as its other inputs."""
    graph = subject.graph
    op = graph.op(use.node)
    rule = rule_of(op)
    if op in _ALIGNED:
        return op != "Concat" or _attribute(subject, use, "dim") != 0
    if rule is None or rule.shape is not broadcast:
        return rule is not None and rule.shape is same_shape
    shapes = [subject.from_all.shape(entry) for entry in graph.inputs(use.node)]
    own = shapes[use.slot]
    return (
        bool(own)
        and (_at(own, 0) or 0) > 1
        and len({shape and len(shape) for shape in shapes}) == 1
    )


def _beside_a_steady_one(subject: Subject, probe: BatchProbe, key: int) -> bool:
    """Return whether the first axis of what is fed there is not that of the batch."""
    read = [entry for entry in subject.graph.inputs(key) if entry.node in subject.fed]
    shapes = [probe.steady(entry) for entry in read]
    return all(shape is not None and _at(shape, 0) is not None for shape in shapes)


def _keeps(subject: Subject, use: Use) -> bool:
    """Return whether an operator's output is as long as what it reads."""
    op = subject.graph.op(use.node)
    if op in _KEEPING:
        return use.slot == 0 and _attribute(subject, use, "axis") != 0
    rule = rule_of(op)
    return rule is not None and rule.shape is same_shape


def _attribute(subject: Subject, use: Use, name: str) -> Any:
    return Spot(subject.graph, use.node, ()).attribute(name)
