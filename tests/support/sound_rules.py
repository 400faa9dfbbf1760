"""Sound rewrites, and random models that hold what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from ruamel.yaml import YAML

from graphpass.testing import Builder, Recipe, RunnableModel, Value, models
from graphpass.testing.models import batch_norm, convolution, fully_connected

__all__ = ["RULES", "SoundRule", "hosts"]


@dataclass(frozen=True)
class SoundRule:
    """Rewrites that keep every output, and what the models hold that they are tried on."""

    name: str
    rules: tuple[dict[str, Any], ...]
    operators: tuple[str, ...]
    recipes: tuple[Recipe, ...]

    def __repr__(self) -> str:
        return self.name


def _halves(builder: Builder, x: Value) -> None:
    """Add the maximum of two halves, which others may read too."""
    builder.add_operator("SliceChannel", [x], num_outputs=2)
    pair = builder.values[-2:]
    builder.add_operator("_maximum", pair if builder.dice.one_in(2) else pair[::-1])


def _products(builder: Builder, x: Value) -> None:
    """Add two or three products of one value, one of them perhaps with a narrower matrix."""
    width = builder.dice.between(1, 3)
    for _ in range(builder.dice.between(2, 3)):
        columns = 1 if builder.dice.one_in(5) else width
        name = builder.next_name("dot")
        builder.add_operator("dot", [x, builder.weight(name, (x.shape[1], columns))], name=name)


def _zeros(builder: Builder, x: Value) -> None:
    """Add nothing, in either place, or almost nothing."""
    value = 0.5 if builder.dice.one_in(4) else 0.0
    name = builder.next_name("elemwise_add")
    nothing = builder.parameter(name, "zeros", np.full(x.shape, value))
    operands = [x, nothing] if builder.dice.one_in(2) else [nothing, x]
    builder.add_operator("elemwise_add", operands, loudness=x.loudness + 1, name=name)


def _constants(builder: Builder, x: Value) -> None:
    """Add what is computed from parameters alone."""
    name = builder.next_name("sum")
    constant, second = (builder.vector(name, role, x.shape) for role in "ab")
    for op in [builder.dice.pick(("_copy", "relu", "Dropout", "BlockGrad")) for _ in range(3)]:
        constant = builder.add_operator(op, [constant]).entry
    builder.add_operator("elemwise_add", [constant, second], loudness=2.0, name=name)


def _normed(builder: Builder, x: Value) -> None:
    """Add a layer, and a normalisation of what it gives."""
    layer = convolution if len(x.shape) == 4 and not builder.dice.one_in(3) else fully_connected
    batch_norm(builder, layer(builder, x))


def _joins(builder: Builder, x: Value) -> None:
    """Add a Concat of a Concat, along the first axis."""
    for _ in range(2):
        last = builder.values[-1] if builder.values[-1].shape[1:] == x.shape[1:] else x
        builder.add_operator("Concat", [last, x], loudness=x.loudness, num_args=2, dim=0)


RECIPES: Mapping[str, Recipe] = {
    "halves": Recipe("halves", lambda shape: len(shape) > 1 and shape[1] % 2 == 0, _halves),
    "products": Recipe("products", lambda shape: len(shape) == 2, _products),
    "zeros": Recipe("zeros", lambda shape: True, _zeros),
    "joins": Recipe("joins", lambda shape: shape[0] < 8, _joins),
    "normed": Recipe("normed", lambda shape: len(shape) in (2, 4), _normed),
    "constants": Recipe("constants", lambda shape: True, _constants),
}


def _load() -> dict[str, SoundRule]:
    text = Path(__file__).with_name("sound_rules.yaml").read_text()
    found = {}
    for name, said in YAML(typ="safe").load(text).items():
        rules = [{"rewrite": {"id": f"{name}-{n}", **rule}} for n, rule in enumerate(said["rules"])]
        recipes = tuple(RECIPES[each] for each in said.get("recipes", ()))
        found[name] = SoundRule(name, tuple(rules), tuple(said["operators"]), recipes)
    return found


RULES: dict[str, SoundRule] = _load()
"""Every sound rule, by name."""


@cache
def hosts(*names: str, max_operators: int = 10) -> st.SearchStrategy[RunnableModel]:
    """Draw models that hold what some rules are about."""
    chosen = [RULES[name] for name in names]
    operators = tuple(dict.fromkeys(op for rule in chosen for op in rule.operators))
    recipes = tuple(recipe for rule in chosen for recipe in rule.recipes)
    return models(max_operators=max_operators, operators=operators, recipes=recipes)
