"""The worklist forgets nothing: the engine ends where a driver does that scans all every time."""

from __future__ import annotations

import random
from contextlib import suppress

import naive_driver as naive
import pytest
import random_patterns
import random_rewrites

from graphpass import Model, isomorphic
from graphpass.errors import GraphpassError
from graphpass.formats.text import print_graph
from graphpass.graph import Entry, Graph
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fire import FiringContext
from graphpass.rules.rewrite.group import Group, Member
from graphpass.rules.rewrite.pattern import print_pattern
from graphpass.rules.rewrite.rewrite import Rewrite


def draw(seed: int, *, far: bool) -> tuple[Model, list[Rewrite]]:
    """Draw a small model, and rewrites whose patterns are after parts of it."""
    dice = random.Random(seed)
    model = random_patterns.random_model(dice, dice.randint(3, 9))
    pattern = random_patterns.random_pattern
    count = dice.randint(1, 4)
    rewrites = [
        random_rewrites.random_rewrite(dice, model, pattern, far=far, name=f"r{number}")
        for number in range(count)
    ]
    return model, rewrites


def run(rewrites: list[Rewrite], model: Model) -> int:
    """Run rewrites as one group, and return how often they fired."""
    group = Group([Member(rewrite, rewrite.id) for rewrite in rewrites])
    with model.edit() as edit:
        edit.sweep()
        return group.run(model.graph, edit, model.parameters, model.inputs)


def told(seed: int, model: Model, rewrites: list[Rewrite]) -> str:
    """Return what is needed to look into a failure."""
    lines = [f"seed {seed}", print_graph(model.graph)]
    for each in rewrites:
        conditions = [condition.text for condition in each.body.where]  # type: ignore[attr-defined]
        lines += [f"-- {each.id}", print_pattern(each.pattern), f"where {conditions}"]
        lines.append(f"=> {each.body.replacement}")  # type: ignore[attr-defined]
    return "\n".join(lines)


def compare(seed: int, *, far: bool) -> int | None:
    """Run both drivers, and return how often they fired; None if both fail."""
    model, rewrites = draw(seed, far=far)
    ours, theirs = model.copy(), model.copy()

    def story() -> str:
        return told(seed, model, rewrites)

    all_local = all(rewrite.is_local for rewrite in rewrites)
    try:
        firings = naive.run_naively(rewrites, theirs)
    except GraphpassError as error:
        # What looks far is tried when nothing else applies, so with such rules another one may
        # fire first; then only one of the two drivers need fail.
        with pytest.raises(type(error)) if all_local else suppress(GraphpassError):
            run(rewrites, ours)
            return None
        assert isomorphic(model, ours, names=True), story()
        return None
    try:
        count = run(rewrites, ours)
    except GraphpassError:
        assert not all_local, story()
        return None
    assert len(ours.graph) == len(ours.graph.order()), story()
    left = naive.first_to_fire(rewrites, ours, Facts(ours.graph, model.inputs))
    assert left is None, f"{story()}\nleft: {left}"
    if all_local:
        assert count == len(firings), story()
        same = isomorphic(ours, theirs)
        assert same, f"{story()}\n{same}"
    return count


@pytest.mark.parametrize("start", range(0, 1600, 200))
def test_it_ends_where_a_driver_from_scratch_does(start: int) -> None:
    counts = [compare(seed, far=seed % 4 == 0) for seed in range(start, start + 200)]
    fired = [count for count in counts if count]
    assert len(fired) > 80
    assert sum(fired) > len(fired) + 20  # some in a row, or there would be nothing to forget


@pytest.mark.slow
@pytest.mark.parametrize("far", [False, True], ids=["near", "far"])
@pytest.mark.parametrize("start", range(100_000, 200_000, 10_000))
def test_it_ends_there_always(start: int, far: bool) -> None:
    for seed in range(start, start + 10_000):
        compare(seed, far=far)


def assert_like_new(index: Facts, model: Model) -> None:
    """Compare an index that followed some firings with a new one."""
    graph: Graph = model.graph
    new = Facts(graph, model.inputs)
    assert index.ranks.keys() == new.ranks.keys()
    for key in graph.order():
        assert all(index.ranks[source] < index.ranks[key] for source in graph.sources(key))
    assert index.heads == new.heads
    assert {key: kind for key, kind in index.kinds.items() if key in graph} == new.kinds
    constant = {key for key in graph.order() if index.is_kind(Entry(key), "const")}
    assert constant == {key for key in graph.order() if new.is_kind(Entry(key), "const")}


@pytest.mark.parametrize("start", range(0, 600, 200))
def test_an_index_that_follows_is_like_a_new_one(start: int) -> None:
    followed = 0
    for seed in range(start, start + 200):
        model, rewrites = draw(seed, far=True)
        with suppress(GraphpassError), model.edit() as edit:
            edit.sweep()
            index = Facts(model.graph, model.inputs)
            context = FiringContext(index, edit, model.parameters)
            for _ in range(12):
                assert_like_new(index, model)
                found = naive.first_to_fire(rewrites, model, index)
                if found is None:
                    break
                naive.fire_decision(found, context)
                followed += 1
    assert followed > 100
