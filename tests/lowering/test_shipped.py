"""The shipped lowerings: their own tests hold on ONNX Runtime and on MXNet."""

from __future__ import annotations

import importlib.util

import pytest

from graphpass.lowering.files import shipped_lowerings
from graphpass.rules import load_pass
from graphpass.rules.pass_files.loading import shipped_lowering_names

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed (the `onnx` extra)")
from graphpass.lowering.rule_tests import run_lowering_tests


@pytest.mark.parametrize("name", shipped_lowering_names())
def test_their_tests_pass(name: str) -> None:
    on_mxnet = importlib.util.find_spec("mxnet") is not None
    for result in run_lowering_tests(load_pass(name), on_mxnet=on_mxnet):
        assert result, str(result)


def test_every_lowering_has_a_name_of_its_own() -> None:
    ids = [each.id for each in shipped_lowerings()]
    assert len(ids) == len(set(ids)), sorted({each for each in ids if ids.count(each) > 1})
