"""Operators that stretch axes of 1, and differences in shape that they bridge."""

from __future__ import annotations

from graphpass.shapes.families.common import axes_of, axis_of
from graphpass.shapes.shape import ConflictError, Shape, printed
from graphpass.shapes.site import ShapeSite

__all__ = ["broadcast_axis", "broadcast_like", "broadcast_to"]


def _stretched(data: Shape, wanted: Shape) -> Shape:
    """Return the wanted shape, where every axis is 1 before or stays what it is."""
    padded = (1,) * (len(wanted) - len(data)) + data
    if len(padded) != len(wanted):
        raise ConflictError(f"{printed(data)} can't be broadcast to {printed(wanted)}")
    for extent, target in zip(padded, wanted, strict=True):
        if extent not in (None, 1, target) and target is not None:
            raise ConflictError(f"{printed(data)} can't be broadcast to {printed(wanted)}")
    return wanted


def broadcast_axis(site: ShapeSite) -> None:
    """Stretch the given axes to the given sizes."""
    data = site.inputs[0]
    if data is None:
        return
    axes, sizes = site["axis"], site["size"]
    axes = (axes,) if isinstance(axes, int) else axes
    sizes = (sizes,) if isinstance(sizes, int) else sizes
    if len(axes) != len(sizes):
        raise ConflictError(f"axis={axes} and size={sizes} differ in length")
    found = list(data)
    for axis, extent in zip(axes_of(axes, len(data)), sizes, strict=True):
        if found[axis] not in (None, 1):
            raise ConflictError(f"axis {axis} of {printed(data)} is not 1")
        found[axis] = extent
    site.output(0, tuple(found))


def broadcast_to(site: ShapeSite) -> None:
    """Stretch to a shape, where 0 keeps an axis."""
    data = site.inputs[0]
    if data is None:
        return
    wanted: list[int | None] = list(site["shape"])
    if len(wanted) == len(data):
        wanted = [
            extent if target == 0 else target for extent, target in zip(data, wanted, strict=True)
        ]
    elif not site.np_shape:
        raise ConflictError(f"shape={tuple(wanted)} and {printed(data)} differ in number of axes")
    site.output(0, _stretched(data, tuple(wanted)))


def broadcast_like(site: ShapeSite) -> None:
    """Stretch to another value's shape, or some axes to some of its axes."""
    data, like = site.inputs
    if data is None or like is None:
        return
    here, there = site["lhs_axes"], site["rhs_axes"]
    if here is None or there is None:
        if len(data) != len(like):
            raise ConflictError(f"{printed(data)} and {printed(like)} differ in number of axes")
        site.output(0, _stretched(data, like))
        return
    if len(here) != len(there) or not here:
        raise ConflictError(f"lhs_axes={here} and rhs_axes={there} differ in length")
    found = list(data)
    for one, other in zip(here, there, strict=True):
        axis = axis_of(one, len(data))
        if found[axis] not in (None, 1):
            raise ConflictError(f"axis {axis} of {printed(data)} is not 1")
        found[axis] = like[axis_of(other, len(like))]
    site.output(0, tuple(found))
