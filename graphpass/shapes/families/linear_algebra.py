"""Operators on the matrices in the last two axes."""

from __future__ import annotations

from graphpass.shapes.families.common import product
from graphpass.shapes.shape import ConflictError, Shape, merge_shapes, printed, size
from graphpass.shapes.site import ShapeSite

__all__ = ["gemm", "gemm_cost", "square", "sum_log_diagonal", "triangular"]


def _matrices(shape: Shape) -> Shape:
    if len(shape) < 2:
        raise ConflictError(f"{printed(shape)} holds no matrices")
    return shape[-2:]


def gemm(site: ShapeSite) -> None:
    """Products of matrices, each transposed or not; a third matrix is added to them."""
    one, other = site.inputs[:2]
    if one is None or other is None:
        return
    if site.attributes.get("axis", -2) != -2:
        return
    rows, left = _matrices(one)[:: -1 if site["transpose_a"] else 1]
    right, columns = _matrices(other)[:: -1 if site["transpose_b"] else 1]
    if None not in (left, right) and left != right:
        raise ConflictError(f"{printed(one)} and {printed(other)} can't be multiplied")
    found = (*(merge_shapes(one[:-2], other[:-2]) or ()), rows, columns)
    if len(site.inputs) > 2:
        site.input(2, found)
    site.output(0, found)


def gemm_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times the length of the sums."""
    one = site.inputs[0]
    if not one or len(one) < 2:
        return None
    return product([size(site.outputs[0]), one[-2 if site["transpose_a"] else -1]])


def square(site: ShapeSite) -> None:
    """A square matrix gives one of its shape."""
    found = site.same([0], range(len(site.outputs)))
    if found is None:
        return
    rows, columns = _matrices(found)
    if None not in (rows, columns) and rows != columns:
        raise ConflictError(f"{printed(found)} is not square")


def triangular(site: ShapeSite) -> None:
    """A square matrix, and one that it is multiplied with, from the left or the right."""
    one, other = site.inputs
    if one is None or other is None:
        return
    if len(one) != len(other):
        raise ConflictError(f"{printed(one)} and {printed(other)} differ in the number of axes")
    merge_shapes(one[:-2], other[:-2])
    rows, columns = _matrices(one)
    meets = _matrices(other)[1 if site["rightside"] else 0]
    if None not in (rows, columns, meets) and not rows == columns == meets:
        raise ConflictError(f"{printed(one)} and {printed(other)} can't be multiplied")
    site.output(0, other)


def sum_log_diagonal(site: ShapeSite) -> None:
    """One number for each matrix."""
    data = site.inputs[0]
    if data is None:
        return
    _matrices(data)
    site.output(0, data[:-2] or (1,))
