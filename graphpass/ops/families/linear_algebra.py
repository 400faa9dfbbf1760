"""Matrices in the last two axes: factors, inverses, solutions, triangles and diagonals.

Source of the shapes: ``src/operator/tensor/la_op.h`` and ``src/operator/numpy/linalg/*.h`` of MXNet
1.9.1.
"""

from __future__ import annotations

import math

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    broadcast_shapes,
    reduced,
    sums,
)
from graphpass.ops.shape import (
    Shape,
    axes_of,
    axis_of,
    differ,
    merge_shapes,
    need,
    printed,
    product,
)
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, ShapeSite

__all__ = ["ROWS"]


def _matrices(shape: Shape) -> Shape:
    need(len(shape) >= 2, f"{printed(shape)} holds no matrices")
    return shape[-2:]


def _side(shape: Shape) -> int | None:
    """Return the side of square matrices."""
    rows, columns = _matrices(shape)
    need(not differ(rows, columns), f"{printed(shape)} is not square")
    return columns if rows is None else rows


# -- products --------------------------------------------------------------------------------------


def gemm(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """Products of matrices, each transposed or not; a third matrix is added to them.

    The rows of all run along `axis`, the last but one by default.
    """
    _matrices(one)
    need(
        len(one) == len(other), f"{printed(one)} and {printed(other)} differ in the number of axes"
    )
    at = axis_of(site["axis"], len(one))
    need(at < len(one) - 1, "rows and columns are along one axis")
    rows, left = (one[at], one[-1])[:: -1 if site["transpose_a"] else 1]
    right, columns = (other[at], other[-1])[:: -1 if site["transpose_b"] else 1]
    need(not differ(left, right), f"{printed(one)} and {printed(other)} can't be multiplied")
    stack = merge_shapes(
        *[(*shape[:at], None, *shape[at + 1 : -1], None) for shape in (one, other)]
    )
    assert stack is not None
    found = (*stack[:at], rows, *stack[at + 1 : -1], columns)
    if len(site.inputs) > 2:
        site.input(2, found)
    return found


def gemm_batch(site: BatchSite) -> Axes:
    """Multiply at each place along the axes before the last two."""
    axis = site.of((0, 1))
    if site["axis"] != -2 or axis >= site.rank() - 2:
        raise OperationError("the batch is along an axis of its matrices")
    return axis


def triangular(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """A square matrix, and one that it is multiplied with, from the left or the right."""
    need(
        len(one) == len(other), f"{printed(one)} and {printed(other)} differ in the number of axes"
    )
    merge_shapes(one[:-2], other[:-2])
    rows, columns = _matrices(one)
    meets = _matrices(other)[1 if site["rightside"] else 0]
    if None not in (rows, columns, meets):
        need(rows == columns == meets, f"{printed(one)} and {printed(other)} can't be multiplied")
    return other


def syrk(site: ShapeSite, data: Shape) -> Shape:
    """A matrix times its own transpose, or the other way round."""
    rows = _matrices(data)[-1 if site["transpose"] else -2]
    return (*data[:-2], rows, rows)


def khatri_rao(site: ShapeSite, first: Shape) -> Shape | None:
    """The products of rows, column by column."""
    rows: list[int | None] = []
    for shape in site.inputs:
        if shape is None:
            return None
        need(len(shape) >= 2, f"{printed(shape)} is no matrix")
        need(not differ(shape[1], first[1]), f"{printed(shape)} has not {first[1]} columns")
        rows.append(shape[0])
    return (product(rows), first[1])


# -- factors and inverses --------------------------------------------------------------------------


def square(site: ShapeSite) -> None:
    """A square matrix gives one of its shape."""
    found = site.same([0], range(len(site.outputs)))
    if found is not None:
        _side(found)


def lq_factors(site: ShapeSite, data: Shape) -> Shape:
    """Rows that are orthonormal, and a lower triangle."""
    rows, columns = _matrices(data)
    need(rows is None or columns is None or rows <= columns, f"{printed(data)} has too many rows")
    site.output(1, (*data[:-1], rows))
    return data


def eigenvectors(site: ShapeSite, data: Shape) -> Shape:
    """Eigenvectors as rows, and eigenvalues."""
    _side(data)
    site.output(1, data[:-1])
    return data


def numpy_eigenvectors(site: ShapeSite, data: Shape) -> Shape:
    """Eigenvalues, and eigenvectors where they are asked for."""
    _side(data)
    site.every_output(data, 1)
    return data[:-1]


def singular_values(site: ShapeSite, data: Shape) -> Shape:
    """Three factors of a matrix that is not higher than wide."""
    rows, columns = _matrices(data)
    need(rows is None or columns is None or rows <= columns, f"{printed(data)} has too many rows")
    site.output(1, data[:-1])
    site.output(2, data)
    return (*data[:-1], rows)


def determinant(site: ShapeSite, data: Shape) -> None:
    """One number, or two, for each matrix; behind them are its factors and pivots."""
    _side(data)
    for slot in range(len(site.outputs) - 2):
        site.output(slot, data[:-2] or (() if site.np_shape else (1,)))
    site.output(len(site.outputs) - 2, data)
    site.output(len(site.outputs) - 1, data[:-1])


def determinant_dtype(site: DtypeSite, data: str) -> None:
    """Pivots are whole numbers."""
    need(data in ("float32", "float64"), f"it takes no {data}")
    site.output(len(site.outputs) - 1, "int32")
    for slot in range(len(site.outputs) - 1):
        site.output(slot, data)


def sum_log_diagonal(site: ShapeSite, data: Shape) -> Shape:
    """One number for each matrix."""
    _side(data)
    return data[:-2] or (1,)


def pseudo_inverse(site: ShapeSite, data: Shape) -> Shape:
    """Rows and columns change places; the cutoff is broadcast along the stack."""
    rows, columns = _matrices(data)
    if len(site.inputs) > 1 and site.inputs[1] is not None:
        spread = broadcast_shapes(site.inputs[1], data[:-2])
        need(len(spread) == len(data) - 2, f"{printed(site.inputs[1])} has too many axes")
        merge_shapes(spread, data[:-2])
    return (*data[:-2], columns, rows)


def solution(site: ShapeSite, matrix: Shape, right: Shape) -> Shape:
    """As many columns, or one, as the right side has."""
    side = _side(matrix)
    columns = len(right) - len(matrix) + 1
    need(columns in (0, 1), f"{printed(right)} is no right side of {printed(matrix)}")
    merge_shapes((*matrix[:-2], side), right[: len(matrix) - 1])
    return right


def tensor_inverse(site: ShapeSite, data: Shape) -> Shape:
    """The axes before `ind` change places with those behind."""
    at = site["ind"]
    need(at > 0 and bool(data), f"ind={at} must be over 0")
    need(0 not in data, f"{printed(data)} is empty")
    need(
        not differ(product(data[:at]), product(data[at:])), f"{printed(data)} is not square at {at}"
    )
    return (*data[at:], *data[:at])


def tensor_solution(site: ShapeSite, matrix: Shape, right: Shape) -> Shape:
    """The axes of the matrix behind those of the right side, `a_axes` last among all."""
    moved = axes_of(site["a_axes"], len(matrix))
    kept = [axis for axis in range(len(matrix)) if axis not in moved]
    data = tuple([matrix[axis] for axis in (*kept, *moved)])
    found = data[len(right) :]
    for part in (found, data[: len(right)]):
        need(not differ(product(part), product(right)), f"{printed(matrix)} is not square")
    return found or matrix


def norm(site: ShapeSite, data: Shape) -> Shape | None:
    """Norms of vectors or matrices along one axis or two; -2 asks for that of the flat value."""
    given, flag = site["axis"], site["flag"]
    need(bool(data), "a value without axes has no norm")
    axes = list(range(len(data)))
    if given is not None:
        axes = axes_of(given, len(data))
        need(1 <= len(axes) <= 2, f"axis={given} must name one axis or two")
    elif flag != -2:
        axes = axes[-2:]
    need(flag != 2 or len(axes) == 2, "this order is of matrices only")
    return reduced(site, data, axes, site["keepdims"])


def solved_dtype(site: DtypeSite) -> str:
    """Floats stay what they are; all else is solved in float64."""
    need("float16" not in site.inputs, "it takes no float16")
    values = site.inputs
    if site.op == "_npi_pinv":
        need(values[1] in (None, "float32", "float64"), f"a cutoff is no {values[1]}")
        values = values[:1]
    found = "float32" if all(dtype == "float32" for dtype in values) else "float64"
    site.every_output(found)
    return found


# -- diagonals and triangles -----------------------------------------------------------------------


def _shortened(data: Shape, offset: int) -> int | None:
    side = _side(data)
    need(side is None or side > abs(offset), f"{printed(data)} has no diagonal {offset}")
    return None if side is None else side - abs(offset)


def extract_diagonal(site: ShapeSite, data: Shape) -> Shape:
    return (*data[:-2], _shortened(data, site["offset"]))


def extract_triangle(site: ShapeSite, data: Shape) -> Shape:
    """The elements of a triangle, row by row."""
    rows = _shortened(data, site["offset"])
    return (*data[:-2], None if rows is None else rows * (rows + 1) // 2)


def make_diagonal(site: ShapeSite, data: Shape) -> Shape:
    need(bool(data), "a value without axes is no diagonal")
    side = None if data[-1] is None else data[-1] + abs(site["offset"])
    return (*data[:-1], side, side)


def make_triangle(site: ShapeSite, data: Shape) -> Shape:
    need(bool(data), "a value without axes is no triangle")
    count = data[-1]
    if count is None:
        return (*data[:-1], None, None)
    rows = (math.isqrt(8 * count + 1) - 1) // 2
    need(rows * (rows + 1) // 2 == count, f"{count} elements make no triangle")
    side = rows + abs(site["offset"])
    return (*data[:-1], side, side)


# -- products of many axes -------------------------------------------------------------------------


def numpy_dot(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """The last axis of the one meets the last but one of the other; a single number scales."""
    if not one or not other:
        return one or other
    at = max(len(other) - 2, 0)
    need(not differ(one[-1], other[at]), f"{printed(one)} and {printed(other)} can't be multiplied")
    return (*one[:-1], *other[:at], *other[at + 1 :])


def matmul(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """Products of matrices under axes that are broadcast; a vector gets an axis, and loses it."""
    need(bool(one and other), "a value without axes can't be multiplied as a matrix")
    a = one if len(one) > 1 else (1, *one)
    b = other if len(other) > 1 else (*other, 1)
    need(not differ(a[-1], b[-2]), f"{printed(one)} and {printed(other)} can't be multiplied")
    found = (*broadcast_shapes(a[:-2], b[:-2]), *a[-2:-1], *b[-1:])
    if len(one) == 1:
        found = (*found[:-2], *found[-1:])
    return found[:-1] if len(other) == 1 else found


def tensordot(site: ShapeSite, one: Shape, other: Shape) -> Shape:
    """Sum over pairs of axes, which go; the rest of the one stands before that of the other."""
    if not one or not other:
        return one or other
    if "axes" in site.attributes:
        count = site["axes"]
        count = max(count, 0)
        need(count <= min(len(one), len(other)), f"there are no {count} axes to sum over")
        left, right = list(range(len(one) - count, len(one))), list(range(count))
    else:
        left = axes_of(site["a_axes_summed"], len(one))
        right = axes_of(site["b_axes_summed"], len(other))
    need(len(left) == len(right), "the two sides sum over different numbers of axes")
    for a, b in zip(left, right, strict=True):
        need(not differ(one[a], other[b]), f"{one[a]} does not meet {other[b]}")
    kept = [extent for axis, extent in enumerate(one) if axis not in left]
    kept += [extent for axis, extent in enumerate(other) if axis not in right]
    return tuple(kept)


def einsum(site: ShapeSite) -> Shape | None:
    """Each letter is an extent, which is the same wherever it stands; `...` are axes to broadcast.

    Without ``->`` the output has the letters that stand once, in alphabetical order.
    """
    text = site["subscripts"].replace(" ", "")
    left, arrow, out = text.partition("->")
    terms = left.split(",")
    need(len(terms) == len(site.inputs), f"{text!r} has {len(terms)} terms")
    extents: dict[str, int | None] = {}
    further: Shape = ()
    for term, shape in zip(terms, site.inputs, strict=True):
        if shape is None:
            return None
        before, dots, behind = term.partition("...")
        letters, count = before + behind, len(shape) - len(before) - len(behind)
        need(count >= 0 if dots else count == 0, f"{term!r} does not fit {printed(shape)}")
        middle = len(before) + count
        further = broadcast_shapes(further, shape[len(before) : middle])
        for letter, extent in zip(letters, shape[: len(before)] + shape[middle:], strict=True):
            held = extents.get(letter)
            if held in (None, 1):
                extents[letter] = extent
            else:
                need(extent in (None, 1, held), f"{letter!r} is {held} and {extent}")
    if not arrow:
        joined = "".join(terms).replace(".", "")
        out = "..." + "".join(letter for letter in sorted(extents) if joined.count(letter) == 1)
    before, dots, behind = out.partition("...")
    need(set(before + behind) <= extents.keys(), f"{out!r} has letters that no input has")
    middle_extents = further if dots else ()
    return (*(extents[x] for x in before), *middle_extents, *(extents[x] for x in behind))


_GEMM = Meaning(
    gemm,
    cost=sums(lambda site, one: one[site["axis"] if site["transpose_a"] else -1]),
    batch=gemm_batch,
)

ROWS = {
    "_linalg_gemm2": _GEMM,
    "_linalg_gemm": Meaning(gemm, cost=_GEMM.cost),
    "_linalg_trsm _linalg_trmm": Meaning(triangular),
    "_linalg_syrk": Meaning(syrk),
    "khatri_rao": Meaning(khatri_rao),
    "_linalg_potrf _linalg_potri _linalg_inverse _npi_cholesky": Meaning(square),
    "_linalg_gelqf": Meaning(lq_factors),
    "_linalg_syevd": Meaning(eigenvectors),
    "_npi_eig _npi_eigh _npi_eigvals _npi_eigvalsh": Meaning(numpy_eigenvectors, solved_dtype),
    "_npi_svd": Meaning(singular_values),
    "_linalg_det _linalg_slogdet": Meaning(determinant, determinant_dtype),
    "_linalg_sumlogdiag": Meaning(sum_log_diagonal),
    "_npi_pinv _npi_pinv_scalar_rcond": Meaning(pseudo_inverse, solved_dtype),
    "_npi_solve": Meaning(solution, solved_dtype),
    "_npi_tensorinv": Meaning(tensor_inverse, solved_dtype),
    "_npi_tensorsolve": Meaning(tensor_solution, solved_dtype),
    "_npi_norm": Meaning(norm),
    "_linalg_extractdiag": Meaning(extract_diagonal),
    "_linalg_extracttrian": Meaning(extract_triangle),
    "_linalg_makediag": Meaning(make_diagonal),
    "_linalg_maketrian": Meaning(make_triangle),
    "_np_dot": Meaning(numpy_dot),
    "_npi_matmul": Meaning(matmul),
    "_npi_tensordot _npi_tensordot_int_axes": Meaning(tensordot),
    "_npi_einsum": Meaning(einsum),
}
