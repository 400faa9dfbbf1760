"""A transaction on a graph: edits with a journal, checked at commit, undone as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from graphpass.errors import GraphError
from graphpass.graph import invariants
from graphpass.graph.invariants import check_text, checked_attrs
from graphpass.graph.node import VARIABLE, Entry
from graphpass.graph.order import post_order

if TYPE_CHECKING:
    from graphpass.graph.graph import Graph
    from graphpass.ops import Signature

__all__ = ["Edit"]


class Edit:
    """One transaction, opened by ``with graph.edit() as edit:``.

    Every method changes the graph at once and writes the inverse change to the journal. When the
    block ends, the nodes that were touched are checked: no cycle, as many inputs as the operator
    takes, no use of an output that does not exist, no name that two variables share. If a check
    fails or the block raises, the journal is undone and the graph is as it was, keys and all.

    A transaction inside another one is undone with it.
    """

    __slots__ = (
        "_attributed",
        "_is_open",
        "_journal",
        "_mark",
        "_names",
        "_nested",
        "_owner",
        "_signatures",
        "_wired",
    )

    def __init__(self, graph: Graph) -> None:
        self._owner = graph
        self._is_open = False
        self._wired: dict[int, None] = {}
        self._signatures: dict[int, None] = {}
        self._attributed: dict[int, None] = {}
        self._names: dict[int, None] = {}

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
                self._check()
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
    def _graph(self) -> Graph:
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
        subgraphs: Sequence[Graph] = (),
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
        graph._insert(key, data)
        self._journal.append((graph._delete, key))
        self._names[key] = None
        self._signatures[key] = None
        self._attributed[key] = None
        self.set_inputs(key, inputs, control=control)
        return key

    def remove_node(self, key: int) -> None:
        """Remove a node that nothing reads.

        Raises
        ------
        GraphError
            If a node, a control dependency or a head still uses it.
        """
        graph = self._graph
        self._require(key)
        users = list(graph._succ[key])
        if users:
            raise GraphError(
                f"{invariants.describe(graph, key)} can't be removed: "
                f"{invariants.describe(graph, users[0])} reads it"
            )
        if any(head.node == key for head in graph.heads):
            raise GraphError(f"{invariants.describe(graph, key)} can't be removed: it is a head")
        self._disconnect(key)
        self._delete(key)

    def sweep(self) -> list[int]:
        """Remove every node that the heads do not reach, and return the keys, users first."""
        graph = self._graph
        alive = set(graph.order())
        dead = [Entry(key) for key in graph._nodes if key not in alive]
        doomed = [key for key in post_order(graph._pred, dead) if key not in alive][::-1]
        for key in doomed:  # all edges first: dead nodes may read each other in a circle
            self._disconnect(key)
        for key in doomed:
            self._delete(key)
        return doomed

    # -- what a node says ----------------------------------------------------------------------

    def rename(self, key: int, name: str) -> None:
        """Give a node another name."""
        self._put(key, "name", check_text(name, "a name"))
        self._names[key] = None

    def set_op(self, key: int, op: str, *, carried: Signature | None = None) -> None:
        """Make a node run another operator (a canonical name)."""
        self._put(key, "op", check_text(op, "an operator"))
        self._put(key, "carried", carried)
        self._signatures[key] = None
        self._attributed[key] = None
        self._wired[key] = None
        self._names[key] = None

    def set_attrs(self, key: int, attrs: Mapping[str, str]) -> None:
        """Replace all attribute strings of a node."""
        self._put(key, "attrs", checked_attrs(attrs))
        self._signatures[key] = None
        self._attributed[key] = None
        self._wired[key] = None

    def update_attrs(self, key: int, changes: Mapping[str, str | None]) -> None:
        """Set attribute strings of a node; None removes one."""
        self._require(key)
        merged = {**self._graph.attrs(key), **changes}
        self.set_attrs(key, {name: text for name, text in merged.items() if text is not None})

    def set_subgraphs(self, key: int, subgraphs: Sequence[Graph]) -> None:
        """Replace the subgraphs of a node."""
        self._put(key, "subgraphs", tuple(subgraphs) or None)
        self._signatures[key] = None
        self._wired[key] = None

    # -- edges ---------------------------------------------------------------------------------

    def set_inputs(
        self, key: int, inputs: Iterable[Entry], *, control: Iterable[int] | None = None
    ) -> None:
        """Replace all inputs of a node, and its control dependencies if given."""
        graph = self._graph
        self._require(key)
        before = graph.inputs(key)
        before_control = graph.control_dependencies(key)
        after = _entries(inputs, "the inputs of a node")
        after_control = before_control if control is None else tuple(control)
        for source in (*(entry.node for entry in after), *after_control):
            if source not in graph:
                raise GraphError(
                    f"{invariants.describe(graph, key)} can't read node #{source}: "
                    "the graph has no such node"
                )
        self._journal.append((graph._connect, key, before, before_control))
        graph._connect(key, after, after_control)
        self._wired[key] = None

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
            self._signatures[entry.node] = None

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
        graph = self._graph
        kept = set(keep)
        count = 0

        def moved(entry: Entry) -> Entry:
            nonlocal count
            if entry[:2] != old[:2]:
                return entry
            count += 1
            return Entry(new.node, new.output, new.version or entry.version)

        for consumer in dict.fromkeys(use.node for use in graph.uses(old.node, old.output)):
            if consumer not in kept:
                self.set_inputs(consumer, [moved(entry) for entry in graph.inputs(consumer)])
        if any(head[:2] == old[:2] for head in graph.heads):
            self.set_heads([moved(head) for head in graph.heads])
        return count

    # -- the journal ---------------------------------------------------------------------------

    def _disconnect(self, key: int) -> None:
        graph = self._graph
        before = (graph.inputs(key), graph.control_dependencies(key))
        self._journal.append((graph._connect, key, *before))
        graph._connect(key, (), ())

    def _delete(self, key: int) -> None:
        graph = self._graph
        self._journal.append((graph._insert, key, graph._delete(key)))

    def _put(self, key: int, field: str, value: Any) -> None:
        graph = self._graph
        self._require(key)
        before = graph._nodes[key].get(field)
        self._journal.append((graph._put, key, field, before))
        graph._put(key, field, value)

    def _require(self, key: int) -> None:
        if key not in self._graph:
            raise GraphError(f"the graph has no node #{key}")

    def _check(self) -> None:
        graph = self._graph
        wired = [key for key in self._wired if key in graph]
        invariants.check_acyclic(graph, wired)
        invariants.check_attributes(graph, [key for key in self._attributed if key in graph])
        invariants.check_arity(graph, [key for key in wired if not graph.is_variable(key)])
        sources = {source: None for key in wired for source in graph._pred[key]}
        sources.update((key, None) for key in self._signatures if key in graph)
        invariants.check_outputs(graph, sources)
        named = [key for key in self._names if key in graph and graph.is_variable(key)]
        invariants.check_variable_names(graph, named)

    def _undo(self) -> None:
        journal = self._journal
        while len(journal) > self._mark:
            change, *arguments = journal.pop()
            change(*arguments)


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
