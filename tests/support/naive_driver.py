"""Rewriting by the book: after every firing, everything is looked at again from scratch.

Nothing is kept from one firing to the next: no worklist, no order, no index. It shares with the
engine what decides on one match and puts in one replacement, not how the next one is found.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphpass import Model
from graphpass.errors import RunawayError
from graphpass.graph import Edit
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewriting.draft import Draft
from graphpass.rules.rewriting.firing import fire
from graphpass.rules.rewriting.firing_record import Firing
from graphpass.rules.rewriting.fresh_names import FreshNames
from graphpass.rules.rewriting.group import decide
from graphpass.rules.rewriting.refusal import Refusal
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.rules.rewriting.runaway import BUDGET_PER_OPERATOR
from graphpass.rules.rewriting.surroundings import Surroundings

__all__ = ["first_to_fire", "run_naively"]


def run_naively(rewrites: Sequence[Rewrite], model: Model) -> list[Firing]:
    """Rewrite a model until nothing applies: the first rule that does, where it does first."""
    firings: list[Firing] = []
    graph = model.graph
    inputs = model.inputs  # once all parameters are gone, only hints would tell them
    with model.edit() as edit:
        edit.sweep()
        operators = sum(not graph.is_variable(key) for key in graph.order())
        most = BUDGET_PER_OPERATOR * max(operators, 1) + sum(
            len(graph.inputs(key)) for key in graph.order()
        )
        while (fired := _step(rewrites, model, inputs, edit)) is not None:
            firings.append(fired)
            if len(firings) > most:
                raise RunawayError("there is no end")
    return firings


def _step(
    rewrites: Sequence[Rewrite], model: Model, inputs: Sequence[str], edit: Edit
) -> Firing | None:
    index = Facts(model.graph, inputs)
    found = first_to_fire(rewrites, model, index)
    if found is None:
        return None
    number, match, draft = found
    around = Surroundings(index, edit, model.parameters, FreshNames(model.graph))
    return fire(draft, match, rewrites[number].id, around).firing


def first_to_fire(
    rewrites: Sequence[Rewrite], model: Model, index: Facts
) -> tuple[int, Match, Draft] | None:
    """Return the first rewrite that applies, by number, and what it puts in at its first match."""
    for number, rewrite in enumerate(rewrites):
        matcher = Matcher(rewrite.pattern, model.graph, facts=index)
        for key in model.graph.order():
            for match in matcher.assignments(key):
                try:
                    return number, match, decide(rewrite, match, index, model.parameters)
                except Refusal:
                    continue
    return None
