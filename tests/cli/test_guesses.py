"""What a newcomer types who knows git, ruff, polygraphy or onnxsim: it works, or is answered."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

WORKS = [
    "apply strip-training,fold-batchnorm residual -o out",
    "apply 'strip-training, fold-batchnorm' residual --dry-run",
    "apply 'rename: {from: data, to: image}' age --dry-run",
    "apply 'prefix: a_' age --dry-run",
    "-V",
    "show age-symbol.json",
    "diff age-symbol.json age",
]

ANSWERED = {
    "apply age strip-training -o out": "graphpass apply strip-training age -o OUT",
    "apply age '{prefix: a_}' -o out": "graphpass apply '{prefix: a_}' age -o OUT",
    "apply data=image age -o out": "graphpass rename age data=image -o OUT",
    "apply rename data=image age -o out": "graphpass rename age data=image -o OUT",
    "apply '{prefix: a_}' age out": "-o out writes there",
    "apply '{prefix: a_}' age -o out.json": "write -o out for out-symbol.json",
    "apply '{prefix: a_}' age --output out": "write --out",
    "apply '{prefix: a_}' age -n": "write --dry-run",
    "find age 'relu(x)'": "graphpass find 'relu(x)' age",
    "explain age fold-batchnorm": "graphpass explain fold-batchnorm age",
    "convert age -o out.onnx": "graphpass export writes ONNX",
    "convert age -o out --force": "write --overwrite",
    "rename age data image -o out": "write OLD=NEW, such as data=image, after MODEL",
    "show age --verbose": "see graphpass show --help",
    "verify age age --tolerance 1e-3": "write --rtol",
    "convert-onnx age": "graphpass export MODEL -o OUT.onnx",
    "info age": "graphpass show MODEL",
    "summary age": "graphpass show MODEL",
    "inspect model age": "graphpass show MODEL",
    "ls age": "graphpass show MODEL, params ls MODEL or passes list",
    "simplify age out": "graphpass optimize MODEL -o OUT",
    "run age": "graphpass apply PASS MODEL -o OUT",
    "compare age gender": "graphpass diff A B for structure, or verify A B for outputs",
    "lint age": "graphpass check MODEL, or passes lint PASS",
    "surgeon extract age": "graphpass apply PASS MODEL -o OUT",
    "age": "graphpass show age",
    "passes ls": "graphpass passes has list, show, lint, test",
    "help apply": "VERB --help",
}


@pytest.mark.parametrize("line", WORKS)
def test_a_guess_that_works(cli: Any, folder: Any, line: str) -> None:
    assert cli(*shlex.split(line)).code == 0


@pytest.mark.parametrize(("line", "answer"), ANSWERED.items())
def test_a_guess_that_is_answered(cli: Any, folder: Any, line: str, answer: str) -> None:
    before = sorted(folder.iterdir())
    done = cli(*shlex.split(line))
    assert done.code == 2
    assert answer in done.err
    assert sorted(folder.iterdir()) == before


def test_passes_with_commas_run_one_after_the_other(cli: Any, folder: Any) -> None:
    cli("apply", "strip-training,fold-batchnorm", "residual", "-o", "at_once")
    cli("apply", "strip-training", "residual", "-o", "first")
    cli("apply", "fold-batchnorm", "first", "-o", "second")
    assert cli("diff", "at_once", "second").code == 0


def test_a_wrong_name_among_passes_is_told(cli: Any, folder: Any) -> None:
    done = cli("apply", "strip-training,fold-batch-norm", "residual", "--dry-run")
    assert done.code == 2
    assert "fold-batchnorm" in done.err
