"""Closures of calls. Those without keywords, which most calls are, take a short way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphpass.rules.expressions.functions import Function
from graphpass.rules.expressions.scope import Scope
from graphpass.rules.expressions.terms import FAILURES, Run, Term, failed

__all__ = ["run_call"]


def run_call(
    label: str, text: str, function: Function, keywords: Sequence[str], *parts: Term
) -> Run:
    """Call a function."""
    call = function.call
    if not keywords:
        return _run_plain_call(label, text, call, *parts)
    count = len(parts) - len(keywords)
    runs = [part.run for part in parts[:count]]
    named = [(key, part.run) for key, part in zip(keywords, parts[count:], strict=True)]

    def run(scope: Scope) -> Any:
        values = [run(scope) for run in runs]
        options = {key: run(scope) for key, run in named}
        try:
            return call(scope.budget, *values, **options)
        except FAILURES as error:
            raise failed(label, text, error, parts, [*values, *options.values()]) from None

    return run


def _run_plain_call(label: str, text: str, call: Callable[..., Any], *parts: Term) -> Run:
    """Call a function without keywords; most have one argument."""
    runs = [part.run for part in parts]

    def run_one(scope: Scope) -> Any:
        value = runs[0](scope)
        try:
            return call(scope.budget, value)
        except FAILURES as error:
            raise failed(label, text, error, parts, [value]) from None

    def run(scope: Scope) -> Any:
        values = [run(scope) for run in runs]
        try:
            return call(scope.budget, *values)
        except FAILURES as error:
            raise failed(label, text, error, parts, values) from None

    return run_one if len(runs) == 1 else run
