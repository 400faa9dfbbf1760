"""Byte for byte against ``mx.nd.save``, and back through ``mx.nd.load``."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import BFLOAT16, MXNET_BFLOAT16
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import params_bytes, read_params

pytestmark = pytest.mark.mxnet

DTYPES: list[Any] = ["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"]


def saved(mx: ModuleType, folder: Path, arrays: Any) -> bytes:
    path = folder / "saved.params"
    mx.nd.save(str(path), arrays)
    return path.read_bytes()


@pytest.mark.parametrize("np_shape", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(mx: ModuleType, tmp_path: Path, dtype: str, np_shape: bool) -> None:
    value = np.array([[0, 1, 2], [3, 4, 5]]).astype(dtype)
    with mx.util.np_shape(np_shape):
        expected = saved(mx, tmp_path, {"arg:w": mx.nd.array(value, dtype=dtype)})
    parameters = Parameters({"w": value}, np_shape=np_shape)
    assert params_bytes(parameters) == expected
    assert read_params(expected) == parameters
    assert read_params(expected).np_shape is np_shape


def test_bfloat16(mx: ModuleType, tmp_path: Path) -> None:
    array = mx.nd.array([1.5, -2, 3]).astype(MXNET_BFLOAT16)
    expected = saved(mx, tmp_path, {"arg:w": array})
    parameters = Parameters({"w": array.asnumpy()})
    assert array.asnumpy().dtype == MXNET_BFLOAT16
    assert parameters["w"].dtype == BFLOAT16
    assert parameters["w"].tolist() == [1.5, -2, 3]
    assert params_bytes(parameters) == expected
    assert read_params(expected) == parameters


@pytest.mark.parametrize("shape", [(0,), (0, 3)])
def test_no_elements_need_no_np_shape(
    mx: ModuleType, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    value = np.zeros(shape, "float32")
    expected = saved(mx, tmp_path, {"arg:w": mx.nd.array(value)})
    assert params_bytes(Parameters({"w": value})) == expected
    assert mx.nd.load(str(tmp_path / "saved.params"))["arg:w"].shape == shape


def test_scalars(mx: ModuleType, tmp_path: Path) -> None:
    with mx.util.np_shape(True):
        arrays = {"arg:s": mx.nd.array(np.float32(3)), "arg:w": mx.nd.ones((2,))}
        expected = saved(mx, tmp_path, arrays)
    written = params_bytes(Parameters({"s": np.float32(3), "w": np.ones(2, "float32")}))
    assert written == expected
    with mx.util.np_shape(True):
        assert mx.nd.load_frombuffer(written)["arg:s"].shape == ()


def test_a_scalar_saved_outside_np_shape_is_lost_to_mxnet_too(
    mx: ModuleType, tmp_path: Path
) -> None:
    data = saved(mx, tmp_path, {"arg:s": mx.nd.array(np.float32(3))})
    with pytest.raises(mx.MXNetError):
        mx.nd.load_frombuffer(data)
    with pytest.raises(ParamsError, match="outside np_shape"):
        read_params(data)


def test_a_list(mx: ModuleType, tmp_path: Path) -> None:
    expected = saved(mx, tmp_path, [mx.nd.ones((2,)), mx.nd.zeros((3, 1))])
    parameters = read_params(expected)
    assert list(parameters) == ["0", "1"]
    assert params_bytes(parameters) == expected


def arrays() -> st.SearchStrategy[np.ndarray]:
    shapes = npst.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)
    return npst.arrays(st.sampled_from(DTYPES), shapes)


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["arg", "aux"]), st.text(st.characters(codec="utf-8"))),
        arrays(),
        max_size=4,
    )
)
def test_any_model(mx: ModuleType, tmp_path: Path, model: dict[Any, np.ndarray]) -> None:
    parameters = Parameters()
    for (class_, name), array in model.items():
        if name not in parameters and "\0" not in name:
            parameters.set(name, array, class_)
    written = params_bytes(parameters)
    stored = {
        parameters.stored_name(name): mx.nd.array(array, dtype=array.dtype)
        for name, array in parameters.items()
    }
    assert written == saved(mx, tmp_path, stored)
    loaded = mx.nd.load_frombuffer(written)
    assert list(loaded) == list(stored)
    for name, array in parameters.items():
        assert loaded[parameters.stored_name(name)].asnumpy().tobytes() == array.tobytes()
