"""Operators that reduce axes, sort along one, or pick along one."""

from __future__ import annotations

from collections.abc import Sequence

from graphpass.shapes.families.common import axes_of, axis_of, scalar, with_axis
from graphpass.shapes.shape import ConflictError, Shape, is_known, printed, size
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "argsort",
    "index_dtype",
    "moments",
    "numpy_reduce_dtype",
    "pick",
    "reduce_axes",
    "reduce_known",
    "reduce_one",
    "sort",
    "topk",
    "topk_dtype",
]


def _reduced(site: ShapeSite, data: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    if keepdims:
        return tuple([1 if axis in axes else extent for axis, extent in enumerate(data)])
    found = tuple([extent for axis, extent in enumerate(data) if axis not in axes])
    return found or scalar(site)


def _distinct(given: Sequence[int], data: Shape) -> list[int]:
    axes = axes_of(given, len(data))
    if len(set(axes)) != len(axes):
        raise ConflictError(f"axis={given} names an axis twice")
    return axes


def reduce_axes(site: ShapeSite) -> None:
    """Reduce the given axes, all if there are none; `exclude` reduces the others."""
    data = site.inputs[0]
    if data is None:
        return
    given = site["axis"]
    if given is None or given == ():
        axes = list(range(len(data)))
    else:
        axes = _distinct((given,) if isinstance(given, int) else given, data)
        if site.attributes.get("exclude"):
            axes = [axis for axis in range(len(data)) if axis not in axes]
    site.output(0, _reduced(site, data, axes, site["keepdims"]))


def reduce_known(site: ShapeSite) -> None:
    """Reduce as `reduce_axes` does, once every extent is known."""
    if is_known(site.inputs[0]):
        reduce_axes(site)


def reduce_one(site: ShapeSite) -> None:
    """Reduce one axis, or all."""
    data = site.inputs[0]
    if data is None:
        return
    axis = site["axis"]
    axes = range(len(data)) if axis is None else [axis_of(axis, len(data))]
    site.output(0, _reduced(site, data, axes, site["keepdims"]))


def moments(site: ShapeSite) -> None:
    """Reduce the given axes to a mean and a variance; there is no default that takes all."""
    data = site.inputs[0]
    if data is None:
        return
    if not site["axes"]:
        raise ConflictError("it needs axes to reduce")
    found = _reduced(site, data, _distinct(site["axes"], data), site["keepdims"])
    for slot in range(len(site.outputs)):
        site.output(slot, found)


def pick(site: ShapeSite) -> None:
    """Take one element along an axis per index; without an axis, of the flat value."""
    data = site.inputs[0]
    if data is None:
        return
    axis = site["axis"]
    axes = range(len(data)) if axis is None else [axis_of(axis, len(data))]
    found = _reduced(site, data, axes, site["keepdims"])
    site.output(0, found)
    if axis is not None and site.inputs[1] is not None and len(site.inputs[1]) == len(data):
        site.input(1, with_axis(data, axes[0], 1))
    else:
        site.input(1, _reduced(site, data, axes, False))


def _along(site: ShapeSite, data: Shape) -> tuple[Shape, int]:
    """Return the value that is sorted, flat without an axis, and the axis."""
    axis = site["axis"]
    if axis is None:
        return (size(data),), 0
    return data, axis_of(axis, len(data))


def sort(site: ShapeSite) -> None:
    """Sort along an axis."""
    data = site.inputs[0]
    if data is None:
        return
    for slot in range(len(site.outputs)):
        site.output(slot, _along(site, data)[0])


def argsort(site: ShapeSite) -> None:
    """Return the order along an axis."""
    data = site.inputs[0]
    if data is not None:
        site.output(0, _along(site, data)[0])


def topk(site: ShapeSite) -> None:
    """Keep the first k along an axis; a mask is shaped like the data."""
    data = site.inputs[0]
    if data is None:
        return
    if site["ret_typ"] == "mask":
        site.output(0, data)
        return
    shape, axis = _along(site, data)
    extent, k = shape[axis], site["k"]
    if extent is not None and k > extent:
        raise ConflictError(f"there are no {k} in {printed(data)}")
    found = with_axis(shape, axis, k if k > 0 else extent)
    for slot in range(len(site.outputs)):
        site.output(slot, found)


def topk_dtype(site: DtypeSite) -> None:
    """Indices are of the attribute's type, values and masks of the data's."""
    kind = site["ret_typ"]
    if kind == "mask":
        site.same([0], [0])
        return
    if kind == "indices":
        site.output(0, site["dtype"])
        return
    site.same([0], [0])
    site.output(1, site["dtype"])


def index_dtype(site: DtypeSite) -> None:
    """Indices are of the attribute's type; the data may have any."""
    site.output(0, site["dtype"])


def numpy_reduce_dtype(site: DtypeSite) -> None:
    """The output is of the attribute's dtype if it gives one; means of integers are float32."""
    data = site.inputs[0]
    dtype = site.attributes.get("dtype")
    if isinstance(dtype, str):
        site.output(0, dtype)
        return
    if data is None:
        return
    if site.op == "_npi_mean" and not data.startswith("float"):
        site.output(0, "float32")
    else:
        site.same([0], [0])
