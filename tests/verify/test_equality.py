"""`verify`: pairs of outputs, verdicts and reports, on a backend that needs no MXNet."""

from __future__ import annotations

import importlib
import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass import Graph, Model
from graphpass.errors import UsageError
from graphpass.verify import verify

Build = Callable[..., Graph]

X = {"x": (2, 3)}


def one(build: Build, *ops: str, heads: list[Any] | None = None) -> Model:
    """Return a chain of operators on ``x``; each node is called after its place."""
    rows: list[Any] = [("x", "null")]
    for place, op in enumerate(ops):
        rows.append((f"n{place}", op, {}, [rows[-1][0]]))
    return Model(build(*rows, heads=heads or [rows[-1][0]]))


def test_equal_models(build: Build, numpy_backend: Any) -> None:
    found = verify(
        one(build, "relu"), one(build, "_copy", "relu"), inputs=X, runs=2, backend=numpy_backend
    )
    assert found
    assert found.equal
    assert str(found).splitlines() == [
        "equal: 1 output; 1 input, 2 runs in inference, seed 0, NumPy",
        "  output n0_output and n1_output: (2, 3) float32, max abs 0, max rel 0",
        "  input 'x' (2, 3) float32, normal",
    ]
    # Twice each draw: four times A with last places moved, once on other inputs, and once B.
    assert len(numpy_backend.seen) == 14


def test_different_models(build: Build, numpy_backend: Any) -> None:
    found = verify(one(build, "relu"), one(build, "negative"), inputs=X, backend=numpy_backend)
    assert not found
    assert str(found).startswith("different: 1 output; 1 input")
    assert "values differ" in str(found)
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert plain["equal"] is False
    assert plain["outputs"][0]["names"] == ["n0_output", "n0_output"]
    assert plain["inputs"][0]["shape"] == [2, 3]


def test_a_difference_in_one_of_many_runs_counts(build: Build, numpy_backend: Any) -> None:
    values = np.array([[1.0]])
    same = verify(
        one(build, "relu"), one(build, "_copy"), inputs={"x": values}, backend=numpy_backend
    )
    assert same
    drawn = verify(
        one(build, "relu"), one(build, "_copy"), inputs={"x": (1,)}, runs=8, backend=numpy_backend
    )
    assert not drawn
    comparison = drawn.outputs[0].comparison
    assert comparison is not None
    assert comparison.size == 8
    assert 0 < comparison.differing < 8


def test_the_tolerance_is_the_users(build: Build, numpy_backend: Any) -> None:
    a, b = one(build, "relu"), one(build, "negative")
    assert verify(a, b, inputs=X, atol=1e9, backend=numpy_backend)
    assert not verify(a, b, inputs=X, atol=0, rtol=0.1, backend=numpy_backend)


def test_the_number_of_outputs_must_agree(build: Build, numpy_backend: Any) -> None:
    a, b = one(build, "relu"), one(build, "relu", heads=["n0", "n0"])
    with pytest.raises(UsageError, match="A has 1 outputs and B has 2; say which to compare"):
        verify(a, b, inputs=X, backend=numpy_backend)
    found = verify(a, b, inputs=X, outputs="repeat", backend=numpy_backend)
    assert found
    assert len(found.outputs) == 2
    with pytest.raises(UsageError, match="'repeat': B has 1 outputs and A 2"):
        verify(b, a, inputs=X, outputs="repeat", backend=numpy_backend)


def test_pairs_by_position_and_name(build: Build, numpy_backend: Any) -> None:
    a = one(build, "relu", "negative", heads=["n0", "n1"])
    b = one(build, "relu", "negative", heads=["n1", "n0"])
    assert not verify(a, b, inputs=X, backend=numpy_backend)
    assert verify(a, b, inputs=X, outputs=[(0, 1), (1, 0)], backend=numpy_backend)
    assert verify(a, b, inputs=X, outputs=[("n0_output", "n0_output")], backend=numpy_backend)
    for pairs, says in [
        ([(2, 0)], "A has 2 outputs, so there is none 2"),
        ([(-1, 0)], "A has 2 outputs, so there is none -1"),
        ([(0, "n2_output")], "B has no output 'n2_output'; nearest: n"),
        ([], "no outputs are asked for"),
        ("twice", "outputs='twice'"),
    ]:
        with pytest.raises(UsageError, match=says):
            verify(a, b, inputs=X, outputs=pairs, backend=numpy_backend)


