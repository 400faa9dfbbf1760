"""What is known of a variable's value: its bits, or only its shape and type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphpass.formats.ndarray_binary import Array, dtype_of_code
from graphpass.formats.parameters import Parameters
from graphpass.ops.values import parse_value

__all__ = ["dtype_hint", "same_bits", "same_shape", "shape_hint"]


def same_bits(first: Array, second: Array) -> bool:
    """Return whether two arrays agree in type, shape and every bit. Linear in their bytes."""
    return Parameters({"": first}) == Parameters({"": second})


def shape_hint(attrs: Mapping[str, str]) -> tuple[int, ...] | None:
    """Return the shape that a variable's ``__shape__`` gives, None where it gives none.

    Unknown dimensions are 0 or negative, as in MXNet.
    """
    try:
        shape = parse_value("Shape(tuple)", attrs["__shape__"])
    except (KeyError, ValueError):
        return None
    if not isinstance(shape, tuple):
        return None
    return tuple(size for size in shape if isinstance(size, int))


def dtype_hint(attrs: Mapping[str, str]) -> np.dtype[Any] | None:
    """Return the type that a variable's ``__dtype__`` gives, None where it gives none."""
    text = attrs.get("__dtype__", "")
    return dtype_of_code(int(text)) if text.isdecimal() else None


def same_shape(first: tuple[int, ...] | None, second: tuple[int, ...] | None) -> bool:
    """Return whether two shapes can be the same; None and dimensions below 1 are unknown.

    Examples
    --------
    >>> same_shape((0, 3), (8, 3)), same_shape(None, (8,)), same_shape((8,), (8, 1))
    (True, True, False)
    """
    if first is None or second is None:
        return True
    return len(first) == len(second) and all(
        a == b or a < 1 or b < 1 for a, b in zip(first, second, strict=True)
    )
