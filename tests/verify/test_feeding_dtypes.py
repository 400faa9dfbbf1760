"""In which dtypes B is fed, held against what MXNet binds."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import graphpass
from graphpass import Graph, Model, Parameters, verify

pytestmark = pytest.mark.mxnet

Build = Callable[..., Graph]

CODES = {"float32": "0", "float16": "2", "uint8": "3", "bfloat16": "12"}
INPUTS = {"x": (2, 4)}


def layer(
    build: Build, hint: str | None, cast: str | None, stored: str = "float32", op: str = "_mul"
) -> Model:
    """Return an input with a hint, a cast or none, and a product with a stored weight."""
    rows: list[tuple[object, ...]] = [
        ("x", "null", {"__dtype__": CODES[hint]} if hint else {}),
        ("w", "null"),
    ]
    if cast:
        rows.append(("cast", "Cast", {"dtype": cast}, ["x"]))
    rows.append(("p", op, {}, ["cast" if cast else "x", "w"]))
    weight = np.linspace(-2, 2, 8).reshape(2, 4).astype(stored)
    return Model(build(*rows, heads=["p"]), Parameters({"w": weight}))


def binds(mx: ModuleType, model: Model) -> bool:
    """Return whether MXNet finds dtypes for a model whose parameters are known."""
    types = {name: array.dtype for name, array in model.parameters.items()}
    try:
        mx.sym.load_json(graphpass.dumps(model.graph)).infer_type(**types)
    except mx.MXNetError:
        return False
    return True


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (("uint8", "float32"), ("uint8", None), "B takes float32, not uint8 as its hint says"),
        ((None, "float32"), ("uint8", None), "B takes float32, not uint8 as its hint says"),
        (("uint8", "float32"), ("float16", None), "B takes float32, not float16 as its hint says"),
    ],
)
def test_a_hint_that_b_does_not_follow_is_no_equality(
    mx: ModuleType,
    build: Build,
    a: tuple[str | None, str],
    b: tuple[str, None],
    said: str,
) -> None:
    before, after = layer(build, *a), layer(build, *b)
    assert not binds(mx, after)
    found = verify(before, after, inputs=INPUTS)
    assert all(value.equal for value in found.outputs)
    assert not found
    assert found.verdict == "different"
    assert str(found).startswith("different: 1 output; B takes another type for 'x'; 1 input")
    assert said in str(found)
    assert found.to_json()["inputs"][0]["departures"][0]["refused"] is not None


def test_what_a_is_hinted_to_take_b_must_take(build: Build) -> None:
    found = verify(layer(build, "uint8", "float32"), layer(build, None, None), inputs=INPUTS)
    assert found.verdict == "different"
    assert "'x' (2, 4) uint8, normal; B takes float32, not uint8" in str(found)


@pytest.mark.parametrize("hint", ["uint8", "float16", "bfloat16", None])
def test_b_is_fed_as_a_where_it_takes_that(build: Build, hint: str | None) -> None:
    before, after = layer(build, hint, "float32"), layer(build, hint, "float32", op="broadcast_mul")
    found = verify(before, after, inputs=INPUTS)
    assert found
    assert found.inputs[0].departures == ()
    assert found.inputs[0].dtype == hint or (hint is None and found.inputs[0].dtype == "float32")


def test_b_without_a_hint_is_fed_what_a_is_fed(build: Build) -> None:
    found = verify(layer(build, "uint8", "float32"), layer(build, None, "float32"), inputs=INPUTS)
    assert found
    assert found.inputs[0].departures == ()


def test_another_type_where_nobody_says_one_is_told(build: Build) -> None:
    before = layer(build, None, "float16", stored="float16")
    found = verify(before, layer(build, None, None, stored="float16"), inputs=INPUTS)
    assert found
    assert "'x' (2, 4) float32, normal; fed to B as float16" in str(found)


def test_another_type_that_b_says_is_told(mx: ModuleType, build: Build) -> None:
    after = layer(build, "float32", None)
    assert binds(mx, after)
    found = verify(layer(build, "uint8", "float32"), after, inputs=INPUTS)
    assert found
    assert "'x' (2, 4) uint8, normal; fed to B as float32" in str(found)


def test_a_hint_that_a_does_not_follow_says_nothing(mx: ModuleType, build: Build) -> None:
    model = layer(build, "uint8", None)
    assert not binds(mx, model)
    assert verify(model, model.copy(), inputs=INPUTS)
    assert verify(model, layer(build, None, None), inputs=INPUTS)


def test_only_the_input_whose_hint_is_broken_is_named(build: Build) -> None:
    def pair(*, cast: bool) -> Model:
        rows: list[tuple[object, ...]] = [
            ("x", "null", {"__dtype__": "3"}),
            ("y", "null", {"__dtype__": "3"}),
            ("w", "null"),
            ("cx", "Cast", {"dtype": "float32"}, ["x"]),
        ]
        if cast:
            rows.append(("cy", "Cast", {"dtype": "float32"}, ["y"]))
        rows.append(("p", "_mul", {}, ["cx", "w"]))
        rows.append(("q", "_mul", {}, ["cy" if cast else "y", "w"]))
        weight = np.ones((2, 4), "float32")
        return Model(build(*rows, heads=["p", "q"]), Parameters({"w": weight}))

    found = verify(pair(cast=True), pair(cast=False), inputs={"x": (2, 4), "y": (2, 4)})
    assert not found
    assert [value.refused for value in found.inputs] == [False, True]
    assert found.inputs[0].departures == ()


def test_the_variable_of_b_is_named_where_it_is_called_otherwise(build: Build) -> None:
    after = layer(build, "uint8", None)
    with after.graph.edit() as edit:
        edit.rename(0, "image")
    found = verify(layer(build, "uint8", "float32"), after, inputs=INPUTS, feed={"image": "x"})
    assert not found
    assert "fed to 'image' of B; 'image' of B takes float32, not uint8" in str(found)


@pytest.mark.parametrize(
    ("hints", "other"), [((None, None), ("float16", None)), (("float16", None), (None, None))]
)
def test_inputs_that_must_be_of_one_type_are_fed_one(
    build: Build, hints: tuple[str | None, str | None], other: tuple[str | None, str | None]
) -> None:
    def two(hints: tuple[str | None, str | None], *, early: bool) -> Model:
        rows: list[tuple[object, ...]] = [
            (name, "null", {"__dtype__": CODES[hint]} if hint else {})
            for name, hint in zip("xy", hints, strict=True)
        ]
        if early:
            rows += [("c", "Cast", {"dtype": "float32"}, ["x"]),
                     ("sum", "elemwise_add", {}, ["c", "y"])]  # fmt: skip
            return Model(build(*rows, heads=["sum"]))
        rows += [("sum", "elemwise_add", {}, ["x", "y"]),
                 ("c", "Cast", {"dtype": "float32"}, ["sum"])]  # fmt: skip
        return Model(build(*rows, heads=["c"]))

    before, after = two(hints, early=hints[0] is not None), two(other, early=False)
    result = verify(before, after, inputs={"x": (2, 3), "y": (2, 3)})
    assert "; fed to B as float16" in str(result.inputs[1])
