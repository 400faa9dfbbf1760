"""How many inputs and outputs an operator can have when only some of its attributes are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from graphpass.ops.operator import Operator
from graphpass.ops.template import Item
from graphpass.ops.values import Value

__all__ = ["Bounds", "input_bounds", "output_bounds"]


class Bounds(NamedTuple):
    """Least and greatest count, both possible as far as is known."""

    least: int
    most: int | None
    """None: any number."""

    def __str__(self) -> str:
        if self.most == self.least:
            return str(self.least)
        return f"{self.least} or more" if self.most is None else f"{self.least} to {self.most}"


_ANY = Bounds(0, None)


def input_bounds(operator: Operator, known: Mapping[str, Value]) -> Bounds:
    """Return how many inputs a node can have whose attributes are partly known.

    Examples
    --------
    >>> from graphpass.ops import find
    >>> convolution = find("Convolution")
    >>> input_bounds(convolution, {}), input_bounds(convolution, {"no_bias": True})
    (Bounds(least=2, most=3), Bounds(least=2, most=2))

    Notes
    -----
    Never too narrow; too wide where conditions on unknown attributes exclude each other.
    """
    if operator.from_subgraph or operator.opaque:
        return _ANY
    least, most = _bounds(operator.template.inputs, known)
    return Bounds(least, None if operator.template.open_ended else most)


def output_bounds(operator: Operator, known: Mapping[str, Value]) -> tuple[Bounds, Bounds]:
    """Return how many outputs a node can have: all, and the visible ones."""
    if operator.from_subgraph or operator.opaque:
        return _ANY, _ANY
    outputs = operator.template.outputs
    total = _bounds(outputs, known)
    visible = _bounds([item for item in outputs if item.hidden.decided(known) is not True], known)
    certain = [item for item in outputs if item.hidden.decided(known) is False]
    return total, Bounds(_bounds(certain, known).least, visible.most)


def _bounds(items: Sequence[Item], known: Mapping[str, Value]) -> Bounds:
    least, most = 0, 0
    unbounded = False
    for item in items:
        exists = item.exists.decided(known)
        if exists is False:
            continue
        if item.count is not None and item.count.attribute not in known:
            unbounded = True
            continue
        slots = len(item.names) * (1 if item.count is None else item.count.value(known))
        most += slots
        least += slots if exists is True else 0
    return Bounds(least, None if unbounded else most)
