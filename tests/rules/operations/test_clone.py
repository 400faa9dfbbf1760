"""``clone``: a second tower on the same weights, on copies of them, or on none."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass import Model, apply, dumps
from graphpass.errors import OperationError, SelectorError
from graphpass.graph import Entry

TOWER = """
    fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=4)
    relu1 = Activation(fc1, act_type="relu")
    fc2 = FullyConnected(relu1, fc2_weight, fc2_bias, num_hidden=2)
    return fc2
"""
SHAPES = {"fc1_weight": (4, 3), "fc1_bias": (4,), "fc2_weight": (2, 4), "fc2_bias": (2,)}

NORMED = """
    bn = BatchNorm(data, bn_gamma, bn_beta, bn_moving_mean, bn_moving_var, fix_gamma=False)
    drop = Dropout(bn, p=0.5)
    fc = FullyConnected(drop, fc_weight, fc_bias, num_hidden=2)
    return fc
"""
NORMED_SHAPES = {
    "bn_gamma": (3,),
    "bn_beta": (3,),
    "bn_moving_mean": (3,),
    "bn_moving_var": (3,),
    "fc_weight": (2, 3),
    "fc_bias": (2,),
}


def test_shared_parameters_are_one_node(net, perform, same_net) -> None:
    model = net(TOWER, **SHAPES)
    perform(model, "clone", {"prefix": "right_"})
    same_net(
        model,
        """
        fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=4)
        relu1 = Activation(fc1, act_type="relu")
        fc2 = FullyConnected(relu1, fc2_weight, fc2_bias, num_hidden=2)
        right_fc1 = FullyConnected(right_data, fc1_weight, fc1_bias, num_hidden=4)
        right_relu1 = Activation(right_fc1, act_type="relu")
        right_fc2 = FullyConnected(right_relu1, fc2_weight, fc2_bias, num_hidden=2)
        return fc2, right_fc2
        """,
    )
    assert list(model.parameters) == list(SHAPES)
    assert len(model.graph.uses(model.graph.named("fc1_weight")[0])) == 2


def test_copies_have_the_values_under_new_names(net, perform, same_net) -> None:
    model = net(NORMED, **NORMED_SHAPES)
    done = perform(
        model, "clone", {"name": "{name}-b", "share": "copy", "inputs": {"data": "image"}}
    )
    same_net(
        model,
        """
        bn = BatchNorm(data, bn_gamma, bn_beta, bn_moving_mean, bn_moving_var, fix_gamma=False)
        drop = Dropout(bn, p=0.5)
        fc = FullyConnected(drop, fc_weight, fc_bias, num_hidden=2)
        bn_b = BatchNorm(image, gamma, beta, mean, var, fix_gamma=False)
        drop_b = Dropout(bn_b, p=0.5)
        fc_b = FullyConnected(drop_b, weight, bias, num_hidden=2)
        return fc, fc_b
        """,
        names={
            "bn_b": "bn-b",
            "gamma": "bn_gamma-b",
            "beta": "bn_beta-b",
            "mean": "bn_moving_mean-b",
            "var": "bn_moving_var-b",
            "drop_b": "drop-b",
            "fc_b": "fc-b",
            "weight": "fc_weight-b",
            "bias": "fc_bias-b",
        },
    )
    parameters = model.parameters
    for name in NORMED_SHAPES:
        assert np.shares_memory(parameters[name], parameters[f"{name}-b"])
        assert parameters.class_of(name) == parameters.class_of(f"{name}-b")
    assert parameters.class_of("bn_moving_mean-b") == "aux"
    assert done.notes == []


def test_nothing_is_a_copy_without_values(net, perform) -> None:
    model = net(TOWER, **SHAPES)
    perform(model, "clone", {"prefix": "b_", "share": "nothing"})
    assert model.graph.arguments[5:] == [f"b_{name}" for name in ["data", *SHAPES]]
    assert list(model.parameters) == list(SHAPES)


def test_states_that_both_towers_update_are_stamped_and_reported(net, perform, same_net) -> None:
    model = net(NORMED, **NORMED_SHAPES)
    done = perform(model, "clone", {"prefix": "b_"})
    same_net(
        model,
        """
        bn = BatchNorm(data, bn_gamma, bn_beta, bn_moving_mean, bn_moving_var, fix_gamma=False)
        drop = Dropout(bn, p=0.5)
        fc = FullyConnected(drop, fc_weight, fc_bias, num_hidden=2)
        b_bn = BatchNorm(b_data, bn_gamma, bn_beta, bn_moving_mean, bn_moving_var, fix_gamma=False)
        b_drop = Dropout(b_bn, p=0.5)
        b_fc = FullyConnected(b_drop, fc_weight, fc_bias, num_hidden=2)
        return fc, b_fc
        """,
    )
    twin = model.graph.named("b_bn")[0]
    assert [entry.version for entry in model.graph.inputs(twin)] == [0, 0, 0, 2, 2]
    assert len(done.notes) == 1
    assert "'bn_moving_mean', 'bn_moving_var' are shared: in training" in done.notes[0]


def test_frozen_statistics_need_no_note(net, perform) -> None:
    model = net(NORMED.replace("fix_gamma=False", "use_global_stats=True"), **NORMED_SHAPES)
    assert perform(model, "clone", {"prefix": "b_"}).notes == []


def test_from_and_to_may_be_values_of_operators(net, perform, same_net) -> None:
    model = net(TOWER, **SHAPES)
    perform(model, "clone", {"from": "fc1", "to": "relu1_output", "prefix": "b_"})
    same_net(
        model,
        """
        fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=4)
        relu1 = Activation(fc1, act_type="relu")
        fc2 = FullyConnected(relu1, fc2_weight, fc2_bias, num_hidden=2)
        b_relu1 = Activation(b_fc1_output, act_type="relu")
        return fc2, b_relu1
        """,
    )


SPLIT = """
    split = SliceChannel(data, num_outputs=2)
    sum = elemwise_add(split[0], split[1])
    return sum
