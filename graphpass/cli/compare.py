"""``graphpass check``, ``diff`` and ``verify``: exit 1 where a model is wrong, or not the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from graphpass.cli import options
from graphpass.cli.options import (
    load_model,
    parse_comparison,
    parse_outputs,
    parse_shapes,
    print_json,
)
from graphpass.errors import UsageError

__all__ = ["check", "diff", "verify"]


@click.command
@options.a_model
@options.inputs
@options.strict
@options.params_file
@options.as_json
def check(
    model: str,
    epoch: int | None,
    inputs: Sequence[str],
    strict: bool,
    params: Path | None,
    json: bool,
) -> int:
    """Look for what MXNet, a converter or a pass would trip over; exit 1 if something is wrong."""
    from graphpass.checks import check as look
    from graphpass.view.tables import echo

    report = look(load_model(model, epoch, params, values=False), parse_shapes(inputs))
    if json:
        print_json(report.to_json() | {"passed": not report.fails(strict=strict)})
    else:
        echo(str(report))
    return 1 if report.fails(strict=strict) else 0


_first = click.argument("a", metavar="A", help="A model: PREFIX[:EPOCH] or a path.")
_second = click.argument("b", metavar="B", help="Another model.")


@click.command
@_first
@_second
@options.as_json
def diff(a: str, b: str, json: bool) -> int:
    """Compare two models by structure, attributes and parameters; exit 1 if they differ."""
    from graphpass.verify import diff as compare

    found = compare(load_model(a, values=False), load_model(b, values=False))
    if json:
        print_json(found.to_json())
    else:
        click.echo(str(found))
    return 0 if found.equal else 1


@click.command
@_first
@_second
@options.inputs
@options.comparison
@click.option(
    "--repeat", is_flag=True, help="B returns the outputs of A several times over, as clones do."
)
@click.option(
    "--output",
    multiple=True,
    metavar="OLD=NEW",
    help="Compare an output of A with one of B, these alone.",
)
@click.option("--seed", type=options.at_least(0), default=0, help="Seed of the random inputs.")
@click.option("--training", is_flag=True, help="Run as in training; compare auxiliary states too.")
@click.option("--gradients", is_flag=True, help="Compare the gradients of the arguments too.")
@click.option("--single-precision", is_flag=True, help="Run half precision models in float32.")
@click.option("--bisect", is_flag=True, help="If outputs differ, find the first node that does.")
@options.partial
@options.as_json
def verify(
    a: str,
    b: str,
    inputs: Sequence[str],
    feed: Sequence[str],
    data: Sequence[str],
    scale: float,
    runs: int | None,
    rtol: Sequence[str],
    atol: Sequence[str],
    repeat: bool,
    output: Sequence[str],
    seed: int,
    training: bool,
    gradients: bool,
    single_precision: bool,
    bisect: bool,
    partial: bool,
    json: bool,
) -> int:
    """Run two models on the same random inputs and compare; exit 1 if they differ."""
    from graphpass.verify import bisect as find_first
    from graphpass.verify import misfits, refuse_misfits
    from graphpass.verify import verify as compare

    if repeat and output:
        raise UsageError("--repeat compares all outputs; leave out --output, or --repeat")
    if b.endswith(".onnx"):
        if repeat or output or training or gradients or single_precision or bisect or feed:
            raise UsageError(
                f"{b}: an ONNX file is compared output by output, in inference; leave out the "
                "options for models of MXNet's"
            )
        return _verify_file(a, b, inputs, data, rtol, atol, json, runs=runs, seed=seed, scale=scale)
    before, after = load_model(a), load_model(b)
    how = parse_comparison(feed=feed, data=data, rtol=rtol, atol=atol)
    given = parse_shapes(inputs) | how.pop("data")
    if not partial:
        for model in (before, after):
            refuse_misfits(model, misfits(model, given))
    how |= {"inputs": given, "seed": seed, "scale": scale, "training": training}
    how |= {"single_precision": single_precision, "isolated": True}
    found = compare(
        before,
        after,
        outputs="repeat" if repeat else parse_outputs(output),
        runs=runs,
        gradients=gradients,
        **how,
    )
    first = find_first(before, after, **how) if bisect and not found else None
    if json:
        print_json({**found.to_json(), **({"first": first.to_json()} if first else {})})
    else:
        click.echo(str(found))
        if first is not None:
            click.echo(str(first))
    return 0 if found else 1


def _verify_file(
    a: str,
    b: str,
    inputs: Sequence[str],
    data: Sequence[str],
    rtol: Sequence[str],
    atol: Sequence[str],
    json: bool,
    **settings: Any,
) -> int:
    """Compare a model with an ONNX file."""
    from graphpass.lowering.verify import verify_file

    how = parse_comparison(feed=(), data=data, rtol=rtol, atol=atol)
    given = parse_shapes(inputs) | how.pop("data")
    how.pop("feed")
    settings["runs"] = settings["runs"] or 1
    found = verify_file(load_model(a), b, inputs=given, isolated=True, **how, **settings)
    if json:
        print_json(found.to_json())
    else:
        click.echo(str(found))
    return 0 if found else 1
