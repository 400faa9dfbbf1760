"""The files of a model: which a name stands for."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from graphpass.errors import SaveError, UsageError, nearest
from graphpass.formats.saving import mend

__all__ = [
    "Files",
    "find_files",
    "is_pointer",
    "make_folder",
    "mend_beside",
    "target_files",
]


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, if it is not there.

    Raises
    ------
    SaveError
        If it can't be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SaveError(f"{path}: can't be made: {error.strerror}") from None


SYMBOL_SUFFIX = "-symbol.json"
_PARAMS = re.compile(r"(?P<prefix>.*)-(?P<epoch>[0-9]{4,9})\.params", re.DOTALL)
_EPOCH = re.compile(r"(?P<prefix>.*):(?P<epoch>[0-9]{1,9})", re.DOTALL)
_MAX_EPOCH = 10**9 - 1
_POINTER = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a model was loaded from."""

    symbol: Path | None = None
    """The symbol JSON."""

    params: Path | None = None
    """The parameters, None where there are none."""

    epoch: int | None = None
    """The epoch in the parameters' file name."""

    pointer: Path | None = None
    """A Git LFS pointer that stands where the parameters should be, if the model goes without."""

    mended: tuple[str, ...] = ()
    """What was found of saves that had been interrupted there, and what became of them."""

    joined: Mapping[str, str] = field(default_factory=dict)
    """Of a file of Gluon's ``save_parameters``: its names -> the variables they were joined to."""

    @property
    def folder(self) -> Path:
        """The folder in which a save of these files has its record."""
        assert self.symbol is not None
        return Path(os.path.realpath(self.symbol)).parent

    def stamps(self) -> list[tuple[int, int, int, int] | None]:
        """Return what tells each file from another of its name, or from itself changed later."""
        found: list[tuple[int, int, int, int] | None] = []
        for path in (self.symbol, self.params):
            with contextlib.suppress(AttributeError, OSError):
                status = path.stat()  # type: ignore[union-attr]
                identity = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
                found.append(identity)
        return found


def target_files(prefix: str | PathLike[str], epoch: int) -> Files:
    """Return the files that a model is saved to; the name of either does for the prefix.

    Raises
    ------
    UsageError
        If the prefix names no file, or the epoch is negative.
    """
    _check_epoch(epoch)
    text = str(prefix).removesuffix(SYMBOL_SUFFIX)
    named = _PARAMS.fullmatch(text)
    if named:
        text, epoch = named["prefix"], int(named["epoch"])
    if os.path.basename(text) in ("", ".", ".."):  # noqa: PTH119  Path drops a last "."
        raise UsageError(f"{str(prefix)!r} names no file; write a prefix, such as out/model")
    return Files(Path(f"{text}{SYMBOL_SUFFIX}"), Path(f"{text}-{epoch:04d}.params"), epoch)


def _check_epoch(epoch: int) -> None:
    if not isinstance(epoch, int):
        raise UsageError(f"epoch {epoch!r} is no whole number")
    if not 0 <= epoch <= _MAX_EPOCH:
        raise UsageError(f"epochs count from 0 to {_MAX_EPOCH:,}; this one does not")


def find_files(
    source: str | PathLike[str],
    epoch: int | None = None,
    *,
    params: str | PathLike[str] | None = None,
) -> Files:
    """Return the files that a model's name stands for; see `load` for the forms.

    Raises
    ------
    UsageError
        If there are none; the message names the nearest.
    """
    text = str(source)
    if epoch is not None:
        _check_epoch(epoch)
    mended = mend_beside(text)
    symbol: Path | None = None
    by_params = _PARAMS.fullmatch(text)
    if by_params and Path(text).is_file():
        text, epoch = by_params["prefix"], int(by_params["epoch"])
    elif text.endswith(".onnx") and Path(text).is_file():
        raise UsageError(
            f"{text}: this is an ONNX file, and the symbol of an MXNet model is wanted here; "
            "graphpass verify MODEL FILE.onnx compares the two"
        )
    elif Path(text).is_file():
        symbol = Path(text)
        text = text.removesuffix(SYMBOL_SUFFIX)
    elif not Path(text + SYMBOL_SUFFIX).exists() and (
        text.endswith((".json", ".params")) or (Path(text).exists() and not Path(text).is_dir())
    ):  # the name must be that of a file: by its ending, or as it is a pipe, say
        raise UsageError(_no_file(Path(text)))
    else:
        named = _EPOCH.fullmatch(text)
        if named and not Path(text + SYMBOL_SUFFIX).exists():
            text, epoch = named["prefix"], int(named["epoch"]) if epoch is None else epoch
            mended += mend_beside(text)
    symbol = symbol or Path(text + SYMBOL_SUFFIX)
    if not symbol.is_file() and Path(text).is_dir():
        models = sorted(each.name for each in Path(text).glob(f"*{SYMBOL_SUFFIX}"))[:3]
        choice = f"; name one of its models, such as {', '.join(models)}" if models else ""
        raise UsageError(
            f"{text}: it is a folder{choice} (graphpass batch takes '{text}/*{SYMBOL_SUFFIX}')"
        )
    if not symbol.is_file():
        raise UsageError(_no_file(symbol))
    if params is not None:
        if not Path(params).is_file():
            raise UsageError(_no_file(Path(params), "name a .params file"))
        return Files(symbol, Path(params), epoch, mended=mended)
    epochs: dict[int, Path] = {}  # the parameters of the prefix
    with contextlib.suppress(OSError):
        for path in sorted(Path(text).parent.iterdir()):
            match = _PARAMS.fullmatch(path.name)
            if match and match["prefix"] == Path(text).name:
                epochs[int(match["epoch"])] = path
    if epoch is None:
        epoch = max(epochs, default=None)
        newest = epochs[epoch] if epoch is not None else None
        return Files(symbol, newest, epoch, mended=mended)
    if epoch not in epochs:
        known = ", ".join(map(str, sorted(epochs))) or "none"
        raise UsageError(
            f"{text}-{epoch:04d}.params: there is no such file; "
            f"epochs beside {symbol.name}: {known}"
        )
    return Files(symbol, epochs[epoch], epoch, mended=mended)


def mend_beside(source: str | PathLike[str]) -> tuple[str, ...]:
    """End what saves that died have left where a file or prefix lies, and where links lead."""
    text = str(source)
    ends = (text, text + SYMBOL_SUFFIX)
    folders = {os.path.realpath(os.path.dirname(os.path.realpath(end))) for end in ends}  # noqa: PTH120
    return tuple(told for folder in sorted(folders) for told in mend(Path(folder)))


def is_pointer(path: Path) -> bool:
    """Return whether a file is a Git LFS pointer, which stands for a file that is elsewhere."""
    try:
        with path.open("rb") as file:
            return file.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


_FORMS = (
    "name a model by PREFIX (of PREFIX-symbol.json), PREFIX:EPOCH, or the path of its symbol file"
)


def _no_file(path: Path, advice: str = _FORMS) -> str:
    """Say why a path names no file, and what was meant perhaps."""
    if path.exists():
        kind = "a folder" if path.is_dir() else "not a regular file"
        return f"{path}: it is {kind}; name a file, or copy what it holds into one"
    try:
        siblings = [
            other.name for other in path.parent.iterdir() if other.name.endswith(path.suffix)
        ]
    except OSError:
        return f"{path}: there is no such file, nor its folder"
    near = nearest(path.name, siblings)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    return f"{path}: there is no such file{hint}; {advice}"
