"""Transactions: what they refuse, and that a refusal leaves no trace."""

from __future__ import annotations

from collections.abc import Callable

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import graphpass
from graphpass.errors import CycleError, GraphError
from graphpass.graph import Edit, Entry, Graph


def chain(length: int = 3) -> Graph:
    """Build data -> r0 -> r1 -> ...; keys are 0, 1, 2, ..."""
    graph = Graph()
    with graph.edit() as edit:
        last = edit.add_variable("data")
        for number in range(length):
            last = edit.add_node("relu", f"r{number}", {}, [Entry(last)])
        edit.set_heads([Entry(last)])
    return graph


def everything(graph: Graph) -> object:
    """Return all that a graph says, independent of dictionary order."""
    return (
        {key: (graph.op(key), graph.name(key), dict(graph.attrs(key))) for key in graph.dag},
        {key: (graph.inputs(key), graph.control_dependencies(key)) for key in graph.dag},
        {key: sorted(graph.dag.successors(key)) for key in graph.dag},
        graph.heads,
        {name: sorted(graph.named(name)) for name in graph.names},
        graphpass.dumps(graph),
    )


Step = Callable[[Edit], object]

REFUSED: dict[str, tuple[Step, type[Exception], str]] = {
    "a cycle": (
        lambda edit: edit.set_inputs(1, [Entry(3)]),
        CycleError,
        "the graph has a cycle: r0 -> r1 -> r2 -> r0",
    ),
    "a node that reads itself": (
        lambda edit: edit.set_inputs(2, [Entry(2)]),
        CycleError,
        "r1 -> r1",
    ),
    "a cycle through a control dependency": (
        lambda edit: edit.set_inputs(1, [Entry(0)], control=[2]),
        CycleError,
        "r0 -> r1 -> r0",
    ),
    "too many inputs": (
        lambda edit: edit.set_inputs(2, [Entry(1), Entry(0)]),
        GraphError,
        "relu 'r1' (#2) takes 1 input (data) under its attributes, but is given 2",
    ),
    "too few inputs": (
        lambda edit: edit.add_node("Convolution", "c", {"kernel": "(1,1)", "num_filter": "1"}),
        GraphError,
        "takes 3 inputs (data, weight, bias)",
    ),
    "attributes that change the number of inputs": (
        lambda edit: (edit.set_op(2, "LeakyReLU"), edit.set_attrs(2, {"act_type": "prelu"})),
        GraphError,
        "LeakyReLU 'r1' (#2) takes 2 inputs (data, gamma)",
    ),
    "an output that does not exist": (
        lambda edit: edit.set_inputs(3, [Entry(2, 1)]),
        GraphError,
        "input 0 of relu 'r2' (#3) reads output 1 of relu 'r1' (#2), which has 1",
    ),
    "a head that does not exist": (
        lambda edit: edit.set_heads([Entry(3, 4)]),
        GraphError,
        "a head reads output 4",
    ),
    "a head on no node": (
        lambda edit: edit.set_heads([Entry(77)]),
        GraphError,
        "the graph has no such node",
    ),
    "an input from no node": (
        lambda edit: edit.set_inputs(1, [Entry(77)]),
        GraphError,
        "relu 'r0' (#1) can't read node #77",
    ),
    "two variables of one name": (
        lambda edit: edit.add_variable("data"),
        GraphError,
        "two variables would be called 'data': #0 and #5",
    ),
    "removing what is read": (
        lambda edit: edit.remove_node(1),
        GraphError,
        "relu 'r0' (#1) can't be removed: relu 'r1' (#2) reads it",
    ),
    "a head that is no entry": (
        lambda edit: edit.set_heads([3]),  # type: ignore[list-item]
        GraphError,
        "heads are entries, such as Entry(3), but here is 3",
    ),
    "inputs that are no list": (
        lambda edit: edit.set_inputs(1, 7),  # type: ignore[arg-type]
        GraphError,
        "the inputs of a node are a list of entries, not 7",
    ),
    "attributes that MXNet refuses": (
        lambda edit: edit.set_op(1, "Activation"),
        GraphError,
        "Activation 'r0' (#1): Activation needs the attribute act_type",
    ),
    "a name that is no text": (
        lambda edit: edit.rename(1, 5),  # type: ignore[arg-type]
        GraphError,
        "5 can't be a name: it is no text",
    ),
    "a name with a NUL": (
        lambda edit: edit.rename(1, "a\0b"),
        GraphError,
        "it holds a NUL",
    ),
    "a node that is not there": (
        lambda edit: edit.remove_node(99),
        GraphError,
        "the graph has no node #99",
    ),
    "a slot that is not there": (
        lambda edit: edit.set_input(1, 7, Entry(0)),
        GraphError,
        "relu 'r0' (#1) has 1 inputs, so there is no input 7",
    ),
    "removing a head": (
        lambda edit: edit.remove_node(3),
        GraphError,
        "it is a head",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_and_undone(what: str) -> None:
    step, kind, message = REFUSED[what]
    graph = chain()
    before = everything(graph)
    with pytest.raises(kind) as caught, graph.edit() as edit:
        edit.update_attrs(3, {"__mark__": "1"})
        edit.add_node("relu", "extra", {}, [Entry(1)])
        step(edit)
    assert message in str(caught.value)
    assert everything(graph) == before


def test_any_exception_undoes_the_block() -> None:
    graph = chain()
    before = everything(graph)
    with pytest.raises(ZeroDivisionError), graph.edit() as edit:
        edit.redirect(Entry(2), Entry(1))
        edit.sweep()
        _ = 1 / 0
    assert everything(graph) == before


def test_an_inner_transaction_is_undone_with_the_outer_one() -> None:
    graph = chain()
    before = everything(graph)
    with pytest.raises(RuntimeError), graph.edit() as outer:
        outer.rename(1, "outer")
        with graph.edit() as inner:
            inner.rename(2, "inner")
        assert graph.name(2) == "inner"
        raise RuntimeError
    assert everything(graph) == before


def test_an_inner_failure_leaves_the_outer_edits() -> None:
    graph = chain()
    with graph.edit() as outer:
        outer.rename(1, "outer")
        with pytest.raises(CycleError), graph.edit() as inner:
            inner.rename(2, "inner")
            inner.set_inputs(1, [Entry(3)])
        assert (graph.name(1), graph.name(2)) == ("outer", "r1")
    assert graph.name(1) == "outer"


def test_keys_are_never_reused() -> None:
    graph = chain()
    with pytest.raises(RuntimeError), graph.edit() as edit:
        lost = edit.add_node("relu", "x", {}, [Entry(0)])
        raise RuntimeError
    with graph.edit() as edit:
        assert edit.add_node("relu", "x", {}, [Entry(0)]) != lost


def test_names_may_be_swapped_in_one_transaction() -> None:
    graph = Graph()
    with graph.edit() as edit:
        a, b = edit.add_variable("a"), edit.add_variable("b")
        edit.set_heads([Entry(a), Entry(b)])
    with graph.edit() as edit:
        edit.rename(a, "b")
        edit.rename(b, "a")
    assert graph.outputs == ["b", "a"]


def test_redirect_moves_every_use_and_every_head() -> None:
    graph = Graph()
    with graph.edit() as edit:
        x, y = edit.add_variable("x"), edit.add_variable("y")
        twice = edit.add_node("elemwise_add", "twice", {}, [Entry(x), Entry(x)])
        edit.set_heads([Entry(twice), Entry(x), Entry(x)])
    with graph.edit() as edit:
        assert edit.redirect(Entry(x), Entry(y)) == 4
    assert graph.inputs(twice) == (Entry(y), Entry(y))
    assert graph.outputs == ["twice_output", "y", "y"]


def test_sweep_removes_what_no_head_reaches() -> None:
    graph = chain(4)
    with graph.edit() as edit:
        edit.set_heads([Entry(2)])
        assert edit.sweep() == [4, 3]
    assert sorted(graph.dag) == [0, 1, 2]


def test_control_dependencies_keep_a_node_alive_and_are_no_slots() -> None:
    graph = chain()
    with graph.edit() as edit:
        first = edit.add_variable("first")
        edit.set_inputs(1, graph.inputs(1), control=[first])
    assert graph.control_dependencies(1) == (first,)
    assert graph.inputs(1) == (Entry(0),)
    assert graph.arguments == ["data", "first"]
    with pytest.raises(GraphError, match="reads it"), graph.edit() as edit:
        edit.remove_node(first)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "rename", "rewire", "redirect", "heads", "sweep", "attrs", "remove"]
        ),
        st.integers(0, 11),
        st.integers(0, 11),
        st.integers(0, 11),
    ),
    max_size=12,
)


