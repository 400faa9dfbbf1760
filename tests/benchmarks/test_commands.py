"""Whole commands, from the start of the process to its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from children import ROOT, cpu_seconds, run_python
from speed import TABLE, Row

pytestmark = [pytest.mark.benchmark, pytest.mark.mxnet]


def test_commands(tmp_path: Path) -> None:
    run_python(str(ROOT / "fixtures/make.py"), "zoo", "resnet152_v1", "--out", str(tmp_path))
    rename = '{"rename": {"from": "conv0_weight", "to": "stem_weight"}}'
    network, out = str(tmp_path / "resnet152_v1"), str(tmp_path / "out")
    save = ("-o", out, "--overwrite")
    commands = {
        ("--version", ""): (("--version",), None),
        ("apply a rename", "23 nodes"): (
            ("apply", rename, str(ROOT / "fixtures/residual"), *save), 0.3),
        ("show", "resnet152"): (("show", network), 0.4),
        ("apply optimize-for-inference", "resnet152"): (
            ("apply", "optimize-for-inference", network, *save), 1.0),
    }  # fmt: skip
    for (job, size), (arguments, at_most) in commands.items():
        seconds = cpu_seconds("-m", "graphpass.cli", *arguments)
        TABLE.add(Row(f"graphpass {job}", size, seconds, "s", at_most=at_most))
