"""Seeded random values for one variable."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from graphpass.formats.ndarray_binary import BFLOAT16, Array
from graphpass.verify.domains import Domain
from graphpass.verify.dtypes import cast, dtype_of

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["draw", "draw_gradient", "draw_parameter"]

_UNLIMITED_INTEGERS = Domain(0, 9)
"""What an input of an integer dtype is drawn from that no operator limits."""

_POSITIVE_SLOTS = ("gamma", "moving_var", "running_var")


def draw(
    name: str, shape: tuple[int, ...], dtype: str, domain: Domain | None, seed: tuple[int, ...]
) -> Array:
    """Return values for an input: from its domain, or from a normal distribution.

    The values depend on the name, the shape, the domain and the seed, and on nothing else, so that
    another input more or less does not change them.
    """
    generator = _generator(name, seed)
    target = dtype_of(dtype)
    if domain is None and target.kind in "iu":
        domain = _UNLIMITED_INTEGERS
    if domain is None and target.kind == "b":
        domain = Domain(0, 1)
    if domain is None:
        return cast(generator.standard_normal(shape), dtype)
    if not domain.columns:
        return cast(_from(domain, shape, generator), dtype)
    columns = [
        _from(domain.columns[min(index, len(domain.columns) - 1)], shape[:-1], generator)
        for index in range(shape[-1] if shape else 0)
    ]
    return cast(np.stack(columns, axis=-1) if columns else np.zeros(shape), dtype)


def draw_parameter(
    name: str, shape: tuple[int, ...], dtype: str, slot: str | None, seed: tuple[int, ...]
) -> Array:
    """Return values for a parameter of which none are stored: what a network could be trained to.

    Scales and variances, known by the slot that reads them, lie between 0.5 and 1.5; the rest is
    normal, divided by the square root of what is summed up, so that deep networks stay finite.
    """
    generator = _generator(name, seed)
    if slot in _POSITIVE_SLOTS:
        return cast(generator.uniform(0.5, 1.5, shape), dtype)
    fan_in = max(1, int(np.prod(shape[1:]))) if len(shape) > 1 else 4
    return cast(generator.standard_normal(shape) / np.sqrt(fan_in), dtype)


def draw_gradient(output: Array, position: int, seed: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return a gradient for a head as float64; zeros if the head is of no decimal dtype."""
    if output.dtype != BFLOAT16 and output.dtype.kind != "f":
        return np.zeros(output.shape)
    return _generator(f"head {position}", seed).standard_normal(output.shape)


def _from(
    domain: Domain, shape: tuple[int, ...], generator: np.random.Generator
) -> npt.NDArray[Any]:
    if domain.integral:
        return generator.integers(int(domain.low), int(domain.high), shape, endpoint=True)
    return generator.uniform(domain.low, domain.high, shape)


def _generator(name: str, seed: tuple[int, ...]) -> np.random.Generator:
    return np.random.default_rng([*seed, zlib.crc32(name.encode("utf-8", "surrogateescape"))])