@settings(max_examples=400)
@given(STEPS, st.booleans())
def test_random_edits_hold_the_invariants_or_leave_no_trace(
    steps: list[tuple[str, int, int, int]], fail: bool
) -> None:
    graph = chain(5)
    before = everything(graph)
    try:
        with graph.edit() as edit:
            for step in steps:
                _take(graph, edit, *step)
            _ = 1 / (not fail)
    except (GraphError, ZeroDivisionError):
        assert everything(graph) == before
    else:
        text = graphpass.dumps(graph)
        assert graphpass.dumps(graphpass.loads(text)) == text
        assert {name: sorted(graph.named(name)) for name in graph.names} == {
            name: sorted(key for key in graph.dag if graph.name(key) == name)
            for name in {graph.name(key) for key in graph.dag}
        }


def _take(graph: Graph, edit: Edit, what: str, a: int, b: int, c: int) -> None:
    keys = sorted(graph.dag)
    first, second, third = (keys[number % len(keys)] for number in (a, b, c))
    if what == "add":
        edit.add_node("elemwise_add", f"n{c}", {}, [Entry(first), Entry(second)])
    elif what == "rename":
        edit.rename(first, f"n{b}")
    elif what == "rewire":
        edit.set_inputs(first, [Entry(second)] * len(graph.inputs(first)), control=[third][: c % 2])
    elif what == "redirect":
        edit.redirect(Entry(first), Entry(second), keep=[third])
    elif what == "heads":
        edit.set_heads([Entry(first), Entry(second)])
    elif what == "sweep":
        edit.sweep()
    elif what == "attrs":
        edit.update_attrs(first, {"__lr_mult__": str(b)})
    else:
        edit.remove_node(first)


def test_a_transaction_ends_with_its_block() -> None:
    graph = chain()
    with graph.edit() as edit:
        edit.rename(1, "inside")
    with pytest.raises(GraphError, match="this transaction is not open"):
        edit.rename(1, "outside")
    assert graph.name(1) == "inside"
