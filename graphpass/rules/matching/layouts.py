"""Which input stands for which operand, worked out once for all nodes that are alike."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from graphpass.graph import Graph
from graphpass.ops.meaning import is_commutative
from graphpass.rules.matching.operand_slots import needed_operands, slots_in_order
from graphpass.rules.patterns.pattern import Anything, Rest, Restricted, Value
from graphpass.rules.patterns.plan import OptionalOperand, Part, Plan, PlanOperand, Produced

__all__ = ["Layout", "Layouts", "Places"]

Places: TypeAlias = "tuple[Any, str, Produced | Restricted | None, Places] | None"
"""Operands with their places among the inputs, in order, as a linked list: a slot, or a slice for
`Rest`; the name of a value, or nothing; and the operand, but None for one that is only a name."""


class Layout(NamedTuple):
    """How the inputs of a node stand for the operands of a pattern."""

    places: Places
    """Where the operands stand, if the inputs keep their places."""

    needed: tuple[int, ...] | None
    """Of a commutative operator, the positions of the operands that are to find a slot."""


class Layouts:
    """The layouts of the operators of one plan; they depend on nothing but what is asked for.

    Notes
    -----
    Constant for a node like one that was asked for before.
    """

    def __init__(self, plan: Plan) -> None:
        self._goes_by_name = [
            any(isinstance(each, OptionalOperand) for each in part.operands)
            and not any(isinstance(each, Rest) for each in part.operands)
            for part in plan.parts
        ]
        self._known: dict[tuple[int, str, int, tuple[str, ...] | None], Layout | None] = {}
        self.alone = [
            tuple([_place(operand, 0, None) for operand in part.operands]) for part in plan.parts
        ]
        """Per operator and operand, the operand as if it were the only one."""

    def of(self, part: Part, graph: Graph, key: int, op: str, count: int) -> Layout | None:
        """Return the layout of a node with so many inputs; None if the operands do not fit."""
        number = part.index
        names = graph.signature(key).input_names if self._goes_by_name[number] else None
        asked = (number, op, count, names)
        try:
            return self._known[asked]
        except KeyError:
            found = self._known[asked] = _layout(part, op, count, names)
            return found


def _layout(part: Part, op: str, count: int, names: tuple[str, ...] | None) -> Layout | None:
    if is_commutative(op):
        needed = needed_operands(part.operands, count)
        return None if needed is None else Layout(None, tuple(needed))
    slots = slots_in_order(part.operands, op, count, names)
    if slots is None:
        return None
    places: Places = None
    for position, taken in reversed(slots):
        operand = part.operands[position]
        is_rest = isinstance(operand, Rest)
        slot = slice(taken.start, taken.stop) if is_rest else taken.start
        places = _place(operand, slot, places)
    return Layout(places, None)


def _place(operand: PlanOperand, slot: int | slice, behind: Places) -> Places:
    """Return the list with an operand in front; one that takes anything needs no place."""
    if isinstance(operand, OptionalOperand):
        operand = operand.operand
    if isinstance(operand, Value):
        return (slot, operand.name, None, behind)
    if isinstance(operand, Rest):
        return behind if operand.name is None else (slot, operand.name, None, behind)
    if isinstance(operand, Anything | OptionalOperand):
        return behind
    name = None if isinstance(operand, Produced) else operand.name
    return (slot, name or "", operand, behind)
