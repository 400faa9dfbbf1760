"""What an agreement of two models is worth, told by runs of the first one with its values moved.

Rounding is measured and not guessed: A runs again with every parameter and input moved by the last
place of its type, which moves each output as far as another order of the same arithmetic does. An
output of B may be some times as far away, and no farther. A runs once more with parameters moved by
2 %, and an output that this does not move says nothing of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphpass.verify.arrays import cast, widened

if TYPE_CHECKING:
    import numpy.typing as npt

    from graphpass.formats.ndarray_binary import Array
    from graphpass.verify.backend import Computed

__all__ = ["STIR", "Execution", "Rounding", "is_decimal", "moved", "moves", "unlike"]

STIR = 0.02
"""What parameters are moved by, relative to them, to see whether an output can tell."""

_PLACES = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
"""The last place of a number of a type, relative to it."""

_FEWEST_PLACES = 4.0
"""What is tolerated at least, in last places of the largest number."""


class _Bounds(NamedTuple):
    """What is tolerated of a value of some type, and how far it has to move to tell anything."""

    times: float = 8.0
    """How many times as far as the last places move an output rounding may bring it."""

    most: float = 1e-3
    """What is tolerated at most, of the largest number: rounding that does more decides."""

    margin: float = 10.0
    """How many times what is tolerated an output has to move to tell anything."""


_BOUNDS = {"float16": _Bounds(4.0, 5e-3, 2.0), "bfloat16": _Bounds(2.0, 2e-2, 1.0)}
"""For types in which a last place is nearly as much as a fault."""

_LONGEST_ROW, _SHORTEST_COLUMN = 7, 16
"""Rows of a detector hold a class, a score and corners: numbers of different sizes."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What models A and B compute of one draw of the inputs, and A of values near it."""

    a: Computed
    b: Computed

    jittered: tuple[Computed, ...] = ()
    """A with parameters and inputs moved in their last places."""

    stirred: Computed | None = None
    """A with parameters moved by 2 %."""

    redrawn: Computed | None = None
    """A on other inputs."""

    again: Computed | None = None
    """A once more on the same values, in other memory."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How far rounding moves one value."""

    tolerance: npt.NDArray[Any]
    """How far an element may be away, in a shape that broadcasts to that of the value."""

    unbounded: npt.NDArray[Any]
    """The same without an upper bound."""

    decides: bool
    """Whether rounding alone may move it farther than what is tolerated."""

    @classmethod
    def of(
        cls,
        value: Array,
        jittered: Sequence[Array],
        without: npt.NDArray[np.bool_] | None = None,
    ) -> Rounding:
        """Measure it by what last places do to a value, elements `without` left out.

        Whole numbers tolerate nothing. Linear in the elements.
        """
        dtype = value.dtype.name
        if not is_decimal(value):
            moved = any(unlike(value, other, without).any() for other in jittered)
            return cls(np.zeros(()), np.full((), np.finfo("f8").max if moved else 0.0), moved)
        wide = widened(value)
        rows = wide.shape[-1] if wide.ndim else 0
        by_column = 1 < rows <= _LONGEST_ROW and wide.size >= rows * _SHORTEST_COLUMN
        axes = tuple(range(wide.ndim - 1)) if by_column else None

        def largest(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
            found = np.where(np.isfinite(numbers), np.abs(numbers), 0)
            if without is not None:
                found[without] = 0
            return np.asarray(found.max(axis=axes, initial=0.0))

        scale = largest(wide)
        noise = np.zeros_like(scale)
        lost = False
        for other in jittered:
            if other.shape != value.shape:
                lost = True
                continue
            with np.errstate(all="ignore"):
                noise = np.maximum(noise, largest(widened(other) - wide))
        place, bounds = _PLACES[dtype], _BOUNDS.get(dtype, _Bounds())
        # A column of zeros has the last places of its neighbours, scaled down.
        least = (
            min(_FEWEST_PLACES, bounds.times)
            * place
            * np.maximum(scale, scale.max(initial=0.0) / 1000)
        )
        most = np.maximum(bounds.most * scale, least)
        wanted = np.maximum(bounds.times * noise, least)
        decides = lost or bool((wanted > most).any())
        return cls(np.minimum(wanted, most), wanted, decides)


def moves(
    value: Array, other: Array, tolerance: npt.NDArray[Any], without: npt.NDArray[np.bool_] | None
) -> bool:
    """Return whether a value is seen to move, compared with what is tolerated of it."""
    if value.shape != other.shape:
        return True
    margin = _BOUNDS.get(value.dtype.name, _Bounds()).margin
    with np.errstate(all="ignore"):
        far = np.abs(widened(other) - widened(value)) > margin * tolerance
    if without is not None:
        far &= ~without
    return bool(far.any())


def unlike(
    value: Array, other: Array, without: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.bool_]:
    """Return where two runs of one model on the same values disagree by more than last places."""
    if value.shape != other.shape:
        return np.ones(value.shape, bool)
    x, y = widened(value), widened(other)
    with np.errstate(all="ignore"):
        scale = np.where(np.isfinite(x), np.abs(x), 0).max(initial=0.0)
        near = np.abs(x - y) <= 64 * _PLACES.get(value.dtype.name, 0.0) * scale
    found: npt.NDArray[np.bool_] = ~(near | (x == y) | (np.isnan(x) & np.isnan(y)))
    return found if without is None else found & ~without


def is_decimal(value: Array) -> bool:
    """Return whether a value is of a decimal type."""
    return value.dtype.name in _PLACES


def moved(value: Array, step: float | None, name: str, seed: int) -> Array:
    """Return a value with each number moved up or down by a step relative to it.

    Without a step, by the last place of its type. Whole numbers move by a step, by one at least, as
    far as their type goes.
    """
    dtype = value.dtype.name
    dice = np.random.default_rng([seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
    signs = dice.integers(0, 2, value.shape) * 2.0 - 1
    if is_decimal(value):
        factor = 1 + signs * (_PLACES[dtype] if step is None else step)
        return cast(widened(value) * factor, dtype)
    if value.dtype.kind not in "iu" or step is None:
        return value
    limits = np.iinfo(value.dtype)
    by = signs * np.maximum(1, np.round(step * np.abs(widened(value))))
    return cast(np.clip(widened(value) + by, limits.min, limits.max), dtype)
