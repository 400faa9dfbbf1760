"""One closure per kind of part. Each takes label and text for errors, then details, then parts.

Plain numbers and texts take short ways, because most conditions are about those.
"""

from __future__ import annotations

import ast
from contextlib import suppress
from typing import Any

import numpy as np

from graphpass.rules.expressions.arithmetic import Binary, binary, unary
from graphpass.rules.expressions.attributes import answers
from graphpass.rules.expressions.operands import checked, extent, frozen, truth
from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.terms import FAILURES, Run, Term, failed
from graphpass.rules.expressions.unknown import UnknownError, UnknownExtentError
from graphpass.rules.expressions.views import NodeView, RawAttributes, ValueView
from graphpass.rules.expressions.wording import kind_of

__all__ = [
    "NO_SCOPE",
    "SCALARS",
    "holds",
    "is_true",
    "run_and",
    "run_attribute",
    "run_binary",
    "run_choice",
    "run_constant",
    "run_index",
    "run_loop_variable",
    "run_name",
    "run_not",
    "run_or",
    "run_slice",
    "run_tuple",
    "run_unary",
]

SCALARS = frozenset({bool, int, float, str, type(None)})
"""Types of what is neither compared nor counted with care."""


def run_constant(label: str, text: str, value: Any) -> Run:
    """Make a constant."""
    return lambda scope: value


def run_name(label: str, text: str, name: str) -> Run:
    """Look a name up."""

    def run(scope: Scope) -> Any:
        value = scope.values.get(name)
        return scope.bound(name) if value is None else value

    return run


def run_loop_variable(label: str, text: str, number: int) -> Run:
    """Look a loop variable up."""
    return lambda scope: scope.loops[number]


def run_attribute(label: str, text: str, key: str, base: Term) -> Run:
    """Ask something that stands before a dot."""
    run_base, by_kind = base.run, answers(key)

    def run(scope: Scope) -> Any:
        value = run_base(scope)
        try:
            answer = by_kind.get(type(value))
            if answer is None:
                raise TypeError(f"{kind_of(value)} has no {key!r}")
            return answer(value)
        except FAILURES as error:
            raise failed(label, text, error) from None

    return run


def run_tuple(label: str, text: str, constant: bool, *parts: Term) -> Run:
    """Make a tuple."""
    runs = [part.run for part in parts]
    if constant:
        value = tuple([part.run(NO_SCOPE) for part in parts])
        return lambda scope: value

    def run(scope: Scope) -> Any:
        made = []
        for run in runs:
            made.append(run(scope))
            if type(made[-1]) not in SCALARS:
                _check_items(label, text, scope, made)
        return tuple(made)

    return run


def _check_items(label: str, text: str, scope: Scope, made: list[Any]) -> None:
    """Refuse to let a tuple grow by something so large."""
    try:
        if type(made[-1]) is np.ndarray:
            scope.budget.hold(sum(item.size for item in made if type(item) is np.ndarray))
        elif type(made[-1]) is tuple:
            scope.budget.step(extent(tuple(made)))
            checked(tuple(made))
    except FAILURES as error:
        raise failed(label, text, error) from None


NO_SCOPE: Any = None
"""What a constant is evaluated with."""


def run_slice(lower: Term | None, upper: Term | None, step: Term | None) -> Run:
    """Make a slice."""
    runs = [None if term is None else term.run for term in (lower, upper, step)]

    def run(scope: Scope) -> slice:
        return slice(*[None if run is None else run(scope) for run in runs])

    return run


def run_index(label: str, text: str, base: Term, index: Term) -> Run:
    """Take an element, a slice, an output of a node or the text of an attribute."""
    run_base, run_place = base.run, index.run

    def run(scope: Scope) -> Any:
        try:
            value = run_base(scope)
        except UnknownExtentError as unknown:
            return _extent(unknown, run_place(scope))
        place = run_place(scope)
        try:
            return _element(scope, value, place)
        except FAILURES as error:
            raise failed(label, text, error, [base], [value]) from None

    return run


