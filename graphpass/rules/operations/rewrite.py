"""``rewrite``: put something else in the place of every match of a pattern."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from graphpass.graph import Edit
from graphpass.rules.operations.operation import Operation, Outcome, Run, Together
from graphpass.rules.outcomes import HeadsBefore, outcomes
from graphpass.rules.rewrite.group import Member, run_group
from graphpass.rules.rewriting.rewrite import Rewrite, parse_rewrite

__all__ = ["GivenRewrite", "RewriteOperation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewriteOperation(Operation):
    """Replace every match of a pattern, until none is left.

    Rewrites that stand next to each other in a pass run together.
    """

    keyword: ClassVar[str] = "rewrite"

    id: str | None = None
    """What reports and errors call the rewrite."""

    description: str = ""
    """What it is for."""

    when: Literal["inference"] | None = None
    """``inference``: refuse to run on a graph that is to be trained."""

    match: str
    """The pattern."""

    where: str | Sequence[str] = ()
    """Conditions, all of which must hold."""

    let: Mapping[str, Any] = field(default_factory=dict)
    """Name -> expression: values that the replacement reads."""

    replace: str | None = None
    """What takes the place of a match."""

    refuse: str | None = None
    """In its stead: why matches are left as they are."""

    once: bool = False
    """Whether it is one sweep over what is there when the group begins."""

    expect: int | None = None
    """How often it must fire."""

    group: str | None = None
    """Rewrites next to each other run together if they are of one group."""

    tests: Sequence[Mapping[str, Any]] = ()
    """Graphs before and after, in text form; ``graphpass passes test`` runs them."""

    rewrite: Rewrite = field(init=False, repr=False, compare=False)
    """The same, parsed."""

    def __post_init__(self) -> None:
        where = [self.where] if isinstance(self.where, str) else self.where
        rewrite = parse_rewrite(
            self.match,
            self.replace,
            refuse=self.refuse,
            where=[str(each) for each in where],
            let={name: str(text) for name, text in self.let.items()},
            id=self.id or "rewrite",
            when=self.when,
            once=self.once,
            expect=self.expect,
        )
        object.__setattr__(self, "rewrite", rewrite)

    @classmethod
    def from_value(cls, value: Any) -> Operation:
        """See `Operation.from_value`. Python may give a `Rewrite`."""
        if isinstance(value, Rewrite):
            value.refuse_unfinished()
            return GivenRewrite(rewrite=value)
        return super(RewriteOperation, cls).from_value(value)  # `slots` made the class anew

    @property
    def own_id(self) -> str | None:
        """The name that the rewrite gives itself."""
        return self.id

    @property
    def family(self) -> Hashable:
        """Rewrites of one group run together."""
        return ("rewrite", self.group)

    def apply(self, run: Run, edit: Edit) -> str:
        """See `Operation.apply`. The rewrite runs as a group of its own."""
        name = self.id or self.keyword
        [outcome] = self.apply_together([Together(self, name, name)], run, edit)
        return outcome.summary

    def apply_together(self, others: Sequence[Together], run: Run, edit: Edit) -> Sequence[Outcome]:
        """See `Operation.apply_together`. Takes time linear in nodes plus firings, in practice."""
        return _apply_together(others, run, edit)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRewrite(Operation):
    """A `Rewrite` that Python has made. It runs together with those beside it."""

    keyword: ClassVar[str] = "rewrite"

    rewrite: Rewrite

    @property
    def own_id(self) -> str:
        """The rewrite's id."""
        return self.rewrite.id

    @property
    def family(self) -> Hashable:
        """That of rewrites without a group."""
        return ("rewrite", None)

    def apply(self, run: Run, edit: Edit) -> str:
        """See `Operation.apply`. The rewrite runs as a group of its own."""
        [outcome] = self.apply_together([Together(self, self.own_id, self.own_id)], run, edit)
        return outcome.summary

    def apply_together(self, others: Sequence[Together], run: Run, edit: Edit) -> Sequence[Outcome]:
        """See `Operation.apply_together`. Takes time linear in nodes plus firings, in practice."""
        return _apply_together(others, run, edit)


def _apply_together(others: Sequence[Together], run: Run, edit: Edit) -> Sequence[Outcome]:
    members = []
    for operation, name, label in others:
        assert isinstance(operation, RewriteOperation | GivenRewrite)
        members.append(Member(replace(operation.rewrite, id=name), label))
    before = HeadsBefore(run.graph)
    return outcomes(members, run_group(members, run, edit), run, before)
