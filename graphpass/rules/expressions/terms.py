"""The parts of an expression: what evaluates each, what it looks at, and why it fails."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import ExpressionError, suggestion
from graphpass.formats.python_text import PythonText
from graphpass.graph import Entry
from graphpass.rules.expressions.arithmetic import as_tuple, brief, relation, shortened, truth
from graphpass.rules.expressions.values import (
    UNBOUND,
    GraphFacts,
    NodeView,
    UnknownError,
    ValueView,
)
from graphpass.rules.limits import Limits

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["FAILURES", "Loop", "Read", "Run", "Scope", "Term", "lacking", "why_not"]

Run: TypeAlias = "Callable[[Scope], Any]"
"""Evaluates one part of an expression."""

FAILURES = (ArithmeticError, TypeError, ValueError, IndexError, MemoryError)
"""What an operation raises that can't be carried out."""

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (MemoryError, "there is not enough memory"),
    (ZeroDivisionError, "division by zero"),
    (OverflowError, "the number is too large"),
)
"""What Python words in its own way, or differently from release to release."""


class Scope:
    """The names at one match: those of the pattern, then those that ``let`` defines.

    Parameters
    ----------
    index : GraphIndex
        Of the graph that the match is in.
    bindings : mapping of str to Binding
        The bindings of a `Match`.
    parameters : mapping of str to array, optional
        Stored values by the names of variables; None where none are known, as in a subgraph.
    optional : collection of str
        Names of the pattern; one of them that is not in `bindings` stands for nothing.
    quiet : bool
        Whether the caller keeps NumPy from warning, so that expressions need not, and asks for no
        reasons.
    limits : Limits, optional
        What the expressions of this match and of others may compute together.

    Raises
    ------
    ExpressionError
        If other matches have used up the limits.

    Notes
    -----
    Views are made when a name is first read, and arrays are loaded when one is first computed with.
    """

    __slots__ = ("_bindings", "_optional", "index", "is_quiet", "limits", "loops", "parameters",
                 "values")  # fmt: skip

    def __init__(
        self,
        index: GraphFacts,
        bindings: Mapping[str, int | Entry | tuple[Entry, ...]],
        parameters: Mapping[str, ArrayLike] | None = None,
        optional: Collection[str] = (),
        *,
        quiet: bool = False,
        limits: Limits | None = None,
    ) -> None:
        nodes = len(index.ranks)
        self.index = index
        self.parameters: Mapping[str, Any] = parameters or {}
        self.limits = limits or Limits(nodes)
        self.limits.begin_match(nodes)
        self.is_quiet = quiet
        """Whether nobody asks for reasons."""
        self.values: dict[str, Any] = {}
        """Name -> what was read or defined so far."""
        self.loops: dict[int, Any] = {}
        """Number of a loop variable -> its value now."""
        self._bindings = bindings
        self._optional = optional

    def define(self, name: str, value: object) -> None:
        """Give a name that ``let`` computes its value; what the pattern bound gives way."""
        self.values[name] = value

    def release(self) -> None:
        """Forget everything, once the match is decided.

        Views know their scope, and the scope its views: until Python looks for such circles, none
        of them would go, and neither would the memory of what was computed.
        """
        self.values.clear()
        self.loops.clear()

    def __getitem__(self, name: str) -> Any:
        """Return what a name stands for: a view, a tuple of views, a computed value or `UNBOUND`.

        Raises
        ------
        ExpressionError
            If there is no such name.
        """
        if name in self.values:
            return self.values[name]
        binding = self._bindings.get(name)
        if binding is None:
            if name in self._optional:
                return UNBOUND
            known = [*self._bindings, *self.values, *self._optional]
            raise ExpressionError(f"there is no name {name!r}{suggestion(name, known)}")
        value: NodeView | ValueView | tuple[ValueView, ...]
        if isinstance(binding, Entry):
            value = ValueView(self, binding, name)
        elif isinstance(binding, int):
            value = NodeView(self, binding, name)
        else:
            value = tuple([ValueView(self, entry) for entry in binding])
        self.values[name] = value
        return value


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
    """What is known of a loop before it runs. Its term has the items, the body, the conditions."""

    number: int
    """Number of the loop variable."""

    variable: str
    """Its name."""

    cost: int
    """Steps that one round takes."""


