"""How graphs look in the text form."""

from __future__ import annotations

import json

from graphpass import Graph, loads
from graphpass.formats.text import parse_graph, print_graph
from graphpass.graph import Entry


def printed(text: str) -> list[str]:
    return print_graph(parse_graph(text)).splitlines()


def test_variables_that_stand_together_share_a_line_up_to_its_width() -> None:
    names = [f"quite_a_long_name_{number}" for number in range(7)]
    declared = "\n".join(f"{name} = variable()" for name in names)
    lines = printed(f"{declared}\nreturn Concat({', '.join(names)}, num_args=7, dim=1)")
    assert lines[0] == (
        "quite_a_long_name_0, quite_a_long_name_1, quite_a_long_name_2 = "
        "variable(), variable(), variable()"
    )
    assert all(len(line) <= 100 for line in lines[:-2])
    assert sum(line.count("variable()") for line in lines) == 7


def test_a_variable_with_an_attribute_has_a_line_of_its_own() -> None:
    assert printed(
        "a = variable()\nb = variable(__lr_mult__=2.0)\nc = variable()\nreturn a, b, c"
    ) == ["a = variable()", "b = variable(__lr_mult__=2.0)", "c = variable()", "return a, b, c"]


def test_a_small_edit_changes_few_lines() -> None:
    graph = parse_graph("x, w = variable(), variable()\ny = dot(x, w)\nz = relu(y)\nreturn z")
    before = print_graph(graph).splitlines()
    with graph.edit() as edit:
        edit.rename(graph.named("y")[0], "score")
    after = print_graph(graph).splitlines()
    assert [new for old, new in zip(before, after, strict=True) if old != new] == [
        "score = dot(x, w)",
        "z = relu(score)",
    ]


def test_a_name_of_several_nodes_goes_to_the_first() -> None:
    assert printed(
        'a = variable()\nb = relu(a, name="a")\na_1 = relu(b)\nc = relu(a_1, name="a")\nreturn c'
    ) == [
        "a = variable()",
        'a_2 = relu(a, name="a")',
        "a_1 = relu(a_2)",
        'a_3 = relu(a_1, name="a")',
        "return a_3",
    ]


def test_required_attributes_come_first_and_undeclared_ones_last() -> None:
    text = (
        "x, w = variable(), variable()\n"
        "y = Convolution(x, w, __a__=1, workspace=2, no_bias=True, num_filter=3, kernel=(1,))\n"
        "return y"
    )
    assert printed(text)[1] == (
        "y = Convolution(x, w, kernel=(1,), num_filter=3, no_bias=True, workspace=2, __a__=1)"
    )


def test_what_mxnet_would_refuse_stands_in_backquotes() -> None:
    nodes = [
        {"op": "null", "name": "x", "inputs": []},
        {"op": "Mine", "name": "unknown", "inputs": [[0, 0]]},
        {"op": "Activation", "name": "extra", "attrs": {"act_type": "nope"}, "inputs": [[1, 0]]},
    ]
    unparsed = {"mxnet_version": ["int", 1_000_000]}
    tree = {"nodes": nodes, "arg_nodes": [], "heads": [[2, 0]], "attrs": unparsed}
    graph = loads(json.dumps(tree))
    assert print_graph(graph).splitlines() == [
        "x = variable()",
        "unknown = `Mine`(x)",
        'extra = `Activation`(unknown, act_type="nope")',
        "return extra",
    ]


def test_an_operator_with_the_name_of_a_keyword_of_the_form() -> None:
    graph = Graph()
    with graph.edit() as edit:
        x = Entry(edit.add_variable("x"))
        y = Entry(edit.add_node("variable", "y", {}, [x]))
        edit.set_heads([y])
    text = print_graph(graph)
    assert "y = `variable`(x)" in text
    assert [node.op for node in parse_graph(text)] == ["null", "variable"]


def test_nodes_that_the_heads_do_not_reach_are_left_out() -> None:
    graph = parse_graph("x = variable()\ny = relu(x)\nreturn y")
    with graph.edit() as edit:
        edit.set_heads([Entry(graph.named("x")[0])])
    assert print_graph(graph) == "x = variable()\nreturn x"
