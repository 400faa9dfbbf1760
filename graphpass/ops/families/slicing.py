"""Operators that cut pieces out of a value, or look elements up by index."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    below,
    every_like_first,
    extent,
    first_dtype,
    fixed_dtype,
    float32_only,
    kept,
    number_by_number,
    reduced,
)
from graphpass.ops.families.reshaping import like_second
from graphpass.ops.shape import (
    Shape,
    axes_of,
    axis_of,
    differ,
    divided,
    exactly,
    given_shape,
    need,
    printed,
    with_axis,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, Range, ShapeSite, ValueSite

__all__ = ["ROWS"]

# -- one piece -------------------------------------------------------------------------------------


def slices(site: ShapeSite, data: Shape) -> Shape:
    """Cut the leading axes as Python's slices do."""
    begin, end, step = site["begin"], site["end"], site["step"] or ()
    need(
        len(begin) == len(end) <= len(data) and len(step) in (0, len(begin)),
        f"begin={begin}, end={end}, step={step} do not fit {printed(data)}",
    )
    found = list(data)
    for axis, (start, stop) in enumerate(zip(begin, end, strict=True)):
        stride, length = step[axis] if step else None, data[axis]
        need(stride != 0, "a step of 0 takes no end")
        if length is not None:
            found[axis] = len(range(*slice(start, stop, stride).indices(length)))
    return tuple(found)


def slice_value(site: ValueSite) -> Any:
    step = site["step"] or (None,) * len(site["begin"])
    return site.data[tuple(map(slice, site["begin"], site["end"], step))]


def slice_batch(site: BatchSite) -> Axes:
    """Cut along the leading axes; the batch may have no bounds."""
    axis = site.of()
    for name, harmless in (("begin", (None, 0)), ("end", (None,)), ("step", (None, 1))):
        bounds = site[name] or ()
        if axis < len(bounds) and bounds[axis] not in harmless:
            raise OperationError(f"its {name}={tuple(bounds)} picks some samples of the batch")
    return axis


def slice_axis(site: ShapeSite, data: Shape) -> Shape:
    """Cut one axis between two places."""
    axis, begin, end = axis_of(site["axis"], len(data)), site["begin"], site["end"]
    length = data[axis]
    if length is None:
        return data
    start = begin + length if begin < 0 else begin
    stop = length if end is None else end + length if end < 0 else end
    need(
        0 <= start < stop <= length,
        f"[{begin}:{end}] lies outside axis {axis} of {printed(data)}",
    )
    return with_axis(data, axis, stop - start)


def _along(axis: int, data: Any, begin: int, end: int | None) -> tuple[slice, ...]:
    index = [slice(None)] * data.ndim
    index[axis] = slice(begin, end)
    return tuple(index)


def slice_axis_batch(site: BatchSite) -> Axes:
    axis = site.of()
    if site.counted(site["axis"]) == axis:
        raise OperationError("it picks some samples of the batch")
    return axis


def slice_like(site: ShapeSite, data: Shape, like: Shape) -> Shape:
    """Cut axes, all or the given ones, to the extents of another value."""
    axes = site["axes"]
    if not axes:
        need(
            len(data) == len(like),
            f"{printed(data)} and {printed(like)} differ in number of axes",
        )
        axes = range(len(data))
    found = list(data)
    for axis in axes:
        one = axis_of(axis, len(data))
        need(one < len(like), f"there is no axis {one} in {printed(like)}")
        length, wanted = data[one], like[one]
        need(
            length is None or wanted is None or wanted <= length,
            f"axis {axis}: {printed(data)} is less than {printed(like)}",
        )
        found[one] = wanted
    return tuple(found)


def slice_like_batch(site: BatchSite) -> Axes:
    """Cut along some axes to the extents of another value, of which only these count."""
    axis, axes = site.of((0,), (1,)), site["axes"]
    if not axes or axis in {site.counted(each) for each in axes}:
        raise OperationError("it cuts the batch to the extent of another value")
    return axis


def crop(site: ShapeSite, data: Shape) -> Shape | None:
    """Cut rows and columns to a second input's, or to `h_w`."""
    exactly(data, 4)
    area: Shape = tuple(site["h_w"])
    if len(site.inputs) > 1:
        like = site.inputs[1]
        if like is None:
            return None
        exactly(like, 4)
        area = like[2:]
    for here, wanted, offset in zip(data[2:], area, site["offset"], strict=True):
        shift = 0 if site["center_crop"] else offset
        need(
            here is None or wanted is None or 0 < wanted <= here - shift,
            f"{printed(area)} can't be cut out of {printed(data)}",
        )
    return (*data[:2], *area)


