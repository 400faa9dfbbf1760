"""``graphpass convert``: the same model for another MXNet release."""

from __future__ import annotations

from typing import Annotated

import typer

from graphpass.cli.options import (
    Epoch,
    ModelName,
    Overwrite,
    Params,
    Partial,
    load_model,
    save_model,
)

__all__ = ["convert"]


def convert(
    model: ModelName,
    epoch: Epoch = None,
    to: Annotated[
        str, typer.Option("--to", metavar="RELEASE", help="0.9 to 1.9.1; 0.11 writes `attr`.")
    ] = "1.9.1",
    out: Annotated[
        str,
        typer.Option("--out", "-o", metavar="OUT", help="Prefix to write, or - for the symbol."),
    ] = ...,  # type: ignore[assignment]
    params: Params = None,
    partial: Partial = False,
    overwrite: Overwrite = False,
) -> None:
    """Read a model of any MXNet version and write it for a release from 0.9 to 1.9.1."""
    from graphpass.verify import misfits, refuse_misfits

    loaded = load_model(model, epoch, params)
    if not partial:
        refuse_misfits(loaded, misfits(loaded))
    for path in save_model(loaded, out, dialect=to, overwrite=overwrite):
        typer.echo(path)
