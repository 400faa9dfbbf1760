"""Conditions and replacement as Python functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphpass.errors import OperationError
from graphpass.rules.expressions import Scope, UnknownError
from graphpass.rules.python.calling import call, place_of
from graphpass.rules.python.match_view import MatchView
from graphpass.rules.python.replacement_op import ReplacementOp, Replacing
from graphpass.rules.rewrite.match import Binding
from graphpass.rules.rewrite.pattern import Pattern
from graphpass.rules.rewriting.draft import Draft
from graphpass.rules.rewriting.refusal import Refusal, Stage

__all__ = ["PythonBody"]


@dataclass(slots=True, eq=False)
class PythonBody:
    """A `Body` of Python functions, which may look at whatever they like."""

    pattern: Pattern

    conditions: list[Callable[[Any], object]] = field(default_factory=list)
    replacement: Callable[[Any, Any], object] | None = None

    @property
    def reads(self) -> frozenset[str]:
        """All names, since nothing tells which of them the functions read."""
        return frozenset(self.pattern.all_names)

    @property
    def labels(self) -> list[str]:
        """What `explain` calls the conditions, in order."""
        return [_label(condition, number) for number, condition in enumerate(self.conditions, 1)]

    def draft(self, scope: Scope, bindings: Mapping[str, Binding]) -> Draft:
        """See `Body.draft`."""
        match = MatchView(scope, self.pattern)
        for condition, label in zip(self.conditions, self.labels, strict=True):
            _require(condition, label, match)
        if self.replacement is None:
            raise OperationError("it has no replacement yet")
        replacing = Replacing(scope, bindings)
        what = f"the replacement {_name(self.replacement)}"
        returned = _ask(self.replacement, what, "replace", None, ReplacementOp(replacing), match)
        try:
            return replacing.finish(returned, len(self.pattern.roots))
        except OperationError as error:
            raise OperationError(f"{what} ({place_of(self.replacement)}): {error}") from None


def _require(condition: Callable[[Any], object], label: str, match: MatchView) -> None:
    what = f"the condition {_name(condition)}"
    holds = _ask(condition, what, "where", label, match)
    if not isinstance(holds, bool | np.bool_):
        raise OperationError(
            f"{what} ({place_of(condition)}) returns {holds!r}; "
            "a condition returns True, False, or match.refuse(reason)"
        )
    if not holds:
        raise Refusal("does not hold", label)


def _ask(
    function: Callable[..., object],
    what: str,
    stage: Stage,
    label: str | None,
    *arguments: object,
) -> object:
    """Call a function; what it refuses, or finds unknown, is a refusal at its stage."""
    try:
        answer = call(function, what, *arguments)
    except UnknownError as unknown:
        raise Refusal(unknown.reason, label, stage) from unknown
    except Refusal as refusal:
        answer = refusal
    if isinstance(answer, Refusal):
        raise Refusal(answer.reason, label, stage)
    return answer


def _label(condition: Callable[[Any], object], number: int) -> str:
    """Return how `explain` calls a condition: what its docstring says, its name, or its number."""
    said = (condition.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    name = _name(condition)
    if said:
        return said
    return name if name not in ("_", "<lambda>") else f"condition {number}"


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__name__", type(function).__name__)
