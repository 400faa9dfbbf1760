"""A kind of finding, and what a check says when it finds one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from graphpass.checks.finding import FoundNode, Severity

if TYPE_CHECKING:
    from graphpass.checks.subject import Subject

__all__ = ["Check", "Found"]


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, but for what its `Check` says of all of them."""

    nodes: tuple[FoundNode, ...]
    reason: str
    severity: Severity | None = None
    """Where it is another than usual."""

    remedy: str | None = None
    """Where it is another than usual; empty where nothing mends it."""


Find: TypeAlias = "Callable[[Subject], Iterator[Found]]"


@dataclass(frozen=True, slots=True)
class Check:
    """One kind of finding: a row of the registry."""

    code: str
    """What reports call it, in kebab-case."""

    severity: Severity

    summary: str
    """What is found, in half a sentence."""

    remedy: str | None
    """The verb, and the pass, that mends it, as it is typed behind ``graphpass``."""

    find: Find
    """Yields what there is of it in a model."""
