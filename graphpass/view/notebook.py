"""What a notebook shows of a graph, a model, a report, a difference or findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.util import find_spec

from graphpass.checks import CheckReport
from graphpass.graph import Graph
from graphpass.model import Model
from graphpass.rules import Report
from graphpass.verify.difference import Diff
from graphpass.view.drawing import draw
from graphpass.view.page import as_html, page
from graphpass.view.tables import size

__all__ = ["html"]

_LARGEST = 3_000
"""Operators that are drawn inside a notebook; of a larger model it shows the facts alone."""

_LINES = 100
"""Lines of a table; how many more there are is told below it."""


def html(shown: object) -> str:
    """Return what a notebook shows of an object.

    A graph or model of up to 3,000 operators is the page that ``graphpass view`` writes, where
    fast-sugiyama is installed; all else is a table.
    """
    if isinstance(shown, Graph):
        return _model(Model(shown))
    if isinstance(shown, Model):
        return _model(shown)
    if isinstance(shown, Report):
        steps = [(str(step.index), step.keyword, step.summary) for step in shown.steps]
        censuses = (shown.before, shown.after)
        operators = " → ".join(f"{sum(each.operators.values()):,}" for each in censuses)
        sizes = " → ".join(size(each.bytes) for each in censuses)
        title = f"{shown.name}: operators {operators}, parameters {sizes}"
        return _table(title, ("rule", "operation", "did"), steps)
    if isinstance(shown, Diff):
        lines = [(line,) for line in str(shown).splitlines()]
        return _table("difference", ("",), lines)
    if isinstance(shown, CheckReport):
        found = [(each.severity, each.code, str(each)) for each in shown]
        return _table(repr(shown).strip("<>"), ("severity", "code", "finding"), found)
    raise TypeError(f"a notebook has no picture of {type(shown).__name__}")


def _model(model: Model) -> str:
    drawing = draw(model, title="model", histograms=False)
    if len(drawing.boxes) <= _LARGEST and find_spec("fast_sugiyama") is not None:
        source = escape(page(drawing))
        return f'<iframe srcdoc="{source}" style="width: 100%; height: 480px; border: 0"></iframe>'
    return _table(repr(model.graph).strip("<>"), ("", ""), drawing.facts)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [*rows]
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{as_html(cell)}</td>" for cell in line) + "</tr>"
        for line in lines[:_LINES]
    )
    rest = f"<p>and {len(lines) - _LINES} more</p>" if len(lines) > _LINES else ""
    return f"<p><b>{as_html(title)}</b></p><table><tr>{head}</tr>{body}</table>{rest}"
