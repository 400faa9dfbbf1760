"""Operators that make one number of many, along axes.

Sums add the elements one after the other, with Kahan's correction, in the type itself. Source:
``sum::Reduce`` in 3rdparty/mshadow of MXNet 1.9.1; doing the same gives the same bits.
"""

from __future__ import annotations

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.evaluation.call import Call, Evaluator

__all__ = ["REDUCTION"]

_MOST_ROUNDS = 2**16
"""The most elements that are added one after the other: each takes a round in Python."""


def _rows(call: Call) -> Array | None:
    """Return the data with what is reduced as its first axis, in the order in which it is read."""
    data, axes = call.data, call.integers("axis")
    reduced = {axis % data.ndim for axis in axes}
    if not axes:
        if call.attributes["exclude"]:
            return None
        reduced = set(range(data.ndim))
    elif call.attributes["exclude"]:
        reduced = set(range(data.ndim)) - reduced
    kept = [axis for axis in range(data.ndim) if axis not in reduced]
    moved = data.transpose([*sorted(reduced), *kept])
    return moved.reshape(-1, *[data.shape[axis] for axis in kept])


def _sum(call: Call) -> list[Array] | None:
    rows = _rows(call)
    if rows is None:
        return None
    if rows.dtype.kind != "f":
        return [rows.sum(0, dtype=rows.dtype).reshape(call.shape)]
    total = _kahan(rows)
    return None if total is None else [total.reshape(call.shape)]


def _mean(call: Call) -> list[Array] | None:
    rows = _rows(call)
    total = None if rows is None or rows.dtype.kind != "f" else _kahan(rows)
    if rows is None or total is None:
        return None
    return [(total / rows.dtype.type(len(rows))).reshape(call.shape)]


def _kahan(rows: Array) -> Array | None:
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


def _max(call: Call) -> list[Array] | None:
    rows = _rows(call)
    return None if rows is None or _has_nan(rows) else [rows.max(0).reshape(call.shape)]


def _min(call: Call) -> list[Array] | None:
    rows = _rows(call)
    return None if rows is None or _has_nan(rows) else [rows.min(0).reshape(call.shape)]


def _has_nan(array: Array) -> bool:
    return bool(np.any(np.isnan(array)))


REDUCTION: dict[str, Evaluator] = {"max": _max, "mean": _mean, "min": _min, "sum": _sum}
"""Operator -> how it is evaluated."""
