"""What a lowering makes of one match: its replacement carried out, or a function called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.graph import Entry, Graph
from graphpass.lowering.target import TargetBuilder, TargetGraph, TargetNode, TargetValue, constant
from graphpass.rules.expressions import (
    UNBOUND,
    Expression,
    NodeView,
    Scope,
    UnknownError,
    ValueView,
)
from graphpass.rules.expressions.values import attribute_of
from graphpass.rules.rewrite.draft import Refusal, computed
from graphpass.rules.rewrite.lowering import (
    Choice,
    Expressed,
    Given,
    Listed,
    OnnxCall,
    Picked,
    Repeated,
    Several,
    TargetOperand,
    TargetText,
)
from graphpass.rules.rewrite.match import Match

__all__ = ["LoweredMatch", "Piece", "carry_out", "outputs_of"]


@dataclass(frozen=True, slots=True)
class Piece:
    """What one lowering made of one match."""

    nodes: list[TargetNode]

    results: dict[Entry, Any]
    """TargetValue of MXNet's graph -> the `TargetSource` that it is now."""

    def reads(self) -> Iterator[Entry]:
        """Yield the values of MXNet's graph that are read."""
        for node in self.nodes:
            yield from (each for each in node.inputs if isinstance(each, Entry))
            for graph in node.subgraphs():
                yield from (p[s] for p, s in graph.reads() if isinstance(p[s], Entry))
        yield from (each for each in self.results.values() if isinstance(each, Entry))

    def resolve(self, values: dict[Any, Any]) -> None:
        """Read what values of MXNet's graph are by now, and say there what the results are."""
        for place, slot in TargetGraph(nodes=self.nodes).reads():
            if isinstance(place[slot], Entry):
                place[slot] = values[place[slot][:2]]
        for entry, source in self.results.items():
            found = values[source[:2]] if isinstance(source, Entry) else source
            self.results[entry] = values[entry[:2]] = found


@dataclass(frozen=True, slots=True)
class LoweredMatch:
    """A match, as a Python lowering sees it."""

    match: Match
    scope: Scope
    build: TargetBuilder

    lower_inside: Callable[[Graph, Sequence[Any], TargetBuilder], list[Any]]
    """Lowers a subgraph: the graph, what its variables are, and where its nodes go."""

    shape_of: Callable[[Entry], Any]
    """Returns what is known of the shape of a value of MXNet's graph."""

    def __getitem__(self, name: str) -> Any:
        """Return what a name of the pattern or of ``let`` stands for; None if it is absent."""
        found = self.scope[name]
        return None if found is UNBOUND else found

    @property
    def node(self) -> NodeView:
        """The node that is lowered."""
        return NodeView(self.scope, self.match.roots[0].node)

    @property
    def inputs(self) -> list[Entry]:
        """What the node reads, by slot."""
        return [each.entry for each in self.node.inputs]

    def attribute(self, key: str) -> Any:
        """Return an attribute of the node, by default where the file says nothing."""
        return attribute_of(key, words=False)(self.node)

    def shape(self, source: Any) -> Any:
        """Return what is known of the shape of a source."""
        return self.shape_of(source) if isinstance(source, Entry) else source.shape

    def lowered(self, number: int, sources: Sequence[Any], build: TargetBuilder) -> list[Any]:
        """Lower a subgraph of the node, and return what its heads are.

        Parameters
        ----------
        number : int
            Which of them.
        sources : sequence of TargetSource
            What its variables stand for, in saved order.
        build : TargetBuilder
            Where its nodes go.
        """
        node = self.node
        return self.lower_inside(node.graph.subgraphs(node.key)[number], sources, build)

    def source(self, name: str) -> Entry:
        """Return a value of the pattern, for an operator to read."""
        found = self[name]
        return found.output(0).entry if isinstance(found, NodeView) else found.entry


def carry_out(text: TargetText, scope: Scope, build: TargetBuilder) -> list[Any]:
    """Return what a replacement gives, each a `TargetSource` or a list of such.

    Raises
    ------
    Refusal
        If something that it computes with is not known.
    GraphpassError
        If it makes no sense at this match.
    """
    work = _Work(scope, build)
    for names, whole, operand in text.lines:
        made = work.value(operand, None if whole else len(names))
        if whole:
            work.given[names[0] or ""] = made
            continue
        several = made if isinstance(made, list) else [made]
        if len(several) < len(names):
            raise OperationError(f"{len(names)} names are given to {len(several)} values")
        work.given |= {name: each for name, each in zip(names, several, strict=False) if name}
    found: list[Any] = []
    for operand in text.results:
        found += work.inputs(operand) if isinstance(operand, Several) else [work.value(operand)]
    return [each if isinstance(each, list) else work.source(each) for each in found]


