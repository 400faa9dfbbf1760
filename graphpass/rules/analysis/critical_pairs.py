"""Critical pairs: places where two rewrites of a group both apply, and get in each other's way.

The patterns are laid over each other, operator on operator, in every way that makes them share one.
Each way gives a small graph. If both rewrites apply there, first the one fires and then the other
one, each time from the same graph, and each time the whole group then runs to its end. Where the
two ends differ, the result depends on the order of the rules.

A rewrite that looks beyond its match (see `.outlook`) may also lose it to a firing that shares no
operator with it. Such a pair is not decided, unless an overlap shows that order matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import GraphpassError, SearchLimitError
from graphpass.formats.text import print_graph
from graphpass.model import Model
from graphpass.ops.meaning import is_commutative
from graphpass.rules.analysis.outlook import beside
from graphpass.rules.analysis.sketch import Drawing, Style, draw, overlay, settled_box
from graphpass.rules.analysis.trial import applies, fire_at
from graphpass.rules.analysis.witness import Witness, is_unrealised, witnesses
from graphpass.rules.patterns.pattern import Rest
from graphpass.rules.patterns.plan import OptionalOperand
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewriting.group import Group, Member
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.verify import isomorphic

__all__ = ["TOO_MANY", "CriticalPair", "Outcome", "critical_pairs"]

MAX_OVERLAPS = 400
"""How many ways to lay patterns over each other are looked at in a group; those of large patterns
count several times."""

_LARGE = 10
"""Operators of two patterns together that count once."""

_MOST_LIMITS = 4
"""How often a search may meet its limit, each time after a second or two, until lint gives up."""

_BUDGET = 60
"""How many firings the group may take to come to an end on a graph of a few operators."""

TOO_MANY = "there are too many ways to lay the patterns of this group over each other"
"""Why pairs are not decided that were not looked at."""

_STYLES = (Style(True, True), Style(True, False), Style(False, True), Style(False, False))


Outcome: TypeAlias = Literal["order matters", "names differ", "not decided", "joins"]

_GRAVITY: Mapping[Outcome, int] = {
    "joins": 0, "not decided": 1, "names differ": 2, "order matters": 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CriticalPair:
    """Two rewrites that may get in each other's way."""

    first: int
    """Position of a rewrite."""

    second: int
    """Position of the other; the same if a rewrite gets in its own way."""

    outcome: Outcome
    """``joins``: whichever fires first, the end is the same, wherever that was looked at; ``names
    differ``: the same but for names."""

    witness: str = ""
    """The graph that shows it, in text form."""

    ends: tuple[str, str] = ("", "")
    """What it becomes if the first rewrite fires first, and if the second does."""

    reason: str = ""
    """The first difference; or why it is not decided."""

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "rules": [self.first, self.second],
            "outcome": self.outcome,
            "witness": self.witness,
            "ends": list(self.ends) if self.ends[0] else [],
            "reason": self.reason,
        }


def critical_pairs(rewrites: Sequence[Rewrite], *, most: int = MAX_OVERLAPS) -> list[CriticalPair]:
    """Return the pairs of rewrites of a group that can get in each other's way.

    Parameters
    ----------
    rewrites : sequence of Rewrite
        The rewrites of one group, in order.
    most : int
        How many overlaps to look at; pairs that are left then are ``not decided``.

    Examples
    --------
    >>> from graphpass.rules.rewriting.rewrite import parse_rewrite
    >>> drop = parse_rewrite("y = relu(Dropout(x))", "y = relu(x)", id="drop")
    >>> swap = parse_rewrite("y = tanh(relu(x))", "y = sigmoid(x)", id="swap")
    >>> [pair] = critical_pairs([drop, swap])
    >>> print(pair.outcome, pair.witness, pair.reason, sep="; ")
    order matters; x = variable()
    dropout = Dropout(x)
    y = relu(dropout)
    y1 = tanh(y)
    return y1; where A has sigmoid 'y1' (#3), B has Dropout 'dropout' (#1)

    Notes
    -----
    Each overlap costs two runs of the group on a graph as large as both patterns. Attributes and
    shapes are guessed: where no guess meets the conditions of both, the pair is ``not decided``.
    """
    return list(_Search(rewrites, most).pairs())


