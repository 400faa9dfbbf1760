"""Selectors of nodes and of values, exact names first."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Any

import pytest
from effort import at_most

from graphpass import Graph, loads
from graphpass.errors import SelectorError
from graphpass.graph import Entry
from graphpass.rules.selectors import (
    select,
    select_entries,
    select_entry,
    select_matches,
    select_names,
    select_one,
)

NODES: list[tuple[str, str, list[list[int]], dict[str, str]]] = [
    ("null", "data", [], {}),
    ("null", "stem_3*3_weight", [], {}),
    ("FullyConnected", "fc1", [[0, 0, 0], [1, 0, 0]], {"num_hidden": "4", "no_bias": "True"}),
    ("SliceChannel", "slice0", [[2, 0, 0]], {"num_outputs": "2"}),
    ("elemwise_add", "_plus0", [[3, 0, 0], [3, 1, 0]], {}),
    ("elemwise_add", "_plus0", [[4, 0, 0], [3, 1, 0]], {}),
    ("null", "gamma", [], {}),
    ("null", "beta", [], {}),
    ("null", "mean", [], {}),
    ("null", "var", [], {}),
    ("BatchNorm", "bn", [[5, 0, 0], [6, 0, 0], [7, 0, 0], [8, 0, 0], [9, 0, 0]], {}),
    ("relu", "data", [[10, 0, 0]], {}),
    ("relu", "op:odd", [[11, 0, 0]], {}),
    ("relu", "unreached", [[12, 0, 0]], {}),
]


@pytest.fixture
def graph() -> Graph:
    nodes = [
        {"op": op, "name": name, "inputs": inputs, "attrs": attrs}
        for op, name, inputs, attrs in NODES
    ]
    variables = [i for i, node in enumerate(NODES) if node[0] == "null"]
    return loads(json.dumps({"nodes": nodes, "arg_nodes": variables, "heads": [[12, 0, 0]]}))


@pytest.mark.parametrize(
    ("selector", "keys"),
    [
        ("fc1", [2]),
        ("stem_3*3_weight", [1]),
        ("_plus0", [4, 5]),
        ("data", [0, 11]),
        ("glob:*a", [0, 6, 7, 11]),
        ("glob:stem_3[*]3*", [1]),
        ("regex:_plus\\d", [4, 5]),
        ("regex:plus", None),
        ("op:elemwise_add", [4, 5]),
        ("op:broadcast_add", None),
        ("op:_Plus", [4, 5]),
        ("op:split", [3]),
        ("id:5", [5]),
        ("id:13", None),
        ("id:99", None),
        ("unreached", None),
        ("op:odd", None),
        ({"name": "op:odd"}, [12]),
        ({"glob": "fc*"}, [2]),
        ({"id": 5}, [5]),
        (["fc1", "data", "glob:_plus*"], [0, 2, 4, 5, 11]),
        ([["fc1"], {"id": 3}], [2, 3]),
    ],
)
def test_select(graph: Graph, selector: Any, keys: list[int] | None) -> None:
    found = select(graph, selector, optional=True)
    assert found == (keys or [])
    if keys is None:
        with pytest.raises(SelectorError):
            select(graph, selector)


def test_kinds(graph: Graph) -> None:
    assert select(graph, "data", kind="variables") == [0]
    assert select(graph, "data", kind="operators") == [11]


@pytest.mark.parametrize(
    ("selector", "kind", "message"),
    [
        ("fc2", "both", "no node is called 'fc2'; nearest: fc1"),
        ("fc1", "variables", "no variable is called 'fc1', but an operator is"),
        ("op:FullConnected", "both", "no node runs the operator 'FullConnected'; "
         "the graph has FullyConnected"),
        ("glob:x*", "operators", "glob:x* selects no operator"),
        ("regex:(", "both", "regex:( is no regular expression: missing )"),
        ("id:x", "both", "id:x is no node key; write a number, such as id:17"),
        ("id:" + "9" * 5000, "both", "id:999"),
        ({"nam": "x"}, "both", "{'nam': 'x'} is no selector; write one of name, glob, regex, op, "
         'id, such as {glob: "conv*"}'),
        (3, "both", "3 is no selector; write a name"),
    ],
)  # fmt: skip
def test_refusals(graph: Graph, selector: Any, kind: Any, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        select(graph, selector, kind=kind)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("selector", ["_plus0", ["fc1", "slice0"], {"regex": "_plus."}, "x" * 500])
def test_one_node_is_one_node(graph: Graph, selector: Any) -> None:
    assert select_one(graph, "fc1") == 2
    with pytest.raises(SelectorError):
        select_one(graph, selector)


def test_variables_are_listed_as_such(graph: Graph) -> None:
    with pytest.raises(SelectorError, match=r"choose: id:0 \(variable 'data'\), id:"):
        select_one(graph, "glob:*")


def test_several_nodes_are_listed_by_key(graph: Graph) -> None:
    with pytest.raises(SelectorError) as caught:
        select_one(graph, "_plus0")
    assert str(caught.value) == (
        "'_plus0' selects 2 nodes where one is meant; choose: "
        "id:4 (elemwise_add '_plus0'), id:5 (elemwise_add '_plus0')"
    )


@pytest.mark.parametrize(
    ("selector", "entry"),
    [
        ("fc1", Entry(2)),
        ("fc1_output", Entry(2)),
        ("slice0_output1", Entry(3, 1)),
        ("bn", Entry(10)),
        ("bn_mean", Entry(10, 1)),
        ("gamma", Entry(6)),
        ("id:3:1", Entry(3, 1)),
        ("id:5", Entry(5)),
        ({"node": "slice0", "output": 1}, Entry(3, 1)),
        ({"node": {"op": "SliceChannel"}, "output": 0}, Entry(3)),
        ({"name": "op:odd"}, Entry(12)),
    ],
)
def test_values(graph: Graph, selector: Any, entry: Entry) -> None:
    assert select_entry(graph, selector) == entry


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("fc2_output", "no output 'fc2_output'; nearest: fc1_output"),
        ("slice0", "'slice0' has 2 outputs; choose one: slice0_output0, slice0_output1"),
        ("id:3:2", "'slice0' has 2 outputs, so there is none 2"),
        ("_plus0_output", "'_plus0_output' names 2 values; choose one: id:4:0, id:5:0"),
        ({"node": "slice0"}, "'slice0' has 2 outputs; choose one"),
    ],
)
def test_values_that_are_none_or_several(graph: Graph, selector: Any, message: str) -> None:
    with pytest.raises(SelectorError) as caught:
        select_entry(graph, selector)
    assert str(caught.value).startswith(message)


def test_lists_of_values_keep_their_order(graph: Graph) -> None:
    assert select_entries(graph, ["slice0_output1", "fc1", "fc1"]) == [
        Entry(3, 1),
        Entry(2),
        Entry(2),
    ]
    assert select_entries(graph, "fc1") == [Entry(2)]


def test_matches_of_regular_expressions_come_with_the_nodes(graph: Graph) -> None:
    found = select_matches(graph, ["fc1", ["regex:f(.)1", "regex:f(..)"]])
    assert [(key, match and match.groups[1]) for key, match in found.items()] == [(2, None)]
    found = select_matches(graph, ["regex:f(..)", "fc1"])
    assert [(key, match and match.groups[1]) for key, match in found.items()] == [(2, "c1")]


def test_names_that_stand_in_no_graph() -> None:
    assert select_names(["a*", "ab"], "a*") == ["a*"]
    assert select_names(["ab", "ba"], "glob:a*") == ["ab"]
    assert select_names(["aa", "aab"], "regex:a+") == ["aa"]
    with pytest.raises(SelectorError, match="'op:x' selects nodes where names are meant"):
        select_names([], "op:x")


def named(names: Iterable[str]) -> Graph:
    graph = Graph()
    with graph.edit() as edit:
        edit.set_heads([Entry(edit.add_variable(name)) for name in names])
    return graph


def test_no_expression_takes_for_ever() -> None:
    graph = named("a" * 2000 + str(n) for n in range(50))
    with at_most(1_000_000):
        assert select(graph, "regex:(a+)+b", optional=True) == []
        assert select(graph, "regex:(a|aa)+[0-9]", optional=True) == list(range(10))


def test_a_large_expression_is_refused() -> None:
    with pytest.raises(SelectorError, match=r"it compiles to 4,0.. steps, 1,000 are allowed"):
        select_names(["a"], "regex:((a?){1000})+b")


@pytest.mark.parametrize("text", ["(?<=a)b", "(?=a)b", r"(a)\1", "(?>a)b", r"a\Z"])
def test_what_re2_has_not(text: str) -> None:
    with pytest.raises(SelectorError, match="RE2, which takes linear time on every name, has no"):
        select_names(["a"], f"regex:{text}")


@pytest.mark.parametrize("text", ["[[a]b]", "a||b", "[a--b]", "[a&&b]"])
def test_an_expression_gives_no_warning(text: str, recwarn: pytest.WarningsRecorder) -> None:
    with contextlib.suppress(SelectorError):
        select_names(["a"], f"regex:{text}")
    assert not recwarn.list


def test_names_that_are_no_utf_8() -> None:
    graph = named(["größe", "gr\udcf6\udcdfe", "grau"])
    found = select_matches(graph, "regex:gr(..)(.)")
    groups = [match and match.groups[1:] for match in found.values()]
    assert groups == [("öß", "e"), ("\udcf6\udcdf", "e")]


@pytest.mark.parametrize(
    ("form", "text", "name", "found"),
    [
        ("glob", "conv*", "conv0_weight", True),
        ("glob", "conv", "conv0", False),
        ("glob", "a[!b]*", "acb", True),
        ("regex", "conv[0-9]+", "conv12", True),
        ("regex", "conv", "conv12", False),
        ("regex", "(?i)CONV.+", "conv12", True),
        ("regex", "a.b", "a\nb", False),
    ],
)
def test_whole_names_match(form: str, text: str, name: str, found: bool) -> None:
    assert bool(select_names([name], f"{form}:{text}")) is found


def test_what_is_no_expression() -> None:
    with pytest.raises(SelectorError, match=r"regex:\( is no regular expression: missing \)"):
        select_names(["a"], "regex:(")
