"""A glance refuses only what a search would refuse, and sees what is plain to see."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphpass import Model
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import compile_pattern
from graphpass.rules.rewrite.text import parse_pattern

Net = Callable[..., Model]

TEXT = """
a = relu(x)
p = Activation(a, act_type='tanh')
s = elemwise_add(p, y)
t = tanh(s)
u = sigmoid(s)
v = elemwise_sub(t, u)
w = relu(y)
return v, w
"""


def allows(pattern: str, model: Model, name: str) -> bool:
    plan = compile_pattern(parse_pattern(pattern))
    (key,) = model.graph.named(name)
    return Matcher(plan, model.graph).allows(key)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("tanh(x)", "u"),
        ("elemwise_sub(relu(q), r)", "v"),
        ("Activation(q, act_type='relu')", "p"),
        ("Activation(Activation(q), act_type='tanh')", "p"),
        ("elemwise_sub(tanh(tanh(q)), r)", "v"),
        ("tanh(elemwise_add(q, r))", "t"),  # two read the sum
        ("relu(relu(q))", "a"),  # a variable stands there
    ],
)
def test_what_is_plain_to_see_is_refused(pattern: str, name: str, net: Net) -> None:
    assert not allows(pattern, net(TEXT), name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("elemwise_sub(q, relu(r))", "v"),  # the second operand is left to the search
        ("elemwise_add(q, relu(r))", "s"),
        ("elemwise_add(relu(q), Activation(r))", "s"),  # these may change places
        ("Activation(maybe(tanh)(q))", "p"),
        ("q = elemwise_add(c, d)\ntanh(q)\nshared(q)", "t"),
        ("Activation(relu(q))", "p"),
    ],
)
def test_the_rest_is_left_to_the_search(pattern: str, name: str, net: Net) -> None:
    assert allows(pattern, net(TEXT), name)
