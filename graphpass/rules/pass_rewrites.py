"""The rewrites of a pass, those of the passes that it uses among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphpass.errors import UsageError, suggestion
from graphpass.rules.file import load_pass
from graphpass.rules.loaded_pass import Pass
from graphpass.rules.operations.use import Use
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["rewrites_of"]


def rewrites_of(loaded: Pass, rule: str | None = None) -> list[Rewrite]:
    """Return the rewrites of a pass, each with the id that reports give it.

    Parameters
    ----------
    loaded : Pass
        The pass, its parameters filled in.
    rule : str, optional
        The id of the only one to return.

    Raises
    ------
    UsageError
        If there is no rewrite, or none of that id; the message lists those there are.
    """
    found = list(_rewrites(loaded, (loaded.identity,)))
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


def _rewrites(loaded: Pass, chain: tuple[str, ...]) -> Iterator[Rewrite]:
    """Yield rewrites in the order of the pass; a pass that uses itself is not entered again."""
    for rule in loaded.rules:
        operation = rule.operation
        if isinstance(operation, Use):
            used = load_pass(operation.pass_, folder=loaded.folder).bind(operation.set)
            if used.identity not in chain:
                yield from _rewrites(used, (*chain, used.identity))
            continue
        rewrite = getattr(operation, "rewrite", None)
        if isinstance(rewrite, Rewrite):
            yield replace(rewrite, id=rule.id or f"rule {rule.index}")