def test_a_name_that_two_outputs_bear_needs_a_position(build: Build, numpy_backend: Any) -> None:
    a = one(build, "relu", heads=["n0", "n0", "x"])
    with pytest.raises(
        UsageError, match=r"A has 2 outputs 'n0_output'; give the position: \[0, 1\]"
    ):
        verify(a, a, inputs=X, outputs=[("n0_output", 0)], backend=numpy_backend)
    assert verify(a, a, inputs=X, outputs=[("x", "x")], backend=numpy_backend)


def test_random_outputs_are_no_proof(build: Build, numpy_backend: Any) -> None:
    a = Model(build(("n", "_random_normal"), ("r", "relu", {}, ["n"]), heads=["r"]))
    found = verify(a, a, backend=numpy_backend)
    assert not found
    assert str(found).splitlines()[1] == (
        "  output r_output: can't be compared, since _random_normal 'n' (#0) is random"
    )
    json.dumps(found.to_json(), allow_nan=False)


def test_dropout_is_random_in_training_only(build: Build, numpy_backend: Any) -> None:
    a = one(build, "Dropout", "relu", heads=["n1", "x"])
    assert verify(a, a, inputs=X, backend=numpy_backend)
    assert not verify(a, a, inputs=X, training=True, backend=numpy_backend)
    assert verify(a, a, inputs=X, training=True, outputs=[("x", "x")], backend=numpy_backend)


def test_nan_in_both_is_equal_and_reported(build: Build, numpy_backend: Any) -> None:
    a = one(build, "log")
    found = verify(a, a, inputs=X, backend=numpy_backend)
    assert found
    assert "are NaN in both" in str(found)


def test_nothing_to_compare_is_no_proof(build: Build, numpy_backend: Any) -> None:
    a = one(build, "relu")
    with pytest.raises(UsageError, match="B has no outputs"):
        verify(a, Model(Graph()), inputs=X, backend=numpy_backend)
    with pytest.raises(UsageError, match="0 runs prove nothing"):
        verify(a, a, inputs=X, runs=0, backend=numpy_backend)


def test_the_package_is_the_function(build: Build, numpy_backend: Any) -> None:
    # Any import of a module below is what makes Python set graphpass.verify to the package.
    importlib.import_module("graphpass.verify.equality")
    a = one(build, "relu")
    assert graphpass.verify(a, a, inputs=X, backend=numpy_backend)
    assert callable(graphpass.verify)
    assert graphpass.verify.verify is verify
    from graphpass import verify as imported

    assert imported(a, a, inputs=X, backend=numpy_backend)


def test_importing_needs_neither_mxnet_nor_numpy() -> None:
    code = (
        "import sys, graphpass.verify as v; v.diff, v.isomorphic, v.bisect, v.VerifyResult;"
        "print('mxnet' in sys.modules, 'numpy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_what_is_no_tolerance_is_refused(build: Build, numpy_backend: Any, value: float) -> None:
    a = one(build, "relu")
    with pytest.raises(UsageError, match=f"rtol {value} is no tolerance; give a number from 0 up"):
        verify(a, a, inputs=X, rtol=value, backend=numpy_backend)
    assert not numpy_backend.seen


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nothing_finite_is_no_proof(build: Build, numpy_backend: Any, value: float) -> None:
    a = one(build, "_copy", heads=["n0", "x"])
    given = {"x": np.full((2, 3), value, "f4")}
    found = verify(a, a, inputs=given, outputs=[(0, 0)], backend=numpy_backend)
    assert not found
    assert "nothing finite to compare" in str(found).splitlines()[1]
    assert found.to_json()["outputs"][0]["equal"] is False


def test_zeros_are_equal(build: Build, numpy_backend: Any) -> None:
    a = one(build, "_copy")
    assert verify(a, a, inputs={"x": np.zeros((2, 3), "f4")}, backend=numpy_backend)
