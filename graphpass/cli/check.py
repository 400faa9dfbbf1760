"""``graphpass check``: what is wrong or odd about a model."""

from __future__ import annotations

from typing import Annotated

import typer

from graphpass.cli.options import (
    Epoch,
    Inputs,
    Json,
    ModelName,
    Params,
    load_model,
    parse_shapes,
    print_json,
)

__all__ = ["check"]


def check(
    model: ModelName,
    epoch: Epoch = None,
    inputs: Inputs = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 1 on a warning too.")] = False,
    params: Params = None,
    json: Json = False,
) -> int:
    """Look for what MXNet, a converter or a pass would trip over; exit 1 if something is wrong."""
    from graphpass.checks import check as look
    from graphpass.view.tables import echo

    report = look(load_model(model, epoch, params), parse_shapes(inputs))
    if json:
        print_json(report.to_json() | {"passed": not report.fails(strict=strict)})
    else:
        echo(str(report))
    return 1 if report.fails(strict=strict) else 0
