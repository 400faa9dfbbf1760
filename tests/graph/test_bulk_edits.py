"""Edits of many nodes at once do what as many single edits do, in one entry of the journal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphpass
from graphpass import Graph, dumps
from graphpass.errors import GraphError
from graphpass.graph import Edit, Entry
from graphpass.graph.edges import post_order

READS = st.lists(
    st.tuples(st.lists(st.integers(0, 30), min_size=1, max_size=3), st.none() | st.integers(0, 30)),
    min_size=1,
    max_size=12,
)
"""For each operator, which earlier nodes it reads, and which one it waits for."""


def make(reads: list[tuple[list[int], int | None]]) -> Graph:
    graph = Graph()
    with graph.edit() as edit:
        keys = [edit.add_variable("data"), edit.add_variable("weight")]
        for number, (sources, awaited) in enumerate(reads):
            inputs = [Entry(keys[source % len(keys)]) for source in sources]
            control = [] if awaited is None else [keys[awaited % len(keys)]]
            attrs = {"num_args": str(len(inputs))}
            keys.append(edit.add_node("add_n", f"n{number}", attrs, inputs, control=control))
        edit.set_heads([Entry(keys[-1]), Entry(keys[len(keys) // 2])])
    return graph


def assert_sound(graph: Graph) -> None:
    """Check that what is kept of a graph is what it would be if it were worked out now."""
    fresh = graph.copy()
    assert graph.order() == post_order(graph.all_sources, graph.heads) == fresh.order()
    assert graph.by_op() == fresh.by_op()
    assert graph.with_subgraphs() == fresh.with_subgraphs()
    assert graph.arguments == fresh.arguments
    assert graph.variable_keys() == fresh.variable_keys()
    for key in graph.all_keys:
        assert graph.named(graph.name(key)) == fresh.named(graph.name(key))
        for source, edges in graph.sources(key).items():
            assert graph.readers(source)[key] == edges


def undone(graph: Graph, change: Callable[[Edit], object]) -> None:
    """Do something, and check that it is one entry, and that undoing it leaves no trace."""
    before, keys = dumps(graph), list(graph.all_keys)
    with pytest.raises(ZeroDivisionError), graph.edit() as edit:
        change(edit)
        assert_sound(graph)
        raise ZeroDivisionError
    assert dumps(graph) == before
    assert sorted(graph.all_keys) == keys
    assert_sound(graph)


@given(reads=READS, some=st.sets(st.integers(0, 13)))
def test_renaming(reads, some: set[int]) -> None:
    graph, single = make(reads), make(reads)
    names = {key: f"new{key}" for key in graph.all_keys if key in some}
    undone(graph, lambda edit: edit.rename_all(names))
    with graph.edit() as edit, single.edit() as other:
        edit.rename_all(names)
        assert len(edit._journal) == 1
        for key, name in names.items():
            other.rename(key, name)
    assert dumps(graph) == dumps(single)
    assert_sound(graph)


def test_names_are_swapped_and_checked() -> None:
    graph = make([([0], None), ([1], None)])
    with graph.edit() as edit:
        edit.rename_all({0: "weight", 1: "data"})
    assert (graph.name(0), graph.name(1)) == ("weight", "data")
    with pytest.raises(GraphError, match="two variables would be called 'x'"), graph.edit() as edit:
        edit.rename_all({0: "x", 1: "x"})
    with pytest.raises(GraphError, match="NUL"), graph.edit() as edit:
        edit.rename_all({0: "a", 1: "b\0"})
    with pytest.raises(GraphError, match="no node #99"), graph.edit() as edit:
        edit.rename_all({99: "a"})
    assert (graph.name(0), graph.name(1)) == ("weight", "data")


@given(reads=READS)
def test_copying(reads) -> None:
    graph, single = make(reads), make(reads)
    originals = [key for key in graph.order() if key != 0]
    undone(graph, lambda edit: edit.add_copies(graph, {1: "w"}, {}, {}))
    with graph.edit() as edit, single.edit() as other:
        twins: dict[int, int] = {}
        values = {(0, 0): Entry(edit.add_variable("b_data"))}
        names = {key: f"b_{graph.name(key)}" for key in originals}
        edit.add_copies(graph, names, values, twins)
        edit.set_heads([*graph.heads, Entry(twins.get(graph.heads[0].node, 0))])
        theirs = {0: other.add_variable("b_data")}
        for key in originals:
            theirs[key] = other.add_node(
                single.op(key),
                names[key],
                single.attrs(key),
                [Entry(theirs[entry.node]) for entry in single.inputs(key)],
                control=[theirs[source] for source in single.control_dependencies(key)],
            )
        other.set_heads([*single.heads, Entry(theirs.get(single.heads[0].node, 0))])
    assert dumps(graph) == dumps(single)
    assert_sound(graph)


@given(reads=READS, data=st.data())
def test_replacing(reads, data) -> None:
    graph = make(reads)
    order = graph.order()
    gone = data.draw(st.sampled_from(order[1:]))
    stays = data.draw(st.sampled_from(order[: order.index(gone)]))
    undone(graph, lambda edit: edit.replace_nodes({gone: stays}))
    inputs = {
        key: [Entry(stays) if entry.node == gone else entry for entry in graph.inputs(key)]
        for key in graph.all_keys
    }
    with graph.edit() as edit:
        edit.replace_nodes({gone: stays})
        assert len(edit._journal) == 1
    assert {key: list(graph.inputs(key)) for key in graph.all_keys} == inputs
    assert all(gone not in graph.control_dependencies(key) for key in graph.all_keys)
    assert_sound(graph)


@given(reads=READS)
def test_merging_keeps_what_is_left_in_order(reads) -> None:
    model = graphpass.Model(make([*reads, *reads]))
    graphpass.apply([{"deduplicate": {}}], model)
    assert_sound(model.graph)
    assert not graphpass.apply([{"deduplicate": {}}], model).changed
