"""How far a rewrite looks: whether a firing elsewhere can take a match away, or change its end.

Two matches that share no operator do not get in each other's way, as long as each looks at nothing
but its own operators. A rewrite that looks further may find something else there once the other one
has fired.
"""

from __future__ import annotations

from graphpass.rules.rewriting.body import TextBody
from graphpass.rules.rewriting.horizon import far_look
from graphpass.rules.rewriting.replacement import Named
from graphpass.rules.rewriting.rewrite import Rewrite

__all__ = ["beside", "outlook"]


def beside(one: Rewrite, other: Rewrite) -> str:
    """Return why order may matter where matches share no operator; empty if it can't."""
    for rewrite, neighbour in ((one, other), (other, one)):
        reason = outlook(rewrite, neighbour)
        if reason:
            return f"{rewrite.id}: {reason}"
    return ""


def outlook(rewrite: Rewrite, other: Rewrite) -> str:
    """Return why a firing of the other rewrite beside a match may matter to it; empty if it can't.

    Parameters
    ----------
    rewrite : Rewrite
        The rewrite that matches.
    other : Rewrite
        What fires, at operators that the match does not hold.

    Notes
    -----
    Never empty where it matters. Linear in the texts.
    """
    if len({root.value.part for root in rewrite.plan.roots}) > 1:
        return "it returns several values, and what lies between them decides whether it applies"
    if rewrite.plan.asks_for_constants:
        return "const(…) looks at all that lies below"
    if not isinstance(rewrite.body, TextBody):
        return "it is written in Python, and may look beyond its match"
    far = far_look(rewrite)
    if far is not None:
        return f"{far.words} lies beyond the match, in {far.expression.text:.80}"
    if rewrite.plan.distinct and _may_join_values(other):
        return f"distinct does not hold any more where {other.id} makes two values one"
    return ""


def _may_join_values(rewrite: Rewrite) -> bool:
    """Return whether a firing can put one value in the place of another that others read too."""
    if not isinstance(rewrite.body, TextBody):
        return True
    results = rewrite.body.replacement.results
    named = [result for result in results if isinstance(result, Named)]
    if any(not result.is_new for result in named):
        return True
    return len({(each.name, each.output or 0) for each in named}) < len(named)
