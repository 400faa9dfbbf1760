"""``unbatch``: a trunk that runs on joined values becomes branches on the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Model
from graphpass.errors import OperationError

TRUNK = """
    both = Concat(a, b, dim=0, num_args=2)
    fc1 = FullyConnected(both, w, no_bias=True, num_hidden=4)
    norm = BatchNorm(fc1, g, s, mean, var)
    parts = SliceChannel(norm, axis=0, num_outputs=2)
    far = elemwise_sub(parts, parts[1])
    last = _copy(parts[1])
    return far, last
"""
SHAPES = {"w": (4, 3), "g": (4,), "s": (4,), "mean": (4,), "var": (4,)}


@pytest.mark.mxnet
def test_a_trunk_becomes_two_branches(net, perform, same_net, compute) -> None:
    before = net(TRUNK, **SHAPES)
    after = before.copy()
    done = perform(after, "unbatch", None)
    same_net(
        after,
        """
        fc1 = FullyConnected(a, w, no_bias=True, num_hidden=4)
        norm = BatchNorm(fc1, g, s, mean, var)
        branch2_fc1 = FullyConnected(b, w, no_bias=True, num_hidden=4)
        last = BatchNorm(branch2_fc1, g, s, mean, var)
        far = elemwise_sub(norm, last)
        return far, last
        """,
    )
    assert done.summary == "made 2 branches of 2 operators behind 'both'"
    assert list(after.parameters) == list(before.parameters)
    numbers = np.random.default_rng(1)
    inputs = {name: numbers.normal(size=(2, 3)).astype("float32") for name in "ab"}
    for one, other in zip(compute(after, **inputs), compute(before, **inputs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_names_follow_a_template(net, perform) -> None:
    model = net(TRUNK, **SHAPES)
    perform(model, "unbatch", {"select": "both", "name": "{name}/{number}"})
    assert model.graph.named("fc1/2")


def test_a_name_that_is_taken(net, refused) -> None:
    text = TRUNK.replace("return far", "branch2_fc1 = relu(a)\nreturn branch2_fc1, far")
    message = refused(net(text, **SHAPES), "unbatch", None, OperationError)
    assert "branch2_fc1" in message and "template under name" in message


@pytest.mark.parametrize("name", ["{name}_right", "tower{number}"])
def test_a_template_that_names_nodes_alike(net, refused, name: str) -> None:
    message = refused(net(TRUNK, **SHAPES), "unbatch", {"name": name}, OperationError)
    assert "several nodes" in message


REFUSED = [
    ("norm = softmax(fc1, axis=0)", "softmax 'norm'.*can't run on several batches"),
    ("norm = SliceChannel(fc1, axis=0, num_outputs=4)", "it splits the batch"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED)
def test_what_has_to_stay_one_trunk(net, refused, line: str, reason: str) -> None:
    text = TRUNK.replace("norm = BatchNorm(fc1, g, s, mean, var)", line)
    model = net(text, w=(4, 3))
    with pytest.raises(OperationError, match=reason):
        graphpass.apply([{"unbatch": "both"}], model)
    assert "run through operators and split again" in refused(
        model, "unbatch", None, OperationError
    )


UNEVEN = "'a', 'b', which Concat 'both' (#2) joins, differ in shape or type"


def test_parts_that_are_not_those_of_an_even_split(net, perform, refused) -> None:
    shapes = {"a": (1, 3), "b": (3, 3)}
    model = net(TRUNK, **SHAPES)
    assert UNEVEN in refused(model, "unbatch", "both", OperationError, shapes=shapes)
    done = perform(model, "unbatch", {"optional": True}, shapes=shapes)
    assert done.summary == "found no trunk"
    assert UNEVEN in done.notes[0] and "no other values are joined" in done.notes[1]


def test_one_size_is_assumed_where_nothing_tells(net, perform) -> None:
    done = perform(net(TRUNK, **SHAPES), "unbatch", None)
    (note,) = done.notes
    assert note.startswith("'a', 'b' have to be fed batches of one size and shape from now on")
    told = net(TRUNK, **SHAPES)
    assert not perform(told, "unbatch", None, shapes=dict.fromkeys("ab", (2, 3))).notes


def test_a_head_of_the_trunk(net, refused) -> None:
    model = net(TRUNK.replace("return far", "return fc1, far"), **SHAPES)
    assert "FullyConnected 'fc1'" in refused(model, "unbatch", "both", OperationError)


def test_statistics_in_training(net, refused) -> None:
    model = net(TRUNK, **SHAPES)
    message = refused(model, "unbatch", "both", OperationError, purpose="training")
    assert "over all samples of the batch" in message


def test_a_model_without_a_trunk(net, perform, refused) -> None:
    model = net("x = Concat(a, b, num_args=2)\nreturn x")
    assert "no values are joined" in refused(model, "unbatch", None, OperationError)
    assert perform(model, "unbatch", {"optional": True}).summary == "found no trunk"
    assert "is a head" in refused(model, "unbatch", "x", OperationError)


TOWERS = """
    {0}1 = FullyConnected({0}, w, no_bias=True, num_hidden=4)
    {0}2 = relu({0}1)
    {0}3 = SliceChannel({0}2, num_outputs=2)
    {0}4 = elemwise_mul({0}3, {0}3[1])
"""


@pytest.mark.parametrize("names", ["ab", "abc", "abcde"])
@pytest.mark.parametrize("returns", ["{0}4", "{0}2", "{0}4 {0}2"])
def test_it_undoes_batch(net, perform, names: str, returns: str) -> None:
    heads = [each.format(name) for name in names for each in returns.split()]
    text = "".join(TOWERS.format(name) for name in names) + f"return {', '.join(heads)}"
    before = net(text, w=(4, 3))
    after: Model = before.copy()
    perform(after, "batch", None)
    assert not graphpass.isomorphic(before, after)
    perform(after, "unbatch", None)
    found: Any = graphpass.isomorphic(before, after, parameters=True, versions=True)
    assert found, str(found)
    assert after.graph.outputs == before.graph.outputs
