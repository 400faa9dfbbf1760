"""Inference on real networks: every value, with inputs given and with nothing given."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from inference_judge import compare
from real_networks import FOLDERS, networks

from graphpass import load
from graphpass.errors import GraphpassError

NEEDS_CODE = {"Custom"}
"""Operators that no rule can tell of: their shapes are computed by code outside the file."""


@pytest.mark.slow
@pytest.mark.mxnet
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("given", [True, False], ids=["given", "nothing"])
def test_every_answer_is_that_of_mxnet(corpus: Path, mx: Any, folder: str, given: bool) -> None:
    counts: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    failed: dict[str, Any] = {}
    for network in networks(corpus, folder):
        try:
            graph = load(network.path).graph
            if any(graph.op(key) in NEEDS_CODE for key in graph.order()):
                continue
        except GraphpassError:
            continue
        shapes = network.inferable if given else {}
        dtypes = {name: network.dtypes.get(name, "float32") for name in shapes}
        found = compare(mx, graph, shapes, dtypes)
        counts.update(
            networks=1,
            values=found.values,
            shapes=found.shapes,
            dtypes=found.dtypes,
            more=found.more,
        )
        unknown.update({op: len(keys) for op, keys in found.unknown.items()})
        if found.wrong:
            failed[network.name] = found.wrong[:3]
        if found.conflicts and not found.refused:
            failed[network.name] = found.conflicts[:3]
        if given and found.refused and not found.conflicts:
            failed[network.name] = found.refused
    print(f"{folder}: {dict(counts)}, no rule for {dict(unknown)}")
    assert not failed
    assert counts["networks"]
    if given:
        assert counts["shapes"] >= 0.95 * counts["values"]
        assert counts["dtypes"] >= 0.95 * counts["values"]
