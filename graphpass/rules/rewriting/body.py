"""What a rewrite says besides its pattern: conditions, computed values and the replacement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from graphpass.errors import OperationError
from graphpass.graph import Entry
from graphpass.ops import canonical_name
from graphpass.rules.expressions import Expression, Scope, UnknownError, ValueView
from graphpass.rules.matching.match import Binding
from graphpass.rules.rewriting.draft import (
    Draft,
    Made,
    NewNode,
    NewParameter,
    Source,
    attribute_text,
    operator_attrs,
)
from graphpass.rules.rewriting.replacement import (
    Application,
    CopyAttributes,
    Named,
    Operand,
    Replacement,
    Spread,
)

__all__ = ["Body", "Refusal", "Stage", "TextBody"]

FAR_WORDS = frozenset(
    {"users", "node", "inputs", "is_head", "is_param", "is_aux", "is_input", "shape", "dtype"}
)
"""Words of expressions whose value may change by what happens outside the match."""


Stage: TypeAlias = Literal["where", "let", "replace", "outputs", "control", "subgraph"]
"""What is looked at, in this order; conditions that read computed values come after ``let``."""


class Refusal(Exception):  # noqa: N818 - no error: the rewrite says that it does not apply
    """A match that a rewrite does not take, and why."""

    def __init__(self, reason: str, condition: str | None = None, stage: Stage = "where") -> None:
        super().__init__(reason)
        self.reason = reason
        self.condition = condition
        """The condition that does not hold, as it is written, or the name of what is not known."""
        self.stage = stage
        """At what it stopped."""


class Body(Protocol):
    """Conditions and replacement, whatever they are written in."""

    @property
    def reads(self) -> frozenset[str]:
        """Names of the pattern that matter: two operands with such names can't change places."""

    @property
    def is_local(self) -> bool:
        """Whether the conditions look at the match only, not at what lies around it."""

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """Return what to put in at a match.

        Raises
        ------
        Refusal
            If a condition does not hold, or something it computes with is not known.
        GraphpassError
            If the rewrite makes no sense there.
        """


@dataclass(frozen=True, slots=True)
class TextBody:
    """A body that was written as text."""

    where: tuple[Expression, ...]
    let: Mapping[str, Expression]
    replacement: Replacement

    @property
    def reads(self) -> frozenset[str]:
        """Names that conditions, computed values and replacement read."""
        found = {name for each in self._expressions() for name in each.names}
        found |= {operand.name for operand in self.replacement.operands()}
        return frozenset(found)

    @property
    def is_local(self) -> bool:
        """Whether no expression looks beyond the match."""
        return not any(
            word in FAR_WORDS for each in self._expressions() for _, word in each.attributes
        )

    def conditions(self) -> tuple[list[Expression], list[Expression]]:
        """Return the conditions in the order of evaluation: before ``let``, and after it."""
        early: list[Expression] = []
        late: list[Expression] = []
        for condition in self.where:
            (early if condition.names.isdisjoint(self.let) else late).append(condition)
        return early, late

    def _expressions(self) -> Iterator[Expression]:
        yield from self.where
        yield from self.let.values()
        for _, application in self.replacement.applications():
            for attribute in application.attributes:
                if not isinstance(attribute, CopyAttributes):
                    yield attribute.value
            if application.name is not None:
                yield application.name

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """See `Body.draft`."""
        drafting = _Drafting(self, scope, bindings)
        early, late = self.conditions()
        for condition in early:
            _require(condition, scope)
        drafting.compute()
        for condition in late:
            _require(condition, scope)
        return drafting.draft()


def _require(condition: Expression, scope: Scope) -> None:
    try:
        holds = condition.holds(scope)
    except UnknownError as unknown:
        raise Refusal(unknown.reason, condition.text) from None
    if not holds:
        raise Refusal(condition.why_not(scope), condition.text)


