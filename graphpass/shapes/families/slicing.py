"""Operators that cut pieces out of a value."""

from __future__ import annotations

from collections.abc import Sequence

from graphpass.shapes.families.common import axis_of, exactly, with_axis
from graphpass.shapes.shape import ConflictError, Shape, printed
from graphpass.shapes.site import ShapeSite

__all__ = ["crop", "slice_axis", "slice_channel", "slice_like", "slices", "split"]


def slices(site: ShapeSite) -> None:
    """Cut the leading axes as Python's slices do."""
    data = site.inputs[0]
    if data is None:
        return
    begin, end, step = site["begin"], site["end"], site["step"] or ()
    if len(begin) != len(end) or len(begin) > len(data) or (step and len(step) != len(begin)):
        raise ConflictError(f"begin={begin}, end={end}, step={step} do not fit {printed(data)}")
    found = list(data)
    for axis, (start, stop) in enumerate(zip(begin, end, strict=True)):
        stride = step[axis] if step else None
        if stride == 0:
            raise ConflictError("a step of 0 takes no end")
        extent = data[axis]
        if extent is not None:
            found[axis] = len(range(*slice(start, stop, stride).indices(extent)))
    site.output(0, tuple(found))


def slice_axis(site: ShapeSite) -> None:
    """Cut one axis between two places."""
    data = site.inputs[0]
    if data is None:
        return
    axis = axis_of(site["axis"], len(data))
    extent, begin, end = data[axis], site["begin"], site["end"]
    if extent is None:
        site.output(0, data)
        return
    start = begin + extent if begin < 0 else begin
    stop = extent if end is None else end + extent if end < 0 else end
    if not 0 <= start < stop <= extent:
        raise ConflictError(f"[{begin}:{end}] lies outside axis {axis} of {printed(data)}")
    site.output(0, with_axis(data, axis, stop - start))


def slice_like(site: ShapeSite) -> None:
    """Cut axes, all or the given ones, to the extents of another value."""
    data, like = site.inputs
    if data is None or like is None:
        return
    axes = site["axes"]
    if not axes:
        if len(data) != len(like):
            raise ConflictError(f"{printed(data)} and {printed(like)} differ in number of axes")
        axes = range(len(data))
    found = list(data)
    for axis in axes:
        one = axis_of(axis, len(data))
        if one >= len(like):
            raise ConflictError(f"there is no axis {one} in {printed(like)}")
        extent, wanted = data[one], like[one]
        if extent is not None and wanted is not None and wanted > extent:
            raise ConflictError(f"axis {axis}: {printed(data)} is less than {printed(like)}")
        found[one] = wanted
    site.output(0, tuple(found))


def slice_channel(site: ShapeSite) -> None:
    """Cut an axis into equal parts; an axis that is 1 in each may be dropped."""
    data = site.inputs[0]
    if data is None:
        return
    axis, count = axis_of(site["axis"], len(data)), site["num_outputs"]
    extent = data[axis]
    if extent is not None and extent % count:
        raise ConflictError(f"axis {axis} of {printed(data)} can't be cut into {count} parts")
    part = None if extent is None else extent // count
    if site["squeeze_axis"]:
        if part not in (1, None):
            raise ConflictError(f"an axis of {part} can't be dropped")
        found = (*data[:axis], *data[axis + 1 :])
    else:
        found = with_axis(data, axis, part)
    for slot in range(count):
        site.output(slot, found)
    _join_again(site, data, axis)


def _join_again(site: ShapeSite, data: Shape, axis: int) -> None:
    """Learn the extents of the other axes from the outputs, as far as they are open."""
    if None not in data:
        return
    known = site.same([], range(len(site.outputs)))
    if known is None or len(known) != len(data):
        return
    extent = known[axis]
    whole = None if extent is None else extent * len(site.outputs)
    site.input(0, with_axis(known, axis, whole))


def split(site: ShapeSite) -> None:
    """Cut an axis at places, or into parts that differ by one at most, the longer ones first."""
    data = site.inputs[0]
    if data is None:
        return
    axis, sections = axis_of(site["axis"], len(data)), site["sections"]
    extent = data[axis]
    if extent is None:
        lengths: Sequence[int | None] = [None] * len(site.outputs)
    elif sections:
        each, longer = divmod(extent, sections)
        lengths = [each + (part < longer) for part in range(sections)]
    else:
        starts = list(site["indices"])
        ends = [*starts[1:], extent]
        between = [end - start for start, end in zip(starts, ends, strict=True)]
        if starts and (starts[0] != 0 or min(between) < 0):
            raise ConflictError(
                f"indices={tuple(starts)} do not go from 0 along axis {axis} of {printed(data)}"
            )
        lengths = between
    for slot, length in enumerate(lengths[: len(site.outputs)]):
        found = with_axis(data, axis, length)
        if site["squeeze_axis"]:
            if length not in (1, None):
                raise ConflictError(f"an axis of {length} can't be dropped")
            found = (*data[:axis], *data[axis + 1 :])
        site.output(slot, found)


def crop(site: ShapeSite) -> None:
    """Cut rows and columns to a second input's, or to `h_w`."""
    data = site.inputs[0]
    if data is None:
        return
    exactly(data, 4)
    if len(site.inputs) > 1:
        like = site.inputs[1]
        if like is None:
            return
        exactly(like, 4)
        area: Shape = like[2:]
    else:
        area = tuple(site["h_w"])
    for here, wanted, offset in zip(data[2:], area, site["offset"], strict=True):
        shift = 0 if site["center_crop"] else offset
        if here is not None and wanted is not None and not 0 < wanted <= here - shift:
            raise ConflictError(f"{printed(area)} can't be cut out of {printed(data)}")
    site.output(0, (*data[:2], *area))
