"""Products of interleaved queries, keys and values."""

from __future__ import annotations

from graphpass.shapes.families.common import exactly, product
from graphpass.shapes.shape import ConflictError, merge_shapes, printed, size
from graphpass.shapes.site import ShapeSite

__all__ = [
    "encdec_cost",
    "encdec_qk",
    "encdec_valatt",
    "selfatt_qk",
    "selfatt_qk_cost",
    "selfatt_valatt",
    "valatt_cost",
]


def _divided(extent: int | None, parts: int) -> int | None:
    if extent is None:
        return None
    if extent % parts:
        raise ConflictError(f"{extent} can't be divided by {parts}")
    return extent // parts


def selfatt_qk(site: ShapeSite) -> None:
    """(time, batch, 3 x embedding) gives (batch x heads, time, time)."""
    data = site.inputs[0]
    if data is None:
        return
    exactly(data, 3)
    site.output(0, (product([data[1], site["heads"]]), data[0], data[0]))
    _divided(data[2], 3)


def selfatt_valatt(site: ShapeSite) -> None:
    """(time, batch, 3 x embedding) and attention give (time, batch, embedding)."""
    data, attention = site.inputs
    if data is None:
        return
    exactly(data, 3)
    site.input(1, (product([data[1], site["heads"]]), data[0], data[0]))
    site.output(0, (data[0], data[1], _divided(data[2], 3)))
    if attention is not None:
        exactly(attention, 3)


def encdec_qk(site: ShapeSite) -> None:
    """Queries (time, batch, embedding) and keys (time, batch, 2 x embedding)."""
    queries, keys = site.inputs
    if queries is None or keys is None:
        return
    exactly(queries, 3)
    exactly(keys, 3)
    merge_shapes(queries[1:2], keys[1:2])
    if None not in (queries[2], keys[2]) and 2 * (queries[2] or 0) != keys[2]:
        raise ConflictError(f"queries {printed(queries)} do not fit {printed(keys)}")
    site.output(0, (product([queries[1], site["heads"]]), queries[0], keys[0]))


def encdec_valatt(site: ShapeSite) -> None:
    """Values (time, batch, 2 x embedding) and attention (batch x heads, out, time)."""
    values, attention = site.inputs
    if values is None or attention is None:
        return
    exactly(values, 3)
    exactly(attention, 3)
    site.input(1, (product([values[1], site["heads"]]), None, values[0]))
    site.output(0, (attention[1], values[1], _divided(values[2], 2)))


def selfatt_qk_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times the width of a head."""
    data = site.inputs[0]
    width = None if data is None else data[2]
    return product([size(site.outputs[0]), None if width is None else width // 3 // site["heads"]])


def encdec_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times the width of a head."""
    queries = site.inputs[0]
    width = None if queries is None else queries[2]
    return product([size(site.outputs[0]), None if width is None else width // site["heads"]])


def valatt_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times the length of the sums."""
    attention = site.inputs[1]
    return product([size(site.outputs[0]), None if attention is None else attention[2]])
