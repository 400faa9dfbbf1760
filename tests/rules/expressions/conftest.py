"""One small match that the expressions of these tests are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphpass import Model
from graphpass.graph import Entry
from graphpass.rules.expressions import Scope, parse_expression
from graphpass.rules.rewrite.facts import Facts

NET = """
conv0 = Convolution(data, conv0_weight, kernel=(3, 3), num_filter=2, no_bias=True, layout="NCHW")
bn0 = BatchNorm(conv0, bn0_gamma, bn0_beta, bn0_mean, bn0_var, eps=0.5, axis=3)
relu0 = relu(bn0)
tanh0 = tanh(bn0)
halves = SliceChannel(relu0, num_outputs=2)
flat = Reshape(halves[1], shape=(0, -1))
vendor0 = VendorOp(flat, tanh0, level=3)
return vendor0, tanh0
"""

NAMES = {
    "conv": "conv0",
    "out": "bn0",
    "split": "halves",
    "flat": "flat",
    "vendor": "vendor0",
    "x": ("data", 0),
    "weight": ("conv0_weight", 0),
    "gamma": ("bn0_gamma", 0),
    "mean": ("bn0_mean", 0),
    "y": ("bn0", 0),
    "half": ("halves", 1),
    "conv/0": "conv0",
    "rest": (("bn0_gamma", 0), ("bn0_beta", 0)),
}
OPTIONAL = ("bias",)
LETS = {"scale": "gamma / 2", "number": "7", "pair": "(1, 2)"}


@pytest.fixture
def model(net: Callable[..., Model]) -> Model:
    """The model: ``conv0_weight`` is 0 to 17, ``bn0_gamma`` is 1 and 2, ``bn0_beta`` not stored."""
    return net(
        NET,
        hints={
            "data": {"__shape__": "(1, 2, 5, 5)", "__dtype__": "0"},
            "bn0_beta": {"__shape__": "(0, 2)", "__lr_mult__": "0.5"},
        },
        conv0_weight=np.arange(18).reshape(2, 1, 3, 3),
        bn0_gamma=[1.0, 2.0],
        bn0_mean=[0.5, 0.25],
    )


@pytest.fixture
def scope(model: Model) -> Scope:
    """The names of one match, lets included."""
    return make_scope(model, model.parameters)


@pytest.fixture
def empty_scope(model: Model) -> Scope:
    """The same without any values."""
    return make_scope(model, None, lets=False)


def make_scope(model: Model, parameters: Any, *, lets: bool = True) -> Scope:
    def entry(place: Any) -> Any:
        if isinstance(place, str):
            return model.graph.named(place)[0]
        if isinstance(place[0], str):
            return Entry(model.graph.named(place[0])[0], place[1])
        return tuple(entry(each) for each in place)

    bindings = {name: entry(place) for name, place in NAMES.items()}
    made = Scope(Facts(model.graph, model.inputs), bindings, parameters, OPTIONAL)
    for name, text in LETS.items() if lets else ():
        made.define(name, parse_expression(text).evaluate(made))
    return made


@pytest.fixture
def value(scope: Scope) -> Callable[[str], Any]:
    """What an expression gives, as plain Python: arrays as lists, views by name."""

    def evaluate(text: str) -> Any:
        return plain(parse_expression(text).evaluate(scope))

    return evaluate


def plain(found: Any) -> Any:
    if isinstance(found, tuple):
        return tuple(map(plain, found))
    if hasattr(found, "tolist"):
        return found.tolist()
    return found.name if hasattr(found, "name") else found
