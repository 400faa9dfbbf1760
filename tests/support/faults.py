"""Faults at the n-th file operation: an error, a signal, or the death of the process."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

OPERATIONS = (
    "open", "write", "fsync", "link", "replace", "rename", "unlink", "ftruncate", "close",
    "fchown", "chmod", "lseek", "stat", "fdopen", "read",
)  # fmt: skip
"""Functions of `os` that a save goes through, most of which are one call of the system."""


@contextmanager
def fault_at(number: int, fault: Callable[[], object]) -> Iterator[list[str]]:
    """Let `fault` happen at the operation of that number, from 0; yield what was called."""
    called: list[str] = []
    with pytest.MonkeyPatch.context() as patch:

        def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                called.append(name)
                if len(called) == number + 1:
                    fault()
                return real(*arguments, **named)

            return call

        for name in OPERATIONS:
            patch.setattr(os, name, watched(name, getattr(os, name)))
        yield called


def full_disk() -> None:
    """Fail as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def death() -> None:
    """End the process as ``kill -9`` does."""
    os._exit(128 + signal.SIGKILL)


def in_child(action: Callable[[], object]) -> int:
    """Run something in a forked process; return 0, 1 if it raised, or what it died of."""
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, hidden ones too."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
