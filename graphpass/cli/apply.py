"""``graphpass apply``: run a pass over a model and save the result."""

from __future__ import annotations

import json as json_format
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from graphpass.cli.options import (
    Epoch,
    Feed,
    Inputs,
    Json,
    ModelName,
    Overwrite,
    Params,
    Partial,
    load_model,
    output_name,
    parse_feed,
    parse_settings,
    parse_shapes,
    print_json,
    save_model,
)
from graphpass.errors import SaveError, UsageError
from graphpass.formats.files import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphpass.model import Files, Model
    from graphpass.rules import Report, Step
    from graphpass.verify import Diff, Misfit, VerifyResult

__all__ = ["apply"]


def apply(
    pass_: Annotated[
        str,
        typer.Argument(
            metavar="PASS",
            help="A pass file, a shipped pass, or rules as inline YAML: '{prefix: a_}'.",
            show_default=False,
        ),
    ],
    model: ModelName,
    epoch: Epoch = None,
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="OUT", help="Prefix to write, or - for the symbol."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Override a parameter of the pass."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report, but write nothing.")] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare outputs on MXNet before saving; exit 1 if they differ."
        ),
    ] = False,
    inputs: Inputs = None,
    feed: Feed = None,
    diff: Annotated[bool, typer.Option("--diff", help="Print the structural difference.")] = False,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the report as JSON.")
    ] = None,
    dialect: Annotated[
        str,
        typer.Option("--dialect", metavar="RELEASE", help="Release to write for, 0.9 to 1.9.1."),
    ] = "1.9.1",
    params: Params = None,
    partial: Partial = False,
    overwrite: Overwrite = False,
    json: Json = False,
) -> int:
    """Apply a pass to a model, and write graph and parameters in one transaction."""
    from graphpass.rules import apply as apply_pass
    from graphpass.verify import misfits
    from graphpass.view.tables import echo

    if out is None and not dry_run:
        raise UsageError("say where to write with -o OUT, or ask for a --dry-run")
    loaded = load_model(model, epoch, params)
    _refuse_input(loaded, out, report, overwrite)
    unfit = [] if partial else misfits(loaded)
    before = loaded.copy() if verify or diff or unfit else None
    result = apply_pass(pass_, loaded, set=parse_settings(set_), dry_run=dry_run and before is None)
    result = replace(result, dry_run=dry_run)  # a model that nobody saves may be changed
    if not partial:
        _check_fit(loaded, unfit)
    facts = result.to_json()
    texts = [] if out == "-" else [str(result)]
    proved = True
    if before is not None and diff:
        difference = _difference(before, loaded)
        facts["diff"] = difference.to_json()
        texts.append(str(difference))
    if before is not None and verify:
        proof = _proof(before, loaded, result, parse_shapes(inputs), parse_feed(feed))
        facts["verify"] = proof.to_json()
        texts.append(str(proof))
        proved = bool(proof)
    if json and out != "-":
        print_json(facts)
    else:
        for text in texts:
            echo(text, err=out == "-")
    if not proved:
        typer.echo("outputs are not proved equal, so nothing was written", err=True)
        return 1
    with atomic_write(report) if report is not None else nullcontext() as file:
        if file is not None:
            file.write(json_format.dumps(facts, indent=2).encode() + b"\n")
        if out is not None and not dry_run:
            for path in save_model(loaded, out, dialect=dialect, overwrite=overwrite):
                typer.echo(f"wrote {path}", err=json)
    return 0


def _refuse_input(model: Model, out: str | None, report: Path | None, overwrite: bool) -> None:
    """Refuse outputs that would replace the input, before any work is done."""
    model.refuse_input(report)
    if report is not None and report.exists() and not _is_report(report):
        raise SaveError(f"{report} is there already and is no report; choose another file")
    if out not in (None, "-"):
        assert out is not None
        files = model.target(*output_name(model, out))
        if report is not None and report.resolve() in _resolved(files):
            raise SaveError(f"{report} is where the model goes; choose another file for the report")
        if not overwrite:
            model.refuse_input(files.symbol, files.params)


def _resolved(files: Files) -> list[Path]:
    return [path.resolve() for path in (files.symbol, files.params) if path is not None]


def _is_report(path: Path) -> bool:
    """Return whether a file is the report of an earlier run, which a new one may replace."""
    try:
        facts = json_format.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and {"pass", "rules", "dry_run"} <= facts.keys()


def _check_fit(model: Model, unfit: list[Misfit]) -> None:
    """Refuse parameters that did not fit and still do not, and shapes that no longer fit."""
    from graphpass.verify import misfits, refuse_misfits

    known = {misfit.identity for misfit in unfit}
    found = misfits(model)
    refuse_misfits(model, [m for m in found if m.identity in known or m.kind == "shape"])
    for misfit in found:
        if misfit.kind == "missing":
            typer.echo(f"note: {misfit.name!r} has no value yet", err=True)


def _difference(before: Model, after: Model) -> Diff:
    from graphpass.verify import diff

    return diff(before, after)


def _proof(
    before: Model,
    after: Model,
    result: Report,
    inputs: dict[str, tuple[int, ...]],
    feed: dict[str, str],
) -> VerifyResult:
    """Compare outputs: by position, those of each clone, or those whose names are still there."""
    from graphpass.verify import verify

    were, are = len(before.graph.heads), len(after.graph.heads)
    outputs: Literal["repeat"] | list[tuple[str, str]] | None = None
    if were != are:
        if were and are % were == 0 and _clones(result.steps):
            outputs = "repeat"
        else:
            kept = [name for name in before.graph.outputs if name in set(after.graph.outputs)]
            outputs = [(name, name) for name in kept]
    return verify(before, after, inputs=inputs, feed=feed, outputs=outputs, isolated=True)


def _clones(steps: Iterable[Step]) -> bool:
    return any(step.keyword == "clone" or _clones(step.steps) for step in steps)
