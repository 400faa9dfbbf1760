"""What the matcher asks of a graph again and again: who stands where, and what is constant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from graphpass.graph import Entry, Graph
from graphpass.model import Model
from graphpass.ops.meaning import randomness
from graphpass.rules.patterns.pattern import Kind

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.shapes import Inference, Shape

__all__ = ["GraphIndex"]


class GraphIndex:
    """An index of the nodes that the heads reach, good until the graph is edited.

    Parameters
    ----------
    graph : Graph
        The graph.
    inputs : collection of str, optional
        Names of the arguments without a stored value; without it, hints tell.
    position : mapping of int to int, optional
        Key -> place in saved order, where that is known.
    shapes : mapping of str to Shape, optional
        Shapes of inputs, as far as the caller knows them.

    Notes
    -----
    Linear in the graph; what only some patterns ask is worked out when it is first asked.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Collection[str] | None = None,
        position: Mapping[int, int] | None = None,
        shapes: Mapping[str, Shape] | None = None,
    ) -> None:
        self.graph = graph
        if position is None:
            position = {key: number for number, key in enumerate(graph.order())}
        self.position = position
        """Key -> place in saved order."""
        self.by_op: Mapping[str, Sequence[int]] = graph.by_op()
        """Operator name -> keys in saved order."""
        self.heads: dict[int, set[int]] = {}
        """Key -> outputs that are heads."""
        for head in graph.heads:
            self.heads.setdefault(head.node, set()).add(head.output)
        self._inputs = inputs
        self._shapes = shapes or {}
        self._inference: Inference | None = None
        self._kinds: dict[int, Kind] | None = None
        self._known: dict[int, bool] = {}
        """Node -> whether it is constant, as far as that was asked."""

    def readers(self, key: int) -> Iterator[int]:
        """Yield the nodes that read a node or wait for it, each once; dead ones are left out."""
        return (reader for reader in self.graph.readers(key) if reader in self.position)

    def num_readers(self, key: int, output: int | None = None) -> int:
        """Return how many nodes read a node or wait for it, or how many read one of its outputs.

        Notes
        -----
        Constant, but for nodes with several outputs, and graphs with dead nodes or control
        dependencies: there, linear in the readers.
        """
        graph = self.graph
        if len(graph) == len(self.position) and (
            output is None or (graph.signature(key).num_outputs == 1 and not self.has_waiting)
        ):
            return len(graph.readers(key))
        return sum(
            1
            for reader in self.readers(key)
            if output is None or output in self.used_outputs(key, reader)
        )

    @cached_property
    def has_waiting(self) -> bool:
        """Whether there is a control dependency; firings make none where there was none."""
        sources = self.graph.sources
        return any(
            type(slot) is tuple
            for key in self.position
            for edges in sources(key).values()
            for slot in edges
        )

    def may_be_interior(self, key: int, most: int) -> bool:
        """Return whether a node is no head and has so many readers at most; dead ones don't count.

        Notes
        -----
        Constant, but for dead readers: it looks at one reader more than there may be.
        """
        if key in self.heads:
            return False
        if len([*islice(self.graph.readers(key), most + 1)]) <= most:
            return True
        return len([*islice(self.readers(key), most + 1)]) <= most

    def used_outputs(self, key: int, reader: int) -> Iterator[int | None]:
        """Yield the outputs of a node that one reader reads; None where it only waits."""
        edges = self.graph.readers(key)[reader]
        return (edge.get("output") for edge in edges.values())

    def is_kind(self, entry: Entry, kind: Kind) -> bool:
        """Return whether a value is of the kind that a pattern asks for."""
        if kind == "const":
            return self._is_constant(entry.node)
        return self.kinds.get(entry.node) == kind

    @property
    def kinds(self) -> dict[int, Kind]:
        """Variable -> ``param``, ``aux`` or ``input``."""
        if self._kinds is None:
            keys = self.graph.variable_keys()
            inputs = set(Model(self.graph).inputs if self._inputs is None else self._inputs)
            self._kinds = dict.fromkeys(keys.auxiliary_states, "aux")
            for key in keys.arguments:
                self._kinds[key] = "input" if self.graph.name(key) in inputs else "param"
        return self._kinds

    def inference(self, parameters: Mapping[str, Array]) -> Inference:
        """Return what can be told of the shapes and dtypes of all values.

        Parameters
        ----------
        parameters : mapping of str to array
            Stored values, by the names of variables.

        Notes
        -----
        Linear in the graph when it is first asked, constant from then on.
        """
        if self._inference is None:
            from graphpass.formats.parameters import Parameters
            from graphpass.shapes import infer

            stored = parameters if isinstance(parameters, Parameters) else Parameters(parameters)
            self._inference = infer(self.graph, {**stored.shapes, **self._shapes}, stored.dtypes)
        return self._inference

    def forget_inference(self) -> None:
        """Infer anew when shapes are asked for next: what is known may have changed anywhere."""
        self._inference = None

    def _is_constant(self, key: int) -> bool:
        """Work out what is constant below a node, as far as it is not known. Iterative."""
        graph, known = self.graph, self._known
        pending = [key]
        while pending:
            each = pending[-1]
            if each in known:
                pending.pop()
                continue
            sources = () if graph.is_variable(each) else graph.sources(each)
            unknown = [source for source in sources if source not in known]
            if unknown and _repeats(graph, each):
                pending.extend(unknown)
                continue
            pending.pop()
            known[each] = (
                self.kinds.get(each) == "param"
                if graph.is_variable(each)
                else all(known.get(source, False) for source in sources) and _repeats(graph, each)
            )
        return known[key]


def _repeats(graph: Graph, key: int) -> bool:
    """Return whether an operator computes the same of the same inputs each time."""
    return (
        randomness(graph.op(key), graph.attrs(key)) == "never"
        and not graph.signature(key).mutable_slots
        and not graph.subgraphs(key)
    )
