"""safetensors files: written, read back, and malformed."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import params_bytes, read_params
from graphpass.formats.safetensors import export_safetensors
from graphpass.formats.sparse import SparseArray


def test_every_type_and_class_comes_back(tmp_path: Path) -> None:
    parameters = Parameters()
    for dtype in ["f2", "f4", "f8", "u1", "i1", "?", "i4", "i8", "i2", "u2", "u4", "u8"]:
        parameters[dtype] = np.array([[0, 1], [1, 0]], dtype)
    parameters["half"] = np.array([1.5, -2], BFLOAT16)
    parameters.set("scalar", np.float64(0.5), "aux")
    parameters.set("größe/a", np.zeros((0, 2), "f4"), "arg")
    export_safetensors(parameters, tmp_path / "out.safetensors")
    again = read_params(tmp_path / "out.safetensors")
    assert again == parameters
    assert params_bytes(again) == params_bytes(parameters)


def test_the_layout_is_that_of_the_format(tmp_path: Path) -> None:
    export_safetensors(Parameters({"w": np.array([1, 2], "f4")}), tmp_path / "out.safetensors")
    data = (tmp_path / "out.safetensors").read_bytes()
    (size,) = struct.unpack_from("<Q", data)
    assert (8 + size) % 8 == 0
    header = json.loads(data[8 : 8 + size])
    assert header == {"arg:w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
    assert data[8 + size :] == struct.pack("<2f", 1, 2)


def test_sparse_arrays_are_refused_until_they_are_dense(tmp_path: Path) -> None:
    parameters = Parameters()
    rows = SparseArray("row_sparse", (3, 1), np.ones((1, 1), "f4"), (np.array([1]),))
    parameters.set("r", rows, "arg")
    with pytest.raises(ParamsError, match=r"'r' is stored as row_sparse, .* --dense"):
        export_safetensors(parameters, tmp_path / "out.safetensors")
    parameters.densify()
    export_safetensors(parameters, tmp_path / "out.safetensors")
    assert read_params(tmp_path / "out.safetensors")["r"].tolist() == [[0], [1], [0]]


def packed(header: Any, values: bytes = bytes(8)) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


def one(**changes: Any) -> bytes:
    return packed({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (one()[:-1], "its values should take 8 bytes, but the file ends 1 bytes too early"),
        (one(dtype="F8_E4M3"), "MXNet has no arrays of the type F8_E4M3"),
        (one(shape=[3]), "do not take the 8 bytes from 0 to 8"),
        (one(shape=[-1]), "Expected `int` >= 0"),
        (one(shape=[2**70]), "do not take"),
        (one(data_offsets=[8, 0]), "do not take the -8 bytes"),
        (one(data_offsets=[2**62, 2**62 + 8]), "should take 8 bytes"),
        (one(more=1), "unknown field"),
        (packed(b"{not json"), "it is not as safetensors has it"),
        (packed(b"{" + b"[" * 100_000), "it is not as safetensors has it"),
        (packed({n: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
                 for n in ("arg:w", "aux:w")}), "a second array for the variable 'w'"),
        (struct.pack("<Q", 2**50) + b'{"w": 1}', "is a safetensors file that is cut short"),
    ],
)  # fmt: skip
def test_malformed(data: bytes, message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        read_params(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
