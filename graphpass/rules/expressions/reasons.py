"""Why a condition does not hold: the first part that fails, what was found, what was wanted."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from graphpass.rules.expressions.closures import holds
from graphpass.rules.expressions.comparisons import relation
from graphpass.rules.expressions.loops import iterate
from graphpass.rules.expressions.operands import truth
from graphpass.rules.expressions.questions import lacking
from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.terms import FAILURES, Term, failed
from graphpass.rules.expressions.unknown import UnknownError
from graphpass.rules.expressions.wording import brief, shortened

__all__ = ["why_not"]


def why_not(label: str, term: Term, scope: Scope) -> str:
    """Return one clause that says why a condition does not hold.

    Raises
    ------
    ExpressionError
        If it can't be computed.
    """
    try:
        explain = _EXPLAINED.get(type(term.node), _value)
        return explain(label, term, scope)
    except UnknownError as error:
        return error.reason


def _value(label: str, term: Term, scope: Scope) -> str:
    return f"{_short(term)} is {brief(term.run(scope))}"


def _and(label: str, term: Term, scope: Scope) -> str:
    if isinstance(term.node, ast.BoolOp) and isinstance(term.node.op, ast.Or):
        return " and ".join(why_not(label, part, scope) for part in term.parts)
    for part in term.parts[:-1]:
        try:
            if holds(label, part, scope):
                continue
        except UnknownError as error:
            return error.reason
        return why_not(label, part, scope)
    return why_not(label, term.parts[-1], scope)


def _not(label: str, term: Term, scope: Scope) -> str:
    if not isinstance(term.node, ast.UnaryOp) or not isinstance(term.node.op, ast.Not):
        return _value(label, term, scope)
    part = term.parts[0]
    found = part.run(scope)
    wanted = ", not False" if found is True else ""
    return f"{_short(part)} is {brief(found)}{wanted}"


def _choice(label: str, term: Term, scope: Scope) -> str:
    test, body, other = term.parts
    chosen = body if holds(label, test, scope) else other
    return _value(label, test, scope) if chosen.constant else why_not(label, chosen, scope)


def _comparison(label: str, term: Term, scope: Scope) -> str:
    node = term.node
    assert isinstance(node, ast.Compare)
    values = [part.run(scope) for part in term.parts]
    for number, operation in enumerate(node.ops):
        left, right = term.parts[number : number + 2]
        a, b = values[number : number + 2]
        try:
            if truth(relation(type(operation))(scope, a, b)):
                continue
        except FAILURES as error:
            raise failed(label, term.text, error, [left, right], [a, b]) from None
        return _related(type(operation), left, right, a, b)
    return _value(label, term, scope)


def _related(kind: type[ast.cmpop], left: Term, right: Term, a: Any, b: Any) -> str:
    if kind in (ast.In, ast.NotIn):
        return _membership(kind is ast.In, left, right, a, b)
    if left.constant and not right.constant:
        mirrored = _MIRRORED.get(kind)
        if mirrored is not None:
            left, right, a, b, kind = right, left, b, a, mirrored
    symbol = _SYMBOLS[kind]
    return f"{_short(left)} is {brief(a)}{symbol}{brief(b) if kind is not ast.IsNot else ''}"


_SYMBOLS: dict[type[ast.cmpop], str] = {
    ast.Eq: ", not ",
    ast.NotEq: ", not other than ",
    ast.Lt: ", not < ",
    ast.LtE: ", not <= ",
    ast.Gt: ", not > ",
    ast.GtE: ", not >= ",
    ast.Is: ", not ",
    ast.IsNot: "",
}

_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.Eq,
    ast.NotEq: ast.NotEq,
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


def _membership(wanted: bool, left: Term, right: Term, a: Any, b: Any) -> str:
    if isinstance(b, str):
        return f"{_short(right)} is {brief(b)}, {'without' if wanted else 'with'} {brief(a)}"
    listed = shortened(", ".join(map(brief, b[:_LISTED])) + ", ..." * (len(b) > _LISTED), 100)
    if left.constant:
        return f"{_short(right)} is {brief(b)}, {'without' if wanted else 'with'} {brief(a)}"
    if not b:
        return f"{_short(left)} is {brief(a)}, and there is nothing that it could be"
    return f"{_short(left)} is {brief(a)}, {'not ' * wanted}one of {listed}"


_LISTED = 10


def _call(label: str, term: Term, scope: Scope) -> str:
    if term.function == "known":
        for reason in lacking(scope, term.parts):
            return reason
    if term.function == "bound":
        return f"{term.parts[0].name} is not bound"
    if term.function == "bool" and len(term.parts) == 1 and term.loop is None:
        return why_not(label, term.parts[0], scope)
    if term.function == "all" and term.loop is not None:
        return _first_exception(label, term, scope)
    return _value(label, term, scope)


def _first_exception(label: str, term: Term, scope: Scope) -> str:
    """Return why the first item does not hold for which ``all`` fails."""
    assert term.loop is not None
    body = term.parts[1]
    for item in iterate(label, term.text, term.loop, term.parts, scope):
        try:
            if holds(label, body, scope):
                continue
            reason = why_not(label, body, scope)
        except UnknownError as error:
            reason = error.reason
        told = f"{term.loop.variable} is {brief(item)}"
        return reason if reason.startswith(f"{told}, ") else f"{reason}, where {told}"
    return _value(label, term, scope)


def _short(term: Term) -> str:
    return shortened(term.text, 100)


_EXPLAINED: dict[type[ast.expr], Callable[[str, Term, Scope], str]] = {
    ast.BoolOp: _and,
    ast.Call: _call,
    ast.Compare: _comparison,
    ast.IfExp: _choice,
    ast.UnaryOp: _not,
}
