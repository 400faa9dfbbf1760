"""What may be asked of a graph: its structure, and what is derived from it."""

from __future__ import annotations

from collections.abc import (
    Callable,
    Collection,
    Container,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sequence,
)
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from graphpass.graph.edges import (
    VARIABLE,
    Entry,
    Use,
    control_of,
    entries_of,
    post_order,
    source_at,
)
from graphpass.graph.names import NameIndex
from graphpass.graph.store import GraphState, Store, paused_collector
from graphpass.ops import Attributes, Operator, Signature, find

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Node", "Structure", "VariableKeys", "is_opaque", "is_plain", "opaque_signature"]

T = TypeVar("T")

_VARIABLE_SIGNATURE = Signature(
    num_inputs=None,
    input_names=None,
    mutable_slots=(),
    num_outputs=1,
    num_visible_outputs=1,
    output_names=("output",),
    initializers={},
)


def is_opaque(op: str) -> bool:
    """Return whether only the file can tell how many outputs an operator has."""
    if op == VARIABLE:
        return False
    operator = find(op)
    return operator is None or operator.opaque or op.startswith("_CachedOp")


def is_plain(op: str) -> bool:
    """Return whether the operator table and attributes alone tell what an operator produces."""
    operator = None if is_opaque(op) else find(op)
    return operator is not None and not operator.from_subgraph


def opaque_signature(num_outputs: int, mutable_slots: Sequence[int] = ()) -> Signature:
    """Describe an operator that the operator table does not know, from what its file shows.

    MXNet names the outputs of an operator without a name list ``output``, or ``output0``, … where
    there are several.
    """
    names = ("output",) if num_outputs == 1 else tuple(f"output{i}" for i in range(num_outputs))
    return Signature(
        num_inputs=None,
        input_names=None,
        mutable_slots=tuple(mutable_slots),
        num_outputs=num_outputs,
        num_visible_outputs=num_outputs,
        output_names=names,
        initializers={},
    )


class VariableKeys(NamedTuple):
    """Keys of the variables that the heads reach."""

    arguments: tuple[int, ...]
    auxiliary_states: tuple[int, ...]

    writers: Mapping[int, Sequence[int]]
    """Variable that is mutated -> the operators that do so, in saved order."""


