"""Fixtures of the operator tests: MXNet behind a child process that may crash."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import pytest

from graphpass.ops.dump.prober import Prober, prober


@pytest.fixture(scope="session")
def asking(mx: ModuleType) -> Iterator[Prober]:
    """A prober; skipped where MXNet is not installed."""
    with prober() as child:
        yield child
