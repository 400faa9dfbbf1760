"""Expressions: text in Python's syntax that is parsed once and evaluated at many matches."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphpass.errors import ExpressionError
from graphpass.formats.python_text import PythonText, parse_python

if TYPE_CHECKING:
    from graphpass.rules.expressions.scope import Scope
    from graphpass.rules.expressions.terms import Term

__all__ = ["Expression", "compile_expression", "parse_expression"]


class Expression:
    """A parsed expression.

    Attributes
    ----------
    text : str
        As it was written, on one line.
    names : frozenset of str
        The names that a `Scope` has to know, functions and loop variables aside.
    attributes : frozenset of (str, str)
        Each ``name.attribute`` in it whose name is one of those.
    """

    __slots__ = ("_is_true", "_label", "_run", "_term", "attributes", "names", "text")

    def __init__(
        self,
        term: Term,
        label: str,
        is_true: Callable[[str, Term, Any], bool],
        names: frozenset[str],
        attributes: frozenset[tuple[str, str]],
    ) -> None:
        self._term = term
        self._run = term.run
        self._label = label
        self._is_true = is_true
        self.text = term.text
        self.names = names
        self.attributes = attributes

    def evaluate(self, scope: Scope) -> Any:
        """Return the value at a match.

        Returns
        -------
        object
            None, a bool, int, float, str, read-only array, `NodeView`, `ValueView`,
            `RawAttributes`, or a tuple of such. Arrays hold what NumPy computes, infinities and
            NaN included.

        Raises
        ------
        UnknownError
            If it asks for something that nothing tells.
        ExpressionError
            If it can't be computed, or exceeds a limit.
        """
        budget = scope.budget
        budget.begin()
        if budget.quiet:  # by the caller, so that there is nothing to undo in the end
            return self._run(scope)
        try:
            return self._run(scope)
        finally:
            budget.end()

    def holds(self, scope: Scope) -> bool:
        """Return whether the expression, a condition, holds at a match.

        Raises
        ------
        UnknownError
            If it asks for something that nothing tells; the condition does not hold then.
        ExpressionError
            If it can't be computed, exceeds a limit, or is neither true nor false.
        """
        value = self.evaluate(scope)
        if value is True or value is False:
            return bool(value)
        if value is None or isinstance(value, int | float | str | tuple):
            raise ExpressionError(
                f"{self._label}: {self.text} is {value!r:.100}, and a condition is True or False; "
                "compare it, or join conditions with and"
            )
        return self._is_true(self._label, self._term, value)

    def why_not(self, scope: Scope) -> str:
        """Return the first thing for which the expression, a condition, does not hold.

        Returns
        -------
        str
            One clause without a full stop, what was found and what was wanted: ``out.axis is 3,
            not 1``.

        Raises
        ------
        ExpressionError
            If it can't be computed.
        """
        from graphpass.rules.expressions.reasons import why_not

        scope.budget.begin()
        try:
            return why_not(self._label, self._term, scope)
        finally:
            scope.budget.end()

    def __repr__(self) -> str:
        return f"<Expression {self.text}>"


def parse_expression(text: str, name: str = "expression") -> Expression:
    """Parse an expression.

    Parameters
    ----------
    text : str
        One expression; docs/expressions.md has the language.
    name : str
        What messages call it.

    Raises
    ------
    TextError
        If it is malformed, or uses something that is not of the language. The message has line,
        column and a caret.
    """
    parsed = parse_python(text, name)
    body = parsed.tree.body
    if len(body) != 1 or not isinstance(body[0], ast.Expr):
        raise parsed.error(None, "write one expression")
    return compile_expression(body[0].value, parsed)


def compile_expression(node: ast.expr, text: PythonText) -> Expression:
    """Take an expression out of a longer text, such as a replacement.

    Parameters
    ----------
    node : ast.expr
        The expression in the tree of the text.
    text : PythonText
        The text.

    Raises
    ------
    TextError
        If it uses something that is not of the language.
    """
    from graphpass.rules.expressions.closures import is_true
    from graphpass.rules.expressions.compiler import Compiler

    compiler = Compiler(text)
    term = compiler.term(node)
    names, attributes = frozenset(compiler.names), frozenset(compiler.attributes)
    return Expression(term, text.name, is_true, names, attributes)
