"""`Pattern` -> `Plan`: what can be worked out before a graph is seen, worked out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from graphpass.errors import TextError
from graphpass.ops import canonical_name
from graphpass.rules.patterns.check import Complain
from graphpass.rules.patterns.pattern import (
    Anything,
    Call,
    Operand,
    Optional,
    Pattern,
    Reference,
    Rest,
    Restricted,
    Root,
)
from graphpass.rules.patterns.plan import (
    OptionalOperand,
    Part,
    Plan,
    PlanOperand,
    Produced,
    RootPlan,
)
from graphpass.rules.patterns.printing import print_operators
from graphpass.rules.patterns.routes import Known, find_route

__all__ = ["compile_pattern"]


def compile_pattern(
    pattern: Pattern, complain: Complain | None = None, *, told_apart: Collection[str] = ()
) -> Plan:
    """Prepare a pattern for matching.

    Parameters
    ----------
    pattern : Pattern
        A pattern that `check_pattern` has passed.
    complain : callable, optional
        Makes the error of a mark and a reason; without it, errors have no place.
    told_apart : collection of str
        Names that conditions or a replacement read, so that two operands of a commutative operator
        with such names can't change places.

    Raises
    ------
    TextError
        If a root can be absent altogether, or shares nothing with the roots before it that would
        lead to it.

    Notes
    -----
    Linear in the pattern for one root; each further root looks at the pattern once more.
    """
    complain = complain or (lambda _, reason: TextError(reason))
    drafts = _Drafts(pattern, told_apart)
    roots = [drafts.root(root) for root in pattern.roots]
    parts = drafts.parts(roots)
    anchors = [_anchors(parts, root.value) for root in roots]
    for written, found in zip(pattern.roots, anchors, strict=True):
        if not found:
            raise complain(
                written.mark,
                "this may be absent, and then nothing of the pattern is left to find; "
                "let an operator that is always there read it",
            )
    exported = {anchor.part for found in anchors for anchor in found}
    parts = [
        replace(part, interior=not part.shared and part.index not in exported) for part in parts
    ]
    known = Known(parts)
    planned: list[RootPlan] = []
    for number, root in enumerate(roots):
        if number and root.value.part not in known.parts:
            route = find_route(parts, known, root.value)
            if route is None:
                raise complain(
                    pattern.roots[number].mark,
                    f"{parts[root.value.part].label} shares no value with the roots before it; "
                    "roots are found through a value that both sides are sure to read",
                )
            planned.append(replace(root, route=route))
        else:
            planned.append(root)
        known.add(root.value.part)
    distinct = [tuple([value.name for value in each.values]) for each in pattern.distinct]
    return Plan(tuple(parts), tuple(planned), drafts.names, tuple(distinct), tuple(anchors[0]))


def _anchors(parts: Sequence[Part], value: Produced) -> list[Produced]:
    """Return what a value may be: its operator's, or what that stands for when it is absent."""
    found: list[Produced] = []
    operand: PlanOperand = value
    while isinstance(operand, Produced):
        found.append(operand)
        if not parts[operand.part].maybe:
            return found
        operand = parts[operand.part].operands[0]
    return []


@dataclass(slots=True)
class _Draft:
    """What becomes a `Part` when all is known."""

    call: Call
    label: str
    operands: tuple[PlanOperand, ...]
    visible_outputs: int | None = None
    shared: bool = False


