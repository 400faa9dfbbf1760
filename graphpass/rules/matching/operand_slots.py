"""Which input slot each operand of a pattern stands for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TypeAlias

from graphpass.graph import Entry
from graphpass.ops import find
from graphpass.rules.patterns.pattern import Rest
from graphpass.rules.patterns.plan import OptionalOperand, PlanOperand

__all__ = ["Chosen", "Slots", "Steps", "needed_operands", "slots_in_order", "slots_to_try"]

Slots: TypeAlias = "list[tuple[int, range]]"
"""Position of an operand, and the slots that it stands for: one, or any number for `Rest`."""

Steps: TypeAlias = "tuple[tuple[int, tuple[int, ...]], ...]"
"""Positions of operands in the order in which slots are chosen, with the slots they may have."""

Chosen: TypeAlias = "tuple[tuple[int, int], ...]"
"""Position of an operand, and the slot chosen for it."""


def slots_in_order(
    operands: Sequence[PlanOperand], op: str, count: int, names: Sequence[str] | None = None
) -> Slots | None:
    """Return the slots of the operands of an operator whose inputs keep their places.

    Parameters
    ----------
    operands : sequence
        The operands of the pattern.
    op : str
        The node's operator.
    count : int
        How many inputs the node has.
    names : sequence of str, optional
        What its signature calls them; only looked at where operands are optional.

    Returns
    -------
    list or None
        None if the operands do not fit as many inputs. Optional operands go by the names of the
        inputs where the operator has such: the third of ``RNN`` is its state, whatever is absent.
        Otherwise the last ones are absent first.
    """
    rest = next((i for i, operand in enumerate(operands) if isinstance(operand, Rest)), None)
    if rest is not None:
        after = len(operands) - rest - 1
        if count < rest + after:
            return None
        before = [(i, range(i, i + 1)) for i in range(rest)]
        behind = [
            (rest + 1 + i, range(count - after + i, count - after + i + 1)) for i in range(after)
        ]
        return [*before, (rest, range(rest, count - after)), *behind]
    declared = _declared_names(op)
    if any(isinstance(o, OptionalOperand) for o in operands) and declared and names:
        present = {declared[name]: slot for slot, name in enumerate(names[:count])}
        if len(names) != count or max(present, default=-1) >= len(operands):
            return None
        chosen = [i for i in range(len(operands)) if i in present]
        return _if_optional(operands, [(i, range(present[i], present[i] + 1)) for i in chosen])
    needed = needed_operands(operands, count)
    return None if needed is None else [(i, range(n, n + 1)) for n, i in enumerate(needed)]


def needed_operands(operands: Sequence[PlanOperand], count: int) -> list[int] | None:
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


def slots_to_try(
    twins: Sequence[int | None], entries: Sequence[Entry], steps: Steps, chosen: Chosen
) -> list[int]:
    """Return the slots to try for the next operand of a commutative operator.

    An operand takes a slot behind that of its twin, since the other way round is the same; and of
    equal values the first will do.
    """
    position, slots = steps[len(chosen)]
    after = next((slot for other, slot in chosen if other == twins[position]), -1)
    taken = {slot for _, slot in chosen}
    first: dict[tuple[int, int], int] = {}
    for slot in slots:
        if slot > after and slot not in taken:
            first.setdefault(entries[slot][:2], slot)
    return list(first.values())


def _if_optional(operands: Sequence[PlanOperand], slots: Slots) -> Slots | None:
    present = {position for position, _ in slots}
    absent = (operand for i, operand in enumerate(operands) if i not in present)
    return slots if all(isinstance(operand, OptionalOperand) for operand in absent) else None


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
