"""The operators of a pattern, compiled: each a closure that looks at a node and goes down."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError
from graphpass.graph import Entry
from graphpass.ops import Attributes, find, format_value
from graphpass.ops.meaning import is_commutative
from graphpass.ops.values import Constant, round_to_type
from graphpass.rules.rewrite.pattern import (
    NamedValue,
    Operand,
    OptionalOperand,
    Part,
    Produced,
    Rest,
    Restricted,
    bare,
)
from graphpass.rules.rewrite.search import ABSENT, Search, SearchContext, same_value

__all__ = ["AttributeTest", "CompiledPart", "attribute_fault", "attribute_tests", "compile_parts"]

_OPERANDS_PER_TURN = 128
"""How many operands are looked at in the time of one turn."""

_MOST_NESTED = 40
"""How many closures call one another; what lies deeper in a pattern becomes a goal."""

Take: TypeAlias = Callable[[Search, Sequence[Any], int], bool]
"""Binds the operands of a part, from a given one on, to the inputs of a node."""


def compile_parts(context: SearchContext) -> list[CompiledPart]:
    """Compile the operators of a pattern, each after what it reads. Linear in the pattern."""
    compiled: list[CompiledPart] = []
    for part in context.pattern.parts:
        compiled.append(CompiledPart(context, part, compiled))
    return compiled


class _Arrangement(NamedTuple):
    """The operands of a commutative operator that look for slots."""

    entries: tuple[Entry, ...]

    steps: tuple[tuple[int, tuple[int, ...]], ...]
    """Positions of operands in the order in which slots are chosen, with those they may have."""


class CompiledPart:
    """One operator of a pattern, compiled: `enter` looks at a node and goes down from there."""

    def __init__(self, context: SearchContext, part: Part, below: list[CompiledPart]) -> None:
        self.part = part
        self._context = context
        self._compiled = below
        inner = [each for each in map(bare, part.operands) if isinstance(each, Produced)]
        reads = [below[each.part] for each in inner]
        self.height: int = 1 + max([each.height for each in reads if not each.is_goal], default=0)
        self.is_goal: bool = (
            part.maybe
            or any(map(is_commutative, part.ops))
            or any(each.is_goal for each in reads)
            or self.height > _MOST_NESTED
        )
        """Whether it becomes a goal: it may have to choose, or lies far down."""
        self._takes: dict[tuple[str, int, Any], Take | None] = {}
        """Operator, how many inputs, and what tells their names -> what binds the operands; None:
        no fit."""
        self._faults: dict[tuple[str, int], _AttributeFault | None] = {}
        """Operator and number of its attributes -> what is not as wanted."""
        kinds = set(map(type, part.operands))
        self._by_name = OptionalOperand in kinds and Rest not in kinds
        self._alone = [self._take([(0, operand)]) for operand in part.operands]
        """Per operand, what binds it as if it were the only one."""
        self.enter = self._compile()

    def _compile(self) -> Callable[[Search, Entry, int], bool]:
        part, facts = self.part, self._context.facts
        number, ops, visible, interior = part.index, part.ops, part.visible_outputs, part.interior
        graph, most = facts.graph, len(self._context.pattern.parts) - 1
        nodes, inputs = graph.all_data, graph.inputs
        takes, by_name, asks = self._takes, self._by_name, bool(part.attributes)

        def enter(search: Search, entry: Entry, output: int) -> bool:
            key = entry[0]
            if search.recorder is not None:
                search.recorder.tried(number, key)
            data = nodes[key]
            op = data["op"]
            if op not in ops:
                return search.fail("operator", number, (key,), op, ops)
            if entry[1] != output:
                return search.fail("output", number, (key,), entry[1], output)
            if key in search.owners:
                return search.fail("taken", number, (key,), search.owners[key], None)
            if asks and not self.fits(op, data["attrs"]):
                fault = self._fault(op, data["attrs"])
                return search.fail("attribute", number, (key,), fault, None)
            if visible is not None and visible != graph.signature(key).num_visible_outputs:
                found = graph.signature(key).num_visible_outputs
                return search.fail("outputs", number, (key,), found, visible)
            if interior and not facts.may_be_interior(key, most):
                return self._fail_of_user(search, key)
            search.nodes[number] = key
            search.owners[key] = number
            entries = inputs(key)
            told = None
            if by_name:
                plain = len(data) == 3  # no subgraphs, and no signature that the file gives
                attrs = data["attrs"]
                told = facts.number(attrs) if plain else graph.signature(key).input_names
            asked = (op, len(entries), told)
            try:
                take = takes[asked]
            except KeyError:
                names = graph.signature(key).input_names if by_name else None
                take = takes[asked] = self._fitting(op, len(entries), names)
            if take is None:
                return search.fail("inputs", number, (key,), len(entries), part.operands)
            return take(search, entries, 0)

        return enter

    def producer(self, operand: Produced) -> Callable[[Search, Entry, Any], bool]:
        """Return what binds an output of the part to a value."""
        number, output, enter = operand.part, operand.output, self.enter
        alone = self._alone

        def present(search: Search, entry: Entry, _: Any) -> bool:
            return enter(search, entry, 0)

        def absent(search: Search, entry: Entry, _: Any) -> bool:
            search.nodes[number] = ABSENT
            search.stand_ins[number] = entry
            return alone[0](search, (entry,), 0)

        def produce(search: Search, entry: Entry, _: Any = None) -> bool:
            if number in search.nodes:
                value = search.value(operand)
                if same_value(value, entry):
                    return True
                return search.fail("node", number, (entry.node,), entry, value)
            if maybe:
                return search.offer([[(present, entry, None)], [(absent, entry, None)]])
            return enter(search, entry, output)

        maybe = self.part.maybe
        return produce

    def fits(self, op: str, attrs: dict[str, str]) -> bool:
        """Return whether operator and attributes are what the part asks for."""
        return op in self.part.ops and (not self.part.attributes or self._fault(op, attrs) is None)

    def _fault(self, op: str, attrs: dict[str, str]) -> _AttributeFault | None:
        """Return the first attribute that is not as wanted. Constant for what was seen before."""
        asked = (op, self._context.facts.number(attrs))
        if asked not in self._faults:
            tests = attribute_tests(op, self.part.attributes)
            self._faults[asked] = attribute_fault(op, attrs, tests)
        return self._faults[asked]

    def _fail_of_user(self, search: Search, key: int) -> bool:
        """Tell why a node can't be closed in: it is a head, or has too many users."""
        facts, number = self._context.facts, self.part.index
        heads = facts.heads.get(key)
        if heads:
            return search.fail("head", number, (key,), min(heads), [])
        readers = islice(facts.readers(key), len(self._context.pattern.parts))
        outside = [reader for reader in readers if reader not in search.owners]
        return search.fail("used", number, (key, outside[-1]), None, [])

    # -- operands ----------------------------------------------------------------------------

    def _fitting(self, op: str, count: int, names: tuple[str, ...] | None) -> Take | None:
        """Return what binds the operands to so many inputs; None if they do not fit."""
        operands = self.part.operands
        if is_commutative(op):
            needed = _needed(operands, count)
            return None if needed is None else self._arranging(needed)
        slots = _slots_in_order(operands, op, count, names)
        if slots is None:
            return None
        return self._take([(slot, operands[position]) for position, slot in slots])

    def _take(self, places: Sequence[tuple[int | slice, Operand]]) -> Take:
        """Return what binds operands one after the other, each by what stands in its slot.

        An operator among them comes before those behind it.
        """
        number, facts = self.part.index, self._context.facts
        steps: list[tuple[Any, str | None, Any, Any, bool]] = []
        for slot, operand in places:
            inner = bare(operand)
            if isinstance(inner, Produced):
                compiled = self._compiled[inner.part]
                steps.append((slot, None, None, compiled.producer(inner), compiled.is_goal))
            elif isinstance(inner, Restricted):
                steps.append((slot, inner.name, inner.kind, None, False))
            elif isinstance(inner, NamedValue | Rest) and inner.name is not None:
                steps.append((slot, inner.name, None, None, False))
        count = len(steps)

        def take(search: Search, entries: Sequence[Any], start: int) -> bool:
            values = search.values
            for index in range(start, count):
                slot, name, kind, produce, later = steps[index]
                entry = entries[slot]
                if produce is not None:
                    if later:
                        if index + 1 < count:
                            search.agenda = (take, entries, index + 1, search.agenda)
                        search.agenda = (produce, entry, None, search.agenda)
                        return True
                    if not produce(search, entry, None):
                        return False
                    continue
                if kind is not None and not facts.is_kind(entry, kind):
                    return search.fail("kind", number, (entry.node,), entry, kind)
                if name is None:
                    continue
                known = values.setdefault(name, entry)
                if known is not entry and not _agrees(search, number, name, known, entry):
                    return False
            return True

        return take

    def _arranging(self, needed: Sequence[int]) -> Take:
        """Return what gives each operand of a commutative operator a slot of its own.

        Operands with the fewest possible slots come first. One takes a slot behind that of its
        twin, since the other way round is the same; and of equal values the first will do.
        """
        part, alone = self.part, self._alone
        rest = [n for n, operand in enumerate(part.operands) if isinstance(operand, Rest)]

        def start(search: Search, entries: Sequence[Any], _: int) -> bool:
            possible: dict[int, list[int]] = {}
            for position in needed:
                operand = part.operands[position]
                possible[position] = [
                    slot
                    for slot, entry in enumerate(entries)
                    if self._is_possible(search, operand, entry)
                ]
            for position, slots in possible.items():
                if not slots:
                    wanted, key = part.operands[position], search.nodes[part.index]
                    return search.fail("operand", part.index, (key,), entries, wanted)
            order = sorted(needed, key=lambda position: (len(possible[position]), position))
            steps = tuple([(position, tuple(possible[position])) for position in order])
            return choose(search, _Arrangement(tuple(entries), steps), ())

        def choose(search: Search, arrangement: _Arrangement, chosen: Any) -> bool:
            entries, steps = arrangement
            taken = {slot for _, slot in chosen}
            if len(chosen) == len(steps):
                left = tuple([entry for slot, entry in enumerate(entries) if slot not in taken])
                return not rest or alone[rest[0]](search, (left,), 0)
            search.spend(len(entries) // _OPERANDS_PER_TURN)
            position, slots = steps[len(chosen)]
            after = next((slot for other, slot in chosen if other == part.twins[position]), -1)
            first: dict[tuple[int, int], int] = {}
            for slot in slots:
                if slot > after and slot not in taken:
                    first.setdefault(entries[slot][:2], slot)
            return search.offer(
                [
                    [
                        (alone[position], (entries[slot],), 0),
                        (choose, arrangement, (*chosen, (position, slot))),
                    ]
                    for slot in first.values()
                ]
            )

        return start

    def _is_possible(self, search: Search, operand: Operand, entry: Entry) -> bool:
        """Return whether an operand could be a value, as far as a glance tells."""
        operand, facts = bare(operand), self._context.facts
        if isinstance(operand, Produced):
            known = search.nodes.get(operand.part)
            if known is not None:
                return known == ABSENT or (known, operand.output) == entry[:2]
            part = self._context.pattern.parts[operand.part]
            fits = entry.output == operand.output and facts.graph.op(entry.node) in part.ops
            return fits or part.maybe
        if isinstance(operand, Restricted) and not facts.is_kind(entry, operand.kind):
            return False
        if not isinstance(operand, NamedValue | Restricted) or operand.name is None:
            return True
        value = search.values.get(operand.name)
        return value is None or same_value(value, entry)


def _agrees(search: Search, number: int, name: str, known: Any, found: Any) -> bool:
    """Return whether a name that stands for one value, or several, stands for the same here."""
    if isinstance(found, Entry):
        if same_value(known, found):
            return True
        return search.fail("value", number, (found.node,), found, (name, known))
    if len(known) == len(found) and all(map(same_value, known, found)):
        return True
    return search.fail("value", number, (), found, (name, known))


# -- which input stands for which operand --------------------------------------------------------


def _slots_in_order(
    operands: Sequence[Operand], op: str, count: int, names: Sequence[str] | None
) -> list[tuple[int, int | slice]] | None:
    """Return position and slot of the operands of an operator whose inputs keep their places.

    `Rest` stands for a slice. None if the operands do not fit so many inputs. Optional operands go
    by the names of the inputs where the operator has such: the third of ``RNN`` is its state,
    whatever is absent. Otherwise the last ones are absent first.
    """
    rest = next((i for i, operand in enumerate(operands) if isinstance(operand, Rest)), None)
    if rest is not None:
        after = len(operands) - rest - 1
        if count < rest + after:
            return None
        behind = [(rest + 1 + i, count - after + i) for i in range(after)]
        return [*((i, i) for i in range(rest)), (rest, slice(rest, count - after)), *behind]
    declared = _declared_names(op)
    if any(isinstance(each, OptionalOperand) for each in operands) and declared and names:
        present = {declared[name]: slot for slot, name in enumerate(names[:count])}
        if len(names) != count or max(present, default=-1) >= len(operands):
            return None
        absent = [each for i, each in enumerate(operands) if i not in present]
        if not all(isinstance(each, OptionalOperand) for each in absent):
            return None
        return [(i, present[i]) for i in range(len(operands)) if i in present]
    needed = _needed(operands, count)
    return None if needed is None else [(i, slot) for slot, i in enumerate(needed)]


def _needed(operands: Sequence[Operand], count: int) -> list[int] | None:
    """Return the positions of the operands that `count` inputs leave room for, `Rest` left out.

    The last optional ones are absent first; None if they don't fit.
    """
    needed = [i for i, operand in enumerate(operands) if not isinstance(operand, Rest)]
    has_rest = len(needed) < len(operands)
    for position in reversed(needed[:]):
        if len(needed) > count and isinstance(operands[position], OptionalOperand):
            needed.remove(position)
    fits = len(needed) <= count if has_rest else len(needed) == count
    return needed if fits else None


@cache
def _declared_names(op: str) -> dict[str, int]:
    """Return name -> place among all inputs an operator can have; empty if their number is open."""
    operator = find(op)
    if operator is None or operator.template.open_ended or operator.from_subgraph:
        return {}
    items = operator.template.inputs
    names = [name for item in items for name, _ in item.names]
    plain = all(item.count is None for item in items) and "_" not in names
    return {name: place for place, name in enumerate(names)} if plain else {}


# -- attributes ----------------------------------------------------------------------------------


class _Absent:
    def __repr__(self) -> str:
        return "absent"


class AttributeTest(NamedTuple):
    """One attribute, and the value that it must have."""

    name: str
    wanted: Constant


class _AttributeFault(NamedTuple):
    """An attribute that has another value."""

    name: str
    found: Any
    wanted: Constant


def attribute_tests(op: str, asked: Sequence[tuple[str, Constant]]) -> tuple[AttributeTest, ...]:
    """Return what is asked of attributes, as values of the types that the operator gives them.

    Examples
    --------
    >>> attribute_tests("Activation", [("act_type", "relu")])
    (AttributeTest(name='act_type', wanted='relu'),)
    >>> attribute_tests("Pooling", [("kernel", [2, 2]), ("__mood__", 3)])
    (AttributeTest(name='kernel', wanted=(2, 2)), AttributeTest(name='__mood__', wanted='3'))
    """
    operator = find(op)
    specs = {} if operator is None else operator.attributes
    found: list[AttributeTest] = []
    for name, value in asked:
        text = value if isinstance(value, str) and name not in specs else format_value(value)
        found.append(AttributeTest(name, specs[name].parse(text) if name in specs else text))
    return tuple(found)


def attribute_fault(
    op: str, attrs: Mapping[str, str], tests: Sequence[AttributeTest]
) -> _AttributeFault | None:
    """Return the first attribute of a node that is not as wanted, defaults filled in, or None."""
    operator = find(op)
    view = Attributes(op, {}, attrs) if operator is None else operator.view(attrs)
    for name, wanted in tests:
        try:
            found = view.get(name, _Absent())
        except AttributeValueError:  # a text that MXNet would refuse is no value
            found = attrs[name]
        if not _same_attribute(found, wanted):
            return _AttributeFault(name, found, wanted)
    return None


def _same_attribute(found: Any, wanted: Constant) -> bool:
    """Compare; numbers as MXNet mostly stores them, in single precision."""
    if isinstance(found, tuple) and isinstance(wanted, tuple):
        return len(found) == len(wanted) and all(map(_same_attribute, found, wanted))
    if isinstance(found, float) and isinstance(wanted, int | float):
        return found == wanted or round_to_type("float", found) == round_to_type("float", wanted)
    return bool(found == wanted)
