"""The files of a model: which a name stands for, and how one is written, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from graphpass.errors import SaveError, UsageError, nearest

__all__ = ["Files", "atomic_write", "find_files", "make_folder", "target_files"]


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


@contextlib.contextmanager
def atomic_write(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of `path` when the block ends well.

    The bytes go to a temporary file in the same folder, reach the disk, and are then renamed onto
    `path`. If the block raises, the temporary file is removed and `path` is as it was. A file that
    was there keeps its permissions; a symbolic link stays one, and what it points to is replaced.

    `path` may be memory-mapped at the same time, by arrays that are being written, say: the map
    keeps the bytes of the old file.

    Parameters
    ----------
    path
        The file to write. Its folder must exist.

    Yields
    ------
    BinaryIO
        A buffered file to write to.

    Raises
    ------
    SaveError
        If the file can't be written, and for every `OSError` of the block.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp(), "model-0000.params")
    >>> with atomic_write(target) as file:
    ...     _ = file.write(b"whole")
    >>> target.read_bytes()
    b'whole'
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _replaceable_mode(target)
        temporary = target.with_name(f".graphpass-{os.urandom(8).hex()}.part")
        file = temporary.open("xb")
    except SaveError:
        raise
    except (OSError, ValueError) as error:
        raise _save_error(path, error) from error
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and not isinstance(error, SaveError):
            raise _save_error(path, error) from error
        raise
    # Makes the rename last through a power cut; file systems that can't do it refuse to.
    with contextlib.suppress(OSError):
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _replaceable_mode(target: Path) -> int | None:
    """Return the permissions of the file to replace, None if there is none."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise SaveError(f"{target}: can't be written: it is {kind}; choose another name")
    if not os.access(target, os.W_OK):
        raise SaveError(
            f"{target}: can't be written: it is write-protected; choose another name, or lift "
            "the protection"
        )
    return stat.S_IMODE(mode)


def _save_error(path: str | PathLike[str], error: OSError | ValueError) -> SaveError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return SaveError(
        f"{os.fspath(path)}: can't be written: {reason}; check that its folder exists, can be "
        "written to and has room"
    )


# -- names of files --------------------------------------------------------------------------------

SYMBOL_SUFFIX = "-symbol.json"
_PARAMS = re.compile(r"(?P<prefix>.*)-(?P<epoch>[0-9]{4,9})\.params", re.DOTALL)
_EPOCH = re.compile(r"(?P<prefix>.*):(?P<epoch>[0-9]{1,9})", re.DOTALL)
_MAX_EPOCH = 10**9 - 1


@dataclass(frozen=True, slots=True)
class Files:
    """The files that a model was loaded from."""

    symbol: Path | None = None
    """The symbol JSON."""

    params: Path | None = None
    """The parameters, None where there are none."""

    epoch: int | None = None
    """The epoch in the parameters' file name."""


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
    symbol: Path | None = None
    by_params = _PARAMS.fullmatch(text)
    if by_params and Path(text).is_file():
        text, epoch = by_params["prefix"], int(by_params["epoch"])
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
    symbol = symbol or Path(text + SYMBOL_SUFFIX)
    if not symbol.is_file():
        raise UsageError(_no_file(symbol))
    if params is not None:
        if not Path(params).is_file():
            raise UsageError(_no_file(Path(params), "name a .params file"))
        return Files(symbol, Path(params), epoch)
    epochs: dict[int, Path] = {}  # the parameters of the prefix
    with contextlib.suppress(OSError):
        for path in sorted(Path(text).parent.iterdir()):
            match = _PARAMS.fullmatch(path.name)
            if match and match["prefix"] == Path(text).name:
                epochs[int(match["epoch"])] = path
    if epoch is None:
        epoch = max(epochs, default=None)
        return Files(symbol, epochs[epoch] if epoch is not None else None, epoch)
    if epoch not in epochs:
        known = ", ".join(map(str, sorted(epochs))) or "none"
        raise UsageError(
            f"{text}-{epoch:04d}.params: there is no such file; "
            f"epochs beside {symbol.name}: {known}"
        )
    return Files(symbol, epochs[epoch], epoch)


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
