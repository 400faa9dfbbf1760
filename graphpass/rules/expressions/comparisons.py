"""Closures of comparisons. Those with a constant, which most conditions are, take a short way."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from graphpass.rules.expressions.arithmetic import COMPARISONS, compare, contains
from graphpass.rules.expressions.closures import NO_SCOPE, SCALARS
from graphpass.rules.expressions.operands import truth
from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.terms import FAILURES, Run, Term, failed

__all__ = ["relation", "run_chain", "run_comparison"]


def relation(kind: type[ast.cmpop]) -> Callable[[Scope, Any, Any], Any]:
    """Return the function that compares two values as an operator says."""
    if kind is ast.Is:
        return lambda scope, a, b: a is None
    if kind is ast.IsNot:
        return lambda scope, a, b: a is not None
    if kind is ast.In:
        return lambda scope, a, b: contains(scope.budget, b, a)
    if kind is ast.NotIn:
        return lambda scope, a, b: not contains(scope.budget, b, a)
    comparison = COMPARISONS[kind]
    return lambda scope, a, b: compare(scope.budget, comparison, a, b)


def run_comparison(label: str, text: str, kind: type[ast.cmpop], left: Term, right: Term) -> Run:
    """Compare two values."""
    run_left, run_right, related = left.run, right.run, relation(kind)
    if right.constant:
        wanted = right.run(NO_SCOPE)
        short = _short_way(kind, wanted)
        if short is not None:
            return _run_short(label, text, kind, short, left, right)

    def run(scope: Scope) -> Any:
        a, b = run_left(scope), run_right(scope)
        try:
            return related(scope, a, b)
        except FAILURES as error:
            raise failed(label, text, error, [left, right], [a, b]) from None

    return run


def _short_way(kind: type[ast.cmpop], wanted: Any) -> Callable[[Any], bool] | None:
    """Return how to compare a plain number or text with a constant, if that is simple."""
    if type(wanted) in SCALARS:
        if kind is ast.Eq:
            return lambda found: bool(found == wanted)
        if kind is ast.NotEq:
            return lambda found: bool(found != wanted)
    if type(wanted) is tuple and all(type(each) in SCALARS for each in wanted):
        if kind is ast.In:
            return lambda found: found in wanted
        if kind is ast.NotIn:
            return lambda found: found not in wanted
    return None


def _run_short(
    label: str,
    text: str,
    kind: type[ast.cmpop],
    short: Callable[[Any], bool],
    left: Term,
    right: Term,
) -> Run:
    """Compare with a constant, in the short way where what is found is plain."""
    run_left, run_right, related = left.run, right.run, relation(kind)

    def run(scope: Scope) -> Any:
        found = run_left(scope)
        if type(found) in SCALARS:
            return short(found)
        wanted = run_right(scope)
        try:
            return related(scope, found, wanted)
        except FAILURES as error:
            raise failed(label, text, error, [left, right], [found, wanted]) from None

    return run


def run_chain(label: str, text: str, kinds: Sequence[type[ast.cmpop]], *parts: Term) -> Run:
    """Compare neighbours, as long as they hold."""
    relations = [relation(kind) for kind in kinds]

    def run(scope: Scope) -> Any:
        a = parts[0].run(scope)
        found: Any = True
        for related, left, right in zip(relations, parts, parts[1:], strict=False):
            b = right.run(scope)
            try:
                found = related(scope, a, b)
                if not truth(found):
                    return found
            except FAILURES as error:
                raise failed(label, text, error, [left, right], [a, b]) from None
            a = b
        return found

    return run
