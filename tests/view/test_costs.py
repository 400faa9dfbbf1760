"""The facts behind ``show --cost``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphpass import Model, Parameters, load
from graphpass.errors import UsageError
from graphpass.formats.text import parse_graph
from graphpass.view.summary import assess

FIXTURES = Path(__file__).parents[2] / "fixtures"

TIED = """
data, weight = variable(), variable()
one = FullyConnected(data, weight, num_hidden=3, no_bias=True)
two = FullyConnected(one, weight, num_hidden=3, no_bias=True)
return two
"""


def test_a_tied_parameter_counts_once_in_the_total() -> None:
    model = Model(parse_graph(TIED), Parameters({"weight": np.zeros((3, 3), "float32")}))
    costs = assess(model, {"data": (2, 3)})
    assert [line.parameter_bytes for line in costs.lines] == [0, 36, 36, 36]
    assert costs.parameter_bytes == 36
    assert costs.multiply_adds == 2 * 2 * 3 * 3
    assert costs.open == 0


def test_the_dtype_of_an_input_comes_from_the_parameters() -> None:
    model = Model(parse_graph(TIED), Parameters({"weight": np.zeros((3, 3), "float64")}))
    costs = assess(model, {"data": (2, 3)})
    assert {line.dtypes for line in costs.lines} == {("float64",)}


def test_without_parameters_an_input_is_float32() -> None:
    costs = assess(Model(parse_graph(TIED)), {"data": (2, 3)})
    assert {line.dtypes for line in costs.lines} == {("float32",)}
    assert costs.parameter_bytes == 36


def test_without_shapes_the_sums_say_what_they_leave_out() -> None:
    costs = assess(load(FIXTURES / "residual"), {})
    assert costs.parameter_bytes == sum(
        a.nbytes for a in load(FIXTURES / "residual").parameters.values()
    )
    assert costs.multiply_adds == 0
    assert costs.open == 6
    assert costs.to_json()["not_known"] == 6


def test_an_input_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no input 'dta'; nearest: data"):
        assess(Model(parse_graph(TIED)), {"dta": (2, 3)})
