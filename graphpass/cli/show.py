"""``graphpass show``: what a model is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphpass.cli import options
from graphpass.cli.options import load_model, parse_shapes, print_json
from graphpass.errors import UsageError

if TYPE_CHECKING:
    from graphpass.model import Model
    from graphpass.view.summary import CostLine, Costs

__all__ = ["show"]


@click.command
@options.a_model
@options.params_file
@click.option("--nodes", is_flag=True, help="List every node with its id.")
@click.option("--ops", is_flag=True, help="Count the operators.")
@click.option("--tied", is_flag=True, help="List variables with several users.")
@click.option("--text", is_flag=True, help="Print the graph as text, to read and to compare.")
@click.option("--around", metavar="NODE", help="Only what is near a node.")
@click.option("--hops", type=click.IntRange(0), default=2, help="How near.")
@click.option("--shapes", is_flag=True, help="List shape and dtype of every node.")
@click.option("--cost", is_flag=True, help="List multiply-adds and parameters of every operator.")
@options.inputs
@options.as_json
def show(
    model: str,
    epoch: int | None,
    params: Path | None,
    nodes: bool,
    ops: bool,
    tied: bool,
    text: bool,
    around: str | None,
    hops: int,
    shapes: bool,
    cost: bool,
    inputs: Sequence[str],
    json: bool,
) -> None:
    """Show a model: dialect, operators, inputs, outputs, parameters."""
    if inputs and not shapes and not cost:
        raise UsageError("--input says nothing without --shapes or --cost")
    loaded = load_model(model, epoch, params)
    if shapes or cost:
        _show_costs(loaded, parse_shapes(inputs), cost, json)
    elif around is not None:
        _show_around(loaded, around, hops, json)
    elif text:
        _show_text(loaded, json)
    elif nodes:
        _show_nodes(loaded, None, json)
    elif ops:
        _show_operators(loaded, json)
    elif tied:
        _show_tied(loaded, json)
    else:
        _show_summary(loaded, json)


def _show_summary(model: Model, json: bool) -> None:
    from graphpass.view.summary import summarise
    from graphpass.view.tables import print_table, size

    facts = summarise(model)
    if json:
        print_json(facts.to_json())
        return
    counts = ", ".join(f"{count} {op}" for op, count in list(facts.operators.items())[:8])
    more = len(facts.operators) - 8
    rows = [
        ("written by", f"MXNet {facts.release} (spelling of {facts.dialect})"),
        ("nodes", f"{facts.nodes}"),
        ("operators", f"{counts}{f', and {more} more kinds' if more > 0 else ''}"),
        ("inputs", ", ".join(facts.inputs)),
        ("outputs", ", ".join(facts.outputs)),
        ("arguments", f"{facts.arguments}"),
        ("auxiliary states", f"{facts.auxiliary_states}"),
        ("parameters", f"{facts.parameters} ({size(facts.parameter_bytes)})"),
        ("unknown operators", ", ".join(facts.unknown_operators)),
        ("repeated names", ", ".join(facts.repeated_names)),
        ("states without a value", ", ".join(facts.missing)),
        ("parameters not used", ", ".join(facts.unused)),
    ]
    print_table(("", "model"), [row for row in rows if row[1]])


def _show_nodes(model: Model, keys: set[int] | None, json: bool) -> None:
    from graphpass.view.summary import node_lines
    from graphpass.view.tables import print_table

    lines = node_lines(model.graph, keys)
    if json:
        print_json([asdict(line) for line in lines])
        return
    rows = [
        (
            line.id,
            line.op,
            line.name,
            ", ".join(line.inputs),
            ", ".join(f"{key}={value}" for key, value in line.attrs.items()),
        )
        for line in lines
    ]
    print_table(("id", "op", "name", "inputs", "attributes"), rows)


def _show_around(model: Model, around: str, hops: int, json: bool) -> None:
    from graphpass.rules import select_one
    from graphpass.view.summary import neighbourhood

    key = select_one(model.graph, around)
    _show_nodes(model, neighbourhood(model.graph, key, hops), json)


def _show_text(model: Model, json: bool) -> None:
    from graphpass.formats.text import print_graph

    printed = print_graph(model.graph)
    if json:
        print_json({"text": printed})
        return
    click.echo(printed)


def _show_costs(
    model: Model, shapes: Mapping[str, tuple[int, ...]], cost: bool, json: bool
) -> None:
    from graphpass.view.summary import assess
    from graphpass.view.tables import echo, print_table

    costs = assess(model, shapes)
    if json:
        print_json(costs.to_json())
        return
    if cost:
        print_table(_COST_COLUMNS, _cost_rows(costs), right=("id", *_COST_COLUMNS[-2:]))
    else:
        rows = [(line.id, line.op, line.name, _shapes(line), _dtypes(line)) for line in costs.lines]
        print_table(_COST_COLUMNS[:5], rows)
    for conflict in costs.conflicts:
        echo(f"conflict: {conflict.op} {conflict.name!r}: {conflict.message}", err=True)
    if costs.unknown:
        echo(f"no rule for the operators {', '.join(sorted(costs.unknown))}", err=True)


_COST_COLUMNS = ("id", "op", "name", "shape", "dtype", "multiply-adds", "parameter bytes")


def _cost_rows(costs: Costs) -> list[Sequence[object]]:
    rows: list[Sequence[object]] = [
        (
            line.id,
            line.op,
            line.name,
            _shapes(line),
            _dtypes(line),
            _count(line.multiply_adds),
            _count(line.parameter_bytes),
        )
        for line in costs.lines
        if line.op != "variable"
    ]
    left_out = f"without {costs.open} not known" if costs.open else ""
    total = (_count(costs.multiply_adds), _count(costs.parameter_bytes))
    return [*rows, ("", "total", left_out, "", "", *total)]


def _shapes(line: CostLine) -> str:
    from graphpass.shapes.shape import printed

    return ", ".join(printed(shape) for shape in line.shapes)


def _dtypes(line: CostLine) -> str:
    return ", ".join(dict.fromkeys(dtype or "?" for dtype in line.dtypes))


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _show_operators(model: Model, json: bool) -> None:
    from graphpass.view.summary import summarise
    from graphpass.view.tables import print_table

    facts = summarise(model)
    if json:
        print_json(facts.operators)
        return
    unknown = set(facts.unknown_operators)
    rows = [
        (op, count, "unknown" if op in unknown else "") for op, count in facts.operators.items()
    ]
    print_table(("operator", "count", ""), rows)


def _show_tied(model: Model, json: bool) -> None:
    from graphpass.view.summary import tied
    from graphpass.view.tables import print_table

    found = tied(model.graph)
    if json:
        print_json([asdict(line) for line in found])
        return
    print_table(
        ("id", "variable", "read by"),
        [(line.id, line.name, ", ".join(line.users)) for line in found],
    )
