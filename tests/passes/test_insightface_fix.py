"""``insightface-fix`` on real face models: what converters trip over goes, not a bit changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mxnet_judge import Judge

import graphpass

MENDED = {"repeated-operator-name", "shared-name", "fix-gamma"}
NAMES = ("insightface_genderage_v1", "mtcnn2016_det1", "retinaface_mnet025_v2")


def recorded(folder: Path, name: str) -> tuple[graphpass.Model, dict[str, Any]]:
    """Return a model with the inputs that it was once run on."""
    facts = json.loads((folder / f"{name}.meta.json").read_text())
    symbol = folder / f"{name}-symbol.json"
    model = graphpass.load(symbol, params=folder / facts["params"])
    arrays = {each["name"]: np.load(folder / each["file"]) for each in facts["inputs"]}
    return model, {name: array.astype("float32") for name, array in arrays.items()}


@pytest.mark.mxnet
@pytest.mark.parametrize("name", NAMES)
def test_a_real_face_model_is_fixed(corpus: Path, judge: Judge, name: str) -> None:
    before, inputs = recorded(corpus / "trained", name)
    after = before.copy()
    found = {finding.code for finding in graphpass.check(before)}
    assert found & (MENDED | {"deprecated-operator"})
    graphpass.apply("insightface-fix", after)
    left = graphpass.check(after, {name: array.shape for name, array in inputs.items()})
    assert not MENDED & {finding.code for finding in left}
    assert "SoftmaxActivation" not in {node.op for node in after.graph}
    expected = judge.outputs(before, inputs)
    for ours, theirs in zip(judge.outputs(after, inputs), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not graphpass.apply("insightface-fix", after).changed
