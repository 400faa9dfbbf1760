"""Files of Gluon's ``save_parameters``: their names are places in a block, not names of variables.

``features.0.weight`` is what a symbol of the same block calls ``conv0_weight``. Both list
parameters layer by layer, and in each layer in one order, so they are joined by order; the last
part of a name must fit the slot in which an operator reads the variable.
"""

from __future__ import annotations

from graphpass.errors import ParamsError, listed
from graphpass.formats.parameters import Parameters
from graphpass.graph import Graph

__all__ = ["is_gluon", "joined"]

_ROLES = {"running_mean": "moving_mean", "running_var": "moving_var", "alpha": "gamma"}
"""What Gluon calls an input otherwise than the operator does."""

_KNOWN = frozenset({"weight", "bias", "gamma", "beta", "moving_mean", "moving_var"})


def is_gluon(graph: Graph, parameters: Parameters) -> bool:
    """Return whether no parameter is for a variable by name, and all are named by their places."""
    variables = {*graph.arguments, *graph.auxiliary_states}
    return bool(parameters) and all(
        not parameters.class_of(name) and name not in variables and _role(name) in _KNOWN
        for name in parameters
    )


def _role(name: str) -> str:
    last = name.rpartition(".")[2]
    return _ROLES.get(last, last)


def joined(graph: Graph, parameters: Parameters) -> tuple[Parameters, dict[str, str]]:
    """Return the parameters under the names of the variables, and which name became which.

    Raises
    ------
    ParamsError
        If order and roles do not tell which is which.

    Notes
    -----
    Linear in the graph. Shapes are compared by whoever infers them of the result.
    """
    states = set(graph.variable_keys().auxiliary_states)
    variables: list[tuple[str, str, bool]] = []
    for key in graph.order():
        if not graph.is_variable(key):
            continue
        for reader, slot in graph.uses(key):
            names = graph.signature(reader).input_names or ()
            if slot < len(names) and names[slot] in _KNOWN:
                variables.append((graph.name(key), names[slot], key in states))
                break
    wanted, given = [role for _, role, _ in variables], list(map(_role, parameters))
    if wanted != given:
        at = next((i for i, pair in enumerate(zip(wanted, given, strict=False))
                   if pair[0] != pair[1]), min(len(wanted), len(given)))  # fmt: skip
        ours = listed(name for name, _, _ in variables[at : at + 1]) or "nothing more"
        theirs = listed(list(parameters)[at : at + 1]) or "nothing more"
        raise ParamsError(
            "the names are Gluon's, places in a block, and it is ambiguous which parameter is for "
            f"which variable: the symbol has {len(wanted)} and the file {len(given)}, and by "
            f"order {ours} of the symbol would get {theirs} of the file; in MXNet, load the file "
            "into its block and export() that"
        )
    found = Parameters(np_shape=parameters.np_shape)
    pairs = {}
    for (name, _, is_state), stored in zip(variables, parameters, strict=True):
        found.set(name, parameters.stored(stored), "aux" if is_state else "arg")
        pairs[stored] = name
    return found, pairs
