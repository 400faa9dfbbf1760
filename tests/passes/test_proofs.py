"""`verify` accepts every shipped pass with default options, and calls no planted fault equal."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from proofs import FAULTS, Proofs, chosen, judge, proofs

import graphpass
from graphpass import Model

pytestmark = pytest.mark.mxnet

FIXTURES = Path(__file__).parents[2] / "fixtures"
GIGA = 10.0
"""Thousand million multiply-adds of the largest network that is looked at."""

A_NETWORK = 14
"""Faults that are planted in each network of the corpus: two of each kind."""

ENOUGH = 500


def wrong(found: Proofs) -> dict[str, str]:
    """Return the passes that were not accepted and the faults that were called equal."""
    verdicts = {name: verdict for name, verdict in found.passes.items() if verdict != "equal"}
    verdicts |= {what: verdict for what, verdict in found.faults.items() if verdict == "equal"}
    return {what: f"{verdict}: {found.told.get(what)}" for what, verdict in verdicts.items()}


@pytest.mark.parametrize(
    ("name", "data"),
    [("residual", (2, 3, 8, 8)), ("nin", (2, 3, 16, 16)), ("age", (2, 3, 8, 8))],
)
def test_small_networks(mx: ModuleType, name: str, data: tuple[int, ...]) -> None:
    model: Model = graphpass.load(FIXTURES / f"{name}-symbol.json")
    found = Proofs(name)
    judge(found, model, {"data": data}, range(6 * len(FAULTS)))
    assert not wrong(found)
    assert "equal" in found.passes.values()
    assert Counter(found.faults.values())["different"] > len(FAULTS)


@pytest.mark.slow
def test_real_networks(mx: ModuleType, corpus: Path) -> None:
    passes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    failed = {}
    for network in chosen(corpus, "", GIGA):
        found = proofs(corpus, network, faults=A_NETWORK)
        passes.update(found.passes.values())
        faults.update(found.faults.values())
        if bad := wrong(found):
            failed[network.name] = bad
        print(f"{network.name}: {found.left_out or (dict(passes), dict(faults))}, {bad}")
    assert not failed
    assert sum(faults.values()) >= ENOUGH
    assert passes["equal"] >= ENOUGH
