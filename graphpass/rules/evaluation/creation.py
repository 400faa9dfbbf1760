"""Operators that make arrays of nothing, or of a shape alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.evaluation.call import Call, Evaluator

__all__ = ["CREATION"]


def _filled(value: float) -> Evaluator:
    return lambda call: [np.full(call.shape, value, call.dtype)]


def _full(call: Call) -> list[Array] | None:
    value = np.float64(call.number("value"))
    if call.dtype.kind != "f" and not value.is_integer():
        return None
    return [np.full(call.shape, value.astype(call.dtype), call.dtype)]


def _arange(call: Call) -> list[Array] | None:
    """Start and step are rounded to the type first; one without a stop starts at 0.

    Source: ``range_fwd`` in ``src/operator/tensor/init_op.h``. In float16 it gives zeros.
    """
    dtype: Any = call.dtype.type
    if call.dtype == np.float16 or call.attributes["infer_range"]:
        return None
    numbers = np.arange(call.shape[0]) // call.integer("repeat")
    start = dtype(0 if call.attributes["stop"] is None else call.number("start"))
    step = dtype(call.number("step"))
    return [(start + numbers.astype(call.dtype) * step).astype(call.dtype)]


def _linspace(call: Call) -> list[Array] | None:
    """Source: ``linspace_fwd`` in the same file: computed in float64."""
    if call.dtype.kind != "f":
        return None
    num = call.integer("num")
    start, stop = call.number("start"), call.number("stop")
    steps = num - 1 if call.attributes["endpoint"] else num
    step = (stop - start) / steps if steps > 0 else 0.0
    return [(start + np.arange(num) * np.float64(step)).astype(call.dtype)]


def _eye(call: Call) -> list[Array]:
    rows, columns = call.shape
    return [np.eye(rows, columns, call.integer("k"), dtype=call.dtype)]


CREATION: dict[str, Evaluator] = {
    "_arange": _arange,
    "_eye": _eye,
    "_full": _full,
    "_linspace": _linspace,
    "_ones": _filled(1),
    "_zeros": _filled(0),
    "ones_like": _filled(1),
    "zeros_like": _filled(0),
}
"""Operator -> how it is evaluated."""
