"""The fused RNN operator, and operators over sequences of several lengths."""

from __future__ import annotations

from graphpass.shapes.families.common import exactly, product
from graphpass.shapes.shape import ConflictError, printed
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = ["rnn", "rnn_cost", "rnn_dtype", "sequence", "sequence_dtype", "sequence_last"]

_GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


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


def rnn_cost(site: ShapeSite) -> int | None:
    """Count every weight, biases apart, once per step and sample."""
    data = site.inputs[0]
    if data is None or data[2] is None:
        return None
    return product([data[0], data[1], _sizes(site, data[2])[0]])


def rnn_dtype(site: DtypeSite) -> None:
    """Everything has the data's dtype, but for the lengths."""
    data = site.inputs[0]
    if data is None:
        return
    last = len(site.inputs) - bool(site["use_sequence_length"])
    for slot in range(1, last):
        site.input(slot, data)
    for slot in range(len(site.outputs)):
        site.output(slot, data)


def sequence(site: ShapeSite) -> None:
    """The data keep their shape; there is one length per sample."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 2:
        raise ConflictError(f"{printed(data)} has no axes of time and batch")
    axis = site["axis"]
    if not 0 <= axis <= (0 if site.op == "SequenceReverse" else 1):
        raise ConflictError(f"time can't run along axis {axis}")
    if site["use_sequence_length"]:
        site.input(1, (data[1 - axis],))
    site.output(0, data)


def sequence_last(site: ShapeSite) -> None:
    """The axis of time goes; there is one length per sample."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 2:
        raise ConflictError(f"{printed(data)} has no axes of time and batch")
    axis = site["axis"]
    if axis not in (0, 1):
        raise ConflictError(f"time can't run along axis {axis}")
    if site["use_sequence_length"]:
        site.input(1, (data[1 - axis],))
    site.output(0, (data[1 - axis], *data[2:]))


def sequence_dtype(site: DtypeSite) -> None:
    """The output has the data's dtype; lengths take it too where they have none."""
    data = site.inputs[0]
    if data is None:
        return
    for slot in range(1, len(site.inputs)):
        if site.inputs[slot] is None:
            site.input(slot, data)
    site.output(0, data)
