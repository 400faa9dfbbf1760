"""How far two arrays are apart, and values moved between dtypes by MXNet's names."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from graphpass.errors import UsageError
from graphpass.formats.ndarray_binary import Array, byte_view

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "Comparison",
    "cast",
    "check_tolerances",
    "compare",
    "is_distribution",
    "same_bits",
    "total",
    "widened",
]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far two arrays, called A and B, are apart."""

    equal: bool
    """Whether shapes and dtypes agree, and every element is within the tolerance."""

    shapes: tuple[tuple[int, ...], tuple[int, ...]]
    """Shape of A and of B."""

    dtypes: tuple[str, str]
    """Dtype of A and of B."""

    max_abs: float = 0.0
    """Largest absolute error; infinite where one is NaN or infinite and the other is not."""

    mean_abs: float = 0.0
    """Mean absolute error; infinite where the largest is."""

    p99_abs: float = 0.0
    """Absolute error that 99 % of the elements do not exceed, of some million of them at most."""

    max_rel: float = 0.0
    """Largest absolute error over the larger of the two magnitudes: 2 for opposite numbers."""

    differing: int = 0
    """Elements that are beyond the tolerance."""

    nan: int = 0
    """Elements that are NaN in both, which counts as equal."""

    magnitude: float = 0.0
    """Largest finite magnitude in A: an output of zeros proves little."""

    finite: int = 0
    """Finite elements in A."""

    size: int = 0
    """Elements compared."""

    left_out: int = 0
    """Elements that were not looked at."""

    rtol: float = 0.0
    """Relative tolerance, of the magnitude in A."""

    atol: float = 0.0
    """Absolute tolerance; the largest, where elements have their own."""

    beyond: float = 0.0
    """Largest absolute error over what was tolerated there: more than 1 where they differ."""

    @property
    def hollow(self) -> bool:
        """Whether A has elements and none is finite, so that agreement proves nothing."""
        return self.size > 0 and not self.finite

    def merged(self, other: Comparison) -> Comparison:
        """Return the comparison over two runs of one value."""
        return Comparison(
            equal=self.equal and other.equal,
            shapes=other.shapes if self.equal else self.shapes,
            dtypes=other.dtypes if self.equal else self.dtypes,
            max_abs=max(self.max_abs, other.max_abs),
            mean_abs=(self.mean_abs * self.size + other.mean_abs * other.size)
            / max(1, self.size + other.size),
            p99_abs=max(self.p99_abs, other.p99_abs),
            max_rel=max(self.max_rel, other.max_rel),
            differing=self.differing + other.differing,
            nan=self.nan + other.nan,
            magnitude=max(self.magnitude, other.magnitude),
            finite=self.finite + other.finite,
            size=self.size + other.size,
            left_out=self.left_out + other.left_out,
            rtol=max(self.rtol, other.rtol),
            atol=max(self.atol, other.atol),
            beyond=max(self.beyond, other.beyond),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain data."""
        shapes = [list(shape) for shape in self.shapes]
        facts: dict[str, Any] = {
            "equal": self.equal,
            "shape": shapes[0] if shapes[0] == shapes[1] else shapes,
            "dtype": self.dtypes[0] if self.dtypes[0] == self.dtypes[1] else list(self.dtypes),
        }
        for each in fields(self)[3:]:
            value = getattr(self, each.name)
            # JSON has no infinity.
            facts[each.name] = value if math.isfinite(value) else str(value)
        return facts

    def __str__(self) -> str:
        (shape_a, shape_b), (dtype_a, dtype_b) = self.shapes, self.dtypes
        if shape_a != shape_b:
            return f"shape {shape_a} is {shape_b} in B"
        if dtype_a != dtype_b:
            return f"dtype {dtype_a} is {dtype_b} in B"
        text = f"{shape_a} {dtype_a}, max abs {self.max_abs:.3g}, max rel {self.max_rel:.3g}"
        if self.left_out:
            text += f", {self.left_out} of {self.size + self.left_out} values left out"
        if self.differing:
            text += f", {self.differing} of {self.size} values differ"
        if self.nan:
            text += f", {self.nan} of {self.size} values are NaN in both"
        if self.equal and self.hollow:
            text += ", nothing finite to compare"
        elif self.size and not self.magnitude:
            text += ", all zero or not finite in A"
        return text


_AT_ONCE = 2**20
"""Elements that are compared at a time, so that a large array needs no second one of its size."""


def compare(
    a: Array,
    b: Array,
    *,
    rtol: float = 0.0,
    atol: float | npt.NDArray[Any] = 0.0,
    without: npt.NDArray[np.bool_] | None = None,
) -> Comparison:
    """Compare two arrays element by element.

    Parameters
    ----------
    a, b : array
        What to compare.
    rtol, atol : float
        An element of B may be ``atol + rtol * abs(element of A)`` away; `atol` may be an array that
        broadcasts to the shape of A. Two NaN are equal, and so are two infinities of one sign.
    without : array of bool, optional
        Elements, in the shape of A, that are left out.

    Raises
    ------
    UsageError
        If a tolerance is negative or not finite.

    Notes
    -----
    Linear, in blocks: the arrays may be mapped from files.
    """
    largest = float(np.max(atol, initial=0.0)) if isinstance(atol, np.ndarray) else atol
    check_tolerances(rtol, largest)
    shapes = a.shape, b.shape
    dtypes = a.dtype.name, b.dtype.name
    if a.shape != b.shape or a.dtype != b.dtype:
        return Comparison(False, shapes, dtypes, rtol=rtol, atol=largest, beyond=math.inf)
    max_abs = max_rel = magnitude = beyond = summed = 0.0
    differing = nan = finite = left_out = 0
    sample: list[npt.NDArray[Any]] = []
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    own = np.broadcast_to(atol, a.shape).reshape(-1) if isinstance(atol, np.ndarray) else None
    for start in range(0, a.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        x, y = widened(flat_a[part]), widened(flat_b[part])
        allowed = atol if own is None else own[part]
        if without is not None and (kept := ~without.reshape(-1)[part]).sum() < len(x):
            left_out += int(len(x) - kept.sum())
            x, y = x[kept], y[kept]
            allowed = allowed if own is None else own[part][kept]
        both_nan = np.isnan(x) & np.isnan(y)
        with np.errstate(all="ignore"):
            error = np.abs(x - y)
        error[np.isnan(error)] = np.inf
        error[both_nan | (x == y)] = 0.0
        magnitudes = np.abs(x)[np.isfinite(x)]
        magnitude = max(magnitude, float(magnitudes.max(initial=0.0)))
        finite += magnitudes.size
        nan += int(both_nan.sum())
        sample.append(error[:: -(-a.size // _AT_ONCE)])
        if not error.any():
            continue
        with np.errstate(all="ignore"):
            relative = error / np.maximum(np.abs(x), np.abs(y))
            share = error / (allowed + rtol * np.abs(x))
        relative[np.isnan(relative)] = np.inf
        relative[error == 0] = share[error == 0] = 0.0
        share[~np.isfinite(error)] = np.inf
        max_abs = max(max_abs, float(error.max()))
        max_rel = max(max_rel, float(relative.max()))
        beyond = max(beyond, float(share.max()))
        summed += float(error.sum())
        differing += int((share > 1).sum())
    size = a.size - left_out
    errors = np.concatenate(sample) if sample else np.zeros(0)
    return Comparison(
        not differing,
        shapes,
        dtypes,
        max_abs,
        summed / max(1, size),
        float(np.percentile(errors, 99, method="higher")) if errors.size and max_abs else 0.0,
        max_rel,
        differing,
        nan,
        magnitude,
        finite,
        size,
        left_out,
        rtol,
        largest,
        beyond,
    )


def same_bits(a: Array, b: Array) -> bool:
    """Return whether two arrays have one dtype, one shape and the same bits."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    left, right = byte_view(np.asarray(a, order="C")), byte_view(np.asarray(b, order="C"))
    return all(
        np.array_equal(left[start : start + _AT_ONCE], right[start : start + _AT_ONCE])
        for start in range(0, len(left), _AT_ONCE)
    )


def check_tolerances(
    rtol: float | Mapping[str, float] | None, atol: float | Mapping[str, float] | None
) -> None:
    """Refuse a tolerance under which everything or nothing would be equal.

    Raises
    ------
    UsageError
        If one is negative, infinite or NaN.
    """
    for name, given in (("rtol", rtol), ("atol", atol)):
        for value in given.values() if isinstance(given, Mapping) else (given,):
            # An integer beyond the floats is refused too, which `math.isfinite` can't take.
            if value is not None and not 0 <= value <= sys.float_info.max:
                raise UsageError(f"{name} {value!s:.40} is no tolerance; give a number from 0 up")


# -- dtypes ----------------------------------------------------------------------------------------


def cast(values: npt.NDArray[Any], dtype: str) -> Array:
    """Return values in a dtype, bfloat16 included."""
    return np.asarray(values, dtype=np.dtype(dtype), order="C")


def total(values: Sequence[Array]) -> Array:
    """Return the sum of some arrays of one dtype, in that dtype; added up in double precision."""
    if len(values) == 1:
        return values[0]
    added = np.sum(np.stack([widened(value) for value in values]), axis=0)
    return cast(added, values[0].dtype.name)


def widened(values: Array) -> npt.NDArray[Any]:
    """Return values in a type that holds them and their differences exactly, or nearly so."""
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        return values.astype(np.longdouble)
    return values.astype("f8")


def is_distribution(values: Array) -> bool:
    """Return whether rows are shares of 1, among three classes at least."""
    if values.ndim < 2 or values.shape[-1] < 3 or not values.size or values.dtype.kind in "iub":
        return False
    wide = widened(values)
    return bool((wide >= 0).all() and (abs(wide.sum(axis=-1) - 1) < 1e-3).all())
