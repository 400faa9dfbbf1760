"""What a graph is stored in, and the changes that edits of it consist of."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from graphpass.graph.edges import Entry, InEdges
from graphpass.graph.names import NameIndex

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Cut", "GraphState", "Origin", "Store", "Unreached", "paused_collector"]

Adjacency: TypeAlias = "dict[int, dict[int, dict[Any, dict[str, int]]]]"
"""Node -> neighbour -> edge key -> edge data, as networkx keeps it."""

Cut: TypeAlias = "tuple[int, dict[str, Any], InEdges]"
"""A node that was taken out: its key, its data and what it read."""


class Unreached(NamedTuple):
    """A node that a file holds and no head depends on; the graph is read without it."""

    op: str
    name: str
    is_read: bool
    """Whether another node of the file reads it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a file said of itself; nothing in the graph depends on it but how it is saved."""

    dialect: str
    """Oldest release that wrote the file's spelling: ``"0.8"``, ``"0.9"``, ``"1.0"``, ``"2.0"``; or
    ``"tvm"`` for TVM's graph executor, ``"nnvm"`` for the NNVM compiler."""

    version: int | None
    """``mxnet_version`` as in the file (10901 is 1.9.1), or None where it has none."""

    np_shape: bool = False
    """Whether the model was saved in NumPy-shape mode, where a dimension of 0 means empty."""

    unreached: tuple[Unreached, ...] = ()
    """What the graph was read without."""

    foreign: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Operator -> attributes in the file that MXNet 1.9.1 does not give it. They are carried."""

    notes: Mapping[str, Any] = field(default_factory=dict)
    """What else the file said of itself, to be written again."""

    @property
    def release(self) -> str:
        """The writing release in words: ``"1.9.1"``, ``"0.8 or older"``."""
        if self.dialect in ("tvm", "nnvm"):
            return self.dialect
        if self.version is None or self.version < 0:
            return "0.8 or older"
        major, rest = divmod(self.version, 10000)
        return f"{major}.{rest // 100}.{rest % 100}"


_VERY_MANY = 10_000


@contextmanager
def paused_collector() -> Iterator[None]:
    """Pause the cyclic garbage collector while many small objects are built.

    With it on, building a graph of 100,000 nodes takes four times as long: every few hundred new
    dictionaries set off a scan of all of them. Where very many were, they count as old at once, so
    that the next new object does not set off such a scan either.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            if gc.get_count()[0] > _VERY_MANY and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class GraphState(NamedTuple):
    """What a graph was at some time."""

    nodes: Mapping[int, dict[str, Any]]
    sources: Mapping[int, InEdges]
    heads: tuple[Entry, ...]
    origin: Origin | None
    next_key: int


class Store:
    """What a `Graph` holds. Only `Edit` and its journal call its methods.

    Each method changes one thing, and keeps nodes, both directions of edges and names in step.
    What was derived of the graph is forgotten.
    """

    __slots__ = (
        "_dag",
        "_derived",
        "_headed",
        "_heads",
        "_journal",
        "_names",
        "_next_key",
        "_nodes",
        "_pred",
        "_succ",
        "origin",
    )

    def __init__(self) -> None:
        # The dictionaries that networkx keeps a graph in, filled directly: its methods cost four
        # times as much, and importing it takes longer than most commands need in all.
        self._nodes: dict[int, dict[str, Any]] = {}
        self._succ: Adjacency = {}
        self._pred: Adjacency = {}
        self._dag: nx.MultiDiGraph[int] | None = None
        self._heads: tuple[Entry, ...] = ()
        self._headed: dict[int, int] | None = None
        self.origin: Origin | None = None
        self._next_key = 0
        self._derived: dict[str, Any] = {}
        self._names: NameIndex | None = None
        self._journal: list[tuple[Any, ...]] | None = None

    def _new_key(self) -> int:
        self._next_key += 1
        return self._next_key - 1

    def _insert(self, key: int, data: dict[str, Any], into: InEdges) -> None:
        self._paste(((key, data, into),))

    def _delete(self, key: int) -> None:
        self._cut((key,))

    def _cut(self, keys: Iterable[int]) -> list[Cut]:
        """Take out nodes that only nodes among them read, and return what `_paste` puts back."""
        nodes, succ, pred = self._nodes, self._succ, self._pred
        gone: list[Cut] = []
        for key in keys:
            into = pred.pop(key)
            for source in into:
                if source in succ:
                    del succ[source][key]
            gone.append((key, nodes.pop(key), into))
            del succ[key]
        if self._names is not None:
            self._names.discard_all([(data["name"], key) for key, data, _ in gone])
        self._derived.clear()
        return gone

    def _paste(self, gone: Sequence[Cut]) -> None:
        nodes, succ, pred = self._nodes, self._succ, self._pred
        for key, data, _ in gone:
            nodes[key] = data
            succ[key] = {}
            if self._names is not None:
                self._names.add(data["name"], key)
        for key, _, into in gone:
            pred[key] = into
            for source, edges in into.items():
                succ[source][key] = edges
        self._derived.clear()

    def _set_data(self, key: int, data: dict[str, Any]) -> dict[str, Any]:
        """Give a node other data, under the same name, and return those that it had."""
        before = self._nodes[key]
        self._nodes[key] = data
        self._derived.clear()
        return before

    def _put(self, key: int, field: str, value: Any) -> None:
        before = self._nodes[key]
        data = before.copy()  # whoever holds the data of a node holds them as they were
        if value is None:
            data.pop(field, None)
        else:
            data[field] = value
        self._nodes[key] = data
        if field == "name" and self._names is not None:
            self._names.discard(before["name"], key)
            self._names.add(value, key)
        self._derived.clear()

    def _rename(self, names: Mapping[int, str]) -> dict[int, str]:
        """Give nodes other names, and return those that they had."""
        nodes, index = self._nodes, self._names
        before: dict[int, str] = {}
        for key, name in names.items():
            data = nodes[key]
            before[key] = data["name"]
            nodes[key] = {**data, "name": name}
        if len(names) == len(nodes):
            self._names = NameIndex.of_names(names)
        elif 8 * len(names) > len(nodes):
            self._names = None  # making it anew is less work
        elif index is not None:
            for key, name in before.items():
                index.discard(name, key)
            for key, name in names.items():
                index.add(name, key)
        self._derived.pop("arguments", None)
        return before

    def _wire(self, key: int, into: InEdges) -> InEdges:
        """Give a node other in-edges, and return those that it had."""
        succ = self._succ
        before = self._pred[key]
        for source in before:
            del succ[source][key]
        for source, edges in into.items():
            succ[source][key] = edges
        self._pred[key] = into
        self._derived.clear()
        return before

    def _wire_all(self, wires: Mapping[int, InEdges]) -> None:
        for key, into in wires.items():
            self._wire(key, into)

    def _set_heads(self, heads: Sequence[Entry]) -> None:
        self._heads = tuple(heads)
        self._headed = None
        self._derived.clear()
