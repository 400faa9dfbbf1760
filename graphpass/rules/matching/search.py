"""The search for matches with a given first root, on goals and choices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from graphpass.graph import Entry
from graphpass.rules.matching.attribute_tests import AttributeTests
from graphpass.rules.matching.backtracking import MAX_TURNS, Agenda, Backtracking, Tally
from graphpass.rules.matching.bindings import ABSENT, same_value
from graphpass.rules.matching.conditions import objection
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.matching.layouts import Layouts, Places
from graphpass.rules.matching.match import Recorder
from graphpass.rules.matching.operand_slots import Chosen, Steps, slots_to_try
from graphpass.rules.patterns.pattern import Anything, Rest, Restricted
from graphpass.rules.patterns.plan import (
    OptionalOperand,
    Part,
    Plan,
    PlanOperand,
    Produced,
    RootPlan,
)

__all__ = ["Known", "Search"]

_Inputs: TypeAlias = tuple[int, tuple[Any, ...]]
"""Number of an operator, and the inputs of its node; those for `Rest` may be one tuple already."""


_OPERANDS_PER_TURN = 128
"""How many operands are looked at in the time of one turn."""


class Known(NamedTuple):
    """What earlier searches for the same pattern have worked out."""

    layouts: Layouts
    attributes: AttributeTests

    further: Agenda
    """The goals to find all roots but the first."""

    tally: Tally

    @classmethod
    def of(cls, plan: Plan, nodes: int, patience: int = MAX_TURNS) -> Known:
        """Return what is known to begin with in a graph of so many nodes."""
        further: Agenda = None
        for root in reversed(plan.roots[1:]):
            further = (Search._root, root, None, further)
        return cls(Layouts(plan), AttributeTests(), further, Tally(nodes, patience))


class _Arrangement(NamedTuple):
    """The operands of a commutative operator that look for slots."""

    part: Part
    entries: tuple[Entry, ...]
    steps: Steps


class Search(Backtracking):
    """Yields itself with every match bound that has a given first root, in canonical order.

    Operands that nothing tells apart are taken in the order of their slots only. Methods that solve
    a goal return False if it fails.
    """

    __slots__ = ("_graph", "_index", "_known")

    def __init__(
        self, plan: Plan, index: GraphIndex, known: Known, recorder: Recorder | None = None
    ) -> None:
        super().__init__(plan, known.tally, recorder)
        self._index = index
        self._graph = index.graph
        self._known = known

    def solutions(self, first: Entry) -> Search:
        """Return itself, set out to look for matches whose first root is `first`; good for once."""
        self._agenda = (Search._produced, self.plan.roots[0].value, first, self._known.further)
        return self

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> Search:
        """Bind the next match, and return itself; what is bound is good until the next call."""
        going = self._agenda is not None or self._turn_back()
        while going and self._solve():
            found = objection(self.plan, self._index, self)
            if found is None:
                return self
            self._fail(*found)
            going = self._turn_back()
        raise StopIteration

    # -- operands ----------------------------------------------------------------------------

    def _operands(self, inputs: _Inputs, left: Places) -> bool:
        """Bind operands one after the other; an operator among them comes before those behind."""
        number, entries = inputs
        values = self.values
        while left is not None:
            slot, name, operand, left = left
            entry = entries[slot]
            if operand is not None:
                if isinstance(operand, Produced):
                    if left is not None:
                        self._agenda = (Search._operands, inputs, left, self._agenda)
                    self._agenda = (Search._produced, operand, entry, self._agenda)
                    return True
                if not self._index.is_kind(entry, operand.kind):
                    return self._fail("kind", number, (entry.node,), entry, operand.kind)
                if not name:
                    continue
            known = values.setdefault(name, entry)
            if known is not entry and not self._agrees(number, name, known, entry):
                return False
        return True

    def _agrees(self, number: int, name: str, known: Any, found: Any) -> bool:
        """Return whether a name that stands for one value, or several, stands for the same here."""
        if isinstance(found, Entry):
            if same_value(known, found):
                return True
            return self._fail("value", number, (found.node,), found, (name, known))
        if len(known) == len(found) and all(map(same_value, known, found)):
            return True
        return self._fail("value", number, (), found, (name, known))

    def _produced(self, operand: Produced, entry: Entry) -> bool:
        number = operand.part
        known = self.nodes.get(number)
        if known is not None:
            value = self.value(operand)
            if same_value(value, entry):
                return True
            return self._fail("node", number, (entry.node,), entry, value)
        part = self.plan.parts[number]
        if not part.maybe:
            return self._node(part, entry, operand.output)
        return self._offer([[(Search._present, part, entry)], [(Search._absent, part, entry)]])

    def _present(self, part: Part, entry: Entry) -> bool:
        return self._node(part, entry, 0)

    def _absent(self, part: Part, entry: Entry) -> bool:
        self.nodes[part.index] = ABSENT
        self.stand_ins[part.index] = entry
        return self._operands((part.index, (entry,)), self._known.layouts.alone[part.index][0])

    # -- operators ---------------------------------------------------------------------------

    def _node(self, part: Part, entry: Entry, output: int) -> bool:
        number, key = part.index, entry.node
        graph, recorder = self._graph, self._recorder
        if recorder is not None:
            recorder.tried(number, key)
        op = graph.op(key)
        if op not in part.ops:
            return self._fail("operator", number, (key,), op, part.ops)
        if entry.output != output:
            return self._fail("output", number, (key,), entry.output, output)
        if key in self.owners:
            return self._fail("taken", number, (key,), self.owners[key], None)
        if part.attributes:
            refused = self._known.attributes.refusal(part, op, graph.attrs(key))
            if refused is not None:
                return self._fail("attribute", number, (key,), refused, None)
        if part.visible_outputs is not None:
            visible = graph.signature(key).num_visible_outputs
            if visible != part.visible_outputs:
                return self._fail("outputs", number, (key,), visible, part.visible_outputs)
        if part.interior and not self._index.may_be_interior(key, len(self.plan.parts) - 1):
            return self._blame_user(part, key)
        self.nodes[number] = key
        self.owners[key] = number
        if recorder is not None:
            recorder.matched(number, key)
        return self._inputs(part, key, op)

    def _blame_user(self, part: Part, key: int) -> bool:
        """Tell why a node can't be closed in: it is a head, or has too many users."""
        heads = self._index.heads.get(key)
        if heads:
            return self._fail("head", part.index, (key,), min(heads), [])
        readers = islice(self._index.readers(key), len(self.plan.parts))
        outside = [reader for reader in readers if reader not in self.owners]
        return self._fail("used", part.index, (key, outside[-1]), None, [])

    def _inputs(self, part: Part, key: int, op: str) -> bool:
        entries = self._graph.inputs(key)
        layout = self._known.layouts.of(part, self._graph, key, op, len(entries))
        if layout is None:
            return self._fail("inputs", part.index, (key,), len(entries), part.operands)
        if layout.needed is None:
            return self._operands((part.index, entries), layout.places)
        return self._arrange(part, key, entries, layout.needed)

    # -- commutative operators ---------------------------------------------------------------

    def _arrange(
        self, part: Part, key: int, entries: tuple[Entry, ...], needed: Sequence[int]
    ) -> bool:
        """Give each operand a slot, those with the fewest possible ones first."""
        possible = {
            position: [
                slot
                for slot, entry in enumerate(entries)
                if self._is_possible(part.operands[position], entry)
            ]
            for position in needed
        }
        for position, slots in possible.items():
            if not slots:
                return self._fail("operand", part.index, (key,), entries, part.operands[position])
        needed = sorted(needed, key=lambda position: (len(possible[position]), position))
        steps = tuple([(position, tuple(possible[position])) for position in needed])
        return self._choose(_Arrangement(part, entries, steps), ())

    def _choose(self, arrangement: _Arrangement, chosen: Chosen) -> bool:
        """Choose the slot of the next operand: alternatives, one per slot that is left."""
        part, entries, steps = arrangement
        number = part.index
        alone = self._known.layouts.alone[number]
        if len(chosen) == len(steps):
            taken = {slot for _, slot in chosen}
            left = tuple([entry for slot, entry in enumerate(entries) if slot not in taken])
            for position, operand in enumerate(part.operands):
                if isinstance(operand, Rest):
                    return self._operands((number, (left,)), alone[position])
            return True
        self._turns += len(entries) // _OPERANDS_PER_TURN
        position = steps[len(chosen)][0]
        place = alone[position]
        return self._offer(
            [
                [
                    (Search._operands, (number, (entries[slot],)), place),
                    (Search._choose, arrangement, (*chosen, (position, slot))),
                ]
                for slot in slots_to_try(part.twins, entries, steps, chosen)
            ]
        )

    def _is_possible(self, operand: PlanOperand, entry: Entry) -> bool:
        """Return whether an operand could be a value, as far as a glance tells."""
        if isinstance(operand, OptionalOperand):
            return self._is_possible(operand.operand, entry)
        if isinstance(operand, Produced):
            known = self.nodes.get(operand.part)
            if known is not None:
                return known == ABSENT or (known, operand.output) == entry[:2]
            part = self.plan.parts[operand.part]
            fits = entry.output == operand.output and self._graph.op(entry.node) in part.ops
            return fits or part.maybe
        if isinstance(operand, Restricted) and not self._index.is_kind(entry, operand.kind):
            return False
        if isinstance(operand, Anything | Rest) or operand.name is None:
            return True
        known_value = self.values.get(operand.name)
        return known_value is None or same_value(known_value, entry)

    # -- roots -------------------------------------------------------------------------------

    def _root(self, root: RootPlan, _: None) -> bool:
        if root.value.part in self.nodes:
            return True
        assert root.route is not None
        source = root.route.source
        if isinstance(source, Produced):
            found = [self.value(source)]
        else:
            value = self.values[source]
            assert isinstance(value, Entry)
            found = [value]
        for step in root.route.steps:
            found = list(dict.fromkeys(self._reached(found, step)))
        found.sort(key=lambda entry: self._index.position[entry.node])
        if not found:
            number = root.value.part
            return self._fail("reader", number, (), None, self.plan.parts[number].ops)
        return self._offer([[(Search._produced, root.value, entry)] for entry in found])

    def _reached(self, found: Iterable[Entry], step: Produced) -> Iterator[Entry]:
        """Yield what the operator of a step makes of the values below it."""
        part = self.plan.parts[step.part]
        for entry in found:
            if part.maybe:
                yield entry
            for reader in self._index.readers(entry.node):
                if self._graph.op(reader) in part.ops:
                    yield Entry(reader, step.output)
