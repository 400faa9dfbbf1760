"""A batch size that stands in the graph, so that no other one can be fed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from graphpass.checks.subject import Attempt, CheckedModel, Hit, Spot, finds
from graphpass.graph import Entry, Use
from graphpass.ops.families.common import broadcast, same_shape
from graphpass.ops.meaning import meaning
from graphpass.shapes import Inference, Shape
from graphpass.shapes.variables import batch_axis, is_shared, shape_hint


def target(spot: Spot) -> tuple[int, ...]:
    """Return the shape that an operator is given, with 0 for what it leaves open."""
    shape = spot.attribute("shape") or spot.attribute("target_shape") or ()
    return tuple(extent or 0 for extent in shape)


def freeing(extent: int) -> Attempt:
    """Return the pass that frees a model of a batch size."""
    return Attempt("free-batch", {"from": extent})


@finds(
    "baked-batch",
    "warning",
    "a batch size in the shape of a Reshape, an input's hint or a constant",
    "apply free-batch",
)
def baked(subject: CheckedModel) -> Iterator[Hit]:
    """Yield what fixes the batch: reshapings, hints of inputs, and constants as long as one."""
    growth = _Growth(subject)
    yield from _reshapes(subject, growth)
    yield from _hints(subject)
    for key, what, extent, reader in _constants(subject, growth):
        yield Hit(
            (subject.found(key),),
            f"{what} fixes the batch to {extent}: {subject.found(reader)} reads it beside what is "
            "fed",
            remedy=freeing(extent),
        )


_TIME_FIRST = ("RNN", "SequenceLast", "SequenceMask", "SequenceReverse")
"""Operators that take axis 1 for the batch."""


class _Growth:
    """Which extents grow with the batch: shapes are inferred twice, once for twice the samples.

    Nothing is said of what is computed from an input of unknown shape: what an operator behind it
    wants would be taken for what it is given.
    """

    def __init__(self, subject: CheckedModel) -> None:
        self._subject = subject
        axes = self._axes = (0, 1) if subject.spots.keys() & _TIME_FIRST else (0,)
        self.spoilt: set[int] = set()
        """Keys of the nodes that have a fixed extent where they should have the batch, of which
        nothing is said either."""
        self._single: dict[str, Shape] = {}
        self._double: dict[str, Shape] = {}
        for key in subject.inputs:
            shape = subject.from_all.shape(Entry(key))
            if shape is not None and None not in shape[1:]:
                name = subject.graph.name(key)
                self._single[name] = single = (shape[0] or 2, *shape[1:]) if shape else shape
                self._double[name] = tuple(
                    2 * extent if axis in axes and extent is not None else extent
                    for axis, extent in enumerate(single)
                )

    @cached_property
    def _inferred(self) -> tuple[Inference, Inference]:
        infer = self._subject.model.infer
        return infer(self._single), infer(self._double)

    @cached_property
    def conflicts(self) -> frozenset[int]:
        """Keys of the operators that do not run on the bigger batch."""
        return frozenset(conflict.key for conflict in self._inferred[1].conflicts)

    @property
    def breaking(self) -> frozenset[int]:
        """Those among them that run on the batch as it is; none where time may have grown too."""
        if len(self._axes) > 1:
            return frozenset()
        return self.conflicts - {conflict.key for conflict in self._inferred[0].conflicts}

    @cached_property
    def _vague(self) -> frozenset[int]:
        """Keys of the nodes that are computed from what has no known shape, or can't be."""
        graph = self._subject.graph
        unknown = {key for keys in self._inferred[1].unknown.values() for key in keys}
        unknown |= self.conflicts
        found: set[int] = set()
        for key in graph.order():
            shapeless = key in self._subject.inputs and graph.name(key) not in self._double
            if shapeless or key in unknown or not found.isdisjoint(graph.sources(key)):
                found.add(key)
        return frozenset(found)

    def steady(self, entry: Entry) -> Shape | None:
        """Return the extents of a value that do not grow with the batch, None for those that do.

        Returns
        -------
        Shape or None
            None if nobody can say.
        """
        if entry.node in self.spoilt or entry.node in self._vague:
            return None
        single, double = (found.shape(entry) for found in self._inferred)
        if single is None or double is None or len(single) != len(double):
            return None
        return tuple(
            one if one == other else None for one, other in zip(single, double, strict=True)
        )


