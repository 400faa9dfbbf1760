"""The doors of the package: what Python passes by mistake is refused in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.errors import UsageError

CONV1 = Path(__file__).parents[1] / "fixtures" / "conv1"


def model() -> Any:
    return graphpass.load(CONV1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: graphpass.loads(None), "text or bytes, not NoneType"),
        (lambda: graphpass.loads(CONV1), "graphpass.load reads files"),
        (lambda: graphpass.dumps(model()), "that of a model is model.graph"),
        (lambda: graphpass.dumps(model().graph, dialect=0.11), "0.11 is none"),
        (lambda: graphpass.apply({"prefix": "a_"}, model().graph), r"Model\(graph\) makes one"),
        (lambda: graphpass.apply({"prefix": "a_"}, str(CONV1)), "not str; graphpass.load reads"),
        (lambda: graphpass.isomorphic(str(CONV1), str(CONV1)), "graphs and models are compared"),
        (lambda: graphpass.diff(model(), CONV1), "graphs and models are compared, not "),
        (lambda: graphpass.verify(str(CONV1), model()), "models are verified, not str"),
        (lambda: graphpass.load(CONV1, epoch="a"), "epoch 'a' is no whole number"),
        (lambda: model().save("x", epoch="a"), "epoch 'a' is no whole number"),
    ],
)
def test_what_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_numbers_of_numpy_are_numbers() -> None:
    changed = model()
    shape = [np.int64(1), np.int32(3)]
    rules = [
        {"set": {"select": "data", "shape": shape, "lr_mult": np.float32(2)}},
        {"set": {"select": "conv1", "attrs": {"no_bias": np.bool_(True)}}},
    ]
    graphpass.apply(rules, changed)
    data, conv = (changed.graph.attrs(changed.graph.named(name)[0]) for name in ("data", "conv1"))
    assert (data["__shape__"], data["__lr_mult__"]) == ("(1, 3)", "2.0")
    assert conv["no_bias"] == "True"


def test_the_package_runs_as_the_command_line() -> None:
    command = [sys.executable, "-m", "graphpass", "show", str(CONV1)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "operators" in done.stdout
