"""What is sure of an attribute of a new node."""

from __future__ import annotations

import pytest

from graphpass.rules.lint.measures import Copied, Feature, Weighing
from graphpass.rules.rewrite.draft import TextBody
from graphpass.rules.rewrite.rewrite import parse_rewrite

ELU = Feature("LeakyReLU", "act_type", "elu")
LEAKY = Feature("LeakyReLU", "act_type", "leaky")


@pytest.mark.parametrize(
    ("match", "replace", "feature", "known"),
    [
        ("relu(x)", "LeakyReLU(x, act_type='elu')", ELU, "yes"),
        ("relu(x)", "LeakyReLU(x, act_type='elu')", LEAKY, "no"),
        ("relu(x)", "LeakyReLU(x, act_type='el' + 'u')", LEAKY, "maybe"),
        ("softmax(x)", "LeakyReLU(x)", LEAKY, "maybe"),  # an undeclared key is handed on
        ("relu(x)", "LeakyReLU(x)", LEAKY, "yes"),  # for a relu, any key is its own
        ("relu(x)", "tanh(LeakyReLU(x))", LEAKY, "yes"),
        ("relu(x)", "tanh(LeakyReLU(x, act_type=None))", LEAKY, "yes"),
        ("y = LeakyReLU(x)", "LeakyReLU(x, **y.attrs)", ELU, Copied(0)),
        ("y = LeakyReLU(x)", "LeakyReLU(x, **y.attrs, act_type='elu')", ELU, "yes"),
        ("y = LeakyReLU(x)", "LeakyReLU(x, act_type='elu', **y.attrs)", ELU, "maybe"),
        ("y = LeakyReLU(x)", "LeakyReLU(x)", LEAKY, "yes"),
        ("y = LeakyReLU(x, act_type='elu')", "LeakyReLU(x, **y.attrs)", ELU, "yes"),
        ("y = LeakyReLU(x, act_type='elu')", "LeakyReLU(x, **y.attrs)", LEAKY, "no"),
        ("y = (LeakyReLU | relu)(x)", "tanh(LeakyReLU(x, **y.attrs))", ELU, "maybe"),
        ("y = tanh(x)", "relu(LeakyReLU(x, **y.attrs))", LEAKY, "maybe"),
        ("y = softmax(x)", "relu(LeakyReLU(x, **y.attrs))", LEAKY, "yes"),
        ("d = maybe(LeakyReLU)(x); tanh(d)", "relu(LeakyReLU(x, **d.attrs))", LEAKY, "maybe"),
        ("y = Concat(a, b)", "Concat(a, b, **y.attrs)", Feature("Concat", "num_args", 2), "maybe"),
        ("y = relu(x)", "relu(x, __mood__='good')", Feature("relu", "__mood__", "good"), "maybe"),
        ("y = `A`(x)", "`A`(x, **y.attrs)", Feature("A", "key", "1"), Copied(0)),
    ],
)
def test_facts(match: str, replace: str, feature: Feature, known: object) -> None:
    rewrite = parse_rewrite(match, replace)
    assert isinstance(rewrite.body, TextBody)
    replacement = rewrite.body.replacement
    [part] = [each for each in replacement.parts if each.op == feature.op]
    assert Weighing(0, rewrite.pattern, replacement).fact(feature, part) == known
