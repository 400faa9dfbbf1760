"""Which values to store: within the limit, and against a search of all choices."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from graphpass.graph import Entry, Graph
from graphpass.rules.operations.fold import within


@st.composite
def constant_graphs(draw: st.DrawFn) -> tuple[Graph, dict[int, tuple[int, ...]], dict[int, int]]:
    """Draw variables, constant operators on them, and operators on an input that read these."""
    graph = Graph()
    sizes: dict[int, tuple[int, ...]] = {}
    with graph.edit() as edit:
        data = edit.add_variable("data")
        stored = {edit.add_variable(f"w{number}"): draw(st.integers(1, 20)) for number in range(3)}
        known = list(stored)
        for number in range(draw(st.integers(1, 6))):
            read = [Entry(draw(st.sampled_from(known))) for _ in range(2)]
            key = edit.add_node("elemwise_add", f"c{number}", {}, read)
            sizes[key] = (draw(st.integers(1, 30)),)
            known.append(key)
        readers = [
            edit.add_node("elemwise_mul", f"y{number}", {}, [Entry(data), Entry(key)])
            for number, key in enumerate(draw(st.lists(st.sampled_from(known), min_size=1)))
        ]
        edit.set_heads(list(map(Entry, readers)))
        edit.sweep()
    alive = set(graph.order())
    return (
        graph,
        {key: size for key, size in sizes.items() if key in alive},
        {key: size for key, size in stored.items() if key in alive},
    )


def growth_of(
    graph: Graph, going: set[int], sizes: dict[int, tuple[int, ...]], stored: dict[int, int]
) -> int:
    """Count by the book what is stored and what is not any more."""
    staying = [key for key in graph.order() if key not in going and not graph.is_variable(key)]
    read = {entry.node for key in staying for entry in graph.inputs(key)}
    kept = sum(sizes[key][0] for key in going if key in read)
    return kept - sum(size for key, size in stored.items() if key not in read)


def is_closed(graph: Graph, going: set[int]) -> bool:
    """Return whether what goes reads only variables and what goes."""
    return all(
        graph.is_variable(entry.node) or entry.node in going
        for key in going
        for entry in graph.inputs(key)
    )


@given(constant_graphs(), st.integers(0, 40))
def test_the_limit_holds(drawn, limit: int) -> None:
    graph, sizes, stored = drawn
    going = within(limit, graph, sizes, stored)
    assert is_closed(graph, going)
    assert growth_of(graph, going, sizes, stored) <= limit


@given(constant_graphs())
def test_without_a_limit_all_go(drawn) -> None:
    graph, sizes, stored = drawn
    assert within(10**6, graph, sizes, stored) == set(sizes)


@given(constant_graphs(), st.integers(0, 40))
def test_all_go_where_the_limit_allows_it(drawn, limit: int) -> None:
    """Greedy is not the best of all choices, but if all may go, all go."""
    graph, sizes, stored = drawn
    going = within(limit, graph, sizes, stored)
    whole = growth_of(graph, set(sizes), sizes, stored) <= limit
    assert (going == set(sizes)) == whole
    best = max(
        (len(choice) for count in range(len(sizes) + 1) for choice in combinations(sizes, count)
         if is_closed(graph, set(choice))
         and growth_of(graph, set(choice), sizes, stored) <= limit),
        default=0,
    )  # fmt: skip
    assert len(going) <= best
