"""The fused RNN operator, and operators over sequences of several lengths.

Source of the layouts: MXNet's documentation of the operators, and a test of each on MXNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphpass.errors import OperationError
from graphpass.ops.families.common import extent
from graphpass.ops.families.products import require_axis
from graphpass.ops.shape import Shape, exactly, need, printed
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, Range, ShapeSite

__all__ = ["ROWS", "length_range", "rnn", "rnn_cost"]

_GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


def length_range(site: ShapeSite, slot: int, axis: int | str) -> Range:
    """Return the range of lengths along an axis of an input."""
    return Range(1, extent(site, slot, axis))


def _sizes(site: ShapeSite, inputs: int) -> tuple[int, int]:
    """Return the number of weights and of biases of all layers and directions."""
    directions = 2 if site["bidirectional"] else 1
    hidden, layers = site["state_size"], site["num_layers"]
    projection = site["projection_size"]
    carried = hidden if projection is None else projection
    rows = hidden * directions * _GATES[site["mode"]]
    weights = (inputs + carried) * rows + (layers - 1) * (carried * directions + carried) * rows
    if projection is not None:
        weights += projection * hidden * layers * directions
    return weights, 2 * rows * layers


def rnn(site: ShapeSite) -> None:
    """Data are (time, batch, inputs); all parameters are one flat value."""
    data = site.inputs[0] or (None, None, None)
    site.input(0, data)
    exactly(data, 3)
    time, batch, inputs = data
    directions = 2 if site["bidirectional"] else 1
    hidden, stacked = site["state_size"], directions * site["num_layers"]
    projection = site["projection_size"]
    carried = hidden if projection is None else projection
    lstm = site["mode"] == "lstm"
    if inputs is not None:
        site.input(1, (sum(_sizes(site, inputs)),))
    site.input(2, (stacked, batch, carried))
    if lstm:
        site.input(3, (stacked, batch, hidden))
    if site["use_sequence_length"]:
        site.input(3 + lstm, (batch,))
    site.output(0, (time, batch, directions * carried))
    if site["state_outputs"]:
        site.output(1, (stacked, batch, carried))
        if lstm:
            site.output(2, (stacked, batch, hidden))


def rnn_dtype(site: DtypeSite, data: str) -> None:
    """Everything has the data's dtype, but for lengths that have their own."""
    lengths = len(site.inputs) - 1 if site["use_sequence_length"] else len(site.inputs)
    for slot in range(1, len(site.inputs)):
        if slot < lengths or site.inputs[slot] is None:
            site.input(slot, data)
    site.every_output(data)


def rnn_cost(site: ShapeSite, data: Sequence[int]) -> int:
    """Count every weight, biases apart, once per step and sample."""
    return data[0] * data[1] * _sizes(site, data[2])[0]


def rnn_batch(site: BatchSite) -> Axes:
    """Data: time, batch, features; states: layers, batch, features."""
    states = (2, 3) if site["mode"] == "lstm" else (2,)
    for slot in states:
        if site.axes[slot] is None:
            raise OperationError(
                "it begins with a state that is the same in all branches, and so has the size of "
                "one batch; make the state an input"
            )
    for slot in (0, *states):
        require_axis(site, slot, 1)
    if site["use_sequence_length"]:
        require_axis(site, len(site.axes) - 1, 0)
    if site.axes[1] is not None:
        raise OperationError("its parameters are others in each branch")
    return 1


def sequence(site: ShapeSite, data: Shape) -> Shape:
    """The data keep their shape, or lose the axis of time; there is one length per sample."""
    need(len(data) >= 2, f"{printed(data)} has no axes of time and batch")
    axis = site["axis"]
    need(
        0 <= axis <= (0 if site.op == "SequenceReverse" else 1), f"time can't run along axis {axis}"
    )
    if site["use_sequence_length"]:
        site.input(1, (data[1 - axis],))
    return (data[1 - axis], *data[2:]) if site.op == "SequenceLast" else data


def sequence_dtype(site: DtypeSite, data: str) -> str:
    """The output has the data's dtype; lengths take it too where they have none."""
    for slot in range(1, len(site.inputs)):
        if site.inputs[slot] is None:
            site.input(slot, data)
    return data


def sequence_batch(site: BatchSite) -> int:
    """Time along `axis`, the batch along the other one of the first two."""
    axis, time = site.axes[0], site["axis"]
    if site["use_sequence_length"]:
        require_axis(site, 0, 1 - time)
        require_axis(site, 1, 0)
    if axis is None or axis == time:
        raise OperationError(f"it takes axis {time} for the time, and the batch is there")
    return axis


def sequence_last_batch(site: BatchSite) -> Axes:
    """As `sequence_batch`; the axis of the time goes."""
    axis = sequence_batch(site)
    return axis - bool(site["axis"] < axis)


_SEQUENCE = Meaning(
    sequence,
    sequence_dtype,
    batch=sequence_batch,
    ranges={"sequence_length": lambda site: length_range(site, 0, "axis")},
)

ROWS = {
    "RNN": Meaning(
        rnn,
        rnn_dtype,
        rnn_cost,
        batch=rnn_batch,
        ranges={"sequence_length": lambda site: length_range(site, 0, 0)},
        random=lambda attributes: "training" if attributes["p"] else "never",
    ),
    "SequenceMask SequenceReverse": _SEQUENCE,
    "SequenceLast": replace(_SEQUENCE, batch=sequence_last_batch),
}
