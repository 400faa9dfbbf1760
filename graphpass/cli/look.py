"""``graphpass show``, ``view``, ``find``, ``explain``: what a model is, and where rules apply."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from graphpass.cli import options
from graphpass.cli.options import (
    load_model,
    parse_settings,
    parse_shapes,
    parse_typed_shapes,
    print_json,
)
from graphpass.errors import UsageError

if TYPE_CHECKING:
    from graphpass.graph import Entry, Graph
    from graphpass.model import Model
    from graphpass.rules import Match, Pass, Rewrite
    from graphpass.view.summary import Costs

__all__ = ["explain", "find", "show", "view"]


@click.command
@options.a_model
@options.params_file
@click.option("--nodes", is_flag=True, help="List every node with its id.")
@click.option("--ops", is_flag=True, help="Count the operators.")
@click.option("--tied", is_flag=True, help="List variables with several users.")
@click.option("--text", is_flag=True, help="Print the graph as text, to read and to compare.")
@click.option("--around", metavar="NODE", help="Only what is near a node.")
@click.option("--hops", type=options.at_least(0), default=2, help="How near.")
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
    loaded = load_model(model, epoch, params, values=False)
    if text and around is None and not shapes and not cost:
        from graphpass.formats.text import print_graph

        printed = print_graph(loaded.graph)
        print_json({"text": printed}) if json else click.echo(printed)
        return
    from graphpass.view.summary import assess, neighbourhood, summarise
    from graphpass.view.summary import tied as find_tied

    costs = assess(loaded, parse_shapes(inputs)) if shapes or cost else None
    if costs is not None:
        listing = _costs(costs) if cost else _shapes(costs)
    elif around is not None:
        from graphpass.rules import select_one

        key = select_one(loaded.graph, around)
        listing = _nodes(loaded.graph, neighbourhood(loaded.graph, key, hops))
    elif nodes:
        listing = _nodes(loaded.graph, None)
    elif ops:
        facts = summarise(loaded)
        unknown = ["unknown" if op in facts.unknown_operators else "" for op in facts.operators]
        rows = zip(facts.operators, facts.operators.values(), unknown, strict=True)
        listing = _Listing(facts.operators, ("operator", "count", ""), rows)
    elif tied:
        found = find_tied(loaded.graph)
        listing = _Listing(
            [asdict(line) for line in found],
            ("id", "variable", "read by"),
            [(line.id, line.name, ", ".join(line.users)) for line in found],
        )
    else:
        listing = _summary(loaded)
    if json:
        print_json(listing.data)
        return
    from graphpass.view.tables import echo, print_table

    print_table(listing.columns, listing.rows, right=listing.right)
    if costs is not None:
        for conflict in costs.conflicts:
            echo(f"conflict: {conflict.op} {conflict.name!r}: {conflict.message}", err=True)
        if costs.unknown:
            echo(f"no rule for the operators {', '.join(sorted(costs.unknown))}", err=True)


@dataclass(frozen=True, slots=True)
class _Listing:
    """What is shown, as plain data and as a table."""

    data: Any
    columns: Sequence[str]
    rows: Iterable[Sequence[object]]
    right: Collection[str] = ()
    """Columns that are aligned to the right."""


_WRITERS = {"tvm": "TVM, for its graph executor", "nnvm": "the NNVM compiler of TVM up to 0.6"}


def _summary(model: Model) -> _Listing:
    from graphpass.view.summary import summarise
    from graphpass.view.tables import size

    facts = summarise(model)
    counts = ", ".join(f"{count} {op}" for op, count in list(facts.operators.items())[:8])
    more = len(facts.operators) - 8
    rows = [
        (
            "written by",
            _WRITERS.get(str(facts.dialect))
            or f"MXNet {facts.release} (spelling of {facts.dialect})",
        ),
        ("nodes", f"{facts.nodes}"),
        ("operators", f"{counts}{f', and {more} more kinds' if more > 0 else ''}"),
        ("inputs", ", ".join(facts.inputs)),
        ("outputs", ", ".join(facts.outputs)),
        ("arguments", f"{facts.arguments}"),
        ("auxiliary states", f"{facts.auxiliary_states}"),
        ("parameters", f"{facts.parameters} ({size(facts.parameter_bytes)})"),
        ("unknown operators", ", ".join(facts.unknown_operators)),
        ("unknown attributes", ", ".join(facts.unknown_attributes)),
        ("repeated names", ", ".join(facts.repeated_names)),
        ("states without a value", ", ".join(facts.missing)),
        ("parameters not used", ", ".join(facts.unused)),
    ]
    return _Listing(facts.to_json(), ("", "model"), [row for row in rows if row[1]])


def _nodes(graph: Graph, keys: set[int] | None) -> _Listing:
    from graphpass.view.summary import node_lines

    lines = node_lines(graph, keys)
    rows = []
    for line in lines:
        attributes = ", ".join(f"{key}={value}" for key, value in line.attrs.items())
        rows.append((line.id, line.op, line.name, ", ".join(line.inputs), attributes))
    columns = ("id", "op", "name", "inputs", "attributes")
    return _Listing([asdict(line) for line in lines], columns, rows)


_COLUMNS = ("id", "op", "name", "shape", "dtype")


def _shapes(costs: Costs) -> _Listing:
    from graphpass.shapes import printed

    rows = []
    for line in costs.lines:
        shapes = ", ".join(printed(shape) for shape in line.shapes)
        dtypes = ", ".join(dict.fromkeys(dtype or "?" for dtype in line.dtypes))
        rows.append((line.id, line.op, line.name, shapes, dtypes))
    return _Listing(costs.to_json(), _COLUMNS, rows)


def _costs(costs: Costs) -> _Listing:
    def spelled(number: int | None) -> str:
        return "?" if number is None else f"{number:,}"

    rows = [
        (*row, spelled(line.multiply_adds), spelled(line.parameter_bytes))
        for row, line in zip(_shapes(costs).rows, costs.lines, strict=True)
        if line.op != "variable"
    ]
    left_out = f"without {costs.open} not known" if costs.open else ""
    total = (spelled(costs.multiply_adds), spelled(costs.parameter_bytes))
    rows.append(("", "total", left_out, "", "", *total))
    numbers = ("multiply-adds", "parameter bytes")
    return _Listing(costs.to_json(), (*_COLUMNS, *numbers), rows, ("id", *numbers))


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

    options.refuse_swapped(pattern, model)
    loaded = load_model(model, epoch, params, values=False)
    found = find_matches(pattern, loaded)
    if count or not found:
        said: dict[str, Any] | list[Any] = {"count": len(found)} if count else []
        print_json(said) if json else click.echo(len(found) if count else "no match")
        return 0 if found else 1
    facts = [_match_facts(match, loaded.graph) for match in found]
    if json:
        print_json(facts)
        return 0
    from graphpass.view.tables import print_table

    is_inside = any(match.path for match in found)
    rows: list[list[object]] = []
    for match, fact in zip(found, facts, strict=True):
        inner, key = match.graph, match.roots[0].node
        bound = [f"{name}={_spelled(value)}" for name, value in fact["bindings"].items()]
        rows.append([key, inner.op(key), inner.name(key), ", ".join(bound)])
        steps = [
            f"{each['name']} (#{each['id']}), subgraph {each['subgraph']}"
            for each in fact["inside"]
        ]
        rows[-1] += ["; ".join(steps)] * is_inside
    print_table(["id", "op", "name", "bindings", *["inside"] * is_inside], rows)
    return 0


def _match_facts(match: Match, graph: Graph) -> dict[str, Any]:
    """Return a match as plain data, with the operators around the subgraph that it is in."""
    inside = []
    for level in match.path:
        name = graph.name(level.node)
        inside.append({"id": level.node, "name": name, "subgraph": level.number})
        graph = graph.subgraphs(level.node)[level.number]
    return {
        "roots": [_data(root, match.graph) for root in match.roots],
        "bindings": {name: _data(value, match.graph) for name, value in match.bindings.items()},
        "interior": list(match.interior),
        "inside": inside,
    }


def _data(value: int | Entry | tuple[Entry, ...], graph: Graph) -> Any:
    """Return what a name of a pattern stands for, a node, a value or several, as plain data."""
    from graphpass.graph import Entry

    if isinstance(value, int):
        return {"id": value, "op": graph.op(value), "name": graph.name(value)}
    if isinstance(value, Entry):
        return {"id": value.node, "output": value.output, "name": graph.output_name(value)}
    return [_data(entry, graph) for entry in value]


def _spelled(data: Any) -> str:
    return f"({', '.join(map(_spelled, data))})" if isinstance(data, list) else str(data["name"])


@click.command
@click.argument(
    "rule",
    metavar="RULE",
    help="A pass file, a shipped pass, rules as inline YAML, a pattern, or to-onnx.",
)
@options.a_model
@click.option("--at", metavar="NODE", help="One operator, by name or as id:17.")
@click.option("--rule", "rule_id", metavar="ID", help="The one rewrite of the pass to explain.")
@options.settings
@options.allow_path
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
    allow_paths: Sequence[str],
    inputs: Sequence[str],
    params: Path | None,
    json: bool,
) -> int:
    """Say where a rewrite applies and why not elsewhere; exit 1 if it applies nowhere."""
    from graphpass.rules import explain as explain_one
    from graphpass.rules import load_pass
    from graphpass.rules.pass_rewrites import rewrites_of
    from graphpass.rules.reading import Reading
    from graphpass.view.tables import echo

    options.refuse_swapped(rule, model)
    # Every pattern has a call, and few file names do.
    is_yaml = rule.lstrip().startswith(("{", "[")) or rule.endswith((".yaml", ".yml", ".json"))
    subjects: list[Rewrite | str] = [rule]
    if rule == "to-onnx":
        return _explain_lowering(None, load_model(model, epoch, params), at, inputs, json=json)
    if "(" not in rule or is_yaml:
        loaded_pass = load_pass(rule).bind(parse_settings(settings))
        if any(each.operation.keyword == "lower" for each in loaded_pass.rules):
            own = load_model(model, epoch, params)
            return _explain_lowering(loaded_pass, own, at, inputs, json=json)
        subjects = [*rewrites_of(loaded_pass, rule_id, Reading.allowing(allow_paths))]
    elif rule_id is not None or settings:
        raise UsageError("--rule and --set are for a pass, and this is a pattern; leave them out")
    loaded = load_model(model, epoch, params, values=False)
    shapes = parse_shapes(inputs)
    answers = [explain_one(subject, loaded, at, inputs=shapes) for subject in subjects]
    if json:
        print_json([answer.to_json() for answer in answers])
    else:
        for answer in answers:
            echo(str(answer))
    return 0 if any(answers) else 1


def _explain_lowering(
    own: Pass | None, model: Model, at: str | None, inputs: Sequence[str], *, json: bool
) -> int:
    """Say what becomes of nodes in ONNX, and what the lowerings lack that do not take them."""
    from graphpass.lowering.explain import explain_lowering
    from graphpass.lowering.files import lowerings_of
    from graphpass.view.tables import echo

    shapes, dtypes = parse_typed_shapes(inputs)
    lowerings = [] if own is None else lowerings_of(own)
    answer = explain_lowering(model, at, inputs=shapes, dtypes=dtypes, lowerings=lowerings)
    if json:
        print_json(answer.to_json())
    else:
        echo(str(answer))
    return 0 if answer else 1


@click.command
@click.argument("model", metavar="MODEL", help="PREFIX[:EPOCH] or a path.")
@click.argument("other", metavar="[OTHER]", required=False, help="A model to compare it with.")
@options.inputs
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FILE",
    help="The page; MODEL.html in this folder if left out.",
)  # fmt: skip
@click.option("--svg", is_flag=True, help="Write an SVG picture instead, without folds.")
@click.option("--dot", is_flag=True, help="Write the language of Graphviz instead.")
@click.option("--no-values", is_flag=True, help="Don't read the weights for histograms.")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@options.overwrite
def view(
    model: str,
    other: str | None,
    inputs: Sequence[str],
    out: Path | None,
    svg: bool,
    dot: bool,
    no_values: bool,
    show: bool,
    overwrite: bool,
) -> None:
    """Draw a model, or the difference between two, on one page that needs no network."""
    from graphpass.formats.saving import refuse_existing, write_text
    from graphpass.view import page as pages
    from graphpass.view.drawing import draw, draw_difference

    flat = svg or dot
    name = Path(model.partition(":")[0]).name.removesuffix("-symbol.json") or "model"
    suffix = ".svg" if svg else ".dot" if dot else ".html"
    path = out or Path(f"{name}{suffix}")
    refuse_existing(path, overwrite=overwrite)
    shapes = parse_shapes(inputs)
    loaded = load_model(model, values=False)
    if other is None:
        drawing = draw(loaded, shapes, title=name, histograms=not (flat or no_values))
    else:
        from graphpass.verify import diff

        second = load_model(other, values=False)
        drawing = draw_difference(
            loaded,
            second,
            diff(loaded, second),
            shapes,
            title=f"{model} → {other}",
            histograms=not (flat or no_values),
        )
    form = pages.svg if svg else pages.dot if dot else pages.page
    write_text(path, form(drawing), overwrite=overwrite)
    click.echo(str(path))
    if show:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
