"""Inference over a graph: both directions, hints, conflicts, unknown operators, `follow`."""

from __future__ import annotations

import pytest
from effort import at_most

from graphpass import Entry, Graph
from graphpass.formats.text import parse_graph
from graphpass.shapes import Inference, Shape, cost, infer


def shape_of(graph: Graph, inference: Inference, name: str) -> Shape | None:
    (key,) = graph.named(name)
    return inference.shape(Entry(key))


def dtype_of(graph: Graph, inference: Inference, name: str) -> str | None:
    (key,) = graph.named(name)
    return inference.dtype(Entry(key))


CONVOLUTION = """
data = variable()
w, b = variable(), variable()
conv = Convolution(data, w, b, kernel=(3, 3), num_filter=8)
act = Activation(conv, act_type="relu")
return act
"""


def test_parameters_take_their_shapes_from_the_data() -> None:
    graph = parse_graph(CONVOLUTION)
    found = infer(graph, {"data": (2, 3, 9, 9)}, {"data": "float16"})
    assert shape_of(graph, found, "w") == (8, 3, 3, 3)
    assert shape_of(graph, found, "act") == (2, 8, 7, 7)
    assert dtype_of(graph, found, "b") == "float16"
    assert not found.conflicts and not found.unknown


def test_what_is_known_in_part_goes_on_in_part() -> None:
    graph = parse_graph(CONVOLUTION)
    found = infer(graph, {"data": (None, 3, None, 9)})
    assert shape_of(graph, found, "act") == (None, 8, None, 7)


def test_nothing_given_is_nothing_known() -> None:
    graph = parse_graph(CONVOLUTION)
    found = infer(graph)
    assert shape_of(graph, found, "act") == (None, 8, None, None)
    assert dtype_of(graph, found, "act") is None
    assert not found.conflicts


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("y = FullyConnected(x, w, num_hidden=5, no_bias=True)", (None, 5)),
        ("y = FullyConnected(x, w, num_hidden=5, no_bias=True, flatten=False)", None),
        ("y = Flatten(x)", (None, None)),
        ("y = Reshape(x, shape=(-1, 4, 0))", (None, 4, None)),
        ("y = Reshape(x, shape=(-2,))", None),
        ("y = Deconvolution(x, w, kernel=(3,), num_filter=4)", (None, 4, None)),
        ("y = Pooling(x, kernel=(2, 2))", (None, None, None, None)),
        ("y = Pooling(x, global_pool=True)", None),
    ],
)
def test_operators_that_say_by_themselves_how_many_axes_there_are(
    text: str, shape: tuple[int | None, ...] | None
) -> None:
    graph = parse_graph(f"x, w = variable(), variable()\n{text}\nz = Cast(y, dtype='float32')\n"
                        "out = elemwise_add(z, relu(z))\nreturn out\n")  # fmt: skip
    assert shape_of(graph, infer(graph), "out") == shape


def test_inference_goes_backwards_through_a_chain() -> None:
    graph = parse_graph(
        "a, b = variable(), variable()\n"
        "c = relu(a)\nd = sigmoid(c)\ne = elemwise_add(d, b)\nreturn e\n"
    )
    found = infer(graph, {"b": (2, 3)}, {"b": "float64"})
    assert shape_of(graph, found, "a") == (2, 3)
    assert dtype_of(graph, found, "a") == "float64"


def test_zeros_with_an_open_batch_are_filled_in_by_their_reader() -> None:
    graph = parse_graph(
        "a = variable()\nz = _zeros(shape=(0, 3))\nsum = elemwise_add(a, z)\nreturn sum\n"
    )
    assert shape_of(graph, infer(graph, {"a": (5, 3)}), "z") == (5, 3)
    assert shape_of(graph, infer(graph), "sum") == (None, 3)


def test_hints_of_variables_count_where_nothing_is_given() -> None:
    graph = parse_graph("a = variable(__shape__=(2, 3), __dtype__=2)\nb = relu(a)\nreturn b\n")
    assert shape_of(graph, infer(graph), "b") == (2, 3)
    assert dtype_of(graph, infer(graph), "b") == "float16"
    given = infer(graph, {"a": (7, 3)}, {"a": "int32"})
    assert shape_of(graph, given, "b") == (7, 3)
    assert dtype_of(graph, given, "b") == "int32"


