"""The model that is checked, and what several checks ask of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any, NamedTuple

from graphpass.checks.finding import FoundNode
from graphpass.checks.passed_in import passed_in
from graphpass.errors import AttributeValueError
from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.model import Model
from graphpass.verify.parameter_fit import Misfit, misfits

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.shapes import Inference, Shape

__all__ = ["Scope", "Spot", "Subject"]


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


class Around(NamedTuple):
    """What runs a subgraph."""

    spot: Spot
    which: int
    """Which of the operator's subgraphs it is."""


class Scope(NamedTuple):
    """The graph, or a subgraph."""

    graph: Graph
    inside: tuple[str, ...] = ()
    """Names of the operators around it, the outermost first."""

    around: Around | None = None

    def found(self, key: int) -> FoundNode:
        """Return one of its nodes, as findings have it."""
        return FoundNode(key, self.graph.op(key), self.graph.name(key), self.inside)


class Spot(NamedTuple):
    """One operator, in the graph or in a subgraph."""

    graph: Graph
    key: int
    inside: tuple[str, ...]
    """Names of the operators around the graph; empty for the outermost."""

    around: Around | None = None
    """What runs the graph; None for the outermost."""

    @property
    def node(self) -> FoundNode:
        """The operator, as findings have it."""
        return FoundNode(self.key, self.graph.op(self.key), self.graph.name(self.key), self.inside)

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a value, or `default` where it has none that can be read."""
        try:
            return self.graph.node(self.key).attributes.get(name, default)
        except AttributeValueError:
            return default


class Subject:
    """A model under check. Whatever is derived from it is derived once."""

    def __init__(self, model: Model, shapes: Mapping[str, Shape]) -> None:
        self.model = model
        self.graph = model.graph
        self.shapes = shapes
        """Shapes of inputs that the user has given."""
        self._above: dict[str, frozenset[int]] = {}

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
    def scopes(self) -> Sequence[Scope]:
        """The graph, and behind it every subgraph, each before those inside it."""
        found = [Scope(self.graph)]
        for scope in found:  # which grows meanwhile
            graph = scope.graph
            for key in graph.order():
                for which, inner in enumerate(graph.subgraphs(key)):
                    around = Around(Spot(graph, key, scope.inside, scope.around), which)
                    found.append(Scope(inner, (*scope.inside, graph.name(key)), around))
        return found

    @cached_property
    def spots(self) -> Mapping[str, list[Spot]]:
        """Operator name -> every place where it runs, in saved order, subgraphs last."""
        found: dict[str, list[Spot]] = {}
        for graph, inside, around in self.scopes:
            for key in graph.order():
                op = graph.op(key)
                if op != VARIABLE:
                    found.setdefault(op, []).append(Spot(graph, key, inside, around))
        return found

    def of(self, *ops: str) -> Iterator[Spot]:
        """Yield the places where one of these operators runs."""
        for op in ops:
            yield from self.spots.get(op, ())

    def above(self, op: str) -> frozenset[int]:
        """Return the nodes of the outermost graph that some operators compute from, and these."""
        found = self._above.get(op)
        if found is None:
            pending = [spot.key for spot in self.of(op) if not spot.inside]
            seen = set(pending)
            while pending:
                new = set(self.graph.sources(pending.pop())) - seen
                seen |= new
                pending += new
            found = self._above[op] = frozenset(seen)
        return found

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

    def found(self, key: int) -> FoundNode:
        """Return a node of the outermost graph, as findings have it."""
        return FoundNode(key, self.graph.op(key), self.graph.name(key))

    def stored(self, spot: Spot, slot: str) -> tuple[int, Array] | None:
        """Return the variable that an operator reads in an input, and its stored value, if any."""
        names = spot.graph.signature(spot.key).input_names or ()
        read = spot.graph.inputs(spot.key)
        if slot not in names or names.index(slot) >= len(read):
            return None
        key, graph, around = read[names.index(slot)].node, spot.graph, spot.around
        while around is not None:
            outer, which = around
            entry = (
                passed_in(outer.graph, outer.key, which, key) if graph.is_variable(key) else None
            )
            if entry is None:
                return None
            key, graph, around = entry.node, outer.graph, outer.around
        name = graph.name(key)
        if not graph.is_variable(key) or name not in self.model.parameters:
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

    def remedy(self, pass_: str, mends: Callable[[Inference], bool]) -> str:
        """Return the command of a pass that asks for shapes, told them if it needs to be.

        Parameters
        ----------
        pass_ : str
            The pass, and its settings.
        mends : callable
            Whether it mends the finding under such knowledge.

        Returns
        -------
        str
            Empty if it does not mend it.
        """
        if mends(self.unaided):
            return f"apply {pass_}"
        if not self.shapes or not mends(self.from_all):
            return ""
        given = [
            f"{name}:{','.join(str(extent or 0) for extent in shape)}"
            for name, shape in self.shapes.items()
        ]
        return " ".join([f"apply {pass_}", *(f"--input {quote(each)}" for each in given)])

    @cached_property
    def from_fitting(self) -> Inference:
        """Shapes as they follow from the inputs and the parameters that fit their operators."""
        from graphpass.shapes import infer

        stored = self.model.parameters.shapes
        unfit = {misfit.name for misfit in self.misfits if misfit.kind == "shape"}
        fitting = {name: shape for name, shape in stored.items() if name not in unfit}
        return infer(self.graph, {**fitting, **self.shapes})

    def wanted_shape(self, key: int) -> Shape | None:
        """Return the shape that a variable has to have, as far as it is known."""
        return self.from_inputs.shape(Entry(key))
