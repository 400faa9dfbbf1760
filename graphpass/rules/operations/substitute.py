"""``substitute``: a node runs another operator; its name, its users and its hints stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from graphpass.errors import OperationError, count, listed, suggestion
from graphpass.graph import Edit, Graph
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
from graphpass.rules.selectors import Selector

__all__ = ["Substitute"]


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
