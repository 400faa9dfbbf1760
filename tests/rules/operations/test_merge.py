"""``merge``: another model comes in, graph and parameters."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphpass import Model, Parameters, dumps, loads
from graphpass.errors import CycleError, OperationError, SaveError, SelectorError, UsageError
from graphpass.rules.operations.merge import Merge
from graphpass.rules.operations.operation import Run

NET = """
    conv0 = FullyConnected(data, conv0_weight, conv0_bias, num_hidden=4)
    relu0 = Activation(conv0, act_type="relu")
    fc1 = FullyConnected(relu0, fc1_weight, fc1_bias, num_hidden={0})
    return fc1
"""
AGE = NET.format(10)
GENDER = NET.format(2)
TRUNK = {"conv0_weight": (4, 3), "conv0_bias": (4,)}


@pytest.fixture
def age(net) -> Model:
    return net(AGE, fc1_weight=(10, 4), fc1_bias=(10,), **TRUNK)


@pytest.fixture
def gender(net) -> Model:
    values = np.arange(12, dtype="float32").reshape(4, 3)
    return net(GENDER, fc1_weight=(2, 4), fc1_bias=(2,), conv0_weight=values, conv0_bias=(4,))


@pytest.fixture
def merge():
    """Merge a model from Python: ``merge(ours, theirs, share=["data"])`` returns the notes."""

    def run_one(ours: Model, theirs: Model, **options) -> list[str]:
        run = Run(model=ours)
        with ours.edit() as edit:
            Merge(model=theirs, **options).apply(run, edit)
        return run.notes

    return run_one


@pytest.fixture
def not_merged(merge, state):
    """A merge that must be refused; return the message."""

    def run_one(ours: Model, theirs: Model, error: type[Exception], **options) -> str:
        before, other = state(ours), state(theirs)
        with pytest.raises(error) as caught:
            merge(ours, theirs, **options)
        assert state(ours) == before
        assert state(theirs) == other
        return str(caught.value)

    return run_one


def test_what_clashes_gets_the_prefix_and_inputs_are_shared(age, gender, merge, same_net) -> None:
    merge(age, gender, prefix="g_", share=["data"])
    same_net(
        age,
        """
        conv0 = FullyConnected(data, conv0_weight, conv0_bias, num_hidden=4)
        relu0 = Activation(conv0, act_type="relu")
        fc1 = FullyConnected(relu0, fc1_weight, fc1_bias, num_hidden=10)
        g_conv0 = FullyConnected(data, g_conv0_weight, g_conv0_bias, num_hidden=4)
        g_relu0 = Activation(g_conv0, act_type="relu")
        g_fc1 = FullyConnected(g_relu0, g_fc1_weight, g_fc1_bias, num_hidden=2)
        return fc1, g_fc1
        """,
    )
    for name in gender.parameters:
        assert np.shares_memory(age.parameters[f"g_{name}"], gender.parameters[name])


def test_only_what_clashes_or_everything(net, age, merge) -> None:
    other = net("conv0 = relu(x)\ntop = tanh(conv0)\nreturn top")
    clash, everything = age.copy(), age.copy()
    merge(clash, other, prefix="o_")
    merge(everything, other, prefix="o_", prefix_mode="all")
    assert [node.name for node in clash.graph][-3:] == ["x", "o_conv0", "top"]
    assert [node.name for node in everything.graph][-3:] == ["o_x", "o_conv0", "o_top"]
    merge(age, other, prefix="o_", prefix_mode="all", connect={"x": "relu0"})
    assert [node.name for node in age.graph][-2:] == ["o_conv0", "o_top"]


def test_a_variable_may_be_called_like_an_operator(net, age, merge) -> None:
    merge(age, net("data = relu(conv0)\nreturn data"))
    assert [node.name for node in age.graph][-2:] == ["conv0", "data"]


def test_their_value_of_ours(net, age, merge, same_net) -> None:
    other = net("mean = _minus_scalar(image, scalar=127.5)\nreturn mean")
    merge(age, other, feed={"data": "mean"}, heads="ours")
    same_net(
        age,
        """
        mean = _minus_scalar(image, scalar=127.5)
        conv0 = FullyConnected(mean, conv0_weight, conv0_bias, num_hidden=4)
        relu0 = Activation(conv0, act_type="relu")
        fc1 = FullyConnected(relu0, fc1_weight, fc1_bias, num_hidden=10)
        return fc1
        """,
    )


def test_a_new_head_may_have_the_name_of_the_old_one(net, age, merge, same_net) -> None:
    head = net("fc1 = FullyConnected(x, fc1_weight, fc1_bias, num_hidden=5)\nreturn fc1")
    head.parameters["fc1_weight"] = np.zeros((5, 4), "float32")
    merge(age, head, connect={"x": "relu0"}, heads="theirs")
    same_net(age, NET.format(5))
    assert list(age.parameters) == ["conv0_weight", "conv0_bias", "fc1_weight"]
    assert age.parameters["fc1_weight"].shape == (5, 4)


def test_heads_that_are_connected_stay_heads(net, age, merge) -> None:
    merge(age, net("top = tanh(x)\nreturn top, x"), connect={"x": "fc1"})
    assert age.graph.outputs == ["fc1_output", "top_output", "fc1_output"]


def test_names_that_repeat_repeat_alike(net, age, merge) -> None:
    other = net("a = relu(x)\nb = tanh(a)\nreturn b")
    with other.graph.edit() as edit:
        for key in other.graph.order()[1:]:
            edit.rename(key, "relu0")
    merge(age, other, prefix="o_")
    assert [node.name for node in age.graph][-3:] == ["x", "o_relu0", "o_relu0"]


def test_a_model_may_be_merged_with_itself(age, merge) -> None:
    merge(age, age, prefix="b_", share=["data"])
    assert age.graph.outputs == ["fc1_output", "b_fc1_output"]


def test_from_a_file_beside_the_pass(age, gender, perform, tmp_path) -> None:
    gender.save(tmp_path / "gender", epoch=3)
    perform(age, "merge", {"model": "gender:3", "prefix": "g_"}, folder=tmp_path)
    assert age.graph.outputs == ["fc1_output", "g_fc1_output"]
    assert len(age.parameters) == 8


def test_the_files_of_the_other_model_are_not_overwritten(age, gender, perform, tmp_path) -> None:
    written = gender.save(tmp_path / "gender", epoch=3)
    perform(age, "merge", {"model": "gender:3", "prefix": "g_"}, folder=tmp_path)
    assert age.sources == [written.symbol, written.params]
    with pytest.raises(SaveError):
        age.save(tmp_path / "gender", epoch=3)
    with pytest.raises(SaveError):
        age.save(tmp_path / "gender", epoch=4)


def test_a_file_that_is_not_there(age, refused, tmp_path) -> None:
    message = refused(age, "merge", "gender", UsageError, folder=tmp_path)
    assert "gender-symbol.json: there is no such file" in message


def test_parameters_take_the_classes_of_ours(net, merge) -> None:
    text = "bn = BatchNorm({0}x, {0}g, {0}b, {0}m, {0}v)\nreturn bn"
    states = {"m": (3,), "v": (3,), "g": (3,)}
    classed = net(text.format(""), **states)
    bare = Model(classed.graph.copy())
    for name, array in classed.parameters.items():
        bare.parameters.set(name, array, "")
    ours = classed.copy()
    merge(ours, bare, prefix="o_", prefix_mode="all")
    assert ours.parameters.class_of("o_m") == "aux"
    assert ours.parameters.class_of("o_g") == "arg"
    ours = bare.copy()
    merge(ours, classed, prefix="o_")
    assert ours.parameters.class_of("o_m") == ""
    empty = net("y = relu(x)\nreturn y")
    merge(empty, bare, prefix="o_")
    assert empty.parameters.class_of("m") == ""


def test_arrays_that_their_graph_does_not_use_stay_behind(net, age, merge) -> None:
    other = net("y = relu(x)\nreturn y", junk=(2,), fc1_weight=(1,))
    notes = merge(age, other)
    assert "2 arrays of the merged model" in notes[0]
    assert "junk" not in age.parameters


# -- what both compute ------------------------------------------------------------------------


def test_an_equal_trunk_comes_in_once(net, age, merge, same_net) -> None:
    other = net(GENDER, fc1_weight=(2, 4), fc1_bias=(2,), **TRUNK)
    trunk = {name: age.parameters[name] for name in TRUNK}
    for name, array in trunk.items():
        other.parameters[name] = array.copy()
    notes = merge(age, other, prefix="g_", share=["data"], share_equal=True)
    same_net(
        age,
        """
        conv0 = FullyConnected(data, conv0_weight, conv0_bias, num_hidden=4)
        relu0 = Activation(conv0, act_type="relu")
        fc1 = FullyConnected(relu0, fc1_weight, fc1_bias, num_hidden=10)
        g_fc1 = FullyConnected(relu0, g_fc1_weight, g_fc1_bias, num_hidden=2)
        return fc1, g_fc1
        """,
    )
    size = sum(array.nbytes for array in trunk.values())
    assert notes == [f"4 nodes and {size} bytes of parameters were there already and are shared"]
    assert set(age.parameters) == {*TRUNK, "fc1_weight", "fc1_bias", "g_fc1_weight", "g_fc1_bias"}


EQUAL = """
    {0}bn = BatchNorm(data, {0}g, {0}b, {0}m, {0}v{1})
    {0}relu = relu({0}bn)
    return {0}relu
