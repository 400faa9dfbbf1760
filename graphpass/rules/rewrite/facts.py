"""What the engine asks of a graph again and again: who stands where, and what is constant."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from graphpass.graph import VARIABLE, Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.graph.ranks import Ranks
from graphpass.graph.store import Cut
from graphpass.model import Model
from graphpass.ops.meaning import randomness
from graphpass.rules.rewrite.pattern import ValueKind

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array
    from graphpass.shapes import Inference, Shape

__all__ = ["Facts", "FactsKeeper"]


class Facts:
    """Facts of the nodes that the heads reach. They follow the firings of rewrites.

    Any other edit of the graph makes them worthless.

    Parameters
    ----------
    graph : Graph
        The graph.
    inputs : collection of str, optional
        Names of the arguments without a stored value; without it, hints tell.
    shapes : mapping of str to Shape, optional
        Shapes of inputs, as far as the caller knows them.

    Notes
    -----
    Linear in the graph; what only some patterns ask is worked out when it is first asked.
    Following a firing costs as much as the firing itself; where a value turns constant or stops
    being so, all that is known of constants is forgotten.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: Collection[str] | None = None,
        shapes: Mapping[str, Shape] | None = None,
    ) -> None:
        self.graph = graph
        self._inputs = inputs
        self._shapes = shapes or {}
        self.heads: dict[int, set[int]] = {}
        """Key -> outputs that are heads."""
        self.attrs: dict[int, tuple[dict[str, str], int]] = {}
        """Identity of a dictionary of attributes -> that, so that it lives on, and its number."""
        self._numbers: dict[tuple[tuple[str, str], ...], int] = {}
        self.begin_again()
        pred = graph.all_sources
        distinct = {id(edges): edges for key in self.ranks for edges in pred[key].values()}
        self.has_waiting = any(type(slot) is tuple for each in distinct.values() for slot in each)
        """Whether there is a control dependency; firings make none where there was none."""

    def begin_again(self) -> None:
        """Forget everything: the graph was edited otherwise, or edits were undone."""
        self.ranks = Ranks(self.graph)
        """Key -> a number that is higher than that of all it reads, to begin with as saved."""
        self._note_heads()
        self._inference: Inference | None = None
        self._kinds: dict[int, ValueKind] | None = None
        self._constant: dict[int, bool] = {}
        """Node -> whether it is constant, as far as that was asked."""

    def _note_heads(self) -> None:
        self.heads.clear()
        for head in self.graph.heads:
            self.heads.setdefault(head.node, set()).add(head.output)

    @property
    def by_op(self) -> Mapping[str, Sequence[int]]:
        """Operator name -> keys in saved order, in the graph as it is now."""
        return self.graph.by_op()

    def describe(self, key: int) -> str:
        """Return how messages name a node."""
        return describe(self.graph, key)

    def number(self, attrs: dict[str, str]) -> int:
        """Return a number that equal attributes have in common."""
        known = self.attrs.get(id(attrs))
        if known is None:
            number = self._numbers.setdefault(tuple(attrs.items()), len(self._numbers))
            known = self.attrs[id(attrs)] = attrs, number
        return known[1]

    # -- who reads what ----------------------------------------------------------------------

    def readers(self, key: int) -> Iterator[int]:
        """Yield the nodes that read a node or wait for it, each once; dead ones are left out."""
        return (reader for reader in self.graph.readers(key) if reader in self.ranks)

    def num_readers(self, key: int, output: int | None = None) -> int:
        """Return how many nodes read a node or wait for it, or how many read one of its outputs.

        Notes
        -----
        Constant, but for nodes with several outputs, and graphs with dead nodes or control
        dependencies: there, linear in the readers.
        """
        graph = self.graph
        if len(graph) == len(self.ranks) and (
            output is None or (graph.signature(key).num_outputs == 1 and not self.has_waiting)
        ):
            return len(graph.readers(key))
        return sum(
            1
            for reader in self.readers(key)
            if output is None or output in self.used_outputs(key, reader)
        )

    def may_be_interior(self, key: int, most: int) -> bool:
        """Return whether a node is no head and has so many readers at most; dead ones don't count.

        Notes
        -----
        Constant, but for dead readers: it looks at one reader more than there may be.
        """
        if key in self.heads:
            return False
        readers = self.graph.readers(key)
        return len(readers) <= most or len([*islice(self.readers(key), most + 1)]) <= most

    def used_outputs(self, key: int, reader: int) -> Iterator[int | None]:
        """Yield the outputs of a node that one reader reads; None where it only waits."""
        return (edge.get("output") for edge in self.graph.readers(key)[reader].values())

    def outputs_in_use(self, key: int, apart: Collection[int] = ()) -> set[int]:
        """Return the outputs of a node that are heads, or that something not in `apart` reads."""
        found = {
            data["output"]
            for reader, edges in self.graph.readers(key).items()
            if reader not in apart
            for data in edges.values()
            if "output" in data
        }
        return found | self.heads.get(key, set())

    # -- what values are ---------------------------------------------------------------------

    def is_kind(self, entry: Entry, kind: ValueKind) -> bool:
        """Return whether a value is of the kind that a pattern asks for."""
        if kind == "const":
            return self._is_constant(entry.node)
        return self.kinds.get(entry.node) == kind

    @property
    def kinds(self) -> dict[int, ValueKind]:
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
        graph, known = self.graph, self._constant
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

    # -- firings -----------------------------------------------------------------------------

    def follow(
        self,
        cut: Iterable[Cut],
        made: Iterable[int],
        moved: Mapping[Entry, Entry],
        computed: Sequence[int],
        arrays: Sequence[Array],
    ) -> None:
        """Take note of a firing.

        Parameters
        ----------
        cut : iterable of Cut
            Nodes that are gone.
        made : iterable of int
            Operators that are new, or are something else now.
        moved : mapping of Entry to Entry
            Values that were replaced, and by what.
        computed : sequence of int
            Variables with a new value.
        arrays : sequence of array
            The values.
        """
        constant, ranks, kinds = self._constant, self.ranks, self._kinds
        if constant:
            before = {key: constant.pop(key) for key in made if key in constant}
            changed = any(self._is_constant(key) != was for key, was in before.items()) or any(
                constant[old.node] != self._is_constant(new.node)
                for old, new in moved.items()
                if old.node in constant
            )
            if changed:
                constant.clear()
        for key, data, _ in cut:
            ranks.pop(key, None)
            if kinds is not None and data["op"] == VARIABLE:
                kinds.pop(key, None)
        if constant:
            for key, _, _ in cut:
                constant.pop(key, None)
        if self._inference is not None:
            named = dict(zip(map(self.graph.name, computed), arrays, strict=True))
            self._inference.follow(
                [*computed, *made],
                {name: array.shape for name, array in named.items()},
                {name: array.dtype.name for name, array in named.items()},
            )
        if moved and any([old.node in self.heads for old in moved]):
            self._note_heads()


