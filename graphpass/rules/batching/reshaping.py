"""Reshape: which of its codes leave the samples of a batch apart.

The numbers of a value lie in C order, so joining along axis p joins, for every place on the axes
before p, the runs of numbers behind. A reshape keeps the runs together if the axes before p stay
whole, and if the axis on which p lands grows with the batch and no other does.

Source of the codes: ``InferReshapeShape`` in ``src/operator/tensor/matrix_op-inl.h``.
"""

from __future__ import annotations

import math

from graphpass.errors import OperationError
from graphpass.graph import Entry, Graph
from graphpass.rules.batching.site import Axes, Site
from graphpass.shapes import infer

__all__ = ["reshape", "reshape_like"]


def reshape(site: Site) -> Axes:
    """Follow the batch axis through the codes."""
    axis = site.of()
    codes = list(site.attributes["shape"])
    if not codes:
        raise OperationError("its new shape stands in target_shape; write it as shape")
    _refuse_lost(site, axis, tuple(codes))
    if site.attributes["reverse"]:
        if axis == 0 and codes[0] == -1 and all(code > 0 for code in codes[1:]):
            return 0
        raise OperationError(f"shape={tuple(codes)} with reverse may move samples")
    return _landing(site, axis, codes)


def reshape_like(site: Site) -> Axes:
    """Take the shape of another value with as many samples."""
    if any(site.attributes[name] is not None for name in site.attributes):
        raise OperationError("it keeps some axes and replaces others; write it as Reshape")
    return site.first((0, 1))


def _landing(site: Site, axis: int, codes: list[int]) -> int:
    """Return the axis on which the batch axis lands."""
    source = landed = position = 0
    while position < len(codes):
        code = codes[position]
        if code == -2:
            return landed + axis - source
        if source == axis:
            _refuse_fixed(tuple(codes), codes[position : position + 3])
            return landed
        if code == -3 and source + 1 < axis:
            source, landed = source + 2, landed + 1
        elif code == -4:
            source, landed, position = source + 1, landed + 2, position + 2
        elif code == 0 or (code > 0 and _has_extent(site, source, code)):
            source, landed = source + 1, landed + 1
        else:
            break
        position += 1
    raise OperationError(f"shape={tuple(codes)} does not keep the axes before the batch apart")


def _refuse_lost(site: Site, axis: int, codes: tuple[int, ...]) -> None:
    """Refuse a shape of another number of elements, which MXNet runs all the same.

    A batch of a size that is not known is taken for one that every code divides.
    """
    if site.shapes[0] is None:
        return
    batch = math.prod([abs(code) for code in codes if code])
    shape = tuple([
        batch if place == axis and extent is None else extent
        for place, extent in enumerate(site.shapes[0])
    ])  # fmt: skip
    alone = Graph()
    texts = {"shape": str(codes), "reverse": str(site.attributes["reverse"])}
    with alone.edit() as edit:
        read = Entry(edit.add_variable("x"))
        edit.set_heads([Entry(edit.add_node(site.op, "alone", texts, [read]))])
    if infer(alone, {"x": shape}).conflicts:
        raise OperationError(
            f"shape={codes} does not fit what it reads: elements get lost or are made up, and the "
            "samples behind them move"
        )


def _refuse_fixed(codes: tuple[int, ...], here: list[int]) -> None:
    """Refuse a code that gives the batch axis an extent of its own."""
    if here[0] in (0, -1, -3) or (here[0] == -4 and here[1:2] == [-1]):
        return
    raise OperationError(
        f"the size of the batch is baked into shape={codes}; `free-batch` takes it out"
    )


def _has_extent(site: Site, axis: int, extent: int) -> bool:
    shape = site.shapes[0]
    return shape is not None and axis < len(shape) and shape[axis] == extent
