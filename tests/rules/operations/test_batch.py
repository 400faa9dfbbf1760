"""``batch``: branches that apply the same operators to the same weights become one trunk."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model
from graphpass.errors import OperationError, SelectorError
from graphpass.formats.text import parse_graph

TOWERS = """
    fc1 = FullyConnected(a, w1, no_bias=True, num_hidden=4)
    relu1 = relu(fc1)
    fc2 = FullyConnected(relu1, w2, no_bias=True, num_hidden=2)
    b_fc1 = FullyConnected(b, w1, no_bias=True, num_hidden=4)
    b_relu1 = relu(b_fc1)
    b_fc2 = FullyConnected(b_relu1, w2, no_bias=True, num_hidden=2)
    return fc2, b_fc2
"""
SHAPES = {"w1": (4, 3), "w2": (2, 4)}

BATCHED = """
    a_batch = Concat(a, b, dim=0, num_args=2)
    fc1 = FullyConnected(a_batch, w1, no_bias=True, num_hidden=4)
    relu1 = relu(fc1)
    fc2_batch = FullyConnected(relu1, w2, no_bias=True, num_hidden=2)
    fc2_split = SliceChannel(fc2_batch, axis=0, num_outputs=2)
    fc2 = _copy(fc2_split)
    b_fc2 = _copy(fc2_split[1])
    return fc2, b_fc2
