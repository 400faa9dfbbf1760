"""Files that are either written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from graphpass.errors import SaveError

__all__ = ["atomic_write", "make_folder"]


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
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
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
    _sync_folder(target.parent)


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


def _sync_folder(folder: Path) -> None:
    # Makes the rename last through a power cut; file systems that can't do it refuse to.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _save_error(path: str | os.PathLike[str], error: OSError | ValueError) -> SaveError:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return SaveError(
        f"{os.fspath(path)}: can't be written: {reason}; check that its folder exists, can be "
        "written to and has room"
    )
