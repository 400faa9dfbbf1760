"""Operators that put elements in another order or shape, and compute nothing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.rules.evaluation.call import Call, Evaluator

__all__ = ["ARRANGEMENT"]


def _reshape(call: Call) -> list[Array]:
    return [call.data.reshape(call.shape)]


def _transpose(call: Call) -> list[Array]:
    return [call.data.transpose(call.integers("axes") or None)]


def _swap(call: Call) -> list[Array]:
    return [call.data.swapaxes(call.integer("dim1"), call.integer("dim2"))]


def _slice(call: Call) -> list[Array]:
    begin, end = call.attributes["begin"], call.attributes["end"]
    assert isinstance(begin, tuple) and isinstance(end, tuple)
    step = call.integers("step") or (None,) * len(begin)
    return [call.data[tuple(map(slice, begin, end, step))]]


def _slice_axis(call: Call) -> list[Array]:
    end = call.attributes["end"]
    assert end is None or isinstance(end, int)
    return [call.data[_along(call.integer("axis"), call.data, call.integer("begin"), end)]]


def _along(axis: int, data: Array, begin: int, end: int | None) -> tuple[slice, ...]:
    index = [slice(None)] * data.ndim
    index[axis] = slice(begin, end)
    return tuple(index)


def _slice_like(call: Call) -> list[Array]:
    return [call.data[tuple([slice(size) for size in call.shape])]]


def _split(call: Call) -> list[Array]:
    """Cut along an axis into equal parts, of which squeezing takes the axis away."""
    parts = np.split(call.data, len(call.shapes), call.integer("axis"))
    return [part.reshape(shape) for part, shape in zip(parts, call.shapes, strict=True)]


def _split_at(call: Call) -> list[Array]:
    """Cut along an axis: parts as long as their shapes say, which begin at the indices.

    Without indices, each begins where the one before it ends.
    """
    data, axis = call.data, call.integer("axis")
    squeezed = call.attributes["squeeze_axis"]
    lengths = [1 if squeezed else shape[axis] for shape in call.shapes]
    starts: Sequence[int] = call.integers("indices")
    if call.integer("sections"):
        starts = list(accumulate(lengths[:-1], initial=0))
    return [
        data[_along(axis, data, start, start + length)].reshape(shape)
        for start, length, shape in zip(starts, lengths, call.shapes, strict=True)
    ]


def _concat(call: Call) -> list[Array] | None:
    if any(array.dtype != call.dtype for array in call.inputs):
        return None
    return [np.concatenate(call.inputs, call.integer("dim"))]


def _stack(call: Call) -> list[Array] | None:
    if any(array.dtype != call.dtype for array in call.inputs):
        return None
    return [np.stack(call.inputs, call.integer("axis"))]


def _tile(call: Call) -> list[Array] | None:
    """Along three axes or more MXNet refuses some arrays, and gives zeros for others."""
    reps = call.integers("reps")
    if sum(times > 1 for times in reps) > 2:
        return None
    return [np.tile(call.data, reps)]


def _repeat(call: Call) -> list[Array]:
    axis = call.attributes["axis"]
    assert axis is None or isinstance(axis, int)
    return [np.repeat(call.data, call.integer("repeats"), axis)]


def _reverse(call: Call) -> list[Array]:
    return [np.flip(call.data, call.integers("axis"))]


def _broadcast(call: Call) -> list[Array]:
    return [np.broadcast_to(call.data, call.shape)]


ARRANGEMENT: dict[str, Evaluator] = {
    "Concat": _concat,
    "Flatten": _reshape,
    "Reshape": _reshape,
    "SliceChannel": _split,
    "SwapAxis": _swap,
    "_split_v2": _split_at,
    "broadcast_axis": _broadcast,
    "broadcast_like": _broadcast,
    "broadcast_to": _broadcast,
    "expand_dims": _reshape,
    "repeat": _repeat,
    "reshape_like": _reshape,
    "reverse": _reverse,
    "slice": _slice,
    "slice_axis": _slice_axis,
    "slice_like": _slice_like,
    "squeeze": _reshape,
    "stack": _stack,
    "tile": _tile,
    "transpose": _transpose,
}
"""Operator -> how it is evaluated."""
