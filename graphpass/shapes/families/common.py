"""What several families share."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphpass.shapes.shape import ConflictError, Shape, printed, size
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "axes_of",
    "axis_of",
    "data_dtype",
    "exactly",
    "first_dtype",
    "fixed_dtype",
    "float32_only",
    "forward",
    "int32_index",
    "like_first",
    "like_second",
    "output_size",
    "product",
    "scalar",
    "silent",
    "with_axis",
]


def silent(site: ShapeSite | DtypeSite) -> None:
    """Nothing follows from anything."""


def exactly(data: Shape, axes: int) -> None:
    """Refuse a value with another number of axes."""
    if len(data) != axes:
        raise ConflictError(f"{printed(data)} has {len(data)} axes and must have {axes}")


def axis_of(axis: int, axes: int) -> int:
    """Return an axis counted from the front, where the given one may count from the end."""
    if not -axes <= axis < axes:
        raise ConflictError(f"there is no axis {axis} among {axes}")
    return axis % axes


def axes_of(axes: Sequence[int], count: int) -> list[int]:
    """Return axes counted from the front."""
    return [axis_of(axis, count) for axis in axes]


def scalar(site: ShapeSite) -> Shape:
    """Return the shape of a single number: MXNet's older operators give it one axis."""
    return () if site.op.startswith("_np") else (1,)


def with_axis(shape: Shape, axis: int, extent: int | None) -> Shape:
    """Return a shape with another extent along one axis."""
    return (*shape[:axis], extent, *shape[axis + 1 :])


def product(extents: Sequence[int | None]) -> int | None:
    """Return the product, None where a factor is unknown."""
    known = [extent for extent in extents if extent is not None]
    return math.prod(known) if len(known) == len(extents) else None


def like_first(site: ShapeSite) -> None:
    """Every output is shaped like the first input; nothing is learnt from an output."""
    for slot in range(len(site.outputs)):
        site.output(slot, site.inputs[0])


def forward(site: DtypeSite) -> None:
    """Every output has the first input's dtype, and the other inputs may have any."""
    for slot in range(len(site.outputs)):
        site.output(slot, site.inputs[0])


def data_dtype(site: DtypeSite) -> None:
    """All inputs and outputs have the dtype of the first input, or else of the first output."""
    known = site.same([0], [0])
    if known is None:
        return
    for slot in range(1, len(site.inputs)):
        site.input(slot, known)
    for slot in range(1, len(site.outputs)):
        site.output(slot, known)


def first_dtype(site: DtypeSite) -> None:
    """All inputs and outputs have the first input's dtype; nothing is known before it is."""
    first = site.inputs[0]
    if first is None:
        return
    for slot in range(1, len(site.inputs)):
        site.input(slot, first)
    for slot in range(len(site.outputs)):
        site.output(slot, first)


def like_second(site: DtypeSite) -> None:
    """The output is as the first input, once the second is known, which may be of any dtype."""
    if site.inputs[1] is not None:
        site.same([0], [0])


def float32_only(site: DtypeSite) -> None:
    """Everything is float32, as MXNet has it for operators of its oldest interface."""
    for slot in range(len(site.inputs)):
        site.input(slot, "float32")
    for slot in range(len(site.outputs)):
        site.output(slot, "float32")


def int32_index(site: DtypeSite) -> None:
    """The output is as the first input; the index is int32."""
    site.input(1, "int32")
    site.same([0], [0])


def fixed_dtype(site: DtypeSite) -> None:
    """Outputs have the dtype that the attribute says; the inputs may have any."""
    for slot in range(len(site.outputs)):
        site.output(slot, site["dtype"])


def output_size(site: ShapeSite) -> int | None:
    """Count one multiply-add for each element of the first output."""
    return size(site.outputs[0])
