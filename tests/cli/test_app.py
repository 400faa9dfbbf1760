"""What every verb shares: the version, and errors that stay readable."""

from __future__ import annotations

from typing import Any

import pytest

import graphpass


def test_the_version(cli: Any) -> None:
    assert cli("--version").out == f"graphpass {graphpass.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("show", "x" * 5000),
        ("apply", f"{{remove: {'x' * 5000}}}", "age", "--dry-run"),
        ("apply", f"{{remove: '{'x y ' * 5000}'}}", "age", "--dry-run"),
        ("apply", "{prefix: a_}", "age", "--dry-run", "--set", "x" * 5000),
        ("convert", "age", "--to", "x" * 5000, "-o", "out"),
    ],
)
def test_long_values_are_not_printed_whole(cli: Any, folder: Any, words: tuple[str, ...]) -> None:
    done = cli(*words)
    assert done.code == 2
    assert "…" in done.err
    assert len(done.err) < 500