"""

ASSUMED = "'a', 'b' have to be fed batches of one size and shape from now on"


def towers(names: str, *lines: str, returns: str) -> str:
    """Return lines with @ for each of some names, and what they return."""
    text = [line.replace("@", name) for name in names for line in lines]
    values = [value.replace("@", name) for name in names for value in [returns]]
    return "\n".join([*text, f"return {', '.join(values)}"])


def random_inputs(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    numbers = np.random.default_rng(5)
    return {name: numbers.normal(size=shape).astype("float32") for name, shape in shapes.items()}


@pytest.fixture
def same_outputs(compute: Any) -> Any:
    def check(before: Model, after: Model, **shapes: tuple[int, ...]) -> None:
        inputs = random_inputs(**shapes)
        wanted, found = compute(before, **inputs), compute(after, **inputs)
        for one, other in zip(found, wanted, strict=True):
            assert one.shape == other.shape
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

    return check


def count(model: Model, op: str) -> int:
    return sum(node.op == op for node in model.graph)


# -- what it makes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, {"from": [["a"], ["b"]]}, {"from": ["a", "b"]}, {"to": "fc2"}]
)
def test_two_towers_become_one(net, perform, same_net, value: Any) -> None:
    model = net(TOWERS, **SHAPES)
    done = perform(model, "batch", value)
    same_net(model, BATCHED)
    assert model.graph.outputs == ["fc2_output", "b_fc2_output"]
    assert list(model.parameters) == ["w1", "w2"]
    assert done.summary == "joined 2 branches from 'a', 'b': 3 operators run once"
    assert [note.partition(";")[0] for note in done.notes] == [ASSUMED]


def test_the_order_of_the_branches_may_be_chosen(net, perform) -> None:
    model = net(TOWERS, **SHAPES)
    perform(model, "batch", [["b"], ["a"]])
    assert model.graph.outputs == ["fc2_output", "b_fc2_output"]
    assert model.graph.named("b_relu1") and not model.graph.named("relu1")


@pytest.mark.mxnet
def test_outputs_stay(net, perform, same_outputs) -> None:
    before = net(TOWERS, **SHAPES)
    after = before.copy()
    perform(after, "batch", None)
    same_outputs(before, after, a=(2, 3), b=(2, 3))


@pytest.mark.mxnet
def test_batches_of_different_sizes_are_refused_by_mxnet(mx, net, perform, compute) -> None:
    model = net(TOWERS, **SHAPES)
    perform(model, "batch", None)
    with pytest.raises(mx.MXNetError, match=r"split|divide|num_outputs"):
        compute(model, **random_inputs(a=(2, 3), b=(1, 3)))


@pytest.mark.mxnet
def test_three_towers(net, perform, same_outputs) -> None:
    text = towers(
        "abc", "@1 = FullyConnected(@, w1, no_bias=True, num_hidden=4)", "@2 = tanh(@1)",
        returns="@2",
    )  # fmt: skip
    before = net(text, w1=(4, 3))
    after = before.copy()
    perform(after, "batch", None)
    assert [count(after, op) for op in ("FullyConnected", "tanh", "SliceChannel")] == [1, 1, 1]
    assert after.graph.outputs == before.graph.outputs
    same_outputs(before, after, a=(2, 3), b=(2, 3), c=(2, 3))


@pytest.mark.mxnet
def test_several_inputs_and_outputs_of_a_branch(net, perform, same_outputs) -> None:
    text = towers(
        "pq",
        "@sum = elemwise_add(@x, @y)",
        "@fc = FullyConnected(@sum, w, no_bias=True, num_hidden=4)",
        "@parts = SliceChannel(@fc, num_outputs=2)",
        returns="@fc, @parts[1], @y",
    )
    before = net(text, w=(4, 3))
    after = before.copy()
    perform(after, "batch", None)
    assert [count(after, op) for op in ("Concat", "FullyConnected", "elemwise_add")] == [2, 1, 1]
    same_outputs(before, after, px=(2, 3), py=(2, 3), qx=(2, 3), qy=(2, 3))


@pytest.mark.parametrize(
    ("operator", "returns", "named"),
    [
        ("SliceChannel(@1, num_outputs=2)", "@2[1]", "@2_output1"),
        ("make_loss(@1)", "@2", "@2_loss"),
    ],
)
def test_an_output_that_can_not_keep_its_name_is_reported(
    net, perform, operator: str, returns: str, named: str
) -> None:
    lines = ["@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)", f"@2 = {operator}"]
    model = net(towers("ab", *lines, returns=returns), w=(4, 3))
    before = [named.replace("@", name) for name in "ab"]
    assert model.graph.outputs == before
    done = perform(model, "batch", None)
    assert model.graph.outputs == ["a2_split_output0", "a2_split_output1"]
    assert done.notes[1:] == [
        f"the output {was!r} is called 'a2_split_output{number}' now"
        for number, was in enumerate(before)
    ]


JOINED = towers("ab", "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)", returns="x")
JOINED = JOINED.replace("return x, x", "far = elemwise_sub(a1, b1)\nreturn far, a1")


@pytest.mark.mxnet
def test_what_joins_the_branches_reads_their_parts(net, perform, same_outputs, same_net) -> None:
    before = net(JOINED, w=(4, 3))
    after = before.copy()
    perform(after, "batch", None)
    same_net(
        after,
        """
        a_batch = Concat(a, b, dim=0, num_args=2)
        a1_batch = FullyConnected(a_batch, w, no_bias=True, num_hidden=4)
        a1_split = SliceChannel(a1_batch, axis=0, num_outputs=2)
        far = elemwise_sub(a1_split, a1_split[1])
        a1 = _copy(a1_split)
        return far, a1
        """,
    )
    same_outputs(before, after, a=(2, 3), b=(2, 3))


@pytest.mark.mxnet
def test_the_largest_branches_are_found(net, perform, same_outputs) -> None:
    text = towers("abcd", "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)", "@2 = tanh(@1)",
                  returns="x")  # fmt: skip
    text = text.replace(
        "return x, x, x, x", "n = elemwise_sub(a2, b2)\nf = elemwise_sub(c2, d2)\nreturn n, f"
    )
    before = net(text, w=(4, 3))
    after = before.copy()
    done = perform(after, "batch", None)
    assert "4 branches" in done.summary
    assert count(after, "elemwise_sub") == 2
    same_outputs(before, after, **dict.fromkeys("abcd", (2, 3)))


@pytest.mark.mxnet
def test_branches_of_different_nets_stay_apart(net, perform, same_outputs) -> None:
    text = towers("ab", "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)", returns="@1")
    other = towers("cd", "@1 = FullyConnected(@, v, no_bias=True, num_hidden=2)", returns="@1")
    text = f"{text.replace('return a1, b1', '')}\n{other}, a1, b1"
    before = net(text, w=(4, 3), v=(2, 5))
    after = before.copy()
    done = perform(after, "batch", None)
    assert count(after, "FullyConnected") == 2
    assert done.summary.count("joined 2 branches") == 2
    same_outputs(before, after, a=(2, 3), b=(2, 3), c=(1, 5), d=(1, 5))


@pytest.mark.mxnet
def test_constants_of_each_branch_become_one(net, perform, same_outputs) -> None:
    text = towers(
        "ab",
        "@one = _ones(shape=(1, 4))",
        "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)",
        "@2 = broadcast_add(@1, @one)",
        returns="@2",
    )
    before = net(text, w=(4, 3))
    after = before.copy()
    perform(after, "batch", None)
    assert [count(after, op) for op in ("_ones", "broadcast_add")] == [1, 1]
    same_outputs(before, after, a=(2, 3), b=(2, 3))


def test_equal_constants_that_are_random_are_not_one(net, perform) -> None:
    text = towers(
        "ab",
        "@noise = _random_normal(shape=(1, 4))",
        "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)",
        "@2 = broadcast_add(@1, @noise)",
        returns="@2",
    )
    model = net(text, w=(4, 3))
    perform(model, "batch", None)
    assert [count(model, op) for op in ("_random_normal", "broadcast_add")] == [2, 2]


STATES = (
    "@h = FullyConnected(start, w, no_bias=True, num_hidden=4)",
    "@x = FullyConnected(@, v, no_bias=True, num_hidden=4)",
    "@1 = elemwise_add(@h, @x)",
)


@pytest.mark.mxnet
def test_a_constant_may_be_as_long_as_the_batch(net, perform, same_outputs, refused) -> None:
    text = f"start = _zeros(shape=(0, 4))\n{towers('ab', *STATES, returns='@1')}"
    text = text.replace("bh = FullyConnected(start, w, no_bias=True, num_hidden=4)\n", "")
    text = text.replace("elemwise_add(bh,", "elemwise_add(ah,")
    before = net(text, w=(4, 4), v=(4, 3))
    after = before.copy()
    perform(after, "batch", None)
    assert count(after, "elemwise_add") == 1
    same_outputs(before, after, a=(2, 3), b=(2, 3))
    perform(after, "unbatch", None)
    same_outputs(before, after, a=(2, 3), b=(2, 3))
    model = net(text.replace("return a1", "other = elemwise_mul(start, c)\nreturn other, a1"))
    message = refused(model, "batch", None, OperationError)
    assert "_zeros 'start'" in message and "elemwise_mul 'other'" in message


def test_the_trunk_may_end_earlier(net, perform) -> None:
    model = net(TOWERS, **SHAPES)
    perform(model, "batch", {"from": [["a"], ["b"]], "to": ["fc1"]})
    assert [count(model, op) for op in ("FullyConnected", "relu")] == [3, 2]


def test_the_branches_may_start_later(net, perform, same_net) -> None:
    model = net(TOWERS, **SHAPES)
    perform(model, "batch", [["relu1"], ["b_relu1"]])
    assert [count(model, op) for op in ("FullyConnected", "relu")] == [3, 2]
    assert model.graph.outputs == ["fc2_output", "b_fc2_output"]


@pytest.mark.mxnet
def test_samples_may_be_along_another_axis(net, perform, same_outputs) -> None:
    text = towers(
        "ab",
        "@1 = RNN(@, w, s@, mode='rnn_tanh', num_layers=1, state_size=2)",
        "@2 = SequenceLast(@1)",
        returns="@2",
    )
    before = net(text, w=(2 * 3 + 2 * 2 + 4,))
    after = before.copy()
    perform(after, "batch", {"axis": 1})
    assert count(after, "RNN") == 1
    splits = [node for node in after.graph if node.op == "SliceChannel"]
    assert [node.attrs["axis"] for node in splits] == ["0"]
    shapes = {"a": (5, 2, 3), "b": (5, 2, 3), "sa": (1, 2, 2), "sb": (1, 2, 2)}
    same_outputs(before, after, **shapes)


@pytest.mark.mxnet
def test_statistics_are_shared_and_stamped_anew(net, perform, same_outputs) -> None:
    text = towers(
        "ab", "@1 = BatchNorm(@, g, s, mean, var, fix_gamma=False)", "@2 = relu(@1)", returns="@2"
    )
    before = net(text, g=(3,), s=(3,), mean=(3,), var=(3,))
    after = before.copy()
    perform(after, "batch", None)
    (key,) = after.graph.named("a1")
    assert [entry.version for entry in after.graph.inputs(key)] == [0, 0, 0, 1, 1]
    same_outputs(before, after, a=(2, 3), b=(2, 3))


def test_a_head_that_stands_twice_stays_one_value(net, perform) -> None:
    model = net(f"{TOWERS.rstrip()}, fc2", **SHAPES)
    perform(model, "batch", None)
    heads = model.graph.heads
    assert heads[0] == heads[2]
    assert model.graph.outputs == ["fc2_output", "b_fc2_output", "fc2_output"]


# -- what it refuses -------------------------------------------------------------------------------

REFUSED: list[tuple[str, str, dict[str, Any]]] = [
    ("Reshape(@1, shape=(1, 4))", r"Reshape 'a2'.*baked into shape=\(1, 4\)", {}),
    ("Reshape(@1, shape=(2, -1))", "baked into", {}),
    ("softmax(@1, axis=0)", "computes along axis 0", {}),
    ("sum(@1)", "sum 'a2'.*reduces over all axes", {}),
    ("mean(@1, axis=0)", "reduces over axis 0", {}),
    ("slice_axis(@1, axis=0, begin=0, end=1)", "picks some samples", {}),
    ("dot(@1, @1, transpose_b=True)", "multiplies each sample with every other", {}),
    ("Dropout(@1, mode='always', p=0.5)", "draws random numbers", {}),
    ("Custom(@1, op_type='mine')", "not known to leave the samples of a batch apart", {}),
    ("Vendor(@1)", "not known to leave", {}),
    ("elemwise_add(@1, v)", "reads the same input 1 in all branches", {"v": (2, 4)}),
    ("broadcast_add(@1, v)", "has an axis where the batch is", {"v": (2, 4)}),
    ("L2Normalization(t@)", "takes axis 0 for the batch", {}),
    ("squeeze(@1)", "be it the batch", {}),
]


@pytest.mark.parametrize(("operator", "reason", "values"), REFUSED)
def test_operators_that_mix_samples(net, refused, operator: str, reason: str, values: Any) -> None:
    lines = [
        "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)",
        "t@ = transpose(@1, axes=(1, 0))",
        f"@2 = {operator}",
    ]
    if "t@" not in operator:
        del lines[1]
    model = net(towers("ab", *lines, returns="@2"), w=(4, 3), **values)
    message = refused(model, "batch", None, OperationError)
    assert re.search(reason, message), message
    assert "can't run on several batches at once" in message
    assert "`to` can end the trunk before it" in message


def test_statistics_of_a_batch_are_refused_in_training(net, refused, perform) -> None:
    text = towers("ab", "@1 = BatchNorm(@, g, s, mean, var)", returns="@1")
    values = dict.fromkeys(("g", "s", "mean", "var"), (3,))
    message = refused(net(text, **values), "batch", None, OperationError, purpose="training")
    assert "BatchNorm 'a1'" in message
    assert "over all samples of the batch" in message
    frozen = net(text.replace("var)", "var, use_global_stats=True)"), **values)
    perform(frozen, "batch", None, purpose="training")
    assert count(frozen, "BatchNorm") == 1


def test_random_numbers_are_refused_in_training(net, refused) -> None:
    text = towers("ab", "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)",
                  "@2 = Dropout(@1)", returns="@2")  # fmt: skip
    message = refused(net(text, w=(4, 3)), "batch", None, OperationError, purpose="training")
    assert "Dropout 'a2'" in message


def test_a_number_of_axes_that_is_not_known(net, refused, perform) -> None:
    lines = ("@1 = softmax(@)", "@2 = broadcast_mul(@1, w)")
    text = towers("ab", *lines, returns="@2")
    message = refused(net(text, w=(1, 3)), "batch", None, OperationError)
    assert "number of axes" in message and "shape: [0, 3, 224, 224]" in message
    told = net(text, w=(1, 3))
    perform(told, "batch", None, shapes=dict.fromkeys("ab", (2, 3)))
    assert count(told, "softmax") == 1
    hints = {name: {"__shape__": "(0, 3)"} for name in "ab"}
    model = net(text, hints, w=(1, 3))
    perform(model, "batch", None)
    assert count(model, "softmax") == 1


def test_weights_that_are_not_tied(net, refused, perform) -> None:
    text = towers("ab", "@1 = FullyConnected(@, w@, no_bias=True, num_hidden=4)", returns="@1")
    model = net(text, wa=(4, 3), wb=(4, 3))
    message = refused(model, "batch", None, OperationError)
    assert "no two of the inputs 'a', 'b'" in message and "share-equal-parameters" in message
    done = perform(model, "batch", {"optional": True})
    assert done.summary == "found no branches"
    message = refused(model, "batch", [["a"], ["b"]], OperationError)
    assert "are the weights tied?" in message


def test_attributes_that_differ(net, refused) -> None:
    text = "x = Activation(a, act_type='relu')\ny = Activation(b, act_type='tanh')\nreturn x, y"
    assert "same attributes" in refused(net(text), "batch", [["a"], ["b"]], OperationError)


def test_attributes_that_are_spelled_otherwise_are_the_same(net, perform) -> None:
    text = "x = Dropout(a, p=0.5)\ny = Dropout(b)\nreturn x, y"
    model = net(text)
    perform(model, "batch", [["a"], ["b"]])
    assert count(model, "Dropout") == 1


def test_branches_that_depend_on_each_other(net, refused) -> None:
    text = "x = relu(a)\ny = relu(x)\nz = relu(y)\nreturn z"
    message = refused(net(text), "batch", [["a"], ["y"]], OperationError)
    assert "relu 'y'" in message and "computed from where one starts" in message


def test_shapes_that_differ(net, refused) -> None:
    hints = {"a": {"__shape__": "(1, 3)"}, "b": {"__shape__": "(1, 4)"}}
    model = net("x = relu(a)\ny = relu(b)\nreturn x, y", hints)
    assert "differ in shape" in refused(model, "batch", [["a"], ["b"]], OperationError)


BROADCAST = towers(
    "ab",
    "@1 = FullyConnected(@, w, no_bias=True, num_hidden=4)",
    "@2 = FullyConnected(c@, v, no_bias=True, num_hidden=4)",
    "@3 = broadcast_mul(@1, @2)",
    returns="@3",
)
BROADCAST_LIKE = BROADCAST.replace("broadcast_mul(a1, a2)", "broadcast_like(a2, a1)").replace(
    "broadcast_mul(b1, b2)", "broadcast_like(b2, b1)"
)


@pytest.mark.parametrize("text", [BROADCAST, BROADCAST_LIKE])
@pytest.mark.parametrize("branches", [None, [["a", "ca"], ["b", "cb"]]])
@pytest.mark.parametrize(("rows", "reason"), [(2, "batch of 2"), (0, "size is not known")])
def test_a_sample_that_is_broadcast_along_the_batch(
    net, refused, text: str, branches: Any, rows: int, reason: str
) -> None:
    shapes = {"a": (rows, 3), "b": (rows, 3), "ca": (1, 3), "cb": (1, 3)}
    message = refused(
        net(text, w=(4, 3), v=(4, 3)), "batch", branches, OperationError, shapes=shapes
    )
    assert "an input of 1 sample is broadcast along another's batch" in message
    assert reason in message


def test_batches_of_one_size_in_a_branch_are_assumed(net, perform) -> None:
    told = net(BROADCAST, w=(4, 3), v=(4, 3))
    done = perform(told, "batch", None, shapes=dict.fromkeys(("a", "b", "ca", "cb"), (1, 3)))
    assert not done.notes
    assert count(told, "broadcast_mul") == 1
    done = perform(net(BROADCAST, w=(4, 3), v=(4, 3)), "batch", None)
    assert "'a', 'ca' have to be fed batches of one size from now on" in done.notes[-1]


RESHAPED = """
    a1 = FullyConnected(a, w, no_bias=True, num_hidden=4)
    a2 = Reshape(a1, shape={0})
    b1 = FullyConnected(b, w, no_bias=True, num_hidden=4)
    b2 = Reshape(b1, shape={0})
    return a2, b2
