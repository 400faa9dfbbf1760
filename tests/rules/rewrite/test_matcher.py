"""Where patterns hold, element by element, and the reason where they do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from graphpass import Graph, Model, loads
from graphpass.graph import Entry
from graphpass.rules import find, parse_pattern
from graphpass.rules.report.firings import Level
from graphpass.rules.rewrite.match import Fault
from graphpass.rules.rewrite.matcher import Matcher
from graphpass.rules.rewrite.pattern import compile_pattern

Net = Callable[..., Model]


def spell(value: Any, graph: Graph) -> Any:
    if isinstance(value, int):
        return graph.name(value)
    if isinstance(value, Entry):
        return graph.output_name(value)
    return tuple(graph.output_name(entry) for entry in value)


def found(pattern: str, model: Model) -> list[dict[str, Any]]:
    """Return, per match, its bindings by name."""
    return [
        {name: spell(value, match.graph) for name, value in match.bindings.items()}
        for match in find(pattern, model)
    ]


def reason(pattern: str, model: Model, name: str) -> str:
    """Return why a pattern does not hold at the node of a name."""
    (key,) = model.graph.named(name)
    answer = Matcher(compile_pattern(parse_pattern(pattern)), model.graph, inputs=model.inputs).at(
        key
    )
    assert not answer
    return str(answer.reason)


CHAIN = """
a = relu(x)
b = relu(a)
c = Convolution(b, w, bias, kernel=(3, 3), num_filter=4)
d = Dropout(c, p=0.3)
e = BatchNorm(d, g, beta, m, v)
"""


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("y = relu(relu(z))", [{"y": "b", "z": "x"}]),
        ("y = relu(_)", [{"y": "a"}, {"y": "b"}]),
        ("Convolution(y, *ws)", [{"y": "b_output", "ws": ("w", "bias")}]),
        ("Convolution(*_, last)", [{"last": "bias"}]),
        ("Convolution(y, w1)", []),
        ("Convolution(y, w1, optional(q))", [{"y": "b_output", "w1": "w", "q": "bias"}]),
        ("_npx_convolution(y, w1, q)", [{"y": "b_output", "w1": "w", "q": "bias"}]),
        ("Convolution(y, *_, kernel=(3, 3), no_bias=False, stride=())", [{"y": "b_output"}]),
        ("Convolution(y, *_, kernel=(1, 1))", []),
        ("Dropout(y, p=0.3, mode='training')", [{"y": "c_output"}]),
        ("BatchNorm(y, *_, fix_gamma=True, eps=0.001)", [{"y": "d_output"}]),
        ("BatchNorm(maybe(Dropout)(c), *_)", [{"c": "c_output"}]),
        ("BatchNorm(maybe(identity)(c), *_)", [{"c": "d_output"}]),
        ("n = maybe(identity)(c)\nBatchNorm(n, *_)", [{"n": "d_output", "c": "d_output"}]),
        ("n = maybe(Dropout | identity)(c)\nBatchNorm(n, *_)", [{"n": "d", "c": "c_output"}]),
        ("n = maybe(Dropout)(c, p=0.5)\nBatchNorm(n, *_)", [{"n": "d_output", "c": "d_output"}]),
        ("(Dropout | tanh)(y)", [{"y": "c_output"}]),
        ("Convolution(_, param(p), param(q))", [{"p": "w", "q": "bias"}]),
        ("Convolution(_, input(p), _)", []),
        ("BatchNorm(_, param(p), _, aux(q), _)", [{"p": "g", "q": "m"}]),
        ("relu(input(p))", [{"p": "x"}]),
        ("relu(const(p))", []),
        ("`relu`(input(p))", [{"p": "x"}]),
        ("`no such op`(p)", []),
    ],
)
def test_one_root(pattern: str, expected: list[Any], net: Net) -> None:
    model = net(f"{CHAIN}return e", w=(4, 3, 3, 3), bias=(4,), g=(4,), beta=(4,), m=(4,), v=(4,))
    assert found(pattern, model) == expected


def test_the_same_name_is_the_same_value(net: Net) -> None:
    model = net("a = elemwise_add(x, x)\nb = elemwise_add(a, x)\nreturn b")
    assert found("y = elemwise_add(p, p)", model) == [{"y": "a", "p": "x"}]
    assert found("concat(*p)", model) == []
    assert "p is variable 'x' (#0) already, not relu 'a' (#1)" in reason(
        "y = elemwise_sub(p, p)", net("a = relu(x)\nb = elemwise_sub(x, a)\nreturn b"), "b"
    )


def test_outputs(net: Net) -> None:
    model = net("s = SliceChannel(x, num_outputs=2)\nt = tanh(s[1])\nreturn t, s[0]")
    assert found("p, q = SliceChannel(y)", model) == [
        {"p": "s_output0", "q": "s_output1", "y": "x"}
    ]
    assert found("_, q = SliceChannel(y)", model) == []  # somebody uses the other one
    assert found("p, q, r = SliceChannel(y)", model) == []
    assert found("n = SliceChannel(y)\nr = tanh(n[1])\nshared(n)", model) == [
        {"n": "s", "r": "t", "y": "x"}
    ]
    assert found("n = SliceChannel(y)\nr = tanh(n[1])\nreturn r, n[0]", model)
    assert "output 1 of SliceChannel 's' (#1) is read, not output 0" in reason(
        "tanh(SliceChannel(y))", model, "t"
    )
    assert "has 2 visible outputs; the pattern names 3" in reason(
        "p, q, r = SliceChannel(y)", model, "s"
    )


def test_constants(net: Net) -> None:
    text = (
        "a = elemwise_add(w, v)\nz = _zeros(shape=(2,))\nb = elemwise_mul(a, z)\n"
        "c = Dropout(w)\nd = elemwise_sub(b, c)\ne = elemwise_sub(x, d)\nreturn e"
    )
    model = net(text, w=(2,), v=(2,))
    assert found("elemwise_sub(const(p), q)", model) == [{"p": "b_output", "q": "c_output"}]
    assert found("elemwise_sub(p, const(q))", model) == []
    assert found("elemwise_sub(input(p), q)", model) == [{"p": "x", "q": "d_output"}]


def test_a_graph_without_parameters_goes_by_hints(net: Net) -> None:
    model = net("c = FullyConnected(x, w, no_bias=True, num_hidden=2)\nreturn c")
    assert [len(find("FullyConnected(input(p), param(q))", each)) for each in (model, model.graph)]
    assert len(find("FullyConnected(input(p), param(q))", model.graph)) == 1


COMMUTATIVE = """
r = relu(x)
t = tanh(x)
s = add_n(t, y, r, num_args=3)
return s
"""


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("add_n(relu(a), tanh(b), c)", [{"a": "x", "b": "x", "c": "y"}]),
        ("add_n(relu(a), *rest)", [{"a": "x", "rest": ("t_output", "y")}]),
        ("add_n(a, b, c)", [{"a": "t_output", "b": "y", "c": "r_output"}]),
        ("add_n(relu(a), b)", []),
        ("add_n(relu(a), b, c, optional(d))", [{"a": "x", "b": "t_output", "c": "y"}]),
        ("add_n(input(a), param(b), c)", []),
        ("add_n(sigmoid(a), b, c)", []),
    ],
)
def test_commutative_operands_stand_in_any_order(
    pattern: str, expected: list[Any], net: Net
) -> None:
    assert found(pattern, net(COMMUTATIVE)) == expected


@pytest.mark.parametrize("last", ["shared(b)", "return s, b", "distinct(b, v)\nreturn s, b"])
def test_operands_that_something_tells_apart_are_tried_both_ways(last: str, net: Net) -> None:
    model = net("r = relu(x)\nt = relu(y)\ns = elemwise_add(r, t)\nu = tanh(r)\nreturn s, u")
    pattern = f"a = relu(v)\nb = relu(w)\ns = elemwise_add(a, b)\n{last}"
    assert found(pattern, model) == [{"a": "t", "b": "r", "s": "s", "v": "y", "w": "x"}]


def test_other_operands_keep_their_places(net: Net) -> None:
    model = net("r = relu(x)\ns = elemwise_sub(r, x)\nreturn s")
    assert len(find("elemwise_sub(relu(a), b)", model)) == 1
    assert find("elemwise_sub(b, relu(a))", model) == []


NINE = ("relu", "tanh", "sigmoid", "negative", "abs", "exp", "log", "sqrt", "square")


@pytest.mark.parametrize(
    "operands",
    [
        [f"{op}(x{i})" for i, op in enumerate(reversed(NINE))],
        [f"x{i}" for i in range(9)],
        [*(f"x{i}" for i in range(8)), "relu(input(_))"],
        [f"(relu | tanh | sigmoid)(x{i})" for i in range(9)],
        [*(f"x{i}" for i in range(8)), "softsign(_)"],
    ],
)
def test_nine_commutative_operands_take_few_steps(operands: list[str], net: Net) -> None:
    lines = [f"n{i} = {op}(v{i})" for i, op in enumerate(NINE)]
    lines.append(f"s = add_n({', '.join(f'n{i}' for i in range(9))}, num_args=9)")
    model = net("\n".join([*lines, "out = tanh(n0)", "return s, out"]))  # so n0 is used outside
    steps = Counting()
    plan = compile_pattern(parse_pattern(f"add_n({', '.join(operands)})"))
    list(Matcher(plan, model.graph).assignments(model.graph.named("s")[0], steps))
    assert steps.count < 200


class Counting:
    """A recorder that counts."""

    def __init__(self) -> None:
        self.count = 0

    def tried(self, part: int, key: int) -> None:
        self.count += 1

    def matched(self, part: int, key: int) -> None:
        self.count += 1

    def failed(self, fault: Fault) -> None:
        self.count += 1


def test_optional_inputs_go_by_name(net: Net) -> None:
    text = (
        "r = RNN(x, p, s, length, mode='gru', state_size=2, num_layers=1, use_sequence_length=True)"
        "\nreturn r"
    )
    assert found("RNN(x1, p1, s1, optional(cell), optional(n))", net(text)) == [
        {"x1": "x", "p1": "p", "s1": "s", "n": "length"}
    ]
    assert found("RNN(x1, p1, s1, cell, optional(n))", net(text)) == []


def test_two_operators_never_match_one_node(net: Net) -> None:
    model = net("a = relu(x)\ny = elemwise_sub(a, a)\nreturn y")
    assert find("elemwise_sub(relu(p), relu(q))", model) == []
    assert found("a = relu(p)\nelemwise_sub(a, a)", model) == [{"a": "a", "p": "x"}]
    assert found("elemwise_sub(p, q)", model) == [{"p": "a_output", "q": "a_output"}]
    assert find("elemwise_sub(p, q)\ndistinct(p, q)", model) == []
    assert reason("elemwise_sub(relu(p), relu(q))", model, "y") == (
        "relu 'a' (#1) stands for relu already and can't stand for relu too"
    )
    assert reason("elemwise_sub(p, q)\ndistinct(p, q)", model, "y") == (
        "p and q are both relu 'a' (#1)"
    )


@pytest.mark.parametrize(
    ("tail", "why"),
    [
        ("t = tanh(a)\nreturn b, t", "relu 'a' (#1) is also used by tanh 't' (#3)"),
        ("return b, a", "output 0 of relu 'a' (#1) is a head"),
    ],
)
def test_an_interior_node_is_used_inside_only(tail: str, why: str, net: Net) -> None:
    model = net(f"a = relu(x)\nb = relu(a)\n{tail}")
    assert find("relu(relu(x))", model) == []
    assert len(find("i = relu(x)\nrelu(i)\nshared(i)", model)) == 1
    assert len(find("i = relu(x)\no = relu(i)\nreturn o, i", model)) == 1
    assert reason("relu(relu(x))", model, "b") == why


def test_hidden_outputs_and_control_dependencies_are_uses() -> None:
    def graph(**more: Any) -> Graph:
        nodes = [{"op": "null", "name": name, "inputs": []} for name in "xgbmv"]
        entries = [[number, 0, 0] for number in range(5)]
        nodes.append({"op": "BatchNorm", "name": "bn", "inputs": entries})
        nodes.append({"op": "relu", "name": "out", "inputs": [[5, 0, 0]]})
        nodes.append({"op": "tanh", "name": "other", **more})
        head = [[6, 0, 0], [7, 0, 0]]
        return loads(json.dumps({"nodes": nodes, "arg_nodes": [0, 1, 2, 3, 4], "heads": head}))

    pattern = "relu(BatchNorm(*_))"
    assert len(find(pattern, graph(inputs=[[0, 0, 0]]))) == 1
    assert find(pattern, graph(inputs=[[5, 1, 0]])) == []
    assert find(pattern, graph(inputs=[[0, 0, 0]], control_deps=[5])) == []
    assert len(find("relu(x)", graph(inputs=[[0, 0, 0]], control_deps=[6]))) == 1


def test_several_roots(net: Net) -> None:
    text = "q = dot(x, wq)\nk = dot(x, wk)\nother = dot(z, wk)\nreturn q, k, other"
    pattern = "a = dot(x, v)\nb = dot(x, w)\nreturn a, b"
    assert found(pattern, net(text)) == [{"a": "q", "b": "k", "x": "x", "v": "wq", "w": "wk"}]
    climbing = "s = relu(x)\nt = tanh(x)\nu = sigmoid(t)\nreturn u, s"
    assert found("a = relu(x)\nb = sigmoid(tanh(x))\nreturn a, b", net(climbing)) == [
        {"a": "s", "b": "u", "x": "x"}
    ]
    assert reason(pattern, net("q = dot(x, w)\nreturn q"), "q").endswith("stand for b too")
    assert reason("a = relu(x)\nb = tanh(x)\nreturn a, b", net("a = relu(x)\nreturn a"), "a") == (
        "no tanh reads what is matched so far, as b"
    )


def test_a_match_whose_contraction_closes_a_cycle_is_refused(net: Net) -> None:
    pattern = "a = dot(x, v)\nb = dot(x, w)\nreturn a, b"
    model = net("a = dot(x, v)\nr = relu(a)\nb = dot(x, r)\nreturn b")
    assert find(pattern, model) == []
    assert reason(pattern, model, "a") == (
        "relu 'r' (#3), which the match reads, is computed from its root dot 'a' (#2)"
    )


def test_a_diamond_is_no_cycle(net: Net) -> None:
    model = net("a = relu(x)\nl = tanh(a)\nr = sigmoid(a)\ns = elemwise_add(l, r)\nreturn s")
    pattern = "a = relu(x)\nelemwise_add(tanh(a), sigmoid(a))"
    assert len(find(pattern, model)) == 1


def test_a_root_may_be_absent_where_something_is_left(net: Net) -> None:
    model = net("a = relu(x)\nd = Dropout(a)\nb = relu(d)\nreturn b")
    pattern = "out = maybe(Dropout)(relu(x))"
    assert found(pattern, model) == [
        {"out": "a_output", "x": "x"},
        {"out": "d", "x": "x"},
        {"out": "b_output", "x": "d_output"},
    ]


def test_matches_are_in_saved_order_and_may_overlap(net: Net) -> None:
    model = net("a = relu(x)\nb = relu(a)\nc = relu(b)\nreturn c")
    matches = find("relu(relu(x))", model)
    assert [spell(match.roots[0].node, model.graph) for match in matches] == ["b", "c"]
    assert [spell(match.interior[0], model.graph) for match in matches] == ["a", "b"]
    assert find("relu(relu(x))", model) == matches


def test_dead_nodes_neither_match_nor_use(net: Net) -> None:
    model = net("a = relu(x)\nb = relu(a)\nreturn b")
    with model.graph.edit() as edit:
        dead = edit.add_node("tanh", "dead", inputs=[Entry(model.graph.named("a")[0])])
    assert dead in model.graph
    assert len(find("relu(relu(x))", model)) == 1
    assert find("tanh(x)", model) == []


def test_subgraphs_are_searched_each_by_itself() -> None:
    inner = {
        "nodes": [
            {"op": "null", "name": "i", "inputs": []},
            {"op": "relu", "name": "inside", "inputs": [[0, 0, 0]]},
        ],
        "arg_nodes": [0],
        "heads": [[1, 0, 0]],
    }
    attrs = {"num_args": "2", "num_outputs": "1", "num_out_data": "1", "in_data_locs": "(0,)"}
    attrs |= {"in_state_locs": "()", "remain_locs": "()"}
    nodes = [
        {"op": "null", "name": "x", "inputs": []},
        {"op": "relu", "name": "before", "inputs": [[0, 0, 0]]},
        {"op": "_foreach", "name": "loop", "attrs": attrs, "inputs": [[1, 0, 0]],
         "subgraphs": [inner]},
        {"op": "relu", "name": "after", "inputs": [[2, 0, 0]]},
    ]  # fmt: skip
    text = {"nodes": nodes, "arg_nodes": [0], "heads": [[3, 0, 0]],
            "attrs": {"mxnet_version": ["int", 10901]}}  # fmt: skip
    graph = loads(json.dumps(text))
    matches = find("relu(x)", graph)
    names = [match.graph.name(match.roots[0].node) for match in matches]
    assert names == ["before", "after", "inside"]
    assert [match.path for match in matches] == [(), (), (Level(2, 0),)]
    assert find("relu(relu(x))", graph) == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("tanh(x)", "Convolution 'c' (#5) is no tanh"),
        (
            "Convolution(x, w, b, kernel=(1, 1))",
            "Convolution 'c' (#5) has kernel=(3, 3), not (1, 1)",
        ),
        ("Convolution(x, w)", "Convolution 'c' (#5) has 3 inputs; the pattern gives 2"),
        ("Convolution(tanh(x), *_)", "relu 'b' (#2) is no tanh"),
        ("Convolution(_, input(p), _)", "variable 'w' (#3) is not an input"),
        ("Convolution(const(p), _, _)", "relu 'b' (#2) is not computed from parameters alone"),
        ("Convolution(relu(relu(relu(p))), *_)", "variable 'x' (#0) is no relu"),
    ],
)
def test_the_reason_is_that_of_the_deepest_attempt(pattern: str, why: str, net: Net) -> None:
    model = net(f"{CHAIN}return e", w=(4, 3, 3, 3), bias=(4,), g=(4,), beta=(4,), m=(4,), v=(4,))
    assert reason(pattern, model, "c") == why


def test_a_recorder_is_told_every_step(net: Net) -> None:
    events: list[tuple[Any, ...]] = []

    class Listening:
        def tried(self, part: int, key: int) -> None:
            events.append(("tried", part, key))

        def failed(self, fault: Fault) -> None:
            events.append(("failed", fault.part, fault.code, fault.found, fault.wanted))

    model = net("a = tanh(x)\nb = relu(a)\nreturn b")
    matcher = Matcher(compile_pattern(parse_pattern("relu(relu(x))")), model.graph)
    assert list(matcher.assignments(2, Listening())) == []
    assert events == [
        ("tried", 1, 2),
        ("tried", 0, 1),
        ("failed", 0, "operator", "tanh", ("relu",)),
    ]
