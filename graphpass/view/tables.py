"""Tables for the terminal."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from graphpass.errors import one_line

__all__ = ["echo", "print_table", "size"]


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = ()
) -> None:
    """Print a table on standard output; numbers and the columns `right` are aligned to the right.

    A terminal gets lines folded to its width; a pipe or file gets every line whole.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = [list(row) for row in rows]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        numeric = bool(lines) and all(isinstance(line[number], int) for line in lines)
        justify: Literal["left", "right"] = "right" if numeric or column in right else "left"
        table.add_column(column, justify=justify, overflow="fold")
    for line in lines:
        table.add_row(*(Text(one_line(str(cell))) for cell in line))
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False)
    with console.capture() as printed:
        console.print(table)
    for row in printed.get().splitlines():
        print(row.rstrip())


def echo(text: str, *, err: bool = False) -> None:
    """Print lines of a report, which may hold names with control characters."""
    stream = sys.stderr if err else sys.stdout
    for line in text.split("\n"):
        print(one_line(line), file=stream)


def size(count: int) -> str:
    """Return a number of bytes in words: ``97.5 MB``.

    Examples
    --------
    >>> size(999), size(97_500_000)
    ('999 bytes', '97.5 MB')
    """
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")