@dataclass(slots=True)
class _Work:
    """One replacement in the making."""

    scope: Scope
    build: TargetBuilder
    given: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    """Name of ``let`` -> the constant that it is, so that it is one wherever it is read."""

    def value(self, operand: TargetOperand, outputs: int | None = None) -> Any:
        """Return a source, a list of sources, None, or a number, tuple or array."""
        match operand:
            case Given(name):
                return self.given[name]
            case Expressed(expression):
                return self.computed(expression)
            case Choice(test, body, other):
                try:
                    return self.value(body if test.test(self.scope) else other)
                except UnknownError as unknown:
                    raise Refusal(unknown.reason, test.text, "replace") from None
            case Picked(values, index):
                found, place = self.several(values), self.evaluate(index)
                if not isinstance(place, int) or not -len(found) <= place < len(found):
                    raise OperationError(f"there is no value {index.text} of {len(found)}")
                return found[place]
            case Listed(parts):
                return [each for part in parts for each in self.inputs(part)]
            case Repeated():
                return list(self.rounds(operand))
            case OnnxCall():
                return self.call(operand, outputs)
            case _:
                raise OperationError("* stands among the inputs of an operator, or behind return")

    def rounds(self, loop: Repeated) -> Iterator[Any]:
        for item in self.several(loop.items):
            self.scope.define(loop.variable, item)
            if all(self.evaluate(condition) for condition in loop.conditions):
                yield self.value(loop.body)

    def several(self, operand: TargetOperand) -> list[Any]:
        """Return several values one by one."""
        if isinstance(operand, Expressed):
            found = self.evaluate(operand.expression)
            if isinstance(found, tuple):
                return list(found)
        else:
            found = self.value(operand)
        return found if isinstance(found, list) else [found]

    def inputs(self, operand: TargetOperand) -> list[Any]:
        if isinstance(operand, Several):
            return [self.as_input(each) for each in self.several(operand.values)]
        made = self.value(operand)
        return [made[0] if isinstance(made, list) and made else made]

    def call(self, call: OnnxCall, outputs: int | None) -> Any:
        inputs = [each for operand in call.operands for each in self.inputs(operand)]
        attributes = {key: self.evaluate(value) for key, value in call.attributes}
        if call.outputs is not None:
            outputs = self.evaluate(call.outputs)
        return self.build.op(
            call.op, *inputs, outputs=outputs, domain=call.domain, label=call.label, **attributes
        )

    def evaluate(self, expression: Expression) -> Any:
        return computed(expression, expression.text, "replace", self.scope)

    def computed(self, expression: Expression) -> Any:
        name = expression.name
        if name and self.scope[name] is UNBOUND:
            return None
        if name in self.constants:
            return self.constants[name]
        found = self.as_input(self.evaluate(expression))
        if isinstance(found, np.ndarray):
            found = constant(found, label=name or "constant")
            if name:
                self.constants[name] = found
        return found

    @staticmethod
    def as_input(value: Any) -> Any:
        """Return what an expression gave as an operator reads it."""
        if isinstance(value, NodeView):
            value = value.output(0)
        return value.entry if isinstance(value, ValueView) else value

    def source(self, value: Any) -> Any:
        """Return what takes the place of an output."""
        if value is None:
            raise Refusal("what is to take its place is absent here", stage="replace")
        return value if isinstance(value, TargetValue | Entry) else constant(value)


def outputs_of(match: Match, found: list[Any]) -> dict[Entry, Any]:
    """Return which output of a match becomes what, of all that a replacement gives."""
    if len(match.roots) == 1 and match.whole[0]:
        [root] = match.roots
        flat = found[0] if len(found) == 1 and isinstance(found[0], list) else found
        return {Entry(root.node, number): each for number, each in enumerate(flat)}
    return {
        Entry(root.node, root.output): each[0] if isinstance(each, list) else each
        for root, each in zip(match.roots, found, strict=False)
    }
