"""`explain_lowering`: which lowering takes a node, and why the ones before it do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphpass.graph import paused_collector
from graphpass.graph.invariants import describe
from graphpass.lowering.driver import DEFAULT_OPSET, Driver
from graphpass.lowering.files import shipped_lowerings
from graphpass.lowering.shapes import given_inputs, known_shapes
from graphpass.model import Model
from graphpass.rules.rewrite.lowering import Lowering
from graphpass.rules.selectors import Selector, select_one

__all__ = ["LoweringExplanation", "NodeLowering", "explain_lowering"]


@dataclass(frozen=True, slots=True)
class NodeLowering:
    """What becomes of one node."""

    node: str
    """Operator, name and key."""

    taken: str | None
    """The lowering that takes it; None if none does."""

    ops: tuple[str, ...]
    """What it becomes, operator by operator."""

    others: tuple[tuple[str, str], ...]
    """The lowerings that come before, or all if none takes it, and what each lacks."""

    def lines(self) -> Iterator[str]:
        """Yield the answer in lines."""
        yield f"{self.node}: {'is lowered' if self.taken else 'is not lowered'}"
        for name, reason in self.others:
            yield f"  ✗ {name or 'refused'}: {reason}"
        if self.taken:
            yield f"  ✓ {self.taken}: {', '.join(self.ops) or 'nothing is left of it'}"
        elif not self.others:
            yield "  nothing lowers its operator; write a lowering, and give it by --lower FILE"


@dataclass(frozen=True, slots=True)
class LoweringExplanation:
    """What becomes of nodes. True if all of them are lowered."""

    nodes: tuple[NodeLowering, ...]

    total: int
    """How many nodes were looked at; `nodes` are those that were asked about, or are not lowered"""

    def __bool__(self) -> bool:
        return all(each.taken for each in self.nodes)

    def __str__(self) -> str:
        """Return the answer in lines."""
        lines = [line for each in self.nodes for line in each.lines()]
        lacking = sum(not each.taken for each in self.nodes)
        if self.total != 1:
            lines.append(f"{self.total - lacking} of {self.total} nodes are lowered")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return {
            "lowered": bool(self),
            "total": self.total,
            "nodes": [
                {
                    "node": each.node,
                    "lowering": each.taken,
                    "ops": list(each.ops),
                    "others": [{"lowering": n, "reason": reason} for n, reason in each.others],
                }
                for each in self.nodes
            ],
        }


def explain_lowering(
    model: Model,
    at: Selector | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    dtypes: Mapping[str, str] | None = None,
    lowerings: Sequence[Lowering] = (),
    opset: int | None = None,
) -> LoweringExplanation:
    """Say which lowering takes a node of a model as it is, and what others lack.

    Parameters
    ----------
    model : Model
        The model; no pass runs before.
    at : selector, optional
        One operator. Without it, all are looked at, and those that none takes are told.
    inputs, dtypes : mapping, optional
        As for `export`.
    lowerings : sequence of Lowering
        Those that are tried before the shipped ones.
    opset : int, optional
        As for `export`.

    Raises
    ------
    SelectorError
        If `at` selects no operator, or several.
    UsageError
        If the shapes do not fit.
    """
    graph = model.graph
    chosen = None if at is None else select_one(graph, at, kind="operators")
    with paused_collector():
        known = known_shapes(model, given_inputs(model, inputs or {}, dtypes or {}))
        every = [*lowerings, *shipped_lowerings()]
        driver = Driver(model, every, known, opset or DEFAULT_OPSET, is_fixed=opset is not None)
        keys = [key for key in graph.order() if not graph.is_variable(key)]
        found = []
        for key in keys if chosen is None else [chosen]:
            piece = driver.piece(key)
            if piece is not None and chosen is None:
                continue
            lowering = driver.chosen.get(key)
            others = driver.why_not(key, before=lowering).reasons
            ops = tuple([node.op for node in piece.nodes]) if piece is not None else ()
            taken = None if lowering is None else lowering.id
            found.append(NodeLowering(describe(graph, key), taken, ops, others))
    return LoweringExplanation(tuple(found), len(keys) if chosen is None else 1)
