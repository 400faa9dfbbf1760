"""Operators that make values out of attributes or shapes alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import fixed_dtype, same_shape
from graphpass.ops.shape import DTYPE_CODES, Shape, axis_of, given_shape, is_known, need
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite, ValueSite

__all__ = ["ROWS", "filled"]


def filled(site: ShapeSite) -> Shape | None:
    """The attribute says the shape; what it leaves open comes from whoever reads the output."""
    shape = site["shape"]
    if isinstance(shape, int):
        shape = (shape,)
    need(min(shape or (0,)) >= -1, f"shape={shape} has an extent below -1")
    wanted = None if shape is None else given_shape(shape, site.np_shape)
    return wanted if is_known(wanted) or not is_known(site.outputs[0]) else None


def filled_value(number: float) -> Callable[[ValueSite], Any]:
    return lambda site: np.full(site.shape, number, site.dtype)


def full_value(site: ValueSite) -> Any:
    number = np.float64(site["value"])
    if site.dtype.kind != "f" and not number.is_integer():
        return None
    return np.full(site.shape, number.astype(site.dtype), site.dtype)


def arange(site: ShapeSite) -> Shape | None:
    """Count the steps from start to stop, each repeated."""
    start, stop, step, repeat = site["start"], site["stop"], site["step"], site["repeat"]
    need(repeat == 1 or (repeat > 0 and site.op == "_arange"), f"repeat={repeat} is not allowed")
    need(step != 0, "a range with a step of 0 has no end")
    if stop is None and site.get("infer_range"):
        need(site.op != "_npi_arange", "it needs a stop")
        return None
    if stop is None:
        start, stop = 0.0, start
    count = math.ceil((stop - start) / step)
    if site.op == "_npi_arange":
        count = max(count, 0)
    need(
        count > 0 or site.op == "_npi_arange",
        f"nothing lies between {start:g} and {stop:g} in steps of {step:g}",
    )
    return (count * site["repeat"],)


def arange_value(site: ValueSite) -> Any:
    """Start and step are rounded to the type first; one without a stop starts at 0.

    Source: ``range_fwd`` in ``src/operator/tensor/init_op.h``. In float16 it gives zeros.
    """
    if site.dtype == np.float16 or site["infer_range"]:
        return None
    numbers = np.arange(site.shape[0]) // site["repeat"]
    start = site.dtype.type(0 if site["stop"] is None else site["start"])
    step = site.dtype.type(site["step"])
    return (start + numbers.astype(site.dtype) * step).astype(site.dtype)


def window(site: ShapeSite) -> Shape:
    """So many places, none for a number below 1."""
    need(site["M"] is not None, "it needs M")
    return (max(site["M"], 0),)


def without_dtype(site: DtypeSite) -> str | None:
    """Of the dtype that a number stands for; -1 leaves it to whoever reads the output."""
    return DTYPE_CODES.get(site["dtype"])


def full_like_dtype(site: DtypeSite) -> str | None:
    dtype: str | None = site["dtype"]
    return site.same([0], [0]) if dtype is None else dtype


def arange_like(site: ShapeSite, data: Shape) -> Shape:
    """Count as far as a value is long along an axis, or as it has elements."""
    axis = site["axis"]
    return data if axis is None else (data[axis_of(axis, len(data))],)


def arange_like_batch(site: BatchSite) -> Axes:
    """Count along an axis, whatever the numbers are: the same for all."""
    axis, along = site.of(), site["axis"]
    if along is None or site.counted(along) == axis:
        raise OperationError("it counts along the batch")
    return None


def linspace_value(site: ValueSite) -> Any:
    """Source: ``linspace_fwd`` in the same file: computed in float64."""
    if site.dtype.kind != "f":
        return None
    num, start, stop = site["num"], site["start"], site["stop"]
    steps = num - 1 if site["endpoint"] else num
    step = (stop - start) / steps if steps > 0 else 0.0
    return (start + np.arange(num) * np.float64(step)).astype(site.dtype)


ROWS = {
    "_zeros": Meaning(filled, fixed_dtype, value=filled_value(0)),
    "_ones": Meaning(filled, fixed_dtype, value=filled_value(1)),
    "_full": Meaning(filled, fixed_dtype, value=full_value),
    "_npi_zeros _npi_ones _npi_identity": Meaning(filled, fixed_dtype),
    "_zeros_without_dtype": Meaning(filled, without_dtype),
    "_npi_full_like": Meaning(same_shape, full_like_dtype),
    "_npi_arange": Meaning(arange, fixed_dtype),
    "_npi_logspace": Meaning(lambda site: (site["num"],), fixed_dtype),
    "_npi_eye": Meaning(
        lambda site: (site["N"], site["N"] if site["M"] is None else site["M"]), fixed_dtype
    ),
    "_npi_blackman _npi_hamming _npi_hanning": Meaning(window, fixed_dtype),
    "_npi_indices": Meaning(
        lambda site: (len(site["dimensions"]), *site["dimensions"]), fixed_dtype
    ),
    "_arange": Meaning(arange, fixed_dtype, value=arange_value),
    "_contrib_arange_like": Meaning(arange_like, batch=arange_like_batch),
    "_linspace": Meaning(lambda site: (site["num"],), fixed_dtype, value=linspace_value),
    "_eye": Meaning(
        lambda site: (site["N"], site["M"] if site["M"] > 0 else site["N"]),
        fixed_dtype,
        value=lambda site: np.eye(site.shape[0], site.shape[1], site["k"], dtype=site.dtype),
    ),
    "shape_array": Meaning(lambda site, data: (len(data),), lambda site: "int64"),
    "size_array": Meaning(lambda site: (1,), lambda site: "int64"),
}
