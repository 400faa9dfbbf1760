"""`verify` and `bisect` on real MXNet: the stories that they are for."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings

from graphpass import Entry, Graph, Model, Parameters
from graphpass.errors import BackendError
from graphpass.testing import RunnableModel, models
from graphpass.verify import bisect, verify

Build = Callable[..., Graph]

pytestmark = [pytest.mark.mxnet, pytest.mark.usefixtures("mx")]

DATA = {"data": (2, 3, 8, 8)}


def network(build: Build, *, seed: int = 0, dtype: str = "float32") -> Model:
    """Return Convolution, BatchNorm, relu, Pooling, FullyConnected, SoftmaxOutput, with values."""
    attrs = {"kernel": "(3, 3)", "num_filter": "4", "no_bias": "1"}
    states = [(name, "null") for name in ("gamma", "beta", "mean", "var")]
    graph = build(
        ("data", "null"),
        ("conv_weight", "null"),
        *states,
        ("fc_weight", "null"),
        ("fc_bias", "null"),
        ("label", "null"),
        ("conv", "Convolution", attrs, ["data", "conv_weight"]),
        ("bn", "BatchNorm", {"fix_gamma": "False"}, ["conv", "gamma", "beta", "mean", "var"]),
        ("act", "Activation", {"act_type": "relu"}, ["bn"]),
        ("pool", "Pooling", {"kernel": "(2, 2)", "stride": "(2, 2)"}, ["act"]),
        ("fc", "FullyConnected", {"num_hidden": "5"}, ["pool", "fc_weight", "fc_bias"]),
        ("softmax", "SoftmaxOutput", {}, ["fc", "label"]),
        heads=["softmax"],
    )
    dice = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return dice.standard_normal(shape).astype(dtype)

    parameters = Parameters(
        {
            "conv_weight": normal(4, 3, 3, 3),
            "fc_weight": normal(5, 36) / 30,
            "fc_bias": normal(5),
        }
    )
    # MXNet keeps BatchNorm in single precision, whatever its data.
    for name, class_ in (("gamma", "arg"), ("beta", "arg"), ("mean", "aux"), ("var", "aux")):
        parameters.set(name, np.abs(normal(4)).astype("float32") + 0.5, class_)
    return Model(graph, parameters)


def test_a_model_is_equal_to_its_copy(build: Build) -> None:
    model = network(build)
    found = verify(model, model.copy(), inputs=DATA, runs=2, gradients=True, training=True)
    assert found
    assert [state.names[0] for state in found.auxiliary_states] == ["mean", "var"]
    assert {slope.names[0] for slope in found.gradients} == {
        "data", "conv_weight", "gamma", "beta", "fc_weight", "fc_bias",
    }  # fmt: skip
    assert [str(value) for value in found.inputs] == [
        "'data' (2, 3, 8, 8) float32, normal",
        "'label' (2,) float32, whole numbers 0 to 4, as SoftmaxOutput 'softmax' reads it",
    ]
    assert all(slope.comparison.magnitude > 0 for slope in found.gradients)


def test_a_changed_attribute_is_found(build: Build) -> None:
    a = network(build)
    b = a.copy()
    with b.graph.edit() as edit:
        (key,) = b.graph.named("bn")
        edit.update_attrs(key, {"fix_gamma": "True"})
    assert not verify(a, b, inputs=DATA)
    found = bisect(a, b, inputs=DATA)
    assert found is not None
    assert found.nodes[0].startswith("BatchNorm 'bn'")
    assert found.agreed == 1


def test_a_changed_value_is_found(build: Build) -> None:
    a = network(build)
    b = a.copy()
    b.parameters["fc_bias"] = a.parameters["fc_bias"] + np.eye(5, dtype="float32")[2] / 4
    assert not verify(a, b, inputs=DATA)
    found = bisect(a, b, inputs=DATA)
    assert found is not None
    assert found.nodes[0].startswith("FullyConnected 'fc'")
    assert found.comparison.max_abs == pytest.approx(0.25, rel=1e-3)


def test_a_dropout_more_is_equal_in_inference_only(build: Build) -> None:
    a = network(build)
    b = a.copy()
    with b.graph.edit() as edit:
        (pool,), (fc,) = b.graph.named("pool"), b.graph.named("fc")
        edit.set_input(fc, 0, Entry(edit.add_node("Dropout", "drop", inputs=[Entry(pool)])))
    assert verify(a, b, inputs=DATA)
    assert not verify(a, b, inputs=DATA, training=True)
    found = verify(a, b, inputs=DATA, gradients=True)
    assert not found
    assert "gradient of every argument: can't be compared, since Dropout 'drop'" in str(found)


def test_dropout_on_another_output_does_not_matter(build: Build) -> None:
    rows = [("x", "null"), ("r", "relu", {}, ["x"]), ("d", "Dropout", {}, ["r"])]
    a = Model(build(*rows, heads=["r", "d"]))
    found = verify(a, a, inputs={"x": (3, 4)}, outputs=[(0, 0)], gradients=True)
    assert found, str(found)
    assert [slope.names[0] for slope in found.gradients] == ["x"]


def test_auxiliary_states_are_compared_in_training(build: Build) -> None:
    a = network(build)
    b = a.copy()
    with b.graph.edit() as edit:
        (key,) = b.graph.named("bn")
        edit.update_attrs(key, {"momentum": "0.5"})
    assert verify(a, b, inputs=DATA)
    found = verify(a, b, inputs=DATA, training=True)
    assert all(value.equal for value in found.outputs)
    assert not any(value.equal for value in found.auxiliary_states)
    assert "auxiliary state mean: differ, (4,) float32" in str(found)


def test_gradients_tell_apart_what_outputs_do_not(build: Build) -> None:
    rows = [("x", "null"), ("w", "null"), ("p", "elemwise_mul", {}, ["x", "w"])]
    a = Model(build(*rows, heads=["p"]))
    b = Model(build(*rows, ("s", "BlockGrad", {}, ["p"]), heads=["s"]))
    shapes = {"x": (2, 3), "w": (2, 3)}
    assert verify(a, b, inputs=shapes)
    found = verify(a, b, inputs=shapes, gradients=True)
    assert not found
    assert {slope.names[0] for slope in found.gradients if not slope.equal} == {"x", "w"}


def siamese(model: Model) -> Model:
    """Return two towers on one set of weights."""
    twin = model.copy()
    graph = twin.graph
    with graph.edit() as edit:
        (data,) = graph.named("data")
        keys = {data: edit.add_variable("right_data")}
        (pooled,) = graph.named("pool")
        (fc,) = graph.named("fc")
        for key in list(graph.order()):
            if not graph.is_variable(key) and graph.name(key) != "softmax":
                keys[key] = edit.add_node(
                    graph.op(key),
                    f"right_{graph.name(key)}",
                    graph.attrs(key),
                    [Entry(keys.get(e.node, e.node), e.output) for e in graph.inputs(key)],
                )
        edit.set_heads([Entry(fc), Entry(keys[fc]), Entry(pooled), Entry(keys[pooled])])
        edit.sweep()
    return twin


def headed(model: Model, *names: str) -> Model:
    cut = model.copy()
    with cut.graph.edit() as edit:
        edit.set_heads([Entry(cut.graph.named(name)[0]) for name in names])
        edit.sweep()
    return cut


def test_both_towers_of_a_siamese_network_equal_the_one(build: Build) -> None:
    one = network(build)
    two = siamese(one)
    pairs = [(0, 0), (0, 1), (1, 2), (1, 3)]
    found = verify(
        headed(one, "fc", "pool"),
        two,
        inputs=DATA,
        feed={"right_data": "data"},
        outputs=pairs,
        gradients=True,
    )
    assert found, str(found)
    (data,) = [slope for slope in found.gradients if slope.names[0] == "data"]
    assert data.names[1] == "data + right_data"
    assert "fed to 'right_data' of B" in str(found)


def test_repeated_outputs(build: Build) -> None:
    rows = [("x", "null"), ("r", "relu", {}, ["x"]), ("n", "negative", {}, ["x"])]
    a = Model(build(*rows, heads=["r", "n"]))
    b = Model(build(*rows, heads=["r", "n", "r", "n", "r", "n"]))
    assert verify(a, b, inputs={"x": (2, 3)}, outputs="repeat", gradients=True)


def test_towers_that_are_fed_otherwise_differ(build: Build) -> None:
    one = network(build)
    two = siamese(one)
    found = verify(
        headed(one, "fc"),
        two,
        inputs={**DATA, "right_data": DATA["data"]},
        outputs=[(0, 0), (0, 1)],
    )
    assert [value.equal for value in found.outputs] == [True, False]


def test_half_precision(build: Build) -> None:
    rows = [("x", "null"), ("w", "null"), ("p", "elemwise_mul", {}, ["x", "w"])]
    weight = np.array([[1.5, -2.5]], "float16")
    model = Model(build(*rows, heads=["p"]), Parameters({"w": weight}))
    found = verify(model, model.copy(), inputs={"x": (1, 2)}, gradients=True)
    assert found
    assert found.inputs[0].dtype == "float16"
    comparison = found.outputs[0].comparison
    assert comparison is not None
    assert comparison.dtypes == ("float16", "float16")
    assert 0 < comparison.atol <= 5e-3 * comparison.magnitude
    single = Model(model.graph.copy(), Parameters({"w": weight.astype("float32")}))
    differ = verify(model, single, inputs={"x": (1, 2)})
    assert "dtype float16 is float32 in B" in str(differ)


def test_half_precision_networks_run_in_single_precision(build: Build) -> None:
    model = network(build, dtype="float16")
    with model.graph.edit() as edit:
        (head,) = model.graph.heads
        edit.set_heads([Entry(edit.add_node("Cast", "half", {"dtype": "float16"}, [head]))])
        edit.set_attrs(0, {"__dtype__": "2"})
    with pytest.raises(BackendError, match=r"FP16 gemm on cpu.*single_precision=True"):
        verify(model, model.copy(), inputs=DATA)
    other = model.copy()
    assert verify(model, other, inputs=DATA, single_precision=True)
    assert bisect(model, other, inputs=DATA, single_precision=True) is None
    other.parameters["fc_bias"] = other.parameters["fc_bias"] * np.float16(2)
    found = verify(model, other, inputs=DATA, single_precision=True)
    assert not found
    assert found.inputs[0].dtype == "float32"
    assert model.parameters["fc_bias"].dtype == "float16"


def test_a_symbol_alone_is_verified_with_drawn_parameters(build: Build) -> None:
    a = Model(network(build).graph)
    found = verify(a, a.copy(), inputs=DATA)
    assert found
    assert "7 parameters drawn, as none is stored" in str(found)
    b = a.copy()
    with b.graph.edit() as edit:
        (key,) = b.graph.named("act")
        edit.set_attrs(key, {"act_type": "sigmoid"})
    assert not verify(a, b, inputs=DATA)


def test_shape_hints_stand_for_inputs(build: Build) -> None:
    model = network(build)
    with model.graph.edit() as edit:
        edit.set_attrs(0, {"__shape__": "(2, 3, 8, 8)"})
    assert verify(model, model.copy())


def test_indices_are_drawn_in_range(build: Build) -> None:
    graph = build(
        ("i", "null"),
        ("w", "null"),
        ("e", "Embedding", {"input_dim": "11", "output_dim": "3"}, ["i", "w"]),
        ("p", "pick", {}, ["e", "i"]),
        heads=["e", "p"],
    )
    model = Model(graph, Parameters({"w": np.eye(11, 3, dtype="float32") + 1}))
    found = verify(model, model.copy(), inputs={"i": (4,)}, gradients=True)
    assert found
    assert str(found.inputs[0]) == "'i' (4,) float32, whole numbers 0 to 2, as pick 'p' reads it"
    assert [slope.names[0] for slope in found.gradients] == ["w"]


def test_a_crash_names_the_model(build: Build) -> None:
    good = Model(build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"]))
    bad = good.copy()
    with bad.graph.edit() as edit:
        edit.set_op(1, "NoSuchOperator")
    with pytest.raises(BackendError, match=r"^B: MXNet 1\.9\.1 says: .*NoSuchOperator"):
        verify(good, bad, inputs={"x": (2,)}, isolated=True)


def test_numpy_shape_mode() -> None:
    from graphpass import loads

    graph = loads(
        '{"nodes": [{"op": "null", "name": "x", "inputs": []},'
        ' {"op": "_npi_add", "name": "s", "inputs": [[0, 0, 0], [0, 0, 0]]}], "arg_nodes": [0],'
        ' "heads": [[1, 0, 0]],'
        ' "attrs": {"is_np_shape": ["int", 1], "mxnet_version": ["int", 10901]}}'
    )
    found = verify(Model(graph), Model(graph.copy()), inputs={"x": ()})
    assert found
    assert found.outputs[0].comparison is not None
    assert found.outputs[0].comparison.shapes[0] == ()


@settings(max_examples=60)
@given(drawn=models())
def test_random_models_equal_themselves(mx: ModuleType, drawn: RunnableModel) -> None:
    found = verify(drawn.model, drawn.model.copy(), inputs=drawn.shapes, seed=3)
    assert found, str(found)
    assert bisect(drawn.model, drawn.model.copy(), inputs=drawn.shapes) is None


@settings(max_examples=30)
@given(drawn=models(max_heads=1))
def test_random_models_with_another_head_differ(mx: ModuleType, drawn: RunnableModel) -> None:
    other = drawn.model.copy()
    with other.graph.edit() as edit:
        head = other.graph.heads[0]
        added = edit.add_node("_plus_scalar", "added", {"scalar": "1"}, [head])
        edit.set_heads([Entry(added)])
    assert not verify(drawn.model, other, inputs=drawn.shapes)
