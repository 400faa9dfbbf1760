"""``remove`` takes operators out, so that their users read what they read; ``prune`` the unused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from graphpass.errors import OperationError, count, listed
from graphpass.graph import Edit, Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import find_slot, select_operators
from graphpass.rules.operations.region import give_control_to
from graphpass.rules.selectors import Selector

__all__ = ["Prune", "Remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Operation):
    """Bypass operators: whoever uses output 0 of one reads one of its inputs instead.

    Examples
    --------
    ``remove: op:Dropout`` makes the readers of every Dropout read its data.
    """

    keyword: ClassVar[str] = "remove"
    shorthand: ClassVar[str | None] = "select"

    select: Selector
    """The operators."""

    input: int | str = 0
    """Which input takes the place of output 0: its slot or its name."""

    optional: bool = False
    """Whether it is fine to select nothing."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Bypass the operators. Linear in the graph."""
        graph = run.graph
        removed = select_operators(graph, self.select, optional=self.optional)
        names = [graph.name(key) for key in removed]
        outputs = graph.outputs
        gone, writers = set(removed), graph.variable_keys().writers
        states = [state for state, keys in writers.items() if not gone.isdisjoint(keys)]
        instead: dict[Entry, Entry] = {}
        for key in removed:
            _refuse_other_outputs(graph, key)
            value = graph.inputs(key)[find_slot(graph, key, self.input)]
            instead[Entry(key)] = instead.get(value._replace(version=0), value)
        edit.redirect_all(instead)
        for old, new in instead.items():
            give_control_to(graph, edit, old.node, new.node)
        nodes = len(graph)
        run.drop_orphans(edit)
        auxiliary = set(graph.variable_keys().auxiliary_states)
        for key in states:
            if key in graph and key not in auxiliary:
                users = [describe(graph, use.node) for use in graph.uses(key)] or ["a head"]
                raise OperationError(
                    f"removal would leave the auxiliary state {graph.name(key)!r} without an "
                    f"operator that updates it, while {users[0]} still uses it; remove that too"
                )
        for before, after in zip(outputs, graph.outputs, strict=True):
            if before != after:
                run.note(f"the output {before!r} is now {after!r}")
        others = nodes - len(graph) - len(removed)
        also = f", and {count(others, 'node')} that nothing needs any more" if others > 0 else ""
        named = f" ({listed(names)})" if names else ""
        return f"removed {count(len(removed), 'operator')}{named}{also}"


def _refuse_other_outputs(graph: Graph, key: int) -> None:
    for reader, slot in graph.uses(key):
        entry = graph.inputs(reader)[slot]
        if entry.output != 0:
            raise OperationError(
                f"{describe(graph, key)} can't be removed: {describe(graph, reader)} reads its "
                f"output {graph.output_name(entry)!r}, and an input takes the place of output 0"
            )
    for head in graph.heads:
        if head.node == key and head.output != 0:
            raise OperationError(
                f"{describe(graph, key)} can't be removed: its output {graph.output_name(head)!r} "
                "is a head, and an input takes the place of output 0"
            )


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
            wanted = [*run.graph.arguments, *run.graph.auxiliary_states]
            raise OperationError(
                f"the graph has no variable for any of the {count(len(unused), 'array')} "
                f"({listed(unused)}), so these parameters belong to another graph, or their names "
                f"have to be mended first; the graph wants {listed(wanted or ['nothing'])}"
            )
        size = sum(parameters[name].nbytes for name in unused)
        for name in unused:
            del parameters[name]
        return (
            f"dropped {count(dropped, 'node')} and {count(len(unused), 'parameter')} "
            f"({count(size, 'byte')})"
        )
