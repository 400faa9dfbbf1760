"""Which variables without a value count as missing, and which as inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphpass import Graph, Model, Parameters
from graphpass.verify import misfits

Build = Callable[..., Graph]

HINT = {"__lr_mult__": "0.2"}


def network(build: Build) -> Graph:
    """Return a layer, a scale and a loss, as ``AttrScope(lr_mult=0.2)`` makes them."""
    return build(
        ("data", "null", HINT),
        ("w", "null", HINT),
        ("fc", "FullyConnected", {"num_hidden": "4", "no_bias": "True"}, ["data", "w"]),
        ("scale", "null", HINT),
        ("scaled", "broadcast_mul", {}, ["fc", "scale"]),
        ("label", "null", HINT),
        ("softmax", "SoftmaxOutput", {}, ["scaled", "label"]),
        heads=["softmax"],
    )


def missing(model: Model, *inputs: str) -> list[str]:
    return [misfit.name for misfit in misfits(model, inputs) if misfit.kind == "missing"]


def test_a_training_hint_on_data_or_label_does_not_make_it_a_parameter(build: Build) -> None:
    model = Model(network(build), Parameters({"other": np.ones((4, 3), "float32")}))
    assert missing(model) == ["w", "scale"]
    assert Model(model.graph).inputs == ["data", "label"]


def test_what_is_named_as_an_input_is_not_missing(build: Build) -> None:
    model = Model(network(build), Parameters({"w": np.ones((4, 3), "float32")}))
    assert missing(model) == ["scale"]
    assert missing(model, "scale") == []


def test_a_tied_weight_that_is_data_elsewhere_is_trained(build: Build) -> None:
    graph = build(
        ("data", "null"),
        ("w", "null", HINT),
        ("one", "FullyConnected", {"num_hidden": "4", "no_bias": "True"}, ["data", "w"]),
        ("two", "FullyConnected", {"num_hidden": "4", "no_bias": "True"}, ["w", "one"]),
        heads=["two"],
    )
    assert Model(graph).inputs == ["data"]


def test_hinted_data_of_an_operator_without_weights_is_trained(build: Build) -> None:
    """Anchors of a detector are a stored constant that ``slice_like`` reads as its data."""
    graph = build(
        ("x", "null"),
        ("anchors", "null", HINT),
        ("cut", "slice_like", {"axes": "(0,)"}, ["anchors", "x"]),
        heads=["cut"],
    )
    assert Model(graph).inputs == ["x"]
