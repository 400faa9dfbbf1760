"""MXNet's ``.params`` files: a list of arrays and a list of names.

The container, from ``NDArray::Save`` of a list in apache/mxnet ``src/ndarray/ndarray.cc``: u64
magic 0x112, u64 reserved, u64 number of arrays N, N arrays (`graphpass.formats.ndarray_binary`),
u64 number of names K, which is 0 or N, then K times a u64 length and the bytes of a name. MXNet
checks neither the reserved word nor what follows the last name, and nor does this reader.
"""

from __future__ import annotations

import io
import mmap
import os
import re
import stat
import struct
from pathlib import Path
from typing import BinaryIO

from graphpass.errors import ParamsError
from graphpass.formats.mapped import MappedFile
from graphpass.formats.ndarray_binary import (
    SMALLEST_ARRAY,
    ByteCursor,
    StoredArray,
    array_header,
    byte_view,
    scan_array,
)
from graphpass.formats.npz import read_npz
from graphpass.formats.parameters import Parameters, split_name
from graphpass.formats.safetensors import looks_like_safetensors, read_safetensors
from graphpass.formats.saving import atomic_write
from graphpass.formats.sparse import SparseArray

__all__ = ["export_params", "params_bytes", "read_params", "write_params"]

_MAGIC = (0x112).to_bytes(8, "little")


