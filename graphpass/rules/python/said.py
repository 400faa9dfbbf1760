"""What a pattern function has said so far."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphpass.errors import TextError
from graphpass.rules.pass_files.places import Mark
from graphpass.rules.python.calling import code_of, file_of, line_in
from graphpass.rules.python.handles import Handle, NodeHandle

__all__ = ["Said"]


class Said:
    """Takes down what one run of a pattern function says.

    Parameters
    ----------
    function : callable
        The function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._code = code_of(function)
        self.name = getattr(function, "__name__", "pattern")
        """What messages call the pattern."""
        self.nodes: list[NodeHandle] = []
        """Operators, each after what it reads."""
        self.shared: list[NodeHandle] = []
        self.distinct: list[tuple[tuple[Handle, ...], Mark | None]] = []

    def mark(self) -> Mark | None:
        """Return the line of the function that is running."""
        line = line_in(self._code)
        return None if line is None else Mark(line, 1)

    def error(self, mark: Mark | None, reason: str) -> TextError:
        """Make the error about a line of the function."""
        place = "" if mark is None or self._code is None else f"{file_of(self._code)}:{mark.line}: "
        line = None if mark is None else mark.line
        return TextError(f"{place}{self.name}: {reason}", reason=reason, line=line)

    def add(self, node: NodeHandle) -> NodeHandle:
        """Take down an operator."""
        self.nodes.append(node)
        return node

    def operand(self, value: object) -> Handle:
        """Return what an operator is to read.

        Raises
        ------
        TextError
            If it is no handle, or one of another pattern.
        """
        if isinstance(value, Handle):
            if value._said is self:
                return value
            reason = "this is a value of another pattern"
        elif isinstance(value, tuple | list):
            reason = "an operator reads values one by one; spread several with a *, as in *xs"
        else:
            reason = f"{value!r} is no operand; write a value, or an operator that computes one"
        raise self.error(self.mark(), reason)
