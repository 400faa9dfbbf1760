"""``graphpass apply``: run a pass over a model and save the result."""

from __future__ import annotations

import json as json_format
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    parse_feed,
    parse_settings,
    parse_shapes,
    print_json,
    save_model,
)
from graphpass.errors import UsageError
from graphpass.formats.files import atomic_write

if TYPE_CHECKING:
    from graphpass.model import Model
    from graphpass.rules import Report

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
    from graphpass.verify import misfits, refuse_misfits

    if out is None and not dry_run:
        raise UsageError("say where to write with -o OUT, or ask for a --dry-run")
    loaded = load_model(model, epoch, params)
    unfit = [] if partial else misfits(loaded)
    before = loaded.copy() if verify or diff or unfit else None
    result = apply_pass(pass_, loaded, set=parse_settings(set_), dry_run=dry_run and before is None)
    result = replace(result, dry_run=dry_run)  # a model that nobody saves may be changed
    if unfit:  # the pass may have mended them
        known = {misfit.identity for misfit in unfit}
        refuse_misfits(loaded, [m for m in misfits(loaded) if m.identity in known])
    if report is not None:
        _write_report(result, report)
    if json:
        print_json(result.to_json())
    elif out != "-":
        typer.echo(str(result))
    if before is not None and diff:
        _print_diff(before, loaded)
    if before is not None and verify and not _verified(before, loaded, inputs, feed):
        typer.echo("outputs differ, so nothing was written", err=True)
        return 1
    if out is not None and not dry_run:
        for path in save_model(loaded, out, dialect=dialect, overwrite=overwrite):
            typer.echo(f"wrote {path}", err=json)
    return 0


def _write_report(result: Report, path: Path) -> None:
    with atomic_write(path) as file:
        file.write(json_format.dumps(result.to_json(), indent=2).encode() + b"\n")


def _print_diff(before: Model, after: Model) -> None:
    from graphpass.verify import diff

    typer.echo(str(diff(before, after)))


def _verified(
    before: Model, after: Model, inputs: list[str] | None, feed: list[str] | None
) -> bool:
    from graphpass.verify import verify

    were, are = len(before.graph.heads), len(after.graph.heads)
    result = verify(
        before,
        after,
        inputs=parse_shapes(inputs),
        feed=parse_feed(feed),
        # A clone returns the outputs once more: each time they must be those of the original.
        outputs="repeat" if were and are > were and are % were == 0 else None,
        isolated=True,
    )
    typer.echo(str(result))
    return bool(result)
