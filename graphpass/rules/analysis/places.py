"""Where a text of a pass stands, for what is said of it after it was loaded."""

from __future__ import annotations

from graphpass.rules.loaded_pass import Pass
from graphpass.rules.source import Mark, Path
from graphpass.rules.substitution import locate

__all__ = ["Places"]


class Places:
    """The places of a loaded pass."""

    def __init__(self, loaded: Pass) -> None:
        self._loaded = loaded

    def mark(self, path: Path, line: int | None = None, column: int | None = None) -> Mark | None:
        """Return where a value stands, or a line and column of the text that it is.

        Parameters
        ----------
        path : tuple of str and int
            The way to the value from the top of the pass.
        line, column : int, optional
            A place in the text, from 1.
        """
        tree = self._loaded.tree
        if tree is None:
            return None
        _, begin = locate(tree, path, self._loaded.parameters)
        return self._loaded.source.inside(begin, line, column) if line is not None else begin

    def spell(self, path: Path, line: int | None = None, column: int | None = None) -> str:
        """Return the same as ``siamese.yaml:7:5``; without a file ``rule 1 (rewrite), match``."""
        return self._loaded.source.place(self.mark(path, line, column), path)
