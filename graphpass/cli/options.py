"""Arguments and options that several verbs share, and how their texts are read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphpass.errors import UsageError

if TYPE_CHECKING:
    from graphpass.model import Model

__all__ = [
    "Epoch",
    "Feed",
    "Inputs",
    "Json",
    "ModelName",
    "Overwrite",
    "Params",
    "Partial",
    "load_model",
    "parse_feed",
    "parse_settings",
    "parse_shapes",
    "print_json",
    "save_model",
]

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="PREFIX, PREFIX:EPOCH, a -symbol.json path, or - for a symbol on standard input.",
        show_default=False,
    ),
]

Epoch = Annotated[
    int | None,
    typer.Argument(
        metavar="[EPOCH]", help="Which PREFIX-EPOCH.params; the newest if left out.", min=0
    ),
]

Params = Annotated[
    Path | None, typer.Option("--params", metavar="FILE", help="The parameters' file, by name.")
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Allow the output to be the input.")]

Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="NAME:SHAPE", help="Shape of an input: data:1,3,224,224."),
]

Partial = Annotated[
    bool,
    typer.Option("--partial", help="Take parameters that are missing, left over or mis-shaped."),
]

Feed = Annotated[
    list[str] | None,
    typer.Option(
        "--feed", metavar="NEW=OLD", help="An input of the new model gets the values of an old one."
    ),
]


def load_model(name: str, epoch: int | None = None, params: Path | None = None) -> Model:
    """Load the model that the command line names."""
    from graphpass.model import Model, load

    if name != "-":
        return load(name, epoch, params=params)
    from graphpass.formats.params import read_params
    from graphpass.formats.symbol_json import loads

    graph = loads(sys.stdin.buffer.read())
    return Model(graph, read_params(params) if params is not None else None)


def save_model(model: Model, out: str, *, dialect: str, overwrite: bool) -> list[str]:
    """Save under a prefix, or print the symbol for ``-``; return the paths written."""
    if out == "-":
        from graphpass.formats.symbol_json import as_bytes, dumps

        sys.stdout.buffer.write(as_bytes(dumps(model.graph, dialect=dialect)) + b"\n")
        return []
    prefix, colon, number = out.rpartition(":")
    if colon and number.isdecimal():
        files = model.save(prefix, int(number), dialect=dialect, overwrite=overwrite)
    else:
        epoch = model.files.epoch or 0
        files = model.save(out, epoch, dialect=dialect, overwrite=overwrite)
    return [str(path) for path in (files.symbol, files.params) if path is not None]


def parse_settings(texts: Iterable[str] | None) -> dict[str, Any]:
    """Read ``NAME=VALUE`` options, the values as YAML."""
    from graphpass.rules import parse_setting

    return dict(parse_setting(text) for text in texts or ())


def parse_shapes(texts: Iterable[str] | None) -> dict[str, tuple[int, ...]]:
    """Read ``NAME:1,3,224,224`` options; the name may hold colons itself."""
    found = {}
    for text in texts or ():
        name, colon, shape = text.rpartition(":")
        if not colon or not name or not re.fullmatch(r"\s*\(?\d+(\s*,\s*\d+)*,?\)?\s*", shape):
            raise UsageError(f"--input {text}: write NAME:SHAPE, such as data:1,3,224,224")
        found[name] = tuple(int(part) for part in re.findall(r"\d+", shape))
    return found


def parse_feed(texts: Iterable[str] | None) -> dict[str, str]:
    """Read ``NEW=OLD`` options."""
    found = {}
    for text in texts or ():
        new, equals, old = text.partition("=")
        if not equals:
            raise UsageError(f"--feed {text}: write NEW=OLD, such as right_data=data")
        found[new] = old
    return found


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print plain data as JSON; bytes of names that are no UTF-8 are escaped."""
    typer.echo(json.dumps(value, indent=2, default=str))
