"""Recurrent layers, sequences and attention, whose batch is not always axis 0; products of stacks.

Source of the layouts: MXNet's documentation of the operators, and a test of each on MXNet.
"""

from __future__ import annotations

from graphpass.errors import OperationError
from graphpass.rules.batching.site import Axes, Site

__all__ = [
    "attend_between",
    "attend_within",
    "batch_dot",
    "gemm",
    "recurrent",
    "sequence",
    "sequence_last",
    "weigh_values",
]


def recurrent(site: Site) -> Axes:
    """RNN: time, batch, features; states are layers, batch, features."""
    lstm = site.attributes["mode"] == "lstm"
    states = [2, 3] if lstm else [2]
    lengths = [len(site.axes) - 1] if site.attributes["use_sequence_length"] else []
    for slot in states:
        if site.axes[slot] is None:
            raise OperationError(
                "it begins with a state that is the same in all branches, and so has the size of "
                "one batch; make the state an input"
            )
    for slot in (0, *states):
        _require(site, slot, 1)
    for slot in lengths:
        _require(site, slot, 0)
    if site.axes[1] is not None:
        raise OperationError("its parameters are others in each branch")
    return 1


def sequence(site: Site) -> Axes:
    """Time along `axis`, the batch along the other one of the first two."""
    axis = site.axes[0]
    time = site.attributes["axis"]
    if site.attributes["use_sequence_length"]:
        _require(site, 0, 1 - time)
        _require(site, 1, 0)
    if axis is None or axis == time:
        raise OperationError(f"it takes axis {time} for the time, and the batch is there")
    return axis


def sequence_last(site: Site) -> Axes:
    """As `sequence`; the axis of the time goes."""
    axis = sequence(site)
    assert isinstance(axis, int)
    time: int = site.attributes["axis"]
    return axis - (time < axis)


def batch_dot(site: Site) -> Axes:
    """Multiply at each place along axis 0."""
    return site.first((0, 1))


def gemm(site: Site) -> Axes:
    """Multiply at each place along the axes before the last two."""
    axis = site.of((0, 1))
    if site.attributes["axis"] != -2 or axis >= site.rank() - 2:
        raise OperationError("the batch is along an axis of its matrices")
    return axis


def attend_within(site: Site) -> Axes:
    """Score queries and keys in one: time, batch, features; then head of sample, time, time."""
    _require(site, 0, 1)
    return 0


def attend_between(site: Site) -> Axes:
    """Score queries, and keys of another sequence."""
    _require(site, 0, 1)
    _require(site, 1, 1)
    return 0


def weigh_values(site: Site) -> Axes:
    """Values: time, batch, features; weights of each head of each sample."""
    _require(site, 0, 1)
    _require(site, 1, 0)
    return 1


def _require(site: Site, slot: int, wanted: int) -> None:
    axis = site.axes[slot]
    if axis is None:
        raise OperationError(f"it reads the same input {slot} in all branches")
    if axis != wanted:
        raise OperationError(
            f"it takes axis {wanted} of its input {slot} for the batch, which is along axis {axis}"
        )
