"""``graphpass params``: look at parameters without MXNet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from graphpass.cli import options
from graphpass.cli.options import print_json
from graphpass.errors import SaveError, UsageError

if TYPE_CHECKING:
    from graphpass.formats.parameters import Parameters

__all__ = ["params"]


@click.group(cls=options.VerbGroup)
def params() -> None:
    """List, compare and export parameters, without MXNet."""


def _read(source: str) -> Parameters:
    from graphpass.formats.params import read_params

    return read_params(_files(source)[0])


def _files(source: str) -> list[Path]:
    """Return the files that a model, or a file's own name, stands for, its parameters first."""
    from graphpass.formats.files import find_files, mend_beside

    if Path(source).is_file() and not source.endswith(".json"):
        for each in mend_beside(source):
            click.echo(f"note: {each}", err=True)
        return [Path(source)]
    files = find_files(source)
    if files.params is None:
        raise UsageError(f"{source}: there are no parameters beside {files.symbol}")
    return [files.params, *([files.symbol] if files.symbol is not None else [])]


_MODEL = "A model, or a .params, .npz or .safetensors file."


@params.command("ls")
@click.argument("model", metavar="MODEL", help=_MODEL)
@options.as_json
def ls(model: str, json: bool) -> None:
    """List the parameters: class, name, dtype, shape, storage where some are sparse, bytes."""
    from graphpass.view.tables import print_table, size

    parameters = _read(model)
    storages, shapes = parameters.storages, parameters.shapes
    rows = [
        {
            "class": parameters.class_of(name),
            "name": name,
            "dtype": array.dtype.name,
            "shape": list(array.shape),
            "storage": storages.get(name, "dense"),
            "bytes": array.nbytes,
        }
        for name, array in ((name, parameters.stored(name)) for name in parameters)
    ]
    if json:
        print_json(rows)
        return
    columns = ["class", "name", "dtype", "shape", "storage", "bytes"]
    if not storages:
        columns.remove("storage")
    cells = [row | {"shape": shapes[str(row["name"])]} for row in rows]
    print_table(columns, [[row[column] for column in columns] for row in cells])
    click.echo(f"{len(rows)} parameters, {size(parameters.nbytes)}")


@params.command("diff")
@click.argument("a", metavar="MODEL", help=_MODEL)
@click.argument("b", metavar="MODEL", help=_MODEL)
@options.as_json
def diff(a: str, b: str, json: bool) -> int:
    """Compare two sets of parameters by name; exit 1 if they differ."""
    from graphpass.verify import diff_parameters

    found = diff_parameters(_read(a), _read(b))
    if json:
        print_json(found.to_json())
    else:
        click.echo(str(found))
    return 0 if found.equal else 1


@params.command("export")
@click.argument("model", metavar="MODEL", help=_MODEL)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="What to write: a .npz, .safetensors or .params file.",
)  # fmt: skip
@options.dense
@options.overwrite
def export(model: str, out: Path, dense: bool, overwrite: bool) -> None:
    """Write the parameters as a file of another format, keys as in the .params file."""
    from graphpass.formats.npz import export_npz
    from graphpass.formats.params import export_params
    from graphpass.formats.safetensors import export_safetensors

    formats = {".npz": export_npz, ".safetensors": export_safetensors, ".params": export_params}
    if out.is_file() and any(out.samefile(path) for path in _files(model)):
        raise SaveError(f"{out} is the input itself; choose another output")
    if out.suffix not in formats:
        raise UsageError(
            f"{out}: the name says no format; choose another output, one that ends in "
            f"{', '.join(formats)}"
        )
    parameters = _read(model)
    if dense:
        parameters.densify()
    formats[out.suffix](parameters, out, overwrite=overwrite)
    click.echo(str(out))
