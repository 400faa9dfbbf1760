"""Operators that move numbers and keep them: axes swapped, values joined, repeated, stretched."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import first_dtype, kept, kept_of_all, same_shape
from graphpass.ops.families.reshaping import like_second, new_axis_batch
from graphpass.ops.shape import (
    ConflictError,
    Shape,
    axes_of,
    axis_of,
    merge_shapes,
    need,
    printed,
    product,
    size,
    with_axis,
)
from graphpass.ops.sites import Axes, BatchSite, Meaning, ShapeSite, ValueSite, positive

__all__ = ["ROWS", "concat"]

# -- axes that change places -----------------------------------------------------------------------


def transpose(site: ShapeSite) -> None:
    """Permute the axes, in both directions; without `axes`, reverse them."""
    data, out = site.inputs[0], site.outputs[0]
    known = data if data is not None else out
    if known is None:
        return
    axes = site["axes"]
    need(axes != () or site.op == "transpose" or not known, f"axes=() do not fit {printed(known)}")
    need(not axes or len(axes) == len(known), f"axes={axes} do not fit {printed(known)}")
    need(not axes or min(axes) >= 0 or site.op != "transpose", f"axes={axes} count from the end")
    order = axes_of(axes, len(known)) if axes else list(range(len(known)))[::-1]
    need(sorted(order) == list(range(len(known))), f"axes={axes} name an axis twice")
    if data is not None:
        out = site.output(0, tuple([data[axis] for axis in order]))
    if out is not None:
        site.input(0, tuple([out[order.index(axis)] for axis in range(len(order))]))


def transpose_batch(site: BatchSite) -> Axes:
    """Move the batch where `axes` says; without them the order is turned round."""
    axis, order = site.of(), site["axes"]
    if not order:
        return site.rank() - 1 - axis
    return [positive(each, len(order)) for each in order].index(axis)


def swap_axes(site: ShapeSite) -> None:
    """Swap two axes, in both directions."""
    for here, there in ((site.inputs[0], site.output), (site.outputs[0], site.input)):
        if here is not None:
            one, other = axis_of(site["dim1"], len(here)), axis_of(site["dim2"], len(here))
            swapped = list(here)
            swapped[one], swapped[other] = swapped[other], swapped[one]
            there(0, tuple(swapped))


def swap_axes_batch(site: BatchSite) -> Axes:
    axis = site.of()
    one, other = site.counted(site["dim1"]), site.counted(site["dim2"])
    return {one: other, other: one}.get(axis, axis)


def reverse_batch(site: BatchSite) -> Axes:
    """Turn round the order along some axes."""
    axis = site.of()
    if axis in {site.counted(each) for each in site["axis"]}:
        raise OperationError("it turns round the order of the samples")
    return axis


def move_axis(site: ShapeSite, data: Shape) -> Shape:
    """Axes go where they are told, the others keep their order."""
    source = axes_of(site["source"], len(data))
    target = axes_of(site["destination"], len(data))
    need(
        len(source) == len(target) == len(set(source)) == len(set(target)),
        "source and destination must name as many different axes",
    )
    order = [axis for axis in range(len(data)) if axis not in source]
    for to, axis in sorted(zip(target, source, strict=True)):
        order.insert(to, axis)
    return tuple([data[axis] for axis in order])


def roll(site: ShapeSite, data: Shape) -> Shape:
    """Every number stays within its axes."""
    shift, axes = site["shift"], site["axis"]
    need(shift is not None, "it needs a shift")
    if axes is not None:
        need(0 < len(axes) == len({*axes_of(axes, len(data))}), f"axis={axes} must name axes once")
        need(len(shift) in (1, len(axes)), f"shift={shift} does not fit axis={axes}")
    else:
        need(len(shift) < 2, f"shift={shift} must be one number without an axis")
    return data


def rotate(site: ShapeSite, data: Shape) -> Shape:
    """An odd number of quarter turns swaps two axes."""
    axes = site["axes"]
    need(axes is not None and len(axes) == 2, f"axes={axes} must be two")
    one, other = axes_of(axes, len(data))
    need(one != other, f"axes={axes} name an axis twice")
    turned = list(data)
    if site["k"] % 2:
        turned[one], turned[other] = turned[other], turned[one]
    return tuple(turned)


def with_axes(site: ShapeSite) -> None:
    """Give each input as many axes as the name says."""
    for slot, shape in enumerate(site.inputs):
        if shape is not None:
            site.output(slot, _raised(shape, int(site.op[-2])))


def _raised(shape: Shape, axes: int) -> Shape:
    """Return a shape of at least so many axes: new ones are put first, the third behind."""
    raised = (1,) * (min(axes, 2) - len(shape)) + shape
    return raised + (1,) * (axes - len(raised))


# -- values that are joined ------------------------------------------------------------------------


def _joined(site: ShapeSite) -> tuple[Shape, int] | None:
    """Lengths along the axis add up; the other axes are alike, and tell of each other.

    Return the other axes and the axis, as far as anything is known.
    """
    first = next((shape for shape in site.inputs if shape is not None), None)
    if first is None:
        return None
    wanted = site.get("dim", site.get("axis", 1))
    if wanted is None:  # the flat values
        sizes = [size(shape) for shape in site.inputs]
        site.output(0, (None if None in sizes else sum(each or 0 for each in sizes),))
        return None
    axis = axis_of(wanted, len(first))
    common: Shape | None = None
    for shape in (*site.inputs, site.outputs[0]):
        if shape is not None:
            common = merge_shapes(common, with_axis(shape, axis, None))
    assert common is not None
    for slot in range(len(site.inputs)):
        site.input(slot, common)
    lengths = [shape[axis] if shape else None for shape in site.inputs]
    total = None if None in lengths else sum(length or 0 for length in lengths)
    site.output(0, with_axis(common, axis, total))
    return common, axis


def concat(site: ShapeSite) -> None:
    """Join values along an axis."""
    _joined(site)


def rnn_param_concat(site: ShapeSite) -> None:
    """Join parameters of an RNN; those of unknown length share what is missing of the whole."""
    found, out = _joined(site), site.outputs[0]
    if found is None or out is None:
        return
    common, axis = found
    whole = out[axis]
    known = [shape[axis] for shape in site.inputs if shape is not None]
    if whole is None or None not in known:
        return
    missing = whole - sum(length for length in known if length is not None)
    for slot, shape in enumerate(site.inputs):
        if shape is not None and shape[axis] is None:
            site.input(slot, with_axis(common, axis, missing // known.count(None)))


def concat_value(site: ValueSite) -> Any:
    if any(array.dtype != site.dtype for array in site.inputs):
        return None
    return np.concatenate(site.inputs, site["dim"])


def concat_batch(site: BatchSite) -> Axes:
    """Join along another axis, so that samples stay apart."""
    axis = site.of(range(len(site.axes)))
    if site.counted(site["dim"]) == axis:
        raise OperationError("it joins samples along the batch axis itself")
    return axis


_STACKED = {"_npi_hstack": (1, 1), "_npi_vstack": (2, 0), "_npi_dstack": (3, 2),
            "_npi_column_stack": (2, 1)}  # fmt: skip
"""Operator -> how many axes each input gets, and along which they are joined."""


def stacked(site: ShapeSite) -> None:
    """Join values along an axis that they are given first, if they lack it."""
    axes, axis = _STACKED[site.op]
    if None in site.inputs:
        return
    shapes = [shape for shape in site.inputs if shape is not None]
    if site.op == "_npi_column_stack":
        raised: list[Shape] = [(*shape, 1)[-2:] if len(shape) == 1 else shape for shape in shapes]
        raised = [shape or (1, 1) for shape in raised]
    else:
        raised = [_raised(shape, axes) for shape in shapes]
    at = min(axis, len(raised[0]) - 1)
    common: Shape | None = None
    for shape in raised:
        common = merge_shapes(common, with_axis(shape, at, None))
    lengths = [shape[at] for shape in raised]
    total = None if None in lengths else sum(length or 0 for length in lengths)
    site.output(0, with_axis(common or (), at, total))


def stack(site: ShapeSite) -> None:
    """Join alike values along a new axis."""
    known = [shape for shape in site.inputs if shape is not None]
    common = next((shape for shape in known if None not in shape), None)
    if common is None:
        return
    axis = axis_of(site["axis"], len(common) + 1)
    site.output(0, (*common[:axis], len(site.inputs), *common[axis:]))
    for shape in known:
        merge_shapes(common, shape)


def stack_value(site: ValueSite) -> Any:
    if any(array.dtype != site.dtype for array in site.inputs):
        return None
    return np.stack(site.inputs, site["axis"])


# -- values that are repeated ----------------------------------------------------------------------


def tile(site: ShapeSite, data: Shape) -> Shape:
    """Repeat the whole along each axis."""
    reps = tuple(site["reps"])
    count = max(len(reps), len(data))
    shape = (1,) * (count - len(data)) + data
    times = (1,) * (count - len(reps)) + reps
    return tuple([product([extent, n]) for extent, n in zip(shape, times, strict=True)])


def tile_value(site: ValueSite) -> Any:
    """Along three axes or more MXNet refuses some arrays, and gives zeros for others."""
    reps = site["reps"] or ()
    return None if sum(times > 1 for times in reps) > 2 else np.tile(site.data, reps)


def tile_batch(site: BatchSite) -> Axes:
    """Repetitions are aligned at the last axis; the batch may have one only."""
    axis, rank, times = site.of(), site.rank(), site["reps"]
    if len(times) > rank:
        axis, rank = axis + len(times) - rank, len(times)
    from_the_end = rank - axis
    if len(times) >= from_the_end and times[-from_the_end] != 1:
        raise OperationError("it repeats the batch")
    return axis


def repeat(site: ShapeSite, data: Shape) -> Shape:
    """Repeat each element along an axis; without one, of the flat value."""
    axis, times = site["axis"], site["repeats"]
    need(times >= 0, f"repeats={times} is less than 0")
    at = 0 if axis is None else axis_of(axis, len(data))
    if times == 0:
        return (0,)
    if axis is None:
        return (product([size(data), times]),)
    return with_axis(data, at, product([data[at], times]))


def repeat_batch(site: BatchSite) -> Axes:
    """Each number is repeated along one axis."""
    axis, along = site.of(), site["axis"]
    if along is None:
        raise OperationError("without an axis it makes one long row of all samples")
    if site.counted(along) == axis:
        raise OperationError("it repeats samples along the batch")
    return axis


def pad(site: ShapeSite, data: Shape) -> Shape:
    """Add places before and after each axis."""
    widths = site["pad_width"]
    need(
        len(widths) == 2 * len(data) and 4 <= len(data) <= 5,
        f"pad_width={widths} does not fit {printed(data)}",
    )
    if site["mode"] == "reflect":
        for axis, extent in enumerate(data[:4]):
            most = max(widths[2 * axis : 2 * axis + 2])
            need(extent is None or most < extent, f"{most} places can't be reflected in {extent}")
    return tuple([
        None if extent is None else extent + sum(widths[2 * axis : 2 * axis + 2])
        for axis, extent in enumerate(data)
    ])  # fmt: skip


def numpy_pad(site: ShapeSite, data: Shape) -> Shape:
    """Add places before and after each axis."""
    widths = site["pad_width"]
    need(bool(data), "a value without axes can't be padded")
    need(len(widths) >= max(len(data), 2), f"pad_width={widths} does not fit {printed(data)}")
    if len(data) == 1:  # what is put before stands in the first pair, what is put behind in another
        widths = ((widths[0][0], widths[1][0]),)
    need(all(side >= 0 for pair in widths for side in pair), f"pad_width={widths} takes away")
    return tuple([
        None if extent is None else extent + sum(pair)
        for extent, pair in zip(data, widths, strict=False)
    ])  # fmt: skip


def triangle(site: ShapeSite, data: Shape) -> Shape:
    """What is not below the diagonal becomes zeros; a row is repeated first."""
    return data * 2 if len(data) == 1 else data


def pad_batch(site: BatchSite) -> Axes:
    """Every axis but the batch's may grow at both ends."""
    axis, widths = site.of(), site["pad_width"]
    if any(widths[2 * axis : 2 * axis + 2]):
        raise OperationError("it pads the batch")
    return axis


