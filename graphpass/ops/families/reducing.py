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
from graphpass.ops.families.common import FLOATS, along_axis, by_sample, constant_dtype, reduced
from graphpass.ops.shape import Shape, axes_of, axis_of, exactly, need, printed, size, with_axis
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
    need(0 not in data, f"{printed(data)} has no number to choose from")
    return None if None in data else reduce_axes(site, data)


def reduce_one(site: ShapeSite, data: Shape) -> Shape:
    """Reduce one axis, or all."""
    axis = site["axis"]
    axes = range(len(data)) if axis is None else [axis_of(axis, len(data))]
    return reduced(site, data, axes, site["keepdims"])


def reduce_numpy(site: ShapeSite, data: Shape) -> Shape:
    """Reduce the given axes, all without any; an empty list reduces nothing."""
    given = site["axis"]
    axes: Sequence[int] = range(len(data))
    if given is not None:
        given = (given,) if isinstance(given, int) else given
        if data:
            axes = _distinct(given, data)
        else:
            single = given in ((0,), (-1,)) and site.op not in ("_np_max", "_np_min")
            need(not given or single, f"a value without axes has none of {given}")
    if site.op in ("_np_max", "_np_min"):
        need(all(data[axis] != 0 for axis in axes), f"{printed(data)} has no number to choose from")
    return reduced(site, data, axes, bool(site.get("keepdims")))


def average(site: ShapeSite, data: Shape) -> Shape:
    """Weights are shaped like the data, or have the one axis that is reduced."""
    weights, given = site.inputs[1] if site["weighted"] else None, site["axis"]
    if weights is not None and len(weights) != len(data):
        need(given is not None and len(given) == 1, "weights of one axis need an axis")
        exactly(weights, 1)
        site.input(1, (data[axis_of(given[0], len(data))],))
    elif weights is not None:
        site.input(1, data)
    found = reduce_numpy(site, data)
    if site["returned"]:
        site.output(1, found)
    return found


def along_channels(site: ShapeSite, data: Shape) -> Shape:
    """The place of the greatest along the second axis, which goes."""
    need(bool(data), "a value without axes has no channels")
    return (*data[:1], *data[2:]) if len(data) > 1 else (1,)


def percentile(site: ShapeSite, data: Shape) -> Shape | None:
    """The axes of the quantiles stand before those that are kept."""
    quantiles: Shape | None = () if site["q_scalar"] is not None else site.inputs[1]
    need(quantiles is None or len(quantiles) <= 1, f"quantiles {printed(quantiles)} have two axes")
    return None if quantiles is None else (*quantiles, *reduce_numpy(site, data))


def along_one(site: ShapeSite, data: Shape) -> Shape:
    """Go along one axis, or through the flat value."""
    axis = site["axis"]
    return (size(data),) if axis is None else data


def differences(site: ShapeSite, data: Shape) -> Shape:
    """Each of n rounds takes one place along the axis."""
    rounds, axis = site["n"], axis_of(site["axis"], len(data))
    need(rounds >= 0, f"n={rounds} is less than 0")
    length = data[axis]
    return with_axis(data, axis, None if length is None else max(length - rounds, 0))


def flat_differences(site: ShapeSite, data: Shape) -> Shape | None:
    """The differences of the flat value, and what is put before and behind.

    Beside one array MXNet counts one number, if there is any, whichever side it is for.
    """
    total = size(data)
    if total is None:
        return None
    count = max(total - 1, 0)
    arrays = site["to_begin_arr_given"] + site["to_end_arr_given"]
    numbers = [site[f"to_{side}_scalar"] is not None for side in ("begin", "end")]
    count += sum(numbers) if not arrays else any(numbers) if arrays == 1 else 0
    for shape in site.inputs[1:]:
        more = size(shape)
        if more is None:
            return None
        count += more
    return (count,)


def moments(site: ShapeSite, data: Shape) -> None:
    """Reduce the given axes to a mean and a variance; there is no default that takes all."""
    need(bool(site["axes"]), "it needs axes to reduce")
    site.every_output(reduced(site, data, _distinct(site["axes"], data), site["keepdims"]))


