"""Operators that compute number by number."""

from __future__ import annotations

from graphpass.errors import OperationError
from graphpass.rules.batching.site import Axes, Site
from graphpass.shapes import Shape

__all__ = ["broadcast", "number_by_number", "rectifier", "scale_by_last"]


def number_by_number(site: Site) -> Axes:
    """Each output is joined as the inputs are, and all of them are."""
    return site.of(range(len(site.axes)))


def broadcast(site: Site) -> Axes:
    """Shapes are aligned at the last axis: nothing may be broadcast along the batch."""
    joined = [slot for slot, axis in enumerate(site.axes) if axis is not None]
    same = [slot for slot, axis in enumerate(site.axes) if axis is None]
    if len(joined) == 1 and all(site.shapes[slot] == (1,) for slot in same):
        return site.axes[joined[0]]
    from_the_end = {site.rank(slot) - (site.axes[slot] or 0) for slot in joined}
    if len(from_the_end) > 1:
        raise OperationError("the batch axes of its inputs are not aligned")
    (place,) = from_the_end
    site.refuse_single()
    for slot in same:
        if site.rank(slot) >= place and _extents(site, slot)[-place] != 1:
            raise OperationError(
                "it reads a value that is the same in all branches and has an axis where the batch "
                "is"
            )
    return max(site.rank(slot) for slot in range(len(site.axes))) - place


def scale_by_last(site: Site) -> Axes:
    """Divide by the extent of the last axis, which must not be the batch."""
    axis = site.of()
    if axis == site.rank() - 1:
        raise OperationError("it divides by the extent of the last axis, which is the batch")
    return axis


def rectifier(site: Site) -> Axes:
    """LeakyReLU: a learned slope goes along axis 1."""
    if site.attributes["act_type"] == "prelu":
        return site.first()
    return site.of()


def _extents(site: Site, slot: int) -> Shape:
    """Return the extents of an input, None for all where its shape is not known."""
    return site.shapes[slot] or (None,) * site.rank(slot)
