"""What a test found wrong."""

from __future__ import annotations

from graphpass.errors import TextError

__all__ = ["Failure"]


class Failure(Exception):  # noqa: N818 - no error: an answer
    """What a test found wrong, and in which of its texts.

    Attributes
    ----------
    where : tuple of str
        The way to the text from the test.
    line, column : int or None
        The place in that text, from 1.
    """

    def __init__(self, message: str, *where: str, error: TextError | None = None) -> None:
        super().__init__(message)
        self.where = where
        self.line = None if error is None else error.line
        self.column = None if error is None else error.column
