"""Where the batch axis of each value of a trunk is.

Everything that batches rests on one statement about a value: *run on the branches' inputs joined
along their batch axis, a node gives the branches' values joined along such and such an axis*. The
row of an operator (`graphpass.ops.meaning`) tells the axis of the outputs from those of the inputs,
or refuses, because the statement would not hold: samples mix, or a size is baked in. An operator
without such a rule is not batched: those that mix samples (ROIPooling, Proposal, MultiBoxTarget),
that nobody can look into (Custom, control flow), and those of the NumPy interface.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from graphpass.errors import AttributeValueError, OperationError
from graphpass.graph import Graph, ValueKey
from graphpass.graph.invariants import describe
from graphpass.ops.families.creating import filled
from graphpass.ops.meaning import meaning, randomness
from graphpass.ops.sites import Axis, BatchSite
from graphpass.rules.operations.operation import Run
from graphpass.shapes import Inference

__all__ = ["Tracking", "follow_constants", "refuse_two_lengths", "shapes_of"]


def shapes_of(run: Run) -> Inference:
    """Return what is known of the shapes of a model's values. Linear in the graph."""
    inputs = run.model.inputs
    return run.model.infer({name: run.shapes[name] for name in inputs if name in run.shapes})


@dataclass(slots=True)
class Tracking:
    """Follows the batch axis from node to node."""

    graph: Graph
    shapes: Inference
    training: bool

    axes: dict[ValueKey, Axis] = field(default_factory=dict)
    """The axis of each value along which it is joined, as far as it has been followed. A value that
    does not stand here is the same in all branches."""

    def run(self, keys: Iterable[int]) -> None:
        """Follow the axes through some nodes, each after what it reads.

        Raises
        ------
        OperationError
            Naming the operator at which samples mix.
        """
        for key in keys:
            self.step(key)

    def step(self, key: int) -> None:
        """Follow the axes through one node.

        Raises
        ------
        OperationError
            If samples mix there, or nobody can tell.
        """
        graph = self.graph
        try:
            found = self._outputs(key)
        except (AttributeValueError, OperationError) as error:
            raise OperationError(
                f"{describe(graph, key)} can't run on several batches at once: {error}"
            ) from None
        self.axes.update({(key, output): axis for output, axis in enumerate(found)})

    def _outputs(self, key: int) -> tuple[Axis, ...]:
        graph = self.graph
        node = graph.node(key)
        count = graph.signature(key).num_outputs
        draws = randomness(node.op, node.attrs)
        if draws == "always" or (draws == "training" and self.training):
            raise OperationError("it draws random numbers, so its outputs would be others")
        read = graph.inputs(key)
        axes = tuple([self.axes.get(entry.value) for entry in read])
        if draws == "never" and not node.subgraphs and not any(axis is not None for axis in axes):
            return (None,) * count
        rule = meaning(node.op).batch
        if rule is None or node.operator is None or node.subgraphs:
            raise OperationError("it is not known to leave the samples of a batch apart")
        shapes = tuple([self.shapes.shape(entry) for entry in read])
        found = rule(BatchSite(node.op, node.attributes, axes, shapes, self.training))
        if not isinstance(found, tuple):
            return (found,) * count
        return (*found, *(None,) * count)[:count]


# -- constants that are as long as the batch -------------------------------------------------------


def follow_constants(tracking: Tracking, inputs: Collection[int]) -> set[int]:
    """Let tracking know the axes along which constants are open, and return these nodes.

    MXNet infers an extent of 0 in ``_zeros(shape=(0, 8))``, such as the state that a recurrent net
    begins with, from how the value is used, and so behind operators that read nothing but
    parameters and such a value. In a trunk they are as long as the joined batch, and in a branch as
    one.

    Parameters
    ----------
    tracking : Tracking
        It learns the axes.
    inputs : collection of int
        The variables that are data inputs.

    Notes
    -----
    Linear in the graph.
    """
    graph = tracking.graph
    if graph.origin is not None and graph.origin.np_shape:
        return set()
    found: set[int] = set()
    constant: set[int] = set()
    for key in graph.order():
        sources = graph.sources(key)
        if graph.is_variable(key):
            if key not in inputs:
                constant.add(key)
        elif all(source in constant for source in sources):
            constant.add(key)
            row = meaning(graph.op(key))
            fills = row.shape is filled and row.random == "never"
            shape = graph.node(key).attributes.get("shape") if fills else None
            if isinstance(shape, tuple) and shape.count(0) == 1:
                tracking.axes[key, 0] = shape.index(0)
                found.add(key)
            elif not found.isdisjoint(sources):
                with suppress(OperationError):
                    tracking.step(key)
                    if tracking.axes.get((key, 0)) is not None:
                        found.add(key)
    return found


def refuse_two_lengths(graph: Graph, constants: Collection[int], trunk: Iterable[int]) -> None:
    """Refuse a constant that would have to be as long as one batch and as all of them.

    Raises
    ------
    OperationError
        Naming it and who else reads it.
    """
    inside = set(trunk)
    pending = [source for key in inside for source in graph.sources(key) if source in constants]
    needed: set[int] = set()
    while pending:
        key = pending.pop()
        if key not in needed:
            needed.add(key)
            pending += [source for source in graph.sources(key) if source in constants]
    for key in needed:
        others = [use.node for use in graph.uses(key) if use.node not in inside | needed]
        if others or graph.is_head(key):
            reader = f"{describe(graph, others[0])} reads it" if others else "it is a head"
            raise OperationError(
                f"{describe(graph, key)} would be as long as the joined batch in the trunk, and "
                f"{reader} outside; give the trunk its own"
            )
