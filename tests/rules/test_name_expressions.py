"""Regular expressions under a time limit."""

from __future__ import annotations

import signal
import time

import pytest

import graphpass
from graphpass.errors import SelectorError
from graphpass.graph import Graph
from graphpass.rules import name_expressions, select
from graphpass.rules.name_expressions import Expression


def test_an_expression_that_backtracks_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_expressions, "BUDGET", 0.2)
    before = signal.getsignal(signal.SIGALRM)
    started = time.monotonic()
    with pytest.raises(SelectorError, match="takes for ever"):
        Expression("regex", "(a+)+b").fullmatch("a" * 60)
    assert time.monotonic() - started < 5
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_all_names_together_share_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_expressions, "BUDGET", 0.2)
    graph = Graph()
    with graph.edit() as edit:
        heads = [graphpass.Entry(edit.add_variable("a" * 60 + str(n))) for n in range(50)]
        edit.set_heads(heads)
    started = time.monotonic()
    with pytest.raises(SelectorError, match="takes for ever"):
        select(graph, "regex:(a|aa)+b")
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("form", "text", "name", "found"),
    [
        ("glob", "conv*", "conv0_weight", True),
        ("glob", "conv", "conv0", False),
        ("regex", "conv[0-9]+", "conv12", True),
        ("regex", "conv", "conv12", False),
    ],
)
def test_whole_names_match(form: str, text: str, name: str, found: bool) -> None:
    assert (Expression(form, text).fullmatch(name) is not None) is found


def test_what_is_no_expression() -> None:
    with pytest.raises(SelectorError, match="is no regular expression"):
        Expression("regex", "(")