"""


@pytest.mark.parametrize(("codes", "rows"), [("(0, -1, 3)", 1), ("(0, -1, 3)", 0), ("(-1, 3)", 1)])
def test_a_reshape_that_loses_elements(net, refused, codes: str, rows: int) -> None:
    message = refused(
        net(RESHAPED.format(codes), w=(4, 3)), "batch", None, OperationError,
        shapes=dict.fromkeys("ab", (rows, 3)),
    )  # fmt: skip
    assert f"shape={codes} does not fit what it reads" in message


def test_a_reshape_that_fits_some_sizes_of_a_batch(net, perform) -> None:
    model = net(RESHAPED.format("(-1, 3)"), w=(4, 3))
    perform(model, "batch", None, shapes=dict.fromkeys("ab", (0, 3)))
    assert count(model, "Reshape") == 1


@pytest.mark.parametrize(
    ("branches", "error", "reason"),
    [
        ([["a"]], OperationError, "two branches or more"),
        ([["a", "w1"], ["b"]], OperationError, "start at 2 and 1 values"),
        ([["a"], ["a"]], OperationError, "stands twice"),
        ([["a"], ["bb"]], SelectorError, "nearest"),
    ],
)
def test_branches_that_do_not_correspond(
    net, refused, branches: Any, error: type[Exception], reason: str
) -> None:
    assert reason in refused(net(TOWERS, **SHAPES), "batch", branches, error)


def test_an_end_outside_the_trunk(net, refused) -> None:
    model = net(JOINED, w=(4, 3))
    assert "'far_output'" in refused(model, "batch", {"to": "far"}, OperationError)


LSTM = """
{name}data, {name}h, {name}c = variable(), variable(), variable()
{name}time = SwapAxis({name}data, dim1=0, dim2=1)
{name}out = RNN({name}time, p, {name}h, {name}c, state_size=4, num_layers=1, mode="lstm")
"""
LSTM_SHAPES = {"data": (2, 5, 3), "h": (1, 2, 4), "c": (1, 2, 4)}


@pytest.mark.mxnet
@pytest.mark.parametrize(
    "options",
    [
        None,
        {"from": [["data", "h", "c"], ["r_data", "r_h", "r_c"]]},
        {"from": [["data", "h", "c"], ["r_data", "r_h", "r_c"]], "axis": {"h": 1, "r_c": 1}},
    ],
)
def test_each_start_has_an_axis_of_its_own(judge: Any, options: Any) -> None:
    lines = ["p = variable()", *(LSTM.format(name=name) for name in ("", "r_"))]
    before = Model(parse_graph("\n".join([*lines, "return out, r_out"])))
    random = np.random.default_rng(3)
    before.parameters["p"] = random.normal(0, 0.3, (144,)).astype("float32")
    shapes = {f"{name}{start}": LSTM_SHAPES[start] for name in ("", "r_") for start in LSTM_SHAPES}
    after = before.copy()
    assert graphpass.apply([{"batch": options}], after, inputs=shapes).changed
    assert count(after, "RNN") == 1
    graph = after.graph
    joins = {graph.name(key): graph.attrs(key)["dim"] for key in graph.by_op()["Concat"]}
    assert joins == {"data_batch": "0", "h_batch": "1", "c_batch": "1"}
    values = {name: random.normal(size=shape).astype("float32") for name, shape in shapes.items()}
    outputs = judge.outputs(after, values), judge.outputs(before, values)
    for found, wanted in zip(*outputs, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ({"left": 0, "right": 1}, "axis has 0 and 1 for 'left', 'right', which are to be joined"),
        ({"left": 0, "w": 1}, "axis names 'w', where no branch starts"),
    ],
)
def test_axes_that_make_no_sense(net, refused, axis: dict[str, int], message: str) -> None:
    text = """
    a = FullyConnected(left, w, num_hidden=4, no_bias=True)
    b = FullyConnected(right, w, num_hidden=4, no_bias=True)
    return a, b
    """
    options = {"from": [["left"], ["right"]], "axis": axis}
    assert message in refused(net(text, w=(4, 3)), "batch", options, OperationError)


PRELU = """
x, y, gamma = variable(), variable(), variable()
return LeakyReLU(x, gamma, act_type="prelu"), LeakyReLU(y, gamma, act_type="prelu")
"""


@pytest.mark.mxnet
@pytest.mark.parametrize("data", [(3, 4), (4, 4), (2, 4, 3, 3)])
@pytest.mark.parametrize("slopes", [(4,), (1,), (1, 4), (1, 1), (3, 4), (3, 1), (3,), (2, 1), (2,)])
def test_slopes_of_every_shape_are_batched_or_refused(judge: Any, data: Any, slopes: Any) -> None:
    before = Model(parse_graph(PRELU))
    random = np.random.default_rng(5)
    before.parameters["gamma"] = random.uniform(0.1, 0.9, slopes).astype("float32")
    values = {name: random.normal(size=data).astype("float32") for name in ("x", "y")}
    try:
        wanted = judge.outputs(before, values)
    except judge.mx.MXNetError:
        pytest.skip("MXNet refuses these slopes")
    after = before.copy()
    goes_along_the_batch = slopes[0] != 1 and (len(slopes) == 2 or slopes[0] != data[1])
    if goes_along_the_batch:
        with pytest.raises(OperationError, match="slopes are others for each sample"):
            graphpass.apply([{"batch": None}], after, inputs={"x": data, "y": data})
        return
    graphpass.apply([{"batch": None}], after, inputs={"x": data, "y": data})
    assert count(after, "LeakyReLU") == 1
    for one, other in zip(judge.outputs(after, values), wanted, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.mxnet
def test_calibrated_towers_run_on_one_batch(judge: Any) -> None:
    lines = ["w, lo, hi = variable(), variable(), variable()"]
    for name in ("x", "y"):
        lines += [
            f"{name} = variable(__shape__=(2, 3, 4, 4))",
            f"q{name} = _contrib_quantize_v2({name}, min_calib_range=-2.0, max_calib_range=2.0, "
            f'out_type="uint8")',
            f"c{name} = _contrib_quantized_conv(q{name}, w, q{name}[1], q{name}[2], lo, hi, "
            "kernel=(3, 3), num_filter=4, no_bias=True)",
            f"r{name} = _contrib_requantize(c{name}, c{name}[1], c{name}[2], min_calib_range=-5.0, "
            "max_calib_range=5.0)",
            f"d{name} = _contrib_dequantize(r{name}, r{name}[1], r{name}[2])",
        ]
    before = Model(parse_graph("\n".join([*lines, "return dx, dy"])))
    random = np.random.default_rng(5)
    before.parameters["w"] = random.integers(-100, 100, (4, 3, 3, 3)).astype("int8")
    before.parameters["lo"] = np.array([-1], "float32")
    before.parameters["hi"] = np.array([1], "float32")
    after = before.copy()
    assert graphpass.apply([{"batch": None}], after).changed
    assert count(after, "_contrib_quantized_conv") == 1
    values = {name: random.uniform(0, 2, (2, 3, 4, 4)).astype("float32") for name in ("x", "y")}
    outputs = judge.outputs(after, values), judge.outputs(before, values)
    for one, other in zip(*outputs, strict=True):
        np.testing.assert_array_equal(one, other)
    text = "\n".join(lines).replace(", min_calib_range=-2.0, max_calib_range=2.0", "")
    uncalibrated = Model(parse_graph(f"{text}\nreturn dx, dy"), before.parameters)
    with pytest.raises(OperationError, match="it is not calibrated"):
        graphpass.apply([{"batch": None}], uncalibrated)
