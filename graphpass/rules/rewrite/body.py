"""What a rewrite says besides its pattern: conditions, computed values and the replacement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from graphpass.errors import ExpressionError, OperationError
from graphpass.formats.spill import all_finite
from graphpass.graph import Entry
from graphpass.rules.expressions import Expression, Scope, UnknownError, ValueView
from graphpass.rules.report.firings import REFUSED
from graphpass.rules.rewrite.draft import (
    Draft,
    Made,
    NewNode,
    NewParameter,
    Refusal,
    Source,
    Stage,
    attribute_text,
    operator_attrs,
)
from graphpass.rules.rewrite.match import Binding
from graphpass.rules.rewrite.replacement import Named, NewPart, Replacement, Spread

__all__ = ["Body", "TextBody", "parameter_array"]


class Body(Protocol):
    """Conditions and replacement, whatever they are written in."""

    @property
    def reads(self) -> frozenset[str]:
        """Names of the pattern that matter: two operands with such names can't change places."""

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """Return what to put in at a match.

        Raises
        ------
        Refusal
            If a condition does not hold, or something it computes with is not known.
        GraphpassError
            If the rewrite makes no sense there.
        """


@dataclass(frozen=True)
class TextBody:
    """A body that was written as text."""

    where: tuple[Expression, ...]
    let: Mapping[str, Expression]
    replacement: Replacement
    """What takes the place of a match; nothing where matches are refused."""

    refusal: str | None = None
    """Why no match is taken, of which the conditions hold; None where they are taken."""

    @property
    def reads(self) -> frozenset[str]:
        """Names that conditions, computed values and replacement read."""
        found = {name for each in self.expressions() for name in each.names}
        found |= {operand.name for operand in self.replacement.reads()}
        return frozenset(found)

    @cached_property
    def conditions(self) -> tuple[list[Expression], list[Expression]]:
        """Return the conditions in the order of evaluation: before ``let``, and after it."""
        early: list[Expression] = []
        late: list[Expression] = []
        for condition in self.where:
            (early if condition.names.isdisjoint(self.let) else late).append(condition)
        return early, late

    def expressions(self) -> Iterator[Expression]:
        """Yield everything that is computed at a match."""
        yield from self.where
        yield from self.let.values()
        yield from self.replacement.expressions()

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """See `Body.draft`. The scope is empty afterwards."""
        try:
            self.settle(scope)
            return Drafting(self.let, scope, bindings).draft(self.replacement)
        finally:
            scope.release()
            scope.limits.end_match()

    def settle(self, scope: Scope) -> None:
        """See that the conditions hold, and compute the values of ``let``, which the scope keeps.

        Raises
        ------
        Refusal
            If a condition does not hold, or something it computes with is not known.
        """
        early, late = self.conditions
        for condition in early:
            _require(condition, scope)
        for name, expression in self.let.items():
            scope.define(name, computed(expression, name, "let", scope))
        for condition in late:
            _require(condition, scope)
        if self.refusal is not None:
            raise Refusal(self.refusal, REFUSED)


def computed(expression: Expression, what: str, stage: Stage, scope: Scope) -> Any:
    """Return the value of an expression.

    Raises
    ------
    Refusal
        If something that it reads is not known.
    """
    try:
        return expression.evaluate(scope)
    except UnknownError as unknown:
        reason = f"{unknown.reason}, so {what} can't be computed"
        raise Refusal(reason, what, stage) from None


