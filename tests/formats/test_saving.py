"""A file is replaced whole or stays as it was, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from graphpass.errors import SaveError, UsageError
from graphpass.formats.saving import atomic_write

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