"""
ONES = {name: np.ones(3, "float32") for name in "gbmv"}


def equal_pair(net, change: str = "", hints=None, **values) -> tuple[Model, Model]:
    ours = net(EQUAL.format("", ""), **ONES)
    theirs = net(EQUAL.format("o_", change), hints, **{f"o_{k}": v for k, v in ONES.items()})
    for name, value in values.items():
        theirs.parameters[name] = value
    return ours, theirs


def shared_nodes(ours: Model, theirs: Model, merge) -> int:
    before = len(ours.graph)
    merge(ours, theirs, share=["data"], share_equal=True)
    return len(theirs.graph) - 1 - (len(ours.graph) - before)


def test_names_do_not_matter_for_equality(net, merge) -> None:
    ours, theirs = equal_pair(net)
    assert shared_nodes(ours, theirs, merge) == 6
    assert ours.graph.outputs == ["relu_output", "relu_output"]
    assert len(ours.parameters) == 4


@pytest.mark.parametrize(
    ("change", "hints", "values"),
    [
        (", eps=0.5", None, {}),
        (', __ctx_group__="b"', None, {}),
        ("", {"o_g": {"__lr_mult__": "2"}}, {}),
        ("", None, {"o_v": np.array([1, 1, 2], "float32")}),
        ("", None, {"o_v": np.ones(3, "float16")}),
        ("", None, {"o_v": np.ones((3, 1), "float32")}),
    ],
)
def test_what_differs_comes_in(net, merge, change, hints, values) -> None:
    ours, theirs = equal_pair(net, change, hints, **values)
    assert shared_nodes(ours, theirs, merge) == 0


@pytest.mark.parametrize(
    ("change", "hints"),
    [
        (", eps=0.0010000000474974513, axis=1", None),
        ("", {"o_g": {"__init__": "ones", "__shape__": "(3,)"}}),
    ],
)
def test_spelling_and_initial_hints_make_no_difference(net, merge, change, hints) -> None:
    ours, theirs = equal_pair(net, change, hints)
    assert shared_nodes(ours, theirs, merge) == 6


@pytest.mark.parametrize(
    "line",
    [
        "a = Dropout(data, p=0.5)",
        "a = LeakyReLU(data, act_type='rrelu')",
        "a = _shuffle(data)",
        "a = _random_normal_like(data)",
        "a = Custom(data, op_type='mine')",
        "a = Vendor(data)",
    ],
)
def test_what_may_be_random_is_never_shared(net, merge, line: str) -> None:
    text = f"{line}\nb = relu(a)\nreturn b"
    ours, theirs = net(text), net(text.replace("a =", "c =").replace("(a)", "(c)"))
    merge(ours, theirs, share=["data"], share_equal=True, prefix="o_")
    assert [node.name for node in ours.graph] == ["data", "a", "b", "c", "o_b"]


def test_an_rnn_without_dropout_is_shared(net, merge) -> None:
    text = "r = RNN(data, w, s, state_size=2, num_layers=1, mode='rnn_relu'{0})\nreturn r"
    ours = net(text.format(""), w=(6,), s=(1,))
    same, dropping = ours.copy(), net(text.format(", p=0.5"), w=(6,), s=(1,))
    before = len(ours.graph)
    merge(ours, same, share=["data"], share_equal=True)
    assert len(ours.graph) == before
    merge(ours, dropping, share=["data"], share_equal=True, prefix="o_")
    assert len(ours.graph) == before + 3


def test_weights_that_are_not_tied_stay_apart(net, merge) -> None:
    values = {"w": np.ones((3, 3), "float32"), "v": np.ones((3, 3), "float32")}
    tied = net("a = dot(data, w)\nb = dot(a, w)\nreturn b", w=values["w"])
    apart = net("a = dot(data, w)\nb = dot(a, v)\nreturn b", **values)
    for ours, theirs in ((tied, apart), (apart, tied)):
        ours = ours.copy()
        merge(ours, theirs, share=["data"], share_equal=True, prefix="o_")
        graph = ours.graph
        (a,), (b,), (o_b,) = (graph.named(name) for name in ("a", "b", "o_b"))
        readers = {key: graph.inputs(key)[1].node for key in (a, b, o_b)}
        assert "o_a" not in graph.names
        assert (readers[a] == readers[b]) == (theirs is apart)
        assert (readers[a] == readers[o_b]) == (theirs is tied)


def test_equal_branches_are_matched_one_to_one(net, merge) -> None:
    lines = [f"a{i} = dot(data, w{i})" for i in range(50)]
    text = "\n".join([*lines, f"return {', '.join(f'a{i}' for i in range(50))}"])
    values = {f"w{i}": np.ones((2, 2), "float32") for i in range(50)}
    ours, theirs = net(text, **values), net(text, **values)
    merge(ours, theirs, share=["data"], share_equal=True)
    assert len(ours.graph) == 101
    assert ours.graph.outputs == [f"a{i}_output" for i in range(50)] * 2


# -- what is refused --------------------------------------------------------------------------


def test_a_clash_names_both_owners_and_asks_for_a_prefix(age, gender, not_merged) -> None:
    message = not_merged(age, gender, OperationError)
    assert "'data' is the name of variable 'data' (#0) here and of variable 'data' (#0)" in message
    assert "share it (share: [data]), or give a prefix" in message
    message = not_merged(age, gender, OperationError, share=["data"])
    assert "'conv0_weight' is the name of" in message
    assert "share it" not in message


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prefix_mode": "all"}, OperationError, "needs a prefix"),
        ({"heads": "ours"}, OperationError, "brings nothing in"),
        ({"share": ["dat"]}, SelectorError, "no variable is called 'dat'"),
        ({"share": ["conv0_bias"]}, OperationError, "tie the two afterwards"),
        ({"share": ["data"], "connect": {"data": "fc1"}}, OperationError, "share and under"),
        ({"connect": {"image": "fc1"}}, SelectorError, "in the merged model: no variable"),
        ({"connect": {"data": "fc2"}}, SelectorError, "no output 'fc2'"),
        ({"feed": {"data": "fc2"}}, SelectorError, "in the merged model: no output 'fc2'"),
        ({"feed": {"fc1": "fc1"}}, SelectorError, "no variable is called 'fc1'"),
        (
            {"prefix": "g_", "connect": {"data": "fc1"}, "feed": {"data": "fc1"}},
            CycleError,
            "g_fc1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(
    age, gender, not_merged, options, error, message: str
) -> None:
    assert message in not_merged(age, gender, error, **options)


def test_a_prefixed_name_that_is_taken_too(net, age, not_merged) -> None:
    other = net("b_conv0 = relu(x)\nconv0 = tanh(b_conv0)\nreturn conv0")
    message = not_merged(age, other, OperationError, prefix="b_")
    assert "'b_conv0' and 'conv0' of the merged model would both be called 'b_conv0'" in message
    assert "such as 'b2_'" in message
    taken = net("b_relu0 = relu(b_data)\nrelu0 = tanh(data)\nreturn relu0, b_relu0")
    message = not_merged(taken, net(GENDER), OperationError, prefix="b_")
    assert "variable 'b_data' (#" in message


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ({"__shape__": "(1, 3)"}, {"__shape__": "(1, 4)"}, "(1, 3) and any type here and (1, 4)"),
        (
            {"__dtype__": "0"},
            {"__dtype__": "2"},
            "float32 here and of any shape and float16",
        ),
    ],
)
def test_inputs_that_do_not_agree_are_not_shared(net, not_merged, ours, theirs, message) -> None:
    first = net("a = relu(data)\nreturn a", {"data": ours})
    second = net("b = tanh(data)\nreturn b", {"data": theirs})
    assert message in not_merged(first, second, OperationError, share=["data"])


def test_a_state_is_no_interface(net, not_merged) -> None:
    text = "bn = BatchNorm(x, g, b, m, v)\nreturn bn"
    message = not_merged(net(text), net(text), OperationError, feed={"m": "bn"}, prefix="o_")
    assert "is an auxiliary state" in message


def test_an_input_that_nothing_wanted_reads(net, age, not_merged) -> None:
    other = net("a = relu(x)\nb = relu(y)\nreturn b, a")
    options = {"connect": {"y": "fc1"}, "feed": {"data": "a"}, "heads": "ours"}
    message = not_merged(age, other, OperationError, **options)
    assert "nothing that is brought in reads 'y'; wanted of the merged model is 'a_out" in message


def test_modes_that_differ_are_reported(net, age, merge) -> None:
    symbol = json.loads(dumps(net("a = relu(x)\nreturn a").graph))
    symbol["attrs"]["is_np_shape"] = ["int", 1]
    notes = merge(age, Model(loads(json.dumps(symbol)), Parameters()))
    assert "NumPy-shape mode" in notes[0]


@pytest.mark.mxnet
def test_each_model_computes_what_it_did(age, gender, merge, compute) -> None:
    data = np.random.default_rng(0).normal(size=(4, 3))
    (first,), (second,) = compute(age, data=data), compute(gender, data=data)
    merge(age, gender, prefix="g_", share=["data"])
    both = compute(age, data=data)
    np.testing.assert_array_equal(both[0], first)
    np.testing.assert_array_equal(both[1], second)


@pytest.mark.mxnet
def test_one_after_the_other(net, age, merge, compute) -> None:
    data = np.random.default_rng(0).normal(size=(4, 3))
    (scores,) = compute(age, data=data)
    merge(age, net("p = softmax(x)\nreturn p"), connect={"x": "fc1"}, heads="theirs")
    (found,) = compute(age, data=data)
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    np.testing.assert_allclose(found, shifted / shifted.sum(axis=1, keepdims=True), rtol=1e-5)
