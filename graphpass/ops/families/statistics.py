"""Operators that tell a few numbers of many: counts, checks, likelihoods, transforms to compare."""

from __future__ import annotations

from graphpass.ops.families.common import constant_dtype, data_dtype, of_kinds
from graphpass.ops.shape import Shape, differ, exactly, need, printed, product, with_axis
from graphpass.ops.sites import DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS"]


def histogram(site: ShapeSite) -> Shape | None:
    """One count between each two edges."""
    count = site["bin_cnt"]
    need((count is None) == (site["range"] is None), "bin_cnt and range go together")
    if count is not None:
        site.output(1, (count + 1,))
        return (count,)
    edges = site.inputs[1]
    if edges is None:
        return None
    exactly(edges, 1)
    need(edges[0] is None or edges[0] > 1, f"{printed(edges)} are too few edges")
    site.output(1, edges)
    return (None if edges[0] is None else edges[0] - 1,)


def histogram_dtype(site: DtypeSite) -> str:
    """Counts are int64; the edges are as the data."""
    site.same([0], [1])
    return "int64"


def one_number(site: ShapeSite) -> None:
    """One number in one axis, whatever the inputs are."""
    site.every_output((1,))


def hawkes_dtype(site: DtypeSite) -> None:
    """Marks are int32; all else is of one dtype."""
    site.input(5, "int32")
    site.same([0, 1, 2, 3, 4, 6, 7], [0, 1])


def entropy_dtype(site: DtypeSite) -> str:
    for slot in (0, 1):
        site.input(slot, "float32")
    site.every_output("float32")
    return "float32"


def squares_dtype(site: DtypeSite) -> str:
    need(site["num_arrays"] > 0, "it reads nothing")
    site.same(range(len(site.inputs)), [])
    return "float32"


def sums_of_squares(site: ShapeSite) -> Shape:
    """One sum for each input."""
    need(site["num_arrays"] > 0, "it reads nothing")
    return (len(site.inputs),)


def all_close(site: ShapeSite) -> Shape | None:
    """One truth value of two values."""
    return () if site.np_shape else None


def hawkes_likelihood(site: ShapeSite, rates: Shape) -> None:
    """A log-likelihood and a new state for each of N processes with K marks over T events."""
    exactly(rates, 2)
    processes, marks = rates
    for slot, shape in enumerate((None, (marks,), (marks,), rates, None, None, (processes,))):
        if shape is not None:
            site.input(slot, shape)
    events = site.same([4, 5], [])
    if events is not None:
        exactly(events, 2)
        site.input(4, (processes, None))
    site.input(7, (processes,))
    site.output(0, (processes,))
    site.output(1, rates)


def count_sketch(site: ShapeSite, data: Shape) -> Shape:
    """Rows of another length; which place each column goes to, and with which sign."""
    _rows(data)
    for shape in site.inputs[1:]:
        need(
            shape is None or (len(shape) > 1 and not differ(shape[1], data[-1])),
            f"{printed(shape)} has not as many columns as {printed(data)}",
        )
    return (*data[:-1], site["out_dim"])


def _rows(data: Shape) -> None:
    need(len(data) in (2, 4), f"{printed(data)} must have 2 or 4 axes")


def fourier(site: ShapeSite, data: Shape) -> Shape:
    """Real and imaginary parts take turns along the last axis."""
    _rows(data)
    return with_axis(data, len(data) - 1, product([data[-1], 2]))


def inverse_fourier(site: ShapeSite, data: Shape) -> Shape:
    _rows(data)
    return with_axis(data, len(data) - 1, None if data[-1] is None else data[-1] // 2)


ROWS = {
    "_histogram": Meaning(histogram, histogram_dtype),
    "_contrib_calibrate_entropy": Meaning(one_number, entropy_dtype),
    "all_finite multi_all_finite": Meaning(one_number, constant_dtype("float32")),
    "multi_sum_sq": Meaning(sums_of_squares, squares_dtype),
    "_contrib_allclose": Meaning(all_close, constant_dtype("uint8")),
    "_npx_constraint_check": Meaning(lambda site: (), of_kinds({"bool"})),
    "_contrib_hawkesll": Meaning(hawkes_likelihood, hawkes_dtype),
    "_contrib_count_sketch": Meaning(count_sketch, data_dtype),
    "_contrib_fft": Meaning(fourier),
    "_contrib_ifft": Meaning(inverse_fourier),
}
