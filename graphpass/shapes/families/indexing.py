"""Operators that look elements up by index, or make indices."""

from __future__ import annotations

from graphpass.shapes.families.common import axis_of, exactly
from graphpass.shapes.hints import given_shape
from graphpass.shapes.shape import ConflictError, printed
from graphpass.shapes.site import ShapeSite

__all__ = [
    "batch_take",
    "diagonal",
    "gather_nd",
    "one_hot",
    "ravel_multi_index",
    "scatter_nd",
    "take",
]


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


def diagonal(site: ShapeSite) -> None:
    """Take the k-th diagonal of two axes, behind the other axes; of one axis, make a matrix.

    The diagonal next to the matrix has an extent of 0; MXNet refuses those beyond.
    """
    data, k = site.inputs[0], site["k"]
    if data is None:
        return
    if len(data) == 1:
        side = None if data[0] is None else data[0] + abs(k)
        site.output(0, (side, side))
        return
    rows, columns = axis_of(site["axis1"], len(data)), axis_of(site["axis2"], len(data))
    if rows == columns:
        raise ConflictError(f"axis1 and axis2 are both axis {rows}")
    height, width = data[rows], data[columns]
    length = None
    if height is not None and width is not None:
        length = min(height - max(-k, 0), width - max(k, 0))
        if length < 0:
            raise ConflictError(f"{printed(data)} has no diagonal k={k}")
    rest = [extent for axis, extent in enumerate(data) if axis not in (rows, columns)]
    site.output(0, given_shape((*rest, length), site.np_shape))


def ravel_multi_index(site: ShapeSite) -> None:
    """Make one number of each column of indices, which has one for each axis of `shape`."""
    data, shape = site.inputs[0], site["shape"]
    if not shape:
        raise ConflictError("it needs the shape that the indices are of")
    if data is None:
        return
    exactly(data, 2)
    if data[0] not in (None, len(shape)):
        raise ConflictError(f"indices {printed(data)} are not of {len(shape)} axes")
    site.output(0, data[1:])


def one_hot(site: ShapeSite) -> None:
    """Add a last axis as long as there are classes."""
    data = site.inputs[0]
    if data is not None:
        site.output(0, (*data, site["depth"]))
