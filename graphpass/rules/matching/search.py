"""The search for one match: goals, choices, and a trail to undo what a wrong choice has bound.

A goal asks for one thing: this operand is that value, this operator is that node. Solving a goal
binds something, fails, or gives alternatives, each a list of further goals. The search goes on with
the first alternative; when it fails, what was bound since is undone and the next one is tried. It
keeps its own stack, so a pattern of any depth needs none of Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from graphpass.graph import Entry
from graphpass.ops.commutativity import is_commutative
from graphpass.rules.matching.attribute_tests import AttributeTest, attribute_tests, refusal
from graphpass.rules.matching.bindings import ABSENT, SearchBindings, same_value
from graphpass.rules.matching.conditions import Assignment, objection
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.matching.match import Fault, Recorder
from graphpass.rules.matching.operand_slots import (
    Chosen,
    Steps,
    needed_operands,
    slots_in_order,
    slots_to_try,
)
from graphpass.rules.patterns.pattern import Anything, Rest, Restricted, Value
from graphpass.rules.patterns.plan import (
    OptionalOperand,
    Part,
    Plan,
    PlanOperand,
    Produced,
    RootPlan,
)

__all__ = ["Search"]

_Goal: TypeAlias = "tuple[Callable[..., _Answer], *tuple[Any, ...]]"
_Answer: TypeAlias = "Iterable[tuple[_Goal, ...]] | None"
"""Alternatives, each a list of goals; None: it failed."""

_Agenda: TypeAlias = "tuple[_Goal, _Agenda] | None"
"""Goals that are left, as a linked list: alternatives share what they have in common."""

_DONE: tuple[tuple[()], ...] = ((),)


class Search(SearchBindings):
    """Looks for matches with a given first root, one after the other."""

    def __init__(self, plan: Plan, index: GraphIndex, recorder: Recorder | None = None) -> None:
        super().__init__(plan)
        self._index = index
        self._graph = index.graph
        self._recorder = recorder
        self._tests: dict[tuple[int, str], tuple[AttributeTest, ...]] = {}
        self._at = 0

    def solutions(self, first: Entry) -> Iterator[Assignment]:
        """Yield every assignment in which the first root is `first`, in canonical order.

        Operands that nothing tells apart are taken in the order of their slots only. What is
        yielded is good until the next one is asked for.
        """
        self._undo(0)
        goals: list[_Goal] = [(self._produced, self._plan.roots[0].value, first)]
        goals += [(self._root, root) for root in self._plan.roots[1:]]
        goals.append((self._whole,))
        choices: list[tuple[Iterator[tuple[_Goal, ...]], _Agenda, int]] = [
            (iter((tuple(goals),)), None, 0)
        ]
        while choices:
            alternatives, agenda, mark = choices[-1]
            self._undo(mark)
            chosen = next(alternatives, None)
            if chosen is None:
                choices.pop()
                continue
            for goal in reversed(chosen):
                agenda = (goal, agenda)
            while agenda is not None:
                (solve, *arguments), agenda = agenda
                answer = solve(*arguments)
                if answer is _DONE:
                    continue
                if answer is not None:
                    choices.append((iter(answer), agenda, len(self._trail)))
                break
            else:
                yield self._assignment()

    # -- operands ----------------------------------------------------------------------------

    def _operand(self, operand: PlanOperand, entry: Entry) -> _Answer:
        if isinstance(operand, Produced):
            return self._produced(operand, entry)
        if isinstance(operand, Value):
            return self._named(operand.name, entry)
        if isinstance(operand, OptionalOperand):
            return self._operand(operand.operand, entry)
        if isinstance(operand, Restricted):
            if not self._index.is_kind(entry, operand.kind):
                return self._fail("kind", self._at, (entry.node,), entry, operand.kind)
            return _DONE if operand.name is None else self._named(operand.name, entry)
        return _DONE

    def _named(self, name: str, entry: Entry) -> _Answer:
        known = self._values.get(name)
        if known is None:
            self._set(self._values, name, entry)
        elif not same_value(known, entry):
            return self._fail("value", self._at, (entry.node,), entry, (name, known))
        return _DONE

    def _rest(self, name: str, entries: tuple[Entry, ...]) -> _Answer:
        known = self._values.get(name)
        if known is None:
            self._set(self._values, name, entries)
        elif len(known) != len(entries) or not all(map(same_value, known, entries)):
            return self._fail("value", self._at, (), entries, (name, known))
        return _DONE

    def _produced(self, operand: Produced, entry: Entry) -> _Answer:
        number = operand.part
        known = self._nodes.get(number)
        if known is not None:
            value = self._stand_ins[number] if known == ABSENT else Entry(known, operand.output)
            if same_value(value, entry):
                return _DONE
            return self._fail("node", number, (entry.node,), entry, value)
        part = self._plan.parts[number]
        if not part.maybe:
            return self._node(part, entry, operand.output)
        return ((self._node, part, entry, 0),), ((self._absent, part, entry),)

    def _absent(self, part: Part, entry: Entry) -> _Answer:
        self._set(self._nodes, part.index, ABSENT)
        self._set(self._stand_ins, part.index, entry)
        return (((self._input, part.index, part.operands[0], entry),),)

    # -- operators ---------------------------------------------------------------------------

    def _node(self, part: Part, entry: Entry, output: int) -> _Answer:
        number, key = part.index, entry.node
        graph = self._graph
        self._at = number
        if self._recorder is not None:
            self._recorder.tried(number, key)
        op = graph.op(key)
        if op not in part.ops:
            return self._fail("operator", number, (key,), op, part.ops)
        if entry.output != output:
            return self._fail("output", number, (key,), entry.output, output)
        if key in self._owners:
            return self._fail("taken", number, (key,), self._owners[key], None)
        if part.attributes:
            refused = refusal(op, graph.attrs(key), self._attribute_tests(part, op))
            if refused is not None:
                return self._fail("attribute", number, (key,), refused, None)
        if part.visible_outputs is not None:
            visible = graph.signature(key).num_visible_outputs
            if visible != part.visible_outputs:
                return self._fail("outputs", number, (key,), visible, part.visible_outputs)
        if part.interior and not self._may_be_interior(part, key):
            return None
        self._set(self._nodes, number, key)
        self._set(self._owners, key, number)
        if self._recorder is not None:
            self._recorder.matched(number, key)
        return self._inputs(part, key, op)

    def _attribute_tests(self, part: Part, op: str) -> tuple[AttributeTest, ...]:
        tests = self._tests.get((part.index, op))
        if tests is None:
            tests = self._tests[part.index, op] = attribute_tests(op, part.attributes)
        return tests

    def _may_be_interior(self, part: Part, key: int) -> bool:
        """Return whether a node could be closed in, without a look at each of many users."""
        heads = self._index.heads.get(key)
        if heads:
            self._fail("head", part.index, (key,), min(heads), [])
            return False
        most = len(self._plan.parts) - 1
        readers = list(islice(self._index.readers(key), most + 1))
        if len(readers) <= most:
            return True
        outside = [reader for reader in readers if reader not in self._owners]
        self._fail("used", part.index, (key, outside[-1]), None, [])
        return False

    def _inputs(self, part: Part, key: int, op: str) -> _Answer:
        entries = self._graph.inputs(key)
        count = len(entries)
        if is_commutative(op):
            needed = needed_operands(part.operands, count)
            if needed is not None:
                return self._arrange(part, key, entries, needed)
        else:
            slots = slots_in_order(part.operands, op, self._graph.signature(key), count)
            if slots is not None:
                goals: list[_Goal] = []
                for position, taken in slots:
                    operand = part.operands[position]
                    if not isinstance(operand, Rest):
                        goals.append((self._input, part.index, operand, entries[taken.start]))
                    elif operand.name is not None:
                        found = entries[taken.start : taken.stop]
                        goals.append((self._rest, operand.name, found))
                return (tuple(goals),)
        return self._fail("inputs", part.index, (key,), count, part.operands)

    def _input(self, number: int, operand: PlanOperand, entry: Entry) -> _Answer:
        self._at = number
        return self._operand(operand, entry)

    # -- commutative operators ---------------------------------------------------------------

    def _arrange(
        self, part: Part, key: int, entries: tuple[Entry, ...], needed: list[int]
    ) -> _Answer:
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
        return (((self._choose, part, entries, steps, ()),),)

    def _choose(
        self,
        part: Part,
        entries: tuple[Entry, ...],
        steps: Steps,
        chosen: Chosen,
    ) -> _Answer:
        """Choose the slot of the next operand: alternatives, one per slot that is left."""
        if len(chosen) == len(steps):
            taken = {slot for _, slot in chosen}
            rest = next((o.name for o in part.operands if isinstance(o, Rest)), None)
            if rest is None:
                return _DONE
            left = tuple([entry for slot, entry in enumerate(entries) if slot not in taken])
            return self._rest(rest, left)
        position = steps[len(chosen)][0]
        operand = part.operands[position]
        return [
            (
                (self._input, part.index, operand, entries[slot]),
                (self._choose, part, entries, steps, (*chosen, (position, slot))),
            )
            for slot in slots_to_try(part.twins, entries, steps, chosen)
        ]

    def _is_possible(self, operand: PlanOperand, entry: Entry) -> bool:
        """Return whether an operand could be a value, as far as a glance tells."""
        if isinstance(operand, OptionalOperand):
            return self._is_possible(operand.operand, entry)
        if isinstance(operand, Produced):
            known = self._nodes.get(operand.part)
            if known is not None:
                return known == ABSENT or (known, operand.output) == entry[:2]
            part = self._plan.parts[operand.part]
            fits = entry.output == operand.output and self._graph.op(entry.node) in part.ops
            return fits or part.maybe
        if isinstance(operand, Restricted) and not self._index.is_kind(entry, operand.kind):
            return False
        if isinstance(operand, Anything | Rest) or operand.name is None:
            return True
        known_value = self._values.get(operand.name)
        return known_value is None or same_value(known_value, entry)

    # -- roots -------------------------------------------------------------------------------

    def _root(self, root: RootPlan) -> _Answer:
        if root.value.part in self._nodes:
            return _DONE
        assert root.route is not None
        source = root.route.source
        if isinstance(source, Produced):
            found = [self._value(source)]
        else:
            value = self._values[source]
            assert isinstance(value, Entry)
            found = [value]
        for step in root.route.steps:
            found = list(dict.fromkeys(self._reached(found, step)))
        found.sort(key=lambda entry: self._index.position[entry.node])
        if not found:
            number = root.value.part
            return self._fail("reader", number, (), None, self._plan.parts[number].ops)
        return [((self._produced, root.value, entry),) for entry in found]

    def _reached(self, found: Iterable[Entry], step: Produced) -> Iterator[Entry]:
        """Yield what the operator of a step makes of the values below it."""
        part = self._plan.parts[step.part]
        for entry in found:
            if part.maybe:
                yield entry
            for reader in self._index.readers(entry.node):
                if self._graph.op(reader) in part.ops:
                    yield Entry(reader, step.output)

    def _whole(self) -> _Answer:
        """Check what can be said only of the match as a whole."""
        found = objection(self._plan, self._index, self._assignment())
        return _DONE if found is None else self._fail(*found)

    def _fail(
        self, code: str, part: int, nodes: tuple[int, ...], found: object, wanted: object
    ) -> _Answer:
        if self._recorder is not None:
            self._recorder.failed(
                Fault(code, part, nodes, found, wanted, tuple(self._nodes.items()))
            )
        return None
