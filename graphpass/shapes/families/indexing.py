"""Operators that look elements up by index."""

from __future__ import annotations

from graphpass.shapes.families.common import axis_of
from graphpass.shapes.shape import ConflictError, printed
from graphpass.shapes.site import ShapeSite

__all__ = ["batch_take", "gather_nd", "one_hot", "scatter_nd", "take"]


def take(site: ShapeSite) -> None:
    """Put the shape of the indices in the place of an axis."""
    data, indices = site.inputs
    if data is None or indices is None:
        return
    axis = axis_of(site["axis"], len(data))
    site.output(0, (*data[:axis], *indices, *data[axis + 1 :]))


def batch_take(site: ShapeSite) -> None:
    """Take one element of each row."""
    data = site.inputs[0]
    if data is not None and data:
        site.output(0, site.input(1, data[:1]))


def gather_nd(site: ShapeSite) -> None:
    """Take what lies at the points that the columns of the indices name."""
    data, indices = site.inputs
    if data is None or not indices or indices[0] is None:
        return
    depth = indices[0]
    if len(indices) < 2:
        raise ConflictError(f"points {printed(indices)} need two axes or more")
    if depth > len(data):
        raise ConflictError(f"points of {depth} axes can't lie in {printed(data)}")
    site.output(0, (*indices[1:], *data[depth:]))


def scatter_nd(site: ShapeSite) -> None:
    """Put values at points of a new value."""
    shape, indices = site["shape"], site.inputs[1]
    site.output(0, shape)
    if indices and indices[0] is not None:
        site.input(0, (*indices[1:], *shape[indices[0] :]))


def one_hot(site: ShapeSite) -> None:
    """Add a last axis as long as there are classes."""
    data = site.inputs[0]
    if data is not None:
        site.output(0, (*data, site["depth"]))
