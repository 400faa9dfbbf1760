"""Convolution, Deconvolution and Pooling in one, two and three dimensions, and their relatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphpass.shapes.families.common import exactly, product
from graphpass.shapes.shape import ConflictError, Shape, is_known, printed, size
from graphpass.shapes.site import ShapeSite

__all__ = [
    "convolution",
    "convolution_cost",
    "correlation",
    "correlation_cost",
    "deconvolution",
    "deconvolution_cost",
    "deformable_convolution",
    "im2col",
    "pooling",
]


def _channel_last(site: ShapeSite) -> bool:
    layout = site.attributes.get("layout")
    return isinstance(layout, str) and layout.endswith("C")


def _to_channel_first(shape: Shape, channel_last: bool) -> Shape:
    return (shape[0], shape[-1], *shape[1:-1]) if channel_last else shape


def _from_channel_first(shape: Shape, channel_last: bool) -> Shape:
    return (shape[0], *shape[2:], shape[1]) if channel_last else shape


def _window(site: ShapeSite) -> tuple[list[int], Sequence[int], Sequence[int]]:
    """Return the extents of the dilated kernel, the strides and the pads."""
    kernel = site["kernel"]
    stride = site["stride"] or (1,) * len(kernel)
    dilate = site["dilate"] or (1,) * len(kernel)
    pad = site["pad"] or (0,) * len(kernel)
    if min(*kernel, *stride, *dilate) < 1:
        raise ConflictError(f"kernel={kernel}, stride={stride}, dilate={dilate} must be positive")
    return [(k - 1) * d + 1 for k, d in zip(kernel, dilate, strict=True)], stride, pad


def _places(
    extents: Sequence[int | None], window: Sequence[int], stride: Sequence[int], pad: Sequence[int]
) -> list[int | None]:
    """Return at how many places along each axis a kernel of these extents meets the data."""
    found: list[int | None] = []
    for extent, k, s, p in zip(extents, window, stride, pad, strict=True):
        if extent is not None and k > extent + 2 * p:
            raise ConflictError(f"a kernel of {k} does not fit {extent} padded by {p}")
        found.append(None if extent is None else (extent + 2 * p - k) // s + 1)
    return found


def _divided(channels: int | None, groups: int, what: str) -> int | None:
    if channels is None:
        return None
    if groups < 1 or channels % groups:
        raise ConflictError(f"{channels} {what} can't be divided into {groups} groups")
    return channels // groups


def _some_data(site: ShapeSite, slot: int, kernel: Sequence[int]) -> Shape:
    """Return what is known of the data: at least as many axes as the kernel has, and two."""
    data = site.inputs[slot]
    if data is None:
        data = (None,) * (len(kernel) + 2)
        site.input(slot, data)
    exactly(data, len(kernel) + 2)
    return data


def convolution(site: ShapeSite) -> None:
    """The output along an axis: (data + 2 pad - dilated kernel) // stride + 1.

    Batch, and extents under a stride of 1, are also found from the output.
    """
    _convolve(site, 0, 1, 2)


def deformable_convolution(site: ShapeSite) -> None:
    """A convolution with two or three offsets per place of the kernel, from a second input."""
    modulated = site.op == "_contrib_ModulatedDeformableConvolution"
    out = _convolve(site, 0, 2 + modulated, 3 + modulated)
    if out is None:
        return
    offsets = math.prod(site["kernel"]) * site["num_deformable_group"]
    site.input(1, (out[0], 2 * offsets, *out[2:]))
    if modulated:
        site.input(2, (out[0], offsets, *out[2:]))


def _convolve(site: ShapeSite, data_slot: int, weight_slot: int, bias_slot: int) -> Shape | None:
    kernel, groups, filters = site["kernel"], site["num_group"], site["num_filter"]
    data = _some_data(site, data_slot, kernel)
    last = _channel_last(site)
    batch, channels, *extents = _to_channel_first(data, last)
    _divided(filters, groups, "filters")
    weight = (filters, _divided(channels, groups, "channels"), *kernel)
    site.input(weight_slot, _from_channel_first(weight, last))
    if not site["no_bias"]:
        site.input(bias_slot, (filters,))
    window, stride, pad = _window(site)
    found = _places(extents, window, stride, pad)
    out = site.output(0, _from_channel_first((batch, filters, *found), last))
    if out is None:
        return None
    batch, _, *found = _to_channel_first(out, last)
    for axis, (extent, s) in enumerate(zip(found, stride, strict=True)):
        if extent is not None and s == 1:
            extents[axis] = extent + window[axis] - 1 - 2 * pad[axis]
    site.input(data_slot, _from_channel_first((batch, channels, *extents), last))
    return _to_channel_first(out, last)


def convolution_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times elements of one filter."""
    filters = site["num_filter"]
    weights = size(site.inputs[-1 if site["no_bias"] else -2])
    return product([size(site.outputs[0]), None if weights is None else weights // filters])


def deconvolution(site: ShapeSite) -> None:
    """The output along an axis: stride (data - 1) + dilated kernel - 2 pad + adj.

    A target shape decides instead where it is given.
    """
    kernel, groups, filters = site["kernel"], site["num_group"], site["num_filter"]
    data = _some_data(site, 0, kernel)
    last = _channel_last(site)
    batch, channels, *extents = _to_channel_first(data, last)
    _divided(channels, groups, "channels")
    weight = (channels, _divided(filters, groups, "filters"), *kernel)
    site.input(1, _from_channel_first(weight, last))
    if not site["no_bias"]:
        site.input(2, (filters,))
    window, stride, pad = _window(site)
    adj = site["adj"] or (0,) * len(kernel)
    target = site["target_shape"] or ()
    found: list[int | None] = []
    for axis, extent in enumerate(extents):
        if extent is None:
            found.append(None)
            continue
        full = stride[axis] * (extent - 1) + window[axis]
        if adj[axis] >= stride[axis] and not any(target):
            raise ConflictError(f"adj={adj} must be less than stride={stride}")
        if any(target):
            if full < target[axis]:
                raise ConflictError(f"a target shape of {target[axis]} is more than {full}")
            found.append(target[axis])
        else:
            found.append(full - 2 * pad[axis] + adj[axis])
    out = site.output(0, _from_channel_first((batch, filters, *found), last))
    if out is not None:
        site.input(0, _from_channel_first((out[0], channels, *extents), last))


def deconvolution_cost(site: ShapeSite) -> int | None:
    """Count elements of the input times the weights that each meets."""
    data = site.inputs[0]
    if data is None:
        return None
    channels = data[-1 if _channel_last(site) else 1]
    weights = size(site.inputs[1])
    if weights is None or not channels:
        return None
    return product([size(data), weights // channels])


def im2col(site: ShapeSite) -> None:
    """What a kernel meets at each place, as a column; axes beyond the kernel's are passed over."""
    data, kernel = site.inputs[0], site["kernel"]
    if data is None or not is_known(data):
        return
    if len(data) < len(kernel) + 2:
        raise ConflictError(f"{printed(data)} has too few axes for a kernel of {len(kernel)}")
    places = _places(data[2 : len(kernel) + 2], *_window(site))
    site.output(0, (data[0], product([data[1], *kernel]), product(places)))


def correlation(site: ShapeSite) -> None:
    """One channel for each displacement, and as many places as keep the patches inside.

    Source: ``CorrelationProp::InferShape`` in ``src/operator/correlation-inl.h``.
    """
    for shape in site.inputs:
        if shape is None:
            return
        exactly(shape, 4)
    data, reach, kernel = site.inputs[0], site["max_displacement"], site["kernel_size"]
    if data is None or kernel < 1:
        return
    border = reach + (kernel - 1) // 2
    found: list[int | None] = []
    for extent in data[2:]:
        inner = None if extent is None else extent + 2 * (site["pad_size"] - border)
        if inner is not None and inner < 1:
            raise ConflictError(f"{printed(data)} leaves no place for displacements of {reach}")
        found.append(None if inner is None else -(-inner // site["stride1"]))
    displacements = 2 * (reach // site["stride2"]) + 1
    site.output(0, (data[0], displacements**2, *found))


def correlation_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times elements of one patch."""
    data = site.inputs[0]
    if data is None:
        return None
    return product([size(site.outputs[0]), data[1], site["kernel_size"] ** 2])


def pooling(site: ShapeSite) -> None:
    """The output along an axis, by convention.

    valid: (data + 2 pad - kernel) // stride + 1; full: the same, rounded up. A global pool
    leaves 1.
    """
    data = site.inputs[0]
    if data is None:
        if not site["kernel"] or site["global_pool"]:
            return
        data = _some_data(site, 0, site["kernel"])
    if not 3 <= len(data) <= 5:
        raise ConflictError(f"{printed(data)} has {len(data)} axes and must have 3, 4 or 5")
    last = _channel_last(site)
    batch, channels, *extents = _to_channel_first(data, last)
    if site["global_pool"]:
        found: list[int | None] = [1] * len(extents)
    elif not site["kernel"]:
        return
    else:
        found = _pooled(site, extents)
    for slot in range(len(site.outputs)):
        site.output(slot, _from_channel_first((batch, channels, *found), last))


def _pooled(site: ShapeSite, extents: list[int | None]) -> list[int | None]:
    kernel = site["kernel"]
    stride = site["stride"] or (1,) * len(kernel)
    pad = site["pad"] or (0,) * len(kernel)
    if len(kernel) != len(extents):
        raise ConflictError(f"a kernel of {len(kernel)} axes does not fit {len(extents)} axes")
    if min(*kernel, *stride) < 1:
        raise ConflictError(f"kernel={kernel}, stride={stride} must be positive")
    convention = site["pooling_convention"]
    if convention == "same":
        raise ConflictError("MXNet 1.9.1 refuses pooling_convention='same' whatever the data")
    found: list[int | None] = []
    for extent, k, s, p in zip(extents, kernel, stride, pad, strict=True):
        if extent is None:
            found.append(None)
        elif k > extent + 2 * p:
            raise ConflictError(f"a kernel of {k} does not fit {extent} padded by {p}")
        elif convention == "full":
            found.append(1 - (-(extent + 2 * p - k) // s))
        else:
            found.append(1 + (extent + 2 * p - k) // s)
    return found
