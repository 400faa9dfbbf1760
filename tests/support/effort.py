"""How much work something takes, counted rather than timed: the same on a busy machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["at_most"]


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Fail as soon as a block has called more functions than it should, builtin ones too.

    So what never ends does end, but for a loop that calls nothing.
    """
    made = 0

    def count(frame: object, event: str, argument: Any) -> None:
        nonlocal made
        made += event in ("call", "c_call")
        if made > calls:
            raise AssertionError(f"more than {calls:,} calls of functions")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
    assert made <= calls, f"{made:,} calls of functions, at most {calls:,} are right"
