"""Operators that make values out of attributes alone, and random ones."""

from __future__ import annotations

import math

from graphpass.shapes.families.common import axis_of
from graphpass.shapes.hints import given_shape
from graphpass.shapes.shape import ConflictError, is_known
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "arange",
    "arange_like",
    "drawn_dtype",
    "eye",
    "filled",
    "linspace",
    "sampled",
    "sampled_dtype",
    "shape_array",
    "shape_array_dtype",
    "size_array",
]


def filled(site: ShapeSite) -> None:
    """The attribute says the shape; what it leaves open comes from whoever reads the output."""
    shape = site["shape"]
    if isinstance(shape, int):
        shape = (shape,)
    wanted = None if shape is None else given_shape(shape, site.np_shape)
    if is_known(site.outputs[0]) and not is_known(wanted):
        return
    site.output(0, wanted)


def arange(site: ShapeSite) -> None:
    """Count the steps from start to stop, each repeated."""
    start, stop, step, repeat = site["start"], site["stop"], site["step"], site["repeat"]
    if stop is None and site.attributes.get("infer_range"):
        return
    if step == 0:
        raise ConflictError("a range with a step of 0 has no end")
    if stop is None:
        start, stop = 0.0, start
    count = math.ceil((stop - start) / step)
    if count <= 0:
        raise ConflictError(f"nothing lies between {start:g} and {stop:g} in steps of {step:g}")
    site.output(0, (count * repeat,))


def arange_like(site: ShapeSite) -> None:
    """Count as far as a value is long along an axis, or as it has elements."""
    data, axis = site.inputs[0], site["axis"]
    if data is None:
        return
    if axis is None:
        site.output(0, data)
    else:
        site.output(0, (data[axis_of(axis, len(data))],))


def linspace(site: ShapeSite) -> None:
    """As many numbers as the attribute says."""
    site.output(0, (site["num"],))


def eye(site: ShapeSite) -> None:
    """N rows and M columns; no M is as many as rows."""
    rows, columns = site["N"], site["M"]
    site.output(0, (rows, columns if columns > 0 else rows))


def drawn_dtype(site: DtypeSite) -> None:
    """The attribute's dtype; None stands for float32 unless the output is known."""
    dtype = site["dtype"]
    if dtype not in (None, "None"):
        site.output(0, dtype)
    elif site.outputs[0] is None:
        site.output(0, "float32")


def sampled(site: ShapeSite) -> None:
    """A draw of the attribute's shape for each set of distribution parameters."""
    shape = site["shape"] or ()
    found = site.same(range(len(site.inputs)), [])
    if found is not None:
        for slot in range(len(site.outputs)):
            site.output(slot, (*found, *shape) if shape or len(found) else (1,))


def sampled_dtype(site: DtypeSite) -> None:
    """The attribute's dtype, or float32; the distribution's parameters are alike."""
    if site.same(range(len(site.inputs)), []) is not None:
        drawn_dtype(site)


def shape_array(site: ShapeSite) -> None:
    """One number per axis."""
    data = site.inputs[0]
    if data is not None:
        site.output(0, (len(data),))


def size_array(site: ShapeSite) -> None:
    """One number."""
    site.output(0, (1,))


def shape_array_dtype(site: DtypeSite) -> None:
    """Shapes and sizes are int64."""
    site.output(0, "int64")
