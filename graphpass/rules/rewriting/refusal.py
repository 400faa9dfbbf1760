"""A match that a rewrite does not take, and why."""

from __future__ import annotations

from typing import Literal, TypeAlias

__all__ = ["Refusal", "Stage"]

Stage: TypeAlias = Literal["where", "let", "replace", "outputs", "control", "subgraph"]
"""What is looked at, in this order; conditions that read computed values come after ``let``."""


class Refusal(Exception):  # noqa: N818 - no error: the rewrite says that it does not apply
    """Says that a rewrite does not take a match."""

    def __init__(self, reason: str, condition: str | None = None, stage: Stage = "where") -> None:
        super().__init__(reason)
        self.reason = reason
        self.condition = condition
        """The condition that does not hold, as it is written, or the name of what is not known."""
        self.stage = stage
        """At what it stopped."""
