"""The main job on real networks: one checkpoint in, a siamese net out, proved by MXNet."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graphpass

pytestmark = pytest.mark.mxnet

MAKE = Path(__file__).parents[2] / "fixtures" / "make.py"


def both_towers(
    mx: ModuleType, original: str, siamese: str, epoch: int, shape: tuple[int, ...]
) -> None:
    """Assert that MXNet loads and binds the result, and that both towers are the original."""
    numbers = np.random.default_rng(0)
    left, right = (mx.nd.array(numbers.normal(size=shape).astype("float32")) for _ in range(2))

    def run(prefix: str, **inputs: Any) -> list[Any]:
        symbol, arguments, states = mx.model.load_checkpoint(prefix, epoch)
        executor = symbol.bind(
            mx.cpu(), {**arguments, **inputs}, aux_states=states, grad_req="null"
        )
        return [output.asnumpy() for output in executor.forward(is_train=False)]

    expected = [*run(original, data=left), *run(original, data=right)]
    found = run(siamese, data=left, right_data=right)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["resnet50_v1", "mobilenet1.0", "densenet121"])
def test_a_network_of_the_zoo(cli: Any, tmp_path: Path, mx: ModuleType, name: str) -> None:
    make = [sys.executable, str(MAKE), "zoo", name, "--out", str(tmp_path)]
    subprocess.run(make, check=True, capture_output=True)
    model, out = tmp_path / name, tmp_path / "siamese"
    proof = ["--verify", "--input", "data:1,3,224,224", "--feed", "right_data=data"]
    done = cli("apply", "siamese", model, "-o", out, *proof)
    assert done.code == 0, done.err
    assert "equal: 2 outputs" in done.out
    before, after = graphpass.load(model), graphpass.load(out)
    assert list(after.parameters) == list(before.parameters)
    assert after.inputs == ["data", "right_data"]
    assert after.graph.auxiliary_states == before.graph.auxiliary_states
    both_towers(mx, str(model), str(out), 0, (1, 3, 224, 224))


def test_a_trained_checkpoint_of_2016(
    cli: Any, tmp_path: Path, corpus: Path, mx: ModuleType
) -> None:
    for path in (corpus / "trained").glob("mtcnn2016_det1-*"):
        shutil.copy(path, tmp_path)
    model, out = tmp_path / "mtcnn2016_det1", tmp_path / "siamese"
    report = tmp_path / "report.json"
    proof = ["--verify", "--input", "data:1,3,36,48", "--feed", "right_data=data"]
    done = cli("apply", "siamese", model, "1", "-o", out, "--report", report, *proof)
    assert done.code == 0, done.err
    before, after = graphpass.load(model), graphpass.load(out)
    assert before.graph.origin is not None
    assert before.graph.origin.dialect == "0.8"
    assert list(after.parameters) == list(before.parameters)
    assert json.loads(report.read_text())["rules"]
    both_towers(mx, str(model), str(out), 1, (1, 3, 36, 48))
    stored = np.load(corpus / "trained" / "mtcnn2016_det1-out0.npy")
    assert stored.shape == (1, 4, 13, 19)
