"""Operators that keep the elements and change the axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphpass.shapes.families.common import axes_of, axis_of, product, scalar
from graphpass.shapes.shape import ConflictError, Shape, printed, size
from graphpass.shapes.site import ShapeSite

__all__ = [
    "depth_to_space",
    "expand_dims",
    "flatten",
    "numpy_reshape",
    "reshape",
    "reshape_like",
    "space_to_depth",
    "squeeze",
    "swap_axes",
    "transpose",
]


def reshape(site: ShapeSite) -> None:
    """Follow the codes of `shape`, or what the deprecated `target_shape` says."""
    data = site.inputs[0]
    if data is None:
        codes = site["shape"]
        if codes and min(codes) >= -1:
            site.output(0, tuple([code if code > 0 else None for code in codes]))
        return
    if site["shape"]:
        found = _decoded(site["shape"], data, site["reverse"])
    elif site["target_shape"]:
        found = _to_target(site["target_shape"], data, site["keep_highest"])
    else:
        _fill_gap(site, site.outputs[0])
        return
    _fill_gap(site, found)
    _fill_gap(site, site.output(0, found))
    _refuse_other_size(site.inputs[0], found)


def _fill_gap(site: ShapeSite, out: Shape | None) -> None:
    """Find the one unknown extent of the input from the size of the output."""
    data, total = site.inputs[0], size(out)
    if data is None or total is None or data.count(None) != 1:
        return
    rest = math.prod([extent for extent in data if extent is not None])
    if rest:
        site.input(0, tuple([total // rest if extent is None else extent for extent in data]))


def _refuse_other_size(data: Shape | None, out: Shape | None) -> None:
    before, after = size(data), size(out)
    if None not in (before, after) and before != after:
        raise ConflictError(f"{before} elements into {after}: {printed(data)} to {printed(out)}")


def _decoded(codes: Sequence[int], data: Shape, reverse: bool) -> Shape:
    """Apply the codes 0, -1, -2, -3 and -4; `reverse` matches axes from the right.

    MXNet puts the size that -1 stands for where this code is among the codes. That is another
    extent, or none, behind a -2 that stands for several extents or a -4, which is three codes.
    Source: ``InferReshapeShape`` in ``src/operator/tensor/matrix_op-inl.h``.
    """
    source, wanted = list(data), list(codes)
    if reverse:
        source.reverse()
        wanted.reverse()
    found: list[int | None] = []
    inferred: int | None = None
    at, code = 0, 0
    while code < len(wanted):
        wish = wanted[code]
        if wish == -2:
            found += source[at:]
            at = len(source)
        elif wish == -3:
            _need(at + 1 < len(source), codes, data)
            found.append(product(source[at : at + 2]))
            at += 2
        elif wish == -4:
            _need(code + 2 < len(wanted) and at < len(source), codes, data)
            found += _split(source[at], wanted[code + 1], wanted[code + 2], data)
            code += 2
            at += 1
        else:
            if wish == 0:
                _need(at < len(source), codes, data)
                found.append(source[at])
            elif wish == -1:
                _need(inferred is None, codes, data)
                inferred = code
                found.append(1)
            else:
                _need(wish > 0, codes, data)
                found.append(wish)
            at += 1
        code += 1
    if inferred is not None and inferred < len(found):
        found[inferred] = _remainder(data, found)
    return tuple(found[::-1] if reverse else found)


def _need(holds: bool, codes: Sequence[int], data: Shape) -> None:
    if not holds:
        raise ConflictError(f"shape={tuple(codes)} does not fit {printed(data)}")


def _split(extent: int | None, left: int, right: int, data: Shape) -> list[int | None]:
    if left == right == -1:
        raise ConflictError("both parts of a split axis are -1")
    if extent is None:
        return [None if part == -1 else part for part in (left, right)]
    if left == -1:
        left = extent // right if right else 0
    if right == -1:
        right = extent // left if left else 0
    if left * right != extent:
        raise ConflictError(f"{extent} of {printed(data)} can't be split into {left} and {right}")
    return [left, right]


def _remainder(data: Shape, found: list[int | None]) -> int | None:
    total, rest = size(data), product(found)
    if total is None or rest is None:
        return None
    return total // rest if rest else 0


def _to_target(target: Sequence[int], data: Shape, keep_highest: bool) -> Shape:
    found: list[int | None] = list(target)
    start = 1 if keep_highest else 0
    if keep_highest:
        found[0] = data[0] if data else None
    gaps = [axis for axis in range(start, len(found)) if found[axis] == 0]
    if len(gaps) == 1:
        found[gaps[0]] = 1
        found[gaps[0]] = _remainder(data, found)
    return tuple(found)


def numpy_reshape(site: ShapeSite) -> None:
    """NumPy's reshape: one extent may be -1."""
    data = site.inputs[0]
    if data is None:
        return
    wanted: list[int | None] = list(site["newshape"])
    if any(extent is not None and extent < -1 for extent in wanted):
        return
    if -1 in wanted:
        at = wanted.index(-1)
        wanted[at] = 1
        wanted[at] = _remainder(data, wanted)
    _refuse_other_size(data, tuple(wanted))
    site.output(0, tuple(wanted))


