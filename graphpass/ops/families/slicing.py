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
    merge_shapes,
    need,
    printed,
    product,
    size,
    with_axis,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, Range, ShapeSite, ValueSite

__all__ = ["ROWS"]

# -- one piece -------------------------------------------------------------------------------------


def slices(site: ShapeSite, data: Shape) -> Shape:
    """Cut the leading axes as Python's slices do."""
    begin, end, step = site["begin"], site["end"], site["step"] or ()
    need(
        bool(data) and len(begin) == len(end) <= len(data) and len(step) in (0, len(begin)),
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
    if not length:
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
    split_along(site, data, axis_of(site["axis"], len(data)))


def split_along(site: ShapeSite, data: Shape, axis: int) -> None:
    """Cut as `split` does, along another axis than the attribute says."""
    sections = site["sections"]
    length = data[axis]
    lengths: Sequence[int | None]
    if length is None:
        lengths = [None] * len(site.outputs)
    elif not length:
        lengths = [0] * len(site.outputs)
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


def split_numpy(site: ShapeSite, data: Shape) -> None:
    """Cut along the second axis (the first of a vector), or along the third."""
    at = 2 if site.op == "_npi_dsplit" else min(1, len(data) - 1)
    need(0 <= at < len(data), f"{printed(data)} has too few axes")
    split_along(site, data, at)


# -- values that are put in or taken out -----------------------------------------------------------


def assigned(site: ShapeSite, data: Shape) -> Shape:
    """A slice is replaced by a value of its shape."""
    if len(site.inputs) > 1:
        site.input(1, slices(site, data) if data else ())
    return data


def scatter_set(site: ShapeSite) -> Shape:
    """Values are put at points of the data."""
    shape = tuple(site["shape"])
    indices = site.inputs[2]
    need(indices is None or len(indices) > 1, f"points {printed(indices)} need two axes or more")
    site.input(0, shape)
    if indices and indices[0] is not None:
        site.input(1, (*indices[1:], *shape[indices[0] :]))
    return shape


def insert(site: ShapeSite, data: Shape) -> Shape | None:
    """Put values in before an index, each index of a slice, or each of an array.

    One index takes as many values as there are along the axis, several take one each.
    """
    axis, value = site["axis"], site["val"]
    values: Shape | None = () if value is not None else site.inputs[1]
    if values is None or None in (*data, *values):
        return None
    if axis is None:
        data, axis = (size(data),), 0
    elif not data:
        return values
    axis = axis_of(axis, len(data))
    length = data[axis] or 0
    padded = (1,) * (len(data) - len(values)) + values
    padded = padded[len(padded) - len(data) :]
    if site.op == "_npi_insert_scalar":
        return with_axis(data, axis, length + (padded[0] or 0))
    if site.op == "_npi_insert_slice":
        need(site["step"] is not None, "it needs a step")
        count: int | None = len(range(length)[site["start"] : site["stop"] : site["step"]])
    else:
        points = site.inputs[-1]
        need(points is None or len(points) < 2, f"indices {printed(points)} have two axes")
        count = size(points)
    if count == 1:
        count = padded[axis]
    return with_axis(data, axis, None if count is None else length + count)


def insert_dtype(site: DtypeSite, data: str) -> str:
    """The output is as the data; an array of indices is int64."""
    if site.op == "_npi_insert_tensor":
        site.input(len(site.inputs) - 1, "int64")
    return data


def masked(site: ShapeSite, data: Shape) -> Shape:
    """Where a mask of some axes is true, the data are replaced."""
    mask, start = site.inputs[1], site["start_axis"]
    if mask is not None:
        end = start + len(mask)
        need(
            not mask or 0 <= start <= end <= len(data),
            f"a mask {printed(mask)} does not fit {printed(data)}",
        )
        if mask:
            merge_shapes(data[start:end], mask)
    return data


def index_copy(site: ShapeSite, data: Shape) -> Shape:
    """Rows are replaced by new ones, one for each index."""
    indices, rows = site.inputs[1:]
    if indices is not None:
        exactly(indices, 1)
        site.input(2, (indices[0], *data[1:]))
    elif rows is not None:
        site.input(1, rows[:1])
    need(bool(data), "a value without axes has no rows")
    return data


# -- by index --------------------------------------------------------------------------------------


def take(site: ShapeSite, data: Shape, indices: Shape) -> Shape:
    """Put the shape of the indices in the place of an axis."""
    return with_axis(data, axis_of(site["axis"], len(data)), *indices)


def take_batch(site: BatchSite) -> Axes:
    """Look up indices of the batch in a value that is the same for all."""
    axis = site.of((1,))
    return site.counted(site["axis"]) + axis


def pick(site: ShapeSite, data: Shape) -> Shape:
    """Take one element along an axis per index."""
    need(site["axis"] is not None, "it needs an axis")
    axes, indices = [axis_of(site["axis"], len(data))], site.inputs[1]
    if indices is not None and len(indices) == len(data):
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
    """Take one element of each row; there are as many indices as rows."""
    indices = site.inputs[1]
    if not data:
        return indices
    need(len(data) > 1, f"{printed(data)} has no rows")
    if indices is None:
        return site.input(1, data[:1]) if len(data) == 2 else None
    need(
        not differ(product(data[:-1]), size(indices)),
        f"{printed(indices)} do not fit {printed(data)}",
    )
    return indices


def batch_take_dtype(site: DtypeSite) -> str | None:
    """The output is as the first input; the index is int32."""
    site.input(1, "int32")
    return site.same([0], [0])


def gather_nd(site: ShapeSite, data: Shape, indices: Shape) -> Shape | None:
    """Take what lies at the points that the columns of the indices name."""
    need(len(indices) >= 2, f"points {printed(indices)} need two axes or more")
    depth = indices[0]
    if depth is None:
        return None
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
    need(indices is None or len(indices) > 1, f"points {printed(indices)} need two axes or more")
    if indices and indices[0] is not None:
        need(indices[0] <= len(shape), f"points of {indices[0]} axes can't lie in {printed(shape)}")
        site.input(0, (*indices[1:], *shape[indices[0] :]))
    return shape


def numpy_diagonal(site: ShapeSite, data: Shape) -> Shape:
    """Take a diagonal of two axes, behind the others; it may be empty."""
    rows, columns = axes_of((site["axis1"], site["axis2"]), len(data))
    need(rows != columns, f"axis1 and axis2 are both axis {rows}")
    offset, height, width = site["offset"], data[rows], data[columns]
    length = None
    if height is not None and width is not None:
        length = max(min(height + min(offset, 0), width - max(offset, 0)), 0)
    return (*[each for axis, each in enumerate(data) if axis not in (rows, columns)], length)


def trace(site: ShapeSite, data: Shape) -> Shape:
    """The sum along a diagonal of two axes, which go."""
    return numpy_diagonal(site, data)[:-1]


def diagonal_matrix(site: ShapeSite, data: Shape) -> Shape | None:
    """Put a vector, or a flat value, on a diagonal; take one of a matrix."""
    offset, flat = abs(site["k"]), site.op == "_np_diagflat"
    if len(data) == 1 or flat:
        need(bool(data), "a value without axes has no diagonal")
        count = data[0] if len(data) == 1 else product([each for each in data if each != 0])
        return None if count is None else (count + offset, count + offset)
    exactly(data, 2)
    rows, columns = data
    if rows is None or columns is None:
        return (None,)
    k = site["k"]
    return (max(min(rows + min(k, 0), columns - max(k, 0)), 0),)


def diagonal_indices(site: ShapeSite, data: Shape) -> Shape:
    """Indices of the main diagonal, one row for each axis of one extent."""
    need(len(data) >= 2, f"{printed(data)} has no diagonal")
    need(len({each for each in data if each is not None}) <= 1, f"{printed(data)} is not square")
    return (len(data), data[0])


def index_array(site: ShapeSite, data: Shape) -> Shape:
    """The indices of every place, along all axes or the given ones."""
    axes = site["axes"]
    return (*data, len(data) if axes is None else len(axes))


def unravel_index(site: ShapeSite, data: Shape) -> Shape:
    """One row of indices for each axis of `shape`."""
    need(bool(site["shape"]), "it needs the shape that the indices are of")
    return (len(site["shape"]), *data[:1])


def one_hot_dtype(site: DtypeSite) -> str:
    need(site["depth"] >= 0, "the depth is less than 0")
    dtype: str = site["dtype"]
    return dtype


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


def unknowable(site: ShapeSite) -> None:
    """How many elements are left depends on their numbers, and is known when it runs."""


def counted_dtype(site: DtypeSite) -> str | None:
    """Elements are as they were; places and counts are int64."""
    site.every_output("int64", 1)
    return site.inputs[0]


def bin_count_dtype(site: DtypeSite) -> str | None:
    """Weights are counted in their dtype."""
    return site.inputs[1] if site["has_weights"] else site.inputs[0]


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
        one_hot_dtype,
        batch=number_by_number,
        ranges={"indices": lambda site: below(site["depth"])},
    ),
    "diag": Meaning(diagonal),
    "_np_diagonal": Meaning(numpy_diagonal),
    "_np_trace": Meaning(trace),
    "_np_diag _np_diagflat": Meaning(diagonal_matrix),
    "_npi_diag_indices_from": Meaning(diagonal_indices, lambda site: "int64"),
    "_contrib_index_array": Meaning(index_array, lambda site: "int64"),
    "_unravel_index": Meaning(unravel_index),
    "_npi_hsplit _npi_dsplit": Meaning(split_numpy, first_dtype),
    "_slice_assign _slice_assign_scalar": Meaning(assigned),
    "_scatter_set_nd": Meaning(scatter_set, lambda site: site.same([0, 1], [0])),
    "_npi_insert_scalar _npi_insert_slice _npi_insert_tensor": Meaning(insert, insert_dtype),
    "_npi_boolean_mask_assign_scalar": Meaning(masked, every_like_first),
    "_npi_boolean_mask_assign_tensor": Meaning(masked, lambda site: site.same([0, 2], [0])),
    "_contrib_index_copy": Meaning(index_copy, every_like_first),
    "_backward_gather_nd": Meaning(scatter_nd, every_like_first),
    "_ravel_multi_index": Meaning(ravel_multi_index),
    "_contrib_boolean_mask": Meaning(
        unknowable, every_like_first, ranges={"index": lambda site: Range(0, 1)}
    ),
    "_npi_delete": Meaning(unknowable, every_like_first),
    "_npi_unique": Meaning(unknowable, counted_dtype),
    "_npi_bincount": Meaning(unknowable, bin_count_dtype),
    "_npx_nonzero": Meaning(unknowable, lambda site: "int64"),
}
