"""Whose value an input might get that stands for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from graphpass import Graph, Model, Parameters
from graphpass.errors import UsageError
from graphpass.verify.feeding import prepare

ROWS = [("data", "null"), ("softmax_label", "null"), ("w", "null")]
SHAPES = {"data": (2, 3), "softmax_label": (2, 3)}


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
        prepare(a, b, numpy_backend, inputs=SHAPES)
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
