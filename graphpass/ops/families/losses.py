"""Softmax, losses, and labels that take the data's shape."""

from __future__ import annotations

import math
from dataclasses import replace

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    along_axis,
    below,
    by_sample,
    every_like_first,
    extent,
    first_dtype,
    float32_only,
    number_by_number,
    same_shape,
)
from graphpass.ops.families.recurrent import length_range
from graphpass.ops.shape import (
    Shape,
    axis_of,
    exactly,
    merge_shapes,
    need,
    printed,
    product,
    size,
    with_axis,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, Range, ShapeSite

__all__ = ["ROWS"]


def softmax(site: ShapeSite, data: Shape) -> Shape:
    """The output is shaped like the data; lengths like the data without the axis."""
    need(site["use_length"] is not None or site.op != "softmax", "use_length must be True or False")
    site.output(0, data)
    if len(site.inputs) > 1:
        lengths = with_axis(data, axis_of(site["axis"], len(data)))
        site.input(1, lengths or (1,))
    return data


def softmax_gradient(site: ShapeSite) -> None:
    """Everything is alike, but for lengths and their gradient."""
    need(site["use_length"] is not None, "use_length must be True or False")
    lengths = bool(site["use_length"])
    site.same([slot for slot in range(len(site.inputs)) if not (lengths and slot == 2)], [0])
    if lengths:
        site.same([2], [1])


def softmax_gradient_dtype(site: DtypeSite) -> str | None:
    """The gradient of the output is as the output, that of the data as the data.

    Source: ``SoftmaxGradOpType`` in ``src/operator/nn/softmax-inl.h``.
    """
    need(site["use_length"] is not None, "use_length must be True or False")
    if site["use_length"]:
        need(len(site.outputs) == 2, "it has lengths and no gradient of them")
        site.output(1, site.inputs[2])
    site.input(0, site.inputs[-1])
    return site.inputs[1]


def softmax_dtype(site: DtypeSite) -> str | None:
    """The output has the attribute's dtype, or else the data's."""
    need(site["use_length"] is not None, "use_length must be True or False")
    need(len(site.inputs) == 1 + site["use_length"], f"{site.op} reads no lengths")
    dtype: str | None = site["dtype"]
    if dtype is None:
        return site.same([0], [0])
    site.output(0, dtype)
    if site.inputs[0] is None:
        site.input(0, dtype)
    return dtype


def loss_batch(site: BatchSite) -> Axes:
    """Return the prediction; the gradient may be divided by the size of the batch."""
    if site.training and site.get("normalization", "null") != "null":
        raise OperationError("in training it divides the gradient by the size of the batch")
    return site.first(range(len(site.axes)))


def softmax_output(site: ShapeSite, data: Shape) -> Shape:
    """Labels are the data without the axis of classes, or probabilities like the data."""
    label = site.inputs[1]
    site.output(0, data)
    if label == data:
        return data
    if not site["multi_output"]:
        site.input(1, data[:-1])
        return data
    need(len(data) >= 2, f"{printed(data)} has no axis of classes")
    flat: Shape = (data[0], product(data[2:]))
    if label is None:
        site.input(1, flat)
    elif None not in label:
        need(
            label in (flat, (data[0], *data[2:]), (data[0], 1, *data[2:])),
            f"labels {printed(label)} do not fit {printed(data)}",
        )
    return data


def softmax_output_range(site: ShapeSite) -> Range | None:
    shape = site.inputs[0]
    if shape is None:
        return None
    if shape == site.inputs[1]:
        return Range(0, 1, integral=False)
    if site["multi_output"]:
        return below(extent(site, 0, 1))
    if site["preserve_shape"]:
        return below(extent(site, 0, -1))
    return below(math.prod(extent(site, 0, axis) for axis in range(1, len(shape))))


def regression_output(site: ShapeSite, data: Shape) -> Shape:
    """Labels are shaped like the data, or leave out a last axis of 1."""
    label = site.inputs[1]
    site.output(0, data)
    if label is None:
        site.input(1, data[:1] if len(data) == 2 and data[1] == 1 else data)
    elif None not in (*label, *data):
        need(
            bool(data) and label[:1] == data[:1] and size(label) == size(data),
            f"labels {printed(label)} do not fit {printed(data)}",
        )
    return data


def softmax_cross_entropy(site: ShapeSite, data: Shape) -> Shape:
    """One number; one label per row."""
    need(len(data) == 2, f"{printed(data)} must be (batch, classes)")
    site.input(1, data[:1])
    return (1,)


def svm_output(site: ShapeSite, data: Shape) -> Shape:
    """Labels are the data without the last axis."""
    site.input(1, data[:-1])
    return data


def ctc_loss(site: ShapeSite, data: Shape) -> Shape:
    """One loss per sequence of (time, batch, alphabet)."""
    need(len(data) == 3, f"{printed(data)} must be (time, batch, alphabet)")
    label = site.inputs[1]
    if label is not None:
        exactly(label, 2)
        merge_shapes(label[:1], data[1:2])
        for lengths in site.inputs[2:]:
            exactly(lengths, 1)
        longest, most = label[1], data[0]
        need(
            longest is None or most is None or longest <= most, f"{longest} labels in {most} steps"
        )
    if len(site.outputs) > 1:
        site.output(1, data)
    return (data[1],)


def ctc_label_range(site: ShapeSite) -> Range:
    """The blank is no label."""
    classes = extent(site, 0, 2)
    return Range(1, classes - 1) if site["blank_label"] == "first" else Range(0, classes - 2)


def class_range(site: ShapeSite) -> Range:
    return below(extent(site, 0, 1))


def sparse_regularizer(site: ShapeSite, data: Shape) -> Shape:
    """The moving average has one number for each column."""
    need(len(data) >= 2, f"{printed(data)} must be (batch, units)")
    site.input(1, data[1:2])
    return data


_LOSS = Meaning(same_shape, batch=loss_batch, own_gradient=True)
_SOFTMAX = Meaning(softmax, softmax_dtype, batch=along_axis)

ROWS = {
    "softmax": replace(_SOFTMAX, ranges={"length": lambda site: length_range(site, 0, "axis")}),
    "log_softmax softmin": _SOFTMAX,
    "_backward_softmax _backward_log_softmax _backward_softmin": Meaning(
        softmax_gradient, softmax_gradient_dtype
    ),
    "SoftmaxActivation": Meaning(same_shape, batch=by_sample),
    "SoftmaxOutput": replace(
        _LOSS, shape=softmax_output, dtype=first_dtype, ranges={"label": softmax_output_range}
    ),
    "LinearRegressionOutput LogisticRegressionOutput MAERegressionOutput": replace(
        _LOSS, shape=regression_output
    ),
    "SVMOutput": replace(_LOSS, shape=svm_output, dtype=first_dtype, ranges={"label": class_range}),
    "MakeLoss": _LOSS,
    "IdentityAttachKLSparseReg": Meaning(sparse_regularizer, float32_only),
    "make_loss": replace(_LOSS, batch=number_by_number),
    "softmax_cross_entropy": Meaning(softmax_cross_entropy, ranges={"label": class_range}),
    "CTCLoss": Meaning(
        ctc_loss,
        every_like_first,
        ranges={
            "label": ctc_label_range,
            "data_lengths": lambda site: length_range(site, 0, 0),
            "label_lengths": lambda site: length_range(site, 1, 1),
        },
    ),
}
