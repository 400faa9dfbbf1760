"""`explain` says match at exactly the nodes at which the driver would fire."""

from __future__ import annotations

import random

import pytest
import random_patterns

from graphpass import Model
from graphpass.errors import GraphpassError, RunawayError, TextError
from graphpass.rules import explain
from graphpass.rules.limits import Limits
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fire import FiringContext
from graphpass.rules.rewrite.group import Group, Member, _GraphRun
from graphpass.rules.rewrite.rewrite import Rewrite, parse_rewrite
from graphpass.rules.rewrite.text import parse_pattern

CONDITIONS = (
    "{0}.is_param",
    "not {0}.is_head",
    "len({0}.users) == 1",
    "{0}.shape[0] == 1",
    "mean({0}) > 0",
)

RESULTS = (
    "{}",
    "{}",
    "tanh({})",
    "SliceChannel({}, num_outputs=2)",
    "tanh({}, name='p0')",
)
"""The last one is refused only when it is put in, where the name is still taken."""


def draw(dice: random.Random) -> tuple[Model, Rewrite]:
    """Draw a model, and a rewrite after some part of it that has a fair chance to apply."""
    while True:
        model = random_patterns.random_model(dice, dice.randint(2, 8))
        match = random_patterns.random_pattern(dice, model)
        try:
            pattern = parse_pattern(match)
            values = sorted(pattern.values) or ["_"]
            results = [dice.choice(RESULTS).format(dice.choice(values)) for _ in pattern.roots]
            where = [dice.choice(CONDITIONS).format(dice.choice(values))] * dice.choice([0, 0, 1])
            let = {"twice": f"{dice.choice(values)} * 2"} if dice.random() < 0.2 else {}
            lines = [f"r{number} = {each}" for number, each in enumerate(results) if "(" in each]
            roots = [f"r{number}" if "(" in each else each for number, each in enumerate(results)]
            replace = "\n".join([*lines, f"return {', '.join(roots)}"])
            if let:
                replace = replace.replace("tanh(", "elemwise_add(twice, ")
            rewrite = parse_rewrite(match, replace, where=where, let=let, once=True)
        except TextError:
            continue
        return model, rewrite


def fires(model: Model, rewrite: Rewrite, key: int) -> bool | None:
    """Return whether the driver fires at a node, and at no other before; None: with an error."""
    model = Model(model.graph.copy(), model.parameters.copy())
    group = Group([Member(rewrite, "r")])
    try:
        with model.edit() as edit:
            context = FiringContext(Facts(model.graph, model.inputs), edit, model.parameters)
            return _GraphRun(group, context, Limits.of(model))._fires(0, key)
    except GraphpassError:
        return None


@pytest.mark.parametrize("seed", range(12))
def test_a_match_is_what_the_driver_takes(seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(40):
        model, rewrite = draw(dice)
        for key in model.graph.order():
            if model.graph.is_variable(key):
                continue
            said, done = explain(rewrite, model, f"id:{key}"), fires(model, rewrite, key)
            assert bool(said) is bool(done), (said, key)
            if done is None:
                assert said.at is not None
                assert said.at.checks[-1].what == "apply", said


@pytest.mark.parametrize("seed", range(12))
def test_the_first_match_is_the_first_firing(seed: int) -> None:
    dice = random.Random(seed)
    fired = 0
    for _ in range(60):
        model, rewrite = draw(dice)
        said = explain(rewrite, model)
        group = Group([Member(rewrite, "r")])
        work = Model(model.graph.copy(), model.parameters.copy())
        try:
            with work.edit() as edit:
                group.run(work.graph, edit, work.parameters, work.inputs)
        except RunawayError:
            pass
        except GraphpassError:
            continue
        firings = group.firings[0]
        assert bool(firings) is bool(said)
        if firings:
            fired += 1
            assert firings[0].root == said.matches[0].root
    assert fired > 3
