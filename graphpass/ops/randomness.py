"""Which operators draw random numbers, and so give other values each time they run.

Source: the operators that request a random resource in MXNet 1.9.1 (``ResourceRequest::kRandom``
and ``kParallelRandom``), and those that drop or draw only in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from graphpass.errors import AttributeValueError
from graphpass.ops.table import find

__all__ = ["Randomness", "randomness"]

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
