"""Axes that move, come and go; values that are joined, split and repeated along an axis."""

from __future__ import annotations

from graphpass.errors import OperationError
from graphpass.rules.batching.site import Axes, Site, positive

__all__ = [
    "broadcast_axis",
    "broadcast_like",
    "broadcast_to",
    "concat",
    "expand_dims",
    "pad",
    "repeat",
    "reverse",
    "split",
    "squeeze",
    "stack",
    "swap_axes",
    "tile",
    "transpose",
]


def transpose(site: Site) -> Axes:
    """Move the batch where `axes` says; without them the order is turned round."""
    axis = site.of()
    order = site.attributes["axes"]
    if not order:
        return site.rank() - 1 - axis
    return [positive(each, len(order)) for each in order].index(axis)


def swap_axes(site: Site) -> Axes:
    """Two axes change places."""
    axis = site.of()
    one, other = (site.counted(site.attributes[name]) for name in ("dim1", "dim2"))
    return {one: other, other: one}.get(axis, axis)


def expand_dims(site: Site) -> Axes:
    """Let a new axis in."""
    axis = site.of()
    new = site.attributes["axis"]
    return _behind(axis, new if new >= 0 else positive(new, site.rank() + 1))


def squeeze(site: Site) -> Axes:
    """Axes of extent 1 go; without a list, the batch of one sample too."""
    axis = site.of()
    gone = site.attributes["axis"]
    if gone is None:
        raise OperationError("it takes out every axis of extent 1, be it the batch; give its axis")
    counted = {site.counted(each) for each in gone}
    if axis in counted:
        raise OperationError(f"it takes out axis {axis}, along which the batch is")
    return axis - sum(each < axis for each in counted)


def concat(site: Site) -> Axes:
    """Join along another axis, so that samples stay apart."""
    axis = site.of(range(len(site.axes)))
    if site.counted(site.attributes["dim"]) == axis:
        raise OperationError("it joins samples along the batch axis itself")
    return axis


def stack(site: Site) -> Axes:
    """Let a new axis in, along which the inputs are."""
    axis = site.of(range(len(site.axes)))
    new = site.attributes["axis"]
    return _behind(axis, new if new >= 0 else positive(new, site.rank() + 1))


def split(site: Site) -> Axes:
    """All parts are joined as the whole is, unless it is split along the batch."""
    axis = site.of()
    along = site.counted(site.attributes["axis"])
    if along == axis:
        raise OperationError("it splits the batch")
    return axis - (along < axis and bool(site.attributes["squeeze_axis"]))


def tile(site: Site) -> Axes:
    """Repetitions are aligned at the last axis; the batch may have one only."""
    axis, rank, times = site.of(), site.rank(), site.attributes["reps"]
    if len(times) > rank:
        axis, rank = axis + len(times) - rank, len(times)
    from_the_end = rank - axis
    if len(times) >= from_the_end and times[-from_the_end] != 1:
        raise OperationError("it repeats the batch")
    return axis


def repeat(site: Site) -> Axes:
    """Each number is repeated along one axis."""
    axis, along = site.of(), site.attributes["axis"]
    if along is None:
        raise OperationError("without an axis it makes one long row of all samples")
    if site.counted(along) == axis:
        raise OperationError("it repeats samples along the batch")
    return axis


def reverse(site: Site) -> Axes:
    """Turn round the order along some axes."""
    axis = site.of()
    if axis in {site.counted(each) for each in site.attributes["axis"]}:
        raise OperationError("it turns round the order of the samples")
    return axis


def broadcast_axis(site: Site) -> Axes:
    """Give some axes of extent 1 another extent."""
    axis = site.of()
    if axis in {site.counted(each) for each in site.attributes["axis"]}:
        raise OperationError("it gives the batch a size")
    return axis


def broadcast_like(site: Site) -> Axes:
    """Give axes of extent 1 the extents that another value of the branch has."""
    if site.attributes["lhs_axes"] is not None or site.attributes["rhs_axes"] is not None:
        raise OperationError("it takes extents of chosen axes, which may be the batch")
    axis = site.of((0, 1))
    site.refuse_single()
    return axis


def broadcast_to(site: Site) -> Axes:
    """Axes for which the shape says 0 stay."""
    axis, shape = site.of(), site.attributes["shape"]
    if axis >= len(shape) or shape[axis] != 0:
        raise OperationError(f"the size of the batch is baked into shape={tuple(shape)}")
    return axis


def pad(site: Site) -> Axes:
    """Every axis but the batch's may grow at both ends."""
    axis, width = site.of(), site.attributes["pad_width"]
    if any(width[2 * axis : 2 * axis + 2]):
        raise OperationError("it pads the batch")
    return axis


def _behind(axis: int, new: int) -> int:
    return axis + (new <= axis)
