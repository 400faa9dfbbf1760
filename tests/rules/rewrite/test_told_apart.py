"""Where conditions or a replacement tell operands apart, every way to arrange them is tried."""

from __future__ import annotations

import random
from typing import Any

import matching_oracle as oracle
import pytest
import random_patterns

from graphpass import Model
from graphpass.errors import TextError
from graphpass.graph import Entry
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import Pattern, compile_pattern
from graphpass.rules.rewrite.text import parse_pattern

COMMUTATIVE = (
    "elemwise_add({0}, {1})",
    "add_n({0}, {1}, {2})",
    "add_n({0}, {1}, *rest)",
    "elemwise_add({0}, elemwise_add({1}, {2}))",
    "a = elemwise_add({0}, {1})\nb = elemwise_add({0}, {2})\nreturn a, b",
    "a = add_n({0}, *rest)\nb = relu({0})\nreturn b, a",
    "a = elemwise_add({0}, {1})\nb = elemwise_sub({1}, {2})\nreturn a, b",
    "a = relu({0})\nelemwise_add(a, elemwise_add(tanh({1}), {2}))\nshared(a)",
)
OPERANDS = ("u", "v", "w", "param(u)", "input(v)", "relu(u)", "const(w)", "_", "maybe(relu)(v)")


def draw_pattern(dice: random.Random, model: Model) -> Pattern:
    while True:
        if dice.random() < 0.8:
            chosen = [dice.choice(OPERANDS) for _ in range(3)]
            text = dice.choice(COMMUTATIVE).format(*chosen)
        else:
            text = random_patterns.random_pattern(dice, model)
        try:
            pattern = parse_pattern(text)
            compile_pattern(pattern)
        except TextError:
            continue
        return pattern


def draw_model(dice: random.Random) -> Model:
    """Draw a model with an addition or two."""
    while True:
        model: Model = random_patterns.random_model(dice, dice.randint(3, 7))
        if any(node.op in oracle.COMMUTATIVE for node in model.graph):
            return model


def values_of(found: Any, names: list[str]) -> tuple[Any, ...]:
    """Return what names stand for, so that it can be compared."""
    listed: list[Any] = []
    for name in names:
        value = found.get(name)
        if isinstance(value, Entry):
            value = value[:2]
        elif value and isinstance(value[0], Entry):
            value = tuple(each[:2] for each in value)
        listed.append(value)
    return tuple(listed)


@pytest.mark.parametrize("seed", range(10))
def test_every_arrangement_that_can_be_told_apart_is_found(seed: int) -> None:
    dice = random.Random(seed)
    several = 0
    for _ in range(250):
        model = draw_model(dice)
        pattern = draw_pattern(dice, model)
        names = sorted([*pattern.values, *pattern.rests])
        count = dice.choice([dice.randint(0, len(names)), len(names)])
        told = frozenset(dice.sample(names, count))
        expected = everything(pattern, model, sorted(told))
        matcher = Matcher(
            compile_pattern(pattern, told_apart=told), model.graph, inputs=model.inputs
        )
        found = [match for key in model.graph.order() for match in matcher.assignments(key)]
        assert {(m.roots, values_of(m.bindings, sorted(told))) for m in found} == expected, pattern
        several += len(expected) > len({roots for roots, _ in expected})
    assert several > 3


def everything(pattern: Pattern, model: Model, names: list[str]) -> set[Any]:
    """Return all that some names stand for in matches, by brute force."""
    checker = oracle.Oracle(pattern, model)
    return {(attempt.roots, values_of(attempt.values, names)) for attempt in checker.matches()}
