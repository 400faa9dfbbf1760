"""A report as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from graphpass.rules.rewrite_text import SHOWN, operator_table, rewrite_lines
from graphpass.rules.wording import one_line, shortened

if TYPE_CHECKING:
    from graphpass.rules.delta import AttributeChange, Delta
    from graphpass.rules.explaining.near_misses import NearMiss
    from graphpass.rules.report import Report, Step
    from graphpass.rules.rewriting.firing_record import Firing

__all__ = ["format_bytes", "report_text"]


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
