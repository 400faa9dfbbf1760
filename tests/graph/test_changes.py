"""What a transaction changed, from its journal, against comparing copies."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass import Graph, loads
from graphpass.graph import Edit, Entry
from graphpass.graph.changes import Changes, changes


def make() -> Graph:
    """``data`` -> ``a`` -> ``b``, keys 0, 1 and 2."""
    nodes = [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "relu", "name": "a", "inputs": [[0, 0, 0]]},
        {"op": "Activation", "name": "b", "attrs": {"act_type": "tanh"}, "inputs": [[1, 0, 0]]},
    ]
    return loads(json.dumps({"nodes": nodes, "arg_nodes": [0], "heads": [[2, 0, 0]]}))


def test_nothing() -> None:
    with make().edit() as edit:
        found = changes(edit)
    assert not found
    assert found == Changes((), {}, {}, None)


@pytest.mark.parametrize(
    ("change", "edited"),
    [
        (lambda edit: edit.rename(1, "c"), {1: {"name": "a"}}),
        (
            lambda edit: edit.update_attrs(2, {"act_type": "relu"}),
            {2: {"attrs": {"act_type": "tanh"}}},
        ),
        (lambda edit: edit.set_op(1, "sigmoid"), {1: {"op": "relu"}}),
        (
            lambda edit: edit.set_inputs(2, [Entry(0)]),
            {2: {"inputs": (Entry(1),)}},
        ),
        (lambda edit: edit.set_inputs(2, [Entry(1)], control=[0]), {2: {"control": ()}}),
    ],
)
def test_a_node_that_lives_on(change: Callable[[Edit], None], edited: dict) -> None:
    with make().edit() as edit:
        change(edit)
    assert changes(edit) == Changes((), {}, edited, None)


def test_nodes_and_heads() -> None:
    graph = make()
    with graph.edit() as edit:
        new = edit.add_node("relu", "c", {}, [Entry(1)])
        edit.set_heads([Entry(new)])
        edit.rename(2, "was_b")
        edit.remove_node(2)
    found = changes(edit)
    assert found.added == (new,)
    assert found.removed.keys() == {2}
    assert found.removed[2]["name"] == "b"
    assert found.removed[2]["attrs"] == {"act_type": "tanh"}
    assert not found.edited
    assert found.heads == (Entry(2),)


def test_what_was_changed_back_is_left_out() -> None:
    with make().edit() as edit:
        edit.rename(1, "c")
        edit.rename(1, "a")
        edit.set_heads([Entry(1)])
        edit.set_heads([Entry(2)])
        edit.remove_node(edit.add_variable("new"))
        edit.set_inputs(2, [Entry(0)])
        edit.set_inputs(2, [Entry(1)])
    assert not changes(edit)


def test_an_outer_transaction_has_the_changes_of_its_inner_ones() -> None:
    graph = make()
    with graph.edit() as outer:
        with graph.edit() as first:
            graph_change = changes(first)
            first.rename(1, "c")
        with graph.edit() as second:
            second.rename(1, "d")
    assert not graph_change
    assert changes(second).edited == {1: {"name": "c"}}
    assert changes(outer).edited == {1: {"name": "a"}}


def test_changes_that_were_undone_are_none() -> None:
    graph = make()
    with graph.edit() as outer:
        with pytest.raises(ZeroDivisionError), graph.edit() as inner:
            inner.rename(1, "c")
            raise ZeroDivisionError
        assert not changes(outer)


STEPS = st.sampled_from(
    [
        lambda edit: edit.rename(1, "x"),
        lambda edit: edit.rename(1, "a"),
        lambda edit: edit.rename(2, "a"),
        lambda edit: edit.set_inputs(2, [Entry(0)]),
        lambda edit: edit.set_inputs(2, [Entry(1)]),
        lambda edit: edit.update_attrs(1, {"__x__": "1"}),
        lambda edit: edit.update_attrs(1, {"__x__": None}),
        lambda edit: edit.set_heads([Entry(1)]),
        lambda edit: edit.set_heads([Entry(2)]),
        lambda edit: edit.add_node("relu", "n", {}, [Entry(0)]),
        lambda edit: edit.sweep(),
        lambda edit: edit.rename_all({1: "b", 2: "a"}),
        lambda edit: edit.rename_all({1: "a", 2: "b"}),
        lambda edit: edit.replace_nodes({1: 0}),
        lambda edit: edit.add_copies(edit._owner, {1: f"c{len(edit._owner)}"}, {}, {}),
    ]
)


@given(st.lists(STEPS, max_size=8))
def test_against_a_copy(steps: list[Callable[[Edit], object]]) -> None:
    graph = make()
    before = graph.copy()
    with graph.edit() as edit:
        for step in steps:
            if 1 in graph and 2 in graph:
                step(edit)
    found = changes(edit)
    assert set(found.added) == set(graph.dag) - set(before.dag)
    assert set(found.removed) == set(before.dag) - set(graph.dag)
    for key in set(graph.dag) & set(before.dag):
        parts = {
            "name": (before.name(key), graph.name(key)),
            "attrs": (before.attrs(key), graph.attrs(key)),
            "inputs": (before.inputs(key), graph.inputs(key)),
        }
        expected = {part: old for part, (old, new) in parts.items() if old != new}
        assert found.edited.get(key, {}) == expected
    assert (found.heads is None) == (before.heads == graph.heads)
    for key, data in found.removed.items():
        assert data["name"] == before.name(key)
