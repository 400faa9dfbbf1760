"""What a rewrite does to a sum of weights, written as inequalities over the weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from graphpass.ops import canonical_name
from graphpass.rules.analysis.attribute_facts import Copied, Feature, fact, features_of
from graphpass.rules.analysis.linear import Inequality, Unknown
from graphpass.rules.patterns.plan import Part, Plan
from graphpass.rules.rewriting.replacement import Application, Replacement

__all__ = ["Bound", "Change", "Weight", "Writer"]


class Weight(NamedTuple):
    """What an operator weighs beyond 1."""

    op: str


class Bound(NamedTuple):
    """What the lightest, or the heaviest, of several alternatives weighs."""

    rule: int
    part: int
    lightest: bool


class Change(NamedTuple):
    """What a rewrite does to a sum of weights."""

    gone: dict[int, int]
    """Number of a part -> how often it goes; negative: comes."""

    made: list[tuple[Application, int]]
    """New node and how often it comes."""

    slack: int
    """By how much the sum must fall."""


class Writer:
    """Turns changes into inequalities.

    Parameters
    ----------
    rule : int
        A number that tells the rewrite from others.
    plan : Plan
        Its pattern.
    replacement : Replacement
        What takes the place of a match.
    features : collection of Feature
        What may weigh besides operators.
    sure : frozenset of int
        Parts of the pattern that are there at every match.
    """

    def __init__(
        self,
        rule: int,
        plan: Plan,
        replacement: Replacement,
        features: Collection[Feature],
        sure: frozenset[int],
    ) -> None:
        self._rule = rule
        self._plan = plan
        self._replacement = replacement
        self._sure = sure
        self._of: dict[str, list[Feature]] = {}
        for feature in features:
            self._of.setdefault(feature.op, []).append(feature)
        self._bounds: dict[Bound, None] = {}

    def inequalities(self, changes: Iterable[Change]) -> list[Inequality]:
        """Return what must hold for each change to be as much as it has to be.

        What the plain operators weigh, 1 each, is taken over to the right.
        """
        return [*[self._change(change) for change in changes], *self._bounds_hold()]

    def _change(self, change: Change) -> Inequality:
        terms, copies = Counter[Unknown](), Counter[tuple[int, Feature]]()
        light = 0
        for application, times in change.made:
            op = canonical_name(application.operator)
            terms[Weight(op)] -= times
            light += times
            for feature in self._of.get(op, ()):
                known = fact(feature, application, self._plan, self._replacement, self._sure)
                if isinstance(known, Copied):
                    copies[known.part, feature] += times
                elif known != "no":
                    terms[feature] -= times
        for part in self._plan.parts:
            times = change.gone[part.index]
            if part.index not in self._sure:
                times = min(times, 0)
            if len(part.ops) == 1:
                light -= self._part(part, times, copies, terms)
            elif times:
                bound = Bound(self._rule, part.index, times > 0)
                self._bounds[bound] = None
                terms[bound] += times
                light -= times
        return Inequality({key: value for key, value in terms.items() if value},
                          change.slack + light)  # fmt: skip

    def _part(
        self,
        part: Part,
        times: int,
        copies: Counter[tuple[int, Feature]],
        terms: Counter[Unknown],
    ) -> int:
        [op] = part.ops
        asked = {each.attribute: each for each in features_of(part, op)}
        terms[Weight(op)] += times
        for feature in self._of.get(op, ()):
            if feature.attribute in asked:
                terms[feature] += times * (asked[feature.attribute] == feature)
            else:
                terms[feature] += min(0, times - copies[part.index, feature])
        return times

    def _bounds_hold(self) -> Iterator[Inequality]:
        """Yield what makes each bound the weight of the lightest or heaviest alternative."""
        for bound in self._bounds:
            part, sign = self._plan.parts[bound.part], 1 if bound.lightest else -1
            for op in part.ops:
                asked = {each.attribute: each for each in features_of(part, op)}
                terms: dict[Unknown, int] = {bound: -sign, Weight(op): sign}
                for feature in self._of.get(op, ()):
                    if feature in asked.values() or (
                        not bound.lightest and feature.attribute not in asked
                    ):
                        terms[feature] = sign
                yield Inequality(terms, 0)
