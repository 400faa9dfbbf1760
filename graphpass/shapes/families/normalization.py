"""Operators that normalize: statistics and scales have one number per channel."""

from __future__ import annotations

from graphpass.shapes.families.common import axis_of, with_axis
from graphpass.shapes.shape import ConflictError, Shape
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "batch_norm",
    "batch_norm_dtype",
    "group_norm",
    "instance_norm",
    "l2_normalization",
    "layer_norm",
    "sync_batch_norm",
]


def batch_norm(site: ShapeSite) -> None:
    """Scale, shift and both moving statistics have the extent of the channel axis."""
    _batch_norm(site, site["axis"] if "axis" in site.attributes else 1)


def sync_batch_norm(site: ShapeSite) -> None:
    """A BatchNorm over axis 1; a value of one axis counts as its own channels."""
    data = site.inputs[0]
    _batch_norm(site, 0 if data is not None and len(data) == 1 else 1)


def _batch_norm(site: ShapeSite, axis: int) -> None:
    data = site.inputs[0]
    if data is None:
        return
    channels: Shape = (data[axis_of(axis, len(data))],)
    for slot in range(1, 5):
        site.input(slot, channels)
    site.output(0, data)
    for slot in range(1, len(site.outputs)):
        site.output(slot, channels)


def batch_norm_dtype(site: DtypeSite) -> None:
    """Parameters and statistics of 16-bit data are float32."""
    data = site.same([0], [0])
    if data is None:
        return
    inner = "float32" if data in ("float16", "bfloat16") else data
    for slot in range(1, 5):
        site.input(slot, inner)
    for slot in range(1, len(site.outputs)):
        site.output(slot, inner)


def layer_norm(site: ShapeSite) -> None:
    """Scale and shift have the extent of the axis; mean and deviation keep it as 1."""
    data = site.inputs[0]
    if data is None:
        return
    axis = axis_of(site["axis"], len(data))
    site.input(1, (data[axis],))
    site.input(2, (data[axis],))
    site.output(0, data)
    for slot in (1, 2):
        site.output(slot, with_axis(data, axis, 1))


def instance_norm(site: ShapeSite) -> None:
    """Scale and shift per channel; statistics per sample and channel."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 2:
        raise ConflictError("there is no axis of channels")
    site.input(1, (data[1],))
    site.input(2, (data[1],))
    site.output(0, data)
    for slot in range(1, len(site.outputs)):
        site.output(slot, data[:2])


def group_norm(site: ShapeSite) -> None:
    """Scale and shift per group; statistics per sample and group."""
    data = site.inputs[0]
    if data is None:
        return
    if len(data) < 3:
        raise ConflictError("a group norm needs a batch, channels and more")
    groups = site["num_groups"]
    if data[1] is not None and (groups < 1 or data[1] % groups):
        raise ConflictError(f"{data[1]} channels can't be divided into {groups} groups")
    site.input(1, (groups,))
    site.input(2, (groups,))
    site.output(0, data)
    for slot in (1, 2):
        site.output(slot, (data[0], groups))


def l2_normalization(site: ShapeSite) -> None:
    """The norms keep the axes that they are not taken over."""
    data = site.inputs[0]
    if data is None:
        return
    site.output(0, data)
    mode = site["mode"]
    if mode == "instance":
        site.output(1, data[:1])
    elif len(data) < 3:
        raise ConflictError(f"mode={mode} needs a batch, channels and more")
    elif mode == "channel":
        site.output(1, with_axis(data, 1, 1))
    else:
        site.output(1, data[:2])
