"""What an expression compiles to: a tree of closures that knows the text of each part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from graphpass.errors import ExpressionError
from graphpass.rules.expressions.wording import brief, shortened

if TYPE_CHECKING:
    import ast

    from graphpass.rules.expressions.scope import Scope

__all__ = ["FAILURES", "Loop", "Run", "Term", "failed"]

Run: TypeAlias = "Callable[[Scope], Any]"
"""Evaluates one part of an expression."""

FAILURES = (ArithmeticError, TypeError, ValueError, IndexError, MemoryError)
"""What an operation raises that can't be carried out."""


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """One part of an expression."""

    node: ast.expr
    """What kind of part it is."""

    text: str
    """As it was written, on one line."""

    run: Run
    parts: tuple[Term, ...] = ()
    """What it is made of, in the order of the text."""

    constant: bool = False
    """Whether it is a constant, or a tuple of such."""

    name: str = ""
    """The name that it reads, if it is one and no loop variable."""

    function: str = ""
    """Name of the function that it calls."""

    loop: Loop | None = None
    """The loop that the function goes through."""


@dataclass(frozen=True, slots=True)
class Loop:
    """What is known of a loop before it runs. Its term has the items, the body, the conditions."""

    number: int
    """Number of the loop variable."""

    variable: str
    """Its name."""

    cost: int
    """Steps that one round takes."""


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (MemoryError, "there is not enough memory"),
    (ZeroDivisionError, "division by zero"),
    (OverflowError, "the number is too large"),
)
"""What Python words in its own way, or differently from release to release."""


def failed(
    label: str, text: str, error: Exception, parts: Sequence[Term] = (), values: Sequence[Any] = ()
) -> Exception:
    """Return the error for a part that can't be computed, with the values that it was given.

    Parameters
    ----------
    label : str
        What messages call the expression.
    text : str
        The part.
    error : Exception
        One of `FAILURES`.
    parts, values
        The operands and what they were.
    """
    if isinstance(error, ExpressionError):
        return error
    reason = next((text for kind, text in _REASONS if isinstance(error, kind)), str(error))
    given = [
        f"{shortened(part.text)} is {brief(value)}"
        for part, value in zip(parts, values, strict=False)
        if not part.constant and part.text != brief(value)
    ]
    where = f", where {', '.join(dict.fromkeys(given))}" if given else ""
    return ExpressionError(f"{label}: {shortened(text, 100)}: {shortened(reason, 200)}{where}")
