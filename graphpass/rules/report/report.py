"""What a pass did, rule by rule and to the model as a whole, and that as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphpass.graph import VARIABLE, Graph
from graphpass.model import Lineage, Model
from graphpass.rules.report.changes import (
    AttributeChange,
    Delta,
    HeadChange,
    NodeRef,
    PendingDelta,
)
from graphpass.rules.wording import one_line, shortened

if TYPE_CHECKING:
    from graphpass.rules.explaining.near_misses import NearMiss
    from graphpass.rules.rewriting.firing_record import Firing

__all__ = ["Census", "Report", "Step", "format_bytes", "near_miss_lines"]


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


# -- text ------------------------------------------------------------------------------------------


def report_text(report: Report) -> str:
    """Return the lines of a report: what each rule did, then the model before and after."""
    return "\n".join(map(one_line, _lines(report)))


def format_bytes(count: int) -> str:
    """Return a size with three digits.

    Examples
    --------
    >>> format_bytes(0), format_bytes(1000), format_bytes(4_213_000), format_bytes(102_000_000_000)
    ('0 B', '1.00 kB', '4.21 MB', '102 GB')
    """
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    if unit == "B":
        return f"{count} B"
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f} {unit}"


def _lines(report: Report) -> Iterator[str]:
    would = "would change" if report.dry_run else "changed"
    said = would if report.changed else "nothing to change" if report.dry_run else "changed nothing"
    yield f"{report.name}: {said}"
    for step in report.steps:
        yield from _step_lines(step, "  ")
    before, after = report.before, report.after
    yield f"  nodes       {_arrow(before.nodes, after.nodes)}"
    fired = any(_all_firings(report.steps))
    yield from _operator_lines("operators   ", before.operators, after.operators, in_table=fired)
    if before.inside or after.inside:
        label = "operators inside subgraphs  "
        yield from _operator_lines(label, before.inside, after.inside, in_table=fired)
    sizes = _arrow(format_bytes(before.bytes), format_bytes(after.bytes))
    yield f"  parameters  {_arrow(before.parameters, after.parameters)}, {sizes}"
    order = report.argument_order
    if order is not None:
        yield "  argument order changed; who binds arrays by position must follow"
        yield f"    before: {_names(order[0])}"
        yield f"    after:  {_names(order[1])}"


def _operator_lines(
    label: str, before: Mapping[str, int], after: Mapping[str, int], *, in_table: bool
) -> Iterator[str]:
    total = _arrow(sum(before.values()), sum(after.values()))
    different = [
        f"{op} {_arrow(before.get(op, 0), after.get(op, 0))}"
        for op in sorted({*before, *after})
        if before.get(op) != after.get(op)
    ]
    if different and not in_table:
        total += f": {_names(different)}"
    yield f"  {label}{total}"
    if in_table:
        yield from operator_table(before, after, "    ")


def _step_lines(step: Step, indent: str, *, is_used: bool = False) -> Iterator[str]:
    """Yield what a rule did; of a pass that it used, only rules that did something or came near."""
    name = f"{step.keyword} {step.id}" if step.id else step.keyword
    place = f"  [{step.place}]" if step.place else ""
    yield f"{indent}{step.index}. {name}: {step.summary}{place}"
    for note in step.notes:
        yield f"{indent}   note: {note}"
    if step.steps:
        for inner in step.steps:
            if not _is_idle(inner):
                yield from _step_lines(inner, f"{indent}   ", is_used=True)
        return
    near = _close(step) if is_used else step.near_misses
    for line in (*_delta_lines(step.delta), *rewrite_lines(step, near)):
        yield f"{indent}   {line}"


def _is_idle(step: Step) -> bool:
    """Return whether a rule did nothing, and nothing of interest is to be told of it."""
    is_told = step.notes or step.firings or step.heads or _close(step) or step.delta
    if is_told or step.keyword == "expect":
        return False
    return all(map(_is_idle, step.steps))


def _close(step: Step) -> list[NearMiss]:
    """Return the near misses that lack more than an operator: most places are just another net."""
    return [miss for miss in step.near_misses if miss.code != "operator"]


def _all_firings(steps: Iterable[Step]) -> Iterator[Firing]:
    for step in steps:
        yield from step.firings
        yield from _all_firings(step.steps)


def _delta_lines(delta: Delta) -> Iterator[str]:
    if delta.nodes_added:
        yield f"+ nodes: {_names(node.name for node in delta.nodes_added)}"
    if delta.nodes_removed:
        yield f"- nodes: {_names(node.name for node in delta.nodes_removed)}"
    if delta.nodes_renamed:
        yield f"~ names: {_names(f'{node.before} -> {node.name}' for node in delta.nodes_renamed)}"
    if delta.operators_changed:
        changed = (f"{node.name} {node.before} -> {node.op}" for node in delta.operators_changed)
        yield f"~ operators: {_names(changed)}"
    if delta.attributes_changed:
        attributes = (f"{node.name} {_attributes(node)}" for node in delta.attributes_changed)
        yield f"~ attributes: {_names(attributes)}"
    if delta.nodes_rewired:
        yield f"~ inputs of: {_names(node.name for node in delta.nodes_rewired)}"
    if delta.outputs is not None:
        yield f"~ outputs: {_names(delta.outputs.before)} -> {_names(delta.outputs.after)}"
    yield from _parameter_lines(delta)


def _parameter_lines(delta: Delta) -> Iterator[str]:
    for sign, part in (("+", delta.parameters_added), ("-", delta.parameters_removed)):
        if part:
            size = format_bytes(sum(parameter.bytes for parameter in part))
            yield f"{sign} parameters ({size}): {_names(parameter.name for parameter in part)}"
    if delta.parameters_renamed:
        renamed = (f"{change.before} -> {change.name}" for change in delta.parameters_renamed)
        yield f"~ parameters: {_names(renamed)}"
    if delta.parameters_replaced:
        yield f"~ values: {_names(change.name for change in delta.parameters_replaced)}"


def _attributes(node: AttributeChange) -> str:
    return " ".join(
        f"{name}={'(none)' if new is None else new} (was {'(none)' if old is None else old})"
        for name, (old, new) in node.attributes.items()
    )


def _arrow(before: object, after: object) -> str:
    return str(after) if before == after else f"{before} -> {after}"


def _names(names: Iterable[str]) -> str:
    return shortened(names, SHOWN) or "none"


SHOWN = 5
"""How many names a line of a report has."""

_NEAR_SHOWN = 3

_REFUSED = "refused"
"""What a near miss has for the part that failed where the rewrite refuses its matches."""


def rewrite_lines(step: Step, near_misses: Sequence[NearMiss]) -> Iterator[str]:
    """Yield what the firings of a rewrite did together, and some places where it came near."""
    firings = step.firings
    if firings:
        yield f"at {shortened([firing.root.name for firing in firings], SHOWN)}"
        removed = _counted(ref for firing in firings for ref in firing.removed)
        yield f"- {removed or 'nothing'}"
        added = _counted(ref for firing in firings for ref in firing.added)
        if added:
            yield f"+ {added}"
        changed = [change.name for firing in firings for change in firing.parameters]
        if changed:
            yield f"~ values: {shortened(changed, SHOWN)}"
    if step.heads:
        heads = [f"{head.before} -> {head.after}" for head in step.heads]
        yield f"~ outputs: {shortened(heads, SHOWN)}"
    yield from near_miss_lines(near_misses)


def near_miss_lines(missed: Sequence[NearMiss]) -> Iterator[str]:
    """Yield where a rewrite came near and did not apply, and why: the first few kinds of places."""
    for miss in missed[:_NEAR_SHOWN]:
        yield str(miss) if miss.what == _REFUSED else f"not {miss}"
    more = len(missed) - _NEAR_SHOWN
    if more > 0:
        yield f"not in {more} more kinds of places; `graphpass explain` lists them"


def operator_table(
    before: Mapping[str, int], after: Mapping[str, int], indent: str
) -> Iterator[str]:
    """Yield a line for each operator whose count is another, under a heading."""
    different = [op for op in sorted({*before, *after}) if before.get(op, 0) != after.get(op, 0)]
    if not different:
        return
    width = max(len(op) for op in (*different, "operator"))
    yield f"{indent}{'operator':{width}}  before   after"
    for op in different:
        yield f"{indent}{op:{width}}  {before.get(op, 0):6}  {after.get(op, 0):6}"


def _counted(refs: Iterable[NodeRef]) -> str:
    counts = Counter(map(_kind, refs))
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _kind(ref: NodeRef) -> str:
    return "variable" if ref.op == VARIABLE else ref.op