# -- several pieces --------------------------------------------------------------------------------


def slice_channel(site: ShapeSite, data: Shape) -> None:
    """Cut an axis into equal parts; an axis that is 1 in each may be dropped.

    The extents of the other axes are also learnt from the outputs, as far as they are open.
    """
    axis, count = axis_of(site["axis"], len(data)), site["num_outputs"]
    misfit = f"axis {axis} of {printed(data)} can't be cut into {count} parts"
    site.every_output(_part(site, data, axis, divided(data[axis], count, misfit)))
    if None in data:
        known = site.same([], range(len(site.outputs)))
        if known is not None and len(known) == len(data):
            length = known[axis]
            whole = None if length is None else length * len(site.outputs)
            site.input(0, with_axis(known, axis, whole))


def _part(site: ShapeSite, data: Shape, axis: int, length: int | None) -> Shape:
    if not site["squeeze_axis"]:
        return with_axis(data, axis, length)
    need(length in (1, None), f"an axis of {length} can't be dropped")
    return with_axis(data, axis)


def split(site: ShapeSite, data: Shape) -> None:
    """Cut an axis at places, or into parts that differ by one at most, the longer ones first."""
    axis, sections = axis_of(site["axis"], len(data)), site["sections"]
    length = data[axis]
    lengths: Sequence[int | None]
    if length is None:
        lengths = [None] * len(site.outputs)
    elif sections:
        each, longer = divmod(length, sections)
        lengths = [each + (part < longer) for part in range(sections)]
    else:
        starts = list(site["indices"])
        between = [end - start for start, end in zip(starts, [*starts[1:], length], strict=True)]
        need(
            not starts or (starts[0] == 0 and min(between) >= 0),
            f"indices={tuple(starts)} do not go from 0 along axis {axis} of {printed(data)}",
        )
        lengths = between
    for slot, length in enumerate(lengths[: len(site.outputs)]):
        site.output(slot, _part(site, data, axis, length))


def slice_channel_value(site: ValueSite) -> Any:
    parts = np.split(site.data, len(site.shapes), site["axis"])
    return [part.reshape(shape) for part, shape in zip(parts, site.shapes, strict=True)]


def split_value(site: ValueSite) -> Any:
    """Cut along an axis: parts as long as their shapes say, which begin at the indices.

    Without indices, each begins where the one before it ends.
    """
    data, axis = site.data, site["axis"]
    lengths = [1 if site["squeeze_axis"] else shape[axis] for shape in site.shapes]
    starts: Sequence[int] = site["indices"] or ()
    if site["sections"]:
        starts = list(accumulate(lengths[:-1], initial=0))
    return [
        data[_along(axis, data, start, start + length)].reshape(shape)
        for start, length, shape in zip(starts, lengths, site.shapes, strict=True)
    ]


def split_batch(site: BatchSite) -> Axes:
    """All parts are joined as the whole is, unless it is split along the batch."""
    axis = site.of()
    along = site.counted(site["axis"])
    if along == axis:
        raise OperationError("it splits the batch")
    return axis - (along < axis and bool(site["squeeze_axis"]))


# -- by index --------------------------------------------------------------------------------------


def take(site: ShapeSite, data: Shape, indices: Shape) -> Shape:
    """Put the shape of the indices in the place of an axis."""
    return with_axis(data, axis_of(site["axis"], len(data)), *indices)


def take_batch(site: BatchSite) -> Axes:
    """Look up indices of the batch in a value that is the same for all."""
    axis = site.of((1,))
    return site.counted(site["axis"]) + axis


def pick(site: ShapeSite, data: Shape) -> Shape:
    """Take one element along an axis per index; without an axis, of the flat value."""
    axis, indices = site["axis"], site.inputs[1]
    axes = range(len(data)) if axis is None else [axis_of(axis, len(data))]
    if axis is not None and indices is not None and len(indices) == len(data):
        site.input(1, with_axis(data, axes[0], 1))
    else:
        site.input(1, reduced(site, data, axes, False))
    return reduced(site, data, axes, site["keepdims"])


def pick_batch(site: BatchSite) -> Axes:
    """Pick one number along an axis behind the batch's."""
    axis, over = site.of((0, 1)), site["axis"]
    if over is None or site.counted(over) <= axis:
        raise OperationError("it picks along the batch, or along an axis before it")
    return axis


def batch_take(site: ShapeSite, data: Shape) -> Shape | None:
    """Take one element of each row."""
    return site.input(1, data[:1]) if data else None