def mean_dtype(site: DtypeSite) -> str | None:
    """Of the attribute's dtype if it gives one; means of integers are float32."""
    data, dtype = site.inputs[0], site.get("dtype")
    if isinstance(dtype, str):
        return dtype
    if data is None:
        return None
    return site.same([0], [0]) if data in FLOATS else "float32"


def moment_dtype(site: DtypeSite) -> str | None:
    """Of the attribute's dtype if it gives one, else of the data's, as the mean behind it is."""
    if len(site.outputs) > 1:
        site.same([0], [1])
    return site["dtype"] or site.same([0], [0])


def percentile_dtype(site: DtypeSite) -> str | None:
    return "float64" if site.inputs[0] == "float64" else "float32"


def sum_dtype(site: DtypeSite) -> str | None:
    """Of the attribute's dtype if it gives one; sums of truth values are int64."""
    dtype: str | None = site["dtype"]
    need(
        site.inputs[0] != "bool"
        or site.op == "_np_cumsum"
        or dtype in (None, "int32", "int64", "float32", "float64"),
        f"dtype={dtype} can't be made of truth values",
    )
    if dtype is None and site.inputs[0] == "bool":
        return "int64"
    return site.same([0], [0]) if dtype is None else dtype


def norm_dtype(site: DtypeSite) -> str | None:
    """Of the attribute's dtype if it gives one, else of the data's."""
    dtype: str | None = site["out_dtype"]
    return site.same([0], [0]) if dtype is None else dtype


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
    shape, axis = _along(site, data)
    if site["ret_typ"] == "mask":
        return data
    extent, k = shape[axis], site["k"]
    need(extent is None or k <= extent, f"there are no {k} in {printed(data)}")
    site.every_output(with_axis(shape, axis, k if k > 0 else extent))
    return None


def with_places(site: DtypeSite) -> str | None:
    """Values are as the data; where they were stands behind them, in int32."""
    site.every_output("int32", 1)
    return site.same([0], [0])


def topk_dtype(site: DtypeSite) -> str | None:
    """Indices are of the attribute's type, values and masks of the data's."""
    if site["ret_typ"] == "indices":
        index: str = site["dtype"]
        return index
    if site["ret_typ"] != "mask":
        site.output(1, site["dtype"] if site["ret_typ"] == "both" else "int32")
    return site.same([0], [0])


_REDUCED = Meaning(reduce_axes, batch=reduce_batch)

ROWS = {
    "sum": replace(_REDUCED, value=_value(sum_rows)),
    "mean": replace(_REDUCED, value=_value(mean_rows)),
    "max": replace(_REDUCED, shape=reduce_known, value=_value(unless_nan(np.max))),
    "min": replace(_REDUCED, shape=reduce_known, value=_value(unless_nan(np.min))),
    "prod nansum nanprod": _REDUCED,
    "_square_sum": replace(_REDUCED, batch=None),
    "norm": replace(_REDUCED, dtype=norm_dtype),
    "argmax argmin": replace(_REDUCED, shape=reduce_one),
    "argmax_channel": Meaning(along_channels, batch=by_sample),
    "moments": Meaning(moments),
    "_np_sum": Meaning(reduce_numpy, sum_dtype, batch=reduce_batch),
    "_np_prod": Meaning(reduce_numpy, sum_dtype),
    "_np_max _np_min": Meaning(reduce_numpy, batch=reduce_batch),
    "_np_any _np_all": Meaning(reduce_numpy, constant_dtype("bool")),
    "_npi_mean": Meaning(reduce_numpy, mean_dtype, batch=reduce_batch),
    "_npi_std _npi_var": Meaning(reduce_numpy, moment_dtype),
    "_npi_average": Meaning(average),
    "_npi_percentile": Meaning(percentile, percentile_dtype),
    "_npi_argmax _npi_argmin": Meaning(reduce_numpy, constant_dtype("int64")),
    "_np_cumsum": Meaning(along_one, sum_dtype),
    "_npi_diff": Meaning(differences),
    "_npi_ediff1d": Meaning(flat_differences),
    "sort": Meaning(sort, with_places, batch=along_axis),
    "argsort": Meaning(sort, lambda site: site["dtype"], batch=along_axis),
    "topk": Meaning(topk, topk_dtype, batch=along_axis),
}
