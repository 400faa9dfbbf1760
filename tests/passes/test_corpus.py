"""``optimize-for-inference`` on real networks, with random statistics, judged by real MXNet."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from real_controls import TOLERANCE
from real_findings import find
from real_networks import FOLDERS, networks

CAN_TELL = 10 * TOLERANCE
"""How far parameters that are 2 % off have to move an output, for its error to say something."""


@pytest.mark.slow
@pytest.mark.mxnet
@pytest.mark.parametrize("folder", FOLDERS)
def test_real_networks_keep_their_outputs(corpus: Path, mx: ModuleType, folder: str) -> None:
    compared, failed = 0, {}
    for network in networks(corpus, folder):
        finding = find(corpus, network)
        if finding.left_out:
            print(f"{network.name}: left out, {finding.left_out}")
            continue
        compared += 1
        problems = {
            "outputs differ": finding.differs,
            "BatchNorms remain behind a Convolution": finding.behind,
            "the outputs tell nothing": finding.before != finding.after
            and finding.tells < CAN_TELL,
        }
        failed[network.name] = {what: found for what, found in problems.items() if found}
        print(f"{network.name}: {finding.before.nodes} -> {finding.after.nodes} nodes, rounding "
              f"decides {finding.decided_by_rounding}, {failed[network.name]}")  # fmt: skip
    assert not {name: problems for name, problems in failed.items() if problems}
    assert compared
