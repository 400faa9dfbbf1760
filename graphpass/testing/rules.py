"""Random rules that apply to a model, each with what it promises."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hypothesis import strategies as st

from graphpass.errors import UsageError, suggestion
from graphpass.model import Model
from graphpass.testing.dice import Dice
from graphpass.testing.rule_drawing import Drawing, DrawnRule
from graphpass.testing.rule_makers import MAKERS, Maker

__all__ = ["OPERATIONS", "DrawnRule", "rules"]

OPERATIONS: tuple[str, ...] = tuple(dict.fromkeys(name for name, _ in MAKERS))
"""The operations that random rules may be."""


def rules(
    model: Model, *, operations: Collection[str] | None = None
) -> st.SearchStrategy[DrawnRule]:
    """Draw a rule that applies to a model, is not refused, and changes no output's value.

    Parameters
    ----------
    model : Model
        A model of `graphpass.testing.models`, or what such rules made of one. The strategy reads
        it when it draws, so it may be used again after a rule was applied.
    operations : collection of str, optional
        Which operations to draw, of `OPERATIONS`. ``prune`` is drawn where none of them applies.

    Raises
    ------
    UsageError
        If an operation is unknown to this strategy.

    Examples
    --------
    >>> from hypothesis import given, strategies as st
    >>> import graphpass
    >>> @given(st.data())
    ... def keeps_its_promises(data):
    ...     drawn = data.draw(models(max_operators=4))
    ...     promised = data.draw(rules(drawn.model))
    ...     graphpass.apply([promised.rule], drawn.model)
    ...     assert len(drawn.model.parameters) == promised.parameters
    >>> from graphpass.testing import models
    >>> keeps_its_promises()
    """
    for operation in operations or ():
        if operation not in OPERATIONS:
            raise UsageError(
                f"random rules know no operation {operation!r}"
                f"{suggestion(operation, OPERATIONS)}; they know {', '.join(OPERATIONS)}"
            )
    makers = [maker for name, maker in MAKERS if operations is None or name in operations]
    return _drawn_rules(model, makers)


@st.composite
def _drawn_rules(draw: st.DrawFn, model: Model, makers: Sequence[Maker]) -> DrawnRule:
    state = Drawing(Dice(draw), model, model.graph)
    first = state.dice.below(len(makers))
    for maker in (*makers[first:], *makers[:first]):
        found = maker(state)
        if found is not None:
            return found
    return state.promise({"prune": {}}, isomorphic=True)
