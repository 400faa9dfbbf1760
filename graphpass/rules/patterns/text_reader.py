"""What readers of patterns and of replacements share: names, places, operators."""

from __future__ import annotations

import ast
from typing import NoReturn

from graphpass.errors import suggestion
from graphpass.formats.python_text import PythonText
from graphpass.ops import find, operator_names
from graphpass.rules.pass_files.places import Mark

__all__ = ["TextReader"]


class TextReader:
    """Reads a text in Python's syntax, and knows where everything stands."""

    def __init__(self, text: PythonText) -> None:
        self._text = text

    def _operator(self, node: ast.Name) -> str:
        """Return the name of an operator; in backquotes it may be one that MXNet does not know."""
        quoted = self._text.backquoted(node)
        if quoted is not None:
            return quoted
        if find(node.id) is None:
            self._fail(
                node, f"MXNet 1.9.1 has no operator {node.id!r}"
                f"{suggestion(node.id, operator_names())}; one that it does not know "
                "is written in backquotes",
            )  # fmt: skip
        return node.id

    def _name(self, node: ast.Name) -> str | None:
        """Return a name, or None for ``_``."""
        quoted = self._text.backquoted(node)
        if quoted is not None:
            return quoted
        return None if node.id == "_" else node.id

    def _mark(self, node: ast.expr | ast.stmt | ast.keyword) -> Mark:
        return Mark(*self._text.place(node))

    def _fail(self, node: ast.expr | ast.stmt | ast.keyword, reason: str) -> NoReturn:
        raise self._text.error(self._text.place(node), reason)
