"""``graphpass apply`` and ``graphpass convert``: the verbs that write models."""

from __future__ import annotations

import json as json_format
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphpass.cli import options
from graphpass.cli.options import (
    load_model,
    output_name,
    parse_comparison,
    parse_settings,
    parse_shapes,
    print_json,
    save_model,
)
from graphpass.errors import OperationError, SaveError, UsageError

if TYPE_CHECKING:
    from graphpass.model import Model
    from graphpass.rules import Report
    from graphpass.verify import Diff, Misfit, VerifyResult

__all__ = ["apply", "convert"]


@click.command
@options.a_pass("A pass file, a shipped pass, or rules as inline YAML: '{prefix: a_}'.")
@options.a_model
@click.option("--out", "-o", metavar="OUT", help="Prefix to write, or - for the symbol.")
@options.settings
@options.allow_path
@click.option("--dry-run", is_flag=True, help="Report, but write nothing.")
@click.option("--training", is_flag=True, help="Refuse rewrites that are right for inference only.")
@click.option(
    "--provenance", is_flag=True, help="Let new nodes say which rewrite made them, of what."
)
@click.option(
    "--verify", is_flag=True, help="Compare outputs before saving; exit 1 if they differ."
)
@options.inputs
@options.comparison
@click.option("--diff", is_flag=True, help="Print the structural difference.")
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE",
    help="Draw the difference on a page that tells which rule made what.",
)  # fmt: skip
@click.option(
    "--report",
    "report_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the report as JSON.",
)
@click.option(
    "--dialect", metavar="RELEASE", default="1.9.1", help="Release to write for, 0.9 to 1.9.1."
)
@options.params_file
@options.partial
@options.overwrite
@options.as_json
def apply(
    pass_: str,
    model: str,
    epoch: int | None,
    out: str | None,
    settings: Sequence[str],
    allow_paths: Sequence[str],
    dry_run: bool,
    training: bool,
    provenance: bool,
    verify: bool,
    inputs: Sequence[str],
    feed: Sequence[str],
    data: Sequence[str],
    scale: float,
    runs: int | None,
    rtol: Sequence[str],
    atol: Sequence[str],
    diff: bool,
    html: Path | None,
    report_file: Path | None,
    dialect: str,
    params: Path | None,
    partial: bool,
    overwrite: bool,
    json: bool,
) -> int:
    """Apply a pass to a model, and write graph and parameters in one transaction."""
    from graphpass.formats.files import make_folder
    from graphpass.formats.saving import atomic_write, write_text
    from graphpass.formats.symbol_write import version_of_dialect
    from graphpass.rules import apply as apply_pass
    from graphpass.verify import misfits
    from graphpass.view.tables import echo

    options.refuse_swapped(pass_, model)
    if out is None and not dry_run:
        raise UsageError("say where to write with -o OUT, or ask for a --dry-run")
    version_of_dialect(dialect)  # refused before any work is done, dry or not
    loaded = load_model(model, epoch, params, values=not partial)
    _refuse_input(loaded, out, [each for each in (report_file, html) if each], overwrite)
    how = parse_comparison(feed=feed, data=data, rtol=rtol, atol=atol)
    given = how.pop("data")
    shapes = {name: values[0].shape for name, values in given.items()} | parse_shapes(inputs)
    unfit = [] if partial else misfits(loaded, shapes)
    before = loaded.copy() if verify or diff or html else None
    result = apply_pass(
        pass_,
        loaded,
        set=parse_settings(settings),
        purpose="training" if training else "inference",
        provenance=provenance,
        inputs={
            name: shape for name, shape in shapes.items() if not verify or name in loaded.inputs
        },
        allow_paths=allow_paths,
    )
    result = replace(result, dry_run=dry_run)  # a model that nobody saves may be changed
    if not partial:
        _check_fit(loaded, shapes, unfit, result)
    parts: dict[str, Diff | VerifyResult] = {}
    proved = True
    difference = None
    if before is not None and (diff or html):
        from graphpass.verify import diff as compare

        difference = compare(before, loaded)
        if diff:
            parts["diff"] = difference
    if before is not None and verify:
        from graphpass.verify import verify as compare_outputs

        parts["verify"] = proof = compare_outputs(
            before,
            loaded,
            inputs={**shapes, **given},
            lineage=result.lineage,
            scale=scale,
            runs=runs,
            isolated=True,
            **how,
        )
        proved = bool(proof)
    facts = {}
    if report_file is not None or (json and out != "-"):
        facts = result.to_json() | {name: part.to_json() for name, part in parts.items()}

    def tell() -> None:
        if json and out != "-":
            print_json(facts)
            return
        for part in [*([] if out == "-" else [result]), *parts.values()]:
            echo(str(part), err=out == "-")

    if not proved:
        tell()
        click.echo("outputs are not proved equal, so nothing was written", err=True)
        return 1
    if before is not None and difference is not None and html is not None:
        from graphpass.view.drawing import draw_difference
        from graphpass.view.page import page

        title = f"{model} → {out or 'dry run'}"
        drawing = draw_difference(before, loaded, difference, shapes, title=title, report=result)
        write_text(html, page(drawing), overwrite=overwrite)
    written: list[str] = []  # before anything is told: whoever reads may stop to, as head does
    if report_file is not None:
        make_folder(report_file.parent)
    with (
        atomic_write(report_file, overwrite=overwrite) if report_file is not None else nullcontext()
    ) as file:
        if file is not None:
            file.write(json_format.dumps(facts, indent=2).encode() + b"\n")
        if out is not None and not dry_run:
            written += save_model(loaded, out, dialect=dialect, overwrite=overwrite)
    tell()
    for path in written:
        click.echo(f"wrote {path}", err=json)
    return 0


