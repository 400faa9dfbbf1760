"""Operators that pick, reduce, compare or look up along an axis."""

from __future__ import annotations

from graphpass.errors import OperationError
from graphpass.rules.batching.site import Axes, Site

__all__ = [
    "along_axis",
    "arange_like",
    "box_nms",
    "cut",
    "cut_axis",
    "cut_like",
    "dot",
    "one_hot",
    "pick",
    "reduce",
    "reduce_channels",
    "take",
]


def along_axis(site: Site) -> Axes:
    """Compute along one axis, which stays: softmax, sort."""
    axis = site.of()
    over = site.attributes["axis"]
    if over is None:
        raise OperationError("without an axis it makes one row of all samples")
    if site.counted(over) == axis:
        raise OperationError(f"it computes along axis {axis}, over all samples of the batch")
    return axis


def reduce(site: Site) -> Axes:
    """Reduce over some axes, which go unless `keepdims`."""
    axis, over = site.of(), site.attributes["axis"]
    if over is None or over == ():
        raise OperationError("it reduces over all axes, and so over all samples of the batch")
    counted = {site.counted(each) for each in (over if isinstance(over, tuple) else (over,))}
    if site.attributes.get("exclude"):
        counted = set(range(site.rank())) - counted
    if axis in counted:
        raise OperationError(f"it reduces over axis {axis}, and so over all samples of the batch")
    return axis if site.attributes["keepdims"] else axis - sum(each < axis for each in counted)


def reduce_channels(site: Site) -> Axes:
    """Reduce over axis 1, which goes."""
    return site.first()


def cut(site: Site) -> Axes:
    """Cut along the leading axes; the batch may have no bounds."""
    axis = site.of()
    for name, harmless in (("begin", (None, 0)), ("end", (None,)), ("step", (None, 1))):
        bounds = site.attributes[name] or ()
        if axis < len(bounds) and bounds[axis] not in harmless:
            raise OperationError(f"its {name}={tuple(bounds)} picks some samples of the batch")
    return axis


def cut_axis(site: Site) -> Axes:
    """Cut along one axis."""
    axis = site.of()
    if site.counted(site.attributes["axis"]) == axis:
        raise OperationError("it picks some samples of the batch")
    return axis


def cut_like(site: Site) -> Axes:
    """Cut along some axes to the extents of another value, of which only these count."""
    axis = site.of((0,), (1,))
    axes = site.attributes["axes"]
    if not axes or axis in {site.counted(each) for each in axes}:
        raise OperationError("it cuts the batch to the extent of another value")
    return axis


def pick(site: Site) -> Axes:
    """Pick one number along an axis behind the batch's."""
    axis = site.of((0, 1))
    over = site.attributes["axis"]
    if over is None or site.counted(over) <= axis:
        raise OperationError("it picks along the batch, or along an axis before it")
    return axis


def one_hot(site: Site) -> Axes:
    """Make a row of each index, along a new last axis."""
    return site.of()


def take(site: Site) -> Axes:
    """Look up indices of the batch in a value that is the same for all."""
    axis = site.of((1,))
    return site.counted(site.attributes["axis"]) + axis


def dot(site: Site) -> Axes:
    """Multiply rows of the batch with a matrix that is the same for all."""
    if None not in site.axes:
        raise OperationError("it multiplies each sample with every other")
    axis = site.of()
    if site.attributes["transpose_a"] or axis == site.rank() - 1:
        raise OperationError("it adds up over the samples of the batch")
    return axis


def arange_like(site: Site) -> Axes:
    """Count along an axis, whatever the numbers are: the same for all."""
    axis, along = site.of(), site.attributes["axis"]
    if along is None or site.counted(along) == axis:
        raise OperationError("it counts along the batch")
    return None


def box_nms(site: Site) -> Axes:
    """Boxes stand along the last axis but one; those of other samples are left alone."""
    axis = site.of()
    if axis >= site.rank() - 2:
        raise OperationError("its boxes are along the batch axis")
    return axis
