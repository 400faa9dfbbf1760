"""Parameters as an ``.npz`` that NumPy alone can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphpass.errors import ParamsError, SaveError
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import export_npz, params_bytes, read_params


def test_every_type_and_class_comes_back(tmp_path: Path) -> None:
    parameters = Parameters(np_shape=True)
    for dtype in ["f2", "f4", "f8", "u1", "i1", "?", "i4", "i8", "i2", "u2", "u4", "u8"]:
        parameters[dtype] = np.array([[0, 1], [1, 0]], dtype)
    parameters.set("mean", np.float64(0.5), "aux")
    parameters.set("0.weight/a:b", np.zeros((0, 2), "f4"), "")
    parameters = read_params(params_bytes(parameters))
    export_npz(parameters, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as loaded:
        assert loaded.files == [parameters.stored_name(name) for name in parameters]
        for name, array in parameters.items():
            got = loaded[parameters.stored_name(name)]
            assert (got.dtype, got.shape) == (array.dtype, array.shape)
            assert np.array_equal(got, array)


def test_bfloat16_is_exported_as_its_bits(tmp_path: Path) -> None:
    bits = (np.array([1.5, -2.0], "float32").view("uint32") >> 16).astype("uint16")
    export_npz(Parameters({"w": bits.view(BFLOAT16)}), tmp_path / "out.npz")
    got = np.load(tmp_path / "out.npz")["arg:w"]
    assert got.dtype == np.uint16
    assert (got.astype("uint32") << 16).view("float32").tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("file", "file"),
        ("allow_pickle", "allow_pickle"),
        ("größe", "größe"),
        ("a\udcff", r"a\xff"),
        ("a\0b", r"a\x00b"),
        ("", ""),
    ],
)
def test_odd_names(tmp_path: Path, name: str, key: str) -> None:
    parameters = Parameters()
    parameters.set(name, np.ones(2), "")
    export_npz(parameters, tmp_path / "out.npz")
    assert np.load(tmp_path / "out.npz").files == [key]


def test_a_name_too_long_for_a_zip_file(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="longer than the 65535"):
        export_npz(Parameters({"n" * 70_000: np.ones(1)}), tmp_path / "out.npz")
    assert not list(tmp_path.iterdir())


def test_the_same_parameters_give_the_same_bytes(tmp_path: Path) -> None:
    parameters = Parameters({"w": np.arange(3.0)})
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        export_npz(parameters, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SaveError):
        export_npz(Parameters(), tmp_path / "no" / "out.npz")
