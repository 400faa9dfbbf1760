"""MultiBoxDetection, lowered, gives on ONNX Runtime what MXNet gives, ties and cuts included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.model import Model

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.backend import open_session, run_session


@pytest.mark.mxnet
@pytest.mark.parametrize("seed", range(12))
def test_boxes_of_any_options(seed: int, tmp_path: Path, mx: Any) -> None:
    rng = np.random.default_rng(seed)
    batch, classes, count = rng.integers(1, 3), rng.integers(2, 5), int(rng.integers(1, 16))
    options = {
        "threshold": float(rng.choice([0.01, 0.3, 0.6])),
        "nms_threshold": float(rng.choice([0.5, 0.2, 0.01, -1])),
        "force_suppress": bool(rng.integers(2)),
        "nms_topk": int(rng.choice([-1, 3, 100])),
        "clip": bool(rng.integers(2)),
    }
    likely = rng.random((batch, classes, count)).astype("f")
    likely /= likely.sum(1, keepdims=True)
    moves = rng.normal(size=(batch, 4 * count)).astype("f")
    centre, size = rng.random((1, count, 2)) * 0.3 + 0.2, rng.random((1, count, 2)) * 0.5
    anchors = np.concatenate([centre - size / 2, centre + size / 2], 2).astype("f")
    feed = {"likely": likely, "moves": moves, "anchors": anchors}

    variables = [mx.sym.var(name) for name in feed]
    symbol = mx.sym.contrib.MultiBoxDetection(*variables, **options)
    arrays = {name: mx.nd.array(array) for name, array in feed.items()}
    expected = symbol.eval(**arrays)[0].asnumpy()
    model, path = Model(graphpass.loads(symbol.tojson())), tmp_path / "boxes.onnx"
    graphpass.export(model, path, inputs={name: array.shape for name, array in feed.items()})
    [found] = run_session(open_session(path), feed)
    np.testing.assert_allclose(found, expected, atol=1e-5)