class _Place(NamedTuple):
    """Where two patterns are laid over each other."""

    style: Style
    parts: tuple[int, int]
    swapped: bool


class _Search:
    def __init__(self, rewrites: Sequence[Rewrite], most: int) -> None:
        self._rewrites = rewrites
        self._left = most
        self._limits = _MOST_LIMITS
        self._hard: dict[int, str] = {}
        """Rewrites whose pattern can't be searched for, and why."""

    def pairs(self) -> Iterator[CriticalPair]:
        for first in range(len(self._rewrites)):
            for second in range(first, len(self._rewrites)):
                found = self._pair(first, second)
                if found is not None:
                    yield found

    def _pair(self, first: int, second: int) -> CriticalPair | None:
        """Return the gravest outcome of all overlaps of two rewrites."""
        pair = self._rewrites[first], self._rewrites[second]
        if any(each.refuses for each in pair):
            return None
        worst: CriticalPair | None = None
        size = sum(len(each.plan.parts) for each in pair)
        for place in self._places(first, second):
            found = self._unseen(first, second)
            if found is None:
                self._left -= 1 + size // _LARGE
                found = self._look(first, second, place)
            if found is None:
                continue
            if found.outcome == "order matters":
                return found
            if worst is None or _GRAVITY[found.outcome] > _GRAVITY[worst.outcome]:
                worst = found
            if found.reason in (TOO_MANY, *self._hard.values()):
                break
        if worst is None or worst.outcome == "joins":
            reason = _unseen_ways(*pair) or beside(*pair)
            if reason:
                return CriticalPair(first, second, "not decided", reason=reason)
        return worst

    def _unseen(self, first: int, second: int) -> CriticalPair | None:
        """Return that a pair is not decided, if no more of it can be looked at."""
        reason = self._hard.get(first) or self._hard.get(second)
        if reason is None and (self._left <= 0 or not self._limits):
            reason = TOO_MANY
        return None if reason is None else CriticalPair(first, second, "not decided", reason=reason)

    def _places(self, first: int, second: int) -> Iterator[_Place]:
        one, other = self._rewrites[first].plan, self._rewrites[second].plan
        absent = [any(part.maybe for part in plan.parts) for plan in (one, other)]
        optional = any(
            isinstance(operand, OptionalOperand)
            for plan in (one, other)
            for part in plan.parts
            for operand in part.operands
        )
        styles = [
            style
            for style in _STYLES
            if (style.operators or any(absent)) and (style.operands or optional)
        ]
        for part in one.parts:
            for other_part in other.parts:
                if first == second and other_part.index <= part.index:
                    continue
                shared = set(part.ops) & set(other_part.ops)
                if not shared:
                    continue
                turns = (False, True) if any(map(is_commutative, shared)) else (False,)
                for style in styles:
                    for swapped in turns:
                        yield _Place(style, (part.index, other_part.index), swapped)

    def _look(self, first: int, second: int, place: _Place) -> CriticalPair | None:
        """Return what one overlap comes to; None if it is none."""
        pair = (self._rewrites[first], self._rewrites[second])
        drawings: list[Drawing] = []
        for number, rewrite in enumerate(pair):
            try:
                drawing = draw(rewrite.plan, number, place.style)
            except SearchLimitError as error:
                return self._too_hard(first, second, (first, second)[number], error)
            drawings += [] if drawing is None else [drawing]
        boxes = [d.boxes.get(part) for d, part in zip(drawings, place.parts, strict=False)]
        if len(drawings) < 2 or boxes[0] is None or boxes[1] is None:
            return None
        if not overlay(boxes[0], boxes[1], swapped=place.swapped):
            return None
        refused, seen = "", False
        for witness in witnesses(drawings, pair):
            seen = True
            if first == second and witness.roots[0] == witness.roots[1]:
                return None
            both = self._both(first, second, witness, witness.keys[settled_box(boxes[0])])
            if isinstance(both, CriticalPair):
                return both
            if both is None:
                continue
            if not isinstance(both, str):
                return self._compare(first, second, witness, both)
            refused = refused or both
        if not seen and is_unrealised(drawings):
            refused = "no small model was found to try both on"
        if refused:
            text = _text(drawings, pair)
            return CriticalPair(first, second, "not decided", witness=text, reason=refused)
        return None

    def _too_hard(
        self, first: int, second: int, hard: int, error: SearchLimitError
    ) -> CriticalPair:
        """Remember that a rewrite can't be searched for, and return that a pair is not decided."""
        self._hard[hard] = f"{self._rewrites[hard].id}: {error}"
        return CriticalPair(first, second, "not decided", reason=self._hard[hard])

    def _both(
        self, first: int, second: int, witness: Witness, shared: int
    ) -> tuple[Match, Match] | CriticalPair | str | None:
        """Return a match of each rewrite; why one refuses; or None where one does not match."""
        found: list[Match] = []
        for number, root in zip((first, second), witness.roots, strict=True):
            try:
                answer = applies(self._rewrites[number], witness.model, root, shared)
            except SearchLimitError as error:
                self._limits -= 1
                return self._too_hard(first, second, number, error)
            if answer is None or isinstance(answer, str):
                return answer
            found.append(answer)
        return found[0], found[1]

    def _compare(
        self, first: int, second: int, witness: Witness, both: tuple[Match, Match]
    ) -> CriticalPair:
        text = print_graph(witness.model.graph)
        ends: list[Model] = []
        for number, match in zip((first, second), both, strict=True):
            try:
                ends.append(self._run(number, match, witness.model))
            except GraphpassError as error:
                self._limits -= isinstance(error, SearchLimitError)
                reason = f"{self._rewrites[number].id} first: {error}"
                return CriticalPair(first, second, "not decided", witness=text, reason=reason)
        same = isomorphic(ends[0], ends[1], names=True)
        if same:
            return CriticalPair(first, second, "joins", witness=text)
        printed = (print_graph(ends[0].graph), print_graph(ends[1].graph))
        alike = isomorphic(ends[0], ends[1])
        outcome: Outcome = "names differ" if alike else "order matters"
        return CriticalPair(first, second, outcome, text, printed, str(same))

    def _run(self, number: int, match: Match, model: Model) -> Model:
        """Return what becomes of a model if one rewrite fires at a match, and then the group runs.

        A rewrite that runs once has had its turn.
        """
        twin = model.copy()
        with twin.edit() as edit:
            fire_at(self._rewrites[number], match, twin, edit)
            rest = [each for n, each in enumerate(self._rewrites) if n != number or not each.once]
            group = Group([Member(each, each.id) for each in rest], _BUDGET)
            group.run(twin.graph, edit, twin.parameters, twin.inputs)
        return twin


def _text(drawings: Sequence[Drawing], pair: Sequence[Rewrite]) -> str:
    """Return the plainest graph of an overlap."""
    for witness in witnesses(drawings, pair):
        return print_graph(witness.model.graph)
    return ""


def _unseen_ways(one: Rewrite, other: Rewrite) -> str:
    """Return that inputs may stand in an order that no overlap was drawn with; empty if not.

    Two inputs that change places are drawn both ways.
    """
    for part in one.plan.parts:
        for twin in other.plan.parts:
            if one is other and twin.index <= part.index:
                continue
            shared = [op for op in part.ops if op in twin.ops and is_commutative(op)]
            operands = (*part.operands, *twin.operands)
            several = max(len(part.operands), len(twin.operands)) > 2
            if shared and (several or any(isinstance(each, Rest) for each in operands)):
                return f"{shared[0]} takes its inputs in any order, and not all orders were tried"
    return ""
