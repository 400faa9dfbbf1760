"""Shapes that may be known in part, and what rules do with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

Shape: TypeAlias = "tuple[int | None, ...]"
"""The extents of a value, axis by axis; None is an extent that is not known."""

DTYPE_CODES = {
    0: "float32",
    1: "float64",
    2: "float16",
    3: "uint8",
    4: "int32",
    5: "int8",
    6: "int64",
    7: "bool",
    12: "bfloat16",
}
"""MXNet's numbers of dtypes."""


class ConflictError(ValueError):
    """What is known of a node can't be; whoever asks a rule catches it."""


def is_known(shape: Shape | None) -> bool:
    """Return whether the number of axes and every extent are known."""
    return shape is not None and None not in shape


def size(shape: Shape | None) -> int | None:
    """Return the number of elements, None where it is not known.

    Examples
    --------
    >>> size((2, 3)), size(()), size((2, None))
    (6, 1, None)
    """
    if shape is None or None in shape:
        return None
    return math.prod(shape)  # type: ignore[arg-type]


def merge_shapes(one: Shape | None, other: Shape | None) -> Shape | None:
    """Return what two facts about one shape say together.

    Raises
    ------
    ConflictError
        They contradict each other.

    Examples
    --------
    >>> merge_shapes((None, 3), (2, None))
    (2, 3)
    """
    if one is None or one == other:
        return other
    if other is None:
        return one
    if len(one) != len(other):
        raise ConflictError(f"{printed(one)} and {printed(other)} differ in the number of axes")
    merged = tuple([b if a is None else a for a, b in zip(one, other, strict=True)])
    for a, b in zip(merged, other, strict=True):
        if b is not None and a != b:
            raise ConflictError(f"{printed(one)} is not {printed(other)}")
    return merged


def merge_dtypes(one: str | None, other: str | None) -> str | None:
    """Return what two facts about one dtype say together.

    Raises
    ------
    ConflictError
        They contradict each other.
    """
    if one is None or one == other:
        return other
    if other is None:
        return one
    raise ConflictError(f"{one} is not {other}")


def given_shape(shape: Shape, np_shape: bool) -> Shape | None:
    """Return a shape with what its mode calls unknown as None.

    In NumPy-shape mode that is a negative extent. Elsewhere it is an extent of 0, and no axes at
    all say that their number is unknown.
    """
    if np_shape:
        return tuple([None if extent is None or extent < 0 else extent for extent in shape])
    if not shape:
        return None
    return tuple([extent if extent is not None and extent > 0 else None for extent in shape])


def printed(shape: Shape | None) -> str:
    """Return a shape for people: an unknown extent is a question mark.

    Examples
    --------
    >>> printed((None, 3, 224, 224)), printed((5,)), printed(None)
    ('(?, 3, 224, 224)', '(5,)', '?')
    """
    if shape is None:
        return "?"
    inner = ", ".join("?" if extent is None else str(extent) for extent in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def need(holds: bool, message: str) -> None:
    """Refuse a node for which something does not hold.

    Raises
    ------
    ConflictError
        With the message.
    """
    if not holds:
        raise ConflictError(message)


def differ(one: int | None, other: int | None) -> bool:
    """Return whether two extents are known to differ."""
    return one is not None and other is not None and one != other


def exactly(data: Shape | None, axes: int) -> None:
    """Refuse a value with another number of axes."""
    if data is not None and len(data) != axes:
        raise ConflictError(f"{printed(data)} has {len(data)} axes and must have {axes}")


def axis_of(axis: int, axes: int) -> int:
    """Return an axis counted from the front, where the given one may count from the end."""
    if not -axes <= axis < axes:
        raise ConflictError(f"there is no axis {axis} among {axes}")
    return axis % axes


def axes_of(axes: Sequence[int], count: int) -> list[int]:
    """Return axes counted from the front."""
    return [axis_of(axis, count) for axis in axes]


def with_axis(shape: Shape, axis: int, *extents: int | None) -> Shape:
    """Return a shape with another extent in the place of an axis, or several, or none."""
    return (*shape[:axis], *extents, *shape[axis + 1 :])


def product(extents: Sequence[int | None]) -> int | None:
    """Return the product, None where a factor is unknown."""
    known = [extent for extent in extents if extent is not None]
    return math.prod(known) if len(known) == len(extents) else None


def divided(extent: int | None, parts: int, message: str) -> int | None:
    """Return a part of an extent, or refuse one that can't be divided so."""
    if extent is None:
        return None
    if parts < 1 or extent % parts:
        raise ConflictError(message)
    return extent // parts
