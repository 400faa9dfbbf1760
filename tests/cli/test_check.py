"""``graphpass check`` as people type it: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from check_cases import NORM, STATISTICS, source

import graphpass
from graphpass.formats.params import write_params

GAMMA = np.array([1, 5, 1], "float32")


def test_a_silent_fix_gamma_is_found_and_mended(cli: Any, folder: Path) -> None:
    source(NORM.format(""), n_gamma=GAMMA, **STATISTICS).save(folder, "m")
    told = cli("check", "m")
    assert told.code == 0
    assert told.out.startswith("warning: fix-gamma: BatchNorm 'n'")
    assert "max|gamma-1|=4" in told.out
    assert "`graphpass apply bake-fix-gamma m -o m-mended` mends it" in told.out
    assert told.out.endswith("0 errors, 1 warning\n")
    assert cli("check", "m", "--strict").code == 1
    assert cli("apply", "bake-fix-gamma", "m", "-o", "baked").code == 0
    after = cli("check", "baked", "--strict")
    assert (after.code, after.out) == (0, "0 errors, 0 warnings\n")


RESHAPE = "data = variable()\nreshape0 = Reshape(data, shape=(96, 7, 10))\nreturn reshape0"


@pytest.mark.mxnet
def test_a_batch_size_that_mxnet_does_not_complain_of(cli: Any, folder: Path, mx: Any) -> None:
    source(RESHAPE).save(folder, "m")
    told = cli("check", "m", "--input", "data:1,70")
    assert told.code == 1
    first = told.out.splitlines()[0]
    assert first.startswith("error: shape-conflict: Reshape 'reshape0' (#1): 70 elements into 6720")
    assert "`graphpass apply free-batch --set from=96 m -o m-mended` mends it" in first
    assert cli("check", "m", "--input", "data:96,70").code == 0
    executor = mx.sym.load("m-symbol.json").bind(mx.cpu(), {"data": mx.nd.ones((1, 70))})
    assert executor.forward()[0].shape == (96, 7, 10)


def test_parameters_of_every_wrong_kind_in_one_line_each(cli: Any, folder: Path) -> None:
    parameters = graphpass.load("age").parameters.copy()
    del parameters["conv0_bias"]
    parameters.set("spare", np.zeros(2, "float32"), "arg")
    parameters.set("fc1_weight", np.zeros((5, 7), "float32"), "arg")
    parameters.set("bn0_gamma", np.ones(4, "float32"), "")
    with Path("broken.params").open("wb") as file:
        write_params(parameters, file)
    told = cli("check", "age", "--params", "broken.params", "--input", "data:1,3,8,8")
    assert told.code == 1
    errors = [line for line in told.out.splitlines() if line.startswith("error")]
    kinds = ["missing-parameter", "extra-parameter", "parameter-shape", "parameter-class"]
    assert [line.split(": ")[1] for line in errors[:4]] == kinds
    assert "'conv0_bias'" in errors[0]
    assert "'arg:spare'" in errors[1]
    assert "(5, 7)" in errors[2]
    assert "'arg:bn0_gamma'" in errors[3]


def test_the_text_shows_a_few_of_many_and_json_all(cli: Any, folder: Path) -> None:
    lines = [f"d{n} = Dropout({f'd{n - 1}' if n else 'x'})" for n in range(8)]
    source("\n".join(["x = variable()", *lines, "return d7"])).save(folder, "m")
    told = cli("check", "m").out.splitlines()
    assert len(told) == 7
    assert told[5] == "  and 3 more of dropout; --json lists all"
    facts = json.loads(cli("check", "m", "--json").out)
    assert (len(facts["findings"]), facts["warnings"], facts["passed"]) == (8, 8, True)
    assert facts["findings"][0]["remedy"] == "graphpass apply drop-dropout m -o m-mended"


def test_a_file_that_can_t_be_read_is_one_paragraph(cli: Any, folder: Path) -> None:
    tree = json.loads(Path("conv1-symbol.json").read_text())
    tree["nodes"][2]["inputs"][0] = [3, 0, 0]
    Path("cycle-symbol.json").write_text(json.dumps(tree))
    told = cli("check", "cycle")
    assert (told.code, told.out) == (2, "")
    assert "conv1 -> loss -> conv1" in told.err or "loss -> conv1 -> loss" in told.err
    assert told.err.count("\n") == 1
    wrong = cli("check", "conv1", "--input", "dat:1,2")
    assert wrong.code == 2
    assert "no input 'dat'; nearest: data" in wrong.err


def test_dead_nodes_are_told_and_gone_when_saved(cli: Any, folder: Path) -> None:
    tree = json.loads(Path("conv1-symbol.json").read_text())
    tree["nodes"].append({"op": "relu", "name": "left", "inputs": [[0, 0, 0]]})
    Path("dead-symbol.json").write_text(json.dumps(tree))
    assert "dead-node: relu 'left'" in cli("check", "dead").out
    assert cli("convert", "dead", "-o", "alive").code == 0
    assert "dead-node" not in cli("check", "alive").out


def test_a_symbol_on_standard_input(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    data = Path("conv1-symbol.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    told = cli("check", "-")
    assert told.code == 0
    assert "loss: MakeLoss 'loss'" in told.out
