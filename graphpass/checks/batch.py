"""A batch size that stands in the graph, so that no other one can be fed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property

from graphpass.checks.subject import Attempt, CheckedModel, Hit, Spot, finds
from graphpass.errors import AttributeValueError, OperationError
from graphpass.graph import Entry
from graphpass.ops.families import recurrent
from graphpass.ops.families.creating import filled
from graphpass.ops.meaning import meaning
from graphpass.ops.sites import BatchSite
from graphpass.shapes import Inference, Shape
from graphpass.shapes.variables import batch_axis, is_shared, shape_hint


def target(spot: Spot) -> tuple[int, ...]:
    """Return the shape that an operator is given, with 0 for what it leaves open."""
    named = ("shape", "newshape", "target_shape")
    shape = next(filter(None, map(spot.attribute, named)), ())
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


class _Growth:
    """Which extents grow with the batch: shapes are inferred twice, once for twice the samples.

    Nothing is said of what is computed from an input of unknown shape: what an operator behind it
    wants would be taken for what it is given.
    """

    def __init__(self, subject: CheckedModel) -> None:
        self._subject = subject
        time_first = any(meaning(op) in recurrent.ROWS.values() for op in subject.spots)
        axes = self._axes = (0, 1) if time_first else (0,)
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

_RESHAPES = ("Reshape", "_np_reshape", "_npx_reshape")


def _reshapes(subject: CheckedModel, growth: _Growth) -> Iterator[Hit]:
    """Yield the reshapings that fix an extent which grows with the batch.

    What is computed from one of them has the fixed extent too, so there the shapes tell nothing.
    """
    graph = subject.graph
    suspects = {}
    for spot in subject.of(*_RESHAPES, "broadcast_to"):
        shape = target(spot)
        if spot.inside or not shape:
            continue
        fixes_first = spot.key in subject.fed and len(shape) > 1 and shape[0] > 0
        # A Reshape may leave the first axis open, and have no place for more samples.
        if fixes_first or (
            spot.op in _RESHAPES
            and spot.key in growth.breaking
            and growth.steady(graph.inputs(spot.key)[0]) is not None
        ):
            suspects[spot.key] = spot
    for key in graph.order() if suspects else ():
        is_harmless = True
        if key in suspects:  # harmless: the first axis is not the batch's, and no other is fixed
            op, steady = suspects[key].op, growth.steady(graph.inputs(key)[0])
            if steady is None or key in growth.conflicts:
                is_harmless = False
            elif None not in steady:
                is_harmless = op in _RESHAPES
            else:
                first, wanted = steady[0], target(suspects[key])[0]
                is_harmless = first is not None and wanted != 0 and first % wanted == 0
                is_harmless = is_harmless if op in _RESHAPES else first == wanted
        if not is_harmless:
            yield _reshape(suspects[key], growth)
        if not (is_harmless and growth.spoilt.isdisjoint(graph.sources(key))):
            growth.spoilt.add(key)


def _reshape(spot: Spot, growth: _Growth) -> Hit:
    shape, steady = target(spot), growth.steady(spot.graph.inputs(spot.key)[0])
    if shape[0] < 1 or (steady and steady[0] is not None):
        fixes = "the number of elements"
        remedy: Attempt | str = ""
    else:
        fixes = f"the first axis to {shape[0]}"
        remedy = freeing(shape[0])
    if spot.op == "broadcast_to" or (min(shape) >= 0 and spot.op != "Reshape"):
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


def _constants(subject: CheckedModel, growth: _Growth) -> Iterator[tuple[int, str, int, int]]:
    """Yield the constants of the outermost graph that fix the batch.

    That is: the key, what says the extent, the extent, and the key of the operator where it meets
    what is fed. States have a shape that is written down; parameters are spread over the batch.
    Linear in the graph, for each constant.
    """
    for op, spots in subject.spots.items():
        row = meaning(op)
        for spot in spots if row.shape is filled or row.spreads else ():
            if spot.inside or spot.key in subject.fed:
                continue
            for axis in (0, 1):
                if row.spreads:
                    rows = _spread_to(subject, spot, axis)
                    what = f"its output of {rows} rows"
                else:
                    shape = target(spot)
                    rows = _at(shape, axis) if len(shape) > 1 else None
                    what = f"the initial state of shape {shape}"
                reader = _meeting(subject, growth, spot.key, axis) if rows else None
                if rows and reader is not None:
                    yield spot.key, what, rows, reader
                    break


def _spread_to(subject: CheckedModel, spot: Spot, axis: int) -> int | None:
    """Return the extent that an operator gives an axis, None if it leaves it as it is."""
    known, read = subject.from_all, spot.graph.inputs(spot.key)
    before, after = known.shape(read[0]) if read else None, known.shape(Entry(spot.key))
    written = spot.attribute("reps") or target(spot)
    if len(written if after is None else after) < 2:
        return None  # numbers of their own, such as one for each box
    extent = _at(after, axis) or _at(written, axis)
    if after is None and spot.op == "tile" and extent == 1:
        return None
    if before is not None and after is not None and len(before) == len(after):
        return None if _at(before, axis) == extent else extent
    return extent


def _at(shape: Shape | None, axis: int) -> int | None:
    return shape[axis] if shape is not None and axis < len(shape) else None


def _meeting(subject: CheckedModel, growth: _Growth, key: int, axis: int) -> int | None:
    """Return where an array, of samples along an axis, first meets what is fed and is as long."""
    graph, fed = subject.graph, subject.fed
    seen, pending = {key}, [(key, axis)]
    for current, along in pending:  # which grows meanwhile
        for use in graph.uses(current):
            if use.node in seen or not graph.reaches(use.node):
                continue
            seen.add(use.node)
            beside = {
                slot for slot, entry in enumerate(graph.inputs(use.node)) if entry.node in fed
            }
            after = _joined(subject, use.node, {use.slot} | beside, along)
            if after is None:
                continue
            if not beside:
                pending.append((use.node, after))
            elif _joined(subject, use.node, beside, along) is None and not all(
                _at(growth.steady(graph.inputs(use.node)[slot]), along) is not None
                for slot in beside
            ):
                return use.node
    return None


def _joined(subject: CheckedModel, key: int, slots: Collection[int], axis: int) -> int | None:
    """Return along which axis an operator has the samples that it reads in some inputs along one.

    None if it mixes them, or wants other inputs to have them too, or if nobody can tell.
    """
    graph, row = subject.graph, meaning(subject.graph.op(key))
    read = graph.inputs(key)
    axes = [axis if slot in slots else None for slot in range(len(read))]
    shapes = [*map(subject.from_all.shape, read)]
    try:
        site = BatchSite(graph.op(key), graph.node(key).attributes, axes, shapes, False)
        found = None if row.batch is None else row.batch(site)
    except (AttributeValueError, LookupError, OperationError):
        return None
    return found[0] if isinstance(found, tuple) else found
