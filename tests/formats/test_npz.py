"""Parameters as an ``.npz`` that NumPy alone can read."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphpass.errors import ParamsError, SaveError
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.npz import export_npz
from graphpass.formats.parameters import Parameters
from graphpass.formats.params import params_bytes, read_params
from graphpass.formats.sparse import SparseArray


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

    assert read_params(tmp_path / "out.npz") == parameters


def test_bfloat16_is_exported_as_its_bits(tmp_path: Path) -> None:
    parameters = Parameters({"w": np.array([1.5, -2.0], BFLOAT16)})
    export_npz(parameters, tmp_path / "out.npz")
    got = np.load(tmp_path / "out.npz")["arg:w"]
    assert got.view(BFLOAT16).tolist() == [1.5, -2.0]
    assert read_params(tmp_path / "out.npz") == parameters


def sparse() -> Parameters:
    values = np.arange(4, dtype="f4").reshape(2, 2)
    ids = np.array([3, 0])
    parameters = Parameters({"d": np.ones(2, "f4")})
    parameters.set("r", SparseArray("row_sparse", (4, 2), values, (ids,)), "arg")
    columns = (np.array([0, 1, 1, 4]), np.array([1, 2, 0, 1]))
    parameters.set("c", SparseArray("csr", (3, 3), np.arange(4.0), columns), "aux")
    return parameters


def test_sparse_arrays_are_folders(tmp_path: Path) -> None:
    export_npz(sparse(), tmp_path / "out.npz")
    loaded = np.load(tmp_path / "out.npz")
    assert loaded["aux:c/indptr"].tolist() == [0, 1, 1, 4]
    assert loaded["arg:r/format"].tobytes() == b"row_sparse"
    again = read_params(tmp_path / "out.npz")
    assert again.storages == {"r": "row_sparse", "c": "csr"}
    assert again == sparse()
    assert params_bytes(again) == params_bytes(sparse())


def npy(descr: str, shape: str, values: bytes, head: str = "'fortran_order': False") -> bytes:
    text = f"{{'descr': '{descr}', {head}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + values


def archive(members: dict[str, bytes], **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def test_what_mxnet_2_writes_is_read() -> None:
    # The layout of src/serialization/cnpy.cc, its malformed header of `format` included.
    members = {
        "arg:w.npy": npy("<f4", "(2, 1)", struct.pack("<2f", 1, 2)),
        "aux:m.npy": npy("<b2", "(2,)", b"\x80?\x00@"),
        "arg:s/format.npy": b"\x93NUMPY\1\0\x30\0{'descr': '|S1', }{'descr'" + b" " * 26 + b"csr",
        "arg:s/data.npy": npy("<f4", "(1,)", struct.pack("<f", 7)),
        "arg:s/indices.npy": npy("<i8", "(1,)", struct.pack("<q", 2)),
        "arg:s/indptr.npy": npy("<i8", "(3,)", struct.pack("<3q", 0, 0, 1)),
        "arg:s/shape.npy": npy("<i8", "(2,)", struct.pack("<2q", 2, 3)),
    }
    parameters = read_params(archive(members))
    assert parameters["w"].tolist() == [[1], [2]]
    assert parameters["m"].tolist() == [1, 2]
    assert parameters.class_of("m") == "aux"
    assert parameters["m"].dtype == BFLOAT16
    assert parameters["s"].tolist() == [[0, 0, 0], [0, 0, 7]]


def test_numpy_s_own_files_are_read_compressed_and_in_other_orders(tmp_path: Path) -> None:
    array = np.arange(6, dtype="f4").reshape(2, 3)
    np.savez_compressed(tmp_path / "a.npz", w=np.asfortranarray(array), b=array[0])
    parameters = read_params(tmp_path / "a.npz")
    assert np.array_equal(parameters["w"], array)
    assert parameters.class_of("w") == ""


W = npy("<f4", "(2,)", bytes(8))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (archive({"w.npy": W[:-1]}), "float32 values of shape (2,) should take 8 bytes"),
        (archive({"w.npy": b"no"}), "the magic should take 8 bytes"),
        (archive({"w.npy": b"\x93NUMPX" + W[6:]}), "this is no array of NumPy's"),
        (archive({"w.npy": npy("|O", "(1,)", bytes(8))}), "an array of the type '|O'"),
        (archive({"w.npy": npy(">f4", "(1,)", bytes(8))}), "an array of the type '>f4'"),
        (archive({"w.npy": npy("<f4", f"({2**61},)", b"")}), "should take"),
        (archive({"w.npy": npy("<f4", f"({2**61}, {2**61})", b"")}), "is no array's"),
        (archive({"w.npy": npy("<f4", "(" * 300, b"")}), "does not say type, order and shape"),
        (archive({"w.npy": W, "readme.txt": b"x"}), "'readme.txt' is no array"),
        (archive({"arg:w.npy": W, "aux:w.npy": W}), "two arrays for the variable 'w'"),
        (archive({"s/shape.npy": W, "s/data.npy": W}), "the sparse array 's' is not whole"),
        (archive({"w.npy": W})[:-9] + bytes(9), "no member begins here"),
        (archive({f"{n}.npy": npy("|u1", f"({2**26},)", bytes(2**26)) for n in range(3)},
                 compression=zipfile.ZIP_DEFLATED), "it unpacks to too much"),
    ],
)  # fmt: skip
def test_malformed(data: bytes, message: str) -> None:
    with pytest.raises(ParamsError) as caught:
        read_params(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


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


@pytest.mark.parametrize(
    ("good", "bad"),
    [(b"\x50\x4b\x01\x02", None), (b"'<f4'", b"'<f1'"), (b"'<f4'", b"'<f3'"), (b"'<f4'", b"'|O8'")],
)
def test_what_is_no_array_is_told(tmp_path: Path, good: bytes, bad: bytes | None) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, w=np.ones(3, np.float32))
    data = bytearray(path.read_bytes())
    if bad is None:  # the central directory says that the name of the member is empty
        at = data.index(good)
        name_size = int.from_bytes(data[at + 28 : at + 30], "little")
        data[at + 28 : at + 30] = b"\0\0"
        del data[at + 46 : at + 46 + name_size]
        end = data.rindex(b"PK\x05\x06")
        size = int.from_bytes(data[end + 12 : end + 16], "little") - name_size
        data[end + 12 : end + 16] = size.to_bytes(4, "little")
    else:
        data = data.replace(good, bad)
    path.write_bytes(data)
    with pytest.raises(ParamsError):
        read_params(path)
