"""Subgraphs are changed one by one, those inside others too."""

from __future__ import annotations

from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph import Edit, Graph
from graphpass.rules.operations.region import change_subgraphs

NESTED = """
def body():
    x, h = variable(), variable()
    def inner():
        u, s = variable(), variable()
        a = relu(u)
        return a, s
    more = _foreach(x, h, subgraphs=[inner], num_args=3, num_outputs=2, num_out_data=1,
        in_state_locs=(1,), in_data_locs=(0,), remain_locs=())
    b = relu(more)
    return b, h
x, h = variable(), variable()
loop = _foreach(x, h, subgraphs=[body], num_args=3, num_outputs=2, num_out_data=1,
    in_state_locs=(1,), in_data_locs=(0,), remain_locs=())
return relu(loop)
"""


def turn(graph: Graph, edit: Edit) -> int:
    keys = [key for key in graph.order() if graph.op(key) == "relu"]
    for key in keys:
        edit.set_op(key, "tanh")
    return len(keys)


def test_every_subgraph_but_not_the_graph_around_them() -> None:
    graph = parse_graph(NESTED)
    with graph.edit() as edit:
        assert change_subgraphs(graph, edit, turn) == 2
    text = print_graph(graph)
    assert text.count("tanh(") == 2
    assert text.count("relu(") == 1


def test_nothing_to_change() -> None:
    graph = parse_graph(NESTED)
    inside = [graph.subgraphs(key) for key in graph.with_subgraphs()]
    with graph.edit() as edit:
        assert change_subgraphs(graph, edit, lambda *_: 0) == 0
    assert [graph.subgraphs(key) for key in graph.with_subgraphs()] == inside


def test_variables_that_would_change_places() -> None:
    graph = parse_graph(NESTED)
    before = print_graph(graph)

    def swap(graph: Graph, edit: Edit) -> int:
        edit.set_heads(reversed(graph.heads))
        return 1

    with graph.edit() as edit:
        change_subgraphs(graph, edit, swap)
    assert print_graph(graph) == before
