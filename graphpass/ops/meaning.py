"""What operators do beyond their signature: which draw random numbers, and which are commutative.

Source of the random ones: the operators of MXNet 1.9.1 that request a random resource
(``ResourceRequest::kRandom``, ``kParallelRandom``), and those that drop or draw in training only.
Source of the commutative ones: MXNet 1.9.1, asked numerically; a test runs every operator of two
like inputs both ways.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from graphpass.errors import AttributeValueError
from graphpass.ops.table import find

__all__ = ["Randomness", "is_commutative", "randomness"]

Randomness: TypeAlias = Literal["never", "training", "always", "unknown"]
"""When an operator draws: never, in training only, always; or nobody can tell."""

_PREFIXES = ("_contrib_dgl_csr_neighbor_", "_image_random_", "_random_", "_sample_")

_DENSITIES = "_random_pdf_"
"""Operators that only sound random: they compute the density of a given sample."""

_OTHERS = frozenset(
    {
        "_npi_bernoulli",
        "_npi_choice",
        "_npi_exponential",
        "_npi_gamma",
        "_npi_gumbel",
        "_npi_logistic",
        "_npi_multinomial",
        "_npi_normal",
        "_npi_normal_n",
        "_npi_pareto",
        "_npi_powerd",
        "_npi_rayleigh",
        "_npi_uniform",
        "_npi_uniform_n",
        "_npi_weibull",
        "_shuffle",
    }
)


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
    """
    if op == "null":
        return "never"
    if op in _OTHERS or (op.startswith(_PREFIXES) and not op.startswith(_DENSITIES)):
        return "always"
    operator = find(op)
    if operator is None or operator.opaque:
        return "unknown"
    if op not in ("Dropout", "LeakyReLU", "RNN"):
        return "never"
    values = operator.view(attrs)
    try:
        if op == "LeakyReLU":
            return "training" if values["act_type"] == "rrelu" else "never"
        if not values["p"]:
            return "never"
        return "always" if op == "Dropout" and values["mode"] == "always" else "training"
    except AttributeValueError:
        return "unknown"


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