# -- axes of 1 that are stretched ------------------------------------------------------------------


def _stretched(data: Shape, wanted: Shape) -> Shape:
    """Return the wanted shape, where every axis is 1 before or stays what it is."""
    padded = (1,) * (len(wanted) - len(data)) + data
    if len(padded) != len(wanted) or any(
        extent not in (None, 1, target) and target is not None
        for extent, target in zip(padded, wanted, strict=True)
    ):
        raise ConflictError(f"{printed(data)} can't be broadcast to {printed(wanted)}")
    return wanted


def _with_stretched(data: Shape, axis: int, extent: int | None) -> Shape:
    need(data[axis] in (None, 1), f"axis {axis} of {printed(data)} is not 1")
    return with_axis(data, axis, extent)


def broadcast_axis(site: ShapeSite, data: Shape) -> Shape:
    """Stretch the given axes to the given sizes."""
    axes, sizes = site["axis"], site["size"]
    axes = (axes,) if isinstance(axes, int) else axes
    sizes = (sizes,) if isinstance(sizes, int) else sizes
    need(len(axes) == len(sizes), f"axis={axes} and size={sizes} differ in length")
    for axis, extent in zip(axes_of(axes, len(data)), sizes, strict=True):
        data = _with_stretched(data, axis, extent)
    return data


