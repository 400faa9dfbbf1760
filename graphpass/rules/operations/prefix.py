"""``prefix``: a text before many names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from graphpass.graph import Edit
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.selectors import Kind, Selector, select
from graphpass.rules.surgery.renaming import rename_nodes

__all__ = ["Prefix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix(Operation):
    """Put a prefix before the names of nodes, and of the parameters of variables.

    Examples
    --------
    ``prefix: {prefix: left_, keep: data}`` renames everything but the input.
    """

    keyword: ClassVar[str] = "prefix"
    shorthand: ClassVar[str | None] = "prefix"

    prefix: str
    """What to put before the names."""

    select: Selector | None = None
    """The nodes to rename; default: all."""

    kind: Kind = "both"
    """Which nodes are meant."""

    keep: Selector = ()
    """Nodes whose names stay."""

    optional: bool = False
    """Whether selecting nothing is fine."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Rename the nodes. Linear in the graph."""
        graph = run.graph
        selected = {"glob": "*"} if self.select is None else self.select
        chosen = select(graph, selected, kind=self.kind, optional=self.optional)
        kept = set(select(graph, self.keep, optional=self.optional))
        keys = [key for key in chosen if key not in kept] if kept else chosen
        before = graph.names_of(keys)
        names = {key: self.prefix + name for key, name in zip(keys, before, strict=True)}
        return rename_nodes(run, edit, names, before)
