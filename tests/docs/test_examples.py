"""The numbered examples run from top to bottom, as scripts, on a copy of the fixtures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import graphpass

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


def test_the_examples_are_numbered() -> None:
    assert [path.name[:3] for path in EXAMPLES] == [f"{n:02}_" for n in range(1, len(EXAMPLES) + 1)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs(example: Path, tmp_path: Path) -> None:
    if "import mxnet" in example.read_text(encoding="utf-8"):
        pytest.importorskip("mxnet", reason="MXNet is not installed (the `mxnet` extra)")
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    environment = {**os.environ, "PYTHONPATH": str(Path(graphpass.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), f"{example.name} prints nothing"
