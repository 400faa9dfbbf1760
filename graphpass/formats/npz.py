"""Zip files of NumPy arrays: what ``numpy.savez`` writes, and MXNet 2.0 under the name ``.params``.

A dense array is one member, ``KEY.npy``. MXNet 2.0 writes a sparse one as a folder ``KEY/`` with
``data``, ``indices`` and ``shape``, for csr ``indptr`` too, and ``format``, a text whose header is
malformed, so that the other members tell row_sparse from csr. It writes bfloat16 as ``<b2``, which
NumPy does not know. Source: ``src/serialization/cnpy.cc`` of MXNet 2.0.

Members are taken apart by hand, with bounds: no pickle is ever opened.
"""

from __future__ import annotations

import math
import os
import re
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import BFLOAT16, AnyArray, ByteCursor
from graphpass.formats.parameters import Parameters, split_name
from graphpass.formats.saving import atomic_write
from graphpass.formats.sparse import SparseArray

if TYPE_CHECKING:
    import zipfile

__all__ = ["export_npz", "printable_name", "read_npz"]

_MAX_MEMBER_NAME = 65535

_LOCAL_HEADER = "<4s5H3I2H"

_DESCR = re.compile(r"[<|=]?(f[248]|[iu][1248]|b1|\?)")
_HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*'(?P<descr>[^']{1,9})'\s*,\s*'fortran_order'\s*:\s*"
    r"(?P<fortran>True|False)\s*,\s*'shape'\s*:\s*\((?P<shape>[\d,\sL]{0,700})\)\s*,?\s*\}\s*"
)

_GROWTH = 20
_SMALL = 2**27
"""Compressed members may become as many times, or bytes, as large as the file."""


def _npy_array(data: memoryview, where: str) -> np.ndarray[Any, Any]:
    """Return the array of a ``.npy`` file over its bytes, which are not copied.

    Raises
    ------
    ParamsError
        If it is malformed, too short, or holds anything but numbers and truth values.
    """
    cursor = ByteCursor(data, where)
    cursor.where = "the .npy header"
    magic, major, _ = cursor.read("<6sBB", "the magic")
    if magic != b"\x93NUMPY" or major not in (1, 2, 3):
        raise cursor.error("this is no array of NumPy's; save the file again", 0)
    (size,) = cursor.read("<H" if major == 1 else "<I", "the length of the header")
    start = cursor.skip(size, "the header")
    text = bytes(data[start : start + min(size, 2000)]).decode("latin-1")
    found = _HEADER.fullmatch(text)
    if found is None:
        raise cursor.error("it does not say type, order and shape as NumPy does", start)
    descr, extents = found["descr"], found["shape"].replace("L", "").split(",")
    if re.fullmatch(r"[<|=]?(b2|V2)", descr):  # as MXNet 2.0 and ml_dtypes call it
        dtype = BFLOAT16
    elif _DESCR.fullmatch(descr):
        dtype = np.dtype(descr)
    else:
        raise cursor.error(f"an array of the type {descr!r} is no parameter; convert it", start)
    shape = tuple([int(each) for each in extents if each.strip()])
    if len(shape) > 32 or math.prod(each for each in shape if each) >= 2**62:
        raise cursor.error(f"the shape {shape} is no array's; the file is damaged", start)
    offset = cursor.skip(math.prod(shape) * dtype.itemsize, f"{dtype} values of shape {shape}")
    order: Literal["F", "C"] = "F" if found["fortran"] == "True" else "C"
    return np.ndarray(shape, dtype, buffer=data, offset=offset, order=order)


def read_npz(data: memoryview, source: str) -> Parameters:
    """Return the parameters of a zip file of NumPy arrays, over its bytes where it can be.

    Raises
    ------
    ParamsError
        If it is malformed, or holds two arrays for one variable.

    Notes
    -----
    Members that are stored uncompressed, as MXNet and ``numpy.savez`` do it, are not read.
    """
    import io
    import zipfile
    import zlib

    members: dict[str, np.ndarray[Any, Any]] = {}
    try:
        with zipfile.ZipFile(_File(data)) as archive:
            left = _GROWTH * len(data) + _SMALL
            for info in archive.infolist():
                key = info.filename.removesuffix(".npy")
                if key == info.filename:  # a folder is called NAME/
                    raise ParamsError(
                        f"{source}: the member {info.filename!r} is no array; unpack the file"
                    )
                if key.endswith("/format"):
                    continue
                if info.compress_type != zipfile.ZIP_STORED:
                    left -= info.file_size
                    if left < 0:
                        raise ParamsError(f"{source}: it unpacks to too much; unpack it first")
                    raw = memoryview(archive.read(info))
                else:
                    raw = _member(data, info, source)
                members[key] = _npy_array(raw, f"{source}: {info.filename}")
    except (zipfile.BadZipFile, zlib.error, io.UnsupportedOperation, NotImplementedError,
            RuntimeError, EOFError, OSError, ValueError, struct.error) as error:  # fmt: skip
        if isinstance(error, ParamsError):
            raise
        raise ParamsError(f"{source}: the zip file is damaged: {error}; get it again") from None
    parameters = Parameters()
    for stored_name, array in _arrays(members, source).items():
        class_, name = split_name(stored_name)
        if name in parameters:
            raise ParamsError(f"{source}: it has two arrays for the variable {name!r}; remove one")
        parameters.set(name, array, class_)
    return parameters


