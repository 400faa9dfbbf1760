"""``verify`` compares the outputs that are asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

IMAGE = ["--input", "data:2,3,8,8"]


@pytest.mark.mxnet
def test_outputs_that_are_asked_for(cli: Any, folder: Any) -> None:
    rule = "{extract: {outputs: [bn0, fc0]}}"
    assert cli("apply", rule, "residual", "-o", "two").code == 0
    assert cli("verify", "residual", "two", *IMAGE).code == 2
    done = cli("verify", "residual", "two", "--output", "fc0_output=fc0_output", *IMAGE)
    assert done.code == 0, done.err
    assert done.out.startswith("equal: 1 output;")
    pairs = ["--output", "fc0_output=bn0_output", "--output", "fc0_output=fc0_output"]
    assert cli("verify", "residual", "two", *pairs, *IMAGE).code == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "a"], "--output a: write OLD=NEW"),
        (["--output", "a=b", "--repeat"], "leave out --output, or --repeat"),
    ],
)
def test_what_makes_no_sense(cli: Any, folder: Any, options: list[str], message: str) -> None:
    done = cli("verify", "residual", "residual", *options)
    assert done.code == 2
    assert message in done.err


@pytest.mark.mxnet
def test_values_from_files_are_runs(cli: Any, folder: Path) -> None:
    one, two = (np.random.default_rng(seed).random((2, 3, 8, 8), "f4") for seed in (1, 2))
    np.save(folder / "one.npy", one)
    np.savez(folder / "two.npz", data=two)
    np.savez(folder / "any.npz", pixels=two)
    done = cli("verify", "residual", "residual", "--input-data", "data:one.npy")
    assert done.code == 0, done.err
    assert "1 run in inference" in done.out
    assert "input 'data' (2, 3, 8, 8) float32, given\n" in done.out
    files = ["--input-data", "data:one.npy", "--input-data", "two.npz"]
    done = cli("verify", "residual", "residual", *files, "--input-data", "data:any.npz")
    assert done.code == 0, done.err
    assert "3 runs in inference" in done.out
    rule = "{rename: {from: fc0, to: fc}}"
    done = cli("apply", rule, "residual", "-o", "out", "--verify", "--input-data", "data:one.npy")
    assert done.code == 0, done.err
    assert "float32, given\n" in done.out


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (["--input-data", "one.npy"], "--input-data one.npy: write NAME:FILE.npy"),
        (["--input-data", "data:none.npy"], "none.npy: No such file"),
        (["--input-data", "data:bad.npy"], "bad.npy is no file of NumPy arrays"),
        (["--input-data", "data:objects.npy"], "objects.npy is no file of NumPy arrays"),
        (["--input-data", "x:two.npz"], "two.npz has no array 'x'"),
        (["--atol", "fc0_output:much"], "--atol fc0_output:much: write NUMBER or NAME:NUMBER"),
        (["--atol", "fc0_output:-1"], "atol -1.0 is no tolerance"),
        (["--rtol", "nan"], "rtol nan is no tolerance"),
        pytest.param(
            ["--rtol", "fc:1"], "rtol: neither model has an output 'fc'", marks=pytest.mark.mxnet
        ),  # what outputs there are is known once a backend is there
        (["--scale", "0"], "0.0 is no scale for inputs"),
        (["--scale", "inf"], "inf is no scale for inputs"),
    ],
)
def test_values_and_tolerances_that_make_no_sense(
    cli: Any, folder: Path, option: list[str], message: str
) -> None:
    (folder / "bad.npy").write_bytes(b"PK no zip")
    np.save(folder / "objects.npy", np.array([{}], object))
    np.savez(folder / "two.npz", a=np.ones(1), b=np.ones(1))
    done = cli("verify", "residual", "residual", *IMAGE, *option)
    assert done.code == 2
    assert message in done.err
