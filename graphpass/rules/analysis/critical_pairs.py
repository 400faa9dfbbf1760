"""Critical pairs: places where two rewrites of a group both apply, and get in each other's way.

The patterns are laid over each other, operator on operator, in every way that makes them share one.
Each way gives a small graph. If both rewrites apply there, first the one fires and then the other
one, each time from the same graph, and each time the whole group then runs to its end. Where the
two ends differ, the result depends on the order of the rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import GraphpassError, SearchLimitError
from graphpass.formats.text import print_graph
from graphpass.model import Model
from graphpass.ops.commutativity import is_commutative
from graphpass.rules.analysis.sketch import Drawing, Style, draw, overlay, settled_box
from graphpass.rules.analysis.trial import applies, fire_at
from graphpass.rules.analysis.witness import Witness, witnesses
from graphpass.rules.matching.match import Match
from graphpass.rules.patterns.plan import OptionalOperand
from graphpass.rules.rewriting.group import Group, Member
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.verify import isomorphic

__all__ = ["TOO_MANY", "CriticalPair", "Outcome", "critical_pairs"]

MAX_OVERLAPS = 400
"""How many ways to lay patterns over each other are looked at in a group."""

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
    """Two rewrites that both apply to one operator."""

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
    """Return the pairs of rewrites of a group whose matches can overlap.

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

    def pairs(self) -> Iterator[CriticalPair]:
        for first in range(len(self._rewrites)):
            for second in range(first, len(self._rewrites)):
                found = self._pair(first, second)
                if found is not None:
                    yield found

    def _pair(self, first: int, second: int) -> CriticalPair | None:
        """Return the gravest outcome of all overlaps of two rewrites."""
        worst: CriticalPair | None = None
        for place in self._places(first, second):
            if not self._left:
                return worst or CriticalPair(first, second, "not decided", reason=TOO_MANY)
            self._left -= 1
            try:
                found = self._look(first, second, place)
            except SearchLimitError as error:
                self._left = 0  # each further overlap would take as long
                found = CriticalPair(first, second, "not decided", reason=str(error))
            if found is None:
                continue
            if found.outcome == "order matters":
                return found
            if worst is None or _GRAVITY[found.outcome] > _GRAVITY[worst.outcome]:
                worst = found
        return worst

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
        drawn = [draw(rewrite.plan, number, place.style) for number, rewrite in enumerate(pair)]
        drawings = [each for each in drawn if each is not None]
        boxes = [d.boxes.get(part) for d, part in zip(drawings, place.parts, strict=False)]
        if len(drawings) < 2 or boxes[0] is None or boxes[1] is None:
            return None
        if not overlay(boxes[0], boxes[1], swapped=place.swapped):
            return None
        refused = ""
        for witness in witnesses(drawings, pair):
            if first == second and witness.roots[0] == witness.roots[1]:
                return None
            both = self._both(pair, witness, witness.keys[settled_box(boxes[0])])
            if both is None:
                continue
            if not isinstance(both, str):
                return self._compare(first, second, witness, both)
            refused = refused or both
        if refused:
            text = _text(drawings, pair)
            return CriticalPair(first, second, "not decided", witness=text, reason=refused)
        return None

    def _both(
        self, pair: Sequence[Rewrite], witness: Witness, shared: int
    ) -> tuple[Match, Match] | str | None:
        """Return a match of each rewrite; why one refuses; or None where one does not match."""
        found: list[Match] = []
        for rewrite, root in zip(pair, witness.roots, strict=True):
            answer = applies(rewrite, witness.model, root, shared)
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