def broadcast_axis_batch(site: BatchSite) -> Axes:
    """Give some axes of extent 1 another extent."""
    axis = site.of()
    if axis in {site.counted(each) for each in site["axis"]}:
        raise OperationError("it gives the batch a size")
    return axis


def broadcast_to(site: ShapeSite, data: Shape) -> Shape:
    """Stretch to a shape, where 0 keeps an axis."""
    wanted: Shape = tuple(site["shape"])
    if len(wanted) == len(data):
        kept = 0 if site.op == "broadcast_to" else None
        wanted = tuple([extent if x == kept else x for extent, x in zip(data, wanted, strict=True)])
    else:
        need(
            site.op != "broadcast_to",
            f"shape={wanted} and {printed(data)} differ in number of axes",
        )
    return _stretched(data, wanted)


def broadcast_to_batch(site: BatchSite) -> Axes:
    """Axes for which the shape says 0 stay."""
    axis, shape = site.of(), site["shape"]
    if axis >= len(shape) or shape[axis] != 0:
        raise OperationError(f"the size of the batch is baked into shape={tuple(shape)}")
    return axis


def broadcast_like(site: ShapeSite, data: Shape, like: Shape) -> Shape:
    """Stretch to another value's shape, or some axes to some of its axes."""
    here, there = site["lhs_axes"], site["rhs_axes"]
    if here is None or there is None:
        need(
            len(data) == len(like),
            f"{printed(data)} and {printed(like)} differ in number of axes",
        )
        return _stretched(data, like)
    need(
        len(here) == len(there) and len(here) > 0,
        f"lhs_axes={here} and rhs_axes={there} differ in length",
    )
    for one, other in zip(here, there, strict=True):
        extent = like[axis_of(other, len(like))]
        data = _with_stretched(data, axis_of(one, len(data)), extent)
    return data


