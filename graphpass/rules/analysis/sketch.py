"""Sketches: patterns drawn as a small graph whose attributes and names are not settled yet.

Two patterns are drawn on one sketch and laid over each other by making two of their operators one.
What follows from that is unified: their inputs slot by slot, a value with whatever it meets. If
that goes through, the sketch is the smallest graph in which both patterns may hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from graphpass.errors import SearchLimitError
from graphpass.ops import find
from graphpass.ops.operator import input_bounds
from graphpass.ops.values import Value as Constant
from graphpass.rules.analysis.part_facts import inner_operand
from graphpass.rules.patterns.pattern import Kind, Rest, Restricted, Value
from graphpass.rules.patterns.plan import OptionalOperand, Part, Plan, PlanOperand, Produced
from graphpass.rules.rewrite.parts import attribute_tests

__all__ = [
    "MAX_DRAWN",
    "Box",
    "Drawing",
    "Leaf",
    "Output",
    "Source",
    "Style",
    "boxes_below",
    "draw",
    "inputs_of",
    "overlay",
    "settled",
    "settled_box",
]

MAX_DRAWN = 64
"""How many inputs an operator has at most that is drawn."""


class Style(NamedTuple):
    """Which of the things that may be absent are drawn."""

    operators: bool
    operands: bool


@dataclass(eq=False, slots=True)
class Leaf:
    """A value that the patterns say nothing of, but perhaps its kind."""

    label: str | None = None
    kinds: set[Kind] = field(default_factory=set)
    names: set[tuple[int, str]] = field(default_factory=set)
    """The drawings and the names in them that it stands for."""
    merged: Source | None = None


@dataclass(eq=False, slots=True)
class Box:
    """An operator."""

    ops: tuple[str, ...]
    tests: dict[str, Constant]
    inputs: list[Source]
    rest: int | None
    """Where further inputs may be put in."""
    visible: int | None
    label: str | None
    labels: set[tuple[int, str]] = field(default_factory=set)
    """The drawings and the names in them that it stands for."""
    merged: Box | None = None


class Output(NamedTuple):
    """One output of a box."""

    box: Box
    number: int


Source: TypeAlias = Leaf | Output


@dataclass(frozen=True, slots=True)
class Drawing:
    """A pattern as it is drawn."""

    boxes: dict[int, Box]
    """Number of a part -> its box, where it is drawn."""

    roots: tuple[Source, ...]


def draw(plan: Plan, number: int, style: Style) -> Drawing | None:
    """Draw a pattern.

    Parameters
    ----------
    plan : Plan
        The pattern.
    number : int
        A number that tells the drawing from others on the sketch.
    style : Style
        What to draw of what may be absent.

    Returns
    -------
    Drawing or None
        None if nothing can be drawn in this style.

    Raises
    ------
    SearchLimitError
        If an operator has more than `MAX_DRAWN` inputs.
    """
    return _Artist(plan, number, style).draw()


class _Artist:
    def __init__(self, plan: Plan, number: int, style: Style) -> None:
        self._plan = plan
        self._number = number
        self._style = style
        self._leaves: dict[str, Leaf] = {}
        self._boxes: dict[int, Box] = {}
        self._stand_ins: dict[int, Source] = {}

    def draw(self) -> Drawing | None:
        labels = {
            target.part if isinstance(target, Produced) else target: name
            for name, target in reversed(list(self._plan.names.items()))
        }
        for part in self._plan.parts:
            if part.maybe and not self._style.operators:
                self._stand_ins[part.index] = self._source(part.operands[0])
                continue
            box = self._box(part, labels.get(part.index))
            if box is None:
                return None
            self._boxes[part.index] = box
        roots = tuple(self._source(root.value) for root in self._plan.roots)
        return Drawing(self._boxes, roots)

    def _box(self, part: Part, label: str | None) -> Box | None:
        _refuse_many(len(part.operands), part.label)
        inputs: list[Source] = []
        rest = None
        for operand in part.operands:
            if isinstance(operand, Rest):
                rest = len(inputs)
            elif self._style.operands or not isinstance(operand, OptionalOperand):
                inputs.append(self._source(inner_operand(operand)))
        tests: dict[str, Constant] = {}
        for op in part.ops:
            for name, wanted in attribute_tests(op, part.attributes):
                if tests.setdefault(name, wanted) != wanted:
                    return None
        box = Box(part.ops, tests, inputs, rest, part.visible_outputs, label)
        if label is not None:
            box.labels.add((self._number, label))
        if rest is not None:
            _fill_up(box)
        return box

    def _source(self, operand: PlanOperand) -> Source:
        if isinstance(operand, Produced):
            if operand.part in self._stand_ins:
                return self._stand_ins[operand.part]
            return Output(self._boxes[operand.part], operand.output)
        leaf = Leaf()
        if isinstance(operand, Value | Restricted) and operand.name is not None:
            leaf = self._leaves.setdefault(operand.name, Leaf(operand.name))
            leaf.names.add((self._number, operand.name))
        if isinstance(operand, Restricted):
            leaf.kinds.add(operand.kind)
        return leaf


def _fill_up(box: Box) -> None:
    """Put in as many further inputs as the operator has to have."""
    operator = find(box.ops[0])
    if operator is None or box.rest is None:
        return
    known = {name: value for name, value in box.tests.items() if name in operator.attributes}
    bounds = input_bounds(operator, known)
    least = max(bounds.least, 1 if bounds.most is None else 0)
    _refuse_many(least, box.label or box.ops[0])
    while len(box.inputs) < least:
        box.inputs.insert(box.rest, Leaf())


def _refuse_many(inputs: int, label: str) -> None:
    if inputs > MAX_DRAWN:
        raise SearchLimitError(
            f"{label} has {inputs:,} inputs, and patterns are tried on operators with no more than "
            f"{MAX_DRAWN}"
        )


def settled(source: Source) -> Source:
    """Return what a value has become."""
    while isinstance(source, Leaf) and source.merged is not None:
        source = source.merged
    if isinstance(source, Output):
        return Output(settled_box(source.box), source.number)
    return source


def settled_box(box: Box) -> Box:
    """Return what an operator has become."""
    while box.merged is not None:
        box = box.merged
    return box


def overlay(first: Box, second: Box, *, swapped: bool = False) -> bool:
    """Make two operators one, and all that follows from it; return whether nothing speaks against.

    Parameters
    ----------
    first, second : Box
        The operators.
    swapped : bool
        Whether the inputs of the second are taken in reverse, as a commutative operator allows.

    Notes
    -----
    Linear in the drawings, as each step makes two things one.
    """
    if swapped:
        second.inputs.reverse()
    pending: list[tuple[Source, Source]] = [(Output(first, 0), Output(second, 0))]
    while pending:
        one, other = map(settled, pending.pop())
        if isinstance(one, Leaf):
            one, other = other, one
        if isinstance(other, Leaf):
            if one is not other and not _absorb(one, other):
                return False
        elif isinstance(one, Output) and one != other:
            if one.number != other.number:
                return False
            below = _merge(one.box, other.box)
            if below is None:
                return False
            pending.extend(below)
    return True


def _absorb(one: Source, leaf: Leaf) -> bool:
    if isinstance(one, Leaf):
        one.kinds |= leaf.kinds
        one.names |= leaf.names
        one.label = one.label or leaf.label
        if len(one.kinds - {"const"}) > 1 or one.kinds >= {"const", "input"}:
            return False
    elif leaf.kinds:
        return False
    leaf.merged = one
    return True


def _merge(one: Box, other: Box) -> Sequence[tuple[Source, Source]] | None:
    """Let one operator become another; return which values are one by that."""
    ops = tuple([op for op in one.ops if op in other.ops])
    if not ops or (None not in (one.visible, other.visible) and one.visible != other.visible):
        return None
    for name, wanted in other.tests.items():
        if one.tests.setdefault(name, wanted) != wanted:
            return None
    for shorter, longer in ((one, other), (other, one)):
        while shorter.rest is not None and len(shorter.inputs) < len(longer.inputs):
            shorter.inputs.insert(shorter.rest, Leaf())
    if len(one.inputs) != len(other.inputs):
        return None
    one.ops = ops
    one.visible = one.visible if other.visible is None else other.visible
    one.label = one.label or other.label
    one.labels |= other.labels
    one.rest = one.rest if other.rest is not None else None
    other.merged = one
    return list(zip(one.inputs, other.inputs, strict=True))


def inputs_of(box: Box) -> Iterator[Source]:
    """Yield what an operator reads by now."""
    return map(settled, box.inputs)


def boxes_below(starts: Sequence[Box]) -> list[Box] | None:
    """Return operators with all below them, each after what it reads; None if there is a cycle."""
    done: dict[Box, None] = {}
    active: set[Box] = set()
    stack = [(start, False) for start in reversed(starts)]
    while stack:
        box, is_left = stack.pop()
        if is_left:
            active.discard(box)
            done[box] = None
            continue
        if box in done:
            continue
        if box in active:
            return None
        active.add(box)
        stack.append((box, True))
        below = [source.box for source in inputs_of(box) if isinstance(source, Output)]
        stack += [(each, False) for each in reversed(below)]
    return list(done)