def batch_take_dtype(site: DtypeSite) -> str | None:
    """The output is as the first input; the index is int32."""
    site.input(1, "int32")
    return site.same([0], [0])


def gather_nd(site: ShapeSite, data: Shape, indices: Shape) -> Shape | None:
    """Take what lies at the points that the columns of the indices name."""
    if not indices or indices[0] is None:
        return None
    depth = indices[0]
    need(len(indices) >= 2, f"points {printed(indices)} need two axes or more")
    need(depth <= len(data), f"points of {depth} axes can't lie in {printed(data)}")
    return (*indices[1:], *data[depth:])


def gather_range(site: ShapeSite) -> Range | None:
    data, depth = site.inputs[0], extent(site, 1, 0)
    if not data or not depth:
        return None
    return below(min(extent(site, 0, axis) for axis in range(min(depth, len(data)))))


def scatter_nd(site: ShapeSite) -> Shape:
    """Put values at points of a new value."""
    shape: Shape = site["shape"]
    indices = site.inputs[1]
    site.output(0, shape)
    if indices and indices[0] is not None:
        site.input(0, (*indices[1:], *shape[indices[0] :]))
    return shape


def diagonal(site: ShapeSite, data: Shape) -> Shape | None:
    """Take the k-th diagonal of two axes, behind the other axes; of one axis, make a matrix.

    The diagonal next to the matrix has an extent of 0; MXNet refuses those beyond.
    """
    k = site["k"]
    if len(data) == 1:
        side = None if data[0] is None else data[0] + abs(k)
        return (side, side)
    rows, columns = axes_of((site["axis1"], site["axis2"]), len(data))
    need(rows != columns, f"axis1 and axis2 are both axis {rows}")
    height, width = data[rows], data[columns]
    length = None
    if height is not None and width is not None:
        length = min(height - max(-k, 0), width - max(k, 0))
        need(length >= 0, f"{printed(data)} has no diagonal k={k}")
    rest = [extent for axis, extent in enumerate(data) if axis not in (rows, columns)]
    return given_shape((*rest, length), site.np_shape)


def ravel_multi_index(site: ShapeSite) -> Shape | None:
    """Make one number of each column of indices, which has one for each axis of `shape`."""
    data, shape = site.inputs[0], site["shape"]
    need(bool(shape), "it needs the shape that the indices are of")
    if data is None:
        return None
    exactly(data, 2)
    need(not differ(data[0], len(shape)), f"indices {printed(data)} are not of {len(shape)} axes")
    return data[1:]


ROWS = {
    "slice": Meaning(slices, value=slice_value, batch=slice_batch, offset=kept),
    "slice_axis": Meaning(
        slice_axis,
        value=lambda site: site.data[_along(site["axis"], site.data, site["begin"], site["end"])],
        batch=slice_axis_batch,
        offset=kept,
    ),
    "slice_like": Meaning(
        slice_like,
        like_second,
        value=lambda site: site.data[tuple(map(slice, site.shape))],
        batch=slice_like_batch,
        offset=kept,
    ),
    "Crop": Meaning(crop, float32_only, batch=lambda site: site.first((0,), (1,))),
    "SliceChannel": Meaning(
        slice_channel, first_dtype, value=slice_channel_value, batch=split_batch, offset=kept
    ),
    "_split_v2": Meaning(split, value=split_value, batch=split_batch, offset=kept),
    "take": Meaning(
        take,
        every_like_first,
        batch=take_batch,
        ranges={"indices": lambda site: below(extent(site, 0, "axis"))},
    ),
    "pick": Meaning(
        pick,
        every_like_first,
        batch=pick_batch,
        ranges={"index": lambda site: below(extent(site, 0, "axis"))},
    ),
    "batch_take": Meaning(
        batch_take,
        batch_take_dtype,
        ranges={"indices": lambda site: below(extent(site, 0, 1))},
    ),
    "gather_nd": Meaning(gather_nd, every_like_first, ranges={"indices": gather_range}),
    "scatter_nd": Meaning(scatter_nd, every_like_first),
    "one_hot": Meaning(
        lambda site, data: (*data, site["depth"]),
        fixed_dtype,
        batch=number_by_number,
        ranges={"indices": lambda site: below(site["depth"])},
    ),
    "diag": Meaning(diagonal),
    "_ravel_multi_index": Meaning(ravel_multi_index),
    "_contrib_boolean_mask": Meaning(ranges={"index": lambda site: Range(0, 1)}),
}