class _Drafting:
    """One draft in the making."""

    def __init__(self, body: TextBody, scope: Scope, bindings: Mapping[str, Binding]) -> None:
        self._body = body
        self._scope = scope
        self._bindings = bindings
        self._draft = Draft()
        self._new: dict[str, Made] = {}
        self._parameters: dict[str, NewParameter] = {}

    def compute(self) -> None:
        for name, expression in self._body.let.items():
            self._scope.define(name, self._value(expression, name, "let"))

    def draft(self) -> Draft:
        for assignment in self._body.replacement.assignments:
            made = self._apply(assignment.application, assignment.names[0])
            for output, name in enumerate(assignment.names):
                if name is not None:
                    self._new[name] = Made(made.node, output)
        for result in self._body.replacement.results:
            found = (
                self._apply(result, None)
                if isinstance(result, Application)
                else self._named(result)
            )
            if found is None or isinstance(found, NewParameter):
                raise Refusal("what is to take its place is absent here", stage="replace")
            self._draft.results.append(found)
        return self._draft

    def _value(self, expression: Expression, what: str, stage: Stage = "replace") -> Any:
        try:
            return expression.evaluate(self._scope)
        except UnknownError as unknown:
            reason = f"{unknown.reason}, so {what} can't be computed"
            raise Refusal(reason, what, stage) from None

    def _apply(self, application: Application, label: str | None) -> Made:
        inputs: list[Source] = []
        for operand in application.inputs:
            inputs.extend(self._operand(operand))
        attrs: dict[str, str] = {}
        for attribute in application.attributes:
            if isinstance(attribute, CopyAttributes):
                attrs.update(self._copied(attribute))
                continue
            value = self._value(attribute.value, attribute.name)
            if value is None:
                attrs.pop(attribute.name, None)
            else:
                attrs[attribute.name] = attribute_text(value, attribute.value.text)
        name = None
        if application.name is not None:
            name = self._value(application.name, "name")
            if not isinstance(name, str) or not name:
                raise OperationError(f"name={application.name.text} is {name!r}, which is no name")
        op = canonical_name(application.operator)
        return self._draft.add(NewNode(op, attrs, inputs, label or op.strip("_").lower(), name))

    def _copied(self, attribute: CopyAttributes) -> dict[str, str]:
        key = self._bindings.get(attribute.node)
        graph = self._scope.index.graph
        if not isinstance(key, int):
            return {}
        return operator_attrs(graph.op(key), graph.attrs(key))

    def _operand(self, operand: Operand) -> Iterable[Source]:
        if isinstance(operand, Application):
            return (self._apply(operand, None),)
        if isinstance(operand, Spread):
            found = self._bindings.get(operand.name, ())
            assert isinstance(found, tuple)
            return found  # type: ignore[return-value]
        named = self._named(operand)
        return () if named is None else (named,)

    def _named(self, operand: Named) -> Source | None:
        if operand.is_new:
            made = self._new[operand.name]
            return made if operand.output is None else Made(made.node, operand.output)
        if operand.name in self._body.let:
            return self._parameter(operand.name)
        bound = self._bindings.get(operand.name)
        if isinstance(bound, int):
            return Entry(bound, operand.output or 0)
        assert bound is None or isinstance(bound, Entry)
        return bound

    def _parameter(self, name: str) -> NewParameter:
        known = self._parameters.get(name)
        if known is not None:
            return known
        value = self._scope[name]
        array = value.array if isinstance(value, ValueView) else value
        if not isinstance(array, np.ndarray):
            raise OperationError(
                f"{name} is {array!r}, and an operator reads arrays; make one: full((1,), {name})"
            )
        sources = [
            bound.node
            for read in self._body.let[name].names
            if isinstance(bound := self._bindings.get(read), Entry)
        ]
        only = sources[0] if len(sources) == 1 else None
        made = self._parameters[name] = NewParameter(array, name, only)
        return made
