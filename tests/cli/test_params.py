"""What ``params`` writes and refuses to write over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("source", ["age", "age-symbol.json", "age-0000.params"])
@pytest.mark.parametrize("out", ["age-symbol.json", "age-0000.params", "notes.txt"])
def test_an_export_replaces_nothing_but_an_export(
    cli: Any, folder: Path, source: str, out: str
) -> None:
    (folder / "notes.txt").write_text("mine")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = cli("params", "export", source, "-o", out)
    assert done.code == 2
    assert "choose another output" in done.err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_an_export_is_replaced_if_told_to(cli: Any, folder: Path) -> None:
    assert cli("params", "export", "gender", "-o", "out.npz").code == 0
    assert cli("params", "export", "age", "-o", "out.npz").code == 2
    assert cli("params", "export", "age", "-o", "out.npz", "--overwrite").code == 0
    with np.load("out.npz") as arrays:
        assert arrays["arg:fc1_weight"].shape == (5, 144)
