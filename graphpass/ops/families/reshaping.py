"""Operators that keep the numbers in their order and change the axes.

How a batch goes through: the numbers of a value lie in C order, so joining along axis p joins, for
every place on the axes before p, the runs of numbers behind. A reshape keeps the runs together if
the axes before p stay whole, and if the axis on which p lands grows with the batch and no other
does.

Source of the codes of Reshape: ``InferReshapeShape`` in ``src/operator/tensor/matrix_op-inl.h``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from graphpass.errors import OperationError
from graphpass.ops.families.common import by_sample, kept, reshaped, scalar
from graphpass.ops.shape import (
    ConflictError,
    Shape,
    axes_of,
    axis_of,
    divided,
    need,
    printed,
    product,
    size,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite, positive

__all__ = ["ROWS", "flatten", "like_second", "new_axis_batch"]

# -- Reshape ---------------------------------------------------------------------------------------


def reshape(site: ShapeSite) -> None:
    """Follow the codes of `shape`, or what the deprecated `target_shape` says."""
    data, codes = site.inputs[0], site["shape"]
    if data is None:
        if codes and min(codes) >= -1:
            site.output(0, tuple([code if code > 0 else None for code in codes]))
        return
    if codes:
        found = _decoded(codes, data, site["reverse"])
    elif site["target_shape"] or site["keep_highest"]:
        need(bool(site["target_shape"] and data), "there is no highest axis to keep")
        target: list[int | None] = list(site["target_shape"])
        if site["keep_highest"]:
            target[0] = data[0] if data else None
        gaps = [axis for axis in range(site["keep_highest"], len(target)) if target[axis] == 0]
        if len(gaps) == 1:
            target[gaps[0]] = 1
            target[gaps[0]] = _remainder(data, target)
        found = tuple(target)
    else:
        need(not site.np_shape, "it has no shape")
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
    """
    misfit = f"shape={tuple(codes)} does not fit {printed(data)}"
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
            need(at + 1 < len(source), misfit)
            found.append(product(source[at : at + 2]))
            at += 2
        elif wish == -4:
            need(code + 2 < len(wanted) and at < len(source), misfit)
            found += _split(source[at], wanted[code + 1], wanted[code + 2], data)
            code += 2
            at += 1
        elif wish == 0:
            need(at < len(source), misfit)
            found.append(source[at])
            at += 1
        else:
            need(wish > 0 or (wish == -1 and inferred is None), misfit)
            if wish == -1:
                inferred = code
            found.append(abs(wish))
            at += 1
        code += 1
    if inferred is not None and inferred < len(found):
        found[inferred] = _remainder(data, found)
    return tuple(found[::-1] if reverse else found)


def _split(extent: int | None, left: int, right: int, data: Shape) -> list[int | None]:
    need(not left == right == -1, "both parts of a split axis are -1")
    if extent is None:
        return [None if part == -1 else part for part in (left, right)]
    if left == -1:
        left = extent // right if right else 0
    if right == -1:
        right = extent // left if left else 0
    if left * right != extent:
        raise ConflictError(f"{extent} of {printed(data)} can't be split into {left} and {right}")
    return [left, right]


def _remainder(data: Shape, found: Sequence[int | None]) -> int | None:
    total, rest = size(data), product(found)
    if total is None or rest is None:
        return None
    return total // rest if rest else 0


def reshape_batch(site: BatchSite) -> Axes:
    """Follow the batch axis through the codes."""
    axis = site.of()
    codes = list(site["shape"])
    if not codes:
        raise OperationError("its new shape stands in target_shape; write it as shape")
    _refuse_lost(site, axis, codes)
    return _through_codes(site, axis, codes)


def _through_codes(site: BatchSite, axis: int, codes: Sequence[int]) -> int:
    if site.get("reverse"):
        if axis == 0 and codes[0] == -1 and all(code > 0 for code in codes[1:]):
            return 0
        raise OperationError(f"shape={tuple(codes)} with reverse may move samples")
    shape = site.shapes[0] or ()
    source = landed = position = 0
    while position < len(codes):
        code = codes[position]
        if code == -2:
            return landed + axis - source
        if source == axis:
            if code in (0, -1, -3) or (code == -4 and codes[position + 1 : position + 2] == [-1]):
                return landed
            raise OperationError(
                f"the size of the batch is baked into shape={tuple(codes)}; `free-batch` takes it "
                "out"
            )
        if code == -3 and source + 1 < axis:
            source, landed = source + 2, landed + 1
        elif code == -4:
            source, landed, position = source + 1, landed + 2, position + 2
        elif code == 0 or (code > 0 and shape[source : source + 1] == (code,)):
            source, landed = source + 1, landed + 1
        else:
            break
        position += 1
    raise OperationError(f"shape={tuple(codes)} does not keep the axes before the batch apart")


