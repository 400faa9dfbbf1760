"""Where a computed value is stored: a decision first, then a change of graph and parameters.

A value moves into the variable that it replaces if that one goes with the match, and gets a
variable of its own if somebody else still reads it, which is all there is to copy on write. What
was tied stays tied: where several matches compute the same of the same weights, as towers on one
set of weights do, they share the variable that the first one made.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from typing import NamedTuple

from graphpass.formats.ndarray_binary import Array, code_of_dtype
from graphpass.formats.parameters import Parameters
from graphpass.graph import Entry, Graph
from graphpass.graph.edges import source_at
from graphpass.ops import Signature, find, format_value
from graphpass.rules.rewrite.draft import NewNode, NewParameter
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fates import Decision
from graphpass.rules.rewrite.pattern import ValueKind
from graphpass.verify.arrays import same_bits

__all__ = ["Placement", "Twins", "fitting_hints", "new_signature", "placements", "stored_sources"]


class Placement(NamedTuple):
    """What one computed value becomes."""

    value: NewParameter

    node: int
    """Position of the first new node that reads it."""

    slot: str
    """What that node calls the input; a new variable is named for it."""

    kind: ValueKind
    """``aux`` if that node changes it."""

    donor: int | None
    """The variable whose place it takes, and whose hints and attributes it gets."""

    moves_in: bool
    """Whether it moves into the donor itself, which nothing else reads."""

    twin: int | None
    """The variable that has the same value already."""


class Twins:
    """Computed values that others may compute once more, by what they were computed of."""

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def note(self, rule: str, label: str, sources: tuple[int, ...], key: int) -> None:
        """Take note of the variable that a value went to."""
        self._known[rule, label, sources] = key

    def find(
        self,
        rule: str,
        value: NewParameter,
        sources: tuple[int, ...],
        kind: ValueKind,
        facts: Facts,
        parameters: Parameters | None,
    ) -> int | None:
        """Return the variable that has a value already, of the same kind and to the bit."""
        if not self._known or value.name is not None or parameters is None:
            return None
        twin = self._known.get((rule, value.label, sources))
        if twin is None or twin not in facts.graph or facts.kinds.get(twin) != kind:
            return None
        stored = parameters.get(facts.graph.name(twin))
        return twin if stored is not None and same_bits(stored, value.array) else None


def placements(
    decision: Decision, facts: Facts, parameters: Parameters | None, twins: Twins
) -> list[Placement]:
    """Return where the computed values of a decision go, in the order in which they are read.

    Linear in the draft and in the match.
    """
    found: dict[NewParameter, Placement] = {}
    taken: list[int] = []
    sources = stored_sources(decision, facts)
    for position, node in enumerate(decision.draft.nodes):
        signature = new_signature(node)
        names = () if signature is None else signature.input_names or ()
        states = () if signature is None else signature.mutable_slots
        for slot, value in enumerate(node.inputs):
            if not isinstance(value, NewParameter) or value in found:
                continue
            label = names[slot] if slot < len(names) else value.label
            kind: ValueKind = "aux" if slot in states else "param"
            twin = twins.find(decision.rule, value, sources, kind, facts, parameters)
            if twin is not None:
                taken.append(twin)
            donor = _donor(value, node.op, label, kind, decision, facts, taken)
            moves_in = donor is not None and donor in decision.fates.going and value.name is None
            found[value] = Placement(
                value, position, label, kind, donor, moves_in and twin is None, twin
            )
            if moves_in and twin is None and donor is not None:
                taken.append(donor)
    return list(found.values())


def new_signature(node: NewNode) -> Signature | None:
    """Return the signature of an operator to be; None if MXNet 1.9.1 does not know it."""
    operator = find(node.op)
    return None if operator is None else operator.signature(node.attrs)


def stored_sources(decision: Decision, facts: Facts) -> tuple[int, ...]:
    """Return the variables with stored values that the match names."""
    bound = [each.node for each in decision.match.bindings.values() if type(each) is Entry]
    return tuple([node for node in bound if facts.kinds.get(node) in ("param", "aux")])


def _donor(
    value: NewParameter,
    op: str,
    slot: str,
    kind: ValueKind,
    decision: Decision,
    facts: Facts,
    taken: Collection[int],
) -> int | None:
    """Return the variable whose place a computed value takes."""
    found = value.like
    if found is None:
        places = _same_places(op, slot, decision.match.matched, facts.graph)
        left = [place for place in places if place not in taken]
        only = value.only_source
        found = only if only in places or not left else left[0]
    if found is None or found in taken or facts.kinds.get(found) != kind:
        return None
    return found


def _same_places(op: str, slot: str, matched: Sequence[int], graph: Graph) -> list[int]:
    """Return what matched nodes of the same operator read in the same input."""
    found = []
    for key in matched:
        if graph.op(key) == op:
            names = graph.signature(key).input_names
            if names is not None and slot in names:
                found.append(source_at(graph.sources(key), names.index(slot)))
    return [source for source in found if source is not None]


def fitting_hints(attrs: dict[str, str], array: Array) -> dict[str, str]:
    """Return the attributes of a variable, its hints of shape and type those of a new value."""
    if "__shape__" not in attrs and "__dtype__" not in attrs:
        return attrs
    found = dict(attrs)
    if "__shape__" in found:
        found["__shape__"] = format_value(array.shape)
    if "__dtype__" in found:
        found["__dtype__"] = str(code_of_dtype(array.dtype))
    return attrs if found == attrs else found
