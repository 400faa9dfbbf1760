"""An expression, the parts of which are expressions: what it looks at, and why it fails."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from graphpass.errors import ExpressionError
from graphpass.formats.python_text import PythonText
from graphpass.ops import find
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions.arithmetic import as_tuple, brief, relation, shortened, truth
from graphpass.rules.expressions.values import (
    ARRAY_WORDS,
    NODE_WORDS,
    UNBOUND,
    VALUE_WORDS,
    NodeView,
    Scope,
    UnknownError,
    ValueView,
)

__all__ = ["FAILURES", "Expression", "Loop", "Read", "lacking"]

FAILURES = (ArithmeticError, TypeError, ValueError, IndexError, MemoryError)
"""What an operation raises that can't be carried out."""

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (MemoryError, "there is not enough memory"),
    (ZeroDivisionError, "division by zero"),
    (OverflowError, "the number is too large"),
)
"""What Python words in its own way, or differently from release to release."""

_NEAR = frozenset({"attrs", "name", "num_inputs", "num_outputs", "op"})
"""Words whose answer lies within the match, if they are asked of its nodes."""

_OF_VARIABLES = ARRAY_WORDS | {"is_aux", "is_input", "is_param", "output"}
"""Words whose answer a stored variable keeps, whatever fires around it."""


class Read(NamedTuple):
    """One thing that a part of an expression looks at."""

    name: str
    """A name of the pattern or of ``let``; empty for what is asked of something else, as the
    operator is in ``x.node.op``, and for loop variables."""

    way: Literal["word", "attribute", "value", "known", "bound", "loop"]
    """``x.word``; ``attribute(x, …)``; x itself; ``known(x)``; ``bound(x)``; a loop variable."""

    word: str = ""
    """What stands behind the dot, or the number of the loop variable."""

    def __str__(self) -> str:
        """Return it about as it is written."""
        if self.way == "word":
            return f"{self.name}.{self.word}"
        return self.name if self.way == "value" else f"{self.way}({self.name})"


class Loop(NamedTuple):
    """What is known of a loop before it runs. Parts: items, body, conditions."""

    number: int
    """Number of the loop variable."""

    variable: str
    """Its name."""

    cost: int
    """Steps that one round takes."""


