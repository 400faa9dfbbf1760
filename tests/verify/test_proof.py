"""What an agreement is worth: values that move, rounding, undefined values, decisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphpass import Entry, Graph, Model, Parameters
from graphpass.errors import UsageError
from graphpass.verify import verify

Build = Callable[..., Graph]

pytestmark = [pytest.mark.mxnet, pytest.mark.usefixtures("mx")]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")


def layers(build: Build, *rows: Any, heads: list[Any], **values: np.ndarray) -> Model:
    """Return a model on ``x`` with stored values."""
    variables = [("x", "null"), *((name, "null") for name in values)]
    return Model(build(*variables, *rows, heads=heads), Parameters(values))


def dense(name: str, read: str, hidden: int, *values: str) -> Any:
    attrs = {"num_hidden": str(hidden), **({} if len(values) > 1 else {"no_bias": "True"})}
    return (name, "FullyConnected", attrs, [read, *values])


def with_values(model: Model, **values: np.ndarray) -> Model:
    other = model.copy()
    for name, value in values.items():
        other.parameters[name] = value
    return other


def with_attrs(model: Model, name: str, **attrs: str) -> Model:
    other = model.copy()
    with other.graph.edit() as edit:
        edit.update_attrs(other.graph.named(name)[0], attrs)
    return other


X = {"x": (2, 5)}


def test_a_saturated_output_proves_nothing(build: Build) -> None:
    rows = [dense("fc", "x", 3, "w", "b"), ("s", "sigmoid", {}, ["fc"])]
    bias = np.full(3, 1e5, "f4")
    a = layers(build, *rows, heads=["s"], w=numbers(3, 5), b=bias)
    b = with_values(a, w=a.parameters["w"] * np.float32(-3))
    found = verify(a, b, inputs=X, runs=3, gradients=True)
    assert found.verdict == "not proved"
    text = str(found)
    assert "not proved, as it does not move when the parameters that differ move" in text
    assert "inputs were also drawn at 10, 0.1, 100, 0.01 times the scale" in text
    assert "--input-data NAME:FILE.npy, or --scale" in text
    assert verify(a, a.copy(), inputs=X)  # the same by construction


def test_inputs_of_another_scale_tell(build: Build) -> None:
    rows = [dense("fc", "x", 3, "w", "b"), ("s", "sigmoid", {}, ["fc"])]
    a = layers(build, *rows, heads=["s"], w=numbers(3, 5), b=np.full(3, 60, "f4"))
    b = with_values(a, w=a.parameters["w"] * np.float32(-3))
    assert verify(a, b, inputs=X).verdict == "different"
    assert verify(a, b, inputs=X, scale=60.0).verdict == "different"


def test_a_dead_relu_in_front_of_a_bias_proves_nothing(build: Build) -> None:
    """The bias moves the output, and not what differs."""
    rows = [
        dense("fc", "x", 4, "w", "b"),
        ("r", "relu", {}, ["fc"]),
        dense("last", "r", 3, "v", "c"),
    ]
    values = {"w": numbers(4, 5) / 1000, "v": numbers(3, 4, seed=1), "c": numbers(3, seed=2)}
    a = layers(build, *rows, heads=["last"], b=np.full(4, -100, "f4"), **values)
    for b in (
        with_values(a, w=a.parameters["w"] * np.float32(1.01)),
        with_values(a, v=a.parameters["v"] * np.float32(1.01)),
    ):
        assert verify(a, b, inputs=X).verdict == "not proved"
    assert verify(a, with_values(a, c=a.parameters["c"] * 2), inputs=X).verdict == "different"


def test_softmax_of_one_class_proves_nothing(build: Build) -> None:
    a = layers(build, dense("fc", "x", 1, "w"), ("p", "softmax", {}, ["fc"]), heads=["p"],
               w=numbers(1, 5))  # fmt: skip
    assert verify(a, with_values(a, w=numbers(1, 5, seed=9)), inputs=X).verdict == "not proved"


def test_a_small_fault_behind_a_weak_layer_is_no_agreement(build: Build) -> None:
    """A factor of 0.001 hides an eps, which shows inside."""
    states = ["gamma", "beta", "mean", "var"]
    rows = [
        ("bn", "BatchNorm", {"fix_gamma": "False", "eps": "1e-5"}, ["x", *states]),
        ("weak", "_mul_scalar", {"scalar": "1e-3"}, ["bn"]),
        ("sum", "elemwise_add", {}, ["weak", "x"]),
    ]
    values = {name: np.abs(numbers(5, seed=place)) + 1 for place, name in enumerate(states)}
    a = layers(build, *rows, heads=["sum"], **values)
    found = verify(a, with_attrs(a, "bn", eps="1e-3"), inputs=X)
    assert found.verdict == "not proved"
    assert "it does not show that BatchNorm 'bn' (#5) differs in B" in str(found)


def test_values_inside_prove_an_output_that_does_not_move(build: Build) -> None:
    """A factor moves from the layer to its weights, and the output is saturated."""
    rows = [
        dense("fc", "x", 3, "w"),
        ("half", "_mul_scalar", {"scalar": "0.5"}, ["fc"]),
        ("high", "_plus_scalar", {"scalar": "100000"}, ["half"]),
        ("s", "sigmoid", {}, ["high"]),
    ]
    a = layers(build, *rows, heads=["s"], w=numbers(3, 5))
    b = layers(build, dense("half", "x", 3, "w"), *rows[2:], heads=["s"],
               w=numbers(3, 5) * np.float32(0.5))  # fmt: skip
    found = verify(a, b, inputs=X)
    assert found
    assert "proved by 1 value inside, which agree and move" in str(found)
    assert verify(a, with_values(b, w=numbers(3, 5)), inputs=X).verdict == "not proved"


def test_what_is_made_good_for_inside_is_equal(build: Build) -> None:
    rows = [dense("fc", "x", 3, "w"), ("y", "_mul_scalar", {"scalar": "0.5"}, ["fc"])]
    a = layers(build, *rows, heads=["y"], w=numbers(3, 5))
    b = with_attrs(with_values(a, w=numbers(3, 5) * np.float32(4)), "y", scalar="0.125")
    assert verify(a, b, inputs=X)


def test_an_output_without_parameters_has_to_move_with_its_input(build: Build) -> None:
    a = Model(build(("x", "null"), ("y", "relu", {}, ["x"]), heads=["y"]))
    b = with_attrs(a, "y")
    with b.graph.edit() as edit:
        edit.set_op(1, "Activation")
        edit.set_attrs(1, {"act_type": "relu"})
    assert verify(a, b, inputs=X)
    assert verify(a, b, inputs={"x": np.zeros((2, 5), "f4")})
    low = {"x": np.full((2, 5), -5, "f4")}
    assert verify(a, b, inputs=low).verdict == "not proved"


def test_what_depends_on_shapes_only_has_nothing_to_show(build: Build) -> None:
    rows = [dense("fc", "x", 3, "w"), ("z", "ones_like", {}, ["fc"])]
    a = layers(build, *rows, heads=["z"], w=numbers(3, 5))
    b = with_values(a, w=numbers(3, 5, seed=1))
    assert verify(a, b, inputs=X)


@pytest.mark.parametrize("batch", [0, -1])
def test_regions_of_no_image_are_left_out(build: Build, batch: int) -> None:
    attrs = {"pooled_size": "(2, 2)", "spatial_scale": "1.0"}
    graph = build(("x", "null"), ("rois", "null"), ("r", "_contrib_ROIAlign", attrs, ["x", "rois"]),
                  ("y", "_mul_scalar", {"scalar": "2"}, ["r"]), heads=["y"])  # fmt: skip
    rois = np.array([[0, 1, 1, 6, 6], [batch, 1, 1, 6, 6]], "f4")
    a = Model(graph)
    found = verify(a, with_attrs(a, "y"), inputs={"x": (1, 2, 8, 8), "rois": rois})
    assert found
    comparison = found.outputs[0].comparison
    assert comparison is not None
    assert (comparison.left_out, comparison.size) == ((0, 16) if batch == 0 else (8, 8))
    assert ("A does not reproduce what is left out" in str(found)) is (batch == -1)
    other = verify(a, with_attrs(a, "y", scalar="2.01"), inputs={"x": (1, 2, 8, 8), "rois": rois})
    assert other.verdict == "different"


def test_where_nothing_but_undefined_values_is_left_regions_are_of_an_image(build: Build) -> None:
    attrs = {"pooled_size": "(2, 2)", "spatial_scale": "1.0"}
    graph = build(("x", "null"), ("rois", "null"), ("r", "_contrib_ROIAlign", attrs, ["x", "rois"]),
                  ("y", "sum", {}, ["r"]), heads=["y"])  # fmt: skip
    rois = np.array([[-1, 1, 1, 6, 6]], "f4")
    found = verify(Model(graph), Model(graph), inputs={"x": (1, 2, 8, 8), "rois": rois})
    assert found
    assert "regions of no image were run as of the first one" in str(found)


def test_ties_that_rounding_breaks_are_judged_by_what_was_decided(build: Build) -> None:
    """Scores that are equal but for the order in which the same terms are added up."""
    rows = [
        dense("fc", "x", 60, "w"),
        dense("score", "fc", 80, "v"),
        ("order", "argsort", {"axis": "-1"}, ["score"]),
    ]
    half, first, second = numbers(30, 50), numbers(40, 30, seed=1), numbers(40, 30, seed=2)
    twice = np.concatenate([np.hstack([first, second]), np.hstack([second, first])])
    a = layers(build, *rows, heads=["order"], w=np.concatenate([half, half]), v=twice)
    order = np.random.default_rng(3).permutation(60)
    b = with_values(a, w=a.parameters["w"][order], v=a.parameters["v"][:, order])
    found = verify(a, b, inputs={"x": (2, 50)})
    assert found, str(found)
    assert "compared with what was decided in A by argsort 'order'" in str(found)
    b.parameters["v"] = b.parameters["v"] * np.where(np.arange(60) == 3, 1.01, 1).astype("f4")
    assert verify(a, b, inputs={"x": (2, 50)}).verdict == "different"


def test_rounding_is_tolerated_and_a_weight_that_is_one_percent_off_is_not(build: Build) -> None:
    rows = [dense("fc", "x", 30, "w"), dense("last", "fc", 4, "v")]
    a = layers(build, *rows, heads=["last"], w=numbers(30, 50), v=numbers(4, 30, seed=1))
    order = np.random.default_rng(3).permutation(30)
    b = with_values(a, w=a.parameters["w"][order], v=a.parameters["v"][:, order])
    found = verify(a, b, inputs={"x": (2, 50)})
    assert found
    assert found.outputs[0].comparison is not None
    assert found.outputs[0].comparison.max_abs > 0
    b.parameters["v"] = b.parameters["v"] * np.where(np.arange(30) == 3, 1.01, 1).astype("f4")
    assert verify(a, b, inputs={"x": (2, 50)}).verdict == "different"


def test_tolerances_by_output(build: Build) -> None:
    rows = [dense("fc", "x", 3, "w"), ("y", "tanh", {}, ["fc"])]
    a = layers(build, *rows, heads=["fc", "y"], w=numbers(3, 5))
    b = with_values(a, w=a.parameters["w"] * np.float32(1 + 1e-4))
    found = verify(a, b, inputs=X)
    assert [value.equal for value in found.outputs] == [False, False]
    assert "times what is tolerated; if that is little enough, say --atol fc_output:1e-0" in str(
        found
    )
    found = verify(a, b, inputs=X, atol={"fc_output": 1e-2})
    assert [value.equal for value in found.outputs] == [True, False]
    assert verify(a, b, inputs=X, atol={"fc_output": 1e-2, "": 1e-2})
    assert verify(a, b, inputs=X, rtol=1e-2)
    with pytest.raises(UsageError, match="atol: neither model has an output 'fc_out'"):
        verify(a, b, inputs=X, atol={"fc_out": 1.0})


def test_values_of_several_runs_and_statistics(build: Build) -> None:
    rows = [dense("fc", "x", 4, "w"), ("p", "softmax", {}, ["fc"])]
    a = layers(build, *rows, heads=["p"], w=numbers(4, 5))
    b = with_values(a, w=a.parameters["w"] + np.float32(0.5) * numbers(4, 5, seed=4))
    given = [numbers(8, 5, seed=1), numbers(8, 5, seed=2), numbers(8, 5, seed=3)]
    found = verify(a, b, inputs={"x": given})
    assert found.runs == 3
    assert "given for 3 runs" in str(found.inputs[0])
    (value,) = found.outputs
    assert value.comparison is not None
    assert value.comparison.size == 3 * 8 * 4
    assert 0 < value.comparison.mean_abs < value.comparison.p99_abs <= value.comparison.max_abs
    assert value.top1 is not None
    assert 0 < value.top1 < 1
    with pytest.raises(UsageError, match="runs differ in values, not in shapes"):
        verify(a, b, inputs={"x": [numbers(8, 5), numbers(7, 5)]})


def test_unwritten_rows_of_a_loop_are_left_out() -> None:
    """MXNet leaves the rows of a step output behind the last step as the memory was."""
    import mxnet as mx

    from graphpass import loads

    i, a = mx.sym.var("i"), mx.sym.var("a")
    outputs, states = mx.sym.contrib.while_loop(
        lambda i, a: i < 3, lambda i, a: (a * 2, [i + 1, a + 1]), [i, a], max_iterations=6
    )
    graph = loads(mx.sym.Group([outputs, states[1]]).tojson())
    model = Model(graph)
    given = {"i": np.zeros(1, "f4"), "a": (2, 3)}
    for seed in range(3):
        found = verify(model, model.copy(), inputs=given, seed=seed)
        assert found, str(found)
        assert found.outputs[0].comparison is not None
        assert found.outputs[0].comparison.left_out == 18
    other = model.copy()
    with other.graph.edit() as edit:
        head = other.graph.heads[0]
        scaled = edit.add_node("_mul_scalar", "scaled", {"scalar": "1.01"}, [head])
        edit.set_heads([Entry(scaled), other.graph.heads[1]])
    assert verify(model, other, inputs=given).verdict == "different"
