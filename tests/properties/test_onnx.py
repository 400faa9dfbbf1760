"""Random models, exported, give on ONNX Runtime what MXNet gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from mxnet_judge import Judge

import graphpass
from graphpass.testing import RunnableModel, models

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.backend import open_session, run_session

pytestmark = pytest.mark.mxnet


def check(mx_judge: Judge, drawn: RunnableModel) -> None:
    model, arrays = drawn.model, drawn.arrays()
    names = [model.graph.name(key) for key in model.graph.order() if model.graph.is_variable(key)]
    assume(len(set(names)) == len(names))
    expected = mx_judge.outputs(model, arrays)
    shapes = {name: array.shape for name, array in arrays.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        graphpass.export(model, path, inputs=shapes)
        found = run_session(open_session(path), arrays)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        scale = float(np.abs(theirs).max(initial=1e-3))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * scale)


@given(drawn=models())
@settings(max_examples=100)
def test_exported_models_give_what_mxnet_gives(judge: Judge, drawn: RunnableModel) -> None:
    check(judge, drawn)


@pytest.mark.slow
@given(drawn=models())
@settings(max_examples=1_000)
def test_a_thousand_exported_models_give_what_mxnet_gives(
    judge: Judge, drawn: RunnableModel
) -> None:
    check(judge, drawn)
