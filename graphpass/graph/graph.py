"""The graph: one networkx MultiDiGraph and an ordered list of heads."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from graphpass.graph.in_edges import CONTROL, control_of, entries_of
from graphpass.graph.names import NameIndex
from graphpass.graph.node import VARIABLE, Entry, Node, Use
from graphpass.graph.order import VariableKeys, output_name, post_order, variable_keys
from graphpass.graph.signatures import node_signature
from graphpass.graph.store import Store
from graphpass.ops import Signature

if TYPE_CHECKING:
    import networkx as nx

    from graphpass.graph.edit import Edit

__all__ = ["CONTROL", "Graph", "paused_collector"]

T = TypeVar("T")


@contextmanager
def paused_collector() -> Iterator[None]:
    """Pause the cyclic garbage collector while many small objects are built.

    With it on, building a graph of 100,000 nodes takes four times as long: every few hundred new
    dictionaries set off a scan of all of them. What was built counts as old at once, so that the
    next new object does not set off such a scan either.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class Graph(Store):
    """A symbol: a directed acyclic graph of operators and variables, with heads.

    `dag` is the only store of structure. A node's key is an int; its data are ``op``, ``name``,
    ``attrs`` (strings, as read), and where there are any ``subgraphs`` and ``carried`` (the
    signature of an operator that the operator table can't describe). An edge runs from the node
    that produces a value to the node that reads it; its key is the input slot, its data are
    ``output`` and ``version``. A control dependency is an edge with the key ``("control", i)``.

    The DAG is frozen for networkx's own methods. Change it through `edit`, which keeps the
    invariants; any networkx algorithm may read it.

    Notes
    -----
    The in-edges of a node stand in ``dag.pred[node]`` in the order of their first slot, control
    dependencies last: that is the order in which MXNet walks them.
    """

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
    def all_sources(self) -> Mapping[int, Mapping[int, Mapping[Any, Mapping[str, int]]]]:
        """What each node reads or waits for, as `sources` gives it for one; read-only."""
        return self._pred

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

    def subgraphs(self, key: int) -> tuple[Graph, ...]:
        """Return the subgraphs of a node."""
        subgraphs: tuple[Graph, ...] = self._nodes[key].get("subgraphs", ())
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
        return node_signature(self._nodes[key])

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

    def nested(self) -> Iterator[tuple[Graph, tuple[tuple[int, int], ...]]]:
        """Yield this graph, then what is inside each of its subgraphs, and so on.

        With each comes the way to it: the node that runs a subgraph, and which of its subgraphs.
        """
        pending: list[tuple[Graph, tuple[tuple[int, int], ...]]] = [(self, ())]
        while pending:
            graph, path = pending.pop()
            yield graph, path
            below = [
                (subgraph, (*path, (key, number)))
                for key in graph.with_subgraphs()
                for number, subgraph in enumerate(graph.subgraphs(key))
            ]
            pending += reversed(below)

    def reaches(self, key: int) -> bool:
        """Return whether the heads reach a node. Constant after the first call since an edit."""
        return key in self.reached()

    def reached(self) -> frozenset[int]:
        """Return the keys that the heads reach; kept until the next edit."""
        return self._derive("reached", lambda: frozenset(self.order()))

    def variable_keys(self) -> VariableKeys:
        """Return the keys of arguments and auxiliary states, each in saved order."""
        return self._derive("variables", lambda: variable_keys(self))

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
        return output_name(self, entry)

    # -- copying and editing -----------------------------------------------------------------

    def edit(self) -> Edit:
        """Open a transaction: ``with graph.edit() as edit: ...``.

        The edits stand when the block ends and the invariants hold; otherwise all of them are
        undone and the error is raised. Transactions nest: an outer one undoes its inner ones.
        """
        from graphpass.graph.edit import Edit

        return Edit(self)

    def copy(self) -> Graph:
        """Return an independent graph with the same keys. Linear in nodes and edges."""
        with paused_collector():
            twin = Graph()
            # Data, in-edges and what they hold are replaced by edits, never changed: both share.
            twin._nodes.update(self._nodes)
            twin._pred.update(self._pred)
            twin._succ.update({key: readers.copy() for key, readers in self._succ.items()})
            for key, data in self._nodes.items():
                if "subgraphs" in data:
                    subgraphs = tuple([subgraph.copy() for subgraph in data["subgraphs"]])
                    twin._nodes[key] = {**data, "subgraphs": subgraphs}
            twin._heads = self._heads
            twin.origin = self.origin
            twin._next_key = self._next_key
            return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Graph:
        return self.copy()

    def __repr__(self) -> str:
        return f"<Graph: {len(self)} nodes, outputs {', '.join(self.outputs[:4])}>"
