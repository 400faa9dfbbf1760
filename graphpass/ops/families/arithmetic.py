"""Operators that compute one number of two or more, with broadcasting and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.ops.families.common import (
    FLOATS,
    INTEGERS,
    broadcast,
    constant_dtype,
    number_by_number,
    of_kinds,
    output_size,
    same_shape,
)
from graphpass.ops.families.elementwise import rounded_once
from graphpass.ops.shape import Shape, exactly, merge_shapes, need, printed
from graphpass.ops.sites import Axes, BatchSite, DtypeSite, Meaning, Range, ShapeSite, ValueSite

__all__ = ["ROWS"]


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
    else:
        need(
            len(condition) == 1 and condition[0] in (None, found[0]),
            f"a condition {printed(condition)} does not fit {printed(found)}",
        )


def polynomial(site: ShapeSite, coefficients: Shape, data: Shape) -> Shape:
    """One value for each place."""
    exactly(coefficients, 1)
    return data


# -- dtypes ----------------------------------------------------------------------------------------


def mixed_dtypes(site: DtypeSite) -> str | None:
    """NumPy-style arithmetic: the wider floating-point type wins over integers."""
    one, other = site.inputs
    if one is None or other is None or one == other:
        return site.same([0, 1], [0])
    floats = [dtype for dtype in (one, other) if dtype in FLOATS]
    if {one, other} == {"uint8", "int8"}:
        return "int32"
    return max(floats, key=FLOATS.index) if floats else max(one, other, key=INTEGERS.index)


def true_divide_dtype(site: DtypeSite) -> str | None:
    """Dividing integers gives the default floating-point type."""
    known = [dtype for dtype in site.inputs if dtype is not None]
    if len(known) != len(site.inputs):
        return None
    return max([dtype for dtype in known if dtype in FLOATS], key=FLOATS.index, default="float32")


def any_to_bool(site: DtypeSite) -> str | None:
    """The output is a truth value; the inputs are of one dtype."""
    return site.same(range(len(site.inputs)), []) and "bool"


def chosen_dtype(site: DtypeSite) -> str | None:
    """Both choices and the output are alike; the condition may be of any dtype."""
    if len(site.inputs) == 1:
        return "float32"
    return site.same(range(1, len(site.inputs)), [0])


# -- values ----------------------------------------------------------------------------------------


def of_two(function: Callable[..., Any], kinds: str = "fiu") -> Callable[[ValueSite], Any]:
    def value(site: ValueSite) -> Any:
        first, second = site.inputs
        if first.dtype != second.dtype or first.dtype.kind not in kinds:
            return None
        return np.asarray(function(first, second), site.dtype)

    return value


def power_value(site: ValueSite) -> Any:
    first, second = site.inputs
    if first.dtype != second.dtype or site.dtype not in (np.float32, np.float16):
        return None
    return rounded_once(np.power, first, second).astype(site.dtype)


_add_value = of_two(np.add)


def sum_value(site: ValueSite) -> Any:
    """Of more than two it is not known in what order they are added."""
    if len(site.inputs) == 1:
        return site.data
    return _add_value(site) if len(site.inputs) == 2 else None


# -- how a batch goes through ----------------------------------------------------------------------


def broadcast_batch(site: BatchSite) -> Axes:
    """Shapes are aligned at the last axis: nothing may be broadcast along the batch."""
    joined = [slot for slot, axis in enumerate(site.axes) if axis is not None]
    same = [slot for slot, axis in enumerate(site.axes) if axis is None]
    if len(joined) == 1 and all(site.shapes[slot] == (1,) for slot in same):
        return site.axes[joined[0]]
    from_the_end = {site.rank(slot) - (site.axes[slot] or 0) for slot in joined}
    if len(from_the_end) > 1:
        raise OperationError("the batch axes of its inputs are not aligned")
    (place,) = from_the_end
    site.refuse_single()
    for slot in same:
        if site.rank(slot) >= place and (site.shapes[slot] or ())[-place] != 1:
            raise OperationError(
                "it reads a value that is the same in all branches and has an axis where the batch "
                "is"
            )
    return max(site.rank(slot) for slot in range(len(site.axes))) - place


_COMPARED = Meaning(same_shape, batch=number_by_number)
_PAIR = replace(_COMPARED, cost=output_size)
_BROADCAST = Meaning(broadcast, cost=output_size, batch=broadcast_batch)
_BROADCAST_COMPARED = replace(_BROADCAST, cost=None)
_NUMPY = Meaning(broadcast, mixed_dtypes, output_size, batch=broadcast_batch)
_NUMPY_COMPARED = Meaning(broadcast, any_to_bool, batch=broadcast_batch)

_VALUES = {
    "add": _add_value,
    "sub": of_two(np.subtract),
    "mul": of_two(np.multiply),
    "div": of_two(np.divide, "f"),
    "maximum": of_two(np.maximum),
    "minimum": of_two(np.minimum),
    "power": power_value,
}

ROWS = {
    **{
        f"elemwise_{name}": replace(_PAIR, value=_VALUES[name], commutative=name in ("add", "mul"))
        for name in ("add", "sub", "mul", "div")
    },
    **{
        f"broadcast_{name}": replace(
            _BROADCAST, value=value, commutative=name in ("add", "mul", "maximum", "minimum")
        )
        for name, value in _VALUES.items()
    },
    "_grad_add": replace(_PAIR, value=_add_value, commutative=True),
    "_maximum": replace(_PAIR, value=_VALUES["maximum"], commutative=True),
    "_minimum": replace(_PAIR, value=_VALUES["minimum"], commutative=True),
    "_power": replace(_PAIR, value=power_value),
    "_mod _contrib_quadratic": _PAIR,
    "_hypot": replace(_PAIR, commutative=True),
    "add_n": replace(_PAIR, value=sum_value, commutative=True),
    "_scatter_elemwise_div": replace(_PAIR, batch=None),
    "_equal _not_equal _logical_and _logical_or _logical_xor": replace(_COMPARED, commutative=True),
    "_greater _greater_equal _lesser _lesser_equal": _COMPARED,
    "broadcast_mod": _BROADCAST,
    "broadcast_hypot": replace(_BROADCAST, commutative=True),
    """broadcast_equal broadcast_not_equal broadcast_logical_and broadcast_logical_or
    broadcast_logical_xor""": replace(_BROADCAST_COMPARED, commutative=True),
    """broadcast_greater broadcast_greater_equal broadcast_lesser broadcast_lesser_equal
    """: _BROADCAST_COMPARED,
    "where": Meaning(
        where,
        lambda site: site.same([1, 2], [0]),
        batch=number_by_number,
        ranges={"condition": lambda site: Range(0, 1)},
    ),
    # NumPy-style
    "_npi_add _npi_multiply": replace(_NUMPY, commutative=True),
    "_npi_subtract _npi_power _npi_mod": _NUMPY,
    "_npi_true_divide": replace(_NUMPY, dtype=true_divide_dtype),
    "_npi_equal _npi_not_equal": replace(_NUMPY_COMPARED, commutative=True),
    "_npi_greater _npi_greater_equal _npi_less _npi_less_equal": _NUMPY_COMPARED,
    """_npi_equal_scalar _npi_not_equal_scalar _npi_greater_scalar _npi_greater_equal_scalar
    _npi_less_scalar _npi_less_equal_scalar _npi_isnan _npi_isinf _npi_isfinite
    _npi_logical_not""": Meaning(same_shape, any_to_bool, batch=number_by_number),
    "_npi_bitwise_and _npi_bitwise_or _npi_bitwise_xor _npi_lcm": Meaning(
        broadcast, of_kinds(INTEGERS), commutative=True
    ),
    "_npi_hypot": Meaning(broadcast, of_kinds(FLOATS), commutative=True),
    "_npi_arctan2": Meaning(broadcast, of_kinds(FLOATS)),
    "_npi_copysign _npi_ldexp": Meaning(broadcast),
    "_npi_where _npi_where_lscalar _npi_where_rscalar _npi_where_scalar2": Meaning(
        broadcast, chosen_dtype
    ),
    "_npi_polyval": Meaning(polynomial),
    "_npi_share_memory": Meaning(lambda site: (), constant_dtype("bool")),
}
