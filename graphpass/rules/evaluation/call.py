"""One operator that is to be evaluated: what it is, what it reads, and what it must make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from graphpass.formats.ndarray_binary import Array
from graphpass.ops.values import Value

__all__ = ["Call", "Evaluator"]


@dataclass(frozen=True, slots=True)
class Call:
    """An operator with its inputs."""

    attributes: Mapping[str, Value]
    """As values, the operator's defaults filled in."""

    inputs: Sequence[Array]

    shapes: Sequence[tuple[int, ...]]
    """Of each output, as MXNet infers them."""

    dtype: np.dtype[Any]
    """Of each output."""

    @property
    def data(self) -> Array:
        """The first input."""
        return self.inputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first output."""
        return self.shapes[0]

    def number(self, name: str) -> float:
        """Return an attribute that is a number."""
        value = self.attributes[name]
        assert isinstance(value, int | float), name
        return value

    def integer(self, name: str) -> int:
        """Return an attribute that is a whole number."""
        value = self.attributes[name]
        assert isinstance(value, int), name
        return value

    def integers(self, name: str) -> tuple[int, ...]:
        """Return an attribute that is a tuple of whole numbers; None is empty."""
        value = self.attributes[name]
        return value if isinstance(value, tuple) else ()  # type: ignore[return-value]


Evaluator: TypeAlias = "Callable[[Call], Sequence[Array] | None]"
"""Computes the outputs of an operator, all of them; None where it can't say what MXNet computes."""
