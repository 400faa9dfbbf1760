"""A glance at a node, before a search is set up: whether the pattern could hold there at all."""

from __future__ import annotations

from graphpass.ops.meaning import is_commutative
from graphpass.rules.matching.attribute_tests import AttributeTests
from graphpass.rules.matching.graph_index import GraphIndex
from graphpass.rules.patterns.plan import Part, Plan, Produced

__all__ = ["Glance"]


class Glance:
    """What must hold of a node, of the node that its first input reads, and so on down.

    Most candidates fail there, and to see that takes a fraction of what a search takes. A glance
    goes down as long as the pattern says for certain which operator stands there: as long as the
    first operand is an operator that is always there, of one whose inputs keep their places.
    """

    def __init__(self, plan: Plan, attributes: AttributeTests) -> None:
        self._most = len(plan.parts) - 1
        self._attributes = attributes
        self._levels: list[Part] = []
        part = plan.parts[plan.anchors[0].part]
        while not part.maybe:
            self._levels.append(part)
            first = part.operands[0] if part.operands else None
            if not isinstance(first, Produced) or any(map(is_commutative, part.ops)):
                break
            part = plan.parts[first.part]

    def allows(self, index: GraphIndex, key: int) -> bool:
        """Return whether a search at a node could find anything.

        Notes
        -----
        What a node reads stands in the order of its first slot, control dependencies last.
        """
        graph = index.graph
        sources = graph.sources
        each: int | None = key
        for part in self._levels:
            if each is None:
                return False
            op = graph.op(each)
            if op not in part.ops:
                return False
            if part.attributes and self._attributes.refusal(part, op, graph.attrs(each)):
                return False
            if part.interior and not index.may_be_interior(each, self._most):
                return False
            each = next(iter(sources(each)), None)
        return True
