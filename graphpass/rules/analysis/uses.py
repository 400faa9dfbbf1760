"""The passes that a pass uses, and those that they use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from graphpass.errors import GraphpassError
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operations.use import MAX_PASSES, Use
from graphpass.rules.rule import Rule

__all__ = ["BadUse", "used_passes"]


class BadUse(NamedTuple):
    """A rule that can't run the pass that it uses."""

    user: Pass
    rule: Rule
    error: GraphpassError


def used_passes(loaded: Pass) -> Iterator[Pass | BadUse]:
    """Yield every pass that a run uses, as first met: once for the values of its parameters.

    Linear in their texts; no more are loaded than a run may use.
    """
    seen = {_identity(loaded)}
    pending = _uses(loaded, ())
    left = MAX_PASSES
    while pending and left:
        user, rule, name, chain = pending.pop()
        left -= 1
        assert isinstance(rule.operation, Use)
        try:
            found = rule.operation.load(name, user.folder, chain)
            if name == rule.operation.names[-1]:
                names = rule.operation.names
                rule.operation.refuse_unknown(
                    [rule.operation.load(each, user.folder, chain) for each in names]
                )
        except GraphpassError as error:
            yield BadUse(user, rule, error)
            continue
        if _identity(found) not in seen:
            seen.add(_identity(found))
            yield found
            pending += _uses(found, chain)


def _uses(loaded: Pass, chain: tuple[str, ...]) -> list[tuple[Pass, Rule, str, tuple[str, ...]]]:
    """Return the rules that use passes, with the name of each, the last one first."""
    below = (*chain, loaded.identity)
    return [
        (loaded, rule, name, below)
        for rule in reversed(loaded.rules)
        if isinstance(rule.operation, Use)
        for name in reversed(rule.operation.names)
    ]


def _identity(loaded: Pass) -> tuple[str, str]:
    return loaded.identity, repr(sorted(loaded.parameters.items()))
