"""One rule of a pass."""

from __future__ import annotations

from dataclasses import dataclass

from graphpass.rules.operation import Operation

__all__ = ["Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a pass."""

    index: int
    """Its position in the pass, counted from 1."""

    operation: Operation
    """What it does."""

    id: str | None = None
    """The name that the pass gives it."""

    place: str = ""
    """``siamese.yaml:7``, empty where there is no text."""

    @property
    def label(self) -> str:
        """How messages and reports name the rule: ``siamese.yaml:7: rule 2 (rename)``."""
        name = f" {self.id}" if self.id else ""
        place = f"{self.place}: " if self.place else ""
        return f"{place}rule {self.index} ({self.operation.keyword}{name})"
