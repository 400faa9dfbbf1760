"""Operators that make one number of many along axes, or sort along one.

Sums add the elements one after the other, with Kahan's correction, in the type itself. Source:
``sum::Reduce`` in 3rdparty/mshadow of MXNet 1.9.1; doing the same gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import along_axis, by_sample, reduced
from graphpass.ops.shape import Shape, axes_of, axis_of, need, printed, size, with_axis
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite, ValueSite

__all__ = ["ROWS"]

_MOST_ROUNDS = 2**16
"""The most elements that are added one after the other: each takes a round in Python."""

# -- reductions ------------------------------------------------------------------------------------


def _distinct(given: Sequence[int], data: Shape) -> list[int]:
    axes = axes_of(given, len(data))
    need(len(set(axes)) == len(axes), f"axis={given} names an axis twice")
    return axes


def reduce_axes(site: ShapeSite, data: Shape) -> Shape:
    """Reduce the given axes, all if there are none; `exclude` reduces the others."""
    given = site["axis"]
    axes = list(range(len(data)))
    if given is not None and given != ():
        chosen = _distinct((given,) if isinstance(given, int) else given, data)
        exclude = bool(site.get("exclude"))
        axes = [axis for axis in axes if (axis in chosen) != exclude]
    return reduced(site, data, axes, site["keepdims"])


def reduce_known(site: ShapeSite, data: Shape) -> Shape | None:
    """Reduce as `reduce_axes` does, once every extent is known."""
    return None if None in data else reduce_axes(site, data)


def reduce_one(site: ShapeSite, data: Shape) -> Shape:
    """Reduce one axis, or all."""
    axis = site["axis"]
    axes = range(len(data)) if axis is None else [axis_of(axis, len(data))]
    return reduced(site, data, axes, site["keepdims"])


def moments(site: ShapeSite, data: Shape) -> None:
    """Reduce the given axes to a mean and a variance; there is no default that takes all."""
    need(bool(site["axes"]), "it needs axes to reduce")
    site.every_output(reduced(site, data, _distinct(site["axes"], data), site["keepdims"]))


def numpy_dtype(site: DtypeSite) -> str | None:
    """The output is of the attribute's dtype if it gives one; means of integers are float32."""
    data, dtype = site.inputs[0], site.get("dtype")
    if isinstance(dtype, str):
        return dtype
    if data is None:
        return None
    if site.op == "_npi_mean" and not data.startswith("float"):
        return "float32"
    return site.same([0], [0])


def _value(reduce: Callable[[Any], Any]) -> Callable[[ValueSite], Any]:
    """Return a rule for a function of the data with what is reduced as their first axis.

    There it stands in the order in which MXNet reads it.
    """

    def value(site: ValueSite) -> Any:
        data, axes, exclude = site.data, site["axis"] or (), site["exclude"]
        chosen = {axis % data.ndim for axis in axes}
        if not axes and exclude:
            return None
        gone = [axis for axis in range(data.ndim) if not axes or (axis in chosen) != exclude]
        kept = [axis for axis in range(data.ndim) if axis not in gone]
        moved = data.transpose([*gone, *kept])
        found = reduce(moved.reshape(-1, *[data.shape[axis] for axis in kept]))
        return None if found is None else found.reshape(site.shape)

    return value


def sum_rows(rows: Any) -> Any:
    return rows.sum(0, dtype=rows.dtype) if rows.dtype.kind != "f" else _kahan(rows)


def mean_rows(rows: Any) -> Any:
    total = _kahan(rows) if rows.dtype.kind == "f" else None
    return None if total is None else total / rows.dtype.type(len(rows))


def _kahan(rows: Any) -> Any:
    if rows.dtype == np.float16 or len(rows) > _MOST_ROUNDS or not np.all(np.isfinite(rows)):
        return None
    total = np.zeros(rows.shape[1:], rows.dtype)
    lost = np.zeros_like(total)
    for row in rows:
        corrected = row - lost
        new = total + corrected
        lost = (new - total) - corrected
        total = new
    return total


def unless_nan(reduce: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda rows: None if np.any(np.isnan(rows)) else reduce(rows, 0)


def reduce_batch(site: BatchSite) -> Axes:
    """Reduce over some axes, which go unless `keepdims`."""
    axis, over = site.of(), site["axis"]
    if over is None or over == ():
        raise OperationError("it reduces over all axes, and so over all samples of the batch")
    counted = {site.counted(each) for each in (over if isinstance(over, tuple) else (over,))}
    if site.get("exclude"):
        counted = set(range(site.rank())) - counted
    if axis in counted:
        raise OperationError(f"it reduces over axis {axis}, and so over all samples of the batch")
    return axis if site["keepdims"] else axis - sum(each < axis for each in counted)


# -- sorting ---------------------------------------------------------------------------------------


def _along(site: ShapeSite, data: Shape) -> tuple[Shape, int]:
    """Return the value that is sorted, flat without an axis, and the axis."""
    axis = site["axis"]
    return ((size(data),), 0) if axis is None else (data, axis_of(axis, len(data)))


def sort(site: ShapeSite, data: Shape) -> None:
    site.every_output(_along(site, data)[0])


def topk(site: ShapeSite, data: Shape) -> Shape | None:
    """Keep the first k along an axis; a mask is shaped like the data."""
    if site["ret_typ"] == "mask":
        return data
    shape, axis = _along(site, data)
    extent, k = shape[axis], site["k"]
    need(extent is None or k <= extent, f"there are no {k} in {printed(data)}")
    site.every_output(with_axis(shape, axis, k if k > 0 else extent))
    return None


def topk_dtype(site: DtypeSite) -> str | None:
    """Indices are of the attribute's type, values and masks of the data's."""
    if site["ret_typ"] == "indices":
        index: str = site["dtype"]
        return index
    if site["ret_typ"] != "mask":
        site.output(1, site["dtype"])
    return site.same([0], [0])


_REDUCED = Meaning(reduce_axes, batch=reduce_batch)

ROWS = {
    "sum": replace(_REDUCED, value=_value(sum_rows)),
    "mean": replace(_REDUCED, value=_value(mean_rows)),
    "max": replace(_REDUCED, shape=reduce_known, value=_value(unless_nan(np.max))),
    "min": replace(_REDUCED, shape=reduce_known, value=_value(unless_nan(np.min))),
    "prod nansum nanprod norm": _REDUCED,
    "argmax argmin": replace(_REDUCED, shape=reduce_one),
    "argmax_channel": Meaning(batch=by_sample),
    "moments": Meaning(moments),
    "_npi_mean _np_sum": replace(_REDUCED, dtype=numpy_dtype),
    "_np_max _np_min": _REDUCED,
    "sort": Meaning(sort, batch=along_axis),
    "argsort": Meaning(sort, lambda site: site["dtype"], batch=along_axis),
    "topk": Meaning(topk, topk_dtype, batch=along_axis),
}
