"""The model that is checked, what several checks ask of it, and what a check is."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from graphpass.errors import AttributeValueError
from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.model import Model
from graphpass.verify.parameter_fit import Misfit, misfits

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.shapes import Inference, Shape

__all__ = [
    "Attempt",
    "CheckedModel",
    "FindingKind",
    "FoundNode",
    "Hit",
    "ScopedGraph",
    "Severity",
    "Spot",
    "finds",
    "passed_in",
]


Severity: TypeAlias = Literal["error", "warning"]
"""``error``: MXNet or a pass goes wrong. ``warning``: it may be meant, and often is not."""


class FoundNode(NamedTuple):
    """A node that a finding is about."""

    key: int | None
    """Its key in its graph; None where the file has it and the graph has not."""

    op: str
    """``"null"`` for a variable."""

    name: str

    inside: tuple[str, ...] = ()
    """Names of the operators whose subgraph it is in, the outermost first."""

    def __str__(self) -> str:
        """Return how messages name it: ``BatchNorm 'bn0' (#7)``."""
        kind = "variable" if self.op == "null" else self.op
        number = "" if self.key is None else f" (#{self.key})"
        within = f" inside {'/'.join(self.inside)}" if self.inside else ""
        return f"{kind} {self.name!r}{number}{within}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A pass that may mend a finding: whoever asks gets told if it does."""

    pass_name: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        settings = [f"{name}={json.dumps(value)}" for name, value in self.settings.items()]
        return " ".join([f"apply {self.pass_name}", *(f"--set {quote(each)}" for each in settings)])


@dataclass(frozen=True, slots=True)
class Hit:
    """One finding, but for what its `FindingKind` says of all of them."""

    nodes: tuple[FoundNode, ...]
    reason: str
    severity: Severity | None = None
    """Where it is another than usual."""

    remedy: str | Attempt | None = None
    """Where it is another than usual; empty where nothing mends it."""

    unmended: str = ""
    """What is added to the reason where the attempt is not refused, and mends nothing."""


@dataclass(frozen=True, slots=True)
class FindingKind:
    """One kind of finding: a row of the registry."""

    code: str
    """What reports call it, in kebab-case."""

    severity: Severity
    summary: str
    """What is found, in half a sentence."""

    remedy: str | None
    """The verb, and the pass, that mends it, as it is typed behind ``graphpass``."""

    find: Callable[[CheckedModel], Iterator[Hit]]
    """Yields what there is of it in a model."""


def finds(
    code: str, severity: Severity, summary: str, remedy: str | None = None
) -> Callable[[Callable[[CheckedModel], Iterator[Hit]]], FindingKind]:
    """Make a `FindingKind` of a function that yields what there is of it in a model."""
    return lambda find: FindingKind(code, severity, summary, remedy, find)


class ScopedGraph(NamedTuple):
    """The graph, or a subgraph."""

    graph: Graph
    inside: tuple[str, ...] = ()
    """Names of the operators around it, the outermost first."""

    runner: Spot | None = None
    """The operator that runs it; None for the outermost."""

    which: int = 0
    """Which of that operator's subgraphs it is."""

    def found(self, key: int) -> FoundNode:
        """Return one of its nodes, as findings have it."""
        return FoundNode(key, self.graph.op(key), self.graph.name(key), self.inside)


class Spot(NamedTuple):
    """One operator, in the graph or in a subgraph."""

    scope: ScopedGraph
    key: int

    @property
    def graph(self) -> Graph:
        """The graph that it is in."""
        return self.scope.graph

    @property
    def inside(self) -> tuple[str, ...]:
        """Names of the operators around that graph; empty for the outermost."""
        return self.scope.inside

    @property
    def op(self) -> str:
        """Its operator."""
        return self.scope.graph.op(self.key)

    @property
    def node(self) -> FoundNode:
        """The operator, as findings have it."""
        return self.scope.found(self.key)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a value, or `default` where it has none that can be read."""
        try:
            return self.graph.node(self.key).attributes.get(name, default)
        except AttributeValueError:
            return default


_SHAPE_ONLY: Mapping[str, tuple[int, ...]] = {
    "_contrib_MultiBoxPrior": (0,),
    "_contrib_arange_like": (0,),
    "broadcast_like": (1,),
    "ones_like": (0,),
    "reshape_like": (1,),
    "shape_array": (0,),
    "size_array": (0,),
    "slice_like": (1,),
    "zeros_like": (0,),
}
"""Operator -> the inputs of which it takes the shape alone."""


class CheckedModel:
    """A model under check. Whatever is derived from it is derived once."""

    def __init__(self, model: Model, shapes: Mapping[str, Shape]) -> None:
        self.model = model
        self.graph = model.graph
        self.shapes = shapes
        """Shapes of inputs that the user has given."""

    @cached_property
    def inputs(self) -> frozenset[int]:
        """Keys of the arguments without a stored value."""
        names = set(self.model.inputs)
        keys = self.graph.variable_keys().arguments
        return frozenset(key for key in keys if self.graph.name(key) in names)

    @cached_property
    def misfits(self) -> Sequence[Misfit]:
        """Parameters that do not fit, as far as attributes alone tell."""
        return misfits(self.model, self.shapes)

    @cached_property
    def scopes(self) -> Sequence[ScopedGraph]:
        """The graph, and behind it every subgraph, each before those inside it."""
        found = [ScopedGraph(self.graph)]
        for scope in found:  # which grows meanwhile
            graph = scope.graph
            for key in graph.with_subgraphs():
                for which, inner in enumerate(graph.subgraphs(key)):
                    inside = (*scope.inside, graph.name(key))
                    found.append(ScopedGraph(inner, inside, Spot(scope, key), which))
        return found

    @cached_property
    def spots(self) -> Mapping[str, list[Spot]]:
        """Operator name -> every place where it runs, in saved order, subgraphs last."""
        found: dict[str, list[Spot]] = {}
        for scope in self.scopes:
            for key in scope.graph.order():
                op = scope.graph.op(key)
                if op != VARIABLE:
                    found.setdefault(op, []).append(Spot(scope, key))
        return found

    def of(self, *ops: str) -> Iterator[Spot]:
        """Yield the places where one of these operators runs."""
        for op in ops:
            yield from self.spots.get(op, ())

    def spot(self, key: int) -> Spot:
        """Return an operator of the outermost graph."""
        return Spot(self.scopes[0], key)

    def found(self, key: int) -> FoundNode:
        """Return a node of the outermost graph, as findings have it."""
        return self.scopes[0].found(key)

    @cached_property
    def fed(self) -> frozenset[int]:
        """Keys of the nodes of the outermost graph whose values depend on those of an input."""
        graph = self.graph
        found = set(self.inputs)
        for key in graph.order():
            sources: Iterable[int] = graph.sources(key)
            slots = _SHAPE_ONLY.get(graph.op(key))
            if slots is not None:
                read = enumerate(graph.inputs(key))
                sources = [entry.node for slot, entry in read if slot not in slots]
            if not found.isdisjoint(sources):
                found.add(key)
        return frozenset(found)

    def stored(self, spot: Spot, slot: str) -> tuple[int, Array] | None:
        """Return the variable that an operator reads in an input, and its stored value, if any."""
        names = spot.graph.signature(spot.key).input_names or ()
        read = spot.graph.inputs(spot.key)
        if slot not in names or names.index(slot) >= len(read):
            return None
        key, scope = read[names.index(slot)].node, spot.scope
        while scope.runner is not None:
            if not scope.graph.is_variable(key):
                return None
            outer = scope.runner
            entry = passed_in(outer.graph, outer.key, scope.which, key)
            if entry is None:
                return None
            key, scope = entry.node, outer.scope
        name = scope.graph.name(key)
        if not scope.graph.is_variable(key) or name not in self.model.parameters:
            return None
        return key, self.model.parameters[name]

    @cached_property
    def from_inputs(self) -> Inference:
        """Shapes as they follow from the inputs and the attributes alone."""
        from graphpass.shapes import infer

        return infer(self.graph, self.shapes)

    @cached_property
    def from_all(self) -> Inference:
        """Shapes and dtypes as they follow from the inputs and the stored parameters."""
        return self.model.infer(self.shapes)

    @cached_property
    def unaided(self) -> Inference:
        """Shapes as they follow without what the user says: what a pass knows without it too."""
        return self.model.infer() if self.shapes else self.from_all

    @cached_property
    def from_fitting(self) -> Inference:
        """Shapes as they follow from the inputs and the parameters that fit their operators."""
        from graphpass.shapes import infer

        unfit = {misfit.name for misfit in self.misfits if misfit.kind == "shape"}
        stored = self.model.parameters.shapes.items()
        fitting = {name: shape for name, shape in stored if name not in unfit}
        return infer(self.graph, {**fitting, **self.shapes})


_LOCATIONS = {
    "_cond": ("cond_input_locs", "then_input_locs", "else_input_locs"),
    "_while_loop": ("cond_input_locs", "func_input_locs"),
}
"""Operator -> for each subgraph the attribute that says which input each of its variables is."""


def passed_in(graph: Graph, key: int, which: int, variable: int) -> Entry | None:
    """Return the value that a variable of a subgraph is every time an operator runs that subgraph.

    None for what is another value in each step of a loop: slices of data, and states. Linear in the
    subgraph, which is number `which` of the operator `key`.
    """
    inner = graph.subgraphs(key)[which]
    position = [each for each in inner.order() if inner.is_variable(each)].index(variable)
    try:
        slots, changing = _slots(graph, key, which)
        slot = position if slots is None else slots[position]
        return None if slot in changing else graph.inputs(key)[slot]
    except (AttributeValueError, IndexError, KeyError, TypeError):
        return None


def _slots(graph: Graph, key: int, which: int) -> tuple[Sequence[int] | None, Collection[int]]:
    """Return which input each variable is, None for the one in its place; and which inputs change.

    Source: ``src/operator/control_flow.cc`` and ``python/mxnet/symbol/contrib.py``.
    """
    op = graph.op(key)
    attributes: Mapping[str, Any] = graph.node(key).attributes
    if op == "_foreach":
        steps = [*attributes["in_data_locs"], *attributes["in_state_locs"]]
        places = [*steps, *attributes["remain_locs"]]
        slots = {place: slot for slot, place in enumerate(places)}
        return [slots[place] for place in range(len(places))], range(len(steps))
    if op not in _LOCATIONS:
        return None, ()
    locations = attributes[_LOCATIONS[op][which]]
    if op == "_cond":
        return locations, ()
    read = attributes["func_input_locs"]
    return locations, {read[place] for place in attributes["func_var_locs"] if place >= 0}
