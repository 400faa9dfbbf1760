"""Products of matrices: FullyConnected, Embedding, dot, linear algebra, attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphpass.errors import OperationError
from graphpass.ops.families.common import below, first_dtype, pairs_by_sample, sums
from graphpass.ops.shape import (
    Shape,
    differ,
    divided,
    exactly,
    merge_shapes,
    need,
    printed,
    product,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite, same_dtype

__all__ = ["ROWS", "embedding", "fully_connected", "fully_connected_cost", "require_axis"]

Known = Sequence[int]
"""A shape of which everything is known."""


def _refuse_product(one: Shape, other: Shape, left: int | None, right: int | None) -> None:
    """Refuse matrices whose inner extents differ."""
    need(not differ(left, right), f"{printed(one)} and {printed(other)} can't be multiplied")


# -- layers ----------------------------------------------------------------------------------------


def fully_connected(site: ShapeSite) -> None:
    """The weight is (hidden, inputs); the batch is also found from the output."""
    data, out, hidden, flat = site.inputs[0], site.outputs[0], site["num_hidden"], site["flatten"]
    if data is None:
        if flat:
            site.output(0, (None, hidden))
        return
    need(bool(data), "a value without axes can't be multiplied by a matrix")
    site.input(1, (hidden, product(data[1:]) if flat else data[-1]))
    if not site["no_bias"]:
        bias = site.inputs[2]
        two_axes = bias is not None and len(bias) == 2
        site.input(2, (hidden, 1) if two_axes else (hidden,))
    site.output(0, (data[0], hidden) if flat else (*data[:-1], hidden))
    if out:
        site.input(0, (out[0], *data[1:]))


def fully_connected_cost(site: ShapeSite) -> int | None:
    """Count elements of the output times inputs."""
    weight = site.inputs[1]
    return product([*(site.outputs[0] or ()), None if weight is None else weight[1]])


def fully_connected_batch(site: BatchSite) -> Axes:
    """All axes but the first are one if it flattens; else only the last one counts."""
    if site["flatten"]:
        return site.first()
    axis = site.of()
    if axis == site.rank() - 1:
        raise OperationError("it computes over the last axis, which is the batch")
    return axis


def embedding(site: ShapeSite, data: Shape) -> Shape:
    """One row of the weight per index."""
    site.input(1, (site["input_dim"], site["output_dim"]))
    return (*data, site["output_dim"])


def embedding_dtype(site: DtypeSite, data: str) -> str | None:
    """The output is as the weight, which is of the attribute's dtype; indices may be of any."""
    if site.inputs[1] is None and site.outputs[0] is None:
        site.input(1, site["dtype"])
    return site.same([1], [0])


# -- matrices --------------------------------------------------------------------------------------