def broadcast_like_batch(site: BatchSite) -> Axes:
    """Give axes of extent 1 the extents that another value of the branch has."""
    if site["lhs_axes"] is not None or site["rhs_axes"] is not None:
        raise OperationError("it takes extents of chosen axes, which may be the batch")
    axis = site.of((0, 1))
    site.refuse_single()
    return axis


def stretched_value(site: ValueSite) -> Any:
    return np.broadcast_to(site.data, site.shape)


_TRANSPOSE = Meaning(
    transpose,
    value=lambda site: site.data.transpose(site["axes"] or None),
    batch=transpose_batch,
    offset=kept,
)
_STACK = Meaning(stack, value=stack_value, batch=new_axis_batch, offset=kept_of_all)

ROWS = {
    "transpose _np_transpose": _TRANSPOSE,
    "SwapAxis": Meaning(
        swap_axes,
        first_dtype,
        value=lambda site: site.data.swapaxes(site["dim1"], site["dim2"]),
        batch=swap_axes_batch,
        offset=kept,
    ),
    "reverse": Meaning(
        same_shape,
        value=lambda site: np.flip(site.data, site["axis"] or ()),
        batch=reverse_batch,
        offset=kept,
    ),
    "Concat": Meaning(concat, value=concat_value, batch=concat_batch, offset=kept_of_all),
    "_rnn_param_concat": Meaning(rnn_param_concat),
    "stack": _STACK,
    "tile": Meaning(tile, value=tile_value, batch=tile_batch, offset=kept, spreads=True),
    "repeat": Meaning(
        repeat,
        value=lambda site: np.repeat(site.data, site["repeats"], site["axis"]),
        batch=repeat_batch,
        offset=kept,
    ),
    "Pad": Meaning(pad, first_dtype, batch=pad_batch, offset=kept),
    "broadcast_axis": Meaning(
        broadcast_axis,
        value=stretched_value,
        batch=broadcast_axis_batch,
        offset=kept,
        spreads=True,
    ),
    "broadcast_to": Meaning(
        broadcast_to,
        value=stretched_value,
        batch=broadcast_to_batch,
        offset=kept,
        spreads=True,
    ),
    "broadcast_like": Meaning(
        broadcast_like,
        like_second,
        value=stretched_value,
        batch=broadcast_like_batch,
        offset=kept,
    ),
    # NumPy-style
    "_np_moveaxis": Meaning(move_axis),
    "_np_roll": Meaning(roll),
    "_npi_rot90": Meaning(rotate),
    "_npi_flip": Meaning(same_shape),
    "_np_atleast_1d _np_atleast_2d _np_atleast_3d": Meaning(with_axes),
    "_npi_hstack _npi_vstack _npi_dstack _npi_column_stack": Meaning(stacked),
    "_npi_pad": Meaning(numpy_pad),
    "_npi_broadcast_to": Meaning(broadcast_to),
    "_npi_tril": Meaning(triangle),
    "_npi_concatenate": Meaning(concat),
    "_npi_stack": Meaning(stack),
}
