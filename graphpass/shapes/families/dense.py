"""FullyConnected, Embedding and products of matrices."""

from __future__ import annotations

from graphpass.shapes.families.common import product
from graphpass.shapes.shape import ConflictError, Shape, merge_shapes, printed, size
from graphpass.shapes.site import DtypeSite, ShapeSite

__all__ = [
    "batch_dot",
    "dot",
    "embedding",
    "embedding_dtype",
    "fully_connected",
    "fully_connected_cost",
    "product_cost",
]


def fully_connected(site: ShapeSite) -> None:
    """The weight is (hidden, inputs); the batch is also found from the output."""
    data, out, hidden = site.inputs[0], site.outputs[0], site["num_hidden"]
    flat = site["flatten"]
    if data is None:
        if flat:
            site.output(0, (None, hidden))
        return
    if not data:
        raise ConflictError("a value without axes can't be multiplied by a matrix")
    width = product(data[1:]) if flat else data[-1]
    site.input(1, (hidden, width))
    if not site["no_bias"]:
        bias = site.inputs[2]
        two_axes = bias is not None and len(bias) == 2
        site.input(2, (hidden, 1) if two_axes else (hidden,))
    site.output(0, (data[0], hidden) if flat else (*data[:-1], hidden))
    if out:
        site.input(0, (out[0], *data[1:]))


def fully_connected_cost(site: ShapeSite) -> int | None:
    """Count rows of the data times elements of the weight."""
    weight = site.inputs[1]
    return product([size(site.outputs[0]), None if weight is None else weight[1]])


def embedding(site: ShapeSite) -> None:
    """One row of the weight per index."""
    data = site.inputs[0]
    if data is not None:
        site.input(1, (site["input_dim"], site["output_dim"]))
        site.output(0, (*data, site["output_dim"]))


def embedding_dtype(site: DtypeSite) -> None:
    """The output is as the weight, which is of the attribute's dtype; indices may be of any."""
    if site.inputs[0] is None:
        return
    if site.inputs[1] is None and site.outputs[0] is None:
        site.input(1, site["dtype"])
    known = site.merge(site.inputs[1], site.outputs[0])
    site.input(1, known)
    site.output(0, known)


def dot(site: ShapeSite) -> None:
    """The last axis of the one meets the first of the other, before either is transposed."""
    one, other = site.inputs
    if one is None or other is None:
        return
    if not one or not other:
        raise ConflictError("a value without axes can't be multiplied as a matrix")
    rest: Shape
    if len(one) == 1 and len(other) == 1:
        left, right, rest = one[0], other[0], (1,)
    else:
        a = (*one[1:], one[0]) if site["transpose_a"] else one
        b = (other[-1], *other[:-1]) if site["transpose_b"] else other
        left, right, rest = a[-1], b[0], (*a[:-1], *b[1:])
    if None not in (left, right) and left != right:
        raise ConflictError(f"{printed(one)} and {printed(other)} can't be multiplied")
    site.output(0, rest)


def batch_dot(site: ShapeSite) -> None:
    """Matrices in the last two axes; the axes before them are alike."""
    one, other = site.inputs
    if one is None or other is None:
        return
    if len(one) < 3 or len(one) != len(other):
        raise ConflictError(f"{printed(one)} and {printed(other)} are no batches of matrices")
    rows, left = one[:-3:-1] if site["transpose_a"] else one[-2:]
    right, columns = other[:-3:-1] if site["transpose_b"] else other[-2:]
    batch = merge_shapes(one[:-2], other[:-2]) or ()
    if None not in (left, right) and left != right:
        raise ConflictError(f"{printed(one)} and {printed(other)} can't be multiplied")
    site.output(0, (*batch, rows, columns))


def product_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times the length of the sums."""
    one = site.inputs[0]
    if not one:
        return None
    transposed = site["transpose_a"]
    if site.op == "dot":
        length = one[0] if transposed else one[-1]
    else:
        length = one[-2] if transposed else one[-1]
    return product([size(site.outputs[0]), length])
