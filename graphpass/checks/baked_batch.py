"""A batch size that stands in the graph, so that no other one can be fed."""

from __future__ import annotations

from collections.abc import Iterator

from graphpass.checks.batch_probe import BatchProbe
from graphpass.checks.constants import constants
from graphpass.checks.freeing import (
    fixes_first_axis,
    free_batch,
    freeing_reshape,
    freeing_state,
    target,
)
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Spot, Subject
from graphpass.shapes.batch import batch_axis, is_shared
from graphpass.shapes.hints import shape_hint

__all__ = ["CHECKS"]


def _baked(subject: Subject) -> Iterator[Found]:
    probe = BatchProbe(subject)
    yield from _reshapes(subject, probe)
    yield from _hints(subject)
    yield from _constants(subject, probe)


def _reshapes(subject: Subject, probe: BatchProbe) -> Iterator[Found]:
    """Yield the reshapings that fix an extent which grows with the batch.

    What is computed from one of them has the fixed extent too, so there the shapes tell nothing.
    """
    graph = subject.graph
    suspects = {
        spot.key: spot
        for spot in subject.of("Reshape", "broadcast_to")
        if fixes_first_axis(subject, spot) or _breaks(spot, probe)
    }
    for key in graph.order() if suspects else ():
        if key in suspects and not _is_harmless(suspects[key], probe):
            yield _reshape(subject, suspects[key], probe)
            probe.spoilt.add(key)
        elif not probe.spoilt.isdisjoint(graph.sources(key)):
            probe.spoilt.add(key)


def _breaks(spot: Spot, probe: BatchProbe) -> bool:
    """Return whether a Reshape leaves the first axis open and has no place for more samples."""
    if spot.inside or spot.node.op != "Reshape" or not target(spot):
        return False
    if spot.key not in probe.breaking:
        return False
    return probe.steady(spot.graph.inputs(spot.key)[0]) is not None


def _is_harmless(spot: Spot, probe: BatchProbe) -> bool:
    """Return whether the first axis is not that of the batch, and no other one is fixed."""
    steady = probe.steady(spot.graph.inputs(spot.key)[0])
    if steady is None or spot.key in probe.conflicts:
        return False
    if None not in steady:
        return spot.node.op == "Reshape"
    first, wanted = steady[0], target(spot)[0]
    if spot.node.op == "Reshape":
        return first is not None and first % wanted == 0
    return first == wanted


def _reshape(subject: Subject, spot: Spot, probe: BatchProbe) -> Found:
    shape, steady = target(spot), probe.steady(spot.graph.inputs(spot.key)[0])
    fixes, remedy = f"the first axis to {shape[0]}", freeing_reshape(subject, spot)
    if shape[0] < 1 or (steady and steady[0] is not None):
        fixes, remedy = "the number of elements", ""
    if spot.node.op == "broadcast_to":
        then = "MXNet refuses it"
    elif min(shape) >= 0:
        then = "MXNet 1.9.1 returns garbage and no error"
    else:
        then = "samples end up in another axis, or get lost"
    return Found(
        (spot.node,),
        f"its shape {shape} fixes {fixes}; fed with another batch size, {then}",
        remedy=remedy,
    )


def _hints(subject: Subject) -> Iterator[Found]:
    graph = subject.graph
    for key in graph.order():
        if key not in subject.inputs:
            continue
        attrs = graph.attrs(key)
        shape, axis = shape_hint(attrs, np_shape=False) or (), batch_axis(attrs)
        extent = shape[axis] if axis < len(shape) else None
        if len(shape) < 2 or extent is None:
            continue
        if subject.model.parameters or not is_shared(graph, subject.unaided, key):
            which = "the first axis" if axis == 0 else f"axis {axis}, the N of __layout__,"
            yield Found(
                (subject.found(key),),
                f"the hint __shape__={attrs['__shape__']} fixes {which} of the input to {extent}",
                remedy=f"apply {free_batch(extent)}",
            )


def _constants(subject: Subject, probe: BatchProbe) -> Iterator[Found]:
    """Yield arrays of a fixed shape that meet what is fed where extents have to agree."""
    for constant in constants(subject, probe):
        what, extent = constant.what, constant.extent
        yield Found(
            (constant.spot.node,),
            f"{what} fixes the batch to {extent}: {subject.found(constant.reader)} reads it beside "
            "what is fed",
            remedy=freeing_state(subject, constant.spot, extent) if constant.is_state else "",
        )


CHECKS = (
    Check(
        "baked-batch",
        "warning",
        "a batch size in the shape of a Reshape, an input's hint or a constant",
        "apply free-batch",
        _baked,
    ),
)