class Drafting:
    """One draft in the making.

    Parameters
    ----------
    let : mapping of str to Expression
        What was computed; its values are in `scope`.
    scope : Scope
        What the names stand for in expressions.
    bindings : mapping of str to Binding
        What the names of the pattern stand for.
    """

    def __init__(
        self, let: Mapping[str, Expression], scope: Scope, bindings: Mapping[str, Binding]
    ) -> None:
        self._let = let
        self._scope = scope
        self._bindings = bindings
        self._parameters: dict[str, NewParameter] = {}

    def draft(self, replacement: Replacement) -> Draft:
        """Follow the replacement.

        Raises
        ------
        Refusal
            If something that it computes with is not known, or absent.
        OperationError
            If it asks for what no operator can read or be called.
        """
        nodes = list(map(self._node, replacement.parts))
        return Draft(nodes, [self._result(result) for result in replacement.results])

    def _result(self, result: Named | Made) -> Entry | Made:
        if isinstance(result, Made):
            return result
        found = self._named(result)
        if found is None or isinstance(found, NewParameter):
            raise Refusal("what is to take its place is absent here", stage="replace")
        return found

    def _node(self, part: NewPart) -> NewNode:
        inputs: list[Source] = []
        for operand in part.operands:
            if isinstance(operand, Named):
                source = self._named(operand)
                if source is not None:
                    inputs.append(source)
            elif isinstance(operand, Spread):
                several = self._bindings.get(operand.name, ())
                assert isinstance(several, tuple)
                inputs.extend(several)  # type: ignore[arg-type]
            else:
                inputs.append(operand)
        attrs = self._attributes(part)
        if part.counter is not None:
            attrs[part.counter] = str(len(inputs))
        return NewNode(part.op, attrs, inputs, part.label, self._name(part))

    def _attributes(self, part: NewPart) -> dict[str, str]:
        attrs: dict[str, str] = {}
        for step in part.attributes:
            if isinstance(step, str):
                key = self._bindings.get(step)
                if isinstance(key, int):
                    graph = self._scope.facts.graph
                    copied = operator_attrs(graph.op(key), graph.attrs(key))
                    attrs = {**attrs, **copied} if attrs else copied
                continue
            name, value = step
            if isinstance(value, Expression):
                made = computed(value, name, "replace", self._scope)
                value = None if made is None else attribute_text(made, value.text)
            if value is None:
                attrs.pop(name, None)
            else:
                attrs[name] = value
        return attrs

    def _name(self, part: NewPart) -> str | None:
        if part.name is None:
            return None
        name = computed(part.name, "name", "replace", self._scope)
        if not isinstance(name, str) or not name:
            raise OperationError(f"name={part.name.text} is {name!r}, which is no name")
        return name

    def _named(self, operand: Named) -> Source | None:
        name = operand.name
        if name in self._let:
            return self._parameters.get(name) or self._parameter(name)
        bound = self._bindings.get(name)
        if isinstance(bound, int):
            return Entry(bound, operand.output or 0)
        assert bound is None or isinstance(bound, Entry)
        return bound

    def _parameter(self, name: str) -> NewParameter:
        bindings = self._bindings
        array = parameter_array(name, self._scope, bindings)
        only: int | None = None
        for read in self._let[name].names:
            bound = bindings.get(read)
            if type(bound) is Entry:
                if only is not None:
                    only = None
                    break
                only = bound.node
        made = self._parameters[name] = NewParameter(array, name, only)
        return made


def parameter_array(name: str, scope: Scope, bindings: Mapping[str, Binding]) -> npt.NDArray[Any]:
    """Return what was computed for a name, as a value that an operator can read.

    Raises
    ------
    Refusal
        If it holds infinities or NaN, and all stored values of the match are finite.
    OperationError
        If it is no array, or one without dimensions.
    """
    value = scope[name]
    array = value.array if isinstance(value, ValueView) else value
    if not isinstance(array, np.ndarray) or array.ndim == 0:
        raise OperationError(
            f"{name} is {array!r}, and an operator reads arrays with a dimension at least; "
            f"make one: full((1,), {name})"
        )
    if array.dtype.kind not in "biu" and not all_finite(array):
        views = [ValueView(scope, each) for each in bindings.values() if type(each) is Entry]
        stored = [each.stored for each in views if each.stored is not None]
        if all(all_finite(each) for each in stored if each.dtype.kind not in "biu"):
            raise Refusal(f"{name} would hold numbers that are not finite", name, "let")
    return array


def _require(condition: Expression, scope: Scope) -> None:
    try:
        holds = condition.holds(scope)
    except UnknownError as unknown:
        raise Refusal(unknown.reason, condition.text) from None
    if not holds:
        raise Refusal("" if scope.is_quiet else _why_not(condition, scope), condition.text)


def _why_not(condition: Expression, scope: Scope) -> str:
    """Return the reason; one that takes too much to find is that the condition does not hold."""
    scope.limits.renew()
    try:
        return condition.why_not(scope)
    except ExpressionError:
        return f"{condition.text} does not hold"
