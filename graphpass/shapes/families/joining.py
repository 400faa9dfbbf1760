"""Operators that put values together, or one value beside itself."""

from __future__ import annotations

from graphpass.shapes.families.common import axis_of, exactly, product, with_axis
from graphpass.shapes.shape import ConflictError, Shape, merge_shapes, printed, size
from graphpass.shapes.site import ShapeSite

__all__ = ["concat", "pad", "repeat", "rnn_param_concat", "stack", "tile", "up_sampling"]


def concat(site: ShapeSite) -> None:
    """Lengths along the axis add up; the other axes are alike, and tell of each other."""
    _concat(site, site.attributes.get("dim", site.attributes.get("axis", 1)))  # type: ignore[arg-type]


def _concat(site: ShapeSite, dim: int) -> tuple[Shape, int] | None:
    """Return the other axes and the axis, as far as anything is known."""
    if all(shape is None for shape in site.inputs):
        return None
    known = next(shape for shape in site.inputs if shape is not None)
    axis = axis_of(dim, len(known))
    common: Shape | None = None
    for shape in (*site.inputs, site.outputs[0]):
        if shape is not None:
            common = merge_shapes(common, with_axis(shape, axis, None))
    if common is None:
        return None
    for slot in range(len(site.inputs)):
        site.input(slot, common)
    lengths = [shape[axis] if shape else None for shape in site.inputs]
    total = None if None in lengths else sum(length or 0 for length in lengths)
    site.output(0, with_axis(common, axis, total))
    return common, axis


def rnn_param_concat(site: ShapeSite) -> None:
    """Join parameters of an RNN; those of unknown length share what is missing of the whole."""
    found = _concat(site, site["dim"])
    out = site.outputs[0]
    if found is None or out is None:
        return
    common, axis = found
    whole = out[axis]
    known = [shape[axis] for shape in site.inputs if shape is not None]
    if whole is None or None not in known:
        return
    missing = whole - sum(length for length in known if length is not None)
    for slot, shape in enumerate(site.inputs):
        if shape is not None and shape[axis] is None:
            site.input(slot, with_axis(common, axis, missing // known.count(None)))


def stack(site: ShapeSite) -> None:
    """Join alike values along a new axis."""
    known = [shape for shape in site.inputs if shape is not None]
    common = next((shape for shape in known if None not in shape), None)
    if common is None:
        return
    axis = axis_of(site["axis"], len(common) + 1)
    site.output(0, (*common[:axis], len(site.inputs), *common[axis:]))
    for shape in known:
        merge_shapes(common, shape)


def tile(site: ShapeSite) -> None:
    """Repeat the whole along each axis."""
    data = site.inputs[0]
    if data is None:
        return
    reps = site["reps"]
    count = max(len(reps), len(data))
    shape = (1,) * (count - len(data)) + data
    times = (1,) * (count - len(reps)) + tuple(reps)
    site.output(0, tuple([product([extent, n]) for extent, n in zip(shape, times, strict=True)]))


def repeat(site: ShapeSite) -> None:
    """Repeat each element along an axis; without one, of the flat value."""
    data = site.inputs[0]
    if data is None:
        return
    axis, times = site["axis"], site["repeats"]
    if times == 0:
        site.output(0, (0,))
        return
    if axis is None:
        site.output(0, (product([size(data), times]),))
        return
    at = axis_of(axis, len(data))
    site.output(0, with_axis(data, at, product([data[at], times])))


def pad(site: ShapeSite) -> None:
    """Add places before and after each axis."""
    data = site.inputs[0]
    if data is None:
        return
    widths = site["pad_width"]
    if len(widths) != 2 * len(data) or not 4 <= len(data) <= 5:
        raise ConflictError(f"pad_width={widths} does not fit {printed(data)}")
    site.output(
        0,
        tuple(
            [
                None if extent is None else extent + widths[2 * axis] + widths[2 * axis + 1]
                for axis, extent in enumerate(data)
            ]
        ),
    )


def up_sampling(site: ShapeSite) -> None:
    """Enlarge rows and columns; several values are brought to one size and joined or added."""
    first = site.inputs[0]
    if first is None:
        return
    exactly(first, 4)
    scale = site["scale"]
    height, width = product([first[2], scale]), product([first[3], scale])
    channels = first[1]
    if site["sample_type"] == "bilinear":
        kernel = 2 * scale - scale % 2
        site.input(1, (channels, 1, kernel, kernel))
    else:
        for shape in site.inputs[1:]:
            if shape is None:
                return
            exactly(shape, 4)
            for large, small in zip((height, width), shape[2:], strict=True):
                if large is not None and small is not None and (small < 1 or large % small):
                    raise ConflictError(f"{small} rows or columns can't be enlarged to {large}")
            if site["multi_input_mode"] == "sum":
                merge_shapes(first[1:2], shape[1:2])
                continue
            channels = None if None in (channels, shape[1]) else (channels or 0) + (shape[1] or 0)
    site.output(0, (first[0], channels, height, width))
