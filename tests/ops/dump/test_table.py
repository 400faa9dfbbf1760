"""The dump makes the table that is shipped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphpass.ops
from graphpass.ops.dump.__main__ import collect, collect_operator, layout
from graphpass.ops.dump.by_hand import REQUIREMENTS, VARYING
from graphpass.ops.dump.prober import Prober

SHIPPED = Path(graphpass.ops.__file__).with_name("mxnet-1.9.1.json")
SAMPLE = (
    "BatchNorm", "Convolution", "Custom", "Dropout", "LeakyReLU", "LinearRegressionOutput",
    "Pooling", "_contrib_quantized_rnn", "_npi_eye", "_npi_pad", "adam_update", "slice", "topk",
    "_backward_IdentityAttachKLSparseReg", "_CachedOp", "relu",
)  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(SHIPPED.read_bytes())
    return table


def test_the_layout_is_one_operator_a_line(shipped: dict[str, Any]) -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert layout(shipped) == text
    assert len(text.splitlines()) == len(shipped["operators"]) + 2
    assert len(text) < 300_000


def test_what_is_written_by_hand_is_in_the_table(shipped: dict[str, Any]) -> None:
    for name, record in VARYING.items():
        assert record.items() <= shipped["operators"][name].items(), name
    for name, rules in REQUIREMENTS.items():
        assert shipped["operators"][name]["requires"] == rules


@pytest.mark.mxnet
def test_the_registered_operators_are_in_the_table(asking: Prober, shipped: dict[str, Any]) -> None:
    answer = asking.operators()
    assert answer["mxnet"] == shipped["mxnet"]
    assert answer["operators"].keys() == shipped["operators"].keys()
    for name, info in answer["operators"].items():
        assert info["aliases"] == shipped["operators"][name].get("aliases", [])


@pytest.mark.mxnet
def test_a_sample_is_collected_as_shipped(asking: Prober, shipped: dict[str, Any]) -> None:
    known = asking.operators()["operators"]
    for name in SAMPLE:
        record = collect_operator(asking, name, known[name])
        assert json.loads(json.dumps(record)) == shipped["operators"][name], name


@pytest.mark.mxnet
@pytest.mark.slow
def test_the_whole_table_is_collected_as_shipped(asking: Prober) -> None:
    assert layout(collect(asking)) == SHIPPED.read_text(encoding="utf-8")
