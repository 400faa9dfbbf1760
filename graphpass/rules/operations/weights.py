"""Arrays that come and go with the variables whose values they are, and what is known of these."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from hashlib import blake2b
from typing import Any

import numpy as np

from graphpass.formats.ndarray_binary import byte_view, dtype_of_code
from graphpass.formats.parameters import ParameterClass, Parameters
from graphpass.model import Model
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.values import parse_value

__all__ = [
    "copy_parameter",
    "drop_parameters",
    "dtype_hint",
    "equal_parameters",
    "new_class",
    "parameter_identity",
    "same_shape",
    "shape_hint",
]

_INITIAL_HINTS = frozenset(["__init__", "__shape__", "__dtype__", "__storage_type__"])
"""Hints that say nothing more once a variable has a value."""


def copy_parameter(parameters: Parameters, old: str, new: str) -> None:
    """Give `new` the value and the class of `old`, if it has one; the array is shared."""
    if old in parameters:
        parameters.set(new, parameters[old], parameters.class_of(old))


def new_class(parameters: Parameters, *, is_state: bool) -> ParameterClass:
    """Return the class of a new parameter: none where no parameter has one, as Gluon saves them."""
    if parameters and not any(parameters.class_of(name) for name in parameters):
        return ""
    return "aux" if is_state else "arg"


def drop_parameters(model: Model, leaving: Iterable[int]) -> None:
    """Drop the arrays of variables that are about to leave the graph.

    An array that no variable uses stays, and so does one whose name another variable has too.
    """
    graph = model.graph
    going = {key for key in leaving if graph.is_variable(key)}
    for key in going:
        name = graph.name(key)
        if all(other in going or not graph.is_variable(other) for other in graph.named(name)):
            model.parameters.pop(name, None)


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


def equal_parameters(model: Model, keys: Iterable[int]) -> list[list[int]]:
    """Return which of some stored variables equal each other: type, shape, every bit, hints.

    Hints that only say how a variable begins do not count.

    Notes
    -----
    Linear in the bytes of those arrays that have type and shape in common with another one.
    """
    alike: dict[Hashable, list[int]] = {}
    for key in keys:
        array = model.parameters[model.graph.name(key)]
        alike.setdefault((str(array.dtype), array.shape), []).append(key)
    equal: dict[Hashable, list[int]] = {}
    for group in alike.values():
        if len(group) > 1:
            for key in group:
                equal.setdefault(parameter_identity(model, key), []).append(key)
    return [group for group in equal.values() if len(group) > 1]


def parameter_identity(model: Model, key: int) -> Hashable:
    """Return what equal stored variables have in common."""
    graph = model.graph
    array = model.parameters[graph.name(key)]
    digest = blake2b(byte_view(array).data).digest()
    hints = frozenset(
        (hint, text)
        for hint, text in graph.attrs(key).items()
        if is_hidden_key(hint) and hint not in _INITIAL_HINTS
    )
    return "parameter", str(array.dtype), array.shape, digest, hints