@pytest.mark.parametrize("hint", ["(2, x)", "None", "()", "(0, 3)"])
def test_a_hint_that_says_nothing_or_little_is_no_error(hint: str) -> None:
    graph = parse_graph(f'a = variable(__shape__="{hint}")\nb = relu(a)\nreturn b\n')
    assert not infer(graph, {"a": (2, 3)}).conflicts


def test_a_batch_that_is_baked_in_is_a_conflict_in_words() -> None:
    graph = parse_graph("a = variable()\nb = Reshape(a, shape=(2, 5))\nc = relu(b)\nreturn c\n")
    (conflict,) = infer(graph, {"a": (3, 5)}).conflicts
    assert (conflict.name, conflict.op) == ("b", "Reshape")
    assert "15 elements into 10" in conflict.message


def test_one_mistake_is_reported_once() -> None:
    graph = parse_graph(
        "a, w = variable(), variable()\n"
        "f = FullyConnected(a, w, num_hidden=4, no_bias=True)\ng = relu(f)\nh = relu(g)\nreturn h\n"
    )
    found = infer(graph, {"a": (2, 3), "w": (4, 5)})
    assert [each.name for each in found.conflicts] == ["f"]
    assert "(4, 5)" in found.conflicts[0].message


def test_an_attribute_that_is_no_value_is_a_conflict() -> None:
    graph = Graph()
    with graph.edit() as edit:
        data = edit.add_variable("data")
        key = edit.add_node("transpose", "t", {"axes": "(1, 0)"}, [Entry(data)])
        edit.set_heads([Entry(key)])
    graph._nodes[key]["attrs"] = {"axes": "(one, two)"}
    (conflict,) = infer(graph, {"data": (2, 3)}).conflicts
    assert conflict.key == key


def test_operators_without_a_rule_are_named() -> None:
    graph = parse_graph(
        "a = variable()\nb = Custom(a, op_type='x')\nc = relu(b)\nd = Custom(c, op_type='x')\n"
        "return d\n"
    )
    found = infer(graph, {"a": (2, 3)})
    assert found.unknown == {"Custom": (*graph.named("b"), *graph.named("d"))}
    assert shape_of(graph, found, "c") is None
    assert not found.conflicts


