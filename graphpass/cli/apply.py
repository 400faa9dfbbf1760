"""``graphpass apply``: run a pass over a model and save the result."""

from __future__ import annotations

import json as json_format
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from graphpass.cli.options import (
    Atol,
    Epoch,
    Feed,
    Inputs,
    Json,
    ModelName,
    Overwrite,
    Params,
    Partial,
    Rtol,
    load_model,
    output_name,
    parse_feed,
    parse_settings,
    parse_shapes,
    print_json,
    save_model,
)
from graphpass.errors import OperationError, SaveError, UsageError
from graphpass.formats.files import atomic_write, make_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from graphpass.model import Files, Model
    from graphpass.rules import Report
    from graphpass.verify import Diff, Misfit

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
    training: Annotated[
        bool,
        typer.Option("--training", help="Refuse rewrites that are right for inference only."),
    ] = False,
    provenance: Annotated[
        bool,
        typer.Option("--provenance", help="Let new nodes say which rewrite made them, of what."),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Compare outputs on MXNet before saving; exit 1 if they differ."
        ),
    ] = False,
    inputs: Inputs = None,
    feed: Feed = None,
    rtol: Rtol = None,
    atol: Atol = None,
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
    from graphpass.formats.symbol_encode import version_of_dialect
    from graphpass.rules import apply as apply_pass
    from graphpass.verify import misfits
    from graphpass.verify import verify as compare_outputs
    from graphpass.view.tables import echo

    if out is None and not dry_run:
        raise UsageError("say where to write with -o OUT, or ask for a --dry-run")
    version_of_dialect(dialect)  # refused before any work is done, dry or not
    loaded = load_model(model, epoch, params)
    _refuse_input(loaded, out, report, overwrite)
    shapes = parse_shapes(inputs)
    unfit = [] if partial else misfits(loaded, shapes)
    before = loaded.copy() if verify or diff else None
    result = apply_pass(
        pass_,
        loaded,
        set=parse_settings(set_),
        purpose="training" if training else "inference",
        provenance=provenance,
        inputs={
            name: shape for name, shape in shapes.items() if not verify or name in loaded.inputs
        },
    )
    result = replace(result, dry_run=dry_run)  # a model that nobody saves may be changed
    if not partial:
        _check_fit(loaded, shapes, unfit, result)
    parts: dict[str, _Told] = {}
    proved = True
    if before is not None and diff:
        parts["diff"] = _difference(before, loaded)
    if before is not None and verify:
        proof = compare_outputs(
            before,
            loaded,
            inputs=shapes,
            feed=parse_feed(feed),
            lineage=result.lineage,
            rtol=rtol,
            atol=atol,
            isolated=True,
        )
        parts["verify"] = proof
        proved = bool(proof)
    facts = _facts(result, parts) if report is not None or (json and out != "-") else {}

    def tell() -> None:
        if json and out != "-":
            print_json(facts)
            return
        for part in [*([] if out == "-" else [result]), *parts.values()]:
            echo(str(part), err=out == "-")

    if not proved:
        tell()
        typer.echo("outputs are not proved equal, so nothing was written", err=True)
        return 1
    written: list[str] = []  # before anything is told: whoever reads may stop to, as head does
    if report is not None:
        make_folder(report.parent)
    with atomic_write(report) if report is not None else nullcontext() as file:
        if file is not None:
            file.write(json_format.dumps(facts, indent=2).encode() + b"\n")
        if out is not None and not dry_run:
            written += save_model(loaded, out, dialect=dialect, overwrite=overwrite)
    tell()
    for path in written:
        typer.echo(f"wrote {path}", err=json)
    return 0


class _Told(Protocol):
    """What can be told as text and as data."""

    def to_json(self) -> dict[str, Any]: ...


def _facts(result: _Told, parts: Mapping[str, _Told]) -> dict[str, Any]:
    return result.to_json() | {name: part.to_json() for name, part in parts.items()}


def _refuse_input(model: Model, out: str | None, report: Path | None, overwrite: bool) -> None:
    """Refuse outputs that would replace the input, before any work is done."""
    if str(report) == "-":
        raise UsageError("a report goes to a file; --json prints it to standard output")
    model.refuse_input(report)
    if report is not None and report.exists() and not _is_report(report):
        what = "no report" if report.is_file() else "not a regular file"
        raise SaveError(f"{report} is there already and is {what}; choose another file")
    if out not in (None, "-"):
        assert out is not None
        files = model.target(*output_name(model, out))
        if report is not None and report.resolve() in _resolved(files):
            raise SaveError(f"{report} is where the model goes; choose another file for the report")
        if not overwrite:
            model.refuse_input(files.symbol, files.params, overwritable=True)


def _resolved(files: Files) -> list[Path]:
    return [path.resolve() for path in (files.symbol, files.params) if path is not None]


def _is_report(path: Path) -> bool:
    """Return whether a file is the report of an earlier run, which a new one may replace."""
    if not path.is_file():
        return False
    try:
        facts = json_format.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(facts, dict) and {"pass", "rules", "dry_run"} <= facts.keys()


def _check_fit(model: Model, inputs: Collection[str], unfit: list[Misfit], report: Report) -> None:
    """Refuse parameters that did not fit and still do not, and shapes that no longer fit."""
    from graphpass.rules.blame import culprit
    from graphpass.verify import misfits, refuse_misfits

    found = {misfit.identity: misfit for misfit in misfits(model, inputs)}
    refuse_misfits(model, [misfit for misfit in unfit if misfit.identity in found])
    for misfit in found.values():
        if misfit.kind == "shape":
            assert misfit.key is not None
            raise OperationError(
                f"{culprit(report, model.graph, misfit.key)}: after it, {misfit.fault}; change the "
                "parameter with the operator (--partial takes parameters as they are)"
            )
        if misfit.kind == "missing":
            typer.echo(f"note: {misfit.name!r} has no value yet", err=True)


def _difference(before: Model, after: Model) -> Diff:
    from graphpass.verify import diff

    return diff(before, after)