# -- reshapings and hints --------------------------------------------------------------------------


def _reshapes(subject: CheckedModel, growth: _Growth) -> Iterator[Hit]:
    """Yield the reshapings that fix an extent which grows with the batch.

    What is computed from one of them has the fixed extent too, so there the shapes tell nothing.
    """
    graph = subject.graph
    suspects = {}
    for spot in subject.of("Reshape", "broadcast_to"):
        shape = target(spot)
        if spot.inside or not shape:
            continue
        fixes_first = spot.key in subject.fed and len(shape) > 1 and shape[0] > 0
        # A Reshape may leave the first axis open, and have no place for more samples.
        if fixes_first or (
            spot.op == "Reshape"
            and spot.key in growth.breaking
            and growth.steady(graph.inputs(spot.key)[0]) is not None
        ):
            suspects[spot.key] = spot
    for key in graph.order() if suspects else ():
        if key in suspects and not _is_harmless(suspects[key], growth):
            yield _reshape(suspects[key], growth)
            growth.spoilt.add(key)
        elif not growth.spoilt.isdisjoint(graph.sources(key)):
            growth.spoilt.add(key)


def _is_harmless(spot: Spot, growth: _Growth) -> bool:
    """Return whether the first axis is not that of the batch, and no other one is fixed."""
    steady = growth.steady(spot.graph.inputs(spot.key)[0])
    if steady is None or spot.key in growth.conflicts:
        return False
    if None not in steady:
        return spot.op == "Reshape"
    first, wanted = steady[0], target(spot)[0]
    if spot.op == "Reshape":
        return first is not None and first % wanted == 0
    return first == wanted


def _reshape(spot: Spot, growth: _Growth) -> Hit:
    shape, steady = target(spot), growth.steady(spot.graph.inputs(spot.key)[0])
    if shape[0] < 1 or (steady and steady[0] is not None):
        fixes = "the number of elements"
        remedy: Attempt | str = ""
    else:
        fixes = f"the first axis to {shape[0]}"
        remedy = freeing(shape[0])
    if spot.op == "broadcast_to":
        then = "MXNet refuses it"
    elif min(shape) >= 0:
        then = "MXNet 1.9.1 returns garbage and no error"
    else:
        then = "samples end up in another axis, or get lost"
    return Hit(
        (spot.node,),
        f"its shape {shape} fixes {fixes}; fed with another batch size, {then}",
        remedy=remedy,
    )


def _hints(subject: CheckedModel) -> Iterator[Hit]:
    graph = subject.graph
    for key in graph.order():
        if key not in subject.inputs:
            continue
        attrs = graph.attrs(key)
        shape, axis = shape_hint(attrs, np_shape=False) or (), batch_axis(attrs)
        extent = shape[axis] if axis < len(shape) else None
        if len(shape) < 2 or extent is None:
            continue
        if subject.model.parameters or not is_shared(graph, subject.unaided.shape, key):
            which = "the first axis" if axis == 0 else f"axis {axis}, the N of __layout__,"
            yield Hit(
                (subject.found(key),),
                f"the hint __shape__={attrs['__shape__']} fixes {which} of the input to {extent}",
                remedy=str(freeing(extent)),
            )


# -- constants that are as long as one batch -------------------------------------------------------


_STATES = ("_full", "_ones", "_random_normal", "_random_uniform", "_zeros", "_zeros_without_dtype")
"""Operators that make an array of a shape that is written down."""

_SPREADING = ("broadcast_axis", "broadcast_to", "tile")
"""Operators that write a value several times along an axis."""

