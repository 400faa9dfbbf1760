"""What variables say of themselves: ``__shape__`` and ``__dtype__``, read as MXNet reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphpass.ops.shape import DTYPE_CODES, Shape, given_shape
from graphpass.ops.values import parse_value

__all__ = ["dtype_hint", "shape_hint"]


def shape_hint(attrs: Mapping[str, str], np_shape: bool) -> Shape | None:
    """Return the shape that a variable's attributes give, None where there is none to be read."""
    shape = _parsed("Shape(tuple)", attrs.get("__shape__"))
    return given_shape(shape, np_shape) if isinstance(shape, tuple) else None


def dtype_hint(attrs: Mapping[str, str]) -> str | None:
    """Return the dtype that a variable's attributes give, None where there is none to be read."""
    code = _parsed("int", attrs.get("__dtype__"))
    return None if code is None else DTYPE_CODES.get(code)


def _parsed(type_name: str, text: str | None) -> Any:
    try:
        return None if text is None else parse_value(type_name, text)
    except ValueError:
        return None
