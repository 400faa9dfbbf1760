"""Which outputs of a changed model are compared with which values of the model that it was made of.

The changed model tells itself what its heads and variables stand for, see `Lineage`: names and
positions may have changed, and the values need not have been heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphpass.graph import Entry, Graph
from graphpass.model import Lineage, Model, looks_trained
from graphpass.verify.feeding import check_names
from graphpass.verify.sources import Given, Side

__all__ = ["Counterparts", "counterparts"]


@dataclass(frozen=True, slots=True)
class Counterparts:
    """Two models that are ready to be compared, called A and B."""

    models: tuple[Model, Model]
    """A returns the values that are compared, and then those that B's inputs get; B the outputs
    that are compared."""

    pairs: tuple[tuple[int, int], ...]
    """Which output of A is compared with which of B."""

    inputs: Given
    """Shapes and values of inputs that A or B has."""

    variables: Mapping[int, int]
    """Key of a variable of B to the variable of A that it stands for."""

    values: Mapping[int, int]
    """Key of a variable of B to the position of the output of A whose value it gets."""

    not_compared: tuple[str, ...]
    """Outputs of B that no value of A can be compared with, each with the reason."""

    no_longer_returned: tuple[str, ...]
    """Outputs of A that B does not return."""


def counterparts(
    a: Model,
    b: Model,
    lineage: Lineage,
    *,
    inputs: Given,
    feed: Mapping[str, str],
    pairs: Sequence[tuple[int, int]] | None,
) -> Counterparts:
    """Find out what of two models can be compared.

    Parameters
    ----------
    a, b : Model
        The model before and after.
    lineage : Lineage
        What heads and variables of B stand for in A.
    inputs, feed
        As for `verify`.
    pairs : sequence of pairs of int, optional
        Outputs of A and B that are compared in place of those that the lineage says.

    Raises
    ------
    UsageError
        If a name does not exist.

    Notes
    -----
    Linear in both graphs.
    """
    check_names(Side("A", a, inputs), Side("B", b, inputs), inputs, feed)
    origins = _origins(a, b, lineage, feed)
    if pairs is None:
        heads = [_value(a.graph, origin) for origin in lineage.heads]
        found, refused = _comparable(b, heads, _strangers(b, origins, inputs))
        gone = _no_longer_returned(a.graph, heads)
    else:
        found, refused, gone = [(a.graph.heads[i], j) for i, j in pairs], (), ()
    values = list(dict.fromkeys(value for value, _ in found))
    returned = dict.fromkeys(position for _, position in found)
    new = _returning(b, [b.graph.heads[position] for position in returned])
    wanted = _wanted(a, new, origins, values, inputs)
    old = _returning(a, [*values, *wanted])
    places = {value: place for place, value in enumerate(old.graph.heads)}
    places_b = {position: place for place, position in enumerate(returned)}
    reached = {*old.graph.variable_keys()[0], *old.graph.variable_keys()[1]}
    return Counterparts(
        models=(old, new),
        pairs=tuple((places[value], places_b[position]) for value, position in found),
        inputs={
            name: given
            for name, given in inputs.items()
            if any(_has_variable(model.graph, name) for model in (old, new))
        },
        variables={key: origin.node for key, origin in origins.items() if origin.node in reached},
        values={
            key: places[origins[key]]
            for key in _free(new, inputs)
            if key in origins and not a.graph.is_variable(origins[key].node)
        },
        not_compared=refused,
        no_longer_returned=gone,
    )


def _origins(a: Model, b: Model, lineage: Lineage, feed: Mapping[str, str]) -> dict[int, Entry]:
    """Return the value of A that each variable of B stands for, where there is one."""
    found = {}
    for key in (*b.graph.variable_keys().arguments, *b.graph.variable_keys().auxiliary_states):
        fed = feed.get(b.graph.name(key))
        if fed is not None:
            found[key] = Entry(next(filter(a.graph.is_variable, a.graph.named(fed))))
            continue
        origin = _value(a.graph, lineage.variables.get(key, Entry(key)))
        if origin is not None and (key in lineage.variables or a.graph.is_variable(key)):
            found[key] = origin
    return found


def _value(graph: Graph, entry: Entry | None) -> Entry | None:
    """Return a value without its stamp, or None if the graph has no such value."""
    if entry is None or entry.node not in graph:
        return None
    if entry.output >= graph.signature(entry.node).num_outputs:
        return None
    return Entry(entry.node, entry.output)


def _free(model: Model, inputs: Given) -> list[int]:
    graph = model.graph
    keys = (*graph.variable_keys().arguments, *graph.variable_keys().auxiliary_states)
    return [
        key for key in keys if graph.name(key) not in model.parameters or graph.name(key) in inputs
    ]


def _strangers(b: Model, origins: Mapping[int, Entry], inputs: Given) -> dict[int, str]:
    """Return the variables of B of which nobody can say what value they have, and why."""
    graph = b.graph
    return {
        key: f"it reads {graph.name(key)!r}, which is new and has no value"
        if looks_trained(graph, key)
        else f"it reads the new input {graph.name(key)!r}"
        for key in _free(b, inputs)
        if key not in origins and graph.name(key) not in inputs
    }


def _comparable(
    b: Model, heads: Sequence[Entry | None], strangers: Mapping[int, str]
) -> tuple[list[tuple[Entry, int]], tuple[str, ...]]:
    """Return the values of A with the positions in B that they are compared with, and the rest."""
    graph = b.graph
    reasons = dict(strangers)
    if strangers:
        for key in graph.order():
            tainted = [entry.node for entry in graph.inputs(key) if entry.node in reasons]
            if tainted:
                reasons[key] = reasons[tainted[0]]
    found, refused = [], []
    for position, (head, origin) in enumerate(zip(graph.heads, heads, strict=True)):
        if origin is None:
            refused.append(f"{graph.output_name(head)} (new)")
        elif head.node in reasons:
            refused.append(f"{graph.output_name(head)} ({reasons[head.node]})")
        else:
            found.append((origin, position))
    return found, tuple(refused)


def _no_longer_returned(a: Graph, origins: Sequence[Entry | None]) -> tuple[str, ...]:
    returned = set(origins)
    gone = [head for head in a.heads if Entry(head.node, head.output) not in returned]
    return tuple(a.output_name(head) for head in gone)


def _wanted(
    a: Model, b: Model, origins: Mapping[int, Entry], values: Sequence[Entry], inputs: Given
) -> list[Entry]:
    """Return what A has to return besides, so that every input of B gets its value."""
    reached = _returning(a, values).graph
    return list(
        dict.fromkeys(
            origins[key]
            for key in _free(b, inputs)
            if key in origins
            and origins[key] not in values
            and not (a.graph.is_variable(origins[key].node) and reached.reaches(origins[key].node))
        )
    )


def _returning(model: Model, heads: Sequence[Entry]) -> Model:
    """Return a model of the same nodes that returns other values."""
    graph = model.graph.copy()
    with graph.edit() as edit:
        edit.set_heads(heads)
    return Model(graph, model.parameters)


def _has_variable(graph: Graph, name: str) -> bool:
    keys = graph.variable_keys()
    return any(graph.name(key) == name for key in (*keys.arguments, *keys.auxiliary_states))