_KEEPING = frozenset({"Dropout", "FullyConnected", "LeakyReLU", "SliceChannel", "expand_dims"})
"""Operators that hand on the first extent of what they read first, if their axis is another."""

_ALIGNED = frozenset({"Concat", "stack", "where"})
"""Operators, beside those of numbers, that want one first extent, if Concat's axis is another."""


def _constants(subject: CheckedModel, growth: _Growth) -> Iterator[tuple[int, str, int, int]]:
    """Yield the constants of the outermost graph that fix the batch.

    That is: the key, what says the extent, the extent, and the key of the operator where it meets
    what is fed. States have a shape that is written down; parameters are spread over the batch.
    Linear in the graph, for each constant.
    """
    for spot in subject.of(*_STATES):
        shape = target(spot)
        if spot.inside or len(shape) < 2:
            continue
        use = _meeting(subject, growth, spot.key)
        if use is not None and shape[_axis(subject, use)] > 0:
            what = f"the initial state of shape {shape}"
            yield spot.key, what, shape[_axis(subject, use)], use.node
    for spot in subject.of(*_SPREADING):
        if spot.inside or spot.key in subject.fed:
            continue
        use = _meeting(subject, growth, spot.key)
        rows = use and _spread_to(subject, spot, _axis(subject, use))
        if use and rows:
            yield spot.key, f"its output of {rows} rows", rows, use.node


def _axis(subject: CheckedModel, use: Use) -> int:
    return 1 if subject.graph.op(use.node) == "RNN" else 0


def _spread_to(subject: CheckedModel, spot: Spot, axis: int) -> int | None:
    """Return the extent that an operator gives an axis, None if it leaves it as it is."""
    known, read = subject.from_all, spot.graph.inputs(spot.key)
    before, after = known.shape(read[0]) if read else None, known.shape(Entry(spot.key))
    written = spot.attribute("reps") or () if spot.op == "tile" else target(spot)
    if len(written if after is None else after) < 2:
        return None  # numbers of their own, such as one for each box
    extent = _at(after, axis) or _at(written, axis)
    if after is None and spot.op == "tile" and extent == 1:
        return None
    if before is not None and after is not None and len(before) == len(after):
        return None if before[axis] == extent else extent
    return extent


def _at(shape: Shape | None, axis: int) -> int | None:
    return shape[axis] if shape is not None and axis < len(shape) else None


def _meeting(subject: CheckedModel, growth: _Growth, key: int) -> Use | None:
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
                if _aligns(subject, use) and not _beside_a_steady_one(subject, growth, use.node):
                    return use
            elif _keeps(subject, use):
                pending.append(use.node)
    return None


def _aligns(subject: CheckedModel, use: Use) -> bool:
    """Return whether an operator wants what it reads to be as long as its other inputs."""
    graph = subject.graph
    op = graph.op(use.node)
    rule = meaning(op).shape
    if op in _ALIGNED:
        return op != "Concat" or _attribute(subject, use, "dim") != 0
    if rule is not broadcast:
        return rule is same_shape
    shapes = [subject.from_all.shape(entry) for entry in graph.inputs(use.node)]
    several = (_at(shapes[use.slot], 0) or 0) > 1
    return several and len({shape and len(shape) for shape in shapes}) == 1


def _beside_a_steady_one(subject: CheckedModel, growth: _Growth, key: int) -> bool:
    """Return whether the first axis of what is fed there is not that of the batch."""
    read = [entry for entry in subject.graph.inputs(key) if entry.node in subject.fed]
    shapes = [growth.steady(entry) for entry in read]
    return all(_at(shape, 0) is not None for shape in shapes)


def _keeps(subject: CheckedModel, use: Use) -> bool:
    """Return whether an operator's output is as long as what it reads."""
    op = subject.graph.op(use.node)
    if op in _KEEPING:
        return use.slot == 0 and _attribute(subject, use, "axis") != 0
    return meaning(op).shape is same_shape


def _attribute(subject: CheckedModel, use: Use, name: str) -> Any:
    return subject.spot(use.node).attribute(name)
