"""Drawn boxes: what is kept is what MXNet keeps, for all options together."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.backend import open_session, run_session


def drawn(dice: random.Random, numbers: np.random.Generator, center: bool) -> Any:
    """Draw rows of a class, a score and a box; no two scores are the same."""
    batch, count = dice.choice([1, 2, 3]), dice.choice([1, 5, 14])
    ids = numbers.integers(-1, 3, (batch, count, 1))
    scores = numbers.permutation(batch * count).reshape(batch, count, 1) / (batch * count) - 0.2
    corner = numbers.uniform(0, 3, (batch, count, 2))
    size = numbers.uniform(0.5, 3, (batch, count, 2))
    boxes = [corner, size if center else corner + size]
    rows = np.concatenate([ids, scores, *boxes], 2).astype(np.float32)
    return dice.choice([rows, rows[0], rows[None]])


@pytest.mark.mxnet
@pytest.mark.parametrize("seed", range(25))
def test_the_same_boxes_are_kept(seed: int, tmp_path: Path) -> None:
    import mxnet as mx

    dice = random.Random(seed)
    center = dice.random() < 0.4
    rows = drawn(dice, np.random.default_rng(seed), center)
    options = {
        "overlap_thresh": dice.choice([0.3, 0.5, 0.7]),
        "valid_thresh": dice.choice([0, 0.1, -1]),
        "topk": dice.choice([-1, 3, 100]),
        "id_index": dice.choice([-1, 0]),
        "background_id": dice.choice([-1, 0, 1]),
        "force_suppress": dice.random() < 0.5,
        "in_format": "center" if center else "corner",
        "out_format": dice.choice(["center", "corner"]),
    }
    symbol = mx.sym.contrib.box_nms(mx.sym.var("x"), coord_start=2, score_index=1, **options)
    [expected] = symbol.bind(mx.cpu(), {"x": mx.nd.array(rows)}).forward(is_train=False)
    model = graphpass.Model(graphpass.loads(symbol.tojson()))
    graphpass.export(model, tmp_path / "nms.onnx", inputs={"x": rows})
    [found] = run_session(open_session(tmp_path / "nms.onnx"), {"x": rows})
    np.testing.assert_allclose(found, expected.asnumpy(), atol=1e-5)
