"""The groups of a pass: rewrites next to each other that run together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operations.rewrite import RewriteOperation
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.rules.rule import Rule

__all__ = ["Member", "groups_of", "members_of"]


@dataclass(frozen=True, slots=True)
class Member:
    """A rewrite of a pass."""

    rule: Rule
    """The rule of the pass."""

    rewrite: Rewrite
    """What it says, with the id that reports give it."""

    text: RewriteOperation | None
    """The texts that it was made of; None if Python made it."""

    @property
    def path(self) -> tuple[str | int, ...]:
        """The way to the rewrite from the top of the pass."""
        return ("rules", self.rule.index - 1, self.rule.operation.keyword)


def members_of(loaded: Pass) -> list[Member]:
    """Return the rewrites of a pass, in order; not those of passes that it uses."""
    return [each for group in groups_of(loaded) for each in group]


def groups_of(loaded: Pass) -> Iterator[list[Member]]:
    """Yield the rewrites of a pass that run together."""
    for family, rules in groupby(loaded.rules, lambda rule: rule.operation.family):
        members = [_member(rule) for rule in rules] if family is not None else []
        found = [member for member in members if member is not None]
        if found:
            yield found


def _member(rule: Rule) -> Member | None:
    operation = rule.operation
    rewrite = getattr(operation, "rewrite", None)
    if not isinstance(rewrite, Rewrite):
        return None
    text = operation if isinstance(operation, RewriteOperation) else None
    return Member(rule, replace(rewrite, id=rule.id or f"rule {rule.index}"), text)
