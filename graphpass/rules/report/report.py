"""What a pass did, rule by rule and to the model as a whole, and that as text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphpass.errors import one_line, shortened
from graphpass.graph import VARIABLE, Graph
from graphpass.lazy import Drawn
from graphpass.model import Lineage, Model
from graphpass.rules.report.changes import AttributeChange, Delta, HeadChange, NodeRef, Pending
from graphpass.rules.report.firings import REFUSED, Firing, NearMiss

__all__ = ["Census", "Report", "Step", "every_step", "format_bytes", "near_miss_lines"]


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

    pending: Pending[Delta] | None = field(default=None, repr=False)
    """What is different after it, not yet worked out; None for a rewrite, which has firings."""

    heads: tuple[HeadChange, ...] = ()
    """Of a rewrite: the heads that have another name now."""

    fired: Pending[tuple[Firing, ...]] | None = field(default=None, repr=False, compare=False)
    missed: Pending[tuple[NearMiss, ...]] | None = field(default=None, repr=False, compare=False)

    steps: tuple[Step, ...] = ()
    """The steps of the pass that a ``use`` ran."""

    @property
    def firings(self) -> tuple[Firing, ...]:
        """Of a rewrite: what each firing did, in order."""
        return () if self.fired is None else self.fired()

    @property
    def near_misses(self) -> tuple[NearMiss, ...]:
        """Of a rewrite: where it came near in the end and did not apply, and why."""
        return () if self.missed is None else self.missed()

    @property
    def delta(self) -> Delta:
        """What is different after it; empty for a rewrite, whose firings tell."""
        return Delta() if self.pending is None else self.pending()

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
class Report(Drawn):
    """What a run of a pass did, or would do. ``str(report)`` is a text for people."""

    name: str
    """The pass."""

    steps: tuple[Step, ...]
    """Its rules, in order."""

    counted: tuple[Pending[Census], Pending[Census]] = field(repr=False, compare=False)
    """The model before and after the pass, not yet counted."""

    pending: Pending[Delta] = field(repr=False)
    """What the pass as a whole changed, not yet worked out."""

    lineage: Lineage
    """What heads and copies stand for in the model before the pass; `graphpass.verify` takes it."""

    dry_run: bool = False
    """Whether the model was left as it was."""

    def __repr__(self) -> str:
        fired = sum(len(step.firings) for step in every_step(self.steps))
        return f"<Report: {self.name}, {len(self.steps)} rules, {fired} firings>"

    @property
    def delta(self) -> Delta:
        """What the pass as a whole changed; what one rule did and another undid is left out."""
        return self.pending()

    @property
    def before(self) -> Census:
        """The model before the pass."""
        return self.counted[0]()

    @property
    def after(self) -> Census:
        """The model after the pass."""
        return self.counted[1]()

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
        return "\n".join(map(one_line, _lines(self)))


# -- text ------------------------------------------------------------------------------------------

_SHOWN = 5
"""How many names a line of a report has."""

_NEAR_SHOWN = 3


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


def near_miss_lines(missed: Sequence[NearMiss]) -> Iterator[str]:
    """Yield where a rewrite came near and did not apply, and why: the first few kinds of places."""
    for miss in missed[:_NEAR_SHOWN]:
        yield str(miss) if miss.what == REFUSED else f"not {miss}"
    more = len(missed) - _NEAR_SHOWN
    if more > 0:
        yield f"not in {more} more kinds of places; `graphpass explain` lists them"


def _lines(report: Report) -> Iterator[str]:
    """Yield what each rule did, then the model before and after."""
    would = "would change" if report.dry_run else "changed"
    said = would if report.changed else "nothing to change" if report.dry_run else "changed nothing"
    yield f"{report.name}: {said}"
    for step in report.steps:
        yield from _step_lines(step, "  ")
    before, after = report.before, report.after
    yield f"  nodes       {_arrow(before.nodes, after.nodes)}"
    fired = any(step.firings for step in every_step(report.steps))
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


def every_step(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps in the order in which they were done, those of used passes in their place."""
    for step in steps:
        yield step
        yield from every_step(step.steps)


def _operator_lines(
    label: str, before: Mapping[str, int], after: Mapping[str, int], *, in_table: bool
) -> Iterator[str]:
    counts = {op: (before.get(op, 0), after.get(op, 0)) for op in sorted({*before, *after})}
    different = {op: count for op, count in counts.items() if count[0] != count[1]}
    total = _arrow(sum(before.values()), sum(after.values()))
    if different and not in_table:
        total += f": {_names(f'{op} {_arrow(*count)}' for op, count in different.items())}"
    yield f"  {label}{total}"
    if different and in_table:
        width = max(map(len, [*different, "operator"]))
        yield f"    {'operator':{width}}  before   after"
        for op, (was, now) in different.items():
            yield f"    {op:{width}}  {was:6}  {now:6}"


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
    for line in (*_changes(step), *near_miss_lines(near)):
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


def _changes(step: Step) -> Iterator[str]:
    """Yield what is different after a rule, one kind of change a line."""
    delta = step.delta
    parts: dict[str, Iterable[str]] = {
        "+ nodes": [node.name for node in delta.nodes_added],
        "- nodes": [node.name for node in delta.nodes_removed],
        "~ names": [f"{node.before} -> {node.name}" for node in delta.nodes_renamed],
        "~ operators": [
            f"{node.name} {node.before} -> {node.op}" for node in delta.operators_changed
        ],
        "~ attributes": [f"{node.name} {_attributes(node)}" for node in delta.attributes_changed],
        "~ inputs of": [node.name for node in delta.nodes_rewired],
    }
    if delta.outputs is not None:
        parts["~ outputs"] = [" -> ".join(map(_names, delta.outputs))]
    for sign, part in (("+", delta.parameters_added), ("-", delta.parameters_removed)):
        size = format_bytes(sum(parameter.bytes for parameter in part))
        parts[f"{sign} parameters ({size})"] = [parameter.name for parameter in part]
    renamed = [f"{change.before} -> {change.name}" for change in delta.parameters_renamed]
    replaced = [change.name for change in delta.parameters_replaced]
    parts |= {"~ parameters": renamed, "~ values": replaced}
    if step.firings:
        yield f"at {_names(firing.root.name for firing in step.firings)}"
        yield f"- {_counted(ref for firing in step.firings for ref in firing.removed) or 'nothing'}"
        added = _counted(ref for firing in step.firings for ref in firing.added)
        if added:
            yield f"+ {added}"
        stored = [change.name for firing in step.firings for change in firing.parameters]
        parts = {"~ values": stored}
    if step.heads:
        parts["~ outputs"] = [f"{head.before} -> {head.after}" for head in step.heads]
    for label, texts in parts.items():
        if texts:
            yield f"{label}: {_names(texts)}"


def _attributes(node: AttributeChange) -> str:
    return " ".join(
        f"{name}={'(none)' if new is None else new} (was {'(none)' if old is None else old})"
        for name, (old, new) in node.attributes.items()
    )


def _counted(refs: Iterable[NodeRef]) -> str:
    counts = Counter("variable" if ref.op == VARIABLE else ref.op for ref in refs)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def _arrow(before: object, after: object) -> str:
    return str(after) if before == after else f"{before} -> {after}"


def _names(names: Iterable[str]) -> str:
    return shortened(names, _SHOWN) or "none"
