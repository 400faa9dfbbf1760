"""``untie``: operators that read one variable get one each."""

from __future__ import annotations

import numpy as np
import pytest

from graphpass.errors import OperationError, SelectorError

SHARED = """
    fc1 = FullyConnected(data, w, b1, num_hidden=3)
    fc2 = FullyConnected(fc1, w, b2, num_hidden=3)
    twice = elemwise_mul(w, w)
    return fc2, twice, w
"""
SHAPES = {"w": (3, 3), "b1": (3,), "b2": (3,)}


def test_each_operator_gets_its_own(net, perform, same_net) -> None:
    hints = {"w": {"__lr_mult__": "2.0"}}
    model = net(SHARED, hints, **SHAPES)
    done = perform(model, "untie", "w")
    same_net(
        model,
        """
        fc1 = FullyConnected(data, w, b1, num_hidden=3)
        fc2 = FullyConnected(fc1, w_fc2, b2, num_hidden=3)
        twice = elemwise_mul(w_twice, w_twice)
        return fc2, twice, w
        """,
        hints={"w": hints["w"], "w_fc2": hints["w"], "w_twice": hints["w"]},
    )
    parameters = model.parameters
    assert list(parameters) == ["w", "b1", "b2", "w_fc2", "w_twice"]
    assert np.shares_memory(parameters["w"], parameters["w_twice"])
    assert "3 operators now read 'w', 'w_fc2', 'w_twice'" in done.summary


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("{user}_weight", ["fc1_weight", "fc2_weight", "twice_weight"]),
        ("{name}.{user}", ["w.fc1", "w.fc2", "w.twice"]),
        (["x", "w", "y"], ["x", "w", "y"]),
    ],
)
def test_names_may_be_given(net, perform, names, found: list[str]) -> None:
    model = net(SHARED, **SHAPES)
    array = model.parameters["w"]
    perform(model, "untie", {"variable": "w", "names": names})
    graph = model.graph
    readers = [graph.named(name)[0] for name in ("fc1", "fc2", "twice")]
    assert [graph.name(graph.inputs(key)[1].node) for key in readers] == found
    assert graph.outputs[-1] == found[0]
    for name in found:
        np.testing.assert_array_equal(model.parameters[name], array)


def test_states_count_from_one_again(net, perform, same_net) -> None:
    text = """
        one = BatchNorm(data, gamma, beta, mean, var)
        two = BatchNorm(one, gamma, beta, {0}, var)
        seen = relu({1})
        return two, seen
    """
    model = net(text.format("mean", "mean"), mean=(3,))
    done = perform(model, "untie", "mean")
    same_net(model, text.format("mean_two", "mean_seen"))
    assert model.graph.auxiliary_states == ["mean", "var", "mean_two"]
    assert model.parameters.class_of("mean_two") == "aux"
    assert "'mean_seen' is no auxiliary state" in done.notes[0]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("b1", OperationError, "'fc1' alone reads 'b1'"),
        ("fc1", SelectorError, "no variable is called 'fc1'"),
        ({"variable": "w", "names": ["w", "v"]}, OperationError, "2 names for 3 operators"),
        ({"variable": "w", "names": ["w", "v", "v"]}, OperationError, "2 new variables"),
        ({"variable": "w", "names": ["w", "v", "b1"]}, OperationError, "'b1' (#2) is there"),
        ({"variable": "w", "names": "{name}"}, OperationError, "would be every variable's"),
    ],
)
def test_what_makes_no_sense_is_refused(net, refused, options, error, message: str) -> None:
    assert message in refused(net(SHARED, **SHAPES), "untie", options, error)


@pytest.mark.mxnet
def test_outputs_stay_equal_to_the_bit(net, perform, compute) -> None:
    model = net(SHARED, **SHAPES)
    data = np.random.default_rng(1).normal(size=(2, 3))
    before = compute(model, data=data)
    perform(model, "untie", "w")
    for old, new in zip(before, compute(model, data=data), strict=True):
        np.testing.assert_array_equal(old, new)
