"""Searches for one pattern share what they have worked out, and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace

from graphpass import Model
from graphpass.graph import paused_collector
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import compile_pattern
from graphpass.rules.rewrite.search import Search
from graphpass.rules.rewrite.text import parse_pattern

Net = Callable[..., Model]

PATTERN = "a = relu(p)\nb = relu(q)\ns = elemwise_add(a, b)\ndistinct(a, p)\nshared(a)"


def test_two_searches_may_go_on_at_once(net: Net) -> None:
    model = net(
        "c = relu(x)\nd = relu(y)\ns = elemwise_add(c, d)\nt = elemwise_add(d, c)\nreturn s, t"
    )
    pattern = PATTERN.replace("shared(a)", "shared(a)\nshared(b)")
    matcher = Matcher(compile_pattern(parse_pattern(pattern)), model.graph)
    first, second = (model.graph.named(name)[0] for name in "st")
    alone = [list(matcher.assignments(key)) for key in (first, second)]
    assert [len(found) for found in alone] == [2, 2]
    pairs = list(zip(matcher.assignments(first), matcher.assignments(second), strict=True))
    assert [list(found) for found in zip(*pairs, strict=True)] == alone


def test_an_exhausted_search_stays_exhausted(net: Net) -> None:
    model = net("c = relu(x)\nd = relu(y)\ns = elemwise_add(c, d)\nreturn s")
    found = Matcher(compile_pattern(parse_pattern(PATTERN)), model.graph).assignments(
        model.graph.named("s")[0]
    )
    assert len(list(found)) == 2
    assert list(found) == []


def test_a_search_that_is_given_up_waits_for_no_collector(net: Net) -> None:
    model = net("c = relu(x)\nd = relu(y)\ns = elemwise_add(c, d)\nreturn s")
    matcher = Matcher(compile_pattern(parse_pattern(PATTERN)), model.graph)
    gc.collect()
    with paused_collector():
        assert next(matcher.assignments(model.graph.named("s")[0]))  # another way is left
        assert not any(type(each) is Search for each in gc.get_objects())


def test_a_plan_with_other_parts_encloses_other_nodes(net: Net) -> None:
    model = net("a = relu(x)\nb = tanh(a)\nreturn a, b")
    plan = compile_pattern(parse_pattern("tanh(relu(x))"))
    shared = replace(
        plan, parts=(replace(plan.parts[0], shared=True, interior=False), plan.parts[1])
    )
    assert [len(list(Matcher(each, model.graph).matches())) for each in (plan, shared)] == [0, 1]
