"""The graph as a store: structure, derived lists, copies."""

from __future__ import annotations

import networkx as nx
import pytest

import graphpass
from graphpass.graph import Entry, Graph

MLP = """{"nodes": [
 {"op": "null", "name": "data", "inputs": []},
 {"op": "null", "name": "w", "attrs": {"__lr_mult__": "2"}, "inputs": []},
 {"op": "FullyConnected", "name": "fc", "attrs": {"no_bias": "True", "num_hidden": "2"},
  "inputs": [[0, 0, 0], [1, 0, 0]]},
 {"op": "elemwise_add", "name": "twice", "inputs": [[2, 0, 0], [2, 0, 0]]}
], "arg_nodes": [0, 1], "heads": [[3, 0, 0], [0, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}
"""


@pytest.fixture
def mlp() -> Graph:
    return graphpass.loads(MLP)


def test_lists_are_those_of_mxnet(mlp: Graph) -> None:
    assert mlp.arguments == ["data", "w"]
    assert mlp.auxiliary_states == []
    assert mlp.outputs == ["twice_output", "data"]
    assert [node.name for node in mlp] == ["data", "w", "fc", "twice"]


def test_both_edges_of_x_plus_x_stand_in_the_dag(mlp: Graph) -> None:
    assert mlp.inputs(3) == (Entry(2), Entry(2))
    assert mlp.dag.number_of_edges(2, 3) == 2
    assert [(u, v, slot) for u, v, slot in mlp.dag.edges(keys=True) if v == 3] == [
        (2, 3, 0),
        (2, 3, 1),
    ]


def test_any_networkx_algorithm_runs_on_the_dag(mlp: Graph) -> None:
    assert list(nx.topological_sort(mlp.dag)) == [0, 1, 2, 3]
    assert nx.is_directed_acyclic_graph(mlp.dag)
    assert nx.ancestors(mlp.dag, 3) == {0, 1, 2}
    assert nx.dag_longest_path_length(nx.DiGraph(mlp.dag)) == 2


def test_the_dag_refuses_edits_that_would_go_around_the_transaction(mlp: Graph) -> None:
    with pytest.raises(nx.NetworkXError, match=r"[Ff]rozen"):
        mlp.dag.add_edge(3, 0)


def test_attributes_have_the_operators_defaults(mlp: Graph) -> None:
    fc = mlp.node(2)
    assert fc.attrs == {"no_bias": "True", "num_hidden": "2"}
    assert fc.attributes["num_hidden"] == 2
    assert fc.attributes["no_bias"] is True
    assert fc.attributes["flatten"] is True
    assert mlp.node(1).attributes["__lr_mult__"] == "2"


def test_attributes_can_not_be_changed_past_the_transaction(mlp: Graph) -> None:
    with pytest.raises(TypeError):
        mlp.node(2).attrs["num_hidden"] = "3"  # type: ignore[index]


def test_a_copy_is_independent(mlp: Graph) -> None:
    text = graphpass.dumps(mlp)
    twin = mlp.copy()
    with twin.edit() as edit:
        edit.rename(2, "other")
        edit.update_attrs(2, {"num_hidden": "5"})
        edit.set_heads([Entry(2)])
    assert graphpass.dumps(mlp) == text
    assert twin.outputs == ["other_output"]


def test_uses_of_one_output() -> None:
    graph = Graph()
    with graph.edit() as edit:
        data = edit.add_variable("data")
        split = edit.add_node("SliceChannel", "s", {"num_outputs": "2"}, [Entry(data)])
        add = edit.add_node("elemwise_add", "a", {}, [Entry(split, 1), Entry(split, 0)])
        edit.set_heads([Entry(add)])
    assert graph.uses(split, 1) == [(add, 0)]
    assert graph.uses(split) == [(add, 0), (add, 1)]
    assert graph.outputs == ["a_output"]


def test_a_chain_of_200_000_nodes_needs_no_call_stack() -> None:
    graph = Graph()
    with graph.edit() as edit:
        last = edit.add_variable("data")
        for number in range(200_000):
            last = edit.add_node("relu", f"r{number}", {}, [Entry(last)])
        edit.set_heads([Entry(last)])
    assert len(graph.order()) == 200_001
    text = graphpass.dumps(graph)
    assert graphpass.dumps(graphpass.loads(text).copy()) == text


def test_a_variable_that_an_operator_mutates_is_an_auxiliary_state_whatever_else_reads_it() -> None:
    graph = Graph()
    with graph.edit() as edit:
        keys = [edit.add_variable(name) for name in ("x", "g", "b", "mean", "var")]
        bn = edit.add_node("BatchNorm", "bn", {}, [Entry(key) for key in keys])
        out = edit.add_node("elemwise_add", "out", {}, [Entry(bn), Entry(keys[3])])
        edit.set_heads([Entry(out)])
    assert graph.arguments == ["x", "g", "b"]
    assert graph.auxiliary_states == ["mean", "var"]
