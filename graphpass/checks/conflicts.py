"""Shapes and types that contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphpass.checks.freeing import freeing_reshape
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Spot, Subject
from graphpass.errors import AttributeValueError
from graphpass.shapes.families.common import data_dtype, first_dtype
from graphpass.shapes.families.normalization import (
    batch_norm,
    batch_norm_dtype,
    group_norm,
    instance_norm,
    layer_norm,
    sync_batch_norm,
)
from graphpass.shapes.shape import printed
from graphpass.shapes.table import rule_of

__all__ = ["CHECKS", "wants_one_shape"]

_ONE_TYPE = (batch_norm_dtype, data_dtype, first_dtype)
_ONE_SHAPE = (batch_norm, group_norm, instance_norm, layer_norm, sync_batch_norm)
"""How types and shapes follow where the data give all other inputs one and the same."""


def wants_one_shape(op: str) -> bool:
    """Return whether what an operator reads beside its data has to be of one shape."""
    rule = rule_of(op)
    return rule is not None and rule.shape in _ONE_SHAPE


def _conflicts(subject: Subject) -> Iterator[Found]:
    told = set()
    for conflict in subject.from_all.conflicts:
        spot = Spot(subject.graph, conflict.key, ())
        told.add(conflict.key)
        yield Found(
            (subject.found(conflict.key),),
            conflict.message,
            remedy=freeing_reshape(subject, spot),
        )
    yield from _uneven(subject, told)


def _uneven(subject: Subject, told: set[int]) -> Iterator[Found]:
    """Yield operators whose parameters are of several types, or shapes, and have to be of one.

    Where nothing is known of the data, inference concludes nothing.
    Source: ``InferType`` (``This layer requires uniform type``) and ``InferShape`` in
    ``src/operator/nn/*.cc``.
    """
    graph, known = subject.graph, subject.from_all
    for op, spots in subject.spots.items():
        rule = rule_of(op)
        if rule is None:
            continue
        for spot in spots:
            if spot.inside or spot.key in told:
                continue
            read = graph.inputs(spot.key)[1:]
            types = [known.dtype(entry) for entry in read]
            if rule.dtype in _ONE_TYPE and len({*types} - {None}) > 1:
                yield Found((spot.node,), f"{_listed(spot, types)}, which have to be of one type")
            shapes = [None if shape is None else printed(shape) for shape in map(known.shape, read)]
            if wants_one_shape(op) and len({*shapes} - {None}) > 1:
                yield Found((spot.node,), f"{_listed(spot, shapes)}, which have to be of one shape")


def _listed(spot: Spot, facts: Sequence[str | None]) -> str:
    names = _slot_names(spot, len(facts) + 1)[1:]
    listed = [f"{name} {fact}" for name, fact in zip(names, facts, strict=True) if fact is not None]
    return f"it reads {', '.join(listed)}"


def _slot_names(spot: Spot, count: int) -> list[str]:
    try:
        names = list(spot.graph.signature(spot.key).input_names or ())
    except AttributeValueError:
        names = []
    return [*names, *(f"input {slot}" for slot in range(len(names), count))][:count]


CHECKS = (
    Check(
        "shape-conflict",
        "error",
        "shapes or types that can't be, from what `--input` gives and what is stored",
        None,
        _conflicts,
    ),
)