def _element(scope: Scope, value: Any, place: Any) -> Any:
    kind = type(value)
    if kind is RawAttributes:
        if type(place) is not str:
            raise TypeError("an attribute is looked up by its name")
        text = value.texts.get(place)
        if text is None:
            raise UnknownError(f"{value.node} has no attribute {place!r} in its file")
        return text
    if kind is NodeView:
        return value.output(_checked_place(place, allow_slice=False))
    if kind is tuple or kind is str:
        found = value[_checked_place(place)]
        if type(place) is slice:
            scope.budget.step(len(found))
        return found
    array = value.array if kind is ValueView else value
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{kind_of(value)} has no elements")
    places = place if type(place) is tuple else (place,)
    return frozen(array[tuple([_checked_place(each) for each in places])])


def _extent(unknown: UnknownExtentError, place: Any) -> Any:
    """Return an extent, or some, of a shape that is known in parts."""
    found: Any = None
    with suppress(TypeError, IndexError):
        found = unknown.shape[_checked_place(place)]
    if found is None or (type(found) is tuple and None in found):
        raise unknown
    return found


def _checked_place(place: Any, *, allow_slice: bool = True) -> Any:
    """Return a place, made sure that NumPy takes it for nothing but one or a slice."""
    if type(place) is int:
        return place
    if type(place) is slice and allow_slice:
        if all(each is None or type(each) is int for each in (place.start, place.stop, place.step)):
            return place
        raise TypeError("the bounds of a slice are whole numbers")
    if type(place) is np.ndarray and place.ndim == 0 and place.dtype.kind in "iu":
        return int(place)
    raise TypeError(f"an index is a whole number{' or a slice' * allow_slice}, not {_kind(place)}")


def _kind(place: Any) -> str:
    return "a slice" if type(place) is slice else kind_of(place)


def run_not(label: str, text: str, part: Term) -> Run:
    """Negate a condition."""
    run_part = part.run

    def run(scope: Scope) -> bool:
        value = run_part(scope)
        return not (value if value is True or value is False else is_true(label, part, value))

    return run


def holds(label: str, part: Term, scope: Scope) -> bool:
    """Return whether a condition holds.

    Raises
    ------
    ExpressionError
        If it can't be computed, or is neither true nor false.
    """
    value = part.run(scope)
    return value is True or is_true(label, part, value)


def run_and(label: str, text: str, *parts: Term) -> Run:
    """Return the first operand that does not hold, else the last."""
    first, run_last = [(part.run, part) for part in parts[:-1]], parts[-1].run

    def run(scope: Scope) -> Any:
        for run_part, part in first:
            value = run_part(scope)
            if value is not True and not is_true(label, part, value):
                return value
        return run_last(scope)

    return run


def run_or(label: str, text: str, *parts: Term) -> Run:
    """Return the first operand that holds, else the last."""
    first, run_last = [(part.run, part) for part in parts[:-1]], parts[-1].run

    def run(scope: Scope) -> Any:
        for run_part, part in first:
            value = run_part(scope)
            if value is not False and is_true(label, part, value):
                return value
        return run_last(scope)

    return run


def is_true(label: str, part: Term, value: Any) -> bool:
    """Return whether what a condition gave makes it hold.

    Raises
    ------
    ExpressionError
        If it is neither true nor false.
    """
    try:
        return truth(value)
    except FAILURES as error:
        raise failed(label, part.text, error) from None


def run_choice(label: str, text: str, test: Term, body: Term, other: Term) -> Run:
    """Choose by a condition."""
    run_test, run_body, run_other = test.run, body.run, other.run

    def run(scope: Scope) -> Any:
        value = run_test(scope)
        chosen = value if value is True or value is False else is_true(label, test, value)
        return run_body(scope) if chosen else run_other(scope)

    return run


def run_unary(label: str, text: str, operation: ast.unaryop, part: Term) -> Run:
    """Give a sign."""

    def run(scope: Scope) -> Any:
        value = part.run(scope)
        try:
            return unary(scope.budget, operation, value)
        except FAILURES as error:
            raise failed(label, text, error, [part], [value]) from None

    return run


def run_binary(label: str, text: str, operation: Binary, left: Term, right: Term) -> Run:
    """Compute with two operands."""
    run_left, run_right = left.run, right.run

    def run(scope: Scope) -> Any:
        a, b = run_left(scope), run_right(scope)
        try:
            return binary(scope.budget, operation, a, b)
        except FAILURES as error:
            raise failed(label, text, error, [left, right], [a, b]) from None

    return run
