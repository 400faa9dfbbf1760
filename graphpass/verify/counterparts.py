"""Which outputs of a changed model are compared with which values of the model that it was made of.

The changed model tells itself what its heads and variables stand for, see `Lineage`: names and
positions may have changed, and the values need not have been heads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphpass.graph import Entry, Graph
from graphpass.model import Lineage, Model, looks_trained
from graphpass.verify.inputs import Given, Side, check_names

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
    a, lineage = _joined(a, b, lineage)
    side_b = Side("B", b, inputs)
    check_names(Side("A", a, inputs), side_b, inputs, feed)
    origins = _origins(a, side_b, lineage, feed)
    refused: list[str] = []
    gone: tuple[str, ...] = ()
    if pairs is None:
        heads = [_value(a.graph, origin) for origin in lineage.heads]
        found, refused = _comparable(side_b, heads, origins)
        kept = set(heads)
        lost = [head for head in a.graph.heads if Entry(head.node, head.output) not in kept]
        gone = tuple(map(a.graph.output_name, lost))
    else:
        found = [(a.graph.heads[i], j) for i, j in pairs]
    values = list(dict.fromkeys(value for value, _ in found))
    returned = dict.fromkeys(position for _, position in found)
    new = Side("B", _returning(b, [b.graph.heads[position] for position in returned]), inputs)
    reached = _returning(a, values).graph
    wanted = dict.fromkeys(  # so that every input of B gets its value
        origins[key]
        for key in new.free
        if key in origins
        and origins[key] not in values
        and not (a.graph.is_variable(origins[key].node) and reached.reaches(origins[key].node))
    )
    old = Side("A", _returning(a, [*values, *wanted]), inputs)
    places = {value: place for place, value in enumerate(old.model.graph.heads)}
    places_b = {position: place for place, position in enumerate(returned)}
    names = {*old.names(), *new.names()}
    left = set(old.variables)
    return Counterparts(
        models=(old.model, new.model),
        pairs=tuple((places[value], places_b[position]) for value, position in found),
        inputs={name: given for name, given in inputs.items() if name in names},
        variables={key: origin.node for key, origin in origins.items() if origin.node in left},
        values={
            key: places[origins[key]]
            for key in new.free
            if key in origins and not a.graph.is_variable(origins[key].node)
        },
        not_compared=tuple(refused),
        no_longer_returned=gone,
    )


def _joined(a: Model, b: Model, lineage: Lineage) -> tuple[Model, Lineage]:
    """Return A with the models beside it that were merged in, so that it has what B stands for."""
    if not lineage.merged:
        return a, lineage
    graph, parameters = a.graph.copy(), a.parameters.copy()
    ours = Model(graph, parameters)
    real: dict[int, int] = {}

    def value(entry: Entry) -> Entry:
        return entry._replace(node=real.get(entry.node, entry.node))

    called = {origin.node: b.graph.name(key) for key, origin in lineage.variables.items()}
    for each in lineage.merged:
        theirs = each.model
        keys = [key for key in theirs.graph.order() if key in each.keys]
        names, taken = {}, set(map(graph.name, filter(graph.is_variable, graph.all_keys)))
        for key in keys:
            name = theirs.graph.name(key)
            if theirs.graph.is_variable(key):
                wished = (called.get(each.keys[key], name), name, f"{name} of the merged model")
                name = next((wish for wish in wished if wish not in taken), f"{name} (#{key})")
                taken.add(name)
            names[key] = name
        twins: dict[int, int] = {}
        with graph.edit() as edit:
            inputs = {(key, 0): value(entry) for key, entry in each.inputs.items()}
            edit.add_copies(theirs.graph, names, inputs, twins)
            real.update((each.keys[key], twin) for key, twin in twins.items())
            for key, entry in each.fed.items():
                edit.redirect(Entry(key), value(entry))
        for key, name in names.items():
            stored = theirs.graph.name(key)
            if theirs.graph.is_variable(key) and stored in theirs.parameters:
                class_ = theirs.parameters.class_of(stored)
                parameters.set(name, theirs.parameters[stored], class_)
    heads = tuple(head and value(head) for head in lineage.heads)
    variables = {key: value(entry) for key, entry in lineage.variables.items()}
    return ours, Lineage(heads, variables)


def _origins(a: Model, b: Side, lineage: Lineage, feed: Mapping[str, str]) -> dict[int, Entry]:
    """Return the value of A that each variable of B stands for, where there is one."""
    found = {}
    for key in b.variables:
        fed = feed.get(b.name(key))
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


def _comparable(
    b: Side, heads: Sequence[Entry | None], origins: Mapping[int, Entry]
) -> tuple[list[tuple[Entry, int]], list[str]]:
    """Return the values of A with the positions in B that they are compared with, and the rest.

    What depends on a variable of which nobody can say what value it has is not compared.
    """
    graph, given = b.model.graph, b.given
    reasons = {
        key: f"it reads {b.name(key)!r}, which is new and has no value"
        if looks_trained(graph, key)
        else f"it reads the new input {b.name(key)!r}"
        for key in b.free
        if key not in origins and b.name(key) not in given
    }
    for key in graph.order() if reasons else ():
        unknown = [entry.node for entry in graph.inputs(key) if entry.node in reasons]
        if unknown:
            reasons[key] = reasons[unknown[0]]
    found, refused = [], []
    for position, (head, origin) in enumerate(zip(graph.heads, heads, strict=True)):
        if origin is None:
            refused.append(f"{graph.output_name(head)} (new)")
        elif head.node in reasons:
            refused.append(f"{graph.output_name(head)} ({reasons[head.node]})")
        else:
            found.append((origin, position))
    return found, refused


def _returning(model: Model, heads: Sequence[Entry]) -> Model:
    """Return a model of the same nodes that returns other values."""
    graph = model.graph.copy()
    with graph.edit() as edit:
        edit.set_heads(heads)
    return Model(graph, model.parameters)
