"""Which node is meant by which, where graphs are not isomorphic."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from effort import at_most
from hypothesis import given, reject

from graphpass import Entry, Graph, loads
from graphpass.errors import GraphpassError
from graphpass.testing import symbol_texts
from graphpass.verify.alignment import align

Build = Callable[..., Graph]


def network(
    layers: int,
    *,
    prefix: str = "",
    insert: str = "Dropout",
    after: Collection[int] = (),
    first_number: int = 0,
) -> Graph:
    """Return a chain of convolutions, with nodes inserted after some."""
    graph = Graph()
    with graph.edit() as edit:
        value = Entry(edit.add_variable(f"{prefix}data"))
        for layer in range(layers):
            number = first_number + layer
            weight = Entry(edit.add_variable(f"{prefix}conv{number}_weight"))
            attrs = {"kernel": "(3, 3)", "num_filter": str(8 + layer % 3), "no_bias": "True"}
            conv = edit.add_node("Convolution", f"{prefix}conv{number}", attrs, [value, weight])
            value = Entry(edit.add_node("relu", f"{prefix}relu{number}", {}, [Entry(conv)]))
            if layer in after:
                value = Entry(edit.add_node(insert, f"{prefix}new{layer}", {}, [value]))
        edit.set_heads([value])
    return graph


def unaligned(a: Graph, b: Graph) -> tuple[list[str], list[str]]:
    """Return the names of nodes without a counterpart."""
    mapping = align(a, b)
    met = set(mapping.values())
    assert len(met) == len(mapping)
    return (
        [a.name(key) for key in a.order() if key not in mapping],
        [b.name(key) for key in b.order() if key not in met],
    )


@pytest.mark.parametrize("prefix", ["", "x_"])
@pytest.mark.parametrize("after", [(20,), (0, 20, 39), (7, 8, 9)])
def test_inserted_nodes_cost_only_themselves(prefix: str, after: tuple[int, ...]) -> None:
    a, b = network(40), network(40, prefix=prefix, after=after)
    assert unaligned(a, b) == ([], [f"{prefix}new{layer}" for layer in after])
    assert unaligned(b, a) == ([f"{prefix}new{layer}" for layer in after], [])
    mapping = align(a, b)
    assert all(prefix + a.name(key) == b.name(twin) for key, twin in mapping.items())


def test_an_inserted_node_of_its_neighbours_operator_is_told_by_name() -> None:
    a, b = network(40), network(40, insert="relu", after=(10, 20, 30))
    assert unaligned(a, b) == ([], ["new10", "new20", "new30"])


def test_an_equal_name_counts_more_than_an_equal_place(build: Build) -> None:
    a = build(("x", "null"), ("f", "relu", {}, ["x"]), ("g", "relu", {}, ["f"]), heads=["g"])
    b = build(("x", "null"), ("g", "relu", {}, ["x"]), ("f", "relu", {}, ["g"]), heads=["f"])
    mapping = align(a, b)
    assert {a.name(key): b.name(twin) for key, twin in mapping.items()} == {
        "x": "x",
        "f": "f",
        "g": "g",
    }


def test_isomorphic_graphs_are_aligned_whole() -> None:
    a, b = network(20), network(20, prefix="other_", first_number=5)
    mapping = align(a, b)
    assert [mapping[key] for key in a.order()] == b.order()


def test_a_changed_operator_is_aligned_by_name(build: Build) -> None:
    a = build(("x", "null"), ("f", "relu", {}, ["x"]), ("g", "tanh", {}, ["f"]), heads=["g"])
    b = build(("x", "null"), ("f", "sigmoid", {}, ["x"]), ("g", "tanh", {}, ["f"]), heads=["g"])
    assert align(a, b) == {0: 0, 1: 1, 2: 2}


def test_variables_are_never_aligned_with_operators(build: Build) -> None:
    a = build(("x", "null"), ("f", "relu", {}, ["x"]), heads=["f"])
    b = build(("f", "null"), ("x", "relu", {}, ["f"]), heads=["x"])
    assert align(a, b) == {0: 0, 1: 1}


def test_a_removed_branch_leaves_the_other_alone(build: Build) -> None:
    rows = [("x", "null"), ("a", "relu", {}, ["x"]), ("b", "tanh", {}, ["x"])]
    a = build(*rows, ("s", "elemwise_add", {}, ["a", "b"]), heads=["s", "b"])
    b = build(*rows, heads=["b"])
    assert unaligned(a, b) == (["a", "s"], [])


def test_a_cloned_tower_is_new(build: Build) -> None:
    tower = [("x", "null"), ("w", "null"), ("f", "dot", {}, ["x", "w"])]
    a = build(*tower, heads=["f"])
    b = build(*tower, ("y", "null"), ("r_f", "dot", {}, ["y", "w"]), heads=["f", "r_f"])
    assert unaligned(a, b) == ([], ["y", "r_f"])


def test_empty_graphs() -> None:
    assert align(Graph(), Graph()) == {}
    assert align(Graph(), network(2)) == {}


@given(symbol_texts(), symbol_texts())
def test_any_two_graphs_are_aligned_one_to_one(first: str, second: str) -> None:
    try:
        a, b = loads(first), loads(second)
    except GraphpassError:
        reject()
    mapping = align(a, b)
    assert len(set(mapping.values())) == len(mapping)
    assert mapping == align(a, b)
    for key, twin in mapping.items():
        assert a.is_variable(key) == b.is_variable(twin)
        assert a.reaches(key)
        assert b.reaches(twin)
    own = align(a, a.copy())
    assert [own[key] for key in a.order()] == a.order()


def test_time_is_linear() -> None:
    a, b = network(8_000), network(8_000, prefix="x_", after=(100, 4_000))
    with at_most(300 * len(a)):
        align(a, b)
