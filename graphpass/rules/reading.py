"""Which files the rules of a pass may read, and how: pass files may be anybody's."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path

from graphpass.errors import UsageError, listed

__all__ = ["Reading", "check_regular"]


@dataclass(frozen=True, slots=True)
class Reading:
    """Where paths in a pass start, and below which folders they have to lead.

    Rules that the caller wrote, in Python or as text on the command line, may name any file. A
    pass file, and whatever it uses, may name files below its own folder, below that of the model,
    and below those that the caller allows; symbolic links are followed before that is decided.

    Examples
    --------
    >>> Reading(Path("passes")).path("../other.yaml")
    PosixPath('passes/../other.yaml')
    >>> Reading().of_pass(Path("passes"), is_file=True).path("../other.yaml")
    Traceback (most recent call last):
    graphpass.errors.UsageError: passes/../other.yaml: a pass file may read only what is ...
    """

    folder: Path = field(default_factory=Path)
    """Where relative paths start."""

    allowed: tuple[Path, ...] = ()
    """Further folders that a pass file may read: the model's, and those that the caller names."""

    below: tuple[Path, ...] | None = None
    """The folders below which files may be read, resolved; None: anywhere."""

    @classmethod
    def allowing(cls, folders: Iterable[str | PathLike[str]]) -> Reading:
        """Return what rules of the caller may read: any file; and their pass files these folders.

        Raises
        ------
        UsageError
            If one is no folder.
        """
        allowed = tuple(Path(fspath(folder)) for folder in folders)
        for folder in allowed:
            if not folder.is_dir():
                raise UsageError(f"{folder}: there is no such folder, whose files a pass may read")
        return cls(allowed=allowed)

    def of_pass(self, folder: Path, *, is_file: bool) -> Reading:
        """Return what the rules of a pass may read that is run by what reads as this says.

        Parameters
        ----------
        folder : Path
            Where relative paths in the pass start.
        is_file : bool
            Whether the pass is from a file.
        """
        if self.below is not None or not is_file:
            return replace(self, folder=folder)
        below = tuple(dict.fromkeys([each.resolve() for each in (folder, *self.allowed)]))
        return replace(self, folder=folder, below=below)

    def path(self, name: str | PathLike[str]) -> Path:
        """Return the path that a rule names.

        Raises
        ------
        UsageError
            If it leads out of the folders that may be read. Nothing was read then.
        """
        path = self.folder / fspath(name)
        self.check(path)
        return path

    def check(self, *paths: Path | None) -> None:
        """Refuse paths that lead out of the folders that may be read.

        Raises
        ------
        UsageError
            Naming the folders, and what would allow it.
        """
        for path in paths if self.below is not None else ():
            if path is None:
                continue
            try:
                real = path.resolve()
            except (OSError, RuntimeError, ValueError) as error:
                raise UsageError(f"{path}: this is no path: {error}") from None
            assert self.below is not None
            if not any(map(real.is_relative_to, self.below)):
                folders = listed(map(str, self.below))
                raise UsageError(
                    f"{path}: a pass file may read only what is below {folders}, the folders of "
                    "the pass and of the model; if this file may be read, allow its folder: "
                    f"--allow-path {real.parent}"
                )


def check_regular(path: Path, max_bytes: int | None = None) -> None:
    """Refuse a file that can't be read to an end, such as a pipe or a device, or is too large.

    Parameters
    ----------
    path : Path
        The file that is about to be read.
    max_bytes : int, optional
        How large it may be.

    Raises
    ------
    OSError
        If there is no such file, or it is refused; `OSError.strerror` says why.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    if max_bytes is not None and found.st_size > max_bytes:
        raise OSError(
            errno.EFBIG, f"it has {found.st_size} bytes, and no more than {max_bytes} are read"
        )
