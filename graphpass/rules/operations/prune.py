"""``prune``: what nothing uses goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import OperationError, count, listed
from graphpass.graph import Edit
from graphpass.rules.operations.operation import Operation, Run

__all__ = ["Prune"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune(Operation):
    """Drop nodes that the heads do not reach, and arrays that no variable uses."""

    keyword: ClassVar[str] = "prune"

    nodes: bool = True
    """Whether to drop nodes."""

    parameters: bool = True
    """Whether to drop arrays."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Drop them. Linear in the graph and the number of parameters."""
        parameters = run.model.parameters
        dropped = len(edit.sweep()) if self.nodes else 0
        unused = [name for name in parameters if not run.variables(name)] if self.parameters else []
        if unused and len(unused) == len(parameters):
            raise OperationError(
                f"the graph has no variable for any of the {count(len(unused), 'array')} "
                f"({listed(unused)}), so these parameters belong to another graph, or their names "
                f"have to be mended first; the graph wants {listed(_wanted(run))}"
            )
        size = sum(parameters[name].nbytes for name in unused)
        for name in unused:
            del parameters[name]
        return (
            f"dropped {count(dropped, 'node')} and {count(len(unused), 'parameter')} "
            f"({count(size, 'byte')})"
        )


def _wanted(run: Run) -> list[str]:
    graph = run.graph
    return [*graph.arguments, *graph.auxiliary_states] or ["nothing"]
