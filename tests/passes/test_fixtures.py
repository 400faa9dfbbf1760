"""Every shipped pass on every fixture: MXNet loads it, and outputs agree on five draws."""

from __future__ import annotations

from pathlib import Path

import pytest

import graphpass
from graphpass import Model
from graphpass.errors import GraphpassError
from graphpass.passes import shipped_names

FIXTURES = Path(__file__).parents[2] / "fixtures"

SHAPES: dict[str, dict[str, tuple[int, ...]]] = {
    "age": {"data": (2, 3, 8, 8)},
    "conv1": {"data": (2, 1, 8, 8)},
    "gender": {"data": (2, 3, 8, 8)},
    "nasty_names": {"vggish/input": (2, 2, 6, 6)},
    "nin": {"data": (2, 3, 32, 32)},
    "perceptron": {"data": (2, 1, 6, 6)},
    "perceptron-0.11": {"data": (2, 1, 6, 6)},
    "perceptron-0.8": {"data": (2, 1, 6, 6)},
    "perceptron-plain": {"data": (2, 1, 6, 6)},
    "residual": {"data": (2, 3, 8, 8)},
    "stages": {"data": (2, 3, 8, 8)},
    "translator": {"src": (2, 4), "tgt": (2, 4)},
}
"""Fixture -> shapes of its inputs; those of labels follow."""

NEEDS = {"ssd-deploy": "_contrib_MultiBoxDetection"}
"""Shipped pass -> the operator that it refuses to do without."""


def settings(shipped: str, model: Model) -> dict[str, object]:
    """Return what a pass has to be told about a model."""
    if shipped == "siamese":
        return {"cut": model.graph.outputs[0]}
    return {"from": 2} if shipped == "free-batch" else {}


def test_every_fixture_is_here() -> None:
    names = {path.name.removesuffix("-symbol.json") for path in FIXTURES.glob("*-symbol.json")}
    assert names == set(SHAPES)


@pytest.mark.mxnet
@pytest.mark.parametrize("name", SHAPES)
def test_shipped_passes_keep_what_a_fixture_computes(name: str) -> None:
    before, inputs = graphpass.load(FIXTURES / name), SHAPES[name]
    changed = set()
    for shipped in shipped_names():
        after, given = before.copy(), settings(shipped, before)
        if shipped in NEEDS:
            with pytest.raises(GraphpassError, match=NEEDS[shipped]):
                graphpass.apply(shipped, after, inputs=inputs, set=given)
            continue
        report = graphpass.apply(shipped, after, inputs=inputs, set=given)
        if report.changed:
            changed.add(shipped)
            lineage = report.lineage
            result = graphpass.verify(before, after, inputs=inputs, lineage=lineage, runs=5)
            assert result, f"{shipped}: {result}"
    assert "siamese" in changed
