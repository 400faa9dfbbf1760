"""What a pass did: rule by rule, and to the model as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphpass.graph import VARIABLE, Graph
from graphpass.model import Lineage, Model
from graphpass.rules.delta import Delta, HeadChange, PendingDelta
from graphpass.rules.report_text import report_text

if TYPE_CHECKING:
    from graphpass.rules.explaining.near_misses import NearMiss
    from graphpass.rules.rewriting.firing_record import Firing

__all__ = ["Census", "Report", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule did."""

    index: int
    """The rule's position in its pass, counted from 1."""

    keyword: str
    """Its operation."""

    summary: str
    """What it did, in one sentence."""

    id: str | None = None
    place: str = ""

    notes: tuple[str, ...] = ()
    """What the user should know."""

    pending: PendingDelta | None = field(default=None, repr=False)
    """What is different after it, not yet worked out; None for a rewrite, which has firings."""

    firings: tuple[Firing, ...] = ()
    """Of a rewrite: what each firing did, in order."""

    heads: tuple[HeadChange, ...] = ()
    """Of a rewrite: the heads that have another name now."""

    near_misses: tuple[NearMiss, ...] = ()
    """Of a rewrite: where it came near in the end and did not apply, and why."""

    steps: tuple[Step, ...] = ()
    """The steps of the pass that a ``use`` ran."""

    @property
    def delta(self) -> Delta:
        """What is different after it; empty for a rewrite, whose firings tell."""
        return Delta() if self.pending is None else self.pending.delta

    def to_json(self) -> dict[str, Any]:
        """Return the step as dicts and lists of texts and numbers."""
        found: dict[str, Any] = {"rule": self.index, "operation": self.keyword}
        found |= {"id": self.id} if self.id else {}
        found |= {"place": self.place} if self.place else {}
        found |= {"summary": self.summary, "notes": list(self.notes)}
        if self.keyword == "rewrite":
            found["firings"] = [firing.to_json() for firing in self.firings]
            found |= {"outputs": [head._asdict() for head in self.heads]} if self.heads else {}
            found["near_misses"] = [miss.to_json() for miss in self.near_misses]
        else:
            found["changes"] = self.delta.to_json()
        found |= {"rules": [step.to_json() for step in self.steps]} if self.steps else {}
        return found


@dataclass(frozen=True, slots=True)
class Census:
    """A model in numbers; of the graph only what the heads reach is counted."""

    nodes: int
    operators: Mapping[str, int]
    """Operator -> how many nodes run it, by name."""
    parameters: int
    bytes: int
    """Of all arrays."""
    arguments: tuple[str, ...]
    """As ``list_arguments()`` gives them."""
    inside: Mapping[str, int] = field(default_factory=dict)
    """The same as `operators`, for the subgraphs that operators run, and for those inside."""

    @classmethod
    def of(cls, model: Model) -> Census:
        """Count a model. Linear in nodes and parameters; no array is read."""
        graph = model.graph
        inside: Counter[str] = Counter()
        pending = _subgraphs(graph)
        while pending:
            subgraph = pending.pop()
            inside += _operators(subgraph)
            pending += _subgraphs(subgraph)
        return cls(
            nodes=len(graph.order()),
            operators=dict(sorted(_operators(graph).items())),
            parameters=len(model.parameters),
            bytes=model.parameters.nbytes,
            arguments=tuple(graph.arguments),
            inside=dict(sorted(inside.items())),
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything but the arguments."""
        return {
            "nodes": self.nodes,
            "operators": dict(self.operators),
            **({"inside_subgraphs": dict(self.inside)} if self.inside else {}),
            "parameters": self.parameters,
            "bytes": self.bytes,
        }


def _operators(graph: Graph) -> Counter[str]:
    return Counter({op: len(keys) for op, keys in graph.by_op().items() if op != VARIABLE})


def _subgraphs(graph: Graph) -> list[Graph]:
    return [subgraph for key in graph.with_subgraphs() for subgraph in graph.subgraphs(key)]


@dataclass(frozen=True, slots=True)
class Report:
    """What a run of a pass did, or would do. ``str(report)`` is a text for people."""

    name: str
    """The pass."""

    steps: tuple[Step, ...]
    """Its rules, in order."""

    before: Census
    """The model before the pass."""

    after: Census
    """The model after the pass."""

    pending: PendingDelta = field(repr=False)
    """What the pass as a whole changed, not yet worked out."""

    lineage: Lineage
    """What heads and copies stand for in the model before the pass; `graphpass.verify` takes it."""

    dry_run: bool = False
    """Whether the model was left as it was."""

    @property
    def delta(self) -> Delta:
        """What the pass as a whole changed; what one rule did and another undid is left out."""
        return self.pending.delta

    @property
    def changed(self) -> bool:
        """Whether the model is, or would be, different after the pass."""
        return bool(self.delta)

    @property
    def argument_order(self) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """``list_arguments()`` before and after, None where it is the same but for new names.

        Whoever binds arrays by position depends on it.
        """
        renamed = self.delta.nodes_renamed
        names = {change.before: change.name for change in renamed if change.op == VARIABLE}
        if tuple(names.get(name, name) for name in self.before.arguments) == self.after.arguments:
            return None
        return self.before.arguments, self.after.arguments

    def to_json(self) -> dict[str, Any]:
        """Return the report as dicts and lists of texts and numbers, for `json.dumps`."""
        order = self.argument_order
        return {
            "pass": self.name,
            "dry_run": self.dry_run,
            "changed": self.changed,
            "rules": [step.to_json() for step in self.steps],
            "changes": self.delta.to_json(),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "argument_order": order and {"before": list(order[0]), "after": list(order[1])},
        }

    def __str__(self) -> str:
        return report_text(self)
