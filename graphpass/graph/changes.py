"""What a transaction has changed so far, read from its journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphpass.graph.node import Entry

if TYPE_CHECKING:
    from graphpass.graph.edit import Edit
    from graphpass.graph.graph import Graph

__all__ = ["Changes", "changes"]


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
    graph = edit._owner
    added: dict[int, None] = {}
    removed: dict[int, dict[str, Any]] = {}
    found: dict[int, dict[str, Any]] = {}
    heads: tuple[Entry, ...] | None = None
    for change, *arguments in edit._journal[edit._mark :]:
        what = change.__name__
        if what == "_set_heads":
            heads = arguments[0] if heads is None else heads
        elif what == "_delete":
            added[arguments[0]] = None
        elif what == "_insert":
            removed[arguments[0]] = arguments[1]
        elif what == "_put":
            key, field, before = arguments
            found.setdefault(key, {}).setdefault(field, before)
        else:
            key, inputs, control = arguments
            found.setdefault(key, {}).setdefault("inputs", inputs)
            found[key].setdefault("control", control)
    edited: dict[int, dict[str, Any]] = {}
    for key, fields in found.items():
        if key in added or key in removed:
            continue
        different = {name: old for name, old in fields.items() if old != _now(graph, key, name)}
        if different:
            edited[key] = different
    return Changes(
        added=tuple(key for key in added if key not in removed),
        removed={
            key: {**data, **found.get(key, {})} for key, data in removed.items() if key not in added
        },
        edited=edited,
        heads=None if heads == graph.heads else heads,
    )


def _now(graph: Graph, key: int, field: str) -> Any:
    if field == "inputs":
        return graph.inputs(key)
    if field == "control":
        return graph.control_dependencies(key)
    return graph.dag.nodes[key].get(field)