class FactsKeeper:
    """Keeps the facts of a model from one group of rewrites to the next."""

    __slots__ = ("_edits", "_facts", "_known")

    def __init__(self) -> None:
        self._facts: Facts | None = None
        self._known: tuple[Graph, Sequence[str], Mapping[str, Shape]] | None = None
        self._edits = 0
        """How many edits of the graph there were when the facts were last asked for."""

    def of(self, model: Model, shapes: Mapping[str, Shape]) -> Facts:
        """Return the facts of a model, whose shapes may have changed. Constant if they are known.

        Parameters
        ----------
        model : Model
            The model, as it was when they were last asked for but for what rewrites did to it.
        shapes : mapping of str to Shape
            Shapes of inputs, as far as the caller knows them.
        """
        facts, edits = self._facts, model.graph.edits
        if facts is not None and facts.graph is model.graph and edits == self._edits:
            return facts  # a run is of one model, and its shapes stay
        self._edits = edits
        inputs = model.inputs
        if self._facts is None or self._known != (model.graph, inputs, shapes):
            self._facts = Facts(model.graph, inputs, shapes)
            self._known = model.graph, inputs, shapes
        self._facts.forget_inference()
        return self._facts

    def forget(self) -> None:
        """Find out anew next time: something else has edited the graph."""
        self._facts = None


def _repeats(graph: Graph, key: int) -> bool:
    """Return whether an operator computes the same of the same inputs each time."""
    return (
        graph.op(key) != VARIABLE
        and randomness(graph.op(key), graph.attrs(key)) == "never"
        and not graph.signature(key).mutable_slots
        and not graph.subgraphs(key)
    )
