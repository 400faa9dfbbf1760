"""``graphpass find`` and ``graphpass explain``: where patterns and rewrites apply, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphpass.cli import options
from graphpass.cli.options import load_model, parse_settings, parse_shapes, print_json
from graphpass.errors import UsageError

if TYPE_CHECKING:
    from graphpass.graph import Entry, Graph
    from graphpass.rules import Match, Rewrite

__all__ = ["explain", "find"]


@click.command
@click.argument(
    "pattern", metavar="PATTERN", help="What to look for, such as 'relu(Convolution(x, *_))'."
)
@options.a_model
@options.params_file
@click.option("--count", is_flag=True, help="Print how many matches only.")
@options.as_json
def find(
    pattern: str, model: str, epoch: int | None, params: Path | None, count: bool, json: bool
) -> int:
    """Find where a pattern holds; exit 1 if nowhere."""
    from graphpass.rules import find as find_matches

    loaded = load_model(model, epoch, params, values=False)
    found = find_matches(pattern, loaded)
    if json:
        print_json(
            {"count": len(found)} if count else [_as_json(each, loaded.graph) for each in found]
        )
    elif count:
        click.echo(len(found))
    elif found:
        _print(found, loaded.graph)
    else:
        click.echo("no match")
    return 0 if found else 1


def _print(found: Sequence[Match], graph: Graph) -> None:
    from graphpass.view.tables import print_table

    columns = ["id", "op", "name", "bindings"]
    rows: list[list[object]] = []
    for match in found:
        inner, key = match.graph, match.roots[0].node
        bound = [f"{name}={_text(value, inner)}" for name, value in match.bindings.items()]
        rows.append([key, inner.op(key), inner.name(key), ", ".join(bound)])
    if any(match.path for match in found):
        columns.append("inside")
        for row, match in zip(rows, found, strict=True):
            steps = [
                f"{name} (#{key}), subgraph {which}" for key, name, which in _way(match, graph)
            ]
            row.append("; ".join(steps))
    print_table(columns, rows)


def _way(match: Match, graph: Graph) -> list[tuple[int, str, int]]:
    """Return the operators around the subgraph of a match: key, name and which of its subgraphs."""
    steps = []
    for level in match.path:
        steps.append((level.node, graph.name(level.node), level.number))
        graph = graph.subgraphs(level.node)[level.number]
    return steps


def _as_json(match: Match, graph: Graph) -> dict[str, Any]:
    return {
        "roots": [_data(root, match.graph) for root in match.roots],
        "bindings": {name: _data(value, match.graph) for name, value in match.bindings.items()},
        "interior": list(match.interior),
        "inside": [
            {"id": key, "name": name, "subgraph": which} for key, name, which in _way(match, graph)
        ],
    }


def _text(value: int | Entry | tuple[Entry, ...], graph: Graph) -> str:
    """Return what a name of a pattern stands for, a node, a value or several, for a table."""
    from graphpass.graph import Entry

    if isinstance(value, int):
        return graph.name(value)
    if isinstance(value, Entry):
        return graph.output_name(value)
    return f"({', '.join(map(graph.output_name, value))})"


def _data(value: int | Entry | tuple[Entry, ...], graph: Graph) -> object:
    """Return the same as plain data."""
    from graphpass.graph import Entry

    if isinstance(value, int):
        return {"id": value, "op": graph.op(value), "name": graph.name(value)}
    if isinstance(value, Entry):
        return {"id": value.node, "output": value.output, "name": graph.output_name(value)}
    return [_data(entry, graph) for entry in value]


@click.command
@click.argument(
    "rule",
    metavar="RULE",
    help="A pass file, a shipped pass, rules as inline YAML, or a pattern.",
)
@options.a_model
@click.option("--at", metavar="NODE", help="One operator, by name or as id:17.")
@click.option("--rule", "rule_id", metavar="ID", help="The one rewrite of the pass to explain.")
@options.settings
@options.inputs
@options.params_file
@options.as_json
def explain(
    rule: str,
    model: str,
    epoch: int | None,
    at: str | None,
    rule_id: str | None,
    settings: Sequence[str],
    inputs: Sequence[str],
    params: Path | None,
    json: bool,
) -> int:
    """Say where a rewrite applies and why not elsewhere; exit 1 if it applies nowhere."""
    from graphpass.rules import explain as explain_one
    from graphpass.view.tables import echo

    subjects = _subjects(rule, rule_id, settings)
    loaded = load_model(model, epoch, params, values=False)
    shapes = parse_shapes(inputs)
    answers = [explain_one(subject, loaded, at, inputs=shapes) for subject in subjects]
    if json:
        print_json([answer.to_json() for answer in answers])
    else:
        for answer in answers:
            echo(str(answer))
    return 0 if any(answers) else 1


def _subjects(rule: str, rule_id: str | None, settings: Sequence[str]) -> list[Rewrite | str]:
    from graphpass.rules import load_pass
    from graphpass.rules.pass_rewrites import rewrites_of

    # Every pattern has a call, and few file names do.
    is_yaml = rule.lstrip().startswith(("{", "[")) or rule.endswith((".yaml", ".yml", ".json"))
    if "(" not in rule or is_yaml:
        loaded = load_pass(rule).bind(parse_settings(settings))
        return list(rewrites_of(loaded, rule_id))
    if rule_id is not None or settings:
        raise UsageError("--rule and --set are for a pass, and this is a pattern; leave them out")
    return [rule]