def _refuse_lost(site: BatchSite, axis: int, codes: Sequence[int]) -> None:
    """Refuse a shape of another number of elements, which MXNet runs all the same.

    A batch of a size that is not known is taken for one that every code divides.
    """
    data = site.shapes[0]
    if data is None:
        return
    batch = math.prod([abs(code) for code in codes if code])
    shape = tuple([
        batch if place == axis and extent is None else extent for place, extent in enumerate(data)
    ])  # fmt: skip
    try:
        reshape(ShapeSite(site.op, site.attributes, [shape], [None]))
    except ConflictError:
        raise OperationError(
            f"shape={tuple(codes)} does not fit what it reads: elements get lost or are made up, "
            "and the samples behind them move"
        ) from None


_NUMPY_CODES = {-2: 0, -4: -2, -5: -3, -6: -4}
"""A code of ``npx.reshape`` -> that of ``Reshape`` which says the same."""


def numpy_reshape_batch(site: BatchSite) -> Axes:
    """One extent may be -1; ``npx.reshape`` has codes too, of which -3 drops an axis of 1."""
    axis, codes = site.of(), list(site["newshape"])
    if site.op == "_npx_reshape":
        if -3 in codes or 0 in codes:
            raise OperationError(f"newshape={tuple(codes)} may drop the batch, or be empty")
        codes = [_NUMPY_CODES.get(code, code) for code in codes]
    elif 0 in codes:
        raise OperationError(f"newshape={tuple(codes)} is empty")
    return _through_codes(site, axis, codes)


def numpy_reshape(site: ShapeSite) -> Shape | None:
    """NumPy's reshape: one extent may be -1."""
    wanted: list[int | None] = list(site["newshape"])
    need(min(site["newshape"], default=0) >= -1, f"newshape={tuple(wanted)} has an extent below -1")
    need(wanted.count(-1) < 2, f"newshape={tuple(wanted)} leaves two extents open")
    data = site.inputs[0]
    if data is None:
        return None if -1 in wanted else tuple(wanted)
    if -1 in wanted:
        at = wanted.index(-1)
        wanted[at] = 1
        wanted[at] = _remainder(data, wanted)
    _refuse_other_size(data, tuple(wanted))
    return tuple(wanted)


def extended_reshape(site: ShapeSite) -> Shape | None:
    """Follow the codes -1 to -6 of ``npx.reshape``.

    -1 is what is left, -2 copies an axis, -3 drops an axis of 1, -4 copies all that are left, -5
    joins two axes, and -6 splits one into the next two numbers. Source:
    ``NumpyXReshapeInferShape`` in ``src/operator/numpy/np_matrix_op.cc``.
    """
    data, codes = site.inputs[0], list(site["newshape"])
    misfit = f"newshape={tuple(codes)} does not fit {printed(data)}"
    need(min(codes, default=0) >= -6, misfit)
    if not codes or min(codes) >= 0:
        _refuse_other_size(data, tuple(codes))
        return tuple(codes) if data is not None else None
    if data is None or None in data:
        return None
    source = [extent or 0 for extent in data]
    if site["reverse"]:
        source.reverse()
        codes.reverse()
    found: list[int | None] = []
    inferred, at, code = -1, 0, 0
    while code < len(codes):
        wish = codes[code]
        need(wish in (-1, -4) or wish >= 0 or at < len(source), misfit)
        if wish == -1:
            need(inferred < 0, misfit)
            inferred = len(found)
            found.append(1)
        elif wish == -3:
            need(source[at] == 1, misfit)
        elif wish == -4:
            found += source[at:]
            at = len(source)
        elif wish == -5:
            need(at + 1 < len(source), misfit)
            found.append(source[at] * source[at + 1])
            at += 1
        elif wish == -6:
            need(code + 2 < len(codes), misfit)
            found += _split(source[at], codes[code + 1], codes[code + 2], data)
            code += 2
        else:
            found.append(source[at] if wish == -2 else wish)
        at += wish != -4
        code += 1
    if inferred >= 0:
        found[inferred] = _remainder(data, found)
    made = tuple(found[::-1] if site["reverse"] else found)
    _refuse_other_size(data, made)
    return made


def like_second(site: DtypeSite) -> str | None:
    """The output is as the first input, once the second is known, which may be of any dtype."""
    return site.same([0], [0]) if site.inputs[1] is not None else None


