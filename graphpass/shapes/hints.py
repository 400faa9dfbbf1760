"""What variables say of themselves: ``__shape__`` and ``__dtype__``, read as MXNet reads them."""

from __future__ import annotations

from collections.abc import Mapping

from graphpass.ops.values import parse_value
from graphpass.shapes.shape import Shape

__all__ = ["DTYPE_CODES", "dtype_hint", "given_shape", "shape_hint"]

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


def shape_hint(attrs: Mapping[str, str], np_shape: bool) -> Shape | None:
    """Return the shape that a variable's attributes give, None where there is none to be read."""
    text = attrs.get("__shape__")
    if text is None:
        return None
    try:
        shape = parse_value("Shape(tuple)", text)
    except ValueError:
        return None
    if not isinstance(shape, tuple):
        return None
    return given_shape(tuple([int(extent) for extent in shape]), np_shape)  # type: ignore[arg-type]


def dtype_hint(attrs: Mapping[str, str]) -> str | None:
    """Return the dtype that a variable's attributes give, None where there is none to be read."""
    text = attrs.get("__dtype__")
    if text is None:
        return None
    try:
        code = parse_value("int", text)
    except ValueError:
        return None
    return DTYPE_CODES.get(code) if isinstance(code, int) else None