def _member(data: memoryview, info: zipfile.ZipInfo, source: str) -> memoryview:
    """Return the bytes of an uncompressed member."""
    cursor = ByteCursor(data, source)
    cursor.where = f"member {info.filename!r}"
    cursor.offset = info.header_offset
    if info.flag_bits & 1:
        raise cursor.error("it is encrypted; unpack the file first")
    magic, *_, name_size, extra_size = cursor.read(_LOCAL_HEADER, "its header")
    if magic != b"PK\x03\x04":
        raise cursor.error("no member begins here; the file is damaged: get it again")
    cursor.skip(name_size + extra_size, "its name")
    start = cursor.skip(info.file_size, "its bytes")
    return data[start : start + info.file_size]


def _arrays(members: dict[str, np.ndarray[Any, Any]], source: str) -> dict[str, AnyArray]:
    """Return the arrays by their stored names, what lies in one folder as one sparse array."""
    found: dict[str, AnyArray] = {}
    folders: dict[str, dict[str, np.ndarray[Any, Any]]] = {}
    for key, array in members.items():
        folder, _, part = key.rpartition("/")
        if part in ("data", "indices", "indptr", "shape") and f"{folder}/shape" in members:
            folders.setdefault(folder, {})[part] = array
        else:
            found[key] = array
    for folder, parts in folders.items():
        storage = "csr" if "indptr" in parts else "row_sparse"
        names = ("indptr", "indices") if storage == "csr" else ("indices",)
        if not {"data", "shape", *names} <= parts.keys() or parts["shape"].ndim != 1:
            raise ParamsError(f"{source}: the sparse array {folder!r} is not whole; get it again")
        shape = tuple(int(extent) for extent in parts["shape"])
        if min(shape, default=0) < 0 or parts["shape"].size > 32:
            raise ParamsError(f"{source}: {folder!r} has the shape {shape}; the file is damaged")
        try:
            found[folder] = SparseArray(
                storage, shape, parts["data"], tuple(parts[name] for name in names)
            )
        except ParamsError as error:
            raise ParamsError(f"{source}: {folder!r}: {error}") from None
    return found


class _File:
    """What `zipfile` asks of a file, over bytes that are not copied."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._data)}[whence]
        if base + offset < 0:
            raise OSError("a place before the start")
        self._at = base + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = len(self._data) if size < 0 else self._at + size
        found = bytes(self._data[self._at : end])
        self._at += len(found)
        return found


def export_npz(
    parameters: Parameters, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    r"""Write `parameters` as an uncompressed ``.npz`` file, for ``numpy.load`` and MXNet 2.0.

    Keys are the names as a ``.params`` file has them, with ``arg:`` and ``aux:``. Bytes that are
    not UTF-8 are spelled ``\xff``, since a zip file can't hold them; so is a zero byte. Sparse
    arrays are folders, as MXNet 2.0 writes them and SciPy reads their members.

    NumPy has no bfloat16: ``numpy.load`` gives the type ``|V2``, and
    ``.view(ml_dtypes.bfloat16)`` the values.

    Arrays are streamed, one at a time. The same parameters give the same bytes.

    Parameters
    ----------
    parameters
        The arrays to write.
    path
        The file to write.
    overwrite
        Whether it may be replaced, as a whole or not at all, if it is there.

    Raises
    ------
    SaveError
        If the file can't be written, or is there already.
    ParamsError
        If a name is longer than a zip file allows.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp(), "model.npz")
    >>> export_npz(Parameters({"fc1_bias": np.zeros(2, "float32")}), path)
    >>> dict(np.load(path))
    {'arg:fc1_bias': array([0., 0.], dtype=float32)}
    """
    import zipfile  # takes as long as the rest of this module

    members: dict[str, np.ndarray[Any, Any]] = {}
    for name in parameters:
        key = printable_name(parameters.stored_name(name))
        if len(key.encode()) > _MAX_MEMBER_NAME - len("/indices.npy"):
            raise ParamsError(
                f"the parameter name {key[:60]!r}... of {len(key.encode())} bytes is longer than "
                f"the {_MAX_MEMBER_NAME} that a zip file allows; rename it first"
            )
        array = parameters.stored(name)
        if isinstance(array, SparseArray):
            names = ("data", *(("indptr", "indices") if array.storage == "csr" else ("indices",)))
            parts = {**dict(zip(names, array.parts, strict=True)), "shape": np.array(array.shape)}
            parts["format"] = np.array(array.storage.encode())
            members |= {f"{key}/{part}.npy": value for part, value in parts.items()}
        else:
            members[f"{key}.npy"] = array
    with atomic_write(path, overwrite=overwrite) as file, zipfile.ZipFile(file, "w") as archive:
        for member, value in members.items():
            with archive.open(zipfile.ZipInfo(member), "w", force_zip64=True) as stream:
                plain = value.view("V2") if value.dtype == BFLOAT16 else value
                np.save(cast("BinaryIO", stream), plain, allow_pickle=False)


def printable_name(stored_name: str) -> str:
    """Return a stored name as other formats can hold it: text without zero bytes."""
    raw = stored_name.encode("utf-8", "surrogateescape")
    return raw.decode("utf-8", "backslashreplace").replace("\0", r"\x00")
