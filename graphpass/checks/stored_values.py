"""Numbers among the stored parameters that are none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from graphpass.checks.finding import FoundNode
from graphpass.checks.kind import Check, Found
from graphpass.checks.subject import Subject
from graphpass.verify.dtypes import widened

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["CHECKS"]

_AT_ONCE = 2**22
"""Elements that are looked at together, so that a mapped file is never in memory as a whole."""


def _non_finite(subject: Subject) -> Iterator[Found]:
    graph = subject.graph
    for name, array in subject.model.parameters.items():
        nans, infinities = _count(array)
        if not nans and not infinities:
            continue
        counts = ((nans, "NaN"), (infinities, "infinite"))
        said = " and ".join(f"{count} {word}" for count, word in counts if count)
        keys = [key for key in graph.named(name) if graph.is_variable(key)]
        nodes = tuple(subject.found(key) for key in keys) or (FoundNode(None, "null", name),)
        if nans:
            then = "what is computed from them is lost"
        else:
            then = "a mask may hold some, a weight may not"
        reason = f"of {array.size} stored numbers {said}; {then}"
        yield Found(nodes, reason, "error" if nans else "warning")


def _count(array: Array) -> tuple[int, int]:
    """Return how many numbers are NaN, and how many infinite. Linear in the array."""
    if array.dtype.names is None and array.dtype.kind != "f":
        return 0, 0
    flat = array.reshape(-1)
    nans = infinities = 0
    for start in range(0, flat.size, _AT_ONCE):
        part = flat[start : start + _AT_ONCE]
        part = part if part.dtype.names is None else widened(part)
        if not np.isfinite(part).all():
            nans += int(np.isnan(part).sum())
            infinities += int(np.isinf(part).sum())
    return nans, infinities


CHECKS = (
    Check(
        "non-finite",
        "error",
        "a stored parameter that holds NaN; a warning if it holds only infinities",
        None,
        _non_finite,
    ),
)
