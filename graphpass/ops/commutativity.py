"""Which operators give the same value whatever the order of their inputs.

Source: MXNet 1.9.1, asked numerically; a test runs every operator of two like inputs both ways.
"""

from __future__ import annotations

__all__ = ["is_commutative"]

_COMMUTATIVE = frozenset(
    {
        "_equal",
        "_grad_add",
        "_hypot",
        "_logical_and",
        "_logical_or",
        "_logical_xor",
        "_maximum",
        "_minimum",
        "_not_equal",
        "_npi_add",
        "_npi_bitwise_and",
        "_npi_bitwise_or",
        "_npi_bitwise_xor",
        "_npi_equal",
        "_npi_hypot",
        "_npi_lcm",
        "_npi_multiply",
        "_npi_not_equal",
        "add_n",
        "broadcast_add",
        "broadcast_equal",
        "broadcast_hypot",
        "broadcast_logical_and",
        "broadcast_logical_or",
        "broadcast_logical_xor",
        "broadcast_maximum",
        "broadcast_minimum",
        "broadcast_mul",
        "broadcast_not_equal",
        "elemwise_add",
        "elemwise_mul",
    }
)


def is_commutative(op: str) -> bool:
    """Return whether all inputs of an operator may change places.

    Parameters
    ----------
    op : str
        Canonical operator name.

    Examples
    --------
    >>> is_commutative("elemwise_add"), is_commutative("elemwise_sub")
    (True, False)

    Notes
    -----
    The order in which ``add_n`` adds three inputs or more shows in the last bit of a float.
    """
    return op in _COMMUTATIVE
