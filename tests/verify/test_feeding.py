"""Which variable of two models gets which value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphpass import Graph, Model, Parameters
from graphpass.errors import BackendError, UsageError
from graphpass.verify.feeding import Feeding, prepare

Build = Callable[..., Graph]

SHAPE = (2, 3)


def adder(build: Build, *names: str, value: object = None) -> Model:
    rows = [(name, "null") for name in names]
    graph = build(*rows, ("s", "elemwise_sub", {}, [*names]), heads=["s"])
    return Model(graph, Parameters({"w": value} if value is not None else {}))


def names_a(feeding: Feeding, a: Model) -> dict[int, str]:
    """Return for each variable of B the name of the one of A that it stands for."""
    return {key: a.graph.name(old) for key, old in feeding.variables.items()}


def test_equal_names_get_equal_values(build: Build, numpy_backend: Any) -> None:
    a, b = adder(build, "x", "y"), adder(build, "y", "x")
    feeding = prepare(a, b, numpy_backend, inputs={"x": SHAPE, "y": SHAPE})
    values_a, values_b = feeding.run(0)
    assert np.array_equal(values_a[0], values_b[1])
    assert np.array_equal(values_a[1], values_b[0])
    assert not np.array_equal(values_a[0], values_a[1])
    assert names_a(feeding, a) == {0: "y", 1: "x"}
    assert [str(value) for value in feeding.inputs] == [
        "'x' (2, 3) float32, normal",
        "'y' (2, 3) float32, normal",
    ]


def test_runs_and_seeds_differ(build: Build, numpy_backend: Any) -> None:
    a = adder(build, "x", "y")
    shapes = {"x": SHAPE, "y": SHAPE}
    one = prepare(a, a, numpy_backend, inputs=shapes, seed=1)
    two = prepare(a, a, numpy_backend, inputs=shapes, seed=2)
    drawn = [one.run(0)[0][0], one.run(1)[0][0], two.run(0)[0][0]]
    assert len({values.tobytes() for values in drawn}) == 3
    assert np.array_equal(drawn[0], one.run(0)[0][0])


def test_a_new_input_is_fed_what_it_is_told(build: Build, numpy_backend: Any) -> None:
    a, b = adder(build, "data", "other"), adder(build, "left", "right")
    feeding = prepare(
        a,
        b,
        numpy_backend,
        inputs={"data": SHAPE, "other": SHAPE},
        feed={"left": "other", "right": "other"},
    )
    values_a, values_b = feeding.run(0)
    assert np.array_equal(values_b[0], values_a[1])
    assert np.array_equal(values_b[1], values_a[1])
    assert str(feeding.inputs[1]) == ("'other' (2, 3) float32, normal; fed to 'left', 'right' of B")


def test_a_renamed_input_is_found_by_alignment(build: Build, numpy_backend: Any) -> None:
    a, b = adder(build, "data", "other"), adder(build, "image", "other")
    feeding = prepare(a, b, numpy_backend, inputs={"data": SHAPE, "other": SHAPE})
    assert names_a(feeding, a) == {0: "data", 1: "other"}
    values_a, values_b = feeding.run(0)
    assert np.array_equal(values_a[0], values_b[0])


def test_an_input_that_stands_for_nothing_is_refused(build: Build, numpy_backend: Any) -> None:
    a = Model(build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"]))
    b = adder(build, "x", "y")
    with pytest.raises(UsageError, match="such as --input y:1 "):
        prepare(a, b, numpy_backend, inputs={"x": SHAPE})
    feeding = prepare(a, b, numpy_backend, inputs={"x": SHAPE, "y": SHAPE})
    assert [value.name for value in feeding.inputs] == ["x", "y"]
    assert 1 not in feeding.variables


def test_given_values_are_used(build: Build, numpy_backend: Any) -> None:
    a = adder(build, "x", "y")
    given = np.arange(6.0).reshape(SHAPE)
    feeding = prepare(a, a, numpy_backend, inputs={"x": given, "y": SHAPE})
    values, _ = feeding.run(3)
    assert np.array_equal(values[0], given)
    assert values[0].dtype == np.float32
    assert str(feeding.inputs[0]) == "'x' (2, 3) float32, given"


def test_what_is_no_shape_is_refused(build: Build, numpy_backend: Any) -> None:
    a = adder(build, "x", "y")
    with pytest.raises(UsageError, match="the input 'y' is given as 5, which is neither a shape"):
        prepare(a, a, numpy_backend, inputs={"x": SHAPE, "y": 5})
    with pytest.raises(UsageError, match="neither a shape"):
        prepare(a, a, numpy_backend, inputs={"x": [[1.0, 2.0]], "y": SHAPE})


def test_given_integers_stay_integers(build: Build, numpy_backend: Any) -> None:
    a = adder(build, "x", "y")
    feeding = prepare(a, a, numpy_backend, inputs={"x": np.arange(3), "y": (3,)})
    assert feeding.run(0)[0][0].dtype == np.int64


def test_stored_values_are_constants(build: Build, numpy_backend: Any) -> None:
    stored = np.ones(SHAPE, "float32")
    a = adder(build, "x", "w", value=stored)
    feeding = prepare(a, a, numpy_backend, inputs={"x": SHAPE})
    assert feeding.constants[0][1] is a.parameters["w"]
    assert list(feeding.run(0)[0]) == [0]
    overridden = prepare(a, a, numpy_backend, inputs={"x": SHAPE, "w": SHAPE})
    assert list(overridden.run(0)[0]) == [0, 1]


def test_a_stored_value_can_feed_an_input(build: Build, numpy_backend: Any) -> None:
    stored = np.ones(SHAPE, "float32")
    a, b = adder(build, "x", "w", value=stored), adder(build, "x", "y")
    b.parameters["unused"] = np.ones(1)
    feeding = prepare(a, b, numpy_backend, inputs={"x": SHAPE}, feed={"y": "w"})
    assert np.array_equal(feeding.run(0)[1][1], stored)


def test_a_value_that_only_b_lacks_is_missing(build: Build, numpy_backend: Any) -> None:
    a, b = adder(build, "x", "w", value=np.ones(SHAPE, "float32")), adder(build, "x", "w")
    with pytest.raises(UsageError, match="B: no value is stored for 'w', and A stores one"):
        prepare(a, b, numpy_backend, inputs={"x": SHAPE})


def test_a_learned_variable_without_value_is_missing(build: Build, numpy_backend: Any) -> None:
    rows = [("x", "null"), ("w", "null"), ("b", "null")]
    attrs = {"num_hidden": "4"}
    graph = build(*rows, ("fc", "FullyConnected", attrs, ["x", "w", "b"]), heads=["fc"])
    model = Model(graph, Parameters({"w": np.ones((4, 3))}))
    with pytest.raises(UsageError, match="A: no value is stored for 'b'; are these the parameters"):
        prepare(model, model, numpy_backend, inputs={"x": SHAPE})


def test_an_unknown_shape_is_asked_for(build: Build, numpy_backend: Any) -> None:
    a = adder(build, "x", "y")
    with pytest.raises(UsageError) as error:
        prepare(a, a, numpy_backend, inputs={"x": SHAPE})
    assert str(error.value) == (
        "A: the shape of 'y' is not known; give it, such as --input y:1,3,224,224 "
        "(in Python inputs={'y': (1, 3, 224, 224)})"
    )
    with pytest.raises(
        UsageError, match=r"infers \(0, 3\) for 'x'\); give it, such as --input x:1,3 "
    ):
        prepare(a, a, numpy_backend, inputs={"x": (0, 3), "y": SHAPE})


def test_unknown_names_are_refused(build: Build, numpy_backend: Any) -> None:
    a = adder(build, "data", "other")
    shapes = {"data": SHAPE, "other": SHAPE}
    with pytest.raises(UsageError, match="no input 'date'; nearest: data"):
        prepare(a, a, numpy_backend, inputs={"date": SHAPE})
    with pytest.raises(UsageError, match="B has no input 'othr' to feed; nearest: other"):
        prepare(a, a, numpy_backend, inputs=shapes, feed={"othr": "data"})
    with pytest.raises(
        UsageError, match="A has no input 'dat' to feed 'other' with; nearest: data"
    ):
        prepare(a, a, numpy_backend, inputs=shapes, feed={"other": "dat"})


def test_the_model_that_a_backend_refuses_is_named(build: Build, numpy_backend: Any) -> None:
    a = Model(build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"]))
    b = Model(build(("x", "null"), ("r", "NoSuch", {}, ["x"]), heads=["r"]))
    with pytest.raises(BackendError, match=r"^B: NumPy says: no operator NoSuch"):
        prepare(a, b, numpy_backend, inputs={"x": SHAPE})


def test_variables_of_one_name_get_one_value(build: Build, numpy_backend: Any) -> None:
    """Files with two variables of one name exist; MXNet's own names for binding do not matter."""
    a = adder(build, "x", "y")
    a.graph._nodes[1]["name"] = "x"
    feeding = prepare(a, a, numpy_backend, inputs={"x": SHAPE})
    values, _ = feeding.run(0)
    assert np.array_equal(values[0], values[1])