@dataclass(slots=True, eq=False)
class Term:
    """One part of an expression."""

    node: ast.expr
    """What kind of part it is, and where it stands."""

    source: PythonText
    """The text that it stands in."""

    parts: tuple[Term, ...]
    """What it is made of, in the order of the text."""

    reads: frozenset[Read]
    """What it looks at, by itself and by its parts."""

    constant: tuple[Any] | None = None
    """Its value, if it is a constant or a tuple of such."""

    name: str = ""
    """The name that it reads, if it is one and no loop variable."""

    function: str = ""
    """Name of the function that it calls."""

    loop: Loop | None = None
    """The loop that the function goes through."""

    run: Run = field(init=False)

    @property
    def value(self) -> Any:
        """The value of a constant."""
        assert self.constant is not None
        return self.constant[0]

    @property
    def text(self) -> str:
        """How it was written, on one line."""
        node = self.node
        end = ast.Name("", lineno=node.end_lineno or 0, col_offset=node.end_col_offset or 0)
        (first, left), (last, right) = self.source.place(node), self.source.place(end)
        lines = list(self.source.lines[first - 1 : last])
        lines[-1] = lines[-1][: right - 1]
        lines[0] = lines[0][left - 1 :]
        return " ".join(" ".join(lines).split())

    def conjuncts(self) -> Iterator[Term]:
        """Yield the conditions that have to hold for this one to hold: what ``and`` joins."""
        if isinstance(self.node, ast.BoolOp) and isinstance(self.node.op, ast.And):
            for part in self.parts:
                yield from part.conjuncts()
        else:
            yield self

    def holds(self, scope: Scope) -> bool:
        """Return whether it, a condition, holds.

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
                if all(condition.holds(scope) for condition in conditions):
                    yield item
        except FAILURES as error:
            raise self.failed(error) from None

    def failed(
        self, error: Exception, values: Sequence[Any] = (), parts: Sequence[Term] | None = None
    ) -> Exception:
        """Return the error for a part that can't be computed.

        Parameters
        ----------
        error : Exception
            One of `FAILURES`.
        values : sequence of object
            What it was computed from, to be told.
        parts : sequence of Term, optional
            What gave these values; its own first parts if nothing is said.
        """
        if isinstance(error, ExpressionError):
            return error
        reason = next((text for kind, text in _REASONS if isinstance(error, kind)), str(error))
        given = [
            f"{shortened(part.text)} is {brief(value)}"
            for part, value in zip(self.parts if parts is None else parts, values, strict=False)
            if not part.constant and part.text != brief(value)
        ]
        where = f", where {', '.join(dict.fromkeys(given))}" if given else ""
        return ExpressionError(
            f"{self.source.name}: {shortened(self.text, 100)}: {shortened(reason, 200)}{where}"
        )


def lacking(scope: Scope, parts: tuple[Term, ...]) -> Iterator[str]:
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


def why_not(term: Term, scope: Scope) -> str:
    """Return one clause that says why a condition does not hold: what was found, what was wanted.

    Raises
    ------
    ExpressionError
        If it can't be computed.
    """
    node = term.node
    try:
        if isinstance(node, ast.BoolOp):
            if isinstance(node.op, ast.Or):
                return " and ".join(why_not(part, scope) for part in term.parts)
            return _first_failure(term, scope)
        if isinstance(node, ast.Compare):
            return _comparison(term, node, scope)
        if isinstance(node, ast.Call):
            return _call(term, scope)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            part = term.parts[0]
            found = part.run(scope)
            return f"{_short(part)} is {brief(found)}{', not False' if found is True else ''}"
        if isinstance(node, ast.IfExp):
            test, body, other = term.parts
            chosen = body if test.holds(scope) else other
            return _found(test, scope) if chosen.constant else why_not(chosen, scope)
        return _found(term, scope)
    except UnknownError as error:
        return error.reason


def _found(term: Term, scope: Scope) -> str:
    return f"{_short(term)} is {brief(term.run(scope))}"


def _short(term: Term) -> str:
    return shortened(term.text, 100)


def _first_failure(term: Term, scope: Scope) -> str:
    """Return why the first operand of ``and`` does not hold that does not."""
    for part in term.parts[:-1]:
        if not part.holds(scope):
            return why_not(part, scope)
    return why_not(term.parts[-1], scope)


def _comparison(term: Term, node: ast.Compare, scope: Scope) -> str:
    values = [part.run(scope) for part in term.parts]
    for number, operation in enumerate(node.ops):
        left, right = term.parts[number : number + 2]
        a, b = values[number : number + 2]
        try:
            if truth(relation(type(operation))(scope.limits, a, b)):
                continue
        except FAILURES as error:
            raise term.failed(error, [a, b], [left, right]) from None
        return _related(type(operation), left, right, a, b)
    return _found(term, scope)


def _related(kind: type[ast.cmpop], left: Term, right: Term, a: Any, b: Any) -> str:
    """Return what was found and what was wanted where two values are not related."""
    if kind in (ast.In, ast.NotIn):
        if isinstance(b, str) or left.constant:
            has = "without" if kind is ast.In else "with"
            return f"{_short(right)} is {brief(b)}, {has} {brief(a)}"
        if not b:
            return f"{_short(left)} is {brief(a)}, and there is nothing that it could be"
        listed = shortened(", ".join(map(brief, b[:10])) + ", ..." * (len(b) > 10), 100)
        return f"{_short(left)} is {brief(a)}, {'not ' * (kind is ast.In)}one of {listed}"
    if left.constant and not right.constant and kind in _MIRRORED:
        left, a, b, kind = right, b, a, _MIRRORED[kind]
    return f"{_short(left)} is {brief(a)}{_WANTED[kind]}{brief(b) if kind is not ast.IsNot else ''}"


_WANTED: dict[type[ast.cmpop], str] = {
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


def _call(term: Term, scope: Scope) -> str:
    if term.function == "known":
        for reason in lacking(scope, term.parts):
            return reason
    if term.function == "bound":
        return f"{term.parts[0].name} is not bound"
    if term.function == "bool" and len(term.parts) == 1:
        return why_not(term.parts[0], scope)
    if term.function == "all" and term.loop is not None:
        body = term.parts[1]
        for item in term.rounds(scope):
            try:
                if body.holds(scope):
                    continue
                reason = why_not(body, scope)
            except UnknownError as error:
                reason = error.reason
            told = f"{term.loop.variable} is {brief(item)}"
            return reason if reason.startswith(f"{told}, ") else f"{reason}, where {told}"
    return _found(term, scope)
