"""Bad input ends with exit code 2, one paragraph, and no file touched."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphpass
from graphpass.formats.params import params_bytes

_SPEC = importlib.util.spec_from_file_location(
    "malformed", Path(__file__).parents[1] / "formats" / "test_symbol_malformed.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
malformed = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(malformed)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(cli: Any, folder: Path, *arguments: object) -> str:
    before = snapshot(folder)
    done = cli(*arguments)
    assert done.code == 2, (done.out, done.err)
    assert snapshot(folder) == before
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, lines
    message: str = lines[0]
    assert message.startswith("error: ")
    assert "a bug in graphpass" not in message
    return message


WRITABLE = [case for case, (data, _) in malformed.REFUSED.items() if data != "nested"]


@pytest.mark.parametrize("case", WRITABLE)
def test_a_malformed_symbol(cli: Any, folder: Path, case: str) -> None:
    data, message = malformed.REFUSED[case]
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
    (folder / "broken-symbol.json").write_bytes(raw)
    found = refused(cli, folder, "convert", "broken", "-o", "out/x")
    assert message.splitlines()[0] in found
    for verb in (["apply", "{prefix: a_}"], ["convert"]):
        refused(cli, folder, *verb, "broken", "-o", "out/x")


@pytest.mark.parametrize("verb", ["show", "diff", "verify", "params"])
def test_every_verb_explains_a_broken_symbol(cli: Any, folder: Path, verb: str) -> None:
    (folder / "broken-symbol.json").write_text('{"nodes": []')
    arguments = {
        "show": ["show", "broken"],
        "diff": ["diff", "age", "broken"],
        "verify": ["verify", "broken", "age"],
        "params": ["params", "ls", "broken"],
    }
    refused(cli, folder, *arguments[verb])


def parameters(change: Any) -> bytes:
    model = graphpass.load("age")
    change(model.parameters)
    return params_bytes(model.parameters)


MISFITS: dict[str, tuple[Any, str]] = {
    "missing weight": (
        lambda p: p.pop("conv0_weight"),
        "variable 'conv0_weight' (#1) has no value",
    ),
    "missing state": (lambda p: p.pop("bn0_moving_var"), "'bn0_moving_var'"),
    "extra": (
        lambda p: p.update(ghost=np.ones(3, "float32")),
        "the parameter 'arg:ghost' belongs to no variable of the graph; remove it with",
    ),
    "wrong shape": (
        lambda p: p.update(fc1_weight=np.ones((7, 144), "float32")),
        "variable 'fc1_weight' (#10) is stored with shape (7, 144), but FullyConnected 'fc1' (#12)"
        " needs (5, ?)",
    ),
    "unprefixed": (
        lambda p: p.set("fc1_bias", p["fc1_bias"], ""),
        "the parameter 'fc1_bias' is stored without 'arg:' or 'aux:'",
    ),
}


@pytest.mark.parametrize("case", MISFITS)
@pytest.mark.parametrize("verb", ["apply", "convert", "verify"])
def test_parameters_that_do_not_fit(cli: Any, folder: Path, case: str, verb: str) -> None:
    change, message = MISFITS[case]
    (folder / "age-0000.params").write_bytes(parameters(change))
    arguments = {
        "apply": ["apply", "{prefix: {prefix: a_, keep: [data]}}", "age", "-o", "out/x"],
        "convert": ["convert", "age", "-o", "out/x"],
        "verify": ["verify", "age", "age", "--input", "data:1,3,8,8"],
    }
    found = refused(cli, folder, *arguments[verb])
    assert "age-0000.params" in found
    if verb == "convert":
        assert message in found


def test_a_pass_may_mend_the_parameters(cli: Any, folder: Path) -> None:
    change, _ = MISFITS["extra"]
    (folder / "age-0000.params").write_bytes(parameters(change))
    assert cli("apply", "{prune: {}}", "age", "-o", "pruned").code == 0
    assert "ghost" not in graphpass.load("pruned").parameters
    assert cli("convert", "age", "--partial", "-o", "kept").code == 0
    assert "ghost" in graphpass.load("kept").parameters


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<!DOCTYPE html><html>", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"", "empty"),
        (None, "truncated"),
    ],
    ids=["HTML", "Git LFS", "empty", "truncated"],
)
def test_a_file_that_holds_no_parameters(
    cli: Any, folder: Path, data: bytes | None, message: str
) -> None:
    path = folder / "age-0000.params"
    path.write_bytes(path.read_bytes()[:-500] if data is None else data)
    found = refused(cli, folder, "apply", "{prefix: a_}", "age", "-o", "out/x")
    assert "age-0000.params" in found
    if data is not None:
        assert message in found


DIGITS = "9" * 5000

USAGE: dict[str, tuple[list[str], str]] = {
    "no output": (["apply", "{prefix: a_}", "age"], "-o OUT"),
    "no such model": (["show", "agee"], "nearest: age-symbol.json"),
    "no such epoch": (["show", "age", "3"], "epochs beside age-symbol.json: 0"),
    "no such pass": (["apply", "siamesee", "age", "-o", "x"], "siamese"),
    "bad setting": (["apply", "siamese", "age", "-o", "x", "--set", "prefix"], "NAME=VALUE"),
    "unknown setting": (["apply", "siamese", "age", "-o", "x", "--set", "prefx=1"], "prefix"),
    "bad shape": (["verify", "age", "age", "--input", "data"], "data:1,3,224,224"),
    "overwriting the input": (["convert", "age", "-o", "age"], "is there already"),
    "unknown dialect": (["convert", "age", "--to", "onnx", "-o", "x"], "no dialect 'onnx'"),
    "an output that is a folder": (
        ["convert", "age", "-o", "age-symbol.json/x"],
        "age-symbol.json",
    ),
    "unknown verb": (["aply"], "error: no such command 'aply'"),
    "unknown option": (["show", "age", "--opps"], "error: no such option: --opps"),
    "a verb without its model": (["show"], "error: missing argument 'MODEL'"),
    "no number": (
        ["show", "age", "--around", "fc1", "--hops", "x"],
        "error: invalid value for '--hops'",
    ),
    "an epoch of 5,000 digits": (["convert", "age", "-o", f"x:{DIGITS}"], "is no epoch"),
    "the same in a name": (["convert", "age", "-o", f"x-{DIGITS}.params"], "File name too long"),
    "the same of the input": (["show", f"age:{DIGITS}"], "File name too long"),
    "an epoch of 10 digits": (["show", "age", "9999999999"], "error: invalid value for '[EPOCH]'"),
    "an extent of 5,000 digits": (
        ["show", "age", "--shapes", "--input", f"data:{DIGITS}"],
        "an extent is wider than 64 bits",
    ),
    "a setting of 5,000 digits": (
        ["apply", "siamese", "age", "-o", "x", "--set", f"cut={DIGITS}"],
        "--set cut: the integer is wider than 64 bits",
    ),
    "no such node": (["show", "age", "--around", "fc2"], "nearest: fc1"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage(cli: Any, folder: Path, case: str) -> None:
    arguments, message = USAGE[case]
    assert message in refused(cli, folder, *arguments)


def test_standard_input_may_be_closed(cli: Any, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert "standard input is empty or closed" in refused(cli, folder, "show", "-")


def test_a_pass_that_fails_at_its_end_writes_nothing(cli: Any, folder: Path) -> None:
    before = snapshot(folder)
    rules = "[{prefix: a_}, {prune: {}}, {expect: {operators: {Convolution: 7}}}]"
    done = cli("apply", rules, "age", "-o", "out/x", "--report", "report.json")
    assert done.code == 1
    assert "Convolution" in done.err
    assert snapshot(folder) == before


def test_a_report_in_a_folder_that_can_not_be_made(cli: Any, folder: Path) -> None:
    report = "age-symbol.json/report.json"
    arguments = ["apply", "{prefix: a_}", "age", "-o", "x", "--report", report]
    assert "age-symbol.json: can't be made" in refused(cli, folder, *arguments)


def test_a_read_only_folder(cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert "No space left" in refused(cli, folder, "convert", "age", "-o", "copy")
    shutil.rmtree(folder / "out", ignore_errors=True)


def test_a_bug_is_one_paragraph_too(
    cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("graphpass.model.load", broken)
    done = cli("show", "age")
    assert done.code == 2
    assert done.err.startswith("error: a bug in graphpass: ZeroDivisionError: oops; please report")
