"""Arguments and options that several verbs share, and how their texts are read."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from graphpass.errors import GraphpassError, UsageError, suggestion

if TYPE_CHECKING:
    from graphpass.model import Model

Verb = TypeVar("Verb", bound=Callable[..., Any])

_MAX_DIGITS = 18
"""Of the extents of a shape, which have 64 bits."""


def names_model(word: str) -> bool:
    """Return whether this is the prefix or a file of a model, by what lies on the disk."""
    stem = word.rpartition(":")[0] if re.search(r":\d+$", word) else word
    is_file = word.endswith((".json", ".params")) and os.path.isfile(word)  # noqa: PTH113  any text
    return is_file or os.path.isfile(f"{stem}-symbol.json")  # noqa: PTH113


class _Epoch(click.IntRange):
    """An epoch; a word in its place is most often where to write."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            if re.fullmatch(r"[-+]?\d+", str(value)):
                raise
            given = ctx.params if ctx is not None else {}
            refuse_swapped(given.get("pass_"), str(given.get("model")), str(value))
            raise UsageError(
                f"{value} is not an epoch, which is a whole number; -o {value} writes there"
            ) from None


def refuse_swapped(pass_: str | None, model: str, last: str | None = None) -> None:
    """Say what to type where a model stands first, or an operation for the pass."""
    if pass_ is None:
        return
    verb = click.get_current_context().info_name
    if verb == "apply" and re.fullmatch(r"[^\s{}\[\]=]+=[^\s{}\[\]=]+", pass_):
        raise UsageError(
            f"{pass_} is not a pass; to rename, write graphpass rename {model} {pass_} -o OUT"
        )
    if verb == "apply" and last is not None and "=" in model:
        raise UsageError(f"{model} is not a model; write graphpass {pass_} {last} {model} -o OUT")
    if names_model(pass_) and not names_model(model):
        what, out = ("pass", " -o OUT") if verb == "apply" else ("pattern or pass", "")
        words = shlex.join([str(verb), model, pass_])
        raise UsageError(f"{pass_} is a model; the {what} comes first: graphpass {words}{out}")


def at_least(least: int) -> click.IntRange:
    """Return the type of whole numbers of 32 bits from one on; messages call it an integer."""
    kind = click.IntRange(least, 2**31 - 1)
    kind.name = "integer"
    return kind


