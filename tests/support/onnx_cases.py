"""Cases of single operators with what MXNet gives for them, and how one is exported and run."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import graphpass
from graphpass.formats.parameters import Parameters


@dataclass(frozen=True)
class Case:
    """One operator on one input."""

    number: int
    name: str
    symbol: str
    inputs: dict[str, Any]
    parameters: dict[str, Any]
    outputs: list[Any]
    is_equal: bool
    """Whether a lowering is known to give the same."""

    def export(self, path: Path, opset: int | None = None) -> Any:
        model = graphpass.Model(graphpass.loads(self.symbol), Parameters(self.parameters))
        return graphpass.export(model, path, inputs=self.inputs, opset=opset, overwrite=True)

    def run(self, path: Path) -> list[Any]:
        import onnx
        import onnxruntime

        onnx.checker.check_model(onnx.load(path), full_check=True)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        asked = {each.name for each in session.get_inputs()}
        return session.run(None, {k: v for k, v in self.inputs.items() if k in asked})

    def differences(self, found: list[Any]) -> str:
        """Return what differs from MXNet's outputs, empty if nothing does."""
        if len(found) < len(self.outputs):
            return f"{len(found)} outputs instead of {len(self.outputs)}"
        for number, (ours, theirs) in enumerate(zip(found, self.outputs, strict=False)):
            if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
                return (
                    f"output {number}: {ours.dtype}{ours.shape}, not {theirs.dtype}{theirs.shape}"
                )
            a, b = ours.astype("float64"), theirs.astype("float64")
            finite = b[np.isfinite(b)]
            scale = float(np.abs(finite).max()) if finite.size else 1.0
            rtol = 2e-3 if theirs.dtype == np.float16 else 1e-4
            if not np.allclose(
                a, b, rtol=1e-5, atol=rtol * min(max(scale, 1e-3), 1e6), equal_nan=True
            ):
                return f"output {number}: {ours.tolist()!s:.400}, not {theirs.tolist()!s:.400}"
        return ""


@cache
def cases() -> list[Case]:
    """Return the cases beside the corpus; none where there is no corpus."""
    corpus = os.environ.get("GRAPHPASS_CORPUS")
    folder = Path(corpus).parent / "spec" if corpus else Path("/nonexistent")
    if not (folder / "onnx-cases.json").is_file():
        return []
    stored = np.load(folder / "onnx-cases.npz", allow_pickle=False)
    found = []
    for case in json.loads((folder / "onnx-cases.json").read_text()):
        if "symbol" not in case:  # MXNet refuses it
            continue
        number = case["id"]
        found.append(
            Case(
                number,
                case["name"],
                case["symbol"],
                {name: stored[f"{number}.in.{name}"] for name in case["inputs"]},
                {name: stored[f"{number}.par.{name}"] for name in case["parameters"]},
                [stored[f"{number}.out.{each}"] for each in range(case["outputs"])],
                case["prototype"] == "equal",
            )
        )
    return found
