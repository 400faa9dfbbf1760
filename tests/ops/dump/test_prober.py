"""MXNet behind a child process."""

from __future__ import annotations

import pytest

from graphpass.ops.dump.prober import Prober

pytestmark = pytest.mark.mxnet


def test_a_crash_is_reported_and_survived(asking: Prober) -> None:
    assert asking.create("_Native", {"info": "0x1"}) == "crash"
    assert asking.create("relu", {}) is None


def test_a_refusal_is_mxnets_own_text(asking: Prober) -> None:
    refusal = asking.create("Convolution", {"kernel": "abc"})
    assert refusal is not None
    assert "expect Shape(tuple) but value='abc'" in refusal


def test_a_signature(asking: Prober) -> None:
    answer = asking.signature("BatchNorm", {}, None)
    assert answer["num_inputs"] == 5
    assert answer["input_names"][3:] == ["moving_mean", "moving_var"]
    assert answer["mutable_slots"] == [3, 4]
    assert answer["num_visible_outputs"] == 1
    assert answer["output_names"] == ["output", "mean", "var"]


def test_an_operator_that_can_not_be_composed_tells_its_outputs(asking: Prober) -> None:
    assert asking.signature("reset_arrays", {"num_arrays": "2"}, None)["error"] == "crash"
    answer = asking.signature("reset_arrays", {"num_arrays": "2"}, 2)
    assert answer["mutable_slots"] == [0, 1]
    assert answer["num_outputs"] == 0
