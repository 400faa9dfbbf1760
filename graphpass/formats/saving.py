"""Files that take the places of others together: all of them or none, whenever the process ends.

A save of a set of files in one folder goes like this. ``H`` is a hash of the set's name:

1. ``.graphpass-H.save`` is made and locked. It is the lock and the record: its first line is the
   state, ``writing``, its second says which files the save is of and which of them are there.
2. The new files are written to ``.graphpass-H-N.part``, with the modes and owners of those they
   replace, and reach the disk. Each old file gets a second name, ``.graphpass-H-N.old``.
3. The identities of the new files are added to the record, and the state becomes ``replacing``.
4. The new files are renamed onto the targets.
5. The state becomes ``replaced``. From here on the save has happened; before, it has not.
6. The second names go, and then the record.

Whoever reads or writes a model in that folder next and finds a record that nobody holds the lock of
ends what it says (`mend`): in the state ``replacing``, files of the dead save go back to what they
were; then all its files but the targets go. So a command that did not end has changed nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import stat
import threading
import time
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from graphpass.errors import SaveError

try:
    import fcntl
except ImportError:  # not POSIX: nothing keeps two writers apart
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "WRITTEN",
    "atomic_write",
    "is_replacing",
    "mend",
    "refuse_existing",
    "write_text",
    "write_together",
]

WRITTEN: list[Path] = []
"""The files that were last saved, for what a process says when it is ended early."""

_REMEMBERED = 20

_WAIT = 60.0
"""Seconds for which another process's save is waited for."""

_PAUSE = 0.01

_DEAD = 3600.0
"""Seconds after which a record is taken for a dead one's on a disk that has no locks."""

_RECORD = re.compile(r"\.graphpass-[0-9a-f]{16}\.save")

_Identity = tuple[int, int, int]
"""Inode, size and time of the last change: what tells a file from one that was written since."""


@contextlib.contextmanager
def atomic_write(path: str | PathLike[str], *, overwrite: bool = False) -> Iterator[BinaryIO]:
    """Open a new file that takes its place when the block ends well; `write_together` of one.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp(), "model-0000.params")
    >>> with atomic_write(target) as file:
    ...     _ = file.write(b"whole")
    >>> target.read_bytes()
    b'whole'
    """
    with write_together(path, overwrite=overwrite) as (file,):
        yield file


