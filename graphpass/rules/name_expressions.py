"""Regular expressions of pass files, which may be anybody's, under a time limit."""

from __future__ import annotations

import fnmatch
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from graphpass.errors import SelectorError

__all__ = ["Expression"]

BUDGET = 5.0
"""Seconds that one expression may spend on all names together."""


class _TooLongError(Exception):
    pass


class Expression:
    """A compiled ``glob:`` or ``regex:``, matched against whole names.

    Python's `re` backtracks, and a pattern such as ``(a+)+b`` takes for ever on a name of forty
    letters. An alarm ends that, which needs the main thread of a Unix process; elsewhere an
    expression runs without a limit.
    """

    __slots__ = ("_left", "_pattern", "_text")

    def __init__(self, form: str, text: str) -> None:
        self._text = f"{form}:{text}"
        self._left = BUDGET
        try:
            self._pattern = re.compile(fnmatch.translate(text) if form == "glob" else text)
        except (re.error, OverflowError, RecursionError) as error:
            raise SelectorError(f"{self._text} is no regular expression: {error}") from None

    def fullmatch(self, name: str) -> re.Match[str] | None:
        """Match a whole name.

        Raises
        ------
        SelectorError
            If the expression has used up its time.
        """
        started = time.monotonic()
        try:
            with _alarm_after(self._left):
                return self._pattern.fullmatch(name)
        except _TooLongError:
            raise SelectorError(
                f"{self._text} takes for ever on names of the graph; write it without repetitions "
                "inside repetitions"
            ) from None
        finally:
            self._left = max(self._left - (time.monotonic() - started), 0.001)


@contextmanager
def _alarm_after(seconds: float) -> Iterator[None]:
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
        or signal.getitimer(signal.ITIMER_REAL)[0]  # somebody else's alarm is running
    ):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
