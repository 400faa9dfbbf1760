"""What is said where MXNet is not installed, or does not import."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from graphpass import Graph, Model
from graphpass.errors import BackendError
from graphpass.verify import verify

Build = Callable[..., Graph]


@pytest.fixture
def model(build: Build) -> Model:
    """Return something to verify."""
    return Model(build(("x", "null"), ("r", "relu", {}, ["x"]), heads=["r"]))


def test_mxnet_is_missing(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    class Missing:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name in ("mxnet", "onnxruntime"):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in ("mxnet", "onnxruntime"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing, *sys.meta_path])
    with pytest.raises(BackendError) as error:
        verify(model, model, inputs={"x": (2,)})
    assert str(error.value) == (
        "MXNet is not installed, and outputs are compared on it; "
        "pip install 'graphpass[mxnet]' in a Python older than 3.12, or 'graphpass[onnx]' "
        "to compare on ONNX Runtime"
    )


def test_onnx_runtime_takes_its_place(
    model: Model, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime", reason="needs the onnx extra")

    class Missing:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "mxnet":
                raise ModuleNotFoundError("No module named 'mxnet'", name="mxnet")

    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing, *sys.meta_path])
    other = Model(build(("x", "null"), ("r", "sigmoid", {}, ["x"]), heads=["r"]))
    assert verify(model, model, inputs={"x": (2,)})
    found = verify(model, other, inputs={"x": (2,)})
    assert not found and "as lowered to ONNX" in str(found)


def test_mxnet_does_not_import(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "mxnet":
                raise AttributeError("module 'numpy' has no attribute 'bool'")

    monkeypatch.delitem(sys.modules, "mxnet", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken, *sys.meta_path])
    with pytest.raises(BackendError, match=r"importing it fails: AttributeError.*numpy older than"):
        verify(model, model, inputs={"x": (2,)})
