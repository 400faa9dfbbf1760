"""Graphs in text form, rewritten by rules given as texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph, print_graph
from graphpass.model import Model
from graphpass.rules import Report

Rewriting = Callable[..., "Rewritten"]


class Rewritten:
    """A model after a pass, and the report."""

    def __init__(self, model: Model, report: Report) -> None:
        self.model = model
        self.report = report

    @property
    def text(self) -> str:
        """The graph in text form."""
        return print_graph(self.model.graph)

    @property
    def firings(self) -> list[tuple[str, str]]:
        """Rule and root of every firing, in order."""
        steps = self.report.steps
        return [(firing.rule, firing.root.name) for step in steps for firing in step.firings]


def make_model(text: str, values: Mapping[str, Any] | None = None) -> Model:
    """Return a model of a graph in text form; values are arrays or shapes, for random ones."""
    graph = parse_graph(text)
    states = set(graph.auxiliary_states)
    parameters = Parameters()
    rng = np.random.default_rng(3)
    for name, value in (values or {}).items():
        is_shape = isinstance(value, tuple)
        array = rng.uniform(0.5, 1.5, value).astype("float32") if is_shape else np.asarray(value)
        parameters.set(name, array, "aux" if name in states else "arg")
    return Model(graph, parameters)


@pytest.fixture
def rewriting() -> Rewriting:
    """Run rewrites, each a dict of its options, on a graph in text form."""

    def run(
        text: str,
        *rewrites: Mapping[str, Any],
        values: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Rewritten:
        model = make_model(text, values)
        rules = {"rules": [{"rewrite": dict(rewrite)} for rewrite in rewrites]}
        rules |= {key: options.pop(key) for key in ("budget",) if key in options}
        return Rewritten(model, graphpass.apply(rules, model, **options))

    return run
