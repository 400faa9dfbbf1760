"""A file is replaced whole or stays as it was, and nothing is left behind."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from faults import contents, death, fault_at, full_disk, in_child

from graphpass.errors import SaveError, UsageError
from graphpass.formats import saving
from graphpass.formats.saving import WRITTEN, atomic_write, mend, write_together

POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "model-0000.params"
    path.write_bytes(b"old")
    return path


@pytest.mark.parametrize("convert", [str, Path])
def test_a_new_file_is_written(tmp_path: Path, convert: type) -> None:
    path = tmp_path / "new.params"
    with atomic_write(convert(path)) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced_at_the_end(old: Path) -> None:
    with atomic_write(old, overwrite=True) as file:
        file.write(b"new")
        file.flush()
        assert old.read_bytes() == b"old"
    assert old.read_bytes() == b"new"
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize("error", [UsageError("no"), KeyboardInterrupt(), RuntimeError("no")])
def test_a_failure_leaves_everything_as_it_was(old: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, atomic_write(old, overwrite=True) as file:
        file.write(b"half")
        raise error
    assert caught.value is error
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_a_full_disk_is_a_save_error(old: Path) -> None:
    with (
        pytest.raises(SaveError, match="can't be written: No space left"),
        atomic_write(old, overwrite=True),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert old.read_bytes() == b"old"
    assert list(old.parent.iterdir()) == [old]


def test_a_save_error_of_the_block_keeps_its_words(old: Path) -> None:
    error = SaveError("in its own words")
    with pytest.raises(SaveError) as caught, atomic_write(old, overwrite=True):
        raise error
    assert caught.value is error
    assert caught.value.__cause__ is None


def test_a_missing_folder(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "model.params"
    with (
        pytest.raises(SaveError, match=r"model\.params: can't be written: No such"),
        atomic_write(path),
    ):
        pytest.fail("the block ran")


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="it is a folder"), atomic_write(tmp_path):
        pytest.fail("the block ran")


@pytest.mark.skipif(not Path(os.devnull).is_char_device(), reason="no such device")
def test_a_device_is_not_replaced() -> None:
    with pytest.raises(SaveError, match="not a regular file"), atomic_write(os.devnull):
        pytest.fail("the block ran")
    assert Path(os.devnull).is_char_device()


def test_a_path_that_no_system_has() -> None:
    with pytest.raises(SaveError, match="can't be written"), atomic_write("a\0b"):
        pytest.fail("the block ran")


def test_bytes_are_on_the_disk_before_the_name_is(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(old.read_bytes()))
    with atomic_write(old, overwrite=True) as file:
        file.write(b"new")
    assert synced[0] == b"old"


@POSIX
def test_permissions_are_kept_and_new_files_follow_the_umask(old: Path) -> None:
    old.chmod(0o604)
    new = old.with_name("new")
    before = os.umask(0o027)
    try:
        for path in (old, new):
            with atomic_write(path, overwrite=True) as file:
                file.write(b"x")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (old, new)] == [0o604, 0o640]


@POSIX
def test_a_protected_file_stays(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda path, mode: path != old or mode != os.W_OK)
    with pytest.raises(SaveError, match="write-protected"), atomic_write(old, overwrite=True):
        pytest.fail("the block ran")
    assert old.read_bytes() == b"old"


@POSIX
def test_a_link_stays_a_link(old: Path) -> None:
    folder = old.parent / "links"
    folder.mkdir()
    link = folder / "link.params"
    link.symlink_to(old)
    with atomic_write(link, overwrite=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert old.read_bytes() == b"new"


@POSIX
def test_links_in_a_circle(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.symlink_to(second)
    second.symlink_to(first)
    with pytest.raises(SaveError, match="can't be written"), atomic_write(first):
        pytest.fail("the block ran")


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    with atomic_write(path, overwrite=True) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


# -- sets of files, whatever happens ---------------------------------------------------------------

OLD = {"m-0000.params": b"old values", "m-symbol.json": b"old symbol"}
NEW = {"m-0000.params": b"new values", "m-symbol.json": b"new symbol"}


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


BEFORE = {"fresh": {}, "over a pair": OLD, "over a symbol alone": {"m-symbol.json": b"old symbol"}}


def start(folder: Path, before: dict[str, bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in before.items():
        (folder / name).write_bytes(data)


def save(folder: Path, new: dict[str, bytes] = NEW) -> None:
    with write_together(*(folder / name for name in new), overwrite=True) as files:
        for file, data in zip(files, new.values(), strict=True):
            file.write(data)


def operations(folder: Path, before: dict[str, bytes]) -> list[str]:
    start(folder, before)
    with fault_at(-1, death) as called:
        save(folder)
    assert contents(folder) == NEW
    return called


def dies(folder: Path, number: int, action: Callable[[Path], object]) -> int:
    def run() -> None:
        with fault_at(number, death):
            action(folder)

    return in_child(run)


@pytest.mark.usefixtures("quick")
@POSIX
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("links", [True, False], ids=["", "on a disk without hard links"])
def test_death_at_every_operation_leaves_the_old_files_or_the_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: dict[str, bytes], links: bool
) -> None:
    folder = tmp_path / "models"
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    seen = []
    for number in range(len(operations(folder, before))):
        start(folder, before)
        assert dies(folder, number, save) == 128 + signal.SIGKILL
        told = mend(folder)
        after = contents(folder)
        assert after in (before, NEW), number
        assert not told or (after == before) == ("undone" in told[0])
        seen.append(after == NEW)
        assert mend(folder) == []
    assert seen == sorted(seen)  # from one operation on, the save has happened
    assert {*seen} == {False, True}


def no_links(*_: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.usefixtures("quick")
@POSIX
def test_death_while_mending_changes_nothing_about_the_outcome(tmp_path: Path) -> None:
    folder, ended = tmp_path / "models", tmp_path / "ended"
    count = len(operations(folder, OLD))
    for number in range(0, count):
        start(folder, OLD)
        dies(folder, number, save)
        shutil.rmtree(ended, ignore_errors=True)
        shutil.copytree(folder, ended, copy_function=os.link)
        mend(folder)
        outcome = contents(folder)
        for second in itertools.count(number % 5, 5):
            shutil.rmtree(folder)
            shutil.copytree(ended, folder, copy_function=os.link)
            if dies(folder, second, mend) == 0:
                break
            mend(folder)
            assert contents(folder) == outcome, (number, second)


@pytest.mark.usefixtures("quick")
@POSIX
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("kind", ["full disk", "SIGINT", "SIGTERM", "SIGHUP"])
def test_an_error_or_a_signal_at_every_operation_leaves_nothing_behind(
    tmp_path: Path, kind: str, before: dict[str, bytes]
) -> None:
    folder = tmp_path / "models"

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def fault() -> None:
        signal.raise_signal(getattr(signal, kind)) if kind != "full disk" else full_disk()

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP")]
    handlers = [signal.signal(number, stop) for number in numbers]
    try:
        for number in range(len(operations(folder, before))):
            start(folder, before)
            WRITTEN.clear()
            stopped = False
            try:
                with fault_at(number, fault):
                    save(folder)
            except (SaveError, KeyboardInterrupt):
                stopped = True
            assert stopped or kind == "full disk"
            happened = bool(WRITTEN)
            assert not (happened and kind == "full disk" and stopped)
            left = contents(folder)
            mend(folder)
            assert contents(folder) == (NEW if happened else before), (number, stopped)
            if kind != "full disk":  # a disk that fails may refuse the removal as well
                assert left == (NEW if happened else before)
    finally:
        for each, handler in zip(numbers, handlers, strict=True):
            signal.signal(each, handler)


@pytest.mark.usefixtures("quick")
@POSIX
def test_what_another_program_has_written_since_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    renamed = operations(folder, OLD).index("replace")
    start(folder, OLD)
    dies(folder, renamed + 1, save)
    (folder / "m-symbol.json").write_bytes(b"by hand")
    (told,) = mend(folder)
    assert "m-symbol.json had been written anew" in told
    assert contents(folder) == {"m-0000.params": b"old values", "m-symbol.json": b"by hand"}


@POSIX
def test_a_live_save_is_left_alone_by_readers_and_waited_for_by_writers(tmp_path: Path) -> None:
    start(tmp_path / "models", OLD)
    folder = tmp_path / "models"
    read, write = os.pipe()

    def slowly() -> None:
        with write_together(*(folder / name for name in NEW), overwrite=True) as files:
            os.write(write, b"x")
            time.sleep(0.3)
            for file, data in zip(files, NEW.values(), strict=True):
                file.write(data)

    child = os.fork()
    if child == 0:
        slowly()
        os._exit(0)
    os.read(read, 1)
    assert mend(folder) == []
    assert len(contents(folder)) == 5
    save(folder, {"m-0001.params": b"later values", "m-symbol.json": b"later symbol"})
    os.waitpid(child, 0)
    assert contents(folder) == {
        "m-0000.params": b"new values",
        "m-0001.params": b"later values",
        "m-symbol.json": b"later symbol",
    }


@POSIX
def test_a_save_that_does_not_end_is_not_waited_for_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_WAIT", 0.05)
    with (
        atomic_write(tmp_path / "m"),
        pytest.raises(SaveError, match="another process has been saving"),
        atomic_write(tmp_path / "m"),
    ):
        pytest.fail("the block ran")


@POSIX
@pytest.mark.parametrize("old", [False, True])
def test_a_disk_without_locks_has_the_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    monkeypatch.setattr(saving.fcntl, "flock", no_links)
    monkeypatch.setattr(saving, "_WAIT", 0.05)
    folder = tmp_path / "models"
    start(folder, OLD)
    dies(folder, 20, save)
    (record,) = folder.glob(".graphpass-*.save")
    if old:
        os.utime(record, (0, 0))
        save(folder)
        assert contents(folder) == NEW
    else:
        with pytest.raises(SaveError, match="another process"):
            save(folder)


HOSTILE = {
    "nothing": b"",
    "bytes": bytes(range(256)),
    "another folder": b'replacing\n[["../secret", null], ["/etc/hostname", [1, 2, 3]]]\n'
    b"[[1, 2, 3], [1, 2, 3]]\n",
    "too few": b'replacing\n[["m-symbol.json", null]]\n[]\n',
    "huge numbers": b'replacing\n[["m-symbol.json", null]]\n[[' + b"9" * 5000 + b", 1e999, 3]]\n",
    "a zero byte": b'replacing\n[["m\\u0000", null]]\n[[1, 2, 3]]\n',
    "deep": b"replacing\n" + b"[" * 100_000 + b"\n",
}


@POSIX
@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_record_that_nobody_wrote_is_removed(tmp_path: Path, data: bytes) -> None:
    folder = tmp_path / "models"
    start(folder, OLD)
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / f".graphpass-{'0' * 16}.save").write_bytes(data)
    with contextlib.suppress(SaveError):
        mend(folder)
    kept = {name: each for name, each in contents(folder).items() if name[0] != "."}
    assert kept == OLD
    assert (tmp_path / "secret").read_bytes() == b"secret"


@POSIX
def test_a_pipe_in_place_of_a_record_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f".graphpass-{'0' * 16}.save")
    assert mend(tmp_path) == []


@pytest.mark.usefixtures("quick")
@POSIX
def test_linked_files_in_two_folders_are_one_set(tmp_path: Path) -> None:
    big, folder = tmp_path / "big", tmp_path / "models"
    operations(folder, OLD)
    for number in range(100):
        start(big, {"w": b"old values"})
        start(folder, {"m-symbol.json": b"old symbol"})
        (folder / "m-0000.params").symlink_to(big / "w")
        code = dies(folder, number, save)
        mend(folder)
        assert contents(folder) in (OLD, NEW)
        assert (folder / "m-0000.params").is_symlink()
        assert list(contents(big)) == ["w"]
        if code == 0:
            return
    pytest.fail("it never ended")


@POSIX
def test_new_files_have_mode_and_owner_of_the_old_from_the_start(old: Path) -> None:
    old.chmod(0o600)
    with atomic_write(old, overwrite=True) as file:
        file.write(b"secret")
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in old.parent.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}


@POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="needs root")
def test_root_keeps_the_owner(old: Path) -> None:
    os.chown(old, 1234, 2345)
    with atomic_write(old, overwrite=True):
        pass
    assert (old.stat().st_uid, old.stat().st_gid) == (1234, 2345)


def test_what_exists_is_not_replaced(old: Path) -> None:
    with pytest.raises(SaveError, match=r"is there already.*--overwrite"), atomic_write(old):
        pytest.fail("the block ran")
    with pytest.raises(SaveError, match="is there already"), atomic_write(old / ".." / "late") as f:
        f.write(b"graphpass")
        (old.parent / "late").write_bytes(b"another")
    assert contents(old.parent) == {old.name: b"old", "late": b"another"}
