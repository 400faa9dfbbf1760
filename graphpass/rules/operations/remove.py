"""``remove`` bypasses operators, ``substitute`` swaps them, ``prune`` drops what is not used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graphpass.errors import OperationError, count, listed, suggestion
from graphpass.graph import Edit, Entry, Graph
from graphpass.graph.invariants import describe
from graphpass.ops import Operator
from graphpass.ops.attributes import is_hidden_key
from graphpass.rules.operations.operation import Operation, Run
from graphpass.rules.operations.operators import (
    attribute_texts,
    checked_attrs,
    find_operator,
    find_slot,
    select_operators,
)
from graphpass.rules.operations.region import give_control_to
from graphpass.rules.selectors import Selector

__all__ = ["Prune", "Remove", "Substitute"]


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
            used = [(graph.inputs(node)[slot], f"{describe(graph, node)} reads its output")
                    for node, slot in graph.uses(key)]  # fmt: skip
            used += [(head, "a head is its output") for head in graph.heads if head.node == key]
            for entry, said in used:
                if entry.output:
                    raise OperationError(
                        f"{describe(graph, key)} can't be removed: {said} "
                        f"{graph.output_name(entry)!r}, and an input takes the place of output 0"
                    )
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitute(Operation):
    """Swap the operator of nodes. Hints (``__ctx_group__``) stay, other attributes if kept.

    Examples
    --------
    A classifier without its label is ``substitute: {select: softmax, op: softmax, inputs: [data],
    attrs: {axis: -1}}``.
    """

    keyword: ClassVar[str] = "substitute"

    select: Selector
    """The nodes."""

    op: str
    """The operator that they run from now on: a name or alias of MXNet 1.9.1."""

    attrs: Mapping[str, Any] = field(default_factory=dict)
    """Its attributes."""

    keep_attrs: Sequence[str] | bool = False
    """Attributes of the old operator to keep: names, or true for all that the new one has too."""

    inputs: Sequence[int | str] | None = None
    """Inputs of the old operator that the new one reads, in order, by slot or name; default:
    all."""

    optional: bool = False
    """Whether it is fine to select nothing."""

    def apply(self, run: Run, edit: Edit) -> str:
        """Swap the operators. Linear in the graph."""
        graph = run.graph
        operator = find_operator(self.op)
        selected = select_operators(graph, self.select, optional=self.optional)
        names = [graph.name(key) for key in selected]
        outputs = graph.outputs
        old = dict.fromkeys(graph.op(key) for key in selected)
        for key in selected:
            inputs = graph.inputs(key)
            if self.inputs is not None:
                inputs = tuple([inputs[find_slot(graph, key, slot)] for slot in self.inputs])
            texts = {**self._kept(graph, key, operator), **attribute_texts(self.attrs)}
            attrs = checked_attrs(operator, texts, len(inputs), describe(graph, key))
            edit.set_op(key, operator.name)
            edit.set_attrs(key, attrs)
            edit.set_inputs(key, inputs)
            if graph.subgraphs(key) and not operator.from_subgraph:
                edit.set_subgraphs(key, ())
        run.drop_orphans(edit)
        for before, after in zip(outputs, graph.outputs, strict=True):
            if before != after:
                run.note(f"the output {before!r} is now {after!r}")
        return (
            f"{count(len(selected), 'node')} ({listed(names)}) now "
            f"{'runs' if len(selected) == 1 else 'run'} {operator.name} in place of "
            f"{', '.join(old)}"
        )

    def _kept(self, graph: Graph, key: int, operator: Operator) -> dict[str, str]:
        before = graph.attrs(key)
        kept = {name: text for name, text in before.items() if is_hidden_key(name)}
        if self.keep_attrs is True:
            kept.update((name, before[name]) for name in before if name in operator.attributes)
        elif self.keep_attrs:
            for name in self.keep_attrs:
                if name not in before:
                    raise OperationError(
                        f"{describe(graph, key)} has no attribute {name!r} to keep"
                        f"{suggestion(name, before)}"
                    )
                kept[name] = before[name]
        return kept
