"""Whether passes that are repeated until nothing changes come to an end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from graphpass.rules.analysis.groups import members_of
from graphpass.rules.analysis.termination import Termination, terminates
from graphpass.rules.analysis.uses import used_passes
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operations.rewrite import GivenRewrite, RewriteOperation
from graphpass.rules.operations.use import Use

__all__ = ["Repetition", "repetitions"]


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is known of a rule that repeats passes."""

    rule: str
    """Its id, or its number."""

    rounds: int
    """How many rounds there are at most."""

    operations: tuple[str, ...]
    """Operations among the rules of the passes: nobody knows when they have nothing more to do."""

    termination: Termination
    """Of all rewrites of the passes together, however often those that run once are begun."""

    def __bool__(self) -> bool:
        return bool(self.termination) and not self.operations

    def __str__(self) -> str:
        if self:
            return str(self.termination)
        reason = self.termination.reason or f"no proof for {', '.join(self.operations)}"
        return f"bounded by {self.rounds} rounds: {reason}"

    def to_json(self) -> dict[str, Any]:
        """Return the same as plain data."""
        return {
            "rule": self.rule,
            "rounds": self.rounds,
            "operations": list(self.operations),
            "termination": self.termination.to_json()["kind"] if self else "bounded",
        }


def repetitions(loaded: Pass) -> Iterator[Repetition]:
    """Yield what is known of each rule of a pass that repeats others."""
    for rule in loaded.rules:
        use = rule.operation
        if not isinstance(use, Use) or not use.repeat:
            continue
        passes = used_passes(replace(loaded, rules=(rule,))).passes
        rewrites = [member.rewrite for each in passes for member in members_of(each)]
        others = {
            inner.operation.keyword
            for each in passes
            for inner in each.rules
            if not isinstance(inner.operation, Use | RewriteOperation | GivenRewrite)
        }
        together = terminates([replace(each, once=False) for each in rewrites])
        name = rule.id or f"rule {rule.index}"
        yield Repetition(name, use.most_rounds, tuple(sorted(others - {"expect"})), together)