def read_params(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Parameters:
    """Return the parameters of a file of any version that MXNet has written, or of another format.

    The first bytes tell which: the formats are those of ``mx.nd.save`` of MXNet up to 1.9.1, the
    NumPy archives of MXNet 2.0 and ``numpy.savez``, and safetensors.

    A file is mapped into memory, not read: only headers and names are looked at, and the arrays
    are read-only views of the map. If another program writes into the file, or makes it shorter,
    an array that is asked for afterwards is refused; replacing it by another file of the same name
    is safe (`atomic_write` does that).

    Arrays come in the order of the file. As MXNet does, the reader lets the last of two equal names
    win and forgets the device. A name that an old file holds without a value is left out: such a
    variable has no parameter. Arrays without names are given their positions as names.

    Parameters
    ----------
    source
        A path, or the bytes of a file.

    Raises
    ------
    ParamsError
        If the file can't be read, is something else, is damaged, or holds two arrays for one
        variable.

    Notes
    -----
    Takes time linear in the number of arrays, and no memory for their values.

    Examples
    --------
    >>> data = params_bytes(Parameters({"fc1_weight": [[1.0, 2.0]]}))
    >>> read_params(data)["fc1_weight"]
    array([[1., 2.]])
    """
    cursor = _open(source)
    data = cursor.data
    if bytes(data[:4]) in (b"PK\x03\x04", b"PK\x05\x06") and b".npy" in bytes(data[-_TAIL:]):
        return read_npz(data, cursor.source)
    if looks_like_safetensors(data):
        return read_safetensors(data, cursor.source)
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        raise ParamsError(f"{cursor.source} {diagnose(data)}")
    cursor.skip(16, "the magic and the reserved word")
    count = cursor.read_count("arrays", SMALLEST_ARRAY)
    arrays: list[StoredArray] = []
    for position in range(count):
        cursor.where = f"array {position} (of {count}, from 0)"
        arrays.append(scan_array(cursor))
    names = _read_names(cursor, count)
    if arrays and not names:
        # Zeros read as legacy arrays without values, and then as the end of a list without names.
        following = bytes(data[cursor.offset : cursor.offset + mmap.PAGESIZE])
        if any(array.shape is None for array in arrays) or (following and not any(following)):
            raise ParamsError(
                f"{cursor.source}: the file is zeros where arrays or names should be, as an "
                "unfinished download leaves it; copy or download it again"
            )
    parameters = Parameters(np_shape=any(a.np_shape for a in arrays), is_list=not names)
    stored_names = names or [str(position) for position in range(len(arrays))]
    by_name: dict[str, StoredArray] = dict(zip(stored_names, arrays, strict=True))
    for stored_name, array in by_name.items():
        if array.shape is None:
            continue
        class_, name = split_name(stored_name)
        if name in parameters:
            raise ParamsError(
                f"{cursor.source}: {parameters.stored_name(name)!r} and {stored_name!r} are both "
                f"values of the variable {name!r}, which has only one; rename or remove one of "
                "them with MXNet's mx.nd.load and mx.nd.save"
            )
        try:
            parameters.set(name, array.view(cursor.data), class_)
        except ParamsError as error:
            raise ParamsError(f"{cursor.source}: {stored_name!r}: {error}") from None
    return parameters


def write_params(parameters: Parameters, file: BinaryIO) -> None:
    """Write `parameters` byte for byte as MXNet 1.9.1's ``mx.nd.save`` does.

    Arrays go to `file` one by one, straight from where they lie, mapped or not.

    Parameters
    ----------
    parameters
        The arrays to write: as V2, or all as V3 if `Parameters.np_shape` says so or one of them
        is a scalar. `Parameters.is_list` arrays are written without names. Sparse arrays are
        written as they are in V2; V3 has none, so there they become dense.
    file
        A buffered binary file, such as `atomic_write` opens.

    Notes
    -----
    Errors of `file` are passed on as they are. An array whose file has changed before it was
    written is a `ParamsError`.
    """
    np_shape = parameters.np_shape or () in parameters.shapes.values()
    file.write(struct.pack("<8sQQ", _MAGIC, 0, len(parameters)))
    arrays = [parameters[name] if np_shape else parameters.stored(name) for name in parameters]
    try:
        for array in arrays:
            file.write(array_header(array, np_shape))
            for part in array.parts if isinstance(array, SparseArray) else (array,):
                file.write(byte_view(part).data)
    finally:  # the system refuses to write what is no longer there
        for name in parameters:
            parameters.stored(name)
    names = [] if parameters.is_list else [parameters.stored_name(name) for name in parameters]
    file.write(struct.pack("<Q", len(names)))
    for name in names:
        raw = name.encode("utf-8", "surrogateescape")
        file.write(struct.pack("<Q", len(raw)) + raw)


def params_bytes(parameters: Parameters) -> bytes:
    """Return what `write_params` writes.

    Examples
    --------
    >>> params_bytes(Parameters())[:4].hex()
    '12010000'
    """
    file = io.BytesIO()
    write_params(parameters, file)
    return file.getvalue()


def export_params(
    parameters: Parameters, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write what `write_params` writes to a file, which is replaced only if told to.

    Raises
    ------
    SaveError
        If the file can't be written, or is there already.
    """
    with atomic_write(path, overwrite=overwrite) as file:
        write_params(parameters, file)


def _open(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> ByteCursor:
    if isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(source)
        flat = view.cast("B") if view.c_contiguous and view.nbytes else memoryview(bytes(view))
        return ByteCursor(flat, "these bytes")
    path = os.fsdecode(source)
    try:
        with Path(path).open("rb") as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode):
                return ByteCursor(memoryview(MappedFile(path) if status.st_size else b""), path)
            if stat.S_ISFIFO(status.st_mode):
                return ByteCursor(memoryview(file.read()), path)
        reason = "it is not a regular file"
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    raise ParamsError(f"{path}: can't be read: {reason}")


def _read_names(cursor: ByteCursor, wanted: int) -> list[str]:
    cursor.where = "names"
    start = cursor.offset
    count = cursor.read_count("names", 8)
    if count not in (0, wanted):
        raise cursor.error(
            f"{count} names for {wanted} arrays; the file is damaged: copy or download it again",
            start,
        )
    names: list[str] = []
    for position in range(count):
        after = f", after {names[-1]!r}" if names else ""
        cursor.where = f"name {position} (of {count}, from 0{after})"
        (size,) = cursor.read("<Q", "the length of the name")
        offset = cursor.skip(size, "the name")
        raw = bytes(cursor.data[offset : offset + size])
        names.append(raw.decode("utf-8", "surrogateescape"))
    return names


# -- what is no .params file -----------------------------------------------------------------------

_HEAD = 4096
_TAIL = 2**16
"""Bytes at the end of a zip file in which the names of its members are looked for."""
_SHOWN = 60

_BINARY: tuple[tuple[bytes, str], ...] = (
    (
        b"\x93NUMPY",
        "is a .npy file, which MXNet 2.0 writes for a single array without a name; "
        "load it with numpy.load and save it under a name",
    ),
    (
        (0xF7E58D4F05049CB7).to_bytes(8, "little"),
        "holds TVM parameters, which are not supported; give the .params file that MXNet saved",
    ),
    (b"\x1f\x8b", "is compressed with gzip; decompress it first (gunzip or tar -xzf)"),
    (b"BZh", "is compressed with bzip2; decompress it first (bunzip2 or tar -xjf)"),
    (b"\xfd7zXZ\x00", "is compressed with xz; decompress it first (unxz or tar -xJf)"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; decompress it first (unzstd)"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it first"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, such as Keras writes, not MXNet's .params"),
    (
        (0x112).to_bytes(8, "big"),
        "was written on a big-endian machine; save it again on a little-endian one",
    ),
    (b"\0" * 8, "begins with zeros: a download or copy that never finished; get it again"),
)


def diagnose(data: memoryview) -> str:
    """Return what `data` is and what to do, to stand behind the name of the file.

    Parameters
    ----------
    data
        A whole file that does not begin with MXNet's list magic. Only its first bytes are read.

    Examples
    --------
    >>> diagnose(memoryview(b""))
    'is empty (0 bytes); copy or download it again'
    """
    if not data:
        return "is empty (0 bytes); copy or download it again"
    head = bytes(data[:_HEAD])
    for magic, verdict in _BINARY:
        if head.startswith(magic):
            return verdict
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        if b"data.pkl" in bytes(data[-_TAIL:]):
            return "is a PyTorch checkpoint (a zip with a pickle), not MXNet's .params"
        return "is a zip archive; unpack it first"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first (tar -xf)"
    if re.match(rb"\x80[\x02-\x05]", head):
        return (
            "is a Python pickle (PyTorch's and scikit-learn's format), not MXNet's .params; "
            "it was not opened, since a pickle can run any code"
        )
    if head[8:10] == b'{"':
        return "is a safetensors file that is cut short; copy or download it again"
    return _diagnose_text(head) or (
        f"begins with the bytes {head[:8].hex(' ')}, not with MXNet's 12 01 00 00 00 00 00 00; "
        "it is no .params file, or it is damaged"
    )


def _diagnose_text(head: bytes) -> str | None:
    text = head.decode("utf-8-sig", "replace").lstrip()
    size = re.search(r"^size (\d+)$", text, re.MULTILINE)
    if text.startswith("version https://git-lfs.github.com"):
        wanted = f" of {size[1]} bytes" if size else ""
        return f"is a Git LFS pointer, not the file{wanted} itself; fetch it with `git lfs pull`"
    lower = text[:256].lower()
    if lower.startswith(("<!doctype html", "<html", "<?xml", "<head", "<error")):
        return (
            "is a web page: the download saved an HTML or XML page (a login, a quota, an error) "
            "in place of the file; download the file itself"
        )
    if text.startswith(("{", "[")):
        if '"nodes"' in text or '"heads"' in text:
            return "is a symbol file (JSON), not parameters; the two may be swapped"
        return "is JSON text, not MXNet's .params"
    start = text[:_SHOWN]
    if "\ufffd" in start or not all(char.isprintable() or char.isspace() for char in start):
        return None
    return f"is text that begins {start!r}, not MXNet's .params"
