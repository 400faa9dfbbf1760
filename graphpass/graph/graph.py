"""The graph: one networkx MultiDiGraph and an ordered list of heads, edited in transactions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from graphpass.errors import GraphError
from graphpass.graph import invariants
from graphpass.graph.edges import (
    VARIABLE,
    Entry,
    InEdges,
    control_of,
    entries_of,
    in_edges,
    moved_edges,
    post_order,
)
from graphpass.graph.invariants import check_text, check_texts, checked_attrs
from graphpass.graph.store import Cut, paused_collector
from graphpass.graph.structure import Structure
from graphpass.lazy import Drawn
from graphpass.ops import Signature

__all__ = ["Edit", "Graph"]

_TOUCHED = ("edges", "signatures", "attributes", "names")
"""What a commit checks of a node, where an edit has touched it."""


class Graph(Structure, Drawn):
    """A symbol: a directed acyclic graph of operators and variables, with heads.

    `dag` is the only store of structure. A node's key is an int; its data are ``op``, ``name``,
    ``attrs`` (strings, as read), and where there are any ``subgraphs`` and ``carried`` (the
    signature of an operator that the operator table can't describe). An edge runs from the node
    that produces a value to the node that reads it; its key is the input slot, its data are
    ``output`` and ``version``. A control dependency is an edge with the key ``("control", i)``.

    The DAG is frozen for networkx's own methods. Change it through `edit`, which keeps the
    invariants; any networkx algorithm may read it. What is equal is often one object, in several
    nodes and in copies of the graph (attributes of nodes that were read alike, data of edges), so
    nothing may be written into it.

    Notes
    -----
    The in-edges of a node stand in ``dag.pred[node]`` in the order of their first slot, control
    dependencies last: that is the order in which MXNet walks them.
    """

    __slots__ = ()

    def edit(self) -> Edit:
        """Open a transaction: ``with graph.edit() as edit: ...``.

        The edits stand when the block ends and the invariants hold; otherwise all of them are
        undone and the error is raised. Transactions nest: an outer one undoes its inner ones.
        """
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


class Edit:
    """One transaction, opened by ``with graph.edit() as edit:``.

    Every method changes the graph at once and writes the inverse change to the journal. When the
    block ends, the nodes that were touched are checked: no cycle, as many inputs as the operator
    takes, no use of an output that does not exist, no name that two variables share. If a check
    fails or the block raises, the journal is undone and the graph is as it was, keys and all.

    A transaction inside another one is undone with it.
    """

    __slots__ = ("_is_open", "_journal", "_mark", "_nested", "_owner", "_touched")

    def __init__(self, graph: Structure) -> None:
        self._owner = graph
        self._is_open = False
        self._touched: dict[str, dict[int, None]] = {what: {} for what in _TOUCHED}

    def __enter__(self) -> Edit:
        graph = self._owner
        self._is_open = True
        self._nested = graph._journal is not None
        if graph._journal is None:
            graph._journal = []
        self._journal = graph._journal
        self._mark = len(self._journal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.commit()
            else:
                self._undo()
        except BaseException:
            self._undo()
            raise
        finally:
            self._is_open = False
            if not self._nested:
                self._owner._journal = None

    @property
    def _graph(self) -> Structure:
        if not self._is_open:
            raise GraphError(
                "this transaction is not open; make edits inside `with graph.edit() as edit:`"
            )
        return self._owner

    # -- nodes -------------------------------------------------------------------------------

    def add_variable(self, name: str, attrs: Mapping[str, str] | None = None) -> int:
        """Add a variable and return its key."""
        return self.add_node(VARIABLE, name, attrs)

    def add_node(
        self,
        op: str,
        name: str,
        attrs: Mapping[str, str] | None = None,
        inputs: Sequence[Entry] = (),
        *,
        control: Sequence[int] = (),
        subgraphs: Sequence[Structure] = (),
        carried: Signature | None = None,
    ) -> int:
        """Add a node and return its key.

        Parameters
        ----------
        op : str
            Canonical operator name, or ``"null"`` for a variable.
        name : str
            Name of the node.
        attrs : mapping of str to str, optional
            Attribute strings, kept as given.
        inputs : sequence of Entry
            The values it reads, by slot.
        control : sequence of int
            Keys of nodes that must run before it.
        subgraphs : sequence of Graph
            Graphs that the operator runs; the node owns them.
        carried : Signature, optional
            What an operator that the operator table can't describe reads and produces.
        """
        graph = self._graph
        data: dict[str, Any] = {
            "op": check_text(op, "an operator"),
            "name": check_text(name, "a name"),
            "attrs": checked_attrs(attrs or {}),
        }
        if subgraphs:
            data["subgraphs"] = tuple(subgraphs)
        if carried is not None:
            data["carried"] = carried
        key = graph._new_key()
        graph._insert(key, data, self._edges(key, inputs, control))
        self._journal.append((graph._delete, key))
        self._touch(key, "names", "signatures", "attributes", "edges")
        return key

    def put(self, data: dict[str, Any], into: InEdges, key: int | None = None) -> int:
        """Put in a node, or make an old one something else, which the caller has checked already.

        Parameters
        ----------
        data : dict
            The node's data as the DAG has them: ``op``, ``name``, ``attrs``.
        into : InEdges
            What it reads.
        key : int, optional
            The old node; its users stay.

        Returns
        -------
        int
            The node.
        """
        graph, journal = self._graph, self._journal
        if key is None:
            key = graph._new_key()
            graph._insert(key, data, into)
            journal.append((graph._delete, key))
            return key
        if graph.name(key) != data["name"]:
            self._put(key, "name", data["name"])
        journal.append((graph._set_data, key, graph._set_data(key, data)))
        journal.append((graph._wire, key, graph._wire(key, into)))
        return key

    def remove_node(self, key: int) -> None:
        """Remove a node that nothing reads.

        Raises
        ------
        GraphError
            If a node, a control dependency or a head still uses it.
        """
        self.remove_nodes([key])

    def remove_nodes(self, keys: Iterable[int], *, check: bool = True) -> list[Cut]:
        """Remove nodes that only nodes among them read, and return key, data and in-edges of each.

        Whoever has seen to that need not let it `check`.

        Raises
        ------
        GraphError
            If something else still uses one.
        """
        graph = self._graph
        doomed = dict.fromkeys(keys)
        for key in doomed if check else ():
            self._require(key)
            for user in graph._succ[key]:
                if user not in doomed:
                    raise GraphError(
                        f"{invariants.describe(graph, key)} can't be removed: "
                        f"{invariants.describe(graph, user)} reads it"
                    )
            if graph.is_head(key):
                raise GraphError(
                    f"{invariants.describe(graph, key)} can't be removed: it is a head"
                )
        return self._cut(doomed) if doomed else []

    def add_copies(
        self,
        source: Structure,
        names: Mapping[int, str],
        values: Mapping[tuple[int, int], Entry],
        twins: dict[int, int],
    ) -> None:
        """Add copies of nodes, of this graph or of another, that read each other.

        Attributes, subgraphs, control dependencies, stamps and carried signatures are copied with
        the nodes. Copies of nodes of this graph are as good as these, and are not checked again.

        Parameters
        ----------
        source : Graph
            The graph that holds the originals.
        names : mapping of int to str
            Original -> name of its copy; each stands after what it reads.
        values : mapping of (int, int) to Entry
            Values of the source, by node and output, for which copies read something else.
        twins : dict of int to int
            Original -> copy; the new ones are added. What stands here already is read, not copied.

        Notes
        -----
        Linear in the copies and what they read.
        """
        graph = self._graph
        check_texts(names.values())
        replaced: dict[int, int] = {}
        for (node, _), entry in sorted(values.items(), reverse=True):
            replaced[node] = entry.node
        nodes, pred = source._nodes, source._pred
        copies: list[Cut] = []
        for key, name in names.items():
            data = {**nodes[key], "name": name}
            if "subgraphs" in data:
                data["subgraphs"] = tuple([subgraph.copy() for subgraph in data["subgraphs"]])
            twin = graph._new_key()
            into = pred[key]
            if not into.keys().isdisjoint(replaced):
                inputs = [
                    _copied(values.get((entry.node, entry.output)), twins, entry)
                    for entry in entries_of(into)
                ]
                control = [twins.get(each, replaced.get(each, each)) for each in control_of(into)]
                into = in_edges(inputs, control)
            elif into:
                into = moved_edges(into, twins)
            copies.append((twin, data, into))
            twins[key] = twin
        graph._paste(copies)
        keys = [key for key, _, _ in copies]
        self._journal.append((graph._cut, keys[::-1]))
        self._touched["names"].update(dict.fromkeys(keys))
        if source is not graph:
            self._touched["attributes"].update(dict.fromkeys(keys))

    def sweep(self) -> list[int]:
        """Remove every node that the heads do not reach, and return the keys, users first."""
        graph = self._graph
        alive = graph.reached()
        dead = [Entry(key) for key in graph._nodes if key not in alive]
        doomed = [key for key in post_order(graph._pred, dead) if key not in alive][::-1]
        if doomed:
            derived = graph._derived.copy()  # all of it is about what the heads reach
            self._cut(doomed)
            graph._derived.update(derived)
        return doomed

    # -- what a node says ----------------------------------------------------------------------

    def rename(self, key: int, name: str) -> None:
        """Give a node another name."""
        self._put(key, "name", check_text(name, "a name"))
        self._touch(key, "names")

    def rename_all(self, names: Mapping[int, str]) -> None:
        """Give nodes other names, all at once. Linear in the names, and in the graph."""
        graph = self._graph
        check_texts(names.values())
        if not names.keys() <= graph.all_keys:
            self._require(next(key for key in names if key not in graph))
        self._journal.append((graph._rename, graph._rename(names)))
        self._touched["names"].update(dict.fromkeys(names))

    def set_op(self, key: int, op: str, *, carried: Signature | None = None) -> None:
        """Make a node run another operator (a canonical name)."""
        self._put(key, "op", check_text(op, "an operator"))
        self._put(key, "carried", carried)
        self._touch(key, "names", "signatures", "attributes", "edges")

    def set_attrs(self, key: int, attrs: Mapping[str, str]) -> None:
        """Replace all attribute strings of a node."""
        self._put(key, "attrs", checked_attrs(attrs))
        self._touch(key, "signatures", "attributes", "edges")

    def update_attrs(self, key: int, changes: Mapping[str, str | None]) -> None:
        """Set attribute strings of a node; None removes one."""
        self._require(key)
        merged = {**self._graph.attrs(key), **changes}
        self.set_attrs(key, {name: text for name, text in merged.items() if text is not None})

    def set_subgraphs(self, key: int, subgraphs: Sequence[Structure]) -> None:
        """Replace the subgraphs of a node."""
        self._put(key, "subgraphs", tuple(subgraphs) or None)
        self._touch(key, "signatures", "edges")

    # -- edges ---------------------------------------------------------------------------------

    def set_inputs(
        self, key: int, inputs: Iterable[Entry], *, control: Iterable[int] | None = None
    ) -> None:
        """Replace all inputs of a node, and its control dependencies if given."""
        graph = self._graph
        self._require(key)
        kept = graph.control_dependencies(key) if control is None else control
        self._wire(key, self._edges(key, inputs, kept))

    def _edges(self, key: int, inputs: Iterable[Entry], control: Iterable[int]) -> InEdges:
        graph = self._graph
        into = in_edges(_entries(inputs, "the inputs of a node"), control)
        for source in into:
            if source not in graph._nodes:
                reader = invariants.describe(graph, key) if key in graph else f"node #{key}"
                raise GraphError(f"{reader} can't read node #{source}: the graph has no such node")
        return into

    def set_input(self, key: int, slot: int, entry: Entry) -> None:
        """Make one input slot of a node read another value."""
        self._require(key)
        inputs = list(self._graph.inputs(key))
        if not 0 <= slot < len(inputs):
            raise GraphError(
                f"{invariants.describe(self._graph, key)} has {len(inputs)} inputs, so there is no "
                f"input {slot}"
            )
        inputs[slot] = entry
        self.set_inputs(key, inputs)

    def set_heads(self, heads: Iterable[Entry]) -> None:
        """Replace the list of heads."""
        graph = self._graph
        after = _entries(heads, "heads")
        for entry in after:
            if entry.node not in graph:
                raise GraphError(
                    f"a head can't read node #{entry.node}: the graph has no such node"
                )
        self._journal.append((graph._set_heads, graph.heads))
        graph._set_heads(after)
        for entry in after:
            self._touch(entry.node, "signatures")

    def redirect(self, old: Entry, new: Entry, *, keep: Iterable[int] = ()) -> int:
        """Make every use of one value, heads included, read another; return how many there were.

        Parameters
        ----------
        old, new : Entry
            Values are told apart by node and output; an edge keeps its own version stamp unless
            `new` has one.
        keep : iterable of int
            Keys of nodes that go on reading `old`.
        """
        graph, kept = self._graph, set(keep)
        count = sum(use.node not in kept for use in graph.uses(old.node, old.output))
        if graph.is_head(old.node):
            count += sum(head[:2] == old[:2] for head in graph.heads)
        self.redirect_all({old: new}, keep=kept)
        return count

    def redirect_all(
        self, moves: Mapping[Entry, Entry], *, keep: Iterable[int] = (), check: bool = True
    ) -> list[int]:
        """Do what `redirect` does for several values at once; return the nodes that read others.

        Whoever knows that there is no cycle, and that the outputs exist, need not let it `check`.

        Two may change places. Linear in the users of the values, their inputs, and the heads if one
        is a head.
        """
        graph = self._graph
        kept = set(keep)
        known = {old[:2]: new for old, new in moves.items()}

        def moved(entry: Entry) -> Entry:
            new = known.get(entry[:2])
            if new is None:
                return entry
            return Entry(new.node, new.output, new.version or entry.version)

        uses = [use.node for node, output in known for use in graph.uses(node, output)]
        readers = [key for key in dict.fromkeys(uses) if key not in kept]
        wires = {
            reader: self._edges(
                reader,
                [moved(entry) for entry in graph.inputs(reader)],
                graph.control_dependencies(reader),
            )
            for reader in readers
        }
        if wires:
            self._journal.append((graph._wire_all, {key: graph._pred[key] for key in wires}))
            graph._wire_all(wires)
            if check:
                self._touched["edges"].update(dict.fromkeys(wires))
        if any(graph.is_head(node) for node, _ in known):
            self.set_heads([moved(head) for head in graph.heads])
        return readers

    def replace_nodes(self, stands: Mapping[int, int]) -> None:
        """Let whoever reads, or waits for, a node read what stands for it. Heads stay.

        Parameters
        ----------
        stands : mapping of int to int
            A node -> one that computes the same and depends on none of these nodes. That is the
            caller's business: outputs and cycles are not checked again.

        Notes
        -----
        Linear in the users of the nodes and their inputs.
        """
        graph = self._graph
        for key in {*stands, *stands.values()}:
            self._require(key)
        readers = dict.fromkeys([reader for key in stands for reader in graph._succ[key]])
        before = {reader: graph._pred[reader] for reader in readers}
        self._journal.append((graph._wire_all, before))
        graph._wire_all({reader: moved_edges(into, stands) for reader, into in before.items()})

    def merge_nodes(self, stands: Mapping[int, int]) -> None:
        """Do what `replace_nodes` does, and remove the nodes, none of which is a head.

        What stands for a node comes before it in saved order, so what is left stays in order, and
        reads the same variables.
        """
        graph = self._graph
        derived = graph._derived_without(stands)
        self.replace_nodes(stands)
        self.remove_nodes(stands)
        graph._derived.update(derived)

    def commit(self) -> None:
        """Check what was edited since the last time; the transaction goes on.

        Raises
        ------
        GraphError, CycleError
            If an invariant does not hold. What was done stays until the block ends.
        """
        graph = self._graph
        nodes = graph._nodes
        wired, signed, attributed, named = [
            [key for key in self._touched[what] if key in nodes] for what in _TOUCHED
        ]
        invariants.check_acyclic(graph, wired)
        operators = [key for key in wired if nodes[key]["op"] != VARIABLE]
        invariants.check_attributes(graph, attributed)
        invariants.check_arity(graph, operators)
        invariants.check_outputs(graph, operators, signed)
        if named and len(graph.names) < len(graph):
            variables = [key for key in named if nodes[key]["op"] == VARIABLE]
            invariants.check_variable_names(graph, variables)
        for touched in self._touched.values():
            touched.clear()

    # -- the journal ---------------------------------------------------------------------------

    def _wire(self, key: int, into: InEdges) -> None:
        graph = self._graph
        self._journal.append((graph._wire, key, graph._wire(key, into)))
        self._touch(key, "edges")

    def _cut(self, keys: Iterable[int]) -> list[Cut]:
        graph = self._graph
        gone = graph._cut(keys)
        self._journal.append((graph._paste, gone))
        return gone

    def _put(self, key: int, field: str, value: Any) -> None:
        graph = self._graph
        self._require(key)
        before = graph._nodes[key].get(field)
        self._journal.append((graph._put, key, field, before))
        graph._put(key, field, value)

    def _touch(self, key: int, *what: str) -> None:
        for each in what:
            self._touched[each][key] = None

    def _require(self, key: int) -> None:
        if key not in self._graph:
            raise GraphError(f"the graph has no node #{key}")

    def _undo(self) -> None:
        journal = self._journal
        while len(journal) > self._mark:
            change, *arguments = journal.pop()
            change(*arguments)


def _copied(instead: Entry | None, twins: Mapping[int, int], entry: Entry) -> Entry:
    """Return what a copy reads where the original reads `entry`."""
    if instead is not None:
        return Entry(instead.node, instead.output, entry.version)
    return entry._replace(node=twins.get(entry.node, entry.node))


def _entries(values: Iterable[Entry], what: str) -> tuple[Entry, ...]:
    """Return values as entries; a key alone is not one, since it names no output."""
    try:
        found = tuple(values)
    except TypeError:
        raise GraphError(f"{what} are a list of entries, not {values!r}") from None
    for value in found:
        if not isinstance(value, Entry):
            raise GraphError(f"{what} are entries, such as Entry(3), but here is {value!r}")
    return found