ROWS = [("data", "null"), ("softmax_label", "null"), ("w", "null")]
NAMED_SHAPES = {"data": (2, 3), "softmax_label": (2, 3)}


@pytest.mark.parametrize(
    ("new", "reader", "likely"),
    [
        ("right_softmax_label", "elemwise_mul", "softmax_label"),
        ("right_data", "elemwise_mul", "data"),
        ("data_2", "elemwise_mul", "data"),
        ("other", "elemwise_sub", "softmax_label"),
    ],
)
def test_the_example_is_the_likely_one(
    build: Callable[..., Graph], numpy_backend: Any, new: str, reader: str, likely: str
) -> None:
    stored = Parameters({"w": [1.0]})
    rows = [
        *ROWS,
        ("n", "negative", {}, ["data"]),
        ("s", "elemwise_sub", {}, ["n", "softmax_label"]),
    ]
    a = Model(build(*rows, heads=["s"]), stored.copy())
    b = Model(
        build(*rows, (new, "null"), ("t", reader, {}, ["s", new]), heads=["t"]), stored.copy()
    )
    with pytest.raises(UsageError, match="stands for nothing in A") as caught:
        prepare(a, b, numpy_backend, inputs=NAMED_SHAPES)
    assert f"--feed {new}={likely} " in str(caught.value)


def test_where_nothing_is_likely_a_shape_is_asked_for(
    build: Callable[..., Graph], numpy_backend: Any
) -> None:
    rows = [("data", "null"), ("n", "negative", {}, ["data"])]
    a = Model(build(*rows, heads=["n"]))
    new = [("label", "null"), ("s", "elemwise_sub", {}, ["n", "label"])]
    b = Model(build(*rows, *new, heads=["s"]))
    with pytest.raises(UsageError, match=r"such as --input label:1 \(in Python"):
        prepare(a, b, numpy_backend, inputs={"data": (2, 3)})
