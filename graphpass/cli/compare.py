"""``graphpass diff`` and ``graphpass verify``: whether it is still the same model."""

from __future__ import annotations

from typing import Annotated

import typer

from graphpass.cli.options import (
    Atol,
    Feed,
    Inputs,
    Json,
    Partial,
    Rtol,
    load_model,
    parse_feed,
    parse_outputs,
    parse_shapes,
    print_json,
)
from graphpass.errors import UsageError

__all__ = ["diff", "verify"]

_First = Annotated[
    str, typer.Argument(metavar="A", help="A model: PREFIX[:EPOCH] or a path.", show_default=False)
]
_Second = Annotated[str, typer.Argument(metavar="B", help="Another model.", show_default=False)]


def diff(a: _First, b: _Second, json: Json = False) -> int:
    """Compare two models by structure, attributes and parameters; exit 1 if they differ."""
    from graphpass.verify import diff as compare

    found = compare(load_model(a), load_model(b))
    if json:
        print_json(found.to_json())
    else:
        typer.echo(str(found))
    return 0 if found.equal else 1


def verify(
    a: _First,
    b: _Second,
    inputs: Inputs = None,
    feed: Feed = None,
    repeat: Annotated[
        bool,
        typer.Option(
            "--repeat", help="B returns the outputs of A several times over, as clones do."
        ),
    ] = False,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output", metavar="OLD=NEW", help="Compare an output of A with one of B, these alone."
        ),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", help="How many random inputs.", min=1)] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random inputs.", min=0)] = 0,
    rtol: Rtol = None,
    atol: Atol = None,
    training: Annotated[
        bool, typer.Option("--training", help="Run as in training; compare auxiliary states too.")
    ] = False,
    gradients: Annotated[
        bool, typer.Option("--gradients", help="Compare the gradients of the arguments too.")
    ] = False,
    single_precision: Annotated[
        bool, typer.Option("--single-precision", help="Run half precision models in float32.")
    ] = False,
    bisect: Annotated[
        bool, typer.Option("--bisect", help="If outputs differ, find the first node that does.")
    ] = False,
    partial: Partial = False,
    json: Json = False,
) -> int:
    """Run two models on the same random inputs on MXNet and compare; exit 1 if they differ."""
    from graphpass.verify import bisect as find_first
    from graphpass.verify import misfits, refuse_misfits
    from graphpass.verify import verify as compare

    if repeat and output:
        raise UsageError("--repeat compares all outputs; leave out --output, or --repeat")
    before, after = load_model(a), load_model(b)
    shapes, fed = parse_shapes(inputs), parse_feed(feed)
    if not partial:
        for model in (before, after):
            refuse_misfits(model, misfits(model, shapes))
    found = compare(
        before,
        after,
        inputs=shapes,
        feed=fed,
        outputs="repeat" if repeat else parse_outputs(output),
        runs=runs,
        seed=seed,
        rtol=rtol,
        atol=atol,
        training=training,
        gradients=gradients,
        single_precision=single_precision,
        isolated=True,
    )
    first = None
    if bisect and not found:
        first = find_first(
            before,
            after,
            inputs=shapes,
            feed=fed,
            seed=seed,
            rtol=rtol,
            atol=atol,
            training=training,
            single_precision=single_precision,
            isolated=True,
        )
    if json:
        print_json({**found.to_json(), **({"first": first.to_json()} if first else {})})
    else:
        typer.echo(str(found))
        if first is not None:
            typer.echo(str(first))
    return 0 if found else 1