@dataclass(eq=False)
class Expression:
    """A parsed expression, or a part of one."""

    node: ast.expr
    """What kind of expression it is, and where it stands."""

    source: PythonText
    """The text that it stands in."""

    parts: tuple[Expression, ...]
    """What it is made of, in the order of the text."""

    reads: frozenset[Read]
    """What it looks at, by itself and by its parts."""

    run: Callable[[Scope], Any]
    """Evaluates it as a part of another expression."""

    literal: tuple[Any] | None = None
    """Its value, if it is written out: a number, a text, True, False, None or a tuple of such."""

    name: str = ""
    """The name that it is, if it is one and no loop variable."""

    function: str = ""
    """Name of the function that it calls."""

    loop: Loop | None = None
    """The loop that the function goes through."""

    @cached_property
    def text(self) -> str:
        """As it was written, on one line."""
        node = self.node
        end = ast.Name("", lineno=node.end_lineno or 0, col_offset=node.end_col_offset or 0)
        (first, left), (last, right) = self.source.place(node), self.source.place(end)
        lines = list(self.source.lines[first - 1 : last])
        lines[-1] = lines[-1][: right - 1]
        lines[0] = lines[0][left - 1 :]
        return " ".join(" ".join(lines).split())

    @property
    def short_text(self) -> str:
        """The same, cut to what fits into a message."""
        return shortened(self.text, 100)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that a `Scope` has to know, functions and loop variables aside."""
        return frozenset([read.name for read in self.reads if read.name])

    @cached_property
    def attributes(self) -> frozenset[tuple[str, str]]:
        """Each ``name.attribute`` in it whose name is one of those."""
        return frozenset([(name, word) for name, way, word in self.reads if name and way == "word"])

    @property
    def is_tuple(self) -> bool:
        """Whether it is a tuple as it is written, as ``a, b`` is."""
        return isinstance(self.node, ast.Tuple)

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
            return self.run(scope)
        with np.errstate(all="ignore"):
            return self.run(scope)

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
                f"{self.source.name}: {self.text} is {brief(value)}, and a condition is True "
                "or False; compare it, or join conditions with and"
            )
        return self.is_true(value)

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
            return _why_not(self, scope)

    def test(self, scope: Scope) -> bool:
        """Return whether it holds as a condition in another expression.

        Raises
        ------
        ExpressionError
            If it can't be computed, or is neither true nor false.
        """
        value = self.run(scope)
        return value if value is True or value is False else self.is_true(value)

    def is_true(self, value: Any) -> bool:
        """Return whether what it gave makes it hold.

        Raises
        ------
        ExpressionError
            If it is neither true nor false.
        """
        try:
            return truth(value)
        except FAILURES as error:
            raise self.failed(error) from None

    def rounds(self, scope: Scope) -> Iterator[Any]:
        """Yield each item of its loop that the conditions let through, as the loop variable."""
        assert self.loop is not None
        number, _, cost = self.loop
        items, conditions = self.parts[0], self.parts[2:]
        value = items.run(scope)
        try:
            for item in value if type(value) is tuple else as_tuple(value, items.text):
                scope.limits.step(cost)
                scope.loops[number] = item
                if all(condition.test(scope) for condition in conditions):
                    yield item
        except FAILURES as error:
            raise self.failed(error) from None

    def failed(
        self,
        error: Exception,
        values: Sequence[Any] = (),
        parts: Sequence[Expression] | None = None,
    ) -> Exception:
        """Return the error for a part that can't be computed.

        Parameters
        ----------
        error : Exception
            One of `FAILURES`.
        values : sequence of object
            What it was computed from, to be told.
        parts : sequence of Expression
            What gave these values; its own first parts if nothing is said.
        """
        if isinstance(error, ExpressionError):
            return error
        reason = next((text for kind, text in _REASONS if isinstance(error, kind)), str(error))
        given = [
            f"{shortened(part.text)} is {brief(value)}"
            for part, value in zip(parts or self.parts, values, strict=False)
            if not part.literal and part.text != brief(value)
        ]
        where = f", where {', '.join(dict.fromkeys(given))}" if given else ""
        return ExpressionError(
            f"{self.source.name}: {self.short_text}: {shortened(reason, 200)}{where}"
        )

    # -- before any match --------------------------------------------------------------------

    def conjuncts(self) -> tuple[Expression, ...]:
        """Return the conditions that have to hold for it to hold: what ``and`` joins."""
        if not isinstance(self.node, ast.BoolOp) or isinstance(self.node.op, ast.Or):
            return (self,)
        return tuple([each for part in self.parts for each in part.conjuncts()])

    def requires_known(self) -> frozenset[str]:
        """Return the names that have to be known for it, a condition, to hold."""
        return frozenset(
            [
                read.name
                for each in self.conjuncts()
                if each.function == "known"
                for read in each.reads
                if read.way == "known" and read.name
            ]
        )

    def looks_beyond(
        self,
        operators: Mapping[str, Collection[str]],
        stored: Collection[str],
        computed: Collection[str],
        *,
        is_condition: bool,
    ) -> bool:
        """Return whether it looks at something outside its match, which firings may change there.

        Parameters
        ----------
        operators : mapping of str to collection of str
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
            if read.way == "known" and not (is_condition and each.function == "known")
            else read.way == "word" and _is_beyond(read, operators, stored, computed)
            for each in self.conjuncts()
            for read in each.reads
        )


def _is_beyond(
    read: Read,
    operators: Mapping[str, Collection[str]],
    stored: Collection[str],
    computed: Collection[str],
) -> bool:
    name, _, word = read
    is_key = is_hidden_key(word)
    if name in computed or (name in stored and (word in _OF_VARIABLES or is_key)):
        return False
    if word in _NEAR or is_key:
        return name not in operators and (word == "name" or is_key)
    if word in ARRAY_WORDS and name in operators:
        found = [find(op) for op in operators[name]]
        return not all(op is not None and word in op.attributes for op in found)
    return word in NODE_WORDS or word in VALUE_WORDS


