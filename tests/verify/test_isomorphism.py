"""Exact isomorphism: what it tells apart, and what it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from effort import at_most

from graphpass import Entry, Graph, Model, Parameters, loads
from graphpass.errors import UsageError
from graphpass.verify.isomorphism import isomorphic

Build = Callable[..., Graph]


def chain(length: int) -> Graph:
    graph = Graph()
    with graph.edit() as edit:
        value = Entry(edit.add_variable("x"))
        for number in range(length):
            value = Entry(edit.add_node("relu", f"relu{number}", inputs=[value]))
        edit.set_heads([value])
    return graph


def branches(count: int, length: int) -> Graph:
    """Return identical parallel branches from one input, joined at the end."""
    graph = Graph()
    with graph.edit() as edit:
        x = Entry(edit.add_variable("x"))
        ends = []
        for branch in range(count):
            value = x
            for number in range(length):
                value = Entry(edit.add_node("relu", f"relu{branch}_{number}", inputs=[value]))
            ends.append(value)
        edit.set_heads([Entry(edit.add_node("Concat", "c", {"num_args": str(count)}, ends))])
    return graph


def test_a_graph_is_isomorphic_to_itself_and_its_copy(build: Build) -> None:
    graph = build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r", "x", "r"])
    found = isomorphic(graph, graph.copy(), names=True, versions=True)
    assert found
    assert found.mapping == {0: 0, 1: 1}
    assert found.difference is None
    assert str(found) == "isomorphic: 2 nodes"


def test_keys_and_names_do_not_count(build: Build) -> None:
    a = build(("x", "null"), ("y", "null"), ("s", "elemwise_sub", {}, ["x", "y"]), heads=["s"])
    b = build(("q", "null"), ("p", "null"), ("d", "elemwise_sub", {}, ["p", "q"]), heads=["d"])
    assert isomorphic(a, b).mapping == {0: 1, 1: 0, 2: 2}
    found = isomorphic(a, b, names=True)
    assert not found
    assert found.mapping == {}
    assert str(found) == "variable 'x' (#0) of A is called 'p' in B (#1)"


@pytest.mark.parametrize(
    ("rows", "heads", "says"),
    [
        (
            [
                ("x", "null"),
                ("y", "null"),
                ("r", "sigmoid", {}, ["x"]),
                ("s", "elemwise_sub", {}, ["r", "y"]),
            ],
            ["s"],
            "where A has relu 'r' (#2), B has sigmoid 'r' (#2)",
        ),
        (
            [
                ("x", "null"),
                ("y", "null"),
                ("r", "relu", {}, ["x"]),
                ("s", "elemwise_sub", {}, ["r", "x"]),
            ],
            ["s"],
            "where A has variable 'y' (#1), B has elemwise_sub 's' (#3)",
        ),
        (
            [
                ("x", "null"),
                ("y", "null"),
                ("r", "relu", {}, ["x"]),
                ("s", "elemwise_sub", {}, ["r", "r"]),
            ],
            ["s"],
            "where A has variable 'y' (#1), B has elemwise_sub 's' (#3)",
        ),
        (
            [
                ("x", "null"),
                ("y", "null"),
                ("r", "relu", {}, ["x"]),
                ("s", "elemwise_sub", {}, ["r", "y"]),
            ],
            ["s", "s"],
            "A has 1 heads and B has 2",
        ),
        (
            [
                ("x", "null"),
                ("y", "null"),
                ("r", "relu", {}, ["x"]),
                ("s", "elemwise_sub", {}, ["r", "y"]),
            ],
            ["r"],
            "A has variable 'y' (#1), which B lacks",
        ),
    ],
)
def test_structure_counts(build: Build, rows: list, heads: list, says: str) -> None:
    a = build(
        ("x", "null"),
        ("y", "null"),
        ("r", "relu", {}, ["x"]),
        ("s", "elemwise_sub", {}, ["r", "y"]),
        heads=["s"],
    )
    assert isomorphic(a, build(*rows, heads=heads)).difference == says


def test_a_node_shared_is_not_a_node_twice(build: Build) -> None:
    shared = build(("x", "null"), ("d", "elemwise_sub", {}, ["x", "x"]), heads=["d"])
    twice = build(("x", "null"), ("y", "null"), ("d", "elemwise_sub", {}, ["x", "y"]), heads=["d"])
    assert not isomorphic(shared, twice)
    assert not isomorphic(twice, shared)


def test_swapped_inputs_of_the_same_kind_count_where_they_are_read_again(build: Build) -> None:
    rows = [("x", "null"), ("y", "null"), ("d", "elemwise_sub", {}, ["x", "y"])]
    a = build(*rows, ("e", "elemwise_sub", {}, ["d", "x"]), heads=["e"])
    b = build(*rows, ("e", "elemwise_sub", {}, ["d", "y"]), heads=["e"])
    assert isomorphic(a, b).difference == (
        "input 1 of elemwise_sub 'e' (#3) is output 0 of variable 'x' (#0) in A "
        "and output 0 of variable 'y' (#1) in B"
    )


def test_outputs_count(build: Build) -> None:
    rows = [("x", "null"), ("s", "SliceChannel", {"num_outputs": "2"}, ["x"])]
    a = build(*rows, ("r", "relu", {}, [("s", 0)]), heads=["r", ("s", 1)])
    b = build(*rows, ("r", "relu", {}, [("s", 1)]), heads=["r", ("s", 1)])
    c = build(*rows, ("r", "relu", {}, [("s", 0)]), heads=["r", ("s", 0)])
    assert "is output 0 of SliceChannel 's' (#1) in A and output 1" in str(isomorphic(a, b))
    assert str(isomorphic(a, c)).startswith("head 1 is output 1 of SliceChannel")


def test_control_dependencies_count(build: Build) -> None:
    a = build(("x", "null"), ("r", "relu", {}, ["x"]), ("s", "relu", {}, ["x"]), heads=["r", "s"])
    b = a.copy()
    with b.edit() as edit:
        edit.set_inputs(2, b.inputs(2), control=[1])
    assert str(isomorphic(a, b)) == "relu 's' (#2) has 0 control dependencies in A and 1 in B"
    c = b.copy()
    with c.edit() as edit:
        edit.set_inputs(2, c.inputs(2), control=[0])
    assert str(isomorphic(b, c)).startswith("control dependency 0 of relu 's' (#2) is relu 'r'")
    assert isomorphic(b, b.copy())


def test_attributes_count_unless_left_aside(build: Build) -> None:
    a = build(("x", "null"), ("d", "Dropout", {}, ["x"]), heads=["d"])
    b = build(("x", "null"), ("d", "Dropout", {"p": "0.5"}, ["x"]), heads=["d"])
    c = build(("x", "null"), ("d", "Dropout", {"p": "0.25"}, ["x"]), heads=["d"])
    assert isomorphic(a, b)
    assert str(isomorphic(a, c)) == ("attribute p of Dropout 'd' (#1) is 0.5 in A and 0.25 in B")
    assert isomorphic(a, c, attributes=False)


def test_versions_count_only_if_asked_for(build: Build) -> None:
    a = build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"])
    b = a.copy()
    with b.edit() as edit:
        edit.set_inputs(1, [Entry(0, 0, 3)])
    assert isomorphic(a, b)
    assert str(isomorphic(a, b, versions=True)).endswith("in B, versions 0 and 3")


def test_only_what_the_heads_reach_counts(build: Build) -> None:
    a = build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"])
    b = build(("x", "null"), ("r", "relu", {}, ["x"]), ("dead", "relu", {}, ["r"]), heads=["r"])
    assert isomorphic(a, b)


def test_graphs_without_heads_are_isomorphic() -> None:
    assert isomorphic(Graph(), Graph())


def foreach(inner_op: str, depth: int = 1) -> Graph:
    inner = Graph()
    with inner.edit() as edit:
        x = edit.add_variable("state")
        edit.set_heads([Entry(edit.add_node(inner_op, "body", inputs=[Entry(x)]))])
    for level in range(depth):
        outer = Graph()
        with outer.edit() as edit:
            x = edit.add_variable("x")
            loop = edit.add_node(
                "NoSuchLoop", f"loop{level}", inputs=[Entry(x)], subgraphs=[inner, inner.copy()]
            )
            edit.set_heads([Entry(loop)])
        inner = outer
    return inner


def test_subgraphs_are_compared_as_graphs_of_their_own() -> None:
    assert isomorphic(foreach("relu"), foreach("relu"), names=True)
    assert str(isomorphic(foreach("relu", 2), foreach("tanh", 2))) == (
        "in subgraph 0 of NoSuchLoop 'loop1' (#1): in subgraph 0 of NoSuchLoop 'loop0' (#1): "
        "where A has relu 'body' (#1), B has tanh 'body' (#1)"
    )
    lacking = foreach("relu")
    with lacking.edit() as edit:
        edit.set_subgraphs(1, [])
    assert str(isomorphic(foreach("relu"), lacking)) == (
        "NoSuchLoop 'loop0' (#1) has 2 subgraphs in A and 0 in B"
    )


def model(build: Build, name: str, value: object | None) -> Model:
    graph = build((name, "null"), ("r", "relu", {}, [name]), heads=["r"])
    return Model(graph, Parameters({} if value is None else {name: value}))


def test_parameters_are_compared_by_what_stands_for_them(build: Build) -> None:
    ones = np.ones(3, "float32")
    a = model(build, "w", ones)
    assert isomorphic(a, model(build, "v", ones.copy()), parameters=True)
    other = model(build, "v", ones * 2)
    assert isomorphic(a, other)
    assert str(isomorphic(a, other, parameters=True)) == (
        "the value of variable 'w' (#0), in B variable 'v' (#0), differs: "
        "(3,) float32, max abs 1, max rel 0.5, 3 of 3 values differ"
    )
    assert str(isomorphic(a, model(build, "w", None), parameters=True)) == (
        "only in A, variable 'w' (#0) has a value"
    )
    assert not isomorphic(a, model(build, "w", ones.astype("float16")), parameters=True)
    assert not isomorphic(a, model(build, "w", np.ones((3, 1), "float32")), parameters=True)


def test_parameters_are_compared_bit_for_bit(build: Build) -> None:
    a = model(build, "w", np.array([0.0], "float32"))
    b = model(build, "w", np.array([-0.0], "float32"))
    nan = model(build, "w", np.array([np.nan], "float32"))
    assert not isomorphic(a, b, parameters=True)
    assert isomorphic(nan, nan.copy(), parameters=True)


def test_parameters_need_two_models(build: Build) -> None:
    a = model(build, "w", np.ones(1))
    with pytest.raises(UsageError, match="give two models"):
        isomorphic(a.graph, a, parameters=True)


def test_two_dialects_of_one_network_are_isomorphic() -> None:
    new = """{"nodes": [{"op": "null", "name": "x", "inputs": []},
        {"op": "null", "name": "w", "attrs": {"num_hidden": "2"}, "inputs": []},
        {"op": "FullyConnected", "name": "f", "attrs": {"num_hidden": "2", "no_bias": "True"},
         "inputs": [[0, 0, 0], [1, 0, 0]]}],
        "arg_nodes": [0, 1], "heads": [[2, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}"""
    old = """{"nodes": [
        {"op": "null", "param": {}, "name": "x", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "w", "inputs": [], "backward_source_id": -1},
        {"op": "FullyConnected", "param": {"no_bias": "true", "num_hidden": "2"}, "name": "f",
         "inputs": [[0, 0], [1, 0]], "backward_source_id": -1}],
        "arg_nodes": [0, 1], "heads": [[2, 0]]}"""
    assert isomorphic(loads(new), loads(old), names=True)


@pytest.mark.parametrize("make", [lambda: chain(20_000), lambda: branches(200, 100)])
def test_time_is_linear(make: Callable[[], Graph]) -> None:
    a, b = make(), make()
    with at_most(100 * len(a)):
        found = isomorphic(a, b, names=True)
    assert found
    assert len(found.mapping) == len(a)
