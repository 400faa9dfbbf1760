"""Which nodes of another model equal ours, and which parameters of one model each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeAlias

from graphpass.errors import AttributeValueError
from graphpass.formats.ndarray_binary import byte_view
from graphpass.graph import Entry
from graphpass.model import Model
from graphpass.ops.attributes import is_hidden_key
from graphpass.ops.meaning import randomness
from graphpass.rules.surgery.region import Value, value_of

__all__ = ["equal_nodes", "equal_parameters"]

_Source: TypeAlias = "Callable[[Entry], Hashable | None]"
"""What equal inputs have in common; None if it can't be told."""

_INITIAL_HINTS = frozenset(["__init__", "__shape__", "__dtype__", "__storage_type__"])
"""Hints that say nothing more once a variable has a value."""


def equal_nodes(
    ours: Model,
    our_keys: Iterable[int],
    theirs: Model,
    their_keys: Iterable[int],
    values: Mapping[Value, Entry],
) -> dict[int, int]:
    """Return which nodes of another model compute what nodes of ours compute.

    An operator equals one that runs the same operator with the same attributes, hints included, on
    the same inputs. Parameters are the same input if type, shape, every bit and the hints for
    training are equal; one of theirs stands for one of ours only, so that what is tied stays tied
    and what is not stays apart. Operators that may be random equal none.

    Parameters
    ----------
    ours, theirs : Model
        The models.
    our_keys, their_keys : iterable of int
        The nodes to compare, each after what it reads.
    values : mapping
        Values of their graph that are known to be values of ours.

    Returns
    -------
    dict
        Their node to ours: operators, and the parameters that these read.

    Notes
    -----
    Linear in the nodes and in the bytes of the parameters of both models.
    """
    search = _Search(_Side(ours), _Side(theirs), values)
    candidates: dict[Hashable, list[int]] = {}
    for key in our_keys:
        identity = search.ours.identity(key, search.our_source)
        if identity is not None:
            candidates.setdefault(identity, []).append(key)
    for key in their_keys:
        bucket = candidates.get(search.theirs.identity(key, search.their_source), [])
        for candidate in bucket:
            if search.join(key, candidate):
                bucket.remove(candidate)
                break
    return search.twins


def equal_parameters(model: Model, keys: Iterable[int]) -> list[list[int]]:
    """Return which of some stored variables equal each other: type, shape, every bit, hints.

    Hints that only say how a variable begins do not count.

    Notes
    -----
    Linear in the bytes of those arrays that have type and shape in common with another one.
    """
    alike: dict[Hashable, list[int]] = {}
    for key in keys:
        array = model.parameters[model.graph.name(key)]
        alike.setdefault((str(array.dtype), array.shape), []).append(key)
    equal: dict[Hashable, list[int]] = {}
    for group in alike.values():
        if len(group) > 1:
            for key in group:
                equal.setdefault(_parameter_identity(model, key), []).append(key)
    return [group for group in equal.values() if len(group) > 1]


def _parameter_identity(model: Model, key: int) -> Hashable:
    """Return what equal parameters have in common."""
    graph = model.graph
    array = model.parameters[graph.name(key)]
    digest = blake2b(byte_view(array).data).digest()
    hints = frozenset(
        (hint, text)
        for hint, text in graph.attrs(key).items()
        if is_hidden_key(hint) and hint not in _INITIAL_HINTS
    )
    return "parameter", str(array.dtype), array.shape, digest, hints


@dataclass(slots=True)
class _Side:
    """One of the two models, and what tells its parameters apart."""

    model: Model
    known: dict[int, Hashable] = field(default_factory=dict)

    def parameter(self, key: int) -> Hashable | None:
        """Return what equal parameters have in common; None if the node is no parameter."""
        graph, parameters = self.model.graph, self.model.parameters
        name = graph.name(key)
        if not graph.is_variable(key) or name not in parameters:
            return None
        if key not in self.known:
            self.known[key] = _parameter_identity(self.model, key)
        return self.known[key]

    def identity(self, key: int, source: _Source) -> Hashable | None:
        """Return what equal operators have in common; None for a node that equals none."""
        graph = self.model.graph
        node = graph.node(key)
        if node.is_variable:
            return None
        try:
            attributes = frozenset(node.attributes.items())
        except AttributeValueError:
            return None
        if node.subgraphs or randomness(node.op, node.attrs) != "never":
            return None
        read = [source(entry) for entry in graph.inputs(key)]
        waited_for = [source(Entry(other)) for other in graph.control_dependencies(key)]
        if None in read or None in waited_for:
            return None
        return node.op, attributes, tuple(read), tuple(waited_for)


@dataclass(slots=True)
class _Search:
    """What is known so far of nodes that are equal."""

    ours: _Side
    theirs: _Side
    values: Mapping[Value, Entry]
    twins: dict[int, int] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)

    def our_source(self, entry: Entry) -> Hashable:
        return self.ours.parameter(entry.node) or value_of(entry)

    def their_source(self, entry: Entry) -> Hashable | None:
        ours = self.ours_for(entry)
        return self.theirs.parameter(entry.node) if ours is None else self.our_source(ours)

    def ours_for(self, entry: Entry) -> Entry | None:
        """Return the value of ours that a value of theirs is known to be."""
        if entry.node in self.twins:
            return entry._replace(node=self.twins[entry.node])
        return self.values.get(value_of(entry))

    def join(self, theirs: int, ours: int) -> bool:
        """Take two operators, and the parameters they read, for one, unless these are others'."""
        found = {theirs: ours}
        their_inputs = self.theirs.model.graph.inputs(theirs)
        our_inputs = self.ours.model.graph.inputs(ours)
        for their_entry, our_entry in zip(their_inputs, our_inputs, strict=True):
            known = self.ours_for(their_entry)
            if known is not None:
                if value_of(known) != value_of(our_entry):
                    return False
            elif found.setdefault(their_entry.node, our_entry.node) != our_entry.node:
                return False
        new = set(found.values())
        if len(new) < len(found) or new & self.taken:
            return False
        self.twins.update(found)
        self.taken |= new
        return True
