"""``graphpass params``: look at parameters without MXNet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphpass.cli.options import Json, print_json

if TYPE_CHECKING:
    from graphpass.formats.parameters import Parameters

__all__ = ["app"]

app = typer.Typer(
    help="List, compare and export parameters, without MXNet.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_Source = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="A model, or a .params file.", show_default=False),
]


def _read(source: str) -> Parameters:
    from graphpass.formats.params import read_params

    return read_params(_files(source)[0])


def _files(source: str) -> list[Path]:
    """Return the files that a model, or a file's own name, stands for, its parameters first."""
    from graphpass.errors import UsageError
    from graphpass.model import find_files

    if Path(source).is_file() and not source.endswith(".json"):
        return [Path(source)]
    files = find_files(source)
    if files.params is None:
        raise UsageError(f"{source}: there are no parameters beside {files.symbol}")
    return [files.params, *([files.symbol] if files.symbol is not None else [])]


@app.command("ls")
def ls(model: _Source, json: Json = False) -> None:
    """List the parameters: class, name, dtype, shape, bytes."""
    from graphpass.view.tables import print_table, size

    parameters = _read(model)
    rows = [
        {
            "class": parameters.class_of(name),
            "name": name,
            "dtype": _dtype(array.dtype),
            "shape": list(array.shape),
            "bytes": array.nbytes,
        }
        for name, array in parameters.items()
    ]
    if json:
        print_json(rows)
        return
    columns = ("class", "name", "dtype", "shape", "bytes")
    print_table(columns, [[_cell(row[column]) for column in columns] for row in rows])
    total = sum(array.nbytes for array in parameters.values())
    typer.echo(f"{len(rows)} parameters, {size(total)}")


def _dtype(dtype: object) -> str:
    names = getattr(dtype, "names", None)
    return names[0] if names else str(dtype)


def _cell(value: object) -> object:
    return str(tuple(value)) if isinstance(value, list) else value


@app.command("diff")
def diff(a: _Source, b: _Source, json: Json = False) -> int:
    """Compare two sets of parameters by name; exit 1 if they differ."""
    from graphpass.verify import diff_parameters

    found = diff_parameters(_read(a), _read(b))
    if json:
        print_json(found.to_json())
    else:
        typer.echo(str(found))
    return 0 if found.equal else 1


@app.command("export")
def export(
    model: _Source,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The .npz file to write.")
    ],
) -> None:
    """Write the parameters as a NumPy .npz file, keys as in the .params file."""
    from graphpass.errors import SaveError, UsageError
    from graphpass.formats.export import export_npz, is_npz

    if str(out) == "-":
        raise UsageError("an .npz file can't go to standard output; name a file")
    if out.is_file():
        if any(out.samefile(path) for path in _files(model)):
            raise SaveError(f"{out} is the input itself; choose another output")
        if not is_npz(out):
            raise SaveError(f"{out} is there already and is no .npz file; choose another output")
    export_npz(_read(model), out)
    typer.echo(str(out))