"""


def test_one_output_of_several_may_be_cut(net, perform, same_net) -> None:
    model = net(SPLIT)
    perform(model, "clone", {"from": ["data", "split_output1"], "prefix": "b_"})
    same_net(
        model,
        """
        split = SliceChannel(data, num_outputs=2)
        sum = elemwise_add(split[0], split[1])
        b_split = SliceChannel(b_data, num_outputs=2)
        b_sum = elemwise_add(b_split[0], b_split_output1)
        return sum, b_sum
        """,
    )


def test_what_is_kept_is_read_by_both(net, perform, same_net) -> None:
    model = net("diff = elemwise_sub(data, label)\nsquare = square(diff)\nreturn square")
    perform(model, "clone", {"prefix": "b_", "keep": ["label"]})
    same_net(
        model,
        """
        diff = elemwise_sub(data, label)
        square = square(diff)
        b_diff = elemwise_sub(b_data, label)
        b_square = square(b_diff)
        return square, b_square
        """,
    )


@pytest.mark.parametrize("share", ["parameters", "copy"])
def test_a_kept_operator_is_not_cloned(net, perform, share: str) -> None:
    model = net(
        """
        stem = relu(data)
        head = elemwise_mul(stem, scale)
        both = elemwise_add(head, other)
        return both
        """,
        scale=(3,),
    )
    perform(model, "clone", {"prefix": "b_", "keep": "stem", "share": share})
    graph = model.graph
    assert "b_stem" not in graph.names
    assert "b_data" not in graph.names
    assert ("b_scale" in graph.names) == (share == "copy")
    assert graph.arguments[-1] == "b_other"


def test_hints_of_variables_are_kept(net, perform) -> None:
    hints = {
        "data": {"__shape__": "(0, 3)", "mood": "blue"},
        "fc1_weight": {"__lr_mult__": "2.0"},
    }
    model = net(TOWER, hints, **SHAPES)
    perform(model, "clone", {"prefix": "b_", "share": "copy"})
    attrs = {node.name: dict(node.attrs) for node in model.graph}
    assert attrs["b_data"] == hints["data"]
    assert attrs["b_fc1_weight"] == hints["fc1_weight"]


def test_the_same_value_twice(net, perform, same_net) -> None:
    model = net("sum = elemwise_add(a, a)\nreturn sum, sum, a")
    perform(model, "clone", {"prefix": "b_"})
    same_net(
        model,
        """
        sum = elemwise_add(a, a)
        b_sum = elemwise_add(b_a, b_a)
        return sum, sum, a, b_sum, b_sum, b_a
        """,
    )


def test_operators_may_repeat_a_name_alike_in_the_clone(net, perform) -> None:
    model = net("a1 = relu(data)\na2 = tanh(a1)\nreturn a2")
    with model.graph.edit() as edit:
        for key in model.graph.order()[1:]:
            edit.rename(key, "_plus0")
    perform(model, "clone", {"prefix": "b_"})
    names = [node.name for node in model.graph]
    assert names == ["data", "_plus0", "_plus0", "b_data", "b__plus0", "b__plus0"]


def test_variables_of_one_name_have_to_be_tied_first(net, refused, perform, namesakes) -> None:
    model = namesakes("sum = elemwise_mul(a, b)\nreturn sum", "a", "b")
    message = refused(model, "clone", {"prefix": "c_"}, OperationError)
    assert "variable 'a' (#0) and variable 'a' (#1) have one name" in message
    assert "tie them ([id:0, id:1])" in message
    perform(model, "tie", ["id:0", "id:1"])
    perform(model, "clone", {"prefix": "c_"})
    assert model.graph.arguments == ["a", "c_a"]


def test_control_dependencies_and_subgraphs_are_cloned(net, perform) -> None:
    model = net("first = relu(data)\nsecond = tanh(data)\nreturn second")
    graph = model.graph
    inner = net("relu0 = relu(x)\nreturn relu0").graph
    data, second = graph.order()
    with graph.edit() as edit:
        first = edit.add_node("relu", "first", {}, [Entry(data)])
        edit.set_inputs(second, [Entry(data)], control=[first])
        edit.set_subgraphs(second, [inner])
    perform(model, "clone", {"prefix": "b_"})
    twin = graph.named("b_second")[0]
    assert [graph.name(key) for key in graph.control_dependencies(twin)] == ["b_first"]
    (copied,) = graph.subgraphs(twin)
    assert copied is not inner
    assert dumps(copied) == dumps(inner)


def test_an_input_that_is_only_waited_for_is_shared_and_may_be_kept(net, perform) -> None:
    model = net("out = relu(data)\nreturn out")
    graph = model.graph
    with graph.edit() as edit:
        (out,) = graph.named("out")
        edit.set_inputs(out, graph.inputs(out), control=[edit.add_variable("token")])
    perform(model, "clone", {"prefix": "b_", "keep": "token"})
    perform(model, "clone", {"prefix": "c_"})
    assert model.inputs == ["data", "token", "b_data", "c_data", "c_b_data"]
    twin = graph.named("b_out")[0]
    assert [graph.name(key) for key in graph.control_dependencies(twin)] == ["token"]


def test_a_value_that_depends_on_no_input_is_a_head_twice(net, perform) -> None:
    model = net("penalty = square(w)\nout = elemwise_mul(data, w)\nreturn out, penalty", w=(3,))
    done = perform(model, "clone", {"prefix": "b_"})
    assert model.graph.outputs == ["out_output", "penalty_output", "b_out_output", "penalty_output"]
    assert "'penalty_output' does not depend" in done.notes[0]


def test_a_weight_under_from_becomes_an_input(net, perform) -> None:
    model = net(TOWER, **SHAPES)
    done = perform(model, "clone", {"from": ["data", "fc2_weight"], "prefix": "b_"})
    assert model.inputs == ["data", "b_data", "b_fc2_weight"]
    assert "'fc2_weight' has a stored value" in done.notes[0]


def test_without_parameters_the_operators_tell_weights(net, perform) -> None:
    model = net(TOWER)
    perform(model, "clone", {"prefix": "b_"})
    assert model.graph.arguments == ["data", *SHAPES, "b_data"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "b"}, "would be every node's"),
        ({"prefix": "b_", "from": "relu1", "to": "fc1"}, "'relu1_output' does not reach"),
        ({"prefix": "b_", "from": ["data", "fc1"]}, "'data' does not reach"),
        ({"prefix": "b_", "from": "data", "keep": "data"}, "under both from and keep"),
        ({"prefix": "b_", "keep": "data"}, "say under from where"),
        ({"prefix": "b_", "keep": "fc2_weight", "to": "fc1"}, "'fc2_weight' does not reach"),
        ({"prefix": "b_", "inputs": {"fc1": "x"}}, "it has for 'data'"),
        (
            {"prefix": "b_", "inputs": {"data": "fc1_bias"}},
            "variable 'fc1_bias' (#2) is there already",
        ),
        ({"prefix": ""}, "such as 'clone2_'"),
    ],
)
def test_what_makes_no_sense_is_refused(net, refused, options, message: str) -> None:
    assert message in refused(net(TOWER, **SHAPES), "clone", options, OperationError)


def test_a_name_that_is_taken_is_refused_with_its_owner(net, refused) -> None:
    model = net("b_relu1 = relu(b_data)\nrelu1 = relu(data)\nreturn relu1, b_relu1")
    message = refused(model, "clone", {"prefix": "b_", "from": "data"}, OperationError)
    assert "variable 'b_data' (#0) is there already" in message
    assert "such as 'b2_'" in message
    options = {"prefix": "b_", "from": "data", "inputs": {"data": "x"}}
    assert "relu 'b_relu1' (#1) is there already" in refused(
        model, "clone", options, OperationError
    )


def test_an_array_that_nothing_uses_does_not_become_a_value(net, refused) -> None:
    model = net(TOWER, b_data=(2, 3), **SHAPES)
    assert "no variable uses" in refused(model, "clone", {"prefix": "b_"}, OperationError)


def test_an_unknown_value_is_refused(net, refused) -> None:
    message = refused(net(TOWER, **SHAPES), "clone", {"prefix": "b_", "to": "fc3"}, SelectorError)
    assert "nearest: fc2" in message


def test_a_long_chain_is_no_problem(net, perform) -> None:
    model = net("x0 = relu(data)\nreturn x0")
    graph = model.graph
    with graph.edit() as edit:
        entry = graph.heads[0]
        for number in range(20_000):
            entry = Entry(edit.add_node("relu", f"r{number}", {}, [entry]))
        edit.set_heads([entry])
    perform(model, "clone", {"prefix": "b_"})
    assert len(graph) == 2 * 20_002


@pytest.mark.mxnet
@pytest.mark.parametrize("share", ["parameters", "copy"])
def test_each_tower_computes_what_the_original_did(net, perform, compute, share: str) -> None:
    model = net(NORMED, **NORMED_SHAPES)
    random = np.random.default_rng(0)
    left, right = random.normal(size=(2, 4, 3)).astype("float32")
    (of_left,), (of_right,) = compute(model, data=left), compute(model, data=right)
    perform(model, "clone", {"prefix": "b_", "share": share})
    first, second = compute(model, data=left, b_data=right)
    np.testing.assert_array_equal(first, of_left)
    np.testing.assert_array_equal(second, of_right)


@pytest.mark.mxnet
def test_a_siamese_net_from_one_checkpoint(net, compute) -> None:
    model = net(TOWER, **SHAPES)
    left, right = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    (feature,) = compute(model, data=left)
    apply(
        [
            {"clone": {"prefix": "right_", "inputs": {"data": "data2"}}},
            {
                "insert": {
                    "op": "elemwise_sub",
                    "name": "difference",
                    "inputs": ["fc2", "right_fc2"],
                }
            },
        ],
        model,
    )
    assert set(model.parameters) == set(SHAPES)
    assert model.inputs == ["data", "data2"]
    first, _, difference = compute(model, data=left, data2=right)
    np.testing.assert_array_equal(first, feature)
    _, _, swapped = compute(model, data=right, data2=left)
    np.testing.assert_array_equal(difference, -swapped)
    assert not compute(model, data=left, data2=left)[2].any()
    assert np.abs(difference).max() > 0.1


class Trainer:
    """One convolution and a loss per tower, trained as ``Module`` does by default."""

    ROWS = np.array([[1, 2, 3]] * 3, "float32").reshape(1, 1, 3, 3)

    def __init__(self, mx, model: Model) -> None:
        self.mx = mx
        symbol = mx.sym.load_json(dumps(model.graph))
        inputs = model.inputs
        self.module = mx.mod.Module(symbol, data_names=inputs, label_names=[])
        self.module.bind(data_shapes=[(name, (1, 1, 3, 3)) for name in inputs])
        self.module.init_params(
            arg_params={name: mx.nd.array(array) for name, array in model.parameters.items()}
        )
        self.module.init_optimizer()
        self.inputs = inputs

    def outputs(self, *images: np.ndarray) -> list[float]:
        self._forward(images)
        return [float(output.asnumpy().item()) for output in self.module.get_outputs()]

    def step(self, *images: np.ndarray) -> None:
        self._forward(images)
        self.module.backward()
        self.module.update()

    def weights(self) -> dict[str, np.ndarray]:
        return {name: array.asnumpy() for name, array in self.module.get_params()[0].items()}

    def _forward(self, images) -> None:
        data = [self.mx.nd.array(image) for image in images]
        self.module.forward(self.mx.io.DataBatch(data), is_train=True)


@pytest.fixture
def towers(mx, net):
    """Two towers of a 3x3 convolution without bias and a loss."""

    def make(share: str) -> tuple[Model, Trainer]:
        model = net(
            """
            conv1 = Convolution(data, conv1_weight, kernel=(3, 3), num_filter=1, no_bias=True)
            loss = MakeLoss(conv1)
            return loss
            """,
            conv1_weight=Trainer.ROWS,
        )
        apply([{"clone": {"prefix": "sha-", "share": share}}], model)
        return model, Trainer(mx, model)

    return make


@pytest.mark.mxnet
def test_copied_weights_are_trained_apart(towers) -> None:
    model, trainer = towers("copy")
    assert model.graph.arguments == ["data", "conv1_weight", "sha-data", "sha-conv1_weight"]
    image = Trainer.ROWS
    assert trainer.outputs(image, image) == [42, 42]
    trainer.step(image, image)
    assert trainer.outputs(image, image) == pytest.approx([41.58, 41.58], abs=1e-5)
    trainer.step(image, image + 1)
    weights = trainer.weights()
    assert np.abs(weights["conv1_weight"] - weights["sha-conv1_weight"]).min() > 1e-3


@pytest.mark.mxnet
def test_a_shared_weight_gets_the_gradients_of_both_towers(towers) -> None:
    model, trainer = towers("parameters")
    assert model.graph.arguments == ["data", "conv1_weight", "sha-data"]
    image = Trainer.ROWS
    assert trainer.outputs(image, image) == [42, 42]
    trainer.step(image, image)
    assert trainer.outputs(image, image) == pytest.approx([41.16, 41.16], abs=1e-5)
    trainer.step(image, image + 1)
    assert list(trainer.weights()) == ["conv1_weight"]
    first, second = trainer.outputs(image, image)
    assert first == second


def test_weights_of_unknown_operators_are_judged_by_their_names(net, perform) -> None:
    text = """
    conv = QConvolution(data, conv_weight, conv_bias, other, kernel=(3, 3))
    y = relu(conv)
    return y
    """
    done = perform(net(text), "clone", {"prefix": "b_"})
    assert "the clone reads 'b_data', 'b_other' and returns 'b_y_output'" in done.summary
    assert done.notes == [
        "without parameters, what operators that nobody knows read is judged by its name: 'data', "
        "'other' to be fed and 'conv_weight', 'conv_bias' to be weights, shared; from and keep say "
        "it otherwise"
    ]
    stored = net(text, conv_weight=(2,), conv_bias=(2,), other=(2,))
    assert perform(stored, "clone", {"prefix": "b_"}).notes == []
    known = "y = FullyConnected(data, w, num_hidden=2, no_bias=True)\nreturn y"
    assert perform(net(known), "clone", {"prefix": "b_"}).notes == []
