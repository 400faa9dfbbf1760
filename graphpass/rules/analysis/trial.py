"""One rewrite tried on a small model, as the driver would try it."""

from __future__ import annotations

from dataclasses import replace

from graphpass.errors import GraphpassError
from graphpass.graph import Edit
from graphpass.model import Model
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewriting.firing import fire
from graphpass.rules.rewriting.fresh_names import FreshNames
from graphpass.rules.rewriting.group import decide
from graphpass.rules.rewriting.refusal import Refusal
from graphpass.rules.rewriting.rewrite import Rewrite
from graphpass.rules.rewriting.surroundings import Surroundings

__all__ = ["applies", "fire_at"]

_PATIENCE = 2_000
"""Alternatives that are tried in one small model."""


def applies(rewrite: Rewrite, model: Model, root: int, holding: int) -> Match | str | None:
    """Return the match that the driver would take at a root, if it holds a node.

    Returns
    -------
    Match, str or None
        The match; or why the rewrite takes none; or None where its pattern does not hold, or not
        with that node in it.
    """
    index = Facts(model.graph, model.inputs)
    refused: str | None = None
    matcher = Matcher(rewrite.plan, model.graph, facts=index, patience=_PATIENCE)
    for match in matcher.assignments(root):
        if holding not in match.matched:
            continue
        try:
            decide(rewrite, match, index, model.parameters)
        except Refusal as refusal:
            refused = refused or f"{rewrite.id}: {refusal.reason}"
        except GraphpassError as error:
            refused = refused or f"{rewrite.id}: {error}"
        else:
            return match
    return refused


def fire_at(rewrite: Rewrite, match: Match, model: Model, edit: Edit) -> None:
    """Fire a rewrite at a match of this model, or of the one that it is a copy of.

    Raises
    ------
    GraphpassError
        If the firing would break the graph.
    """
    index = Facts(model.graph, model.inputs)
    match = replace(match, graph=model.graph)
    around = Surroundings(index, edit, model.parameters, FreshNames(model.graph))
    fire(decide(rewrite, match, index, model.parameters), match, rewrite.id, around)
