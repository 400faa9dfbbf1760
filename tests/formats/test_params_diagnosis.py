"""What is said of files that aren't ``.params`` files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from graphpass.errors import ParamsError
from graphpass.formats.params import read_params


def archive(*members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for member in members:
            made.writestr(member, b"x" * 10_000)
    return out.getvalue()


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, **{"arg:w": np.zeros(3), "aux:m": np.zeros(3)})
    return out.getvalue()


def npy() -> bytes:
    out = io.BytesIO()
    np.save(out, np.zeros(3))
    return out.getvalue()


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        made.addfile(tarfile.TarInfo("model-0000.params"))
    return out.getvalue()


LFS = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345\n"
)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "is empty (0 bytes)", id="empty"),
        pytest.param(b"\n<!DOCTYPE html><html>", "is a web page", id="doctype"),
        pytest.param(b"<html lang=en>", "is a web page", id="html"),
        pytest.param(b"<?xml version='1.0'?><Error>", "is a web page", id="xml"),
        pytest.param(LFS, "is a Git LFS pointer, not the file of 12345 bytes itself", id="lfs"),
        pytest.param(b'{"nodes": [], "heads": []}', "is a symbol file (JSON)", id="symbol"),
        pytest.param(b'\xef\xbb\xbf{\n "nodes": []}', "is a symbol file (JSON)", id="BOM"),
        pytest.param(b'{"message": "no"}', "is JSON text", id="json"),
        pytest.param(b"404: Not Found", "is text that begins '404: Not Found'", id="text"),
        pytest.param(b"\n", "is text that begins ''", id="newline"),
        pytest.param(pickle.dumps({"w": 1}), "is a Python pickle", id="pickle"),
        pytest.param(archive("m/data.pkl", "m/data/0"), "is a PyTorch checkpoint", id="torch"),
        pytest.param(archive("m/data/0", "m/data.pkl"), "is a PyTorch checkpoint", id="torch2"),
        pytest.param(archive("model-0000.params"), "is a zip archive; unpack", id="zip"),
        pytest.param(archive(), "is a zip archive", id="empty zip"),
        pytest.param(npy(), "is a .npy file, which MXNet 2.0 writes", id="npy"),
        pytest.param(
            0xF7E58D4F05049CB7.to_bytes(8, "little") + bytes(16), "holds TVM parameters", id="tvm"
        ),
        pytest.param(gzip.compress(b"x"), "compressed with gzip", id="gzip"),
        pytest.param(bz2.compress(b"x"), "compressed with bzip2", id="bzip2"),
        pytest.param(lzma.compress(b"x"), "compressed with xz", id="xz"),
        pytest.param(tar(), "is a tar archive", id="tar"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(8), "is an HDF5 file", id="hdf5"),
        pytest.param(b"\x10" + bytes(7) + b'{"a":{}}', "is a safetensors file", id="safetensors"),
        pytest.param(0x112.to_bytes(8, "big"), "big-endian", id="big endian"),
        pytest.param(bytes(64), "begins with zeros", id="zeros"),
        pytest.param(b"\x01\x02\x03", "begins with the bytes 01 02 03, not with", id="bytes"),
        pytest.param(b"\xff" * 5000, "begins with the bytes ff ff ff", id="noise"),
    ],
)
def test_foreign_files_are_named(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "model-0000.params"
    path.write_bytes(data)
    for source, name in ((path, str(path)), (data, "these bytes")):
        with pytest.raises(ParamsError) as error:
            read_params(source)
        assert str(error.value).startswith(f"{name} ")
        assert says in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("size", range(1, 8))
def test_a_piece_of_the_magic_is_a_truncated_file(size: int) -> None:
    with pytest.raises(ParamsError, match=r"byte 0, header: .* truncated"):
        read_params(0x112.to_bytes(8, "little")[:size])
