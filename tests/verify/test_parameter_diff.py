"""What differs between two sets of parameters."""

from __future__ import annotations

import json

import numpy as np

from graphpass import Parameters
from graphpass.verify import diff_parameters


def test_equal_parameters() -> None:
    a = Parameters({"w": np.ones(2, "f4")})
    found = diff_parameters(a, a.copy())
    assert found.equal
    assert str(found) == "equal: 1 parameters"


def test_every_kind_of_difference() -> None:
    a = Parameters({"gone": np.ones(1, "f4"), "w": np.zeros((2, 2), "f4"), "s": np.zeros(2, "f4")})
    a.set("m", np.zeros(3, "f4"), "aux")
    b = Parameters(
        {"s": np.zeros(3, "f4"), "w": np.eye(2, dtype="f4") * 2, "new": np.ones(4, "i1")}
    )
    b.set("m", np.zeros(3, "f4"), "arg")
    found = diff_parameters(a, b)
    assert not found.equal
    assert len(found) == 5
    assert str(found).splitlines() == [
        "parameter only in A: 'gone': (1,) float32",
        "parameter only in B: 'new': (4,) int8",
        "parameter 'w': (2, 2) float32, max abs 2, max rel 1, 2 of 4 values differ, "
        "all zero or not finite in A",
        "parameter 's': shape (2,) is (3,) in B",
        "parameter 'm': class aux -> arg",
    ]
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["only_in_a"] == [{"name": "gone", "dtype": "float32", "shape": [1]}]
    assert plain["changed"][0]["values"]["differing"] == 2


def test_renamed_parameters_are_compared_under_both_names() -> None:
    a = Parameters({"x": np.ones(2, "f4"), "y": np.zeros(2, "f4")})
    b = Parameters({"x": np.zeros(2, "f4"), "y": np.ones(2, "f4")})
    assert not diff_parameters(a, b).equal
    assert diff_parameters(a, b, {"x": "y", "y": "x"}).equal


def test_a_name_that_another_parameter_took_is_gone() -> None:
    a = Parameters({"x": np.ones(1, "f4"), "y": np.zeros(1, "f4")})
    b = Parameters({"y": np.ones(1, "f4")})
    found = diff_parameters(a, b, {"x": "y"})
    assert [parameter.name for parameter in found.only_in_a] == ["y"]
    assert not found.changed
    assert not found.only_in_b


def test_signs_of_zero_count() -> None:
    a = Parameters({"x": np.array([0.0], "f4")})
    b = Parameters({"x": np.array([-0.0], "f4")})
    found = diff_parameters(a, b)
    assert not found.equal
    assert str(found).endswith("differ only in signs of zero or bits of NaN")
