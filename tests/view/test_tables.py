"""Tables and texts for the terminal."""

from __future__ import annotations

import pytest

from graphpass.errors import one_line
from graphpass.view.tables import echo, print_table, size


def test_a_pipe_gets_whole_lines_without_blanks_at_their_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    long = "x" * 300
    print_table(("name", "count"), [(long, 7), ("y", 12)])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith(long) and line.endswith(" 7") for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_what_a_terminal_would_obey_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    assert one_line("a\x1b[31m\n\udcff") == "a\\x1b[31m\\n\\udcff"
    echo("one\ntwo\x07")
    assert capsys.readouterr().out == "one\ntwo\\x07\n"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (97_500_000, "97.5 MB"),
        (5e12, "5000.0 GB"),
    ],
)
def test_sizes(count: float, text: str) -> None:
    assert size(int(count)) == text
