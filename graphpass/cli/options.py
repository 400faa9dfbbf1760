"""Arguments and options that several verbs share, and how their texts are read."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphpass.errors import GraphpassError, UsageError

if TYPE_CHECKING:
    from graphpass.model import Files, Model

__all__ = [
    "Atol",
    "Epoch",
    "Feed",
    "Inputs",
    "Json",
    "ModelName",
    "Overwrite",
    "Params",
    "Partial",
    "Rtol",
    "load_model",
    "newer_epochs",
    "output_name",
    "parse_feed",
    "parse_outputs",
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

Rtol = Annotated[
    float | None, typer.Option("--rtol", help="Relative tolerance; 1e-5 in single precision.")
]

Atol = Annotated[
    float | None, typer.Option("--atol", help="Absolute tolerance; 1e-6 in single precision.")
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

    data = sys.stdin.buffer.read()
    if not data:
        raise UsageError("standard input is empty; it can be read once, and by one model only")
    try:
        graph = loads(data)
    except GraphpassError as error:
        raise type(error)(f"standard input: {error}") from None
    return Model(graph, read_params(params) if params is not None else None)


def save_model(model: Model, out: str, *, dialect: str, overwrite: bool) -> list[str]:
    """Save under a prefix, or print the symbol for ``-``; return the paths written."""
    if out == "-":
        from graphpass.formats.symbol_json import as_bytes, dumps

        np_shape = model.graph.origin is not None and model.graph.origin.np_shape
        text = dumps(model.graph, dialect=dialect, np_shape=np_shape)
        sys.stdout.buffer.write(as_bytes(text))
        return []
    prefix, epoch = output_name(model, out)
    files = model.save(prefix, epoch, dialect=dialect, overwrite=overwrite)
    for newer in newer_epochs(files):
        typer.echo(f"note: {newer} beside it has a later epoch; name the one to load", err=True)
    return [str(path) for path in (files.symbol, files.params) if path is not None]


def output_name(model: Model, out: str) -> tuple[str, int]:
    """Return prefix and epoch of an output: ``PREFIX:EPOCH``, or the epoch of the input."""
    prefix, colon, number = out.rpartition(":")
    if colon and number.isdecimal():
        return prefix, int(number)
    if colon and "/" not in number:
        raise UsageError(f"{out}: {number!r} is no epoch; write PREFIX:EPOCH, such as {prefix}:7")
    return out, model.files.epoch or 0


def newer_epochs(files: Files) -> list[str]:
    """Return the parameter files that a model just saved would be loaded with by mistake."""
    from graphpass.model import find_files

    assert files.symbol is not None
    found = find_files(files.symbol)
    return [str(found.params)] if found.params not in (None, files.params) else []


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


def parse_outputs(texts: Iterable[str] | None) -> list[tuple[str, str]] | None:
    """Read ``A=B`` options: an output of A and one of B; None if there are none."""
    found = []
    for text in texts or ():
        old, equals, new = text.partition("=")
        if not equals or not old or not new:
            raise UsageError(f"--output {text}: write OLD=NEW, such as fc1_output=head_output")
        found.append((old, new))
    return found or None


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
