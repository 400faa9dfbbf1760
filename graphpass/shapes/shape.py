"""Shapes that may be known in part, and dtypes: what is known, and what two facts add up to."""

from __future__ import annotations

import math
from typing import TypeAlias

__all__ = ["ConflictError", "Shape", "is_known", "merge_dtypes", "merge_shapes", "printed", "size"]

Shape: TypeAlias = "tuple[int | None, ...]"
"""The extents of a value, axis by axis; None is an extent that is not known."""


class ConflictError(ValueError):
    """What is known of a node can't be; it never leaves this room."""


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
    if shape is None:
        return None
    known = [extent for extent in shape if extent is not None]
    return math.prod(known) if len(known) == len(shape) else None


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