def write_text(path: str | PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Write a text file, as `atomic_write`; bytes of names that are not UTF-8 stay as they are."""
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def write_together(
    *paths: str | PathLike[str], overwrite: bool = False
) -> Iterator[list[BinaryIO]]:
    """Open new files that take their places together when the block ends well.

    If the block raises, or the process is killed at any moment, or the power fails, the files are
    what they were before; what a killed process leaves is removed by `mend`. SIGINT, SIGTERM and
    SIGHUP wait while files change places. A file that was there keeps its mode and, where the
    system lets it, its owner and group; a symbolic link stays one, and what it points to is
    replaced. An old file may be memory-mapped at the same time, by arrays that are being written,
    say: the map keeps its bytes.

    Parameters
    ----------
    paths : path
        The files to write; their folders must exist. Saves that have the last one in common wait
        for each other, up to a minute.
    overwrite : bool
        Whether files that are there may be replaced.

    Yields
    ------
    list of BinaryIO
        Buffered files to write to, one for each path.

    Raises
    ------
    SaveError
        If a file can't be written or must not be replaced, another process does not finish its
        save, and for every `OSError` of the block.

    Notes
    -----
    The lock is an ``flock`` lock. On a disk that has none, a save waits as long as there is a
    record, and takes one for dead after an hour.
    """
    refuse_existing(*paths, overwrite=overwrite)
    targets = [Path(os.path.realpath(path)) for path in paths]
    save = _Save(targets[-1].with_name(f"{_hidden(targets[-1].name)}.save"))
    signals = _Signals()
    try:
        with signals:
            try:
                save.lock(targets[-1])
                refuse_existing(*paths, overwrite=overwrite)
                files = save.open(targets)
                with signals.let_through():
                    yield files
                    for file in files:
                        file.flush()
                        os.fsync(file.fileno())
                save.replace()
                save.done = True
                WRITTEN.extend(map(Path, paths))
                del WRITTEN[:-_REMEMBERED]
            finally:
                save.end()
    except SaveError:
        raise
    except OSError as error:
        if not save.done:  # else the next save or load removes what could not be removed
            raise _save_error(paths[-1], error) from error


def refuse_existing(*paths: str | PathLike[str], overwrite: bool) -> None:
    """Refuse to replace what is there, unless it is a file and `overwrite` says so.

    Raises
    ------
    SaveError
        If one of `paths` is not a regular file, is write-protected, or must not be replaced.
    """
    for path in map(Path, paths):
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as error:
            raise _save_error(path, error) from error
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise SaveError(f"{path}: can't be written: it is {kind}; choose another name")
        if not overwrite:
            raise SaveError(
                f"{path} is there already; choose another output, or allow it to be replaced with "
                "--overwrite (in Python overwrite=True)"
            )
        if not os.access(path, os.W_OK):
            raise SaveError(
                f"{path}: can't be written: it is write-protected; choose another name, or lift "
                "the protection"
            )


def mend(folder: Path) -> list[str]:
    """End what saves that died have left in a folder; wait for one that is replacing files.

    Parameters
    ----------
    folder : Path
        Where a model lies that is about to be read.

    Returns
    -------
    list of str
        A sentence for each save that was ended, with what became of it.

    Raises
    ------
    SaveError
        If files are of a save that died and can't be restored, or a live one does not finish.

    Notes
    -----
    One listing of the folder where there is nothing to do. What a dead save left, other than half
    of its files, stays where the folder can't be written to.
    """
    told = []
    for path in _records(folder):
        save = _Save(path)
        with _Signals():
            try:
                waited = 0.0
                while not save.take() and save.state() == "replacing":
                    waited = save.wait(waited)
            finally:
                save.end()
        told.append(save.told)
    return [text for text in told if text]


def is_replacing(folder: Path) -> bool:
    """Return whether a save is at its renames, so that what was read there may be of two models."""
    return any(_Save(path).state() == "replacing" for path in _records(folder))


def _records(folder: Path) -> list[Path]:
    try:
        names = os.listdir(folder)  # noqa: PTH208  no Path for each of a million files
    except (OSError, ValueError):
        return []
    return [folder / name for name in sorted(names) if _RECORD.fullmatch(name)]


class _Signals:
    """Holds back the signals that end a process, and lets them through when it is left."""

    def __enter__(self) -> None:
        self._held: list[int] = []
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) is not None:
                    self._handlers[number] = signal.signal(number, self._hold)

    def _hold(self, number: int, _: object) -> None:
        self._held.append(number)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        held, self._held = self._held, []
        for number in held:
            signal.raise_signal(number)

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()


class _Place:
    """Where one file of a set goes, and what was there."""

    def __init__(self, record: Path, target: Path, position: int) -> None:
        self.target = target
        # Elsewhere, where it may be another's as well, the name of the record is not enough.
        key = record.stem if target.parent == record.parent else _hidden(str(record))
        self.part = target.with_name(f"{key}-{position}.part")
        self.old = self.part.with_suffix(".old")

    def open(self) -> BinaryIO:
        """Open the new file."""
        for leftover in (self.part, self.old):
            leftover.unlink(missing_ok=True)
        return os.fdopen(_make(self.part, self.target), "w+b")

    def restore(self, was: _Identity | None, new: _Identity) -> bool:
        """Put the old file back; return False if the file has been written anew since."""
        current = _identity(self.target)
        if current == was:
            return True
        if current not in (None, new) or (was is not None and not self.old.exists()):
            return False
        if was is not None:
            self.old.replace(self.target)
        else:
            self.target.unlink()
        return True


class _Save:
    """A save of a set of files, by the path of its record. See the head of this file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._record: int | None = None
        self._files: list[BinaryIO] = []
        self.done = False
        self.told = ""
        """What became of a dead save that `end` has ended."""

    # -- the lock ----------------------------------------------------------------------------------

    def lock(self, target: Path) -> None:
        """Make the record and lock it; end what a dead save has left, and wait for a live one."""
        waited = 0.0
        while not self._hold(os.O_RDWR, like=target):
            other = _Save(self._path)
            try:
                if not other.take():
                    waited = self.wait(waited)
            finally:
                other.end()

    def take(self) -> bool:
        """Lock the record of a save, if that is dead."""
        return self._hold(os.O_RDWR) or self._hold(os.O_RDONLY)

    def wait(self, waited: float) -> float:
        """Wait a little for another process, and return for how long by now."""
        if waited > _WAIT:
            raise SaveError(
                f"{self._path.parent}: another process has been saving the same model there for "
                f"{_WAIT:.0f} s (its record is {self._path.name}); wait for it, or end it"
            )
        time.sleep(_PAUSE)
        return waited + _PAUSE

    def state(self) -> str:
        """Return the state of another's save, empty if there is none."""
        with contextlib.suppress(OSError, ValueError):
            if self._path.is_file():
                return self._path.read_text("ascii").split("\n")[0].strip()
        return ""

    def _hold(self, mode: int, like: Path | None = None) -> bool:
        """Open the record and lock it; return False if it is another's, or can't be opened."""
        try:
            if like is not None:
                record = _make(self._path, like)
            else:
                extra = ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK")
                flags = sum(getattr(os, flag, 0) for flag in extra)
                record = os.open(self._path, mode | flags)
        except FileExistsError:
            return False
        except OSError:
            if like is not None:
                raise
            return False
        with contextlib.suppress(OSError):
            status = os.fstat(record)
            if (
                stat.S_ISREG(status.st_mode)
                and (_flock(record) or like or time.time() - status.st_mtime > _DEAD)
                and os.path.samestat(status, self._path.lstat())
            ):
                self._record = record
                return True
        os.close(record)  # it is another's, or has been removed meanwhile
        return False

    # -- the record --------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        assert self._record is not None
        os.lseek(self._record, 0, os.SEEK_END)
        os.write(self._record, text.encode())

    def _reach(self, state: str) -> None:
        """Change the state, behind all that was done before, through a power cut too.

        Its words take the same room, so that a full disk has it.
        """
        assert self._record is not None
        os.fsync(self._record)
        for folder in {self._path.parent, *(place.target.parent for place, _ in self._read()[1])}:
            # File systems that can't do it refuse to.
            with contextlib.suppress(OSError):
                number = os.open(folder, os.O_RDONLY)
                try:
                    os.fsync(number)
                finally:
                    os.close(number)
        os.lseek(self._record, 0, os.SEEK_SET)
        os.write(self._record, f"{state:9}".encode())

    def _read(self) -> tuple[str, list[tuple[_Place, _Identity | None]], list[_Identity]]:
        """Return state, places with what is there, and the new files; nothing of half a record."""
        assert self._record is not None
        os.lseek(self._record, 0, os.SEEK_SET)
        with contextlib.suppress(ValueError, TypeError, OverflowError, RecursionError):
            state, files, identities, *_ = os.read(self._record, 2**20).decode().split("\n")
            places = [
                (_Place(self._path, self._path.parent / name, position), was and _numbers(was))
                for position, (name, was) in enumerate(json.loads(files))
            ]
            new = [_numbers(each) for each in json.loads(identities or "[]")]
            if "\\u0000" not in files and (state != "replacing" or len(new) == len(places)):
                return state.strip(), places, new
        return "", [], []

    # -- the steps ---------------------------------------------------------------------------------

    def open(self, targets: Sequence[Path]) -> list[BinaryIO]:
        """Write down what the save is of, before there is any of it, and open the new files."""
        folder = self._path.parent
        files = [
            (
                str(target.relative_to(folder) if target.parent == folder else target),
                _identity(target),
            )
            for target in targets
        ]
        self._say(f"{'writing':9}\n{json.dumps(files)}\n")
        for place, _ in self._read()[1]:
            self._files.append(place.open())
        return self._files

    def replace(self) -> None:
        """Let the new files, which have reached the disk, take their places."""
        assert self._record is not None
        _, places, _ = self._read()
        self._say(json.dumps([_identity(place.part) for place, _ in places]) + "\n")
        moved: list[_Place] = []
        for place, was in places:
            if was is not None:
                try:
                    os.link(place.target, place.old)
                except OSError:  # a disk without second names: the old file is away for a moment
                    moved.append(place)
        self._reach("replacing")
        os.fsync(self._record)
        for place in moved:
            place.target.replace(place.old)
        for place, was in places:
            if was is None:
                refuse_existing(place.target, overwrite=False)
            place.part.replace(place.target)
        self._reach("replaced")
        with contextlib.suppress(OSError):  # it has happened
            os.fsync(self._record)

    def end(self) -> None:
        """Undo what is not done, remove all but the targets, and give the lock back."""
        if self._record is None:
            return
        try:
            for file in self._files:
                with contextlib.suppress(OSError):
                    file.close()
            state, places, new = self._read()
            what = f"{places[-1][0].target}: a save of it had been interrupted" if places else ""
            kept: list[str] = []
            if state == "replacing":
                for (place, was), identity in zip(places, new, strict=True):
                    try:
                        if not place.restore(was, identity):
                            kept.append(place.target.name)
                    except (OSError, ValueError) as error:
                        raise SaveError(
                            f"{what}, and can't be undone: {_reason(error)}; run the command as "
                            f"a user who can write to {self._path.parent}"
                        ) from error
            if state == "replaced":
                what += "; it had been done, and is kept"
            elif what:
                what += "; it was undone, so that all is as it was before it"
            if kept:
                what += f"; but {', '.join(kept)} had been written anew, and was left alone"
            self.told = what
            leftovers = [path for place, _ in places for path in (place.part, place.old)]
            with contextlib.suppress(OSError):  # the record last: it leads to the others
                for path in (*leftovers, self._path):
                    path.unlink(missing_ok=True)
        finally:
            os.close(self._record)
            self._record = None


def _make(path: Path, like: Path) -> int:
    """Make a file with the mode and owner of another, if there is that, before it holds a byte."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        old = like.stat()
    except FileNotFoundError:
        return os.open(path, flags, 0o666)
    mode = stat.S_IMODE(old.st_mode)
    made = os.open(path, flags, mode & 0o700)
    if hasattr(os, "fchown"):
        try:
            os.fchown(made, -1, old.st_gid)
        except OSError:
            mode &= ~0o070  # what one group may do, another may not
        with contextlib.suppress(OSError):
            os.fchown(made, old.st_uid, -1)
    path.chmod(mode)
    return made


def _flock(record: int) -> bool:
    """Return whether a lock was taken; False if another has it, or on a disk without locks."""
    try:
        fcntl.flock(record, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, AttributeError):
        return False
    return True


def _numbers(identity: Any) -> _Identity:
    inode, size, time_ns = map(int, identity)
    return inode, size, time_ns


def _hidden(name: str) -> str:
    return f".graphpass-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def _identity(path: Path) -> _Identity | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _save_error(path: str | PathLike[str], error: OSError | ValueError) -> SaveError:
    return SaveError(
        f"{os.fspath(path)}: can't be written: {_reason(error)}; check that its folder exists, can "
        "be written to and has room"
    )


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
