"""What MXNet's operators do: one row per operator, family by family.

A family is a file. It holds the rules of its operators and, at its end, ``ROWS``: names of
operators that do the same, and what they do. An operator stands in one row of one file.
"""

from __future__ import annotations

from graphpass.ops.families import (
    arithmetic,
    control_flow,
    convolution,
    creating,
    detection,
    drawing,
    elementwise,
    images,
    linear_algebra,
    losses,
    moving,
    normalization,
    optimizers,
    products,
    quantization,
    recurrent,
    reducing,
    reshaping,
    slicing,
    sparse,
    statistics,
)
from graphpass.ops.sites import Rows

__all__ = ["FAMILIES"]

FAMILIES: tuple[Rows, ...] = tuple(
    family.ROWS
    for family in (
        arithmetic, control_flow, convolution, creating, detection, drawing, elementwise, images,
        linear_algebra, losses, moving, normalization, optimizers, products, quantization,
        recurrent, reducing, reshaping, slicing, sparse, statistics,
    )
)  # fmt: skip
"""The rows of all families."""
