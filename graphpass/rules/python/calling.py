"""Calls of functions that users wrote: where they stand, and their exceptions in words."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from graphpass.errors import GraphpassError, OperationError, TextError, prefixed
from graphpass.rules.expressions import UnknownError
from graphpass.rules.expressions.arithmetic import shortened
from graphpass.rules.rewriting.refusal import Refusal

__all__ = ["call", "code_of", "file_of", "line_in", "place_of"]

_LONGEST = 300


def code_of(function: Callable[..., Any]) -> CodeType | None:
    """Return the code of a function, or None if it is another callable."""
    found = getattr(inspect.unwrap(function), "__code__", None)
    return found if isinstance(found, CodeType) else None


def file_of(code: CodeType) -> str:
    """Return how messages call the file of a function."""
    name = code.co_filename
    return name if name.startswith("<") else Path(name).name


def place_of(function: Callable[..., Any]) -> str:
    """Return ``fuse.py:12``, where a function begins; empty where no text is known."""
    code = code_of(function)
    return "" if code is None else f"{file_of(code)}:{code.co_firstlineno}"


def line_in(code: CodeType | None) -> int | None:
    """Return the line that a function is at, if it is running."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code is not code:
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return frame.f_lineno


def call(function: Callable[..., Any], what: str, *arguments: object) -> Any:
    """Call a function of a rewrite.

    Parameters
    ----------
    function : callable
        The user's.
    what : str
        What messages call it: ``the replacement fold``.
    *arguments
        What it gets.

    Raises
    ------
    Refusal, UnknownError, TextError
        As the function does; a `TextError` says its place itself.
    GraphpassError
        As the function does, with its place.
    OperationError
        If it raises anything else; the cause is chained.
    """
    try:
        return function(*arguments)
    except (Refusal, UnknownError, TextError):
        raise
    except GraphpassError as error:
        place = _raised_at(function, error.__traceback__)
        raise prefixed(error, f"{what}{place}") from error
    except Exception as error:
        place = _raised_at(function, error.__traceback__)
        said = shortened(" ".join(str(error).split()), _LONGEST)
        raise OperationError(
            f"{what}{place} raises {type(error).__name__}{f': {said}' if said else ''}"
        ) from error


def _raised_at(function: Callable[..., Any], traceback: TracebackType | None) -> str:
    """Return `` (fuse.py:12)``: the innermost line of the function's file that was running."""
    code = code_of(function)
    line = None if code is None else code.co_firstlineno
    while traceback is not None:
        if code is not None and traceback.tb_frame.f_code.co_filename == code.co_filename:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return "" if code is None else f" ({file_of(code)}:{line})"