def flatten(site: ShapeSite) -> None:
    """Keep the first axis and join the rest."""
    data = site.inputs[0]
    if data is None:
        site.output(0, (None, None))
    else:
        site.output(0, (data[0] if data else 1, product(data[1:])))


def transpose(site: ShapeSite) -> None:
    """Permute the axes, in both directions; without `axes`, reverse them."""
    data, out = site.inputs[0], site.outputs[0]
    known = data if data is not None else out
    if known is None:
        return
    axes = site["axes"]
    if axes and len(axes) != len(known):
        raise ConflictError(f"axes={axes} do not fit {printed(known)}")
    order = axes_of(axes, len(known)) if axes else list(range(len(known)))[::-1]
    if sorted(order) != list(range(len(known))):
        raise ConflictError(f"axes={axes} name an axis twice")
    if data is not None:
        out = site.output(0, tuple([data[axis] for axis in order]))
    if out is not None:
        site.input(0, tuple([out[order.index(axis)] for axis in range(len(order))]))


def swap_axes(site: ShapeSite) -> None:
    """Swap two axes, in both directions."""
    for here, there in ((site.inputs[0], site.output), (site.outputs[0], site.input)):
        if here is None:
            continue
        one, other = axis_of(site["dim1"], len(here)), axis_of(site["dim2"], len(here))
        swapped = list(here)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        there(0, tuple(swapped))


def expand_dims(site: ShapeSite) -> None:
    """Insert an axis of 1, in both directions."""
    data, out = site.inputs[0], site.outputs[0]
    if data is None and out is None:
        return
    count = len(data) if data is not None else len(out or ()) - 1
    axis = axis_of(site["axis"], count + 1)
    source: Shape = (None,) * count if data is None else data
    out = site.output(0, (*source[:axis], 1, *source[axis:]))
    if out is not None:
        site.input(0, (*out[:axis], *out[axis + 1 :]))


def squeeze(site: ShapeSite) -> None:
    """Drop axes of 1: the given ones, or all."""
    data = site.inputs[0]
    if data is None:
        return
    axes = site["axis"]
    if axes is None:
        if None in data:
            return
        found = tuple([extent for extent in data if extent != 1])
    else:
        dropped = axes_of((axes,) if isinstance(axes, int) else axes, len(data))
        if len(set(dropped)) != len(dropped):
            raise ConflictError(f"axis={axes} names an axis twice")
        for axis in dropped:
            if data[axis] not in (None, 1):
                raise ConflictError(f"axis {axis} of {printed(data)} can't be dropped")
        found = tuple([extent for axis, extent in enumerate(data) if axis not in dropped])
    site.output(0, found or scalar(site))


def reshape_like(site: ShapeSite) -> None:
    """Give the data, or a range of its axes, the axes of another value."""
    data, like = site.inputs
    if data is None or like is None:
        return
    ranges = []
    for side, shape in (("lhs", data), ("rhs", like)):
        begin, end = site[f"{side}_begin"], site[f"{side}_end"]
        begin = 0 if begin is None else begin + len(shape) * (begin < 0)
        end = len(shape) if end is None else end + len(shape) * (end < 0)
        if not 0 <= begin <= end <= len(shape):
            raise ConflictError(f"there are no axes {begin} to {end} in {printed(shape)}")
        ranges.append((begin, end))
    (begin, end), (start, stop) = ranges
    found = (*data[:begin], *like[start:stop], *data[end:])
    _refuse_other_size(data, found)
    site.output(0, found)


def depth_to_space(site: ShapeSite) -> None:
    """Move blocks of channels into rows and columns."""
    data, block = site.inputs[0], site["block_size"]
    if data is None:
        return
    if len(data) != 4 or (data[1] is not None and data[1] % block**2):
        raise ConflictError(f"{printed(data)} does not fit block_size={block}")
    batch, channels, height, width = data
    rest = None if channels is None else channels // block**2
    site.output(0, (batch, rest, product([height, block]), product([width, block])))


def space_to_depth(site: ShapeSite) -> None:
    """Move blocks of rows and columns into channels."""
    data, block = site.inputs[0], site["block_size"]
    if data is None:
        return
    if len(data) != 4 or any(extent is not None and extent % block for extent in data[2:]):
        raise ConflictError(f"{printed(data)} does not fit block_size={block}")
    batch, channels, *area = data
    blocks = [None if extent is None else extent // block for extent in area]
    site.output(0, (batch, product([channels, block**2]), *blocks))