@pytest.mark.parametrize(
    ("np_shape", "state", "expected"), [(False, (1,), (3, 1)), (True, (), (3,))]
)
def test_what_a_loop_walks_through_has_an_axis_less(
    np_shape: bool, state: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    graph = parse_graph(
        "v, s = variable(), variable()\n"
        "def body():\n"
        "    a, b = variable(), variable()\n"
        "    y, t = elemwise_mul(a, b), _copy(b)\n"
        "    return y, t\n"
        "loop = _foreach(v, s, num_args=3, num_out_data=1, num_outputs=2, in_data_locs=(0,),\n"
        "                in_state_locs=(1,), remain_locs=(), subgraphs=[body])\n"
        "return loop\n"
    )
    found = infer(graph, {"v": (3,), "s": state}, np_shape=np_shape)
    assert not found.conflicts
    assert found.shape(graph.heads[0]) == expected


def test_a_cached_operator_is_inferred_through_the_graph_in_its_attribute() -> None:
    inner = (
        '{"nodes": [{"op": "null", "name": "a", "inputs": []}, {"op": "null", "name": "b", '
        '"inputs": []}, {"op": "dot", "name": "m", "inputs": [[0, 0, 0], [1, 0, 0]]}], '
        '"arg_nodes": [0, 1], "heads": [[2, 0, 0]]}'
    )
    graph = parse_graph("x, w = variable(), variable()\n"
                        f"y = _CachedOp(x, w, subgraph={inner!r})\nreturn y\n")  # fmt: skip
    found = infer(graph, {"x": (2, 3), "w": (3, 4)}, {"x": "float16"})
    assert found.shape(graph.heads[0]) == (2, 4)
    assert found.dtype(graph.heads[0]) == "float16"
    assert cost(graph, graph.heads[0].node, found) == 24
    with graph.edit() as edit:
        edit.update_attrs(graph.heads[0].node, {"subgraph": "[1"})
    assert infer(graph, {"x": (2, 3)}).shape(graph.heads[0]) is None


def test_a_norm_is_of_the_dtype_that_it_is_asked_for() -> None:
    graph = parse_graph("x = variable()\ny = norm(x, axis=1, out_dtype='float64')\nreturn y\n")
    assert infer(graph, {}, {"x": "float16"}).dtype(graph.heads[0]) == "float64"


def test_images_and_values_of_8_bits_have_shapes() -> None:
    graph = parse_graph(
        "x, a, b, r = variable(), variable(), variable(), variable()\n"
        "y = _image_to_tensor(_image_resize(x, size=(32, 16)))\n"
        "z = _image_normalize(y, mean=(0.5,), std=(0.2,))\n"
        "c = _contrib_quantized_concat(a, b, r, r, r, r, num_args=2, dim=1)\n"
        "return z, c\n"
    )
    found = infer(graph, {"x": (1, 40, 40, 3), "a": (2, 3), "b": (2, 5)}, {"x": "uint8"})
    assert [found.shape(head) for head in graph.heads] == [(1, 3, 16, 32), (2, 8)]
    assert found.dtype(graph.heads[0]) == "float32"


def test_a_value_that_is_read_twice_by_one_operator() -> None:
    graph = parse_graph("a = variable()\nb = elemwise_add(a, a)\nreturn b\n")
    assert shape_of(graph, infer(graph, {"a": (2, 3)}), "b") == (2, 3)


def test_follow_infers_new_nodes_from_what_they_read() -> None:
    graph = parse_graph(CONVOLUTION)
    found = infer(graph, {"data": (2, 3, 9, 9)}, {"data": "float32"})
    (act,) = graph.named("act")
    with graph.edit() as edit:
        weight = edit.add_variable("fc_weight")
        flat = edit.add_node("Flatten", "flat", {}, [Entry(act)])
        fc = edit.add_node(
            "FullyConnected",
            "fc",
            {"num_hidden": "5", "no_bias": "True"},
            [Entry(flat), Entry(weight)],
        )
        edit.set_heads([Entry(fc)])
    assert found.follow([weight, flat, fc]) == ()
    assert found.shape(Entry(fc)) == (2, 5)
    assert found.shape(Entry(weight)) == (5, 392)
    assert found.dtype(Entry(weight)) == "float32"


def test_follow_reports_conflicts_of_its_nodes_alone() -> None:
    graph = parse_graph("a = variable()\nb = relu(a)\nreturn b\n")
    found = infer(graph, {"a": (2, 3)})
    (b,) = graph.named("b")
    with graph.edit() as edit:
        edit.set_op(b, "Reshape")
        edit.set_attrs(b, {"shape": "(5, 5)"})
    (conflict,) = found.follow([b])
    assert "6 elements into 25" in conflict.message
    with graph.edit() as edit:
        edit.set_attrs(b, {"shape": "(3, 2)"})
    assert found.follow([b]) == () == found.conflicts
    assert found.shape(Entry(b)) == (3, 2)


def test_follow_leaves_the_values_of_other_nodes_alone() -> None:
    graph = parse_graph("a = variable()\nb = relu(a)\nreturn b\n")
    found = infer(graph)
    (a,) = graph.named("a")
    with graph.edit() as edit:
        other = edit.add_variable("other", {"__shape__": "(2, 3)"})
        both = edit.add_node("elemwise_add", "both", {}, [Entry(a), Entry(other)])
        edit.set_heads([Entry(both)])
    found.follow([other, both])
    assert found.shape(Entry(both)) == (2, 3)
    assert found.shape(Entry(a)) is None


@pytest.mark.parametrize("backwards", [False, True])
def test_a_long_chain_takes_linear_time_and_no_stack(backwards: bool) -> None:
    graph = Graph()
    with graph.edit() as edit:
        data = edit.add_variable("data")
        value = Entry(data)
        for number in range(20_000):
            value = Entry(edit.add_node("relu", f"relu{number}", {}, [value]))
        known = edit.add_variable("known")
        both = edit.add_node("elemwise_add", "both", {}, [value, Entry(known)])
        edit.set_heads([Entry(both)])
    with at_most(250 * len(graph)):
        found = infer(graph, {"known" if backwards else "data": (2, 3)})
    assert found.shape(Entry(data)) == found.shape(Entry(known)) == (2, 3)
