"""What the rows of several families share."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from graphpass.errors import OperationError
from graphpass.ops.shape import ConflictError, Shape, need, printed, product
from graphpass.ops.sites import (
    Axes,
    BatchSite,
    DtypeSite,
    FactSite,
    Range,
    ShapeSite,
    T,
    ValueSite,
    same_dtype,
)


def scalar(site: ShapeSite) -> Shape:
    """Return the shape of a single number: MXNet's older operators give it one axis."""
    return () if site.op.startswith("_np") else (1,)


# -- shapes ----------------------------------------------------------------------------------------


def same_shape(site: ShapeSite) -> None:
    """All inputs and outputs have one shape, and each tells of the others."""
    site.same(range(len(site.inputs)), range(len(site.outputs)))


def every_like_first(site: FactSite[T], first: T) -> None:
    """Every output is like the first input; other inputs may be anything."""
    site.every_output(first)


def broadcast_shapes(one: Shape, other: Shape) -> Shape:
    """Return the shape of two values that are broadcast together, aligned at the last axis."""
    if one == other:
        return one
    count = max(len(one), len(other))
    padded = [(1,) * (count - len(shape)) + shape for shape in (one, other)]
    found: list[int | None] = []
    for a, b in zip(*padded, strict=True):
        if a is None or b is None:
            found.append(None)
        elif a == b or 1 in (a, b):
            found.append(b if a == 1 else a)
        else:
            raise ConflictError(f"{printed(one)} and {printed(other)} can't be broadcast together")
    return tuple(found)


def broadcast(site: ShapeSite) -> Shape | None:
    """The output is what the inputs give when they are broadcast; nothing is learnt from it."""
    found: Shape = ()
    for shape in site.inputs:
        if shape is None:
            return None
        found = broadcast_shapes(found, shape) if found else shape
    return found


def reduced(site: ShapeSite, data: Shape, axes: Collection[int], keepdims: bool) -> Shape:
    """Return a shape without some axes, or with 1 in their places."""
    if keepdims:
        return tuple([1 if axis in axes else extent for axis, extent in enumerate(data)])
    return tuple([extent for axis, extent in enumerate(data) if axis not in axes]) or scalar(site)


# -- dtypes ----------------------------------------------------------------------------------------


def data_dtype(site: DtypeSite) -> None:
    """All inputs and outputs have the dtype of the first input, or else of the first output."""
    known = site.same([0], [0])
    if known is not None:
        first_dtype(site, known)


def first_dtype(site: DtypeSite, first: str) -> None:
    """All inputs and outputs have the first input's dtype; nothing is known before it is."""
    for slot in range(1, len(site.inputs)):
        site.input(slot, first)
    site.every_output(first)


def float32_only(site: DtypeSite) -> None:
    """Everything is float32, as MXNet has it for operators of its oldest interface."""
    for slot in range(len(site.inputs)):
        site.input(slot, "float32")
    site.every_output("float32")


def fixed_dtype(site: DtypeSite) -> None:
    """Outputs have the dtype that the attribute says; the inputs may have any."""
    site.every_output(site["dtype"])


FLOATS = ("float16", "bfloat16", "float32", "float64")
"""Floating-point types, the narrower ones first."""

INTEGERS = ("bool", "uint8", "int8", "int32", "int64")
"""Truth values and whole numbers, the narrower ones first."""


def of_kinds(
    kinds: Collection[str], rule: Callable[..., str | None] = same_dtype
) -> Callable[[DtypeSite], str | None]:
    """Return a rule that refuses a first input of another dtype, as MXNet does."""
    needs = rule.__code__.co_argcount - 1

    def dtype(site: DtypeSite) -> str | None:
        given = site.inputs[:needs]
        first = site.inputs[0] if site.inputs else None
        need(first is None or first in kinds, f"it takes no {first}")
        return None if None in given else rule(site, *given)

    return dtype


def constant_dtype(dtype: str) -> Callable[[DtypeSite], str]:
    """Return a rule: all outputs are of one dtype, whatever the inputs are."""

    def rule(site: DtypeSite) -> str:
        site.every_output(dtype)
        return dtype

    return rule


# -- costs and values ------------------------------------------------------------------------------


def output_size(site: ShapeSite) -> int | None:
    """Count one multiply-add for each element of the first output."""
    return product(site.outputs[0] or ())


def sums(length: Callable[[ShapeSite, Sequence[int]], int]) -> Callable[..., int]:
    """Return a rule: elements of the output times the length of the sums."""

    def cost(site: ShapeSite, one: Sequence[int]) -> int:
        return math.prod(site.outputs[0] or ()) * length(site, one)  # type: ignore[arg-type]

    return cost


def reshaped(site: ValueSite) -> Any:
    """The numbers stay in their order."""
    return site.data.reshape(site.shape)


# -- how a batch goes through ----------------------------------------------------------------------


def number_by_number(site: BatchSite) -> Axes:
    """Each output is joined as the inputs are, and all of them are."""
    return site.of(range(len(site.axes)))


def by_sample(site: BatchSite) -> Axes:
    """One input along whose axis 0 are the samples; the others are weights."""
    return site.first()


def pairs_by_sample(site: BatchSite) -> Axes:
    """Two inputs along whose axes 0 are the samples."""
    return site.first((0, 1))


def along_axis(site: BatchSite) -> Axes:
    """Compute along one axis, which stays: softmax, sort."""
    axis = site.of()
    over = site["axis"]
    if over is None:
        raise OperationError("without an axis it makes one row of all samples")
    if site.counted(over) == axis:
        raise OperationError(f"it computes along axis {axis}, over all samples of the batch")
    return axis


# -- which numbers are read ------------------------------------------------------------------------


def below(count: Any) -> Range:
    """Return the range of an index into so many."""
    return Range(0, int(count) - 1)


def extent(site: ShapeSite, slot: int, axis: int | str) -> int:
    """Return the extent of an input along an axis, which may be an attribute; no axis is the first.

    Raises
    ------
    TypeError, IndexError
        It is not known, or there is none.
    """
    shape, along = site.inputs[slot], site[axis] if isinstance(axis, str) else axis
    found = None if shape is None else shape[0 if along is None else int(along)]
    if found is None:
        raise TypeError("the shape is not known")
    return found


def kept(attributes: Mapping[str, Any], slot: int) -> float | None:
    """The outputs hold numbers of the first input, and nothing else but zeros."""
    return None if slot else 0.0


def kept_of_all(attributes: Mapping[str, Any], slot: int) -> float | None:
    """The outputs hold numbers of all inputs."""
    return 0.0
