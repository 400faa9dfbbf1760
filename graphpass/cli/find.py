"""``graphpass find``: where a pattern holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphpass.cli.options import Epoch, Json, ModelName, Params, load_model, print_json

if TYPE_CHECKING:
    from graphpass.graph import Entry, Graph
    from graphpass.rules import Match

__all__ = ["find"]


def find(
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help="What to look for, such as 'relu(Convolution(x, *_))'.",
            show_default=False,
        ),
    ],
    model: ModelName,
    epoch: Epoch = None,
    params: Params = None,
    count: Annotated[bool, typer.Option("--count", help="Print how many matches only.")] = False,
    json: Json = False,
) -> int:
    """Find where a pattern holds; exit 1 if nowhere."""
    from graphpass.rules import find as find_matches

    loaded = load_model(model, epoch, params)
    found = find_matches(pattern, loaded)
    if json:
        print_json(
            {"count": len(found)} if count else [_as_json(each, loaded.graph) for each in found]
        )
    elif count:
        typer.echo(len(found))
    elif found:
        _print(found, loaded.graph)
    else:
        typer.echo("no match")
    return 0 if found else 1


def _print(found: list[Match], graph: Graph) -> None:
    from graphpass.view.tables import print_table

    columns = ["id", "op", "name", "bindings"]
    rows: list[list[object]] = [
        [
            match.roots[0].node,
            match.graph.op(match.roots[0].node),
            match.graph.name(match.roots[0].node),
            ", ".join(
                f"{name}={_spell(value, match.graph)}" for name, value in match.bindings.items()
            ),
        ]
        for match in found
    ]
    if any(match.path for match in found):
        columns.append("inside")
        for row, match in zip(rows, found, strict=True):
            row.append(_inside(match, graph))
    print_table(columns, rows)


def _spell(value: int | Entry | tuple[Entry, ...], graph: Graph) -> str:
    from graphpass.graph import Entry

    if isinstance(value, int):
        return graph.name(value)
    if isinstance(value, Entry):
        return graph.output_name(value)
    return f"({', '.join(map(graph.output_name, value))})"


def _inside(match: Match, graph: Graph) -> str:
    """Return the way to a match inside a subgraph: ``foreach0 (#4), subgraph 0``."""
    steps = []
    for level in match.path:
        steps.append(f"{graph.name(level.node)} (#{level.node}), subgraph {level.number}")
        graph = graph.subgraphs(level.node)[level.number]
    return "; ".join(steps)


def _as_json(match: Match, graph: Graph) -> Mapping[str, Any]:
    inner = match.graph
    path = []
    for level in match.path:
        path.append({"id": level.node, "name": graph.name(level.node), "subgraph": level.number})
        graph = graph.subgraphs(level.node)[level.number]
    return {
        "roots": [_value(root, inner) for root in match.roots],
        "bindings": {name: _bound(value, inner) for name, value in match.bindings.items()},
        "interior": list(match.interior),
        "inside": path,
    }


def _bound(value: int | Entry | tuple[Entry, ...], graph: Graph) -> object:
    from graphpass.graph import Entry

    if isinstance(value, int):
        return {"id": value, "op": graph.op(value), "name": graph.name(value)}
    if isinstance(value, Entry):
        return _value(value, graph)
    return [_value(entry, graph) for entry in value]


def _value(entry: Entry, graph: Graph) -> dict[str, object]:
    return {"id": entry.node, "output": entry.output, "name": graph.output_name(entry)}
