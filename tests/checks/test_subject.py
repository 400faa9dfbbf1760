"""What the variables of a subgraph stand for, as MXNet's own front end wires it."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphpass

NAMES = ("g", "b", "m", "v")


def for_each(mx: ModuleType, norm: Any) -> Any:
    data, state = mx.sym.Variable("x"), mx.sym.Variable("h")
    outputs, _ = mx.sym.contrib.foreach(lambda x, h: (norm(x), norm(x) + h), data, state)
    return outputs


def while_loop(mx: ModuleType, norm: Any) -> Any:
    x, i = mx.sym.Variable("x"), mx.sym.Variable("i")
    outputs, _ = mx.sym.contrib.while_loop(
        lambda i, x: i < 3, lambda i, x: (norm(x), (i + 1, norm(x))), (i, x), max_iterations=3
    )
    return outputs


def condition(mx: ModuleType, norm: Any) -> Any:
    x, i = mx.sym.Variable("x"), mx.sym.Variable("i")
    return mx.sym.contrib.cond(i < 3, lambda: x + 1, lambda: norm(x))


@pytest.mark.mxnet
@pytest.mark.parametrize("build", [for_each, while_loop, condition])
def test_a_stored_gamma_is_seen_from_inside(mx: ModuleType, tmp_path: Path, build: Any) -> None:
    parameters = dict(zip(NAMES, map(mx.sym.Variable, NAMES), strict=True))
    symbol = build(mx, lambda x: mx.sym.BatchNorm(x, *parameters.values(), name="n"))
    symbol.save(str(tmp_path / "m-symbol.json"))
    model = graphpass.load(tmp_path / "m-symbol.json")
    for number, name in enumerate(NAMES):
        model.parameters.set(name, np.full(3, number + 2, "float32"), "arg")
    found = [each for each in graphpass.check(model) if each.code == "fix-gamma"]
    assert found
    assert all("'g' is stored with max|gamma-1|=1" in each.reason for each in found)


@pytest.mark.mxnet
def test_what_a_loop_changes_is_no_stored_value(mx: ModuleType, tmp_path: Path) -> None:
    variables = dict(zip("xgbmv", map(mx.sym.Variable, "xgbmv"), strict=True))

    def body(i: Any, g: Any) -> Any:
        rest = [variables[name] for name in "bmv"]
        return mx.sym.BatchNorm(variables["x"], g, *rest), (i + 1, g * 2)

    outputs, _ = mx.sym.contrib.while_loop(
        lambda i, g: i < 3, body, (mx.sym.Variable("i"), variables["g"]), max_iterations=3
    )
    outputs.save(str(tmp_path / "m-symbol.json"))
    model = graphpass.load(tmp_path / "m-symbol.json")
    for name in NAMES:
        model.parameters.set(name, np.full(3, 2, "float32"), "arg")
    assert "fix-gamma" not in {each.code for each in graphpass.check(model)}
