"""Functions over ``... for x in xs if ...``, the only loops there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graphpass.rules.expressions.budget import MAX_LENGTH
from graphpass.rules.expressions.closures import holds
from graphpass.rules.expressions.functions import FUNCTIONS
from graphpass.rules.expressions.operands import as_tuple
from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.terms import FAILURES, Loop, Run, Term, failed

__all__ = ["iterate", "run_loop"]


def run_loop(label: str, text: str, name: str, loop: Loop, *parts: Term) -> Run:
    """Give a function what a loop yields; ``all`` and ``any`` stop early."""
    body = parts[1]
    function = FUNCTIONS[name].call

    def run(scope: Scope) -> Any:
        rounds = iterate(label, text, loop, parts, scope)
        if name == "all":
            return all(holds(label, body, scope) for _ in rounds)
        if name == "any":
            return any(holds(label, body, scope) for _ in rounds)
        if name == "count":
            return sum(holds(label, body, scope) for _ in rounds)
        try:
            return function(scope.budget, _collected(body, rounds, scope))
        except FAILURES as error:
            raise failed(label, text, error) from None

    return run


def _collected(body: Term, rounds: Iterator[Any], scope: Scope) -> tuple[Any, ...]:
    """Return what the body gives in each round, as long as that is not too much for a tuple."""
    found = []
    elements = 0
    for _ in rounds:
        value = body.run(scope)
        if type(value) is np.ndarray:
            elements += value.size
            scope.budget.hold(elements)
        found.append(value)
        if len(found) > MAX_LENGTH:
            raise ValueError(f"the tuple has more than {MAX_LENGTH:,} elements")
    return tuple(found)


def iterate(
    label: str, text: str, loop: Loop, parts: tuple[Term, ...], scope: Scope
) -> Iterator[Any]:
    """Yield each item that the conditions let through, the loop variable set to it."""
    items, conditions = parts[0], parts[2:]
    value = items.run(scope)
    try:
        rounds = as_tuple(value, items.text)
    except FAILURES as error:
        raise failed(label, text, error) from None
    for item in rounds:
        try:
            scope.budget.step(loop.cost)
        except FAILURES as error:
            raise failed(label, text, error) from None
        scope.loops[loop.number] = item
        if all(holds(label, condition, scope) for condition in conditions):
            yield item
