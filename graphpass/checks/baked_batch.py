"""A batch size that stands in the graph, so that no other one can be fed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Spot, Subject
from graphpass.ops.values import parse_value

__all__ = ["CHECKS", "freeing"]

_STATES = frozenset({"_zeros", "_ones", "_full", "_zeros_without_dtype", "_random_normal",
                     "_random_uniform"})  # fmt: skip
"""Operators that make an array of a shape that is written down."""

_ONE_EXTENT = frozenset(
    {
        "Activation",
        "Cast",
        "Dropout",
        "FullyConnected",
        "SliceChannel",
        "_copy",
        "expand_dims",
        "relu",
        "sigmoid",
        "tanh",
    }
)
"""Operators that hand on the first extent of what they read, on the way from a state to a cell."""

_ALIGNED = frozenset(
    {
        "Concat",
        "_hypot",
        "_maximum",
        "_minimum",
        "_mul",
        "add_n",
        "elemwise_add",
        "elemwise_div",
        "elemwise_mul",
        "elemwise_sub",
        "stack",
        "where",
    }
)
"""Operators that want one and the same first extent of all that they read."""


def _baked(subject: Subject) -> Iterator[Found]:
    yield from _reshapes(subject)
    yield from _hints(subject)
    yield from _states(subject)


def _reshapes(subject: Subject) -> Iterator[Found]:
    for spot in subject.of("Reshape", "broadcast_to"):
        shape = _target(spot)
        if _is_baked(subject, spot, shape):
            if spot.node.op == "broadcast_to":
                then = "MXNet refuses it"
            elif min(shape) >= 0:
                then = "MXNet 1.9.1 returns garbage and no error"
            else:
                then = "samples end up in another axis, or get lost"
            yield Found(
                (spot.node,),
                f"its shape {shape} fixes the first axis to {shape[0]}; fed with another batch "
                f"size, {then}",
                remedy=freeing(subject, spot),
            )


def _is_baked(subject: Subject, spot: Spot, shape: tuple[int, ...]) -> bool:
    """Return whether a reshaping of what is fed fixes the first axis."""
    return not spot.inside and spot.key in subject.fed and len(shape) > 1 and shape[0] > 0


def freeing(subject: Subject, spot: Spot) -> str:
    """Return what frees a Reshape of its batch size; empty where nothing does.

    Which axis a -1 stands for depends on the batch size, so a shape with one is not freed.
    """
    shape = _target(spot)
    if spot.node.op != "Reshape" or not _is_baked(subject, spot, shape) or min(shape) < 0:
        return ""
    return _remedy(shape[0])


def _remedy(extent: int) -> str:
    return f"apply free-batch --set from={extent}"


def _target(spot: Spot) -> tuple[int, ...]:
    shape: Any = spot.attribute("shape") or spot.attribute("target_shape") or ()
    return tuple(extent or 0 for extent in shape)


def _hints(subject: Subject) -> Iterator[Found]:
    graph = subject.graph
    for key in graph.order():
        hint = graph.attrs(key).get("__shape__") if key in subject.inputs else None
        shape = _hinted(hint) if hint else ()
        if len(shape) > 1 and shape[0] > 0:
            yield Found(
                (subject.found(key),),
                f"the hint __shape__={hint} fixes the first axis of the input to {shape[0]}",
                remedy=_remedy(shape[0]),
            )


def _hinted(text: str) -> tuple[int, ...]:
    """Return the shape that a hint says, with 0 for what it leaves open; ``()`` if it is none."""
    try:
        shape: Any = parse_value("Shape(tuple)", text)
    except ValueError:
        return ()
    return tuple(extent or 0 for extent in shape or ())


def _states(subject: Subject) -> Iterator[Found]:
    """Yield arrays of a fixed shape that meet what is fed where extents have to agree."""
    graph, fed = subject.graph, subject.fed
    for spot in subject.of(*_STATES):
        shape = _target(spot)
        if spot.inside or len(shape) < 2 or not (reader := _meeting(subject, spot.key)):
            continue
        extent = shape[1] if graph.op(reader) == "RNN" else shape[0]
        if extent > 0 and reader in fed:
            yield Found(
                (spot.node,),
                f"the initial state of shape {shape} fixes the batch to {extent}: "
                f"{subject.found(reader)} reads it beside what is fed",
                remedy=_remedy(extent),
            )


def _meeting(subject: Subject, key: int) -> int | None:
    """Return the first operator at which an array meets what is fed and has to be as long."""
    graph, fed = subject.graph, subject.fed
    seen, pending = {key}, [key]
    while pending:
        for use in graph.uses(pending.pop()):
            op = graph.op(use.node)
            if use.node in seen or not graph.reaches(use.node):
                continue
            seen.add(use.node)
            if op == "RNN" or (op in _ALIGNED and use.node in fed):
                return use.node
            if op in _ONE_EXTENT and use.slot == 0 and use.node not in fed:
                pending.append(use.node)
    return None


CHECKS = (
    Check(
        "baked-batch",
        "warning",
        "a batch size in the shape of a Reshape, an input's hint or an initial state",
        "apply free-batch",
        _baked,
    ),
)
