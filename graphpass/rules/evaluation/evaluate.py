"""The table of the operators that can be evaluated, and how one is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from graphpass.errors import AttributeValueError
from graphpass.formats.ndarray_binary import Array
from graphpass.ops import find
from graphpass.rules.evaluation.arrangement import ARRANGEMENT
from graphpass.rules.evaluation.call import Call, Evaluator
from graphpass.rules.evaluation.creation import CREATION
from graphpass.rules.evaluation.elementwise import ELEMENTWISE
from graphpass.rules.evaluation.reduction import REDUCTION

__all__ = ["EVALUATORS", "evaluate"]

EVALUATORS: Mapping[str, Evaluator] = MappingProxyType(
    {**CREATION, **ELEMENTWISE, **ARRANGEMENT, **REDUCTION}
)
"""Canonical name of an operator -> how it is evaluated."""

_MISFITS: tuple[type[Exception], ...] = (ArithmeticError, LookupError, TypeError, ValueError)
"""What NumPy raises where inputs, attributes and shapes do not fit together."""

_DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64")


def evaluate(
    op: str,
    attrs: Mapping[str, str],
    inputs: Sequence[Array],
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[str],
) -> list[Array] | None:
    """Return what an operator computes.

    Parameters
    ----------
    op : str
        Canonical name.
    attrs : mapping of str to str
        Its attribute texts.
    inputs : sequence of array
        What it reads.
    shapes, dtypes : sequence
        Of its outputs, as MXNet infers them.

    Returns
    -------
    list of array or None
        All outputs, contiguous: what MXNet 1.9.1 computes, bit for bit, or up to one unit in the
        last place of a float32 where a function of the C library is asked. None where that can't
        be said.

    Raises
    ------
    AttributeValueError
        If an attribute that it asks for can't be parsed.

    Notes
    -----
    Linear in the elements.
    """
    evaluator, operator = EVALUATORS.get(op), find(op)
    if evaluator is None or operator is None or len(set(dtypes)) != 1:
        return None
    if not {dtypes[0], *[array.dtype.name for array in inputs]} <= set(_DTYPES):
        return None
    if any(not array.ndim or not array.size for array in inputs):
        return None  # scalars and empty arrays exist in NumPy-shape mode only
    call = Call(operator.view(attrs), inputs, shapes, np.dtype(dtypes[0]))
    with np.errstate(all="ignore"):
        try:
            found = evaluator(call)
        except AttributeValueError:
            raise
        except _MISFITS:
            return None
    if found is None or [array.shape for array in found] != list(map(tuple, shapes)):
        return None
    if any(array.dtype != call.dtype for array in found):
        return None
    return [np.ascontiguousarray(array) for array in found]
