"""Where two models compute the same by construction, and where they part.

Operators are numbered alike, over both graphs, if they do the same to values that are numbered
alike, and variables if they are given the same values. So what a rewrite has not touched is known
to be equal, and a proof by running both models is about the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphpass.graph import Entry, Graph
from graphpass.verify.isomorphism import comparable

if TYPE_CHECKING:
    from graphpass.verify.feeding import Feeding

__all__ = ["Sameness", "below"]

Value = tuple[int, int]
"""Number of a node and number of its output."""

_READ_FOR_THEIR_SHAPES = {
    "zeros_like": (0,),
    "ones_like": (0,),
    "shape_array": (0,),
    "size_array": (0,),
    "_contrib_arange_like": (0,),
    "_contrib_MultiBoxPrior": (0,),
    "slice_like": (1,),
    "broadcast_like": (1,),
    "reshape_like": (1,),
}
"""Operator -> the inputs whose numbers count for nothing. Source: their `FCompute` in 1.9.1."""


@dataclass(frozen=True, slots=True)
class Sameness:
    """What differs between two graphs, called A and B, when they are fed."""

    same: tuple[bool, ...]
    """For each pair of heads whether they are one computation on one set of values."""

    parameters: frozenset[int]
    """Variables of A whose stored or drawn value is another one in B, though B reads it as A does;
    where something reads it otherwise, it may count for nothing, as gamma does under fix_gamma."""

    frontier: tuple[tuple[Entry, Entry], ...]
    """Values of A and of B under one name that are computed otherwise, though all that they read
    is the same or has such a pair of its own: each change shows first in one of these."""

    same_behind: tuple[bool, ...]
    """For each pair of heads whether they are one computation on what is the same and on values of
    the frontier, so that nothing that differs is left out there."""

    @classmethod
    def between(
        cls, a: Graph, b: Graph, feeding: Feeding, pairs: Sequence[tuple[int, int]]
    ) -> Sameness:
        """Find what differs. Linear in both graphs and in the bytes of their parameters."""
        numbering: dict[Hashable, int] = {}
        numbers_a: dict[int, Value] = {}
        for key in a.order():
            numbers_a[key] = _number(numbering, a, key, numbers_a)
        counterparts = {
            key: old
            for key in b.order()
            if b.is_variable(key) and (old := _counterpart(key, feeding)) in numbers_a
        }

        def number_b(taken: Mapping[Entry, Value]) -> dict[int, Value]:
            """Return numbers of the nodes of B, some values taken for values of A."""
            numbers: dict[int, Value] = {}
            for key in b.order():
                if key in feeding.computed:
                    head = a.heads[feeding.computed[key]]
                    numbers[key] = _value(numbers_a, head)
                elif key in counterparts:
                    numbers[key] = numbers_a[counterparts[key]]
                else:
                    numbers[key] = _number(numbering, b, key, numbers, taken)
            return numbers

        def agree(numbers: dict[int, Value], taken: Mapping[Entry, Value]) -> tuple[bool, ...]:
            return tuple(
                _value(numbers_a, a.heads[i]) == _value(numbers, b.heads[j], taken)
                for i, j in pairs
            )

        known = {value[0] for value in numbers_a.values()}
        numbers_b = number_b({})
        frontier = tuple(_frontier((a, numbers_a), (b, numbers_b), known))
        taken = {new: _value(numbers_a, old) for old, new in frontier}
        met = set(counterparts.values())
        partners: dict[int, list[int]] = {}
        for new, old in feeding.variables.items():
            if old not in met and old in feeding.constants[0]:
                partners.setdefault(old, []).append(new)
        return cls(
            same=agree(numbers_b, {}),
            parameters=frozenset(
                old
                for old, new in partners.items()
                if _readers(a, [old]) & _readers(b, new) == _readers(a, [old])
            ),
            frontier=frontier,
            same_behind=agree(number_b(taken), taken),
        )


def below(graph: Graph, heads: Iterable[Entry]) -> set[int]:
    """Return the nodes on whose numbers some values depend, and not on their shapes alone."""
    pending = [head.node for head in heads]
    found = set(pending)
    while pending:
        key = pending.pop()
        unread = _READ_FOR_THEIR_SHAPES.get(graph.op(key), ())
        for slot, entry in enumerate(graph.inputs(key)):
            if slot not in unread and entry.node not in found:
                found.add(entry.node)
                pending.append(entry.node)
    return found


def _value(
    numbers: Mapping[int, Value], entry: Entry, taken: Mapping[Entry, Value] | None = None
) -> Value:
    if taken and (value := taken.get(Entry(entry.node, entry.output))) is not None:
        return value
    node, output = numbers[entry.node]
    return node, output + entry.output


def _number(
    numbering: dict[Hashable, int],
    graph: Graph,
    key: int,
    numbers: Mapping[int, Value],
    taken: Mapping[Entry, Value] | None = None,
) -> Value:
    """Return a number for a node; a variable that stands for no other one has its own."""
    identity: Hashable
    if graph.is_variable(key):
        identity = (id(graph), key)
    else:
        identity = _identity(graph, key, lambda entry: _value(numbers, entry, taken))
    return numbering.setdefault(identity, len(numbering)), 0


def _drawing(graph: Graph) -> Hashable:
    """Return what two graphs have in common that compute the same of their inputs."""
    places = {key: place for place, key in enumerate(graph.order())}

    def place(entry: Entry) -> Value:
        return places[entry.node], entry.output

    nodes = tuple(_identity(graph, key, place) for key in places)
    return nodes, tuple(map(place, graph.heads))


def _identity(graph: Graph, key: int, value: Callable[[Entry], Value]) -> Hashable:
    return (
        graph.op(key),
        repr(comparable(graph.op(key), graph.attrs(key))),
        tuple(map(value, graph.inputs(key))),
        tuple(map(_drawing, graph.subgraphs(key))),
    )


def _counterpart(key: int, feeding: Feeding) -> int | None:
    """Return the variable of A that has the value of a variable of B, bit by bit."""
    from graphpass.verify.arrays import same_bits

    old = feeding.variables.get(key)
    if old is None:
        return None
    (stored_a, stored_b), (fed_a, fed_b) = feeding.constants, feeding.sources
    value, source = stored_a.get(old), fed_b.get(key)
    if source is not None and feeding.dtypes[key] == source.dtype:
        is_one = source is fed_a.get(old) or any(each is value for each in source.fixed)
        return old if is_one else None
    other = stored_b.get(key)
    if value is None or other is None or value.dtype.name != other.dtype.name:
        return None
    return old if value is other or same_bits(value, other) else None


def _readers(graph: Graph, keys: Iterable[int]) -> Counter[Hashable]:
    """Return what reads some variables, and how."""
    return Counter(
        (graph.op(use.node), repr(comparable(graph.op(use.node), graph.attrs(use.node))), use.slot)
        for key in keys
        for use in graph.uses(key)
    )


def _frontier(
    side_a: tuple[Graph, dict[int, Value]],
    side_b: tuple[Graph, dict[int, Value]],
    known: Iterable[int],
) -> Iterator[tuple[Entry, Entry]]:
    """Yield the values at which changes show first: a node of each name, if no other has it."""
    (a, numbers_a), (b, numbers_b) = side_a, side_b
    named_a, named_b = _by_name(a, numbers_a), _by_name(b, numbers_b)
    known = set(known)
    changed = {
        named_a[name]: key
        for name, key in named_b.items()
        if name in named_a and numbers_b[key][0] not in known
    }
    for old, new in changed.items():
        read_a, read_b = a.inputs(old), b.inputs(new)
        inherits = (
            a.op(old) == b.op(new)
            and comparable(a.op(old), a.attrs(old)) == comparable(b.op(new), b.attrs(new))
            and len(read_a) == len(read_b)
            and not a.subgraphs(old)
            and all(
                _value(numbers_a, x) == _value(numbers_b, y)
                or (changed.get(x.node) == y.node and x.output == y.output)
                for x, y in zip(read_a, read_b, strict=True)
            )
        )
        if not inherits:
            shared = min(a.signature(old).num_visible_outputs, b.signature(new).num_visible_outputs)
            yield from ((Entry(old, output), Entry(new, output)) for output in range(shared))


def _by_name(graph: Graph, numbers: dict[int, Value]) -> dict[str, int]:
    """Return the operators whose names no other operator of the graph bears."""
    found: dict[str, int] = {}
    twice = set()
    for key in numbers:
        if not graph.is_variable(key):
            name = graph.name(key)
            if found.setdefault(name, key) != key:
                twice.add(name)
    return {name: key for name, key in found.items() if name not in twice}