def _refuse_input(model: Model, out: str | None, reports: list[Path], overwrite: bool) -> None:
    """Refuse outputs that would replace what is there, before any work is done."""
    from graphpass.formats.saving import refuse_existing

    paths: list[Path] = []
    if out is not None and out != "-":
        files = model.target(*output_name(model, out))
        paths += [path for path in (files.symbol, files.params) if path is not None]
    for report in reports:
        if str(report) == "-":
            raise UsageError("a report goes to a file; --json prints it to standard output")
        model.refuse_input(report)
        if report.resolve() in [path.resolve() for path in paths]:
            raise SaveError(f"{report} is where the model goes; choose another file for the report")
    refuse_existing(*reports, *paths, overwrite=overwrite)


def _check_fit(model: Model, inputs: Collection[str], unfit: list[Misfit], report: Report) -> None:
    """Refuse parameters that did not fit and still do not, and shapes that no longer fit."""
    from graphpass.verify import misfits, refuse_misfits

    found = {misfit.identity: misfit for misfit in misfits(model, inputs)}
    refuse_misfits(model, [misfit for misfit in unfit if misfit.identity in found])
    for misfit in found.values():
        if misfit.kind == "shape":
            from graphpass.rules.report.lineage import culprit

            assert misfit.key is not None
            raise OperationError(
                f"{culprit(report, model.graph, misfit.key)}: after it, {misfit.fault}; change the "
                "parameter with the operator (--partial takes parameters as they are)"
            )
        if misfit.kind == "missing":
            click.echo(f"note: {misfit.name!r} has no value yet", err=True)


@click.command
@options.a_model
@click.option("--to", metavar="RELEASE", default="1.9.1", help="0.9 to 1.9.1; 0.11 writes `attr`.")
@click.option(
    "--out", "-o", required=True, metavar="OUT", help="Prefix to write, or - for the symbol."
)
@options.params_file
@options.dense
@options.partial
@options.overwrite
def convert(
    model: str,
    epoch: int | None,
    to: str,
    out: str,
    params: Path | None,
    dense: bool,
    partial: bool,
    overwrite: bool,
) -> None:
    """Read a model of any MXNet version and write it for a release from 0.9 to 1.9.1."""
    from graphpass.verify import misfits, refuse_misfits

    loaded = load_model(model, epoch, params, values=not partial)
    if not partial:
        refuse_misfits(loaded, misfits(loaded))
    if dense:
        loaded.parameters.densify()
    for path in save_model(loaded, out, dialect=to, overwrite=overwrite):
        click.echo(path)
