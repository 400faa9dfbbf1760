"""The functions that ask whether something is known: ``known`` and ``bound``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.terms import Run, Term
from graphpass.rules.expressions.unknown import UNBOUND, UnknownError
from graphpass.rules.expressions.views import NodeView, ValueView

__all__ = ["QUESTIONS", "lacking"]


def run_bound(label: str, text: str, part: Term) -> Run:
    """Ask whether a name stands for something."""
    return lambda scope: scope[part.name] is not UNBOUND


def run_known(label: str, text: str, *parts: Term) -> Run:
    """Ask whether all values are known; names that stand for nothing are passed over."""
    asked = [(part.name, (part,)) for part in parts]

    def run(scope: Scope) -> bool:
        values = scope.values
        for name, part in asked:
            value = values.get(name) if name else None
            if value is None and name:
                value = scope[name]
            if type(value) is ValueView:  # what is asked nearly always, in the short way
                if value.stored is None:
                    return False
            elif value is not UNBOUND and next(lacking(scope, part), None) is not None:
                return False
        return True

    return run


def lacking(scope: Scope, parts: tuple[Term, ...]) -> Iterator[str]:
    """Yield what is not known of some parts, in words."""
    for part in parts:
        if part.name and scope[part.name] is UNBOUND:
            continue
        try:
            pending = [part.run(scope)]
        except UnknownError as error:
            yield error.reason
            continue
        while pending:
            yield from _lack(pending.pop(), pending)


def _lack(value: Any, pending: list[Any]) -> Iterator[str]:
    """Yield what a value lacks; put off what a tuple holds."""
    if isinstance(value, tuple):
        pending.extend(reversed(value))
    elif isinstance(value, NodeView):
        yield value.output(0).lack()
    elif isinstance(value, ValueView) and not value.has_value:
        yield value.lack()


QUESTIONS: dict[str, Callable[..., Run]] = {"bound": run_bound, "known": run_known}
"""Name -> what makes the closure of a call."""