class VerbGroup(click.Group):
    """Several verbs under one word."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order in which they were added."""
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a verb; another word is answered with the verbs that there are."""
        if cmd_name not in self.commands:
            path = " ".join(ctx.command_path.split()[-1:])
            verbs = ", ".join(self.commands)
            ctx.fail(f"no such command {path} {cmd_name!r}; graphpass {path} has {verbs}")
        return super().get_command(ctx, cmd_name)


allow_path = click.option(
    "--allow-path", "allow_paths", multiple=True, metavar="DIR",
    help="A folder that a pass file may read, besides its own and the model's.",
)  # fmt: skip
as_json = click.option("--json", is_flag=True, help="Print JSON instead of text.")
inputs = click.option(
    "--input", "inputs", multiple=True, metavar="NAME:SHAPE",
    help="Shape of an input: data:1,3,224,224.",
)  # fmt: skip
overwrite = click.option("--overwrite", is_flag=True, help="Replace files that are there already.")
dense = click.option("--dense", is_flag=True, help="Write sparse parameters as dense ones.")
params_file = click.option(
    "--params", type=click.Path(path_type=Path), metavar="FILE",
    help="The parameters' file, by name: .params, .npz or .safetensors.",
)  # fmt: skip
partial = click.option(
    "--partial", is_flag=True, help="Take parameters that are missing, left over or mis-shaped."
)
settings = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE",
    help="Override a parameter of the pass.",
)  # fmt: skip
strict = click.option("--strict", is_flag=True, help="Exit 1 on a warning too.")


def a_pass(help: str) -> Callable[[Verb], Verb]:
    """Return the argument for a pass, or for what a verb takes in its place."""
    return click.argument("pass_", metavar="PASS", help=help)


def a_model(verb: Verb) -> Verb:
    """Give a verb the arguments that name one model: ``MODEL [EPOCH]``."""
    epoch = click.argument(
        "epoch", required=False, type=_Epoch(0, 2**31 - 1), metavar="[EPOCH]",
        help="Which PREFIX-EPOCH.params; the newest if left out.",
    )  # fmt: skip
    model = click.argument(
        "model", metavar="MODEL",
        help="PREFIX, PREFIX:EPOCH, a -symbol.json path, or - for a symbol on standard input.",
    )  # fmt: skip
    return model(epoch(verb))


def comparison(verb: Verb) -> Verb:
    """Give a verb the options for comparing outputs, but for `inputs`."""
    feed = click.option(
        "--feed", multiple=True, metavar="NEW=OLD",
        help="An input of the new model gets the values of an old one.",
    )  # fmt: skip
    data = click.option(
        "--input-data", "data", multiple=True, metavar="NAME:FILE",
        help="Values of an input, .npy or .npz; again for another run.",
    )  # fmt: skip
    scale = click.option(
        "--scale", type=float, default=1.0, help="Standard deviation of random inputs."
    )
    runs = click.option(
        "--runs", type=at_least(1), help="How many random inputs; 1, or one for each file."
    )
    rtol, atol = (
        click.option(
            f"--{name}tol", multiple=True, metavar="[NAME:]NUMBER",
            help=f"{what} tolerance, of one output or all; measured if left out.",
        )
        for name, what in (("r", "Relative"), ("a", "Absolute"))
    )  # fmt: skip
    return feed(data(scale(runs(rtol(atol(verb))))))


def parse_comparison(
    *, feed: Iterable[str], data: Iterable[str], rtol: Iterable[str], atol: Iterable[str]
) -> dict[str, Any]:
    """Read what `comparison` gives a verb as options of `graphpass.verify`, but for numbers.

    The values of inputs come back under ``data``.
    """
    tolerances: dict[str, dict[str, float]] = {"rtol": {}, "atol": {}}
    for option, texts in (("rtol", rtol), ("atol", atol)):
        for text in texts:
            name, _, number = text.rpartition(":")
            try:
                tolerances[option][name] = float(number)
            except ValueError:
                raise UsageError(
                    f"--{option} {text:.60}: write NUMBER or NAME:NUMBER, such as 1e-4 or "
                    "fc1_output:1e-4"
                ) from None
    return {"feed": parse_feed(feed), "data": parse_data(data), **tolerances}


def parse_data(texts: Iterable[str]) -> dict[str, list[Any]]:
    """Read ``NAME:FILE.npy``, ``NAME:FILE.npz`` and ``FILE.npz``: an array for each run.

    An archive holds arrays by the names of inputs, or one array if a name is given.
    """
    found: dict[str, list[Any]] = {}
    for text in texts:
        name, _, path = text.rpartition(":")
        if not name and not path.endswith(".npz"):
            raise UsageError(
                f"--input-data {text}: write NAME:FILE.npy, such as data:image.npy, or FILE.npz"
            )
        for each, value in _arrays(path, name).items():
            found.setdefault(each, []).append(value)
    return found


def _arrays(path: str, name: str) -> dict[str, Any]:
    """Return the arrays of a file by name; the one of a name, if one is given."""
    import zipfile

    import numpy as np

    try:
        with Path(path).open("rb") as file:
            read = np.load(file, allow_pickle=False)
            arrays = {key: read[key] for key in read} if hasattr(read, "files") else {name: read}
    except OSError as error:
        raise UsageError(f"--input-data: {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UsageError(f"--input-data: {path} is no file of NumPy arrays: {error}") from None
    if not name or list(arrays) == [name]:
        return arrays
    if name not in arrays and len(arrays) != 1:
        raise UsageError(f"--input-data: {path} has no array {name!r}{suggestion(name, arrays)}")
    return {name: arrays.get(name, next(iter(arrays.values())))}


def load_model(
    name: str,
    epoch: int | None = None,
    params: Path | None = None,
    *,
    values: bool = True,
) -> Model:
    """Load the model that the command line names; a verb may need no values, as `load` says."""
    from graphpass.model import Model, load

    if name != "-":
        model = load(name, epoch, params=params, values=values)
        for each in model.files.mended:
            click.echo(f"note: {each}", err=True)
        if model.files.joined:
            pairs = [f"{stored} to {name}" for stored, name in model.files.joined.items()]
            click.echo(
                f"note: {model.files.params} is Gluon's; its names were joined to the variables "
                f"by order: {', '.join(pairs)}",
                err=True,
            )
        if model.files.pointer is not None:
            click.echo(
                f"note: {model.files.pointer} is a Git LFS pointer, so the model is taken without "
                "values; `git lfs pull` fetches them",
                err=True,
            )
        return model
    from graphpass.formats.params import read_params
    from graphpass.formats.symbol_read import loads

    data = b"" if sys.stdin is None else sys.stdin.buffer.read()
    if not data:
        raise UsageError("standard input is empty or closed; it is read once, by one model")
    try:
        graph = loads(data)
    except GraphpassError as error:
        raise type(error)(f"standard input: {error}") from None
    return Model(graph, read_params(params) if params is not None else None)


def save_model(model: Model, out: str, *, dialect: str, overwrite: bool) -> list[str]:
    """Save under a prefix, or print the symbol for ``-``; return the paths written."""
    if out == "-":
        from graphpass.formats.symbol_write import as_bytes, dumps

        np_shape = model.graph.origin is not None and model.graph.origin.np_shape
        text = dumps(model.graph, dialect=dialect, np_shape=np_shape)
        sys.stdout.buffer.write(as_bytes(text))
        return []
    from graphpass.model import find_files

    prefix, epoch = output_name(model, out)
    files = model.save(prefix, epoch, dialect=dialect, overwrite=overwrite)
    assert files.symbol is not None
    newest = find_files(files.symbol).params
    if newest not in (None, files.params):  # it would be loaded in place of what was just saved
        click.echo(f"note: {newest} beside it has a later epoch; name the one to load", err=True)
    return [str(path) for path in (files.symbol, files.params) if path is not None]


def output_name(model: Model, out: str) -> tuple[str, int]:
    """Return prefix and epoch of an output: ``PREFIX:EPOCH``, or the epoch of the input."""
    prefix, colon, number = out.rpartition(":")
    if colon and re.fullmatch("[0-9]{1,9}", number):
        return prefix, int(number)
    if out.endswith((".json", ".onnx")):
        stem = re.sub(r"(-symbol)?\.(json|onnx)$", "", out)
        onnx = "; graphpass export writes ONNX" if out.endswith(".onnx") else ""
        raise UsageError(
            f"-o {out}: a model is two files, named by a prefix; write -o {stem} for "
            f"{stem}-symbol.json and {stem}-0000.params{onnx}"
        )
    if colon and "/" not in number:
        raise UsageError(f"{out}: {number!r} is no epoch; write PREFIX:EPOCH, such as {prefix}:7")
    return out, model.files.epoch or 0


def parse_settings(texts: Iterable[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` options, the values as YAML."""
    from graphpass.rules import parse_setting

    return dict(parse_setting(text) for text in texts)


