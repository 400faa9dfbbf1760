"""Operators that end a graph: softmax, losses, and labels that take the data's shape."""

from __future__ import annotations

from graphpass.shapes.families.common import axis_of, product
from graphpass.shapes.shape import ConflictError, Shape, merge_shapes, printed, size
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "ctc_loss",
    "regression_output",
    "softmax",
    "softmax_cross_entropy",
    "softmax_dtype",
    "softmax_output",
    "svm_output",
]


def softmax(site: ShapeSite) -> None:
    """The output is shaped like the data; lengths like the data without the axis."""
    data = site.inputs[0]
    if data is None:
        return
    site.output(0, data)
    if len(site.inputs) > 1:
        axis = axis_of(site["axis"], len(data))
        site.input(1, (*data[:axis], *data[axis + 1 :]))


def softmax_dtype(site: DtypeSite) -> None:
    """The output has the attribute's dtype, or else the data's."""
    dtype = site["dtype"]
    if dtype is not None:
        site.output(0, dtype)
        if site.inputs[0] is None:
            site.input(0, dtype)
    else:
        site.same([0], [0])


def softmax_output(site: ShapeSite) -> None:
    """Labels are the data without the axis of classes, or probabilities like the data."""
    data, label = site.inputs
    if data is None:
        return
    site.output(0, data)
    if label == data:
        return
    if not site["multi_output"]:
        site.input(1, data[:-1])
        return
    if len(data) < 2:
        raise ConflictError(f"{printed(data)} has no axis of classes")
    flat: Shape = (data[0], product(data[2:]))
    if label is None:
        site.input(1, flat)
    elif label not in (flat, (data[0], *data[2:]), (data[0], 1, *data[2:])) and None not in label:
        raise ConflictError(f"labels {printed(label)} do not fit {printed(data)}")


def regression_output(site: ShapeSite) -> None:
    """Labels are shaped like the data, or leave out a last axis of 1."""
    data, label = site.inputs
    if data is None:
        return
    site.output(0, data)
    if label is None:
        site.input(1, data[:1] if len(data) == 2 and data[1] == 1 else data)
    elif None not in (*label, *data) and (label[:1] != data[:1] or size(label) != size(data)):
        raise ConflictError(f"labels {printed(label)} do not fit {printed(data)}")


def softmax_cross_entropy(site: ShapeSite) -> None:
    """One number; one label per row."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) != 2:
        raise ConflictError(f"{printed(data)} must be (batch, classes)")
    site.input(1, data[:1])
    site.output(0, (1,))


def svm_output(site: ShapeSite) -> None:
    """Labels are the data without the last axis."""
    data = site.inputs[0]
    if data is None:
        return
    site.input(1, data[:-1])
    site.output(0, data)


def ctc_loss(site: ShapeSite) -> None:
    """One loss per sequence of (time, batch, alphabet)."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) != 3:
        raise ConflictError(f"{printed(data)} must be (time, batch, alphabet)")
    label = site.inputs[1]
    if label:
        merge_shapes(label[:1], data[1:2])
    site.output(0, (data[1],))
    if len(site.outputs) > 1:
        site.output(1, data)