class Structure(Store):
    """What may be asked of a graph."""

    __slots__ = ()

    # -- structure ---------------------------------------------------------------------------

    @property
    def dag(self) -> nx.MultiDiGraph[int]:
        """The networkx graph, for reading: a frozen one around the dictionaries of this graph."""
        if self._dag is None:
            import networkx as nx

            dag: Any = nx.freeze(nx.MultiDiGraph())
            dag._node, dag._adj, dag._pred = self._nodes, self._succ, self._pred
            self._dag = dag
        return self._dag

    @property
    def all_keys(self) -> KeysView[int]:
        """The keys of all nodes, those that no head reaches too, oldest first."""
        return self._nodes.keys()

    @property
    def all_data(self) -> Mapping[int, Mapping[str, Any]]:
        """The data of each node, as `data` gives them for one; read-only, and it follows edits."""
        return self._nodes

    @property
    def all_readers(self) -> Mapping[int, Mapping[int, Mapping[Any, Mapping[str, int]]]]:
        """What reads each node or waits for it, as `readers` gives it for one; so too."""
        return self._succ

    @property
    def all_sources(self) -> Mapping[int, Mapping[int, Mapping[Any, Mapping[str, int]]]]:
        """What each node reads or waits for, as `sources` gives it for one; so too."""
        return self._pred

    @property
    def edits(self) -> int:
        """How many edits the transaction that is open has made so far; 0 if none is open."""
        return len(self._journal or ())

    @property
    def heads(self) -> tuple[Entry, ...]:
        """The values that the graph returns, in order; one may stand twice."""
        return self._heads

    def is_head(self, key: int) -> bool:
        """Return whether some output of a node is a head. Constant while the heads stay."""
        return self.last_head(key) is not None

    def last_head(self, key: int) -> int | None:
        """Return the highest output of a node that is a head, None if none is."""
        if self._headed is None:
            found = self._headed = {}
            for head in self._heads:
                found[head.node] = max(head.output, found.get(head.node, 0))
        return self._headed.get(key)

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: object) -> bool:
        return key in self._nodes

    def __iter__(self) -> Iterator[Node]:
        """Iterate over the nodes that the heads reach, in saved order."""
        return (Node(self, key) for key in self.order())

    @classmethod
    def of_state(cls, state: GraphState) -> Self:
        """Return a graph that is as another one was. Linear in nodes and edges."""
        with paused_collector():
            graph = cls()
            nodes, pred, graph._heads, graph.origin, graph._next_key = state
            graph._nodes.update(nodes)
            graph._pred.update(pred)
            succ = graph._succ
            succ.update({key: {} for key in nodes})
            for key, into in pred.items():
                for source, edges in into.items():
                    succ[source][key] = edges
            return graph

    def state(self) -> GraphState:
        """Return what the graph is now, good for ever: edits replace what it holds."""
        return GraphState(
            dict(self._nodes), dict(self._pred), self._heads, self.origin, self._next_key
        )

    def node(self, key: int) -> Node:
        """Return the view of one node.

        Raises
        ------
        KeyError
            If the graph holds no node `key`.
        """
        self._nodes[key]
        return Node(self, key)

    def data(self, key: int) -> Mapping[str, Any]:
        """Return the data of a node as the DAG has them: op, name, attrs, …; read-only."""
        return self._nodes[key]

    def op(self, key: int) -> str:
        """Return the operator name of a node, ``"null"`` for a variable."""
        op: str = self._nodes[key]["op"]
        return op

    def name(self, key: int) -> str:
        """Return the name of a node."""
        name: str = self._nodes[key]["name"]
        return name

    def names_of(self, keys: Iterable[int]) -> list[str]:
        """Return the names of nodes."""
        nodes = self._nodes
        return [nodes[key]["name"] for key in keys]

    def attrs(self, key: int) -> dict[str, str]:
        """Return the attribute strings of a node; treat them as read-only."""
        attrs: dict[str, str] = self._nodes[key]["attrs"]
        return attrs

    def foreign(self, op: str) -> Collection[str]:
        """Return the attributes that an operator may have although MXNet 1.9.1 refuses them."""
        return () if self.origin is None else self.origin.foreign.get(op, ())

    def subgraphs(self, key: int) -> tuple[Self, ...]:
        """Return the subgraphs of a node."""
        subgraphs: tuple[Self, ...] = self._nodes[key].get("subgraphs", ())
        return subgraphs

    def carried(self, key: int) -> Signature | None:
        """Return the signature that a node brought along, if the operator table has none for it."""
        carried: Signature | None = self._nodes[key].get("carried")
        return carried

    def is_variable(self, key: int) -> bool:
        """Return whether a node is a variable."""
        return bool(self._nodes[key]["op"] == VARIABLE)

    def signature(self, key: int) -> Signature:
        """Return names and counts of a node's inputs and outputs.

        Raises
        ------
        AttributeValueError
            If an attribute that the counts depend on can't be parsed.
        """
        data = self._nodes[key]
        carried: Signature | None = data.get("carried")
        if carried is not None:
            return carried
        if data["op"] == VARIABLE:
            return _VARIABLE_SIGNATURE
        operator = find(data["op"])
        if operator is None:
            return opaque_signature(1)
        signature = operator.signature(data["attrs"])
        if operator.from_subgraph and data.get("subgraphs"):
            return subgraph_signature(signature, data["subgraphs"])
        return signature

    def inputs(self, key: int) -> tuple[Entry, ...]:
        """Return the values that a node reads, by slot."""
        return entries_of(self._pred[key])

    def control_dependencies(self, key: int) -> tuple[int, ...]:
        """Return the keys of the nodes that must run before a node, in order."""
        return control_of(self._pred[key])

    def sources(self, key: int) -> Mapping[int, Mapping[Any, Mapping[str, int]]]:
        """Return what a node reads or waits for: source -> edge key -> edge data; read-only.

        The same as ``dag.pred[key]``, at a tenth of the cost.
        """
        return self._pred[key]

    def readers(self, key: int) -> Mapping[int, Mapping[Any, Mapping[str, int]]]:
        """Return what reads a node or waits for it, as `sources` does."""
        return self._succ[key]

    def uses(self, key: int, output: int | None = None) -> list[Use]:
        """Return the input slots that read a node, or one of its outputs.

        Heads and control dependencies are not input slots: see `heads` and `dag`.
        """
        return [
            Use(consumer, slot)
            for consumer, edges in self._succ[key].items()
            for slot, data in edges.items()
            if type(slot) is int and (output is None or data["output"] == output)
        ]

    def named(self, name: str) -> tuple[int, ...]:
        """Return the keys of all nodes called `name`, oldest first."""
        return self.names.keys(name)

    @property
    def names(self) -> NameIndex:
        """Which node is called what."""
        if self._names is None:
            self._names = NameIndex.of(self._nodes)
        return self._names

    # -- derived -----------------------------------------------------------------------------

    def _derive(self, what: str, make: Callable[[], T]) -> T:
        """Return what was derived since the last edit, or derive it now."""
        found: T | None = self._derived.get(what)
        if found is None:
            found = self._derived[what] = make()
        return found

    def order(self) -> list[int]:
        """Return the keys that the heads reach in saved order: iterative post-order from the heads.

        The list is kept until the next edit; do not change it. Linear in nodes and edges.
        """
        return self._derive("order", self._walk)

    def _walk(self) -> list[int]:
        with paused_collector():
            return post_order(self._pred, self._heads)

    def by_op(self) -> Mapping[str, Sequence[int]]:
        """Return the keys that the heads reach by what they run, each in saved order.

        It is kept until the next edit; do not change it. Linear in nodes.
        """
        return self._derive("by_op", self._sort_by_op)

    def _sort_by_op(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        nodes = self._nodes
        with_subgraphs = self._derived["with_subgraphs"] = []
        for key in self.order():
            data = nodes[key]
            op = data["op"]
            if op in found:
                found[op].append(key)
            else:
                found[op] = [key]
            if len(data) > 3 and "subgraphs" in data:
                with_subgraphs.append(key)
        return found

    def with_subgraphs(self) -> list[int]:
        """Return the keys of the nodes that run subgraphs, in saved order.

        The list is kept until the next edit; do not change it.
        """
        self.by_op()
        found: list[int] = self._derived["with_subgraphs"]
        return found

    def nested(self) -> Iterator[tuple[Self, tuple[tuple[int, int], ...]]]:
        """Yield this graph, then what is inside each of its subgraphs, and so on.

        With each comes the way to it: the node that runs a subgraph, and which of its subgraphs.
        """
        pending: list[tuple[Self, tuple[tuple[int, int], ...]]] = [(self, ())]
        while pending:
            graph, path = pending.pop()
            yield graph, path
            below = [
                (subgraph, (*path, (key, number)))
                for key in graph.with_subgraphs()
                for number, subgraph in enumerate(graph.subgraphs(key))
            ]
            pending += reversed(below)

    def _derived_without(self, gone: Container[int]) -> dict[str, Any]:
        """Return what is derived when operators go and what is left stays in order."""
        by_op = {op: [key for key in keys if key not in gone] for op, keys in self.by_op().items()}
        return {
            "order": [key for key in self.order() if key not in gone],
            "by_op": {op: keys for op, keys in by_op.items() if keys},
            "with_subgraphs": [key for key in self.with_subgraphs() if key not in gone],
            "arguments": tuple(self.arguments),
        }

    def reaches(self, key: int) -> bool:
        """Return whether the heads reach a node. Constant after the first call since an edit."""
        return key in self.reached()

    def reached(self) -> frozenset[int]:
        """Return the keys that the heads reach; kept until the next edit."""
        return self._derive("reached", lambda: frozenset(self.order()))

    def variable_keys(self) -> VariableKeys:
        """Return the keys of arguments and auxiliary states, each in saved order.

        A variable that some operator mutates is an auxiliary state, whatever else reads it.
        """
        return self._derive("variables", self._sort_variables)

    def _sort_variables(self) -> VariableKeys:
        by_op = self.by_op()
        writers: dict[int, list[int]] = {}
        for op, keys in by_op.items():
            operator = find(op)
            if op == VARIABLE or (operator is not None and operator.never_mutates):
                continue
            known: dict[int, tuple[int, ...]] = {}
            for key in keys:
                data = self._nodes[key]
                shared = id(data["attrs"])  # nodes share what a file says of several of them
                slots = known.get(shared) if len(data) == 3 else None
                if slots is None:
                    slots = self.signature(key).mutable_slots
                    if len(data) == 3:
                        known[shared] = slots
                if slots:
                    into = self._pred[key]
                    sources = list(into)
                    for slot in slots:
                        source = sources[slot] if slot < len(sources) else None
                        if source is None or slot not in into[source]:
                            source = source_at(into, slot)
                        if source is not None:
                            writers.setdefault(source, []).append(key)
        variables = by_op.get(VARIABLE, ())
        return VariableKeys(
            tuple([key for key in variables if key not in writers]),
            tuple([key for key in variables if key in writers]),
            writers,
        )

    @property
    def arguments(self) -> list[str]:
        """Names of the arguments, as MXNet's ``list_arguments()`` gives them."""
        names = self._derive(
            "arguments", lambda: tuple(self.names_of(self.variable_keys().arguments))
        )
        return list(names)

    @property
    def auxiliary_states(self) -> list[str]:
        """Names of the auxiliary states, as ``list_auxiliary_states()`` gives them."""
        return self.names_of(self.variable_keys().auxiliary_states)

    @property
    def outputs(self) -> list[str]:
        """Names of the heads, as ``list_outputs()`` gives them."""
        return [self.output_name(entry) for entry in self._heads]

    def output_name(self, entry: Entry) -> str:
        """Return MXNet's name of a value: the variable's own, or ``<node>_<output>``."""
        name = self.name(entry.node)
        if self.is_variable(entry.node):
            return name
        suffix = self.signature(entry.node).output_names[entry.output]
        return f"{name}_{suffix}" if name else suffix


class Node:
    """A read-only view of one node; it follows the graph's edits.

    Attributes
    ----------
    graph : Structure
        The graph that owns the node.
    key : int
        Unique for the life of the graph, never reused. Names are not keys: they may repeat.
    """

    __slots__ = ("graph", "key")

    def __init__(self, graph: Structure, key: int) -> None:
        self.graph = graph
        self.key = key

    @property
    def op(self) -> str:
        """Operator name, ``"null"`` for a variable."""
        return self.graph.op(self.key)

    @property
    def name(self) -> str:
        """The node's name; empty, odd and repeated names all occur."""
        return self.graph.name(self.key)

    @property
    def attrs(self) -> Mapping[str, str]:
        """Attributes as the strings that were read."""
        return MappingProxyType(self.graph.attrs(self.key))

    @property
    def attributes(self) -> Mapping[str, object]:
        """Attributes as values, the operator's defaults filled in."""
        operator = self.operator
        return (
            Attributes(self.op, {}, self.attrs) if operator is None else operator.view(self.attrs)
        )

    @property
    def subgraphs(self) -> tuple[Structure, ...]:
        """Graphs that a control-flow or fused operator runs."""
        return self.graph.subgraphs(self.key)

    @property
    def is_variable(self) -> bool:
        """Whether the node is a variable rather than an operator."""
        return self.op == VARIABLE

    @property
    def operator(self) -> Operator | None:
        """What MXNet 1.9.1 knows of the operator; None for a variable or an unknown operator."""
        return None if self.is_variable else find(self.op)

    @property
    def signature(self) -> Signature:
        """Names and counts of inputs and outputs under the node's own attributes."""
        return self.graph.signature(self.key)

    @property
    def inputs(self) -> tuple[Entry, ...]:
        """The values the node reads, by slot."""
        return self.graph.inputs(self.key)

    @property
    def control_dependencies(self) -> tuple[int, ...]:
        """Keys of nodes that must run before this one without giving it a value."""
        return self.graph.control_dependencies(self.key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return self.graph is other.graph and self.key == other.key

    def __hash__(self) -> int:
        return hash((id(self.graph), self.key))

    def __repr__(self) -> str:
        return f"<{'variable' if self.is_variable else self.op} {self.name!r} #{self.key}>"


def subgraph_signature(signature: Signature, subgraphs: Sequence[Structure]) -> Signature:
    """Complete the signature of an operator that reads what its subgraph's variables stand for.

    The inputs follow the subgraph's variables in saved order, so its auxiliary states tell which
    slots are mutable. Further inputs (ranges of quantised data) may follow.

    Notes
    -----
    Linear in the subgraph; its walk is kept until it is edited.
    """
    inner = subgraphs[0]
    keys = inner.variable_keys()
    states = set(keys.auxiliary_states)
    variables = [key for key in inner.order() if inner.is_variable(key)]
    slots = tuple(slot for slot, key in enumerate(variables) if key in states)
    return replace(signature, mutable_slots=slots)
