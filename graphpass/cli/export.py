"""``graphpass export``: a model of MXNet's to an ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from graphpass.cli import options
from graphpass.cli.options import load_model, parse_typed_shapes, print_json
from graphpass.errors import UsageError

__all__ = ["export"]


@click.command
@options.a_model
@click.option("--out", "-o", metavar="OUT", help="The file to write, such as model.onnx.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME:SHAPE",
    help="Shape of an input, a letter for an open extent: data:N,3,224,224; ids:N,16:int32.",
)  # fmt: skip
@click.option("--opset", type=int, metavar="N", help="17 to 21; 18 if left out, or what is needed.")
@click.option("--no-optimize", is_flag=True, help="Lower the graph as it is.")
@click.option(
    "--lower", "lowerings", multiple=True, metavar="FILE",
    help="A pass file with lowerings of your own, tried first.",
)  # fmt: skip
@click.option("--external-data", is_flag=True, help="Write initializers over 1 KB to OUT.data.")
@click.option(
    "--verify", is_flag=True, help="Compare the file with the model first; exit 1 if they differ."
)
@click.option("--dry-run", is_flag=True, help="Report, but write nothing.")
@options.params_file
@options.overwrite
@options.as_json
def export(
    model: str,
    epoch: int | None,
    out: str | None,
    inputs: Sequence[str],
    opset: int | None,
    no_optimize: bool,
    lowerings: Sequence[str],
    external_data: bool,
    verify: bool,
    dry_run: bool,
    params: Path | None,
    overwrite: bool,
    json: bool,
) -> int:
    """Write a model as ONNX, by lowering rules."""
    from graphpass.lowering.export import export as export_model
    from graphpass.view.tables import echo

    if out is None and not dry_run:
        raise UsageError("say where to write with -o OUT.onnx, or ask for a --dry-run")
    loaded = load_model(model, epoch, params)
    shapes, dtypes = parse_typed_shapes(inputs)
    report = export_model(
        loaded,
        out or "model.onnx",
        inputs=shapes,
        dtypes=dtypes,
        opset=opset,
        optimize=not no_optimize,
        lowerings=list(lowerings),
        external_data=external_data,
        overwrite=overwrite,
        dry_run=dry_run,
        verify=verify,
    )
    if json:
        print_json(report.to_json())
    else:
        echo(str(report))
    for path in report.files:
        click.echo(f"wrote {path}", err=json)
    if not report:
        click.echo("outputs are not proved equal, so nothing was written", err=True)
    return 0 if report else 1
