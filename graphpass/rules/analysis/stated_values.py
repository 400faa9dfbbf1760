"""The values of variables in a test: shapes are stated, numbers are drawn at random."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from graphpass.errors import UsageError
from graphpass.formats.parameters import Parameters
from graphpass.graph import Graph
from graphpass.rules.analysis.failure import Failure
from graphpass.rules.analysis.room import Room
from graphpass.shapes.hints import shape_hint

__all__ = ["Stated", "hints_of", "stated_values", "take"]

Stated: TypeAlias = Mapping[str, "Sequence[int] | str"]
"""Variable -> its shape, or the variable whose values it has too."""

_DATA = re.compile(r"(.*_)?(data|label)\d*")
"""What variables of data are called."""

_VARIANCES = frozenset({"moving_var", "running_var", "moving_variance"})


def stated_values(graph: Graph, stated: Stated, room: Room) -> Parameters:
    """Return the parameters of a test's model.

    Parameters
    ----------
    graph : Graph
        The graph.
    stated : mapping
        Which variables have values, and of which shape. If it is empty, those that carry
        ``__shape__`` and are not called like data.
    room : Room
        How large they may be.

    Raises
    ------
    Failure
        If something stated is no variable, or too large.
    """
    keys = {graph.name(key): key for key in graph.order() if graph.is_variable(key)}
    auxiliary = set(graph.variable_keys().auxiliary_states)
    random = np.random.default_rng(0)
    parameters = Parameters()
    for name, shape in _shapes(graph, stated, keys).items():
        take(room, name, shape, *(("parameters", name) if stated else ("before",)))
        source = stated.get(name)
        if isinstance(source, str):
            array = np.array(parameters[source])
        else:
            array = random.standard_normal(shape, dtype=np.float32)
            if _is_variance(graph, keys[name]):
                array = np.abs(array) + np.float32(0.5)
        parameters.set(name, array, "aux" if keys[name] in auxiliary else "arg")
    return parameters


def _shapes(graph: Graph, stated: Stated, keys: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the variables that have values of their own first, then of others."""
    if not stated:
        hints = hints_of(graph)
        return {name: hints[name] for name in hints if not _DATA.fullmatch(name)}
    own = {name: tuple(shape) for name, shape in stated.items() if not isinstance(shape, str)}
    for name, other in stated.items():
        if name not in keys:
            raise Failure(f"no variable of the graph is called {name}", "parameters", name)
        if isinstance(other, str) and other not in own:
            raise Failure(f"{other} has no shape here, which {name} could have", "parameters", name)
    return own | {name: own[other] for name, other in stated.items() if isinstance(other, str)}


def hints_of(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return the shapes that variables say they have, where they are complete."""
    keys = [key for key in graph.order() if graph.is_variable(key)]
    found = {}
    for key in keys:
        hint = shape_hint(graph.attrs(key), np_shape=False) or ()
        shape = tuple([extent for extent in hint if extent is not None])
        if shape and len(shape) == len(hint):
            found[graph.name(key)] = shape
    return found


def take(room: Room, name: str, shape: tuple[int, ...], *where: str) -> None:
    """Refuse an array that is too large, before there is one.

    Raises
    ------
    Failure
        If it is.
    """
    try:
        room.take(name, shape)
    except UsageError as error:
        raise Failure(str(error), *where) from None


def _is_variance(graph: Graph, key: int) -> bool:
    for reader, slot in graph.uses(key):
        names = graph.signature(reader).input_names
        if names is not None and slot < len(names) and names[slot] in _VARIANCES:
            return True
    return False
