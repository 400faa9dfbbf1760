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

import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.mapped import MappedFile, intact
from graphpass.formats.ndarray_binary import (
    BFLOAT16,
    SMALLEST_ARRAY,
    STORAGES,
    ByteCursor,
    StoredArray,
    array_header,
    byte_view,
    scan_array,
)
from graphpass.formats.parameters import Parameters, split_name
from graphpass.formats.saving import atomic_write

__all__ = ["export_npz", "params_bytes", "read_params", "write_params"]

_MAGIC = (0x112).to_bytes(8, "little")


def read_params(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Parameters:
    """Return the parameters of a file of any version that MXNet up to 1.9.1 has written.

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
        If the file can't be read, is something else, is damaged, holds sparse arrays, or holds two
        arrays for one variable.

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
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        raise ParamsError(f"{cursor.source} {diagnose(data)}")
    arrays: list[StoredArray] = []
    names: list[str] = []
    try:
        cursor.skip(16, "the magic and the reserved word")
        count = cursor.read_count("arrays", SMALLEST_ARRAY)
        for position in range(count):
            cursor.where = f"array {position} (of {count}, from 0)"
            arrays.append(scan_array(cursor))
        names = _read_names(cursor, count)
    except ParamsError:
        # A damaged file hardly has a valid storage type: it is one that this reader can't follow.
        if cursor.sparse is None:
            raise
        which, storage = cursor.sparse
        raise _sparse(cursor.source, which, storage) from None
    for position, array in enumerate(arrays):
        if array.storage != STORAGES[0]:
            which = f"parameter {names[position]!r}" if names else f"array {position}"
            raise _sparse(cursor.source, which, array.storage)
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
        parameters.set(name, array.view(cursor.data), class_)
    return parameters


def write_params(parameters: Parameters, file: BinaryIO) -> None:
    """Write `parameters` byte for byte as MXNet 1.9.1's ``mx.nd.save`` does.

    Arrays go to `file` one by one, straight from where they lie, mapped or not.

    Parameters
    ----------
    parameters
        The arrays to write: as V2, or all as V3 if `Parameters.np_shape` says so or one of them
        is a scalar. `Parameters.is_list` arrays are written without names.
    file
        A buffered binary file, such as `atomic_write` opens.

    Notes
    -----
    Errors of `file` are passed on as they are. An array whose file has changed before it was
    written is a `ParamsError`.
    """
    np_shape = parameters.np_shape or any(array.ndim == 0 for array in parameters.values())
    file.write(struct.pack("<8sQQ", _MAGIC, 0, len(parameters)))
    arrays = list(parameters.values())
    try:
        for array in arrays:
            file.write(array_header(array, np_shape))
            file.write(byte_view(array).data)
    finally:  # the system refuses to write what is no longer there
        for array in arrays:
            intact(array)
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


def _sparse(source: str, which: str, storage: str) -> ParamsError:
    return ParamsError(
        f"{source}: {which} is stored as {storage}, and only dense arrays are supported; convert "
        "it in MXNet with .tostype('default') and save it again"
    )


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


# -- for other tools -------------------------------------------------------------------------------

_MAX_MEMBER_NAME = 65535


def export_npz(
    parameters: Parameters, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    r"""Write `parameters` as an uncompressed ``.npz`` file, for ``numpy.load``.

    Keys are the names as a ``.params`` file has them, with ``arg:`` and ``aux:``. Bytes that are
    not UTF-8 are spelled ``\xff``, since a zip file can't hold them; so is a zero byte.

    NumPy has no bfloat16. Such an array is written as the **uint16** of its bits, never widened
    in silence; ``(bits.astype("uint32") << 16).view("float32")`` gives its values.

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

    members: dict[str, str] = {}
    for name in parameters:
        stored = parameters.stored_name(name)
        raw = stored.encode("utf-8", "surrogateescape")
        member = raw.decode("utf-8", "backslashreplace").replace("\0", r"\x00") + ".npy"
        if len(member.encode()) > _MAX_MEMBER_NAME:
            raise ParamsError(
                f"the parameter name {stored[:60]!r}... of {len(raw)} bytes is longer than the "
                f"{_MAX_MEMBER_NAME} that a zip file allows; rename it first"
            )
        members[member] = name
    with atomic_write(path, overwrite=overwrite) as file, zipfile.ZipFile(file, "w") as archive:
        for member, name in members.items():
            array = parameters[name]
            if array.dtype == BFLOAT16:
                array = array.view(np.uint16)
            with archive.open(zipfile.ZipInfo(member), "w", force_zip64=True) as stream:
                np.save(stream, array, allow_pickle=False)


# -- what is no .params file -----------------------------------------------------------------------

_HEAD = 4096
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
        # The central directory, at the end, lists every member by name.
        names = head + bytes(data[-16 * _HEAD :])
        if b"data.pkl" in names:
            return "is a PyTorch checkpoint (a zip with a pickle), not MXNet's .params"
        if b".npy" in names:
            return (
                "is a zip of NumPy arrays, as MXNet 2.0 writes, which is not supported; load it "
                "with numpy.load and save its arrays with MXNet 1.x's mx.nd.save"
            )
        return "is a zip archive; unpack it first"
    if head[257:262] == b"ustar":
        return "is a tar archive; unpack it first (tar -xf)"
    if re.match(rb"\x80[\x02-\x05]", head):
        return (
            "is a Python pickle (PyTorch's and scikit-learn's format), not MXNet's .params; "
            "it was not opened, since a pickle can run any code"
        )
    if head[8:10] == b'{"':
        return "is a safetensors file, not MXNet's .params"
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
