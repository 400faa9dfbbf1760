"""``insert``: a new operator behind a value, before an input, or beside the rest."""

from __future__ import annotations

import os

import numpy as np
import pytest

from graphpass import dumps
from graphpass.errors import CycleError, GraphError, OperationError, SelectorError
from graphpass.graph import Entry
from graphpass.rules.operations.insert import Insert
from graphpass.rules.operations.operation import Run

NET = """
    fc1 = FullyConnected(data, w1, b1, num_hidden=3)
    relu1 = Activation(fc1, act_type="relu")
    fc2 = FullyConnected(relu1, w2, b2, num_hidden=2)
    return fc2, relu1
"""
SHAPES = {"w1": (3, 3), "b1": (3,), "w2": (2, 3), "b2": (2,)}
MEAN = {"op": "_minus_scalar", "name": "mean", "attrs": {"scalar": 127.5}}


def test_after_a_value_everyone_reads_the_new_operator(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    done = perform(model, "insert", {"op": "Dropout", "name": "drop", "after": "relu1"})
    same_net(
        model,
        """
        fc1 = FullyConnected(data, w1, b1, num_hidden=3)
        relu1 = Activation(fc1, act_type="relu")
        drop = Dropout(relu1)
        fc2 = FullyConnected(drop, w2, b2, num_hidden=2)
        return fc2, drop
        """,
    )
    assert done.summary == "inserted Dropout 'drop' after 'relu1_output'"


def test_after_an_input(net, perform, same_net) -> None:
    model = net("x = elemwise_mul(data, data)\nreturn x, data")
    perform(model, "insert", {**MEAN, "after": "data"})
    same_net(
        model,
        """
        mean = _minus_scalar(data, scalar=127.5)
        x = elemwise_mul(mean, mean)
        return x, mean
        """,
    )


def test_after_one_output_of_several(net, perform, same_net) -> None:
    model = net("s = SliceChannel(x, num_outputs=2)\na = elemwise_sub(s[0], s[1])\nreturn a, s[1]")
    perform(model, "insert", {"op": "relu", "name": "r", "after": "s_output1"})
    same_net(
        model,
        """
        s = SliceChannel(x, num_outputs=2)
        r = relu(s[1])
        a = elemwise_sub(s[0], r)
        return a, r
        """,
    )


@pytest.mark.parametrize("slot", ["data", 0])
def test_before_an_input_only_that_one_changes(net, perform, same_net, slot) -> None:
    model = net(NET, **SHAPES)
    perform(
        model,
        "insert",
        {"op": "Dropout", "name": "drop", "before": {"node": "fc2", "input": slot}},
    )
    same_net(
        model,
        """
        fc1 = FullyConnected(data, w1, b1, num_hidden=3)
        relu1 = Activation(fc1, act_type="relu")
        drop = Dropout(relu1)
        fc2 = FullyConnected(drop, w2, b2, num_hidden=2)
        return fc2, relu1
        """,
    )


def test_before_a_node_is_before_its_first_input(net, perform) -> None:
    model = net("a = elemwise_mul(x, x)\nreturn a")
    perform(model, "insert", {"op": "relu", "name": "r", "before": "a"})
    (a,) = model.graph.named("a")
    assert [model.graph.name(entry.node) for entry in model.graph.inputs(a)] == ["r", "x"]


def test_further_inputs_come_from_with(net, perform, same_net) -> None:
    model = net("a = relu(x)\nb = tanh(a)\nreturn b")
    options = {"op": "concat", "name": "c", "after": "a", "with": ["x", "a"], "attrs": {"dim": 1}}
    perform(model, "insert", options)
    same_net(
        model,
        """
        a = relu(x)
        c = Concat(a, x, a, dim=1, num_args=3)
        b = tanh(c)
        return b
        """,
    )


def test_on_values_it_becomes_a_head(net, perform) -> None:
    model = net("a = relu(x)\nb = tanh(x)\nreturn a, b")
    perform(model, "insert", {"op": "elemwise_sub", "name": "d", "inputs": ["a", "b"]})
    assert model.graph.outputs == ["a_output", "b_output", "d_output"]


def test_replacing_the_heads_drops_what_only_they_needed(net, perform, same_net) -> None:
    model = net(NET, **SHAPES)
    options = {
        "op": "FullyConnected",
        "name": "fc",
        "attrs": {"num_hidden": 7, "no_bias": True},
        "inputs": "relu1",
        "heads": "replace",
        "parameters": {"weight": {"shape": [7, 3], "init": "zeros"}},
    }
    done = perform(model, "insert", options)
    same_net(
        model,
        """
        fc1 = FullyConnected(data, w1, b1, num_hidden=3)
        relu1 = Activation(fc1, act_type="relu")
        fc = FullyConnected(relu1, fc_weight, num_hidden=7, no_bias=True)
        return fc
        """,
        hints={"fc_weight": {"no_bias": "True", "num_hidden": "7"}},
    )
    assert list(model.parameters) == ["w1", "b1", "fc_weight"]
    assert "new variables 'fc_weight'" in done.summary


def test_an_operator_without_inputs(net, perform) -> None:
    model = net("a = relu(x)\nreturn a")
    perform(model, "insert", {"op": "_zeros", "name": "z", "attrs": {"shape": [2]}, "inputs": []})
    assert model.graph.outputs == ["a_output", "z_output"]


def test_new_states_are_stamped_hinted_and_classed(net, perform) -> None:
    model = net(NET, **SHAPES)
    options = {
        "op": "BatchNorm",
        "name": "bn",
        "after": "fc1",
        "parameters": {
            "moving_var": {"shape": [3], "init": "ones"},
            "gamma": {"shape": [3], "value": 0.5},
        },
    }
    perform(model, "insert", options)
    graph = model.graph
    (bn,) = graph.named("bn")
    assert [entry.version for entry in graph.inputs(bn)] == [0, 0, 0, 1, 1]
    assert graph.auxiliary_states == ["bn_moving_mean", "bn_moving_var"]
    assert graph.attrs(graph.named("bn_moving_var")[0]) == {"__init__": '["one", {}]'}
    assert model.parameters.class_of("bn_moving_var") == "aux"
    assert model.parameters.class_of("bn_gamma") == "arg"


def test_states_that_are_there_already_are_stamped_on(net, perform) -> None:
    model = net("one = BatchNorm(data, g, b, m, v)\nreturn one", m=(3,), v=(3,))
    options = {"op": "BatchNorm", "name": "two", "after": "one", "with": ["g", "b", "m", "v"]}
    perform(model, "insert", options)
    graph = model.graph
    assert [entry.version for entry in graph.inputs(graph.named("two")[0])] == [0, 0, 0, 2, 2]
    assert [entry.version for entry in graph.inputs(graph.named("one")[0])] == [0, 0, 0, 1, 1]


def weight(net, perform, description, **context) -> np.ndarray:
    model = net("a = relu(x)\nreturn a")
    options = {"op": "FullyConnected", "name": "f", "attrs": {"num_hidden": 1}, "after": "a"}
    perform(model, "insert", {**options, "parameters": {"weight": description}}, **context)
    return model.parameters["f_weight"]


def test_random_values_depend_on_their_seed_only(net, perform) -> None:
    normal = {"shape": [200, 100], "init": "normal", "scale": 2.0, "seed": 3}
    first, again = weight(net, perform, normal), weight(net, perform, normal)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.float32
    assert first.std() == pytest.approx(2, rel=0.02)
    assert abs(first.mean()) < 0.1
    other = weight(net, perform, {**normal, "seed": 4})
    assert np.abs(first - other).max() > 1
    uniform = weight(net, perform, {"shape": [200, 100], "init": "uniform", "dtype": "float16"})
    assert uniform.dtype == np.float16
    assert 0.069 < np.abs(uniform).max() <= 0.0701


def test_values_from_a_file_or_given(net, perform, tmp_path) -> None:
    array = np.arange(6, dtype="int32").reshape(2, 3)
    np.save(tmp_path / "w.npy", array)
    np.testing.assert_array_equal(weight(net, perform, {"file": "w.npy"}, folder=tmp_path), array)
    np.testing.assert_array_equal(weight(net, perform, array), array)
    np.testing.assert_array_equal(weight(net, perform, {"value": [1, 2]}), [1, 2])
    np.testing.assert_array_equal(
        weight(net, perform, {"value": [1, 2], "shape": [2, 2], "init": "constant"}),
        [[1, 2], [1, 2]],
    )


@pytest.mark.parametrize(
    ("description", "message"),
    [
        (3, "describes no array"),
        ({"shap": [1]}, "no option 'shap'; nearest: shape"),
        ({"shape": [1]}, "init can't be None"),
        ({"shape": [1], "init": "zeroes"}, "nearest: zeros"),
        ({"init": "zeros"}, "needs a shape"),
        ({"shape": [1, "a"], "init": "zeros"}, "needs a shape"),
        ({"shape": [1], "init": "zeros", "dtype": "flaot"}, "'flaot' is no type"),
        ({"shape": [1], "init": "constant"}, "needs a value"),
        ({"shape": [3], "value": [1, 2]}, "could not be broadcast"),
        ({"shape": [3], "init": "normal", "scale": -1}, "scale < 0"),
        ({"shape": [3], "init": "normal", "seed": -1}, "parameters: weight: "),
        ({"file": "nowhere.npy"}, "No such file"),
        ({"file": "text.npy"}, "is no .npy file"),
        ({"file": "many.npz"}, "holds several arrays"),
        ({"file": "torn.npz"}, "is no .npy file"),
        ({"file": "/dev/zero"}, "/dev/zero: not a regular file"),
        ({"file": "pipe.npy"}, "pipe.npy: not a regular file"),
        ({"shape": [2**40, 2**40], "init": "zeros"}, "float32 is larger than 8 GiB"),
        ({"shape": [0, 2**80], "init": "normal"}, "float32 is larger than 8 GiB"),
        ({"shape": [2**31, 2], "value": 1}, "float32 is larger than 8 GiB"),
        ({"value": [[1], [2, 3]]}, "the value is no array of float32; write a number, or"),
        ({"value": "much"}, "the value is no array of float32; write a number, or"),
        ({"value": 10**400}, "the value is no array of float32; write a number, or"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(net, refused, tmp_path, description, message):
    (tmp_path / "text.npy").write_text("<html>")
    np.savez(tmp_path / "many.npz", a=np.zeros(1))
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04")
    os.mkfifo(tmp_path / "pipe.npy")
    options = {"op": "FullyConnected", "name": "f", "attrs": {"num_hidden": 1}, "after": "a"}
    options["parameters"] = {"weight": description}
    found = refused(
        net("a = relu(x)\nreturn a"), "insert", options, OperationError, folder=tmp_path
    )
    assert message in found
    assert "'f': parameters: weight" in found


RELU = {"op": "relu", "name": "r"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({**RELU, "inputs": ["fc1"], "with": ["fc2"]}, OperationError, "with belongs to"),
        ({**RELU, "after": "fc1", "heads": "replace"}, OperationError, "heads belongs to inputs"),
        ({**RELU, "before": {"node": "fc2", "slot": 1}}, OperationError, "no option 'slot'"),
        ({**RELU, "before": {"node": "fc2", "input": "x"}}, OperationError, "no input 'x'"),
        ({**RELU, "after": "fc3"}, SelectorError, "no output 'fc3'"),
        ({**RELU, "after": ["fc1", "fc2"]}, OperationError, "one value, not 2"),
        ({**RELU, "name": "fc1", "after": "fc2"}, OperationError, "'fc1' (#3) is there already"),
        ({**RELU, "op": "rleu", "after": "fc1"}, OperationError, "no operator 'rleu'; nearest:"),
        ({**RELU, "after": "fc1", "with": ["fc1"]}, GraphError, "but is given 2"),
        (
            {"op": "elemwise_add", "name": "s", "after": "fc1", "with": ["relu1"]},
            CycleError,
            "relu1",
        ),
        (
            {"op": "FullyConnected", "name": "f", "after": "fc1"},
            OperationError,
            "attribute num_hidden",
        ),
        (
            {**RELU, "after": "fc1", "parameters": {"weight": {}}},
            OperationError,
            "the operator's new variables are none",
        ),
        (
            {**MEAN, "after": "fc1", "attrs": {"scalar": "much"}},
            OperationError,
            "_minus_scalar 'mean': ",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(net, refused, options, error, message: str) -> None:
    assert message in refused(net(NET, **SHAPES), "insert", options, error)


def test_a_new_variable_may_not_take_a_name(net, refused) -> None:
    model = net(NET.replace("w2", "f_weight"), **{**SHAPES, "f_weight": (2, 3)})
    options = {"op": "FullyConnected", "name": "f", "attrs": {"num_hidden": 1}, "after": "fc1"}
    assert "'f_weight'" in refused(model, "insert", options, OperationError)


@pytest.mark.parametrize(
    "place", [{"after": "m"}, {"before": {"node": "bn", "input": "moving_mean"}}]
)
def test_a_state_stays_a_variable(net, refused, place) -> None:
    model = net("bn = BatchNorm(x, g, b, m, v)\nreturn bn", m=(3,))
    assert "updates" in refused(model, "insert", {**RELU, **place}, OperationError)


def test_arrays_may_be_given_from_python(net) -> None:
    model = net("a = relu(x)\nreturn a")
    operation = Insert(
        op="broadcast_mul", name="m", after="a", parameters={"rhs": np.ones(3, "float16")}
    )
    with model.edit() as edit:
        operation.apply(Run(model=model), edit)
    assert model.parameters["m_rhs"].dtype == np.float16


@pytest.mark.mxnet
@pytest.mark.parametrize(
    ("op", "attrs"),
    [
        ("FullyConnected", {"num_hidden": 2}),
        ("FullyConnected", {"num_hidden": 2, "no_bias": True, "__lr_mult__": "3"}),
        ("Convolution", {"kernel": [3, 3], "num_filter": 2}),
        ("Deconvolution", {"kernel": [3, 3], "num_filter": 2}),
        ("BatchNorm", {}),
        ("BatchNorm", {"eps": 1e-5, "fix_gamma": False}),
        ("LeakyReLU", {"act_type": "prelu"}),
        ("LeakyReLU", {"act_type": "prelu", "__init__": "zeros"}),
        ("UpSampling", {"scale": 2, "sample_type": "bilinear", "num_filter": 3}),
        ("SoftmaxOutput", {"multi_output": True}),
        ("Concat", {"dim": 1}),
        ("add_n", {}),
        ("RNN", {"state_size": 2, "num_layers": 1, "mode": "lstm"}),
        ("elemwise_add", {}),
        ("IdentityAttachKLSparseReg", {}),
    ],
)
def test_missing_inputs_are_made_as_mxnet_makes_them(mx, net, perform, op: str, attrs) -> None:
    model = net("a = relu(x)\nreturn a")
    perform(model, "insert", {"op": op, "name": "new", "attrs": attrs, "inputs": ["a"]})
    graph = model.graph
    with graph.edit() as edit:
        edit.set_heads([Entry(graph.named("new")[0])])
    hidden = {key: text for key, text in attrs.items() if key.startswith("__")}
    given = {key: value for key, value in attrs.items() if key not in hidden}
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
    value = mx.sym.relu(mx.sym.var("x"), name="a")
    composed = getattr(mx.sym, op)(value, name="new", attr=hidden, **given)
    assert dumps(graph) == composed[0].tojson(remove_amp_cast=False)


@pytest.mark.mxnet
def test_mean_subtraction_moves_into_the_graph(net, perform, compute) -> None:
    model = net(NET, **SHAPES)
    image = np.random.default_rng(5).uniform(0, 255, size=(4, 3)).astype("float32")
    before = compute(model, data=image - np.float32(127.5))
    perform(model, "insert", {**MEAN, "after": "data"})
    for old, new in zip(before, compute(model, data=image), strict=True):
        np.testing.assert_allclose(old, new, rtol=1e-5)


def test_an_initial_value_is_named_once(net, refused) -> None:
    model = net("a = relu(data)\nreturn a")
    options = {
        "op": "FullyConnected",
        "name": "fc",
        "after": "a",
        "attrs": {"num_hidden": 2},
        "parameters": {"weight": {"shape": [2, 3]}},
    }
    assert refused(model, "insert", options, OperationError).count("parameters: weight") == 1