def reshape_like(site: ShapeSite, data: Shape, like: Shape) -> Shape:
    """Give the data, or a range of its axes, the axes of another value."""
    ranges = []
    for side, shape in (("lhs", data), ("rhs", like)):
        begin, end = site[f"{side}_begin"], site[f"{side}_end"]
        begin = 0 if begin is None else begin + len(shape) * (begin < 0)
        end = len(shape) if end is None else end + len(shape) * (end < 0)
        need(
            0 <= begin < end <= len(shape),
            f"there are no axes {begin} to {end} in {printed(shape)}",
        )
        ranges.append((begin, end))
    (begin, end), (start, stop) = ranges
    found = (*data[:begin], *like[start:stop], *data[end:])
    _refuse_other_size(data, found)
    return found


def reshape_like_batch(site: BatchSite) -> Axes:
    """Take the shape of another value with as many samples."""
    if any(site[name] is not None for name in site.attributes):
        raise OperationError("it keeps some axes and replaces others; write it as Reshape")
    return site.first((0, 1))


# -- axes that come and go -------------------------------------------------------------------------


def flatten(site: ShapeSite) -> Shape:
    """Keep the first axis and join the rest."""
    data = site.inputs[0]
    if data is None:
        return (None, None)
    need(bool(data), "a value without axes has no first one to keep")
    return (data[0], product(data[1:]))


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


def new_axis_batch(site: BatchSite) -> Axes:
    """Let a new axis in."""
    axis = site.of(range(len(site.axes)))
    new = site["axis"]
    new = new if new >= 0 else positive(new, site.rank() + 1)
    return axis + bool(new <= axis)


def squeeze(site: ShapeSite, data: Shape) -> Shape | None:
    """Drop axes of 1: the given ones, or all."""
    axes = site["axis"]
    if axes is not None and not data and site.op == "_np_squeeze":
        need(axes in ((0,), (-1,)), f"a value without axes has none of {axes}")
        return ()
    need(bool(data) or site.op == "_np_squeeze", "a value without axes can't be squeezed")
    if axes is None:
        if None in data:
            return None
        found = tuple([extent for extent in data if extent != 1])
    else:
        dropped = axes_of((axes,) if isinstance(axes, int) else axes, len(data))
        once = len(set(dropped)) == len(dropped)
        need(once or site.op == "_np_squeeze", f"axis={axes} names an axis twice")
        for axis in dropped:
            need(data[axis] in (None, 1), f"axis {axis} of {printed(data)} can't be dropped")
        found = tuple([extent for axis, extent in enumerate(data) if axis not in dropped])
    return found or scalar(site)


def squeeze_batch(site: BatchSite) -> Axes:
    """Axes of extent 1 go; without a list, the batch of one sample too."""
    axis, gone = site.of(), site["axis"]
    if gone is None:
        raise OperationError("it takes out every axis of extent 1, be it the batch; give its axis")
    counted = {site.counted(each) for each in gone}
    if axis in counted:
        raise OperationError(f"it takes out axis {axis}, along which the batch is")
    return axis - sum(each < axis for each in counted)


# -- blocks ----------------------------------------------------------------------------------------


def depth_to_space(site: ShapeSite, data: Shape) -> Shape:
    """Move blocks of channels into rows and columns."""
    block = site["block_size"]
    misfit = f"{printed(data)} does not fit block_size={block}"
    need(len(data) == 4, misfit)
    batch, channels, height, width = data
    rest = divided(channels, block**2, misfit)
    return (batch, rest, product([height, block]), product([width, block]))


def space_to_depth(site: ShapeSite, data: Shape) -> Shape:
    """Move blocks of rows and columns into channels."""
    block = site["block_size"]
    misfit = f"{printed(data)} does not fit block_size={block}"
    need(len(data) == 4 and 0 not in data, misfit)
    blocks = [divided(extent, block, misfit) for extent in data[2:]]
    return (data[0], product([data[1], block**2]), *blocks)


ROWS = {
    "Reshape": Meaning(reshape, value=reshaped, batch=reshape_batch, offset=kept),
    "reshape_like": Meaning(
        reshape_like, like_second, value=reshaped, batch=reshape_like_batch, offset=kept
    ),
    "Flatten": Meaning(flatten, value=reshaped, batch=by_sample, offset=kept),
    "expand_dims": Meaning(expand_dims, value=reshaped, batch=new_axis_batch, offset=kept),
    "squeeze": Meaning(squeeze, value=reshaped, batch=squeeze_batch, offset=kept),
    "depth_to_space": Meaning(depth_to_space, batch=by_sample),
    "space_to_depth": Meaning(space_to_depth, batch=by_sample),
    "_np_reshape": Meaning(numpy_reshape, value=reshaped, batch=numpy_reshape_batch, offset=kept),
    "_npx_reshape": Meaning(
        extended_reshape, value=reshaped, batch=numpy_reshape_batch, offset=kept
    ),
    "_np_squeeze": Meaning(squeeze, value=reshaped, offset=kept),
}