def dot(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """The last axis of the one meets the first of the other, before either is transposed."""
    need(bool(one and other), "a value without axes can't be multiplied as a matrix")
    if len(one) == 1 and len(other) == 1:
        need(not site["transpose_a"] and not site["transpose_b"], "vectors can't be transposed")
        _refuse_product(one, other, one[0], other[0])
        return (1,)
    a = (*one[1:], one[0]) if site["transpose_a"] else one
    b = (other[-1], *other[:-1]) if site["transpose_b"] else other
    _refuse_product(one, other, a[-1], b[0])
    return (*a[:-1], *b[1:])


def dot_batch(site: BatchSite) -> Axes:
    """Multiply rows of the batch with a matrix that is the same for all."""
    if None not in site.axes:
        raise OperationError("it multiplies each sample with every other")
    axis = site.of()
    if site["transpose_a"] or axis == site.rank() - 1:
        raise OperationError("it adds up over the samples of the batch")
    return axis


def batch_dot(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """Matrices in the last two axes; the axes before them are alike."""
    need(
        len(one) >= 3 and len(one) == len(other),
        f"{printed(one)} and {printed(other)} are no batches of matrices",
    )
    rows, left = one[-2:][:: -1 if site["transpose_a"] else 1]
    right, columns = other[-2:][:: -1 if site["transpose_b"] else 1]
    stack = merge_shapes(one[:-2], other[:-2]) or ()
    _refuse_product(one, other, left, right)
    return (*stack, rows, columns)


# -- attention -------------------------------------------------------------------------------------


def _part(width: int | None, parts: int) -> int | None:
    return divided(width, parts, f"{width} can't be divided by {parts}")


def selfatt_qk(site: ShapeSite, data: Shape) -> None:
    """(time, batch, 3 x embedding) gives (batch x heads, time, time)."""
    exactly(data, 3)
    site.output(0, (product([data[1], site["heads"]]), data[0], data[0]))
    _part(data[2], 3)


def selfatt_valatt(site: ShapeSite, data: Shape) -> None:
    """(time, batch, 3 x embedding) and attention give (time, batch, embedding)."""
    exactly(data, 3)
    attention = site.inputs[1]
    site.input(1, (product([data[1], site["heads"]]), data[0], data[0]))
    site.output(0, (data[0], data[1], _part(data[2], 3)))
    exactly(attention, 3)


def encdec_qk(site: ShapeSite, queries: Shape, keys: Shape) -> Shape:
    """Queries (time, batch, embedding) and keys (time, batch, 2 x embedding)."""
    exactly(queries, 3)
    exactly(keys, 3)
    merge_shapes(queries[1:2], keys[1:2])
    need(
        not differ(product([queries[2], 2]), keys[2]),
        f"queries {printed(queries)} do not fit {printed(keys)}",
    )
    return (product([queries[1], site["heads"]]), queries[0], keys[0])


def encdec_valatt(site: ShapeSite, values: Shape, attention: Shape) -> Shape:
    """Values (time, batch, 2 x embedding) and attention (batch x heads, out, time)."""
    exactly(values, 3)
    exactly(attention, 3)
    site.input(1, (product([values[1], site["heads"]]), None, values[0]))
    return (attention[1], values[1], _part(values[2], 2))


def valatt_cost(site: ShapeSite, values: Known, attention: Known) -> int | None:
    return product([*(site.outputs[0] or ()), attention[2]])


def require_axis(site: BatchSite, slot: int, wanted: int) -> None:
    """Refuse an input that is not joined along an axis.

    Raises
    ------
    OperationError
        If it is joined along another, or is the same in all branches.
    """
    axis = site.axes[slot]
    if axis is None:
        raise OperationError(f"it reads the same input {slot} in all branches")
    if axis != wanted:
        raise OperationError(
            f"it takes axis {wanted} of its input {slot} for the batch, which is along axis {axis}"
        )


def attend_batch(*axes: int, to: int) -> Callable[[BatchSite], Axes]:
    """Return a rule: inputs are joined along these axes, and so is the output along another."""

    def attend(site: BatchSite) -> Axes:
        for slot, wanted in enumerate(axes):
            require_axis(site, slot, wanted)
        return to

    return attend


ROWS = {
    "FullyConnected": Meaning(
        fully_connected, cost=fully_connected_cost, batch=fully_connected_batch
    ),
    "Embedding": Meaning(
        embedding,
        embedding_dtype,
        batch=lambda site: site.of(),
        ranges={"data": lambda site: below(site["input_dim"])},
    ),
    "_contrib_SparseEmbedding": Meaning(
        embedding, embedding_dtype, ranges={"data": lambda site: below(site["input_dim"])}
    ),
    "dot": Meaning(
        dot, cost=sums(lambda site, one: one[0 if site["transpose_a"] else -1]), batch=dot_batch
    ),
    "batch_dot": Meaning(
        batch_dot,
        cost=sums(lambda site, one: one[-2 if site["transpose_a"] else -1]),
        batch=pairs_by_sample,
    ),
    # attention: time, batch, features; scores of each head of each sample
    "_contrib_interleaved_matmul_selfatt_qk": Meaning(
        selfatt_qk,
        first_dtype,
        sums(lambda site, one: one[2] // 3 // site["heads"]),
        batch=attend_batch(1, to=0),
    ),
    "_contrib_interleaved_matmul_encdec_qk": Meaning(
        encdec_qk,
        same_dtype,
        sums(lambda site, one: one[2] // site["heads"]),
        batch=attend_batch(1, 1, to=0),
    ),
    "_contrib_interleaved_matmul_selfatt_valatt": Meaning(
        selfatt_valatt, same_dtype, valatt_cost, batch=attend_batch(1, 0, to=1)
    ),
    "_contrib_interleaved_matmul_encdec_valatt": Meaning(
        encdec_valatt, same_dtype, valatt_cost, batch=attend_batch(1, 0, to=1)
    ),
}
