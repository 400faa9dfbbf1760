"""Rewriting by the book: after every firing, everything is looked at again from scratch.

Nothing is kept from one firing to the next: no worklist, no order, no index. It shares with the
engine what decides on one match and puts in one replacement, not how the next one is found.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphpass import Model
from graphpass.errors import RunawayError
from graphpass.graph import Edit
from graphpass.rules.limits import BUDGET_PER_OPERATOR
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fates import Decision, decide
from graphpass.rules.rewrite.fire import Fired, FiringContext, fire
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.prepare import prepare
from graphpass.rules.rewrite.rewrite import Rewrite

__all__ = ["fire_decision", "first_to_fire", "run_naively"]


def run_naively(rewrites: Sequence[Rewrite], model: Model) -> list[Fired]:
    """Rewrite a model until nothing applies: the first rule that does, where it does first."""
    firings: list[Fired] = []
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
) -> Fired | None:
    facts = Facts(model.graph, inputs)
    found = first_to_fire(rewrites, model, facts)
    if found is None:
        return None
    return fire_decision(found, FiringContext(facts, edit, model.parameters))


def fire_decision(decision: Decision, context: FiringContext) -> Fired:
    """Do what was decided, whatever was done before."""
    template, keys = prepare(
        decision, decision.match.matched, context.facts, context.parameters, context.twins
    )
    return fire(template, keys, [each.value.array for each in template.values], context)


def first_to_fire(rewrites: Sequence[Rewrite], model: Model, facts: Facts) -> Decision | None:
    """Return what the first rewrite that applies does at its first match."""
    for rewrite in rewrites:
        matcher = Matcher(rewrite.pattern, model.graph, facts=facts)
        for key in model.graph.order():
            for match in matcher.assignments(key):
                try:
                    return decide(rewrite, match, facts, model.parameters)
                except Refusal:
                    continue
    return None
