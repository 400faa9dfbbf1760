"""The page about real networks: what is found out about one, and how it is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from networks_page import page
from real_findings import Finding, Refusal, Size, find
from real_networks import draw, networks

import graphpass

ROOT = Path(__file__).parents[2]

FOUND = Finding(
    name="zoo/family/some_net-symbol.json",
    inputs={"data": (1, 3, 224, 224), "softmax_label": (1,)},
    before=Size(nodes=30, operators=12, parameters=17, multiply_adds=1_234_567_890),
    after=Size(nodes=20, operators=8, parameters=11, multiply_adds=1_230_000_000),
    errors=[2e-7, 5e-7],
    tolerances=[1e-4, 1e-4],
    tells=0.03,
    norms={"Concat": 2},
    refusals=[Refusal("fold-scale", "conv = Convolution", "conv0 is a head", 3)],
)


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """A corpus of one network, with a shape on record."""
    (tmp_path / "zoo").mkdir()
    (tmp_path / "zoo" / "index.json").write_text("[]")
    trained = tmp_path / "trained"
    trained.mkdir()
    for name in ("residual-symbol.json", "residual-0000.params"):
        shutil.copy(ROOT / "fixtures" / name, trained / name)
    record = '{"inputs": [{"name": "data", "shape": [2, 3, 8, 8]}]}'
    (trained / "residual.meta.json").write_text(record)
    return tmp_path


@pytest.mark.mxnet
def test_a_network_is_examined(small_corpus: Path, mx: ModuleType) -> None:
    (network,) = networks(small_corpus, "trained")
    finding = find(small_corpus, network)
    assert finding.left_out == ""
    assert (finding.before.operators, finding.after.operators) == (10, 8)
    assert finding.after.multiply_adds < finding.before.multiply_adds
    assert max(finding.errors) < 1e-5 < 1e-3 < finding.tells
    assert not finding.wrong
    assert not finding.behind


@pytest.mark.mxnet
def test_no_parameter_is_drawn_as_it_is_initialised(small_corpus: Path, mx: ModuleType) -> None:
    (network,) = networks(small_corpus, "trained")
    model, inputs = draw(graphpass.load(network.path), network)
    assert inputs.keys() == {"data"}
    assert (np.array(model.parameters["bn0_gamma"]) < 0).any()
    for name in model.parameters:
        assert not (np.array(model.parameters[name]) == 0).any(), name
    again, _ = draw(graphpass.load(network.path), network)
    assert all(np.array_equal(model.parameters[n], again.parameters[n]) for n in again.parameters)


def test_a_finding_is_read_back() -> None:
    read = Finding.of_json(FOUND.to_json())
    assert page([read]) == page([FOUND])
    assert read.before == FOUND.before


def test_outputs_that_rounding_moves_are_told_apart() -> None:
    moved = replace(FOUND, errors=[2e-7, 0.5], same_decisions=[1e-6])
    assert replace(moved, control=[1e-7, 0.4]).decided_by_rounding == [1]
    assert replace(moved, control=[1e-7, 0.4]).wrong == []
    assert replace(moved, control=[1e-7, 1e-6]).decided_by_rounding == []
    assert replace(moved, control=[1e-7, 1e-6]).wrong == [1]
    assert replace(moved, control=[1e-7, 0.4], same_decisions=[]).wrong == [1]
    assert not replace(moved, control=[1e-7, 0.4], same_decisions=[1e-6, 1e-5]).differs
    assert replace(moved, control=[1e-7, 0.4], same_decisions=[1e-6, 1e-3]).differs
    assert replace(moved, control=[1e-7, 0.4], same_decisions=[1e-6, float("nan")]).differs
    not_a_number = replace(FOUND, errors=[float("nan"), 0.0], control=[1e-7, 0.0])
    assert not_a_number.wrong == [0]


def test_the_page_tells_what_was_found() -> None:
    text = page([FOUND])
    assert (
        "30 → 20 | 12 → 8 | 17 → 11 | 1.235 G → 1.230 G | 5e-07 | 2 Concat | 3 fold-scale" in text
    )
    assert "family/some\\_net<br>1x3x224x224" in text
    assert "| that differ | 0 |" in text
    assert "| fold-scale | `conv = Convolution` | 3 | 1 | conv0 is a head" in text


def test_the_page_tells_what_is_wrong() -> None:
    wrong = replace(
        FOUND, errors=[0.5, 0.5], control=[0.4, 1e-6], same_decisions=[1e-6, 2e-6], behind=["bn0"]
    )
    text = page([wrong])
    assert f"| that differ | 1: {FOUND.name} |" in text
    assert f"| with a BatchNorm behind a Convolution of its own | 1: {FOUND.name} |" in text
    assert "5e-01; [1 of 2 outputs decided by rounding]" in text
    assert "zoo/family/some\\_net-symbol.json | 0 | 5e-01 | 4e-01 | 2e-06 (2 columns) |" in text


def test_releases_share_a_table() -> None:
    old = replace(FOUND, name="versions/0.9.5/net-symbol.json")
    new = replace(FOUND, name="versions/1.9.1/net-symbol.json")
    same = {"left_out": "MXNet draws the line"}
    left = [
        Finding(f"versions/{release}/odd-symbol.json", **same) for release in ("1.9.1", "0.11.0")
    ]
    text = page([old, new, *left])
    assert "| 0.9.5 | 1 | 1 | 30 → 20 |" in text
    assert "| 1.9.1 | 2 | 1 | 30 → 20 |" in text
    assert "| versions/…/odd-symbol.json (0.11.0, 1.9.1) | MXNet draws the line |" in text
