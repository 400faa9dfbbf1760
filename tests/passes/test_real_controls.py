"""What is compared of real networks, on small ones of which the answer is known."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from mxnet_judge import Judge
from numpy.typing import NDArray
from real_controls import TOLERANCE, SameDecisions, defined, errors, moved, moved_by_rounding

from graphpass import Model
from graphpass.formats.text import parse_graph

pytestmark = pytest.mark.mxnet

SORTS = """
x, score_weight, value_weight = variable(), variable(), variable()
score = FullyConnected(x, score_weight, num_hidden=64, no_bias=True)
order = argsort(score, axis=1, is_ascend={ascending})
value = FullyConnected(order, value_weight, num_hidden=4, no_bias=True)
return value
"""

INPUTS = {"x": np.random.default_rng(0).standard_normal((2, 32)).astype("float32")}


def sorts(scores: int = 64, ascending: str = "True") -> Model:
    """Return a model that computes on the order of 64 numbers, of which so many are different."""
    numbers = np.random.default_rng(1)
    model = Model(parse_graph(SORTS.format(ascending=ascending)))
    weights = numbers.standard_normal((scores, 32)).astype("float32")
    model.parameters["score_weight"] = np.tile(weights, (64 // scores, 1))
    model.parameters["value_weight"] = numbers.standard_normal((4, 64)).astype("float32")
    return model


def stirred(model: Model, name: str) -> Model:
    """Return a model with one parameter off by 2 %."""
    other = model.copy()
    other.parameters[name] = np.array(model.parameters[name]) * np.float32(1.02)
    return other


def compared(judge: Judge, before: Model, after: Model) -> list[float]:
    same_decisions = SameDecisions.of(judge, before, after, INPUTS)
    assert same_decisions is not None
    return same_decisions.errors(after)


def by_rounding(judge: Judge, model: Model, distance: float) -> float:
    same_decisions = SameDecisions.of(judge, model, model, INPUTS)
    expected = judge.outputs(model, INPUTS)
    (most,) = moved_by_rounding(judge, model, INPUTS, expected, same_decisions, distance)
    return most


def test_ties_that_rounding_breaks_are_told_from_a_change(mx: ModuleType) -> None:
    judge, model = Judge(mx), sorts(scores=32)
    rounded = moved(model, 2.0**-22, seed=9)
    (free,) = errors(judge.outputs(rounded, INPUTS), judge.outputs(model, INPUTS))
    assert free > 100 * TOLERANCE
    same_decisions = compared(judge, model, rounded)
    assert 0 < max(same_decisions) < TOLERANCE / 10
    assert by_rounding(judge, model, max(same_decisions)) > 100 * TOLERANCE


@pytest.mark.parametrize("name", ["score_weight", "value_weight"])
def test_a_change_before_or_behind_the_order_shows(mx: ModuleType, name: str) -> None:
    judge, model = Judge(mx), sorts(scores=32)
    assert max(compared(judge, model, stirred(model, name))) > 100 * TOLERANCE


def test_no_distance_excuses_scores_that_are_far_apart(mx: ModuleType) -> None:
    model, weights = sorts(), np.zeros((64, 32), "float32")
    weights[:, 0] = 1 + 10 * TOLERANCE * np.arange(64)
    model.parameters["score_weight"] = weights
    assert by_rounding(Judge(mx), model, distance=1e9) < TOLERANCE


def test_the_control_goes_as_far_as_the_pass(mx: ModuleType) -> None:
    judge, steps = Judge(mx), []

    class Counting(Judge):
        def outputs(self, model: Model, inputs: dict[str, NDArray]) -> list[NDArray]:
            steps.append(model)
            return judge.outputs(model, inputs)

    lengths = []
    for distance in (0.0, 1e-5, 1e-3):
        steps.clear()
        by_rounding(Counting(mx), sorts(), distance)
        lengths.append(len(steps))
    assert lengths == sorted(set(lengths))
    assert lengths[0] == 2 + 1 + 2


def test_an_operator_that_sorts_otherwise_is_left_alone(mx: ModuleType) -> None:
    before, after = sorts(), sorts(ascending="False")
    assert SameDecisions.of(Judge(mx), before, after, INPUTS) is None


def test_a_region_of_no_image_is_defined(mx: ModuleType) -> None:
    model = Model(
        parse_graph("""
x, regions = variable(), variable()
y = _contrib_ROIAlign(x, regions, pooled_size=(2, 2), spatial_scale=1.0, sample_ratio=2)
return y
""")
    )
    regions = np.array([[0, 1, 1, 5, 5], [-1, -1, -1, -1, -1]], "float32")
    inputs = {"x": np.ones((1, 2, 8, 8), "float32"), "regions": regions}
    (found,) = Judge(mx).outputs(defined(model), inputs)
    np.testing.assert_array_equal(found, np.ones((2, 2, 2, 2)))


def test_a_threshold_that_rounding_passes_is_told_from_a_change(mx: ModuleType) -> None:
    judge = Judge(mx)
    model = Model(
        parse_graph("""
x, scale = variable(), variable()
score = broadcast_mul(x, scale)
found = _greater_scalar(score, scalar=1.0)
return found
""")
    )
    model.parameters["scale"] = np.ones((1, 32), "float32")
    inputs = {"x": np.full((2, 32), np.nextafter(np.float32(1), np.float32(2)))}
    rounded = model.copy()
    rounded.parameters["scale"] = np.full((1, 32), 1 - 2.0**-22, "float32")
    assert errors(judge.outputs(rounded, inputs), judge.outputs(model, inputs)) == [1.0]
    same_decisions = SameDecisions.of(judge, model, rounded, inputs)
    assert same_decisions is not None
    assert 0 < max(same_decisions.errors(rounded)) < TOLERANCE
    assert max(same_decisions.errors(stirred(model, "scale"))) > 100 * TOLERANCE
