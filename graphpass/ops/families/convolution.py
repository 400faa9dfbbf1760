"""Convolution, Deconvolution and Pooling in one, two and three dimensions, and their relatives."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphpass.ops.families.common import by_sample, data_dtype, first_dtype, pairs_by_sample
from graphpass.ops.shape import (
    ConflictError,
    Shape,
    divided,
    exactly,
    merge_shapes,
    need,
    printed,
    product,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS", "convolution", "convolution_cost", "pooling"]

Extents = list["int | None"]


def _channel_last(site: ShapeSite) -> bool:
    layout = site.get("layout")
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
    extents: Sequence[int | None],
    window: Sequence[int],
    stride: Sequence[int],
    pad: Sequence[int],
    *,
    round_up: bool = False,
) -> Extents:
    """Return at how many places along each axis a kernel of these extents meets the data."""
    found: Extents = []
    for extent, k, s, p in zip(extents, window, stride, pad, strict=True):
        if extent is None:
            found.append(None)
            continue
        if k > extent + 2 * p:
            raise ConflictError(f"a kernel of {k} does not fit {extent} padded by {p}")
        room = extent + 2 * p - k
        found.append(1 + (-(-room // s) if round_up else room // s))
    return found


def _some_data(site: ShapeSite, kernel: Sequence[int]) -> Shape:
    """Return what is known of the data: at least as many axes as the kernel has, and two."""
    data = site.inputs[0]
    if data is None:
        data = (None,) * (len(kernel) + 2)
        site.input(0, data)
    exactly(data, len(kernel) + 2)
    return data


# -- convolutions ----------------------------------------------------------------------------------


def convolution(site: ShapeSite) -> None:
    """The output along an axis: (data + 2 pad - dilated kernel) // stride + 1.

    Batch, and extents under a stride of 1, are also found from the output.
    """
    _convolve(site, 1)


def deformable_convolution(site: ShapeSite) -> None:
    """A convolution with two or three offsets per place of the kernel, from a second input."""
    modulated = site.op == "_contrib_ModulatedDeformableConvolution"
    out = _convolve(site, 2 + modulated)
    if out is None:
        return
    offsets = math.prod(site["kernel"]) * site["num_deformable_group"]
    site.input(1, (out[0], 2 * offsets, *out[2:]))
    if modulated:
        site.input(2, (out[0], offsets, *out[2:]))


def _divided(channels: int | None, groups: int, what: str) -> int | None:
    return divided(channels, groups, f"{channels} {what} can't be divided into {groups} groups")


def _convolve(site: ShapeSite, weight_slot: int) -> Shape | None:
    kernel, groups, filters = site["kernel"], site["num_group"], site["num_filter"]
    data, last = _some_data(site, kernel), _channel_last(site)
    batch, channels, *extents = _to_channel_first(data, last)
    _divided(filters, groups, "filters")
    weight = (filters, _divided(channels, groups, "channels"), *kernel)
    site.input(weight_slot, _from_channel_first(weight, last))
    if not site["no_bias"]:
        site.input(weight_slot + 1, (filters,))
    window, stride, pad = _window(site)
    found = _places(extents, window, stride, pad)
    out = site.output(0, _from_channel_first((batch, filters, *found), last))
    if out is None:
        return None
    batch, _, *found = _to_channel_first(out, last)
    for axis, (extent, s) in enumerate(zip(found, stride, strict=True)):
        if extent is not None and s == 1:
            extents[axis] = extent + window[axis] - 1 - 2 * pad[axis]
    site.input(0, _from_channel_first((batch, channels, *extents), last))
    return _to_channel_first(out, last)


def convolution_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times elements of one filter."""
    slot = 1 + ("Deformable" in site.op) + ("Modulated" in site.op)
    weights = product(site.inputs[slot] or (None,))
    return product([*(site.outputs[0] or ()), weights and weights // site["num_filter"]])


def deconvolution(site: ShapeSite) -> None:
    """The output along an axis: stride (data - 1) + dilated kernel - 2 pad + adj.

    A target shape decides instead where it is given.
    """
    kernel, groups, filters = site["kernel"], site["num_group"], site["num_filter"]
    data, last = _some_data(site, kernel), _channel_last(site)
    batch, channels, *extents = _to_channel_first(data, last)
    _divided(channels, groups, "channels")
    weight = (channels, _divided(filters, groups, "filters"), *kernel)
    site.input(1, _from_channel_first(weight, last))
    if not site["no_bias"]:
        site.input(2, (filters,))
    window, stride, pad = _window(site)
    adj = site["adj"] or (0,) * len(kernel)
    target = site["target_shape"] or ()
    found: Extents = []
    for axis, extent in enumerate(extents):
        if extent is None:
            found.append(None)
            continue
        full = stride[axis] * (extent - 1) + window[axis]
        if any(target):
            need(full >= target[axis], f"a target shape of {target[axis]} is more than {full}")
            found.append(target[axis])
        else:
            need(adj[axis] < stride[axis], f"adj={adj} must be less than stride={stride}")
            found.append(full - 2 * pad[axis] + adj[axis])
    out = site.output(0, _from_channel_first((batch, filters, *found), last))
    if out is not None:
        site.input(0, _from_channel_first((out[0], channels, *extents), last))


def deconvolution_cost(site: ShapeSite, data: Sequence[int], weight: Sequence[int]) -> int | None:
    """Count elements of the input times the weights that each meets."""
    channels = data[-1 if _channel_last(site) else 1]
    return math.prod(data) * (math.prod(weight) // channels) if channels else None


def im2col(site: ShapeSite, data: Shape) -> Shape | None:
    """What a kernel meets at each place, as a column; axes beyond the kernel's are passed over."""
    kernel = site["kernel"]
    if None in data:
        return None
    need(
        len(data) >= len(kernel) + 2,
        f"{printed(data)} has too few axes for a kernel of {len(kernel)}",
    )
    places = _places(data[2 : len(kernel) + 2], *_window(site))
    return (data[0], product([data[1], *kernel]), product(places))


def col2im(site: ShapeSite, data: Shape) -> Shape | None:
    """Columns are added up where their windows lie in an image of the given size."""
    need(len(data) >= 3, f"{printed(data)} holds no columns")
    wanted, kernel = tuple(site["output_size"]), site["kernel"]
    need(len(wanted) == len(kernel), f"output_size={wanted} does not fit kernel={kernel}")
    if None in data:
        return None
    places = product(_places(wanted, *_window(site)))
    need(data[2] == places, f"{data[2]} columns for {places} places")
    window = math.prod(kernel)
    return (data[0], divided(data[1], window, f"{data[1]} rows for a window of {window}"), *wanted)


def with_offset_batch(site: BatchSite) -> Axes:
    """What moves the kernel belongs to the sample, the weight does not."""
    return site.first((0, 1, 2) if "Modulated" in site.op else (0, 1))


def correlation(site: ShapeSite, data: Shape, other: Shape) -> Shape | None:
    """One channel for each displacement, and as many places as keep the patches inside.

    Source: ``CorrelationProp::InferShape`` in ``src/operator/correlation-inl.h``.
    """
    exactly(data, 4)
    exactly(other, 4)
    reach, kernel = site["max_displacement"], site["kernel_size"]
    need(site["stride1"] > 0, "stride1 must be over 0")
    need(kernel > 0, "a kernel has one place or more")
    border = reach + (kernel - 1) // 2
    found: Extents = []
    for extent in data[2:]:
        inner = None if extent is None else extent + 2 * (site["pad_size"] - border)
        need(
            inner is None or inner >= 1,
            f"{printed(data)} leaves no place for displacements of {reach}",
        )
        found.append(None if inner is None else -(-inner // site["stride1"]))
    displacements = 2 * (reach // site["stride2"]) + 1
    return (data[0], displacements**2, *found)


# -- pooling ---------------------------------------------------------------------------------------


def pooling(site: ShapeSite) -> None:
    """The output along an axis, by convention.

    valid: (data + 2 pad - kernel) // stride + 1; full: the same, rounded up. A global pool
    leaves 1.
    """
    data, kernel = site.inputs[0], site["kernel"]
    if data is None:
        if not kernel or site["global_pool"]:
            return
        data = _some_data(site, kernel)
    need(site.get("pool_type") != "lp" or site["p_value"] is not None, "an lp pool needs p_value")
    low = 4 if site.op == "Pooling_v1" else 3
    need(low <= len(data) <= 5, f"{printed(data)} has {len(data)} axes and must have {low} to 5")
    last = _channel_last(site)
    batch, channels, *extents = _to_channel_first(data, last)
    stride = site["stride"] or (1,) * len(kernel)
    pad = site["pad"] or (0,) * len(kernel)
    convention = site["pooling_convention"]
    if convention == "same" and site.op == "Pooling":
        exactly(data, 3)
    found: Extents = [1] * len(extents)
    if not site["global_pool"]:
        if not kernel:
            return
        need(
            len(kernel) == len(extents),
            f"a kernel of {len(kernel)} axes does not fit {len(extents)} axes",
        )
        layout = site.get("layout")
        need(layout is None or len(layout) == len(data), f"{layout} does not fit {printed(data)}")
        need(min(*kernel, *stride) >= 1, f"kernel={kernel}, stride={stride} must be positive")
        need(
            convention != "same",
            "MXNet 1.9.1 refuses pooling_convention='same' whatever the data",
        )
        found = _places(extents, kernel, stride, pad, round_up=convention == "full")
    site.every_output(_from_channel_first((batch, channels, *found), last))


def resize_dtype(site: DtypeSite) -> str | None:
    """The output is as the data; what it is like may be of any dtype, and tells if nothing else."""
    known = site.same([0], [0])
    for slot in range(1, len(site.inputs)):
        known = known or site.inputs[slot]
        site.inputs[slot] = site.inputs[slot] or known
    return site.input(0, known)


def pooling_dtype(site: DtypeSite) -> str | None:
    """The output is as the data; where each maximum was found is an int32."""
    site.every_output("int32", 1)
    return site.same([0], [0])


# -- sizes of images -------------------------------------------------------------------------------


def up_sampling(site: ShapeSite, first: Shape) -> Shape | None:
    """Enlarge rows and columns; several values are brought to one size and joined or added."""
    exactly(first, 4)
    scale = site["scale"]
    batch, channels, *area = first
    height, width = [product([extent, scale]) for extent in area]
    if site["sample_type"] == "bilinear":
        kernel = 2 * scale - scale % 2
        site.input(1, (channels, 1, kernel, kernel))
        return (batch, channels, height, width)
    for shape in site.inputs[1:]:
        if shape is None:
            return None
        exactly(shape, 4)
        for large, small in zip((height, width), shape[2:], strict=True):
            if large is not None and small is not None:
                need(
                    small >= 1 and large % small == 0,
                    f"{small} rows or columns can't be enlarged to {large}",
                )
        if site["multi_input_mode"] == "sum":
            merge_shapes(first[1:2], shape[1:2])
        else:
            more = shape[1]
            channels = None if channels is None or more is None else channels + more
    return (batch, channels, height, width)


def up_sampling_batch(site: BatchSite) -> Axes:
    """By nearest neighbours it takes several inputs, else one and a weight."""
    return site.first(range(len(site.axes)) if site["sample_type"] == "nearest" else (0,))


def adaptive_average_pooling(site: ShapeSite, data: Shape) -> Shape:
    """Rows and columns become what the attribute says, 1 if it says nothing."""
    need(len(data) >= 4, f"{printed(data)} has no rows and columns")
    wanted = site["output_size"]
    area = (wanted[0], wanted[-1]) if 1 <= len(wanted) <= 2 else (1, 1)
    return (*data[:2], *area, *data[4:])


def bilinear_resize(site: ShapeSite, data: Shape) -> Shape | None:
    """Rows and columns by a size, by a factor, from a second value, or to an even or odd number."""
    need(len(data) >= 4, f"{printed(data)} has no rows and columns")
    if site["mode"] == "like":
        like = site.inputs[1]
        need(like is None or len(like) >= 4, f"{printed(like)} has no rows and columns")
        return None if like is None else (*data[:2], *like[2:4], *data[4:])
    need(
        site["mode"] != "size" or site["scale_height"] is None or site["scale_width"] is not None,
        "scale_height needs scale_width",
    )
    rows = _resized(site, data[2], site["height"], site["scale_height"])
    columns = _resized(site, data[3], site["width"], site["scale_width"])
    return (*data[:2], rows, columns, *data[4:])


def _resized(site: ShapeSite, extent: int | None, wanted: int, scale: float | None) -> int | None:
    mode = site["mode"]
    if mode == "size" and site["scale_height"] is None:
        return wanted
    if extent is None:
        return None
    odd = extent % 2
    if mode == "size":
        return int((scale or 0) * extent)
    if mode == "odd_scale":
        need(scale is not None, "odd_scale needs a scale")
        return int((extent - odd) * (scale or 0)) + odd
    if odd != mode.startswith("to_even"):
        return extent
    return extent + 1 if mode.endswith("up") else extent - 1


_CONVOLUTION = Meaning(convolution, data_dtype, convolution_cost, batch=by_sample)
_DEFORMABLE = Meaning(
    deformable_convolution, first_dtype, convolution_cost, batch=with_offset_batch
)

ROWS = {
    "Convolution Convolution_v1": _CONVOLUTION,
    "_contrib_DeformableConvolution _contrib_ModulatedDeformableConvolution": _DEFORMABLE,
    "Deconvolution": Meaning(deconvolution, data_dtype, deconvolution_cost, batch=by_sample),
    "im2col": Meaning(im2col, batch=by_sample),
    "col2im": Meaning(col2im),
    "Correlation": Meaning(
        correlation,
        cost=lambda site, data: math.prod(site.outputs[0]) * data[1] * site["kernel_size"] ** 2,
        batch=pairs_by_sample,
    ),
    "Pooling Pooling_v1": Meaning(pooling, pooling_dtype, batch=by_sample),
    "UpSampling": Meaning(up_sampling, first_dtype, batch=up_sampling_batch),
    "_contrib_AdaptiveAvgPooling2D": Meaning(adaptive_average_pooling, batch=by_sample),
    "_contrib_BilinearResize2D": Meaning(
        bilinear_resize, resize_dtype, batch=lambda site: site.first((0,), (1,))
    ),
}
