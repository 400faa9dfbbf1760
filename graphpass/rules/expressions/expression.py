"""Expressions: text in Python's syntax that is parsed once and evaluated at many matches."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from graphpass.errors import ExpressionError
from graphpass.formats.python_text import PythonText, parse_python
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions.compile import Compiler
from graphpass.rules.expressions.terms import Read, Scope, Term, why_not
from graphpass.rules.expressions.values import (
    ARRAY_WORDS,
    NODE_WORDS,
    VALUE_WORDS,
    UnknownError,
)

__all__ = ["Expression", "Look", "Operators", "compile_expression", "parse_expression"]

Look: TypeAlias = Literal["attributes", "bound", "known", "kinds", "types", "graph", "values"]
"""What an expression looks at: the attributes and operators of nodes that are matched; whether a
name stands for something; whether a value is stored; whether it is a parameter, an auxiliary state
or an input; shapes and dtypes; names, users, heads and whatever lies around; numbers."""

Operators: TypeAlias = Mapping[str, Collection[str]]
"""Name of a node -> the operators that it may be."""

_KINDS = frozenset({"is_aux", "is_input", "is_param"})
_STATIC: frozenset[Look] = frozenset({"attributes", "bound"})
_NEAR = frozenset({"attrs", "name", "num_inputs", "num_outputs", "op"})
"""Words whose answer lies within the match, if they are asked of its nodes."""

_OF_VARIABLES = ARRAY_WORDS | _KINDS | {"output"}
"""Words whose answer a stored variable keeps, whatever fires around it."""


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
    reads : frozenset of Read
        All that it looks at.
    """

    __slots__ = ("_run", "_term", "_text", "attributes", "names")

    def __init__(self, term: Term) -> None:
        self._term = term
        self._run = term.run
        self._text: str | None = None
        self.names = frozenset([read.name for read in term.reads if read.name])
        self.attributes = frozenset(
            [(name, word) for name, way, word in term.reads if name and way == "word"]
        )

    @property
    def text(self) -> str:
        """As it was written, on one line."""
        if self._text is None:
            self._text = self._term.text
        return self._text

    @property
    def reads(self) -> frozenset[Read]:
        """All that it looks at."""
        return self._term.reads

    @property
    def literal(self) -> tuple[Any] | None:
        """Its value, if it is written out: a number, a text, True, False, None, a tuple of such.

        Examples
        --------
        >>> parse_expression("(1, -1)").literal, parse_expression("None").literal
        (((1, -1),), (None,))
        >>> parse_expression("conv.kernel").literal is None
        True
        """
        return self._term.constant

    @property
    def is_tuple(self) -> bool:
        """Whether it is a tuple as it is written, as ``a, b`` is."""
        return isinstance(self._term.node, ast.Tuple)

    def __repr__(self) -> str:
        return f"<Expression {self.text}>"

    # -- at a match --------------------------------------------------------------------------

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
        scope.limits.begin()
        if scope.is_quiet:
            return self._run(scope)
        with np.errstate(all="ignore"):
            return self._run(scope)

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
                f"{self._term.source.name}: {self.text} is {value!r:.100}, and a condition is True "
                "or False; compare it, or join conditions with and"
            )
        return self._term.is_true(value)

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
        scope.limits.begin()
        with np.errstate(all="ignore"):
            return why_not(self._term, scope)

    def bind(self, scope: Scope, operators: Operators) -> Expression:
        """Return the same with all that attributes and bound names decide worked out at a match.

        What is left looks at arrays, shapes and the graph only, and serves every match that has
        these attributes. A part that can't be worked out is left to fail where it is evaluated.

        Parameters
        ----------
        scope : Scope
            The match.
        operators : mapping
            What its nodes may be.
        """
        fixed: dict[ast.expr, Any] = {}
        pending = [self._term]
        while pending:
            term = pending.pop()
            if not all(_look(read, operators) in _STATIC for read in term.reads):
                pending += term.parts
            elif term.constant is None:
                try:
                    fixed[term.node] = term.run(scope)
                except (UnknownError, ExpressionError):
                    continue
        source = self._term.source
        return Expression(Compiler(source, fixed).term(self._term.node)) if fixed else self

    # -- before any match --------------------------------------------------------------------

    def looks(self, operators: Operators) -> frozenset[Look]:
        """Return what kinds of things it looks at, the names of nodes and their operators given."""
        return frozenset([_look(read, operators) for read in self.reads])

    def is_static(self, operators: Operators) -> bool:
        """Return whether attributes of matched nodes, and which names are bound, decide it."""
        return self.looks(operators) <= _STATIC

    def conjuncts(self) -> tuple[Expression, ...]:
        """Return the conditions that have to hold for it to hold: what ``and`` joins."""
        return tuple([Expression(term) for term in self._term.conjuncts()])

    def requires_known(self) -> frozenset[str]:
        """Return the names that have to be known for it, a condition, to hold."""
        return frozenset(
            [
                read.name
                for term in self._term.conjuncts()
                if term.function == "known"
                for read in term.reads
                if read.way == "known" and read.name
            ]
        )

    def looks_beyond(
        self,
        operators: Operators,
        stored: Collection[str],
        computed: Collection[str],
        *,
        is_condition: bool,
    ) -> bool:
        """Return whether it looks at something outside its match, which firings may change there.

        Parameters
        ----------
        operators : mapping
            What the nodes of the pattern may be.
        stored : collection of str
            Names that stand for stored variables wherever it holds.
        computed : collection of str
            Names that ``let`` computes.
        is_condition : bool
            Whether it must hold, so that what it requires to be known is known.
        """
        return any(
            read.name not in stored
            if read.way == "known" and not (is_condition and term.function == "known")
            else read.way == "word" and _is_beyond(read, operators, stored, computed)
            for term in self._term.conjuncts()
            for read in term.reads
        )


def _is_beyond(
    read: Read, operators: Operators, stored: Collection[str], computed: Collection[str]
) -> bool:
    name, _, word = read
    is_key = is_hidden_key(word)
    if name in computed or (name in stored and (word in _OF_VARIABLES or is_key)):
        return False
    if _look(read, operators) == "attributes":
        return False
    if word in _NEAR or is_key:
        return name not in operators and (word == "name" or is_key)
    return word in NODE_WORDS or word in VALUE_WORDS


def _look(read: Read, operators: Operators) -> Look:
    name, way, word = read
    if way == "bound" or way == "known":
        return way
    if way == "attribute":
        return "attributes"
    if way != "word":
        return "values"
    if name in operators and word not in NODE_WORDS - {"attrs", "op"}:
        found = [find(op) for op in operators[name]]
        if word not in ARRAY_WORDS or all(op is not None and word in op.attributes for op in found):
            return "attributes"
    if word in ARRAY_WORDS:
        return "types"
    return "kinds" if word in _KINDS else "graph"


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
    return Expression(Compiler(text).term(node))
