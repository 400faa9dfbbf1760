"""What apply writes, prints and refuses, besides what a pass does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import graphpass

MERGE = "{merge: {model: gender, share: [data], prefix: g_}}"
GRAPHPASS = [sys.executable, "-m", "graphpass.cli"]
PROOF = ["--verify", "--input", "data:1,3,8,8"]


def test_a_merged_model_is_input_too(cli: Any, folder: Path) -> None:
    before = (folder / "gender-symbol.json").read_bytes()
    done = cli("apply", MERGE, "age", "-o", "gender")
    assert done.code == 2
    assert "is there already" in done.err
    assert (folder / "gender-symbol.json").read_bytes() == before


def test_a_report_does_not_replace_the_input(cli: Any, folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.iterdir()}
    report = cli("apply", "{prefix: x_}", "age", "--dry-run", "--report", "age-symbol.json")
    assert report.code == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.mxnet
def test_a_merged_model_is_proved_on_the_outputs_of_both(cli: Any, folder: Path) -> None:
    done = cli("apply", MERGE, "age", "-o", "both", *PROOF)
    assert done.code == 0, done.out + done.err
    assert "equal: 2 outputs; 1 input" in done.out
    assert "output gender_output: (1, 2)" in done.out


@pytest.mark.mxnet
def test_json_is_json_whatever_is_asked_for(cli: Any, folder: Path) -> None:
    done = cli(
        "apply", "{prefix: {prefix: x_, keep: data}}", "age", "-o", "x", "--json", "--diff", *PROOF
    )
    facts = json.loads(done.out)
    assert facts["verify"]["equal"] is True
    assert facts["diff"]["equal"] is False


def test_the_symbol_alone_goes_to_standard_output(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "graphpass.cli",
        "apply",
        "{prefix: x_}",
        "-",
        "-o",
        "-",
        "--diff",
    ]
    done = subprocess.run(
        command, input=(folder / "age-symbol.json").read_bytes(), capture_output=True, check=True
    )
    assert graphpass.loads(done.stdout).outputs == ["x_age_output"]
    assert b"renamed" in done.stderr


def test_standard_input_in_and_out_keeps_every_byte(folder: Path) -> None:
    data = (folder / "residual-symbol.json").read_bytes()
    words = ["convert", "-", "-o", "-"]
    done = subprocess.run([*GRAPHPASS, *words], input=data, capture_output=True, check=True)
    assert done.stdout == data


def test_a_pass_may_not_leave_shapes_that_do_not_fit(cli: Any, folder: Path) -> None:
    rule = "{set: {select: fc1, attrs: {num_hidden: 7}}}"
    done = cli("apply", rule, "age", "-o", "x")
    assert done.code == 2
    assert done.err == (
        "error: <inline>:1: rule 1 (set): after it, variable 'fc1_weight' (#10) is stored with "
        "shape (5, 144), but FullyConnected 'fc1' (#12) needs (7, ?); change the parameter with "
        "the operator (--partial takes parameters as they are)\n"
    )
    assert cli("apply", f"[{rule}, {{prefix: a_}}]", "age", "--dry-run").code == 2
    assert not (folder / "x-symbol.json").exists()
    assert cli("apply", rule, "age", "-o", "x", "--partial").code == 0


def test_what_has_no_value_yet_is_named(cli: Any, folder: Path) -> None:
    done = cli("apply", "{clone: {prefix: b_, share: nothing}}", "age", "-o", "x")
    assert done.code == 0
    assert "note: 'b_conv0_weight' has no value yet" in done.err


@pytest.mark.mxnet
def test_a_failed_proof_writes_no_report(cli: Any, folder: Path) -> None:
    rule = "{set: {select: bn0, attrs: {eps: 0.5}}}"
    done = cli("apply", rule, "age", "-o", "x", "--report", "report.json", *PROOF)
    assert done.code == 1
    assert not (folder / "report.json").exists()
    assert not (folder / "x-symbol.json").exists()


def test_parameters_that_are_all_gone_leave_no_old_file_behind(cli: Any, folder: Path) -> None:
    done = cli("apply", "{extract: data}", "age", "-o", "age", "--overwrite")
    assert done.code == 0, done.err
    assert len(graphpass.load("age").parameters) == 0


def test_a_later_epoch_beside_the_output_is_pointed_out(cli: Any, folder: Path) -> None:
    (folder / "x-0007.params").write_bytes((folder / "age-0000.params").read_bytes())
    done = cli("apply", "{prefix: x_}", "age", "-o", "x")
    assert "x-0007.params beside it has a later epoch" in done.err


@pytest.mark.parametrize(
    ("out", "written"), [("y-0004.params", "y-0004.params"), ("y:3", "y-0003.params")]
)
def test_an_output_may_name_its_epoch(cli: Any, folder: Path, out: str, written: str) -> None:
    assert cli("apply", "{prefix: x_}", "age", "-o", out).code == 0
    assert (folder / written).exists()
    assert (folder / "y-symbol.json").exists()


@pytest.mark.parametrize("out", ["", "out/", ".", "..", "out/."])
def test_an_output_that_names_no_file(cli: Any, folder: Path, out: str) -> None:
    done = cli("apply", "{prefix: x_}", "age", "-o", out)
    assert done.code == 2
    assert "names no file" in done.err


def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    script = (
        f"{sys.executable} -m graphpass.cli show nin --nodes | head -1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr == ""


@pytest.mark.parametrize("report", ["gender-0000.params", "pass.yaml", "out-symbol.json"])
def test_a_report_replaces_nothing(cli: Any, folder: Path, report: str) -> None:
    (folder / "pass.yaml").write_text(f"graphpass: 1\nrules: [{MERGE}]\n")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = cli("apply", "pass.yaml", "age", "-o", "out", "--report", report)
    assert done.code == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    command = ["apply", "pass.yaml", "age", "-o", "out", "--report", "r.json"]
    assert [cli(*command).code, cli(*command).code, cli(*command, "--overwrite").code] == [0, 2, 0]


def test_a_closed_standard_output_is_no_bug(folder: Path) -> None:
    script = " ".join([*GRAPHPASS, "show age >&-"])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_did_not_fit_in_the_file_is_called_as_there(cli: Any, folder: Path) -> None:
    options = ["--params", "gender-0000.params", "--dry-run"]
    done = cli("apply", "{prefix: a_}", "age", *options)
    assert done.code == 2
    assert done.err.startswith("error: gender-0000.params: variable 'fc1_weight' (#10) is stored ")
    mended = "{set: {select: fc1, attrs: {num_hidden: 2}}}"
    assert cli("apply", mended, "age", *options).code == 0


def test_a_dry_run_names_what_has_no_value_yet(cli: Any, folder: Path) -> None:
    done = cli("apply", "{clone: {prefix: b_, share: nothing}}", "age", "--dry-run")
    assert "note: 'b_conv0_weight' has no value yet" in done.err


def test_an_epoch_that_is_none_is_no_part_of_a_prefix(cli: Any, folder: Path) -> None:
    done = cli("apply", "{prefix: x_}", "age", "-o", "other:abc")
    assert done.code == 2
    assert "'abc' is no epoch; write PREFIX:EPOCH, such as other:7" in done.err


def test_a_report_can_not_go_to_standard_output(cli: Any, folder: Path) -> None:
    done = cli("apply", "{prefix: x_}", "age", "-o", "out", "--report", "-")
    assert done.code == 2
    assert "--json prints it to standard output" in done.err
    assert not (folder / "out-symbol.json").exists()


def test_what_is_no_regular_file_is_said(cli: Any, folder: Path) -> None:
    for name in ("pipe", "pipe.npz"):
        os.mkfifo(folder / name)
    for words in (
        ["show", "pipe"],
        ["apply", "pipe", "age", "--dry-run"],
        ["apply", "{prefix: x_}", "age", "--params", "pipe", "--dry-run"],
        ["apply", "{prefix: x_}", "age", "-o", "out", "--report", "pipe"],
        ["params", "export", "age", "-o", "pipe.npz"],
    ):
        done = cli(*words)
        assert done.code == 2
        assert "not a regular file" in done.err


def test_a_dry_run_refuses_a_dialect_that_does_not_exist(cli: Any, folder: Path) -> None:
    assert cli("apply", "{prefix: x_}", "age", "--dry-run", "--dialect", "3").code == 2


def test_overwriting_is_offered_where_it_is_allowed(cli: Any, folder: Path) -> None:
    assert "replaced with --overwrite" in cli("apply", "{prefix: x_}", "age", "-o", "age").err
    report = ["--dry-run", "--report", "age-symbol.json"]
    assert "--overwrite" not in cli("apply", "{prefix: x_}", "age", *report).err


def test_a_git_lfs_pointer_does_not_stop_what_needs_no_values(cli: Any, folder: Path) -> None:
    pointer = folder / "age-0000.params"
    pointer.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    for command in (
        ["show", "age"],
        ["diff", "age", "age"],
        ["find", "y = Convolution(*xs)", "age"],
    ):
        done = cli(*command)
        assert done.code == 0, done.err
        assert "is a Git LFS pointer" in done.err
    assert cli("apply", "{prefix: a_}", "age", "-o", "out").code == 2
    assert cli("apply", "{prefix: a_}", "age", "-o", "out", "--partial").code == 0
    assert not (folder / "out-0000.params").exists()
    done = cli("apply", "{prefix: a_}", "age", "-o", "age", "--partial", "--overwrite")
    assert done.code == 2
    assert "its values would no longer fit the symbol" in done.err
