"""Which operators repeat, and which variables are overwritten."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from graphpass.formats.text import parse_graph
from graphpass.rules.operations.operators import has_own_shape, overwritten_gammas, repeats


@pytest.mark.parametrize(
    ("operator", "inference", "training"),
    [
        ("relu(x)", True, True),
        ("Dropout(x)", True, False),
        ("Dropout(x, p=0)", True, True),
        ('Dropout(x, mode="always")', False, False),
        ('LeakyReLU(x, act_type="rrelu")', True, False),
        ("BatchNorm(x, x, x, m, v)", True, False),
        ("BatchNorm_v1(x, x, x, m, v)", True, False),
        ('_contrib_SyncBatchNorm(x, x, x, m, v, key="k")', True, False),
        ("sgd_mom_update(x, x, m, lr=0.1)", False, False),
        ("SoftmaxOutput(x, m)", True, False),
        ("make_loss(x)", True, False),
        ("_random_normal(shape=(2,))", False, False),
        ("`Unheard`(x, outputs=1)", False, False),
    ],
)
def test_repeats(operator: str, inference: bool, training: bool) -> None:
    graph = parse_graph(f"x, m, v = variable(), variable(), variable(); y = {operator}; return y")
    [key] = graph.named("y")
    assert repeats(graph, key, "inference") == inference
    assert repeats(graph, key, "training") == training


@pytest.mark.parametrize(
    ("operator", "own"),
    [
        ("_zeros(shape=(2, 3))", True),
        ("_zeros(shape=(0, 3))", False),
        ("_zeros(shape=())", False),
        ("_full(value=1)", False),
        ("_zeros_without_dtype(shape=(2, 3))", False),
        ("_arange(start=0, stop=3)", True),
        ("_arange(start=0, infer_range=True)", False),
        ("relu(x)", True),
    ],
)
def test_own_shapes(operator: str, own: bool) -> None:
    graph = parse_graph(f"x = variable(); y = {operator}; return y")
    assert has_own_shape(graph, graph.named("y")[0]) == own


def test_overwritten_gammas() -> None:
    graph = parse_graph(
        """
        x, g, h, i, m, v = variable(), variable(), variable(), variable(), variable(), variable()
        a = BatchNorm(x, g, g, m, v)
        b = BatchNorm(a, h, i, m, v, fix_gamma=False)
        c = BatchNorm(b, i, h, m, v, fix_gamma=1)
        return c
        """
    )
    assert {graph.name(key) for key in overwritten_gammas(graph)} == {"g", "i"}


@pytest.mark.mxnet
def test_mxnet_overwrites_a_gamma(mx: ModuleType) -> None:
    """The reason for the above; with oneDNN, BatchNorm itself leaves it as it was."""
    norm = mx.sym.contrib.SyncBatchNorm(mx.sym.var("x"), name="n", fix_gamma=True, key="k")
    values = {"x": mx.nd.ones((2, 3)), "n_gamma": mx.nd.full((3,), 0.5), "n_beta": mx.nd.zeros(3)}
    states = {"n_moving_mean": mx.nd.zeros(3), "n_moving_var": mx.nd.ones(3)}
    norm.bind(mx.cpu(), values, aux_states=states).forward(is_train=False)[0].wait_to_read()
    np.testing.assert_array_equal(values["n_gamma"].asnumpy(), np.ones(3, "float32"))
