"""Damaged symbols on which graphpass and MXNet 1.9.1 differ are of kinds that the page tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from mxnet_disagreements import KNOWN, disagreements, table

PAGE = Path(__file__).parents[2] / "docs" / "format-symbol-json.md"


@pytest.mark.mxnet
def test_every_disagreement_is_of_a_known_kind() -> None:
    found = disagreements(400, 10_000)
    assert set(found) <= {kind.what for kind in KNOWN}
    assert found


@pytest.mark.mxnet
@pytest.mark.slow
def test_the_table_of_the_page() -> None:
    assert table(5000, disagreements(5000, 100_000)) in PAGE.read_text(encoding="utf-8")
