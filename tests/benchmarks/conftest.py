"""Prints the table of speeds when all benchmarks are through.

``GRAPHPASS_SPEED_PAGE=docs/speed.md`` puts it into that page, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from speed import TABLE

START, END = "<!-- table -->\n", "<!-- end of the table -->"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not TABLE.rows:
        return
    terminalreporter.section("speed")
    terminalreporter.write_line(TABLE.markdown())
    if page := os.environ.get("GRAPHPASS_SPEED_PAGE"):
        before, rest = Path(page).read_text().split(START)
        after = rest.split(END)[1]
        Path(page).write_text(f"{before}{START}\n{TABLE.markdown()}\n\n{END}{after}")
