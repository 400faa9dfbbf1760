"""Prints the table of speeds when all benchmarks are through."""

from __future__ import annotations

from typing import Any

from speed import TABLE


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if TABLE.rows:
        terminalreporter.section("speed")
        terminalreporter.write_line(TABLE.markdown())
