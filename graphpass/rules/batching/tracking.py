"""Where the batch axis of each value of a trunk is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from graphpass.errors import AttributeValueError, OperationError
from graphpass.graph import Graph, Value
from graphpass.graph.invariants import describe
from graphpass.ops.meaning import randomness
from graphpass.rules.batching.site import Axis, Site
from graphpass.rules.batching.table import RULES
from graphpass.rules.operations.operation import Run
from graphpass.shapes import Inference

__all__ = ["Tracking", "shapes_of"]


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

    axes: dict[Value, Axis] = field(default_factory=dict)
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
        rule = RULES.get(node.op)
        if rule is None or node.operator is None or node.subgraphs:
            raise OperationError("it is not known to leave the samples of a batch apart")
        shapes = tuple([self.shapes.shape(entry) for entry in read])
        found = rule(Site(node.op, node.attributes, axes, shapes, self.training))
        if not isinstance(found, tuple):
            return (found,) * count
        return (*found, *(None,) * count)[:count]
