"""Operators that normalize: statistics and scales have one number per channel."""

from __future__ import annotations

from dataclasses import replace

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    FLOATS,
    by_sample,
    every_like_first,
    first_dtype,
    float32_only,
    output_size,
)
from graphpass.ops.shape import Shape, axis_of, divided, need, printed, with_axis
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite, same_dtype

__all__ = ["ONE_SHAPE", "ROWS", "batch_norm", "batch_norm_dtype"]


_ANY_NUMBERS = ("BatchNorm_v1", "_contrib_SyncBatchNorm")
"""Batch norms whose inference does not ask for floating-point numbers."""


def batch_norm(site: ShapeSite, data: Shape) -> Shape:
    """Scale, shift and both moving statistics have the extent of the channel axis.

    SyncBatchNorm has channels along axis 1; a value of one axis counts as its own channels.
    """
    axis = site.get("axis", 1)
    if site.op == "_contrib_SyncBatchNorm":
        need(len(data) > 1, f"{printed(data)} has no axis of channels")
        axis = 1
    channels: Shape = (data[axis_of(axis, len(data))],)
    for slot in range(1, 5):
        site.input(slot, channels)
    site.every_output(channels, 1)
    return data


def batch_norm_relu(site: ShapeSite, data: Shape) -> None:
    """As a batch norm; the last output is what the activation let through."""
    own = ShapeSite(site.op, site.attributes, site.inputs, site.outputs[:3])
    batch_norm(own, data)
    for slot, fact in enumerate((data, *own.outputs[1:], data)):
        site.output(slot, fact)


def batch_norm_dtype(site: DtypeSite) -> None:
    """Parameters and statistics of 16-bit data are float32."""
    data = site.same([0], [0])
    if data is None:
        return
    need(data in FLOATS or site.op in _ANY_NUMBERS, f"it takes no {data}")
    inner = "float32" if data in ("float16", "bfloat16") else data
    for slot in range(1, 5):
        site.input(slot, inner)
    site.every_output(inner, 1)


def batch_norm_batch(site: BatchSite) -> Axes:
    """In training the statistics are those of the whole batch."""
    if site.training and site["use_global_stats"] is not True:
        raise OperationError("in training it takes mean and variance over all samples of the batch")
    axis = site.of()
    if site.counted(site.get("axis", 1)) == axis:
        raise OperationError(f"its channels are along axis {axis}, and so is the batch")
    return axis, None, None


def _scale_and_shift(site: ShapeSite, extent: int | None, statistics: Shape) -> None:
    for slot in (1, 2):
        site.input(slot, (extent,))
    site.output(0, site.inputs[0])
    site.every_output(statistics, 1)


def layer_norm(site: ShapeSite, data: Shape) -> None:
    """Scale and shift have the extent of the axis; mean and deviation keep it as 1."""
    axis = axis_of(site["axis"], len(data))
    _scale_and_shift(site, data[axis], with_axis(data, axis, 1))


def layer_norm_batch(site: BatchSite) -> Axes:
    """Mean and variance are taken over one axis; as outputs they keep the others."""
    axis = site.of()
    if site.counted(site["axis"]) == axis:
        raise OperationError("it takes mean and variance over the batch")
    return axis


def instance_norm(site: ShapeSite, data: Shape) -> None:
    """Scale and shift per channel; statistics per sample and channel."""
    need(len(data) >= 2, "there is no axis of channels")
    _scale_and_shift(site, data[1], data[:2])


def group_norm(site: ShapeSite, data: Shape) -> None:
    """Scale and shift per group; statistics per sample and group."""
    need(len(data) >= 3, "a group norm needs a batch, channels and more")
    groups = site["num_groups"]
    divided(data[1], groups, f"{data[1]} channels can't be divided into {groups} groups")
    _scale_and_shift(site, groups, (data[0], groups))


def l2_normalization(site: ShapeSite, data: Shape) -> Shape:
    """The norms keep the axes that they are not taken over."""
    site.output(0, data)
    mode = site["mode"]
    if mode == "instance":
        site.output(1, data[:1])
    else:
        need(len(data) >= 3, f"mode={mode} needs a batch, channels and more")
        site.output(1, with_axis(data, 1, 1) if mode == "channel" else data[:2])
    return data


ONE_SHAPE = (batch_norm, group_norm, instance_norm, layer_norm)
"""Rules by which all that an operator reads beside its data has to be of one shape."""

_BATCH_NORM = Meaning(
    batch_norm, batch_norm_dtype, output_size, batch=batch_norm_batch, moves_states=True
)

ROWS = {
    "BatchNorm BatchNorm_v1 _contrib_SyncBatchNorm": _BATCH_NORM,
    "_contrib_BatchNormWithReLU": replace(_BATCH_NORM, shape=batch_norm_relu, batch=None),
    "LayerNorm": Meaning(layer_norm, same_dtype, output_size, batch=layer_norm_batch),
    "InstanceNorm": Meaning(instance_norm, float32_only, output_size, batch=by_sample),
    "GroupNorm": Meaning(group_norm, same_dtype, output_size, batch=by_sample),
    "L2Normalization": Meaning(l2_normalization, first_dtype, output_size, batch=by_sample),
    "LRN": Meaning(every_like_first, first_dtype, output_size, batch=by_sample),
}