_SHAPE = re.compile(
    r"(?P<name>.+):\s*\(?(?P<shape>\w+(\s*,\s*\w+)*,?)\)?\s*(:(?P<dtype>[a-z]+[0-9]+|bool))?"
)


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Read ``NAME:1,3,224,224`` options; the name may hold colons itself."""
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        found = _SHAPE.fullmatch(text)
        if found is None or found["dtype"] or not re.fullmatch(r"[\d\s,]+", found["shape"]):
            raise UsageError(f"--input {text}: write NAME:SHAPE, such as data:1,3,224,224")
        shapes[found["name"]] = tuple([_extent(text, each) for each in _extents(found)])
    return shapes


def parse_typed_shapes(
    texts: Iterable[str],
) -> tuple[dict[str, tuple[int | str, ...]], dict[str, str]]:
    """Read ``NAME:N,3,224,224`` and ``NAME:N,16:int32``, a letter standing for an open extent."""
    shapes: dict[str, tuple[int | str, ...]] = {}
    dtypes: dict[str, str] = {}
    for text in texts:
        found = _SHAPE.fullmatch(text)
        extents = _extents(found) if found else []
        if found is None or any(not (e.isdecimal() or e.isidentifier()) for e in extents):
            raise UsageError(
                f"--input {text}: write NAME:SHAPE, such as data:1,3,224,224, data:N,3,224,224 "
                "for an open batch, or ids:1,16:int32"
            )
        shapes[found["name"]] = tuple([_extent(text, e) if e.isdecimal() else e for e in extents])
        if found["dtype"]:
            dtypes[found["name"]] = found["dtype"]
    return shapes, dtypes


def _extents(found: re.Match[str]) -> list[str]:
    return re.findall(r"\w+", found["shape"])


def _extent(text: str, digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise UsageError(f"--input {text}: an extent is wider than 64 bits")
    return int(digits)


def parse_outputs(texts: Iterable[str]) -> list[tuple[str, str]] | None:
    """Read ``--output OLD=NEW`` options; None if there are none."""
    found = []
    for text in texts:
        old, equals, new = text.partition("=")
        if not equals or not old or not new:
            raise UsageError(f"--output {text}: write OLD=NEW, such as fc1_output=head_output")
        found.append((old, new))
    return found or None


def parse_feed(texts: Iterable[str]) -> dict[str, str]:
    """Read ``--feed NEW=OLD`` options."""
    found = {}
    for text in texts:
        new, equals, old = text.partition("=")
        if not equals:
            raise UsageError(f"--feed {text}: write NEW=OLD, such as right_data=data")
        found[new] = old
    return found


def print_json(value: Mapping[str, Any] | list[Any]) -> None:
    """Print plain data as JSON; bytes of names that are no UTF-8 are escaped."""
    click.echo(json.dumps(value, indent=2, default=str))
