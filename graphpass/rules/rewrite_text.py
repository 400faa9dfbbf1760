"""What rewrites did, as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from graphpass.graph import VARIABLE
from graphpass.rules.rewriting.body import REFUSED
from graphpass.rules.wording import shortened

if TYPE_CHECKING:
    from graphpass.rules.delta import NodeRef
    from graphpass.rules.explaining.near_misses import NearMiss
    from graphpass.rules.report import Step

__all__ = ["SHOWN", "near_miss_lines", "operator_table", "rewrite_lines"]

SHOWN = 5
"""How many names a line of a report has."""

_NEAR_SHOWN = 3


def rewrite_lines(step: Step, near_misses: Sequence[NearMiss]) -> Iterator[str]:
    """Yield what the firings of a rewrite did together, and some places where it came near."""
    firings = step.firings
    if firings:
        yield f"at {shortened([firing.root.name for firing in firings], SHOWN)}"
        removed = _counted(ref for firing in firings for ref in firing.removed)
        yield f"- {removed or 'nothing'}"
        added = _counted(ref for firing in firings for ref in firing.added)
        if added:
            yield f"+ {added}"
        changed = [change.name for firing in firings for change in firing.parameters]
        if changed:
            yield f"~ values: {shortened(changed, SHOWN)}"
    if step.heads:
        heads = [f"{head.before} -> {head.after}" for head in step.heads]
        yield f"~ outputs: {shortened(heads, SHOWN)}"
    yield from near_miss_lines(near_misses)


def near_miss_lines(missed: Sequence[NearMiss]) -> Iterator[str]:
    """Yield where a rewrite came near and did not apply, and why: the first few kinds of places."""
    for miss in missed[:_NEAR_SHOWN]:
        yield str(miss) if miss.what == REFUSED else f"not {miss}"
    more = len(missed) - _NEAR_SHOWN
    if more > 0:
        yield f"not in {more} more kinds of places; `graphpass explain` lists them"


def operator_table(
    before: Mapping[str, int], after: Mapping[str, int], indent: str
) -> Iterator[str]:
    """Yield a line for each operator whose count is another, under a heading."""
    different = [op for op in sorted({*before, *after}) if before.get(op, 0) != after.get(op, 0)]
    if not different:
        return
    width = max(len(op) for op in (*different, "operator"))
    yield f"{indent}{'operator':{width}}  before   after"
    for op in different:
        yield f"{indent}{op:{width}}  {before.get(op, 0):6}  {after.get(op, 0):6}"


def _counted(refs: Iterable[NodeRef]) -> str:
    counts = Counter(map(_kind, refs))
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _kind(ref: NodeRef) -> str:
    return "variable" if ref.op == VARIABLE else ref.op
