"""What an operator does beyond its signature: the row of an operator, and questions to it.

The rows stand in `graphpass.ops.families`, which is read when somebody asks for the first one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from graphpass.errors import AttributeValueError
from graphpass.ops.operator import canonical_name, find
from graphpass.ops.sites import Meaning, Randomness, ValueSite

__all__ = ["evaluate", "is_commutative", "known_operators", "meaning", "randomness"]

_MISFITS: tuple[type[Exception], ...] = (ArithmeticError, LookupError, TypeError, ValueError)
"""What NumPy raises where inputs, attributes and shapes do not fit together."""

_DTYPES = {"float16", "float32", "float64", "int8", "uint8", "int32", "int64"}

_IN_BFLOAT16 = {"BlockGrad", "Cast", "Flatten", "Reshape", "_copy", "amp_cast", "expand_dims"}
"""The operators of which MXNet 1.9.1 computes in bfloat16 what can be said. Arithmetic cuts bits
off where oneDNN does not round, and transposing writes beyond its memory."""

_NOTHING = Meaning()


@cache
def _table() -> dict[str, Meaning]:
    from graphpass.ops.families import FAMILIES

    return {name: row for rows in FAMILIES for names, row in rows.items() for name in names.split()}


@lru_cache(maxsize=4096)
def meaning(op: str) -> Meaning:
    """Return the row of an operator, by its canonical name or an alias.

    Of an operator without a row, nothing is known: it has no rules.

    Examples
    --------
    >>> meaning("softmax").shape is not None, meaning("VendorThing").shape
    (True, None)

    Notes
    -----
    Constant. The first call reads all rows, which takes some milliseconds.
    """
    row = _table().get(op)
    return row if row is not None else _table().get(canonical_name(op), _NOTHING)


def known_operators() -> Collection[str]:
    """Return the canonical names of the operators that have a row."""
    return _table().keys()


def is_commutative(op: str) -> bool:
    """Return whether all inputs of an operator may change places.

    Parameters
    ----------
    op : str
        Operator name.

    Examples
    --------
    >>> is_commutative("elemwise_add"), is_commutative("elemwise_sub")
    (True, False)

    Notes
    -----
    The order in which ``add_n`` adds three inputs or more shows in the last bit of a float.
    """
    return meaning(op).commutative


def randomness(op: str, attrs: Mapping[str, str]) -> Randomness:
    """Return when an operator draws random numbers; a variable never does.

    Parameters
    ----------
    op : str
        Canonical operator name, ``"null"`` for a variable.
    attrs : mapping of str to str
        The node's attribute texts.

    Examples
    --------
    >>> randomness("Dropout", {}), randomness("Dropout", {"mode": "always"}), randomness("relu", {})
    ('training', 'always', 'never')

    Notes
    -----
    Source: the operators of MXNet 1.9.1 that request a random resource
    (``ResourceRequest::kRandom``, ``kParallelRandom``), and those that drop or draw only in
    training.
    """
    if op == "null":
        return "never"
    row = meaning(op)
    if row is _NOTHING:
        operator = find(op)
        return "unknown" if operator is None or operator.opaque else "never"
    if isinstance(row.random, str):
        return row.random
    operator = find(op)
    assert operator is not None
    try:
        return row.random(operator.view(attrs))
    except AttributeValueError:
        return "unknown"


def evaluate(
    op: str,
    attrs: Mapping[str, str],
    inputs: Sequence[Any],
    shapes: Sequence[tuple[int, ...]],
    dtypes: Sequence[str],
) -> list[Any] | None:
    """Return what an operator computes of arrays, without MXNet.

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
        All outputs, contiguous: what MXNet 1.9.1 computes on a CPU, bit for bit, or up to one unit
        in the last place of a float32 where a function of the C library is asked. None where that
        can't be said.

    Raises
    ------
    AttributeValueError
        If an attribute that it asks for can't be parsed.

    Notes
    -----
    Linear in the elements.
    """
    import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by its name from here on
    import numpy as np

    rule, operator = meaning(op).value, find(op)
    if rule is None or operator is None or len(set(dtypes)) != 1:
        return None
    met = {dtypes[0], *[array.dtype.name for array in inputs]}
    if not met <= ({*_DTYPES, "bfloat16"} if op in _IN_BFLOAT16 else _DTYPES):
        return None
    if any(not array.ndim or not array.size for array in inputs):
        return None  # scalars and empty arrays exist in NumPy-shape mode only
    site = ValueSite(op, operator.view(attrs), inputs, shapes, np.dtype(dtypes[0]))
    with np.errstate(all="ignore"):
        try:
            found = rule(site)
        except AttributeValueError:
            raise
        except _MISFITS:
            return None
    if isinstance(found, np.ndarray):
        found = [found]
    if found is None or [array.shape for array in found] != list(map(tuple, shapes)):
        return None
    if any(array.dtype != site.dtype for array in found):
        return None
    return [np.ascontiguousarray(array) for array in found]
