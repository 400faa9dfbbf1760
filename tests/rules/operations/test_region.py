"""The part of a graph between values."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass.graph import Entry, Graph
from graphpass.rules.operations.region import trace


def random_graph(reads: list[list[int]]) -> tuple[Graph, list[int]]:
    """Operators that read earlier ones: node i + 1 reads the nodes ``reads[i]``."""
    graph = Graph()
    with graph.edit() as edit:
        keys = [edit.add_variable("data")]
        for number, sources in enumerate(reads):
            inputs = [Entry(keys[source % len(keys)]) for source in sources]
            attrs = {"num_args": str(len(inputs))}
            keys.append(edit.add_node("add_n", f"n{number}", attrs, inputs))
        edit.set_heads([Entry(keys[-1])])
    return graph, keys


READS = st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=3), min_size=1, max_size=15)


@given(reads=READS, cut=st.sets(st.integers(0, 14), max_size=4))
def test_it_is_what_reaches_the_outputs_without_passing_a_cut(reads, cut) -> None:
    graph, keys = random_graph(reads)
    cuts = {(keys[number], 0) for number in cut if number < len(keys) - 1}
    region = trace(graph, graph.heads, cuts)
    uncut = nx.DiGraph(graph.dag)
    uncut.remove_nodes_from([node for node, _ in cuts])
    assert set(region.order) == nx.ancestors(uncut, keys[-1]) | {keys[-1]}
    seen: set[int] = set()
    for key in region.order:
        read = set([entry.value for entry in graph.inputs(key)])
        assert {node for node, _ in read - cuts} <= seen
        seen.add(key)
    wanted = cuts & {entry.value for key in region.order for entry in graph.inputs(key)}
    assert region.reached == wanted


@given(reads=READS, source=st.integers(0, 14))
def test_dependents_are_the_descendants_inside(reads, source) -> None:
    graph, keys = random_graph(reads)
    start = keys[source % (len(keys) - 1)]
    region = trace(graph, graph.heads, [(start, 0)])
    expected = nx.descendants(graph.dag, start) & set(region.order)
    assert set(region.dependents([(start, 0)])) == expected


def test_an_output_may_be_cut_itself(net) -> None:
    graph = net("a = relu(x)\nreturn a").graph
    region = trace(graph, graph.heads, [graph.heads[0].value])
    assert region.order == ()
    assert region.reached == {graph.heads[0].value}


@pytest.mark.parametrize("cut", ["short", "long"])
def test_a_path_avoids_what_is_cut(net, cut: str) -> None:
    graph = net(
        """
        short = relu(x)
        long1 = tanh(x)
        long = tanh(long1)
        out = elemwise_add(short, long)
        return out
        """
    ).graph
    x, short, _, long, _ = (graph.named(n)[0] for n in ("x", "short", "long1", "long", "out"))
    region = trace(graph, graph.heads, [({"short": short, "long": long}[cut], 0)])
    way = {"short": "out <- long <- long1 <- x", "long": "out <- short <- x"}[cut]
    assert region.path(x) == way