def lacking(scope: Scope, parts: Sequence[Expression]) -> Iterator[str]:
    """Yield what is not known of some parts, in words."""
    for part in parts:
        if part.name and scope[part.name] is UNBOUND:
            continue
        try:
            pending = [part.run(scope)]
        except UnknownError as error:
            yield error.reason
            continue
        while pending:
            value = pending.pop()
            if isinstance(value, tuple):
                pending.extend(reversed(value))
            elif isinstance(value, NodeView):
                yield value.output(0).lack()
            elif isinstance(value, ValueView) and not value.has_value:
                yield value.lack()


# -- reasons -------------------------------------------------------------------------------------


def _why_not(expression: Expression, scope: Scope) -> str:
    """Return one clause that says why a condition does not hold: what was found, what was wanted.

    Raises
    ------
    ExpressionError
        If it can't be computed.
    """
    node = expression.node
    try:
        if isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.Or):
                return " and ".join(_why_not(part, scope) for part in expression.parts)
            *first, last = expression.parts
            return _why_not(next((part for part in first if not part.test(scope)), last), scope)
        if isinstance(node, ast.Compare):
            return _comparison(expression, node, scope)
        if isinstance(node, ast.Call):
            return _call(expression, scope)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            part = expression.parts[0]
            found = part.run(scope)
            return f"{part.short_text} is {brief(found)}{', not False' if found is True else ''}"
        if isinstance(node, ast.IfExp):
            test, body, other = expression.parts
            chosen = body if test.test(scope) else other
            return _found(test, scope) if chosen.literal else _why_not(chosen, scope)
        return _found(expression, scope)
    except UnknownError as error:
        return error.reason


def _found(expression: Expression, scope: Scope) -> str:
    return f"{expression.short_text} is {brief(expression.run(scope))}"


def _comparison(expression: Expression, node: ast.Compare, scope: Scope) -> str:
    values = [part.run(scope) for part in expression.parts]
    for number, operation in enumerate(node.ops):
        left, right = expression.parts[number : number + 2]
        a, b = values[number : number + 2]
        try:
            if truth(relation(type(operation))(scope.limits, a, b)):
                continue
        except FAILURES as error:
            raise expression.failed(error, [a, b], [left, right]) from None
        return _related(type(operation), left, right, a, b)
    return _found(expression, scope)


def _related(kind: type[ast.cmpop], left: Expression, right: Expression, a: Any, b: Any) -> str:
    """Return what was found and what was wanted where two values are not related."""
    if kind in (ast.In, ast.NotIn):
        if isinstance(b, str) or left.literal:
            has = "without" if kind is ast.In else "with"
            return f"{right.short_text} is {brief(b)}, {has} {brief(a)}"
        if not b:
            return f"{left.short_text} is {brief(a)}, and there is nothing that it could be"
        listed = shortened(", ".join(map(brief, b[:10])) + ", ..." * (len(b) > 10), 100)
        return f"{left.short_text} is {brief(a)}, {'not ' * (kind is ast.In)}one of {listed}"
    if left.literal and not right.literal:
        left, a, b, kind = right, b, a, _MIRRORED.get(kind, kind)
    wanted = f", not {_WANTED[kind]}{brief(b)}" if kind in _WANTED else ""
    return f"{left.short_text} is {brief(a)}{wanted}"


_WANTED: dict[type[ast.cmpop], str] = {
    ast.Eq: "",
    ast.NotEq: "other than ",
    ast.Lt: "< ",
    ast.LtE: "<= ",
    ast.Gt: "> ",
    ast.GtE: ">= ",
    ast.Is: "",
}

_MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.Gt,
    ast.LtE: ast.GtE,
    ast.Gt: ast.Lt,
    ast.GtE: ast.LtE,
}


def _call(expression: Expression, scope: Scope) -> str:
    if expression.function == "known":
        for reason in lacking(scope, expression.parts):
            return reason
    if expression.function == "bound":
        return f"{expression.parts[0].name} is not bound"
    if expression.function == "bool" and len(expression.parts) == 1:
        return _why_not(expression.parts[0], scope)
    if expression.function == "all" and expression.loop is not None:
        body = expression.parts[1]
        for item in expression.rounds(scope):
            try:
                if body.test(scope):
                    continue
                reason = _why_not(body, scope)
            except UnknownError as error:
                reason = error.reason
            told = f"{expression.loop.variable} is {brief(item)}"
            return reason if reason.startswith(f"{told}, ") else f"{reason}, where {told}"
    return _found(expression, scope)
