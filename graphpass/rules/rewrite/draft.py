"""What a rewrite says besides its pattern, and what that comes to at a match: a `Draft`.

A `Body` has conditions, computed values and the replacement. A draft is what one firing will put
in, new nodes and parameters, before the graph is touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from graphpass.errors import ExpressionError, OperationError
from graphpass.formats.spill import all_finite
from graphpass.graph import Entry
from graphpass.ops import find, format_value
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.expressions import Expression, Scope, UnknownError, ValueView
from graphpass.rules.report.firings import REFUSED
from graphpass.rules.rewrite.match import Binding
from graphpass.rules.rewrite.replacement import Made, Named, NewPart, Replacement, Spread

__all__ = [
    "Body",
    "Draft",
    "NewNode",
    "NewParameter",
    "Refusal",
    "Source",
    "Stage",
    "TextBody",
    "attribute_text",
    "computed",
    "literal_text",
    "operator_attrs",
    "parameter_array",
    "user_attrs",
]


Stage: TypeAlias = Literal["where", "let", "replace", "outputs", "control", "subgraph"]
"""What is looked at, in this order; conditions that read computed values come after ``let``."""


class Refusal(Exception):  # noqa: N818 - no error: the rewrite says that it does not apply
    """Says that a rewrite does not take a match."""

    def __init__(self, reason: str, condition: str | None = None, stage: Stage = "where") -> None:
        super().__init__(reason)
        self.reason = reason
        self.condition = condition
        """The condition that does not hold, as it is written, or the name of what is not known."""
        self.stage = stage
        """At what it stopped."""


@dataclass(slots=True, eq=False)
class NewParameter:
    """A variable with a value that the rewrite computed."""

    array: npt.NDArray[Any]

    label: str
    """What the rewrite calls it."""

    only_source: int | None = None
    """Key of the one parameter that it was computed from, where there is just one."""

    name: str | None = None
    """The name that the rewrite asks for."""

    like: int | None = None
    """Key of the parameter whose place the rewrite says that it takes."""


Source: TypeAlias = Entry | Made | NewParameter
"""What a new node may read."""


@dataclass(slots=True, eq=False)
class NewNode:
    """An operator to be."""

    op: str
    """Canonical name."""

    attrs: dict[str, str]
    inputs: list[Source]

    label: str
    """What the rewrite calls it; the name is made of it where the rewrite gives none."""

    name: str | None = None
    """The name that the rewrite asks for."""


@dataclass(slots=True, eq=False)
class Draft:
    """Everything that one firing puts in."""

    nodes: list[NewNode] = field(default_factory=list)
    """Each after what it reads."""

    results: Sequence[Entry | Made | None] = ()
    """What takes the place of each root; None where nothing has to."""

    @property
    def has_parameters(self) -> bool:
        """Whether something new reads a computed parameter."""
        return any(
            isinstance(source, NewParameter) for node in self.nodes for source in node.inputs
        )

    def read_nodes(self) -> set[int]:
        """Return the nodes of the graph that something new reads, or that take a root's place."""
        found = {
            source.node
            for node in self.nodes
            for source in node.inputs
            if isinstance(source, Entry)
        }
        found.update([result.node for result in self.results if isinstance(result, Entry)])
        return found

    def pruned(self, needed: Sequence[bool]) -> Draft:
        """Return the same without the results that nothing needs, and what only they read."""
        results = [
            result if wanted else None for result, wanted in zip(self.results, needed, strict=True)
        ]
        alive: set[int] = set()
        pending = [result.node for result in results if isinstance(result, Made)]
        while pending:
            position = pending.pop()
            if position not in alive:
                alive.add(position)
                inputs = self.nodes[position].inputs
                pending += [source.node for source in inputs if isinstance(source, Made)]
        places = {old: new for new, old in enumerate(sorted(alive))}
        for position in alive:
            node = self.nodes[position]
            node.inputs = [
                source._replace(node=places[source.node]) if isinstance(source, Made) else source
                for source in node.inputs
            ]
        return Draft(
            [self.nodes[position] for position in sorted(alive)],
            [
                result._replace(node=places[result.node]) if isinstance(result, Made) else result
                for result in results
            ],
        )

    def num_outputs(self, made: Made) -> int:
        """Return how many outputs a new node has from a given one on, hidden ones included."""
        node = self.nodes[made.node]
        operator = find(node.op)
        return 1 if operator is None else operator.signature(node.attrs).num_outputs - made.output


def attribute_text(value: Any, where: str) -> str:
    """Return the text that MXNet's Python front end writes for a value.

    Raises
    ------
    OperationError
        If it is no value of an attribute, such as an array.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        value = tuple(_plain(each, where) for each in value)
    elif not isinstance(value, bool | int | float | None):
        raise OperationError(
            f"{where} is a {type(value).__name__}; an attribute is a number, a text, True, False, "
            "None or a tuple of them"
        )
    return format_value(value)


def literal_text(value: Expression) -> str | Expression | None:
    """Return the text of a value that is written out, None for None; what is computed stays."""
    if value.literal is None:
        return value
    (literal,) = value.literal
    return None if literal is None else attribute_text(literal, value.text)


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_plain(each, where) for each in value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, bool | int | float | str | None):
        return value
    raise OperationError(f"{where} holds a {type(value).__name__}, which no attribute can hold")


def operator_attrs(op: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that say what an operator does, without those a user hung on it."""
    operator = find(op)
    if operator is None or operator.open_keys or not operator.attributes:
        return {key: text for key, text in attrs.items() if not is_hidden_key(key)}
    return {key: text for key, text in attrs.items() if key in operator.attributes}


def user_attrs(op: str, attrs: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes that a user hung on a node, such as ``__lr_mult__``."""
    own = operator_attrs(op, attrs)
    return {key: text for key, text in attrs.items() if key not in own}


# -- bodies --------------------------------------------------------------------------------------


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
        results: list[Entry | Made] = []
        for result in replacement.results:
            found = result if isinstance(result, Made) else self._named(result)
            if found is None or isinstance(found, NewParameter):
                raise Refusal("what is to take its place is absent here", stage="replace")
            results.append(found)
        return Draft(nodes, results)

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
        name: Any = None
        if part.name is not None:
            name = computed(part.name, "name", "replace", self._scope)
            if not isinstance(name, str) or not name:
                raise OperationError(f"name={part.name.text} is {name!r}, which is no name")
        return NewNode(part.op, attrs, inputs, part.label, name)

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
