"""What a rewrite says besides its pattern: conditions, computed values and the replacement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from graphpass.errors import ExpressionError
from graphpass.rules.expressions import Expression, Scope, UnknownError
from graphpass.rules.rewrite.match import Binding
from graphpass.rules.rewrite.replacement import Replacement
from graphpass.rules.rewriting.draft import Draft
from graphpass.rules.rewriting.drafting import Drafting, computed
from graphpass.rules.rewriting.refusal import Refusal

__all__ = ["REFUSED", "Body", "TextBody"]

REFUSED = "refused"
"""What reports have in the place of a condition where a match is refused outright."""


class Body(Protocol):
    """Conditions and replacement, whatever they are written in."""

    @property
    def reads(self) -> frozenset[str]:
        """Names of the pattern that matter: two operands with such names can't change places."""

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """Return what to put in at a match.

        Raises
        ------
        Refusal
            If a condition does not hold, or something it computes with is not known.
        GraphpassError
            If the rewrite makes no sense there.
        """


@dataclass(frozen=True)
class TextBody:
    """A body that was written as text."""

    where: tuple[Expression, ...]
    let: Mapping[str, Expression]
    replacement: Replacement
    """What takes the place of a match; nothing where matches are refused."""

    refusal: str | None = None
    """Why no match is taken, of which the conditions hold; None where they are taken."""

    @property
    def reads(self) -> frozenset[str]:
        """Names that conditions, computed values and replacement read."""
        found = {name for each in self.expressions() for name in each.names}
        found |= {operand.name for operand in self.replacement.reads()}
        return frozenset(found)

    @cached_property
    def conditions(self) -> tuple[list[Expression], list[Expression]]:
        """Return the conditions in the order of evaluation: before ``let``, and after it."""
        early: list[Expression] = []
        late: list[Expression] = []
        for condition in self.where:
            (early if condition.names.isdisjoint(self.let) else late).append(condition)
        return early, late

    def expressions(self) -> Iterator[Expression]:
        """Yield everything that is computed at a match."""
        yield from self.where
        yield from self.let.values()
        yield from self.replacement.expressions()

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """See `Body.draft`. The scope is empty afterwards."""
        early, late = self.conditions
        try:
            for condition in early:
                _require(condition, scope)
            for name, expression in self.let.items():
                scope.define(name, computed(expression, name, "let", scope))
            for condition in late:
                _require(condition, scope)
            if self.refusal is not None:
                raise Refusal(self.refusal, REFUSED)
            return Drafting(self.let, scope, bindings).draft(self.replacement)
        finally:
            scope.release()
            scope.limits.end_match()


def _require(condition: Expression, scope: Scope) -> None:
    try:
        holds = condition.holds(scope)
    except UnknownError as unknown:
        raise Refusal(unknown.reason, condition.text) from None
    if not holds:
        raise Refusal("" if scope.is_quiet else _why_not(condition, scope), condition.text)


def _why_not(condition: Expression, scope: Scope) -> str:
    """Return the reason; one that takes too much to find is that the condition does not hold."""
    scope.limits.renew()
    try:
        return condition.why_not(scope)
    except ExpressionError:
        return f"{condition.text} does not hold"