class _Drafts:
    """The operators of a pattern, numbered from the bottom up."""

    def __init__(self, pattern: Pattern, told_apart: Collection[str]) -> None:
        self._drafts: list[_Draft] = []
        self.names: dict[str, int | Produced] = {}
        for binding in pattern.bindings:
            label = ", ".join(name or "_" for name in binding.names)
            index = self._add(binding.call, label)
            if binding.unpacks:
                self._drafts[index].visible_outputs = len(binding.names)
            for output, name in enumerate(binding.names):
                if name is not None:
                    self.names[name] = Produced(index, output) if binding.unpacks else index
        for shared in pattern.shared:
            self._drafts[self._value(shared).part].shared = True
        self._told = [value.name for each in pattern.distinct for value in each.values]
        self._told += told_apart

    def _add(self, call: Call, label: str | None = None) -> int:
        operands = tuple([self._operand(operand) for operand in call.inputs])
        self._drafts.append(_Draft(call, label or print_operators(call.operators), operands))
        return len(self._drafts) - 1

    def _operand(self, operand: Operand) -> PlanOperand:
        if isinstance(operand, Call):
            return Produced(self._add(operand), 0)
        if isinstance(operand, Reference):
            return self._value(operand)
        if isinstance(operand, Optional):
            return OptionalOperand(self._operand(operand.operand))
        return operand

    def _value(self, reference: Reference) -> Produced:
        named = self.names[reference.name]
        return named if isinstance(named, Produced) else Produced(named, reference.output or 0)

    def root(self, root: Root) -> RootPlan:
        if isinstance(root, Call):
            return RootPlan(Produced(self._add(root), 0), True, None)
        whole = root.output is None and not isinstance(self.names[root.name], Produced)
        return RootPlan(self._value(root), whole, None)

    def parts(self, roots: Iterable[RootPlan]) -> list[Part]:
        shapes = _Shapes(self._drafts, self._told_apart(roots))
        return [
            Part(
                index=index,
                label=draft.label,
                ops=tuple(dict.fromkeys(map(canonical_name, draft.call.operators))),
                attributes=tuple([(each.name, each.value) for each in draft.call.attributes]),
                operands=draft.operands,
                twins=shapes.twins(draft.operands),
                maybe=draft.call.maybe,
                visible_outputs=draft.visible_outputs,
                interior=True,
                shared=draft.shared,
            )
            for index, draft in enumerate(self._drafts)
        ]

    def _told_apart(self, roots: Iterable[RootPlan]) -> set[str | int]:
        """Return names and operators that are more than a place in one operand."""
        counts: Counter[str | int] = Counter()
        for draft in self._drafts:
            for operand in draft.operands:
                inner = operand.operand if isinstance(operand, OptionalOperand) else operand
                if isinstance(inner, Produced):
                    counts[inner.part] += 1
                elif not isinstance(inner, Anything | OptionalOperand) and inner.name is not None:
                    counts[inner.name] += 1
        several = {key for key, count in counts.items() if count > 1}
        several |= {root.value.part for root in roots}
        several |= {index for index, draft in enumerate(self._drafts) if draft.shared}
        for name in self._told:
            named = self.names.get(name, name)
            several.add(named.part if isinstance(named, Produced) else named)
        return several


class _Shapes:
    """What operands look like when names that stand only once are left out.

    Two operands of one operator with the same shape can change places: whatever one takes, the
    other could have taken. The matcher need not try both ways.
    """

    def __init__(self, drafts: Sequence[_Draft], told_apart: set[str | int]) -> None:
        self._told_apart = told_apart
        self._numbers: dict[Hashable, int] = {}
        self._parts: list[int | None] = []
        for draft in drafts:
            shapes = tuple([self._shape(operand) for operand in draft.operands])
            call = draft.call
            asked = tuple([(each.name, repr(each.value)) for each in call.attributes])
            key = (call.operators, call.maybe, draft.visible_outputs, asked, shapes)
            self._parts.append(None if None in shapes else self._number(key))

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def _shape(self, operand: PlanOperand) -> int | None:
        """Return a number for a shape; None if the operand is like no other."""
        if isinstance(operand, OptionalOperand):
            inner = self._shape(operand.operand)
            return None if inner is None else self._number(("optional", inner))
        if isinstance(operand, Produced):
            shape = self._parts[operand.part]
            lonely = operand.part in self._told_apart or shape is None
            return None if lonely else self._number(("output", shape, operand.output))
        if isinstance(operand, Rest) or (
            not isinstance(operand, Anything) and operand.name in self._told_apart
        ):
            return None
        kind = operand.kind if isinstance(operand, Restricted) else None
        named = not isinstance(operand, Anything) and operand.name is not None
        return self._number(("value", kind, named))

    def twins(self, operands: Sequence[PlanOperand]) -> tuple[int | None, ...]:
        """Return, per operand, the one of the same shape that stands before it."""
        last: dict[int, int] = {}
        found = []
        for position, operand in enumerate(operands):
            shape = self._shape(operand)
            found.append(None if shape is None else last.get(shape))
            if shape is not None:
                last[shape] = position
        return tuple(found)
