"""Single operators: what is exported gives what MXNet gives, stored with each case.

pytest tests/lowering/test_cases.py -k "case-17-"
"""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx_cases import Case, cases

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")

OPSETS = (18, *[pytest.param(each, marks=pytest.mark.slow) for each in (19, 21)])
CASES = [each for each in cases() if each.is_equal]


@pytest.mark.skipif(not CASES, reason="GRAPHPASS_CORPUS does not name a corpus with cases beside")
@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"case-{case.number}-{case.name}")
def test_it_gives_what_mxnet_gives(case: Case, opset: int, tmp_path: Path) -> None:
    case.export(tmp_path / "model.onnx", opset)
    assert case.differences(case.run(tmp_path / "model.onnx")) == ""
