"""The matcher finds what brute force finds: no more, no less, on random graphs and patterns."""

from __future__ import annotations

import random

import matching_oracle as oracle
import pytest
import random_patterns

from graphpass import Model
from graphpass.errors import TextError
from graphpass.graph import Entry
from graphpass.rules.rewrite.match import Match
from graphpass.rules.rewrite.matcher import Matcher, find
from graphpass.rules.rewrite.pattern import Pattern, compile_pattern
from graphpass.rules.rewrite.text import parse_pattern


def signature(match: Match, pattern: Pattern) -> tuple[object, ...]:
    """Return what tells matches apart, as the oracle has it."""
    bound = set(pattern.names)
    flat = []
    for name, value in match.bindings.items():
        if name in bound or isinstance(value, int):
            continue
        flat += [value[:2]] if isinstance(value, Entry) else [each[:2] for each in value]
    nodes = {*match.interior, *(root.node for root in match.roots)}
    return match.roots, frozenset(nodes), tuple(sorted(flat))


def draw(dice: random.Random) -> tuple[Model, str, Pattern]:
    while True:
        model = random_patterns.random_model(dice, dice.randint(2, 7))
        text = random_patterns.random_pattern(dice, model)
        try:
            pattern = parse_pattern(text)
            compile_pattern(pattern)
        except TextError:
            continue
        return model, text, pattern


@pytest.mark.parametrize("seed", range(30))
def test_the_matcher_agrees_with_brute_force(seed: int) -> None:
    dice = random.Random(seed)
    matched = 0
    for _ in range(100):
        model, text, pattern = draw(dice)
        expected = oracle.Oracle(pattern, model).signatures()
        matcher = Matcher(compile_pattern(pattern), model.graph, inputs=model.inputs)
        found = [match for key in model.graph.order() for match in matcher.assignments(key)]
        assert {signature(match, pattern) for match in found} == expected, text
        roots = [frozenset(entry.node for entry in match.roots) for match in find(pattern, model)]
        assert len(roots) == len(set(roots)), text
        assert set(roots) == {frozenset(e.node for e in each[0]) for each in expected}, text
        for key in model.graph.order():
            if not model.graph.is_variable(key):
                assert bool(matcher.at(key)) == any(e[0][0].node == key for e in expected), text
        matched += bool(expected)
    assert matched > 20
