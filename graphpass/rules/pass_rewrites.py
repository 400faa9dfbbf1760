"""The rewrites of a pass, those of the passes that it uses among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, groupby
from typing import NamedTuple

from graphpass.errors import GraphpassError, OperationError, UsageError, suggestion
from graphpass.rules.limits import MAX_PASSES
from graphpass.rules.operations.rewrite import RewriteOperation
from graphpass.rules.operations.use import UsePasses
from graphpass.rules.pass_files.loading import Pass, Rule
from graphpass.rules.reading import Reading
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["BadUse", "PassRewrite", "Uses", "groups_of", "rewrites_of", "used_passes"]


@dataclass(frozen=True, slots=True)
class PassRewrite:
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


def groups_of(loaded: Pass) -> Iterator[list[PassRewrite]]:
    """Yield the rewrites of a pass that run together; not those of passes that it uses."""
    for family, rules in groupby(loaded.rules, lambda rule: rule.operation.family):
        found = [each for rule in rules for each in _rewrite_of(rule)]
        if family is not None and found:
            yield found


def _rewrite_of(rule: Rule) -> Iterator[PassRewrite]:
    operation = rule.operation
    rewrite = getattr(operation, "rewrite", None)
    if isinstance(rewrite, Rewrite):
        text = operation if isinstance(operation, RewriteOperation) else None
        yield PassRewrite(rule, replace(rewrite, id=rule.id or f"rule {rule.index}"), text)


def rewrites_of(
    loaded: Pass, rule: str | None = None, reading: Reading | None = None
) -> list[Rewrite]:
    """Return the rewrites of a pass in order, those of passes that it uses where it uses them.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in.
    rule : str, optional
        The id of the only one to return.
    reading : Reading, optional
        Which files the pass may read, besides those below its folder.

    Raises
    ------
    UsageError
        If there is no rewrite, or none of that id; the message lists those there are.
    GraphpassError
        If a pass that it uses can't be loaded.
    """
    found = []
    for each in _walk(loaded, reading):
        if isinstance(each, PassRewrite):
            found.append(each.rewrite)
        elif isinstance(each, BadUse) and not isinstance(each.error, OperationError):
            raise each.error  # that passes use each other is no reason not to explain them
    if not found:
        raise UsageError(
            f"the pass {loaded.name} has no rewrite to explain; only a `rewrite:` rule has a "
            "pattern that could match or not"
        )
    if rule is None:
        return found
    chosen = [rewrite for rewrite in found if rewrite.id == rule]
    if not chosen:
        known = list(dict.fromkeys(rewrite.id for rewrite in found))
        raise UsageError(
            f"the pass {loaded.name} has no rewrite {rule!r}{suggestion(rule, known)}; "
            f"it has {', '.join(known)}"
        )
    return chosen


class BadUse(NamedTuple):
    """A rule that can't run the pass that it uses."""

    user: Pass
    rule: Rule
    error: GraphpassError


class Uses(NamedTuple):
    """What a run of a pass uses."""

    passes: list[Pass]
    """As first met, each once for the values of its parameters."""

    bad: list[BadUse]


def used_passes(loaded: Pass, reading: Reading | None = None) -> Uses:
    """Return every pass that a run uses, `reading` as of `rewrites_of`.

    Linear in their texts; no more are loaded than a run may use. They nest no deeper than
    `UsePasses` lets them.
    """
    found = list(_walk(loaded, reading))
    return Uses(
        [each for each in found if isinstance(each, Pass)],
        [each for each in found if isinstance(each, BadUse)],
    )


def _walk(loaded: Pass, reading: Reading | None) -> Iterator[PassRewrite | Pass | BadUse]:
    """Yield the rewrites of a pass, and each pass that it uses with what is in that, in order."""
    reading = reading or Reading()
    seen = {_identity(loaded)}
    numbers = count(1)

    def visit(user: Pass, chain: tuple[str, ...]) -> Iterator[PassRewrite | Pass | BadUse]:
        mine = reading.of_pass(user.folder, is_file=bool(user.identity))
        for rule in user.rules:
            yield from _rewrite_of(rule)
            use = rule.operation
            if not isinstance(use, UsePasses):
                continue
            used = []
            for name in use.names:
                if next(numbers) > MAX_PASSES:
                    return
                try:
                    used.append(use.load(name, mine, chain))
                except GraphpassError as error:
                    yield BadUse(user, rule, error)
                    continue
                if _identity(used[-1]) not in seen:
                    seen.add(_identity(used[-1]))
                    yield used[-1]
                    yield from visit(used[-1], (*chain, used[-1].identity))
            try:
                if len(used) == len(use.names):
                    use.refuse_unknown(used)
            except GraphpassError as error:
                yield BadUse(user, rule, error)

    yield from visit(loaded, (loaded.identity,))


def _identity(loaded: Pass) -> tuple[str, str]:
    return loaded.identity, repr(sorted(loaded.parameters.items()))
