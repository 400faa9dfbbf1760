"""The passes that a pass uses, and those that they use."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

from graphpass.errors import GraphpassError
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operations.use import MAX_PASSES, Use
from graphpass.rules.rule import Rule

__all__ = ["BadUse", "Uses", "used_passes"]


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


def used_passes(loaded: Pass) -> Uses:
    """Return every pass that a run uses.

    Linear in their texts; no more are loaded than a run may use. They nest no deeper than `Use`
    lets them.
    """
    found = Uses([], [])
    seen = {_identity(loaded)}
    numbers = count(1)

    def visit(user: Pass, chain: tuple[str, ...]) -> None:
        below = (*chain, user.identity)
        for rule in user.rules:
            use = rule.operation
            if not isinstance(use, Use):
                continue
            used = []
            for name in use.names:
                if next(numbers) > MAX_PASSES:
                    return
                try:
                    used.append(use.load(name, user.folder, below))
                except GraphpassError as error:
                    found.bad.append(BadUse(user, rule, error))
                    continue
                if _identity(used[-1]) not in seen:
                    seen.add(_identity(used[-1]))
                    found.passes.append(used[-1])
                    visit(used[-1], below)
            try:
                if len(used) == len(use.names):
                    use.refuse_unknown(used)
            except GraphpassError as error:
                found.bad.append(BadUse(user, rule, error))

    visit(loaded, ())
    return found


def _identity(loaded: Pass) -> tuple[str, str]:
    return loaded.identity, repr(sorted(loaded.parameters.items()))
