"""What a transaction has changed so far, read from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphpass.graph.edges import Entry, InEdges, control_of, entries_of
from graphpass.graph.graph import Edit, Graph
from graphpass.graph.store import GraphState

__all__ = ["Changes", "Journal", "Past", "changes"]

_FIELDS = ("op", "name", "attrs", "subgraphs", "carried")


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between a graph as a transaction found it and as it is now."""

    added: tuple[int, ...]
    """Keys of new nodes, oldest first."""

    removed: Mapping[int, Mapping[str, Any]]
    """Key of a node that is gone -> its data as the transaction found them, such as its name."""

    edited: Mapping[int, Mapping[str, Any]]
    """Key of a node that lives on -> what is different, as the transaction found it: ``op``,
    ``name``, ``attrs``, ``subgraphs``, ``carried``, ``inputs`` and ``control``."""

    heads: tuple[Entry, ...] | None
    """The heads as the transaction found them, None where they are the same."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.edited or self.heads is not None)


def changes(edit: Edit) -> Changes:
    """Return what a transaction has changed; what was changed and changed back is left out.

    Notes
    -----
    Linear in the number of edits, whatever the size of the graph.
    """
    return Journal.of(edit).changes()


class Past:
    """What a graph was at any time of a transaction, even when that is over.

    Parameters
    ----------
    graph : Graph
        The graph, in an open transaction.
    """

    __slots__ = ("_closed", "_graph", "_latest")

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._closed: tuple[GraphState, list[tuple[Any, ...]]] | None = None
        self._latest: tuple[int, Graph] | None = None

    def now(self) -> int:
        """Return what `at` takes for the graph as it is now."""
        return self._graph.edits

    def close(self) -> None:
        """Take note of how the transaction ends; what is done to the graph later is not seen."""
        self._closed = self._graph.state(), list(self._graph._journal or ())

    def at(self, time: int) -> Graph:
        """Return the graph as it was. Linear in nodes, edges and the edits since then."""
        if self._latest is None or self._latest[0] != time:
            state, journal = self._closed or (self._graph.state(), self._graph._journal or [])
            graph = self._graph.of_state(state)
            for change, *arguments in reversed(journal[time:]):
                getattr(graph, change.__name__)(*arguments)
            self._latest = time, graph
        return self._latest[1]


@dataclass(frozen=True, slots=True, eq=False)
class Journal:
    """What a transaction has done so far, and what it has come to; good for ever.

    Taking it costs a fraction of reading it.
    """

    _entries: Sequence[tuple[Any, ...]]
    _nodes: Mapping[int, Mapping[str, Any]]
    """Key of every node that was touched and is there, if not of more -> its data."""

    _pred: Mapping[int, InEdges]
    """The same -> its in-edges."""

    _heads: tuple[Entry, ...]

    @classmethod
    def of(cls, edit: Edit) -> Journal:
        """Take the journal of a transaction. Linear in the number of edits."""
        graph = edit._owner
        entries = edit._journal[edit._mark :]
        nodes, pred = graph._nodes, graph._pred
        touched: set[int] = set()
        most = len(nodes) // 8
        for _, first, *_ in entries if len(entries) <= most else ():
            if type(first) is int:
                touched.add(first)
            elif isinstance(first, dict) or (first and type(first[0]) is int):
                touched.update(first)
        if max(len(touched), len(entries)) > most:  # then copying all of them is less work
            return cls(entries, nodes.copy(), pred.copy(), graph.heads)
        there = [key for key in touched if key in nodes]
        return cls(
            entries,
            {key: nodes[key] for key in there},
            {key: pred[key] for key in there},
            graph.heads,
        )

    def data(self, key: int) -> Mapping[str, Any]:
        """Return the data of a node that was added or edited, as the transaction left them."""
        return self._nodes[key]

    def changes(self) -> Changes:
        """Return the difference. Linear in the number of edits."""
        added: dict[int, None] = {}
        removed: dict[int, dict[str, Any]] = {}
        found: dict[int, dict[str, Any]] = {}
        heads: tuple[Entry, ...] | None = None
        for change, *arguments in self._entries:
            what = change.__name__
            if what == "_set_heads":
                heads = arguments[0] if heads is None else heads
            elif what == "_delete":
                added[arguments[0]] = None
            elif what == "_cut":
                added.update(dict.fromkeys(reversed(arguments[0])))
            elif what == "_rename":
                for key, before in arguments[0].items():
                    found.setdefault(key, {}).setdefault("name", before)
            elif what == "_wire_all":
                for key, into in arguments[0].items():
                    found.setdefault(key, {}).setdefault("into", into)
            elif what == "_paste":
                for key, data, into in arguments[0]:
                    removed[key] = {**data, "into": into}
            elif what == "_set_data":
                key, before = arguments
                fields = found.setdefault(key, {})
                for name in _FIELDS:
                    fields.setdefault(name, before.get(name))
            elif what == "_put":
                key, field, before = arguments
                found.setdefault(key, {}).setdefault(field, before)
            else:
                key, into = arguments
                found.setdefault(key, {}).setdefault("into", into)
        edited: dict[int, dict[str, Any]] = {}
        for key, fields in found.items():
            if key not in added and key not in removed:
                different = self._different(key, fields)
                if different:
                    edited[key] = different
        return Changes(
            added=tuple([key for key in added if key not in removed]),
            removed={
                key: {**data, **found.get(key, {})}
                for key, data in removed.items()
                if key not in added
            },
            edited=edited,
            heads=None if heads == self._heads else heads,
        )

    def _different(self, key: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        data, now = self._nodes[key], self._pred[key]
        different = {
            name: old for name, old in fields.items() if name != "into" and old != data.get(name)
        }
        into: InEdges | None = fields.get("into")
        if into is not None and into != now:
            inputs, control = entries_of(into), control_of(into)
            if inputs != entries_of(now):
                different["inputs"] = inputs
            if control != control_of(now):
                different["control"] = control
        return different
