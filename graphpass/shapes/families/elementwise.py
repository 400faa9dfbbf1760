"""Operators that work element by element, with and without broadcasting."""

from __future__ import annotations

from graphpass.shapes.shape import ConflictError, Shape, merge_shapes, printed
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "amp_cast",
    "any_to_bool",
    "broadcast",
    "broadcast_shapes",
    "cast",
    "dropout",
    "leaky_relu",
    "mixed_dtypes",
    "multicast",
    "numpy_true_divide",
    "same_shape",
    "scalar_dtype",
    "where",
    "where_dtype",
]

_FLOATS = ("float16", "bfloat16", "float32", "float64")
_INTEGERS = ("bool", "uint8", "int8", "int32", "int64")


def same_shape(site: ShapeSite) -> None:
    """All inputs and outputs have one shape, and each tells of the others."""
    site.same(range(len(site.inputs)), range(len(site.outputs)))


def broadcast_shapes(one: Shape, other: Shape) -> Shape:
    """Return the shape of two values that are broadcast together, aligned at the last axis."""
    if one == other:
        return one
    count = max(len(one), len(other))
    padded = [(1,) * (count - len(shape)) + shape for shape in (one, other)]
    found: list[int | None] = []
    for a, b in zip(*padded, strict=True):
        if a is None or b is None:
            found.append(None)
        elif a == b or 1 in (a, b):
            found.append(b if a == 1 else a)
        else:
            raise ConflictError(f"{printed(one)} and {printed(other)} can't be broadcast together")
    return tuple(found)


def broadcast(site: ShapeSite) -> None:
    """The output is what the inputs give when they are broadcast; nothing is learnt from it."""
    found: Shape = ()
    for shape in site.inputs:
        if shape is None:
            return
        found = broadcast_shapes(found, shape) if found else shape
    site.output(0, found)


def where(site: ShapeSite) -> None:
    """Both choices and the output are alike; the condition is too, or has the first axis only."""
    found: Shape | None = None
    for shape in (*site.inputs[1:], site.outputs[0]):
        found = merge_shapes(found, shape)
    condition = site.inputs[0]
    if found is None or None in found or condition is None:
        return
    for slot in (1, 2):
        site.input(slot, found)
    site.output(0, found)
    if len(condition) == len(found):
        site.input(0, found)
    elif len(condition) != 1 or condition[0] not in (None, found[0]):
        raise ConflictError(f"a condition {printed(condition)} does not fit {printed(found)}")


def where_dtype(site: DtypeSite) -> None:
    """Both choices and the output have one dtype; the condition may have any."""
    site.same([1, 2], [0])


def dropout(site: ShapeSite) -> None:
    """The mask has extent 1 along the axes that share it."""
    data = site.inputs[0]
    if data is None:
        return
    site.output(0, data)
    shared = site["axes"]
    if any(axis >= len(data) for axis in shared):
        raise ConflictError(f"axes={shared} do not fit {printed(data)}")
    site.output(1, tuple([1 if axis in shared else extent for axis, extent in enumerate(data)]))


def leaky_relu(site: ShapeSite) -> None:
    """A PReLU's slopes are one per channel, unless they are known to be otherwise."""
    data = site.inputs[0]
    if data is None:
        return
    if site["act_type"] == "prelu" and site.inputs[1] is None and len(data) > 1:
        site.input(1, (data[1],))
    for slot in range(len(site.outputs)):
        site.output(slot, data)


def cast(site: DtypeSite) -> None:
    """The output has the attribute's dtype, whatever the input has."""
    site.output(0, site["dtype"])


def amp_cast(site: DtypeSite) -> None:
    """A cast of the types that mixed precision is about; others stay."""
    data = site.inputs[0]
    if data is not None:
        site.output(0, site["dtype"] if data in ("float16", "bfloat16", "float32") else data)


def multicast(site: DtypeSite) -> None:
    """Cast all inputs to the widest of their floating-point types, or the narrowest."""
    known = [dtype for dtype in site.inputs if dtype is not None]
    if len(known) != len(site.inputs):
        return
    narrow = site["cast_narrow"]
    found = known[0]
    for dtype in known[1:]:
        if (dtype == "float32") != narrow and {dtype, found} <= {"float16", "float32"}:
            found = dtype
    for slot in range(len(site.outputs)):
        site.output(slot, found)


def scalar_dtype(site: DtypeSite) -> None:
    """Floats and integers stay what they are; ``is_int=False`` makes float64 of integers.

    How large the number is, or whether it is whole, plays no part. Truth values become int64.
    """
    data = site.inputs[0]
    if data in _INTEGERS and not site["is_int"]:
        site.output(0, "float64")
    elif data == "bool":
        site.output(0, "int64")
    else:
        site.same([0], [0])


def mixed_dtypes(site: DtypeSite) -> None:
    """NumPy-style arithmetic: the wider floating-point type wins over integers."""
    one, other = site.inputs
    if one is None or other is None or one == other:
        site.same([0, 1], [0])
        return
    floats = [dtype for dtype in (one, other) if dtype in _FLOATS]
    if floats:
        site.output(0, max(floats, key=_FLOATS.index))
    else:
        site.output(0, max((one, other), key=_INTEGERS.index))


def numpy_true_divide(site: DtypeSite) -> None:
    """Dividing integers gives the default floating-point type."""
    known = [dtype for dtype in site.inputs if dtype is not None]
    if len(known) != len(site.inputs):
        return
    floats = [dtype for dtype in known if dtype in _FLOATS]
    site.output(0, max(floats, key=_FLOATS.index) if floats else "float32")


def any_to_bool(site: DtypeSite) -> None:
    """The output is a truth value; the inputs are of one dtype."""
    if site.same(range(len(site.inputs)), []) is not None:
        site.output(0, "bool")
