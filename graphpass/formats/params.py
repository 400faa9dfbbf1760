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
import stat
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from graphpass.errors import ParamsError
from graphpass.formats.byte_cursor import ByteCursor
from graphpass.formats.ndarray_binary import (
    SMALLEST_ARRAY,
    Storage,
    StoredArray,
    array_header,
    byte_view,
    scan_array,
)
from graphpass.formats.parameters import Parameters, split_name
from graphpass.formats.params_diagnosis import diagnose

__all__ = ["params_bytes", "read_params", "write_params"]

_MAGIC = (0x112).to_bytes(8, "little")
_U64 = struct.Struct("<Q")


def read_params(source: str | os.PathLike[str] | bytes | bytearray | memoryview) -> Parameters:
    """Return the parameters of a file of any version that MXNet up to 1.9.1 has written.

    A file is mapped into memory, not read: only headers and names are looked at, and the arrays
    are read-only views of the map. Do not truncate the file, or write into it, while any of them
    lives; replacing it by another file of the same name is safe (`atomic_write` does that).

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
    if cursor.data[: len(_MAGIC)] != _MAGIC[: len(cursor.data)] or not cursor.data:
        raise ParamsError(f"{cursor.source} {diagnose(cursor.data)}")
    try:
        cursor.skip(2 * _U64.size, "the magic and the reserved word")
        arrays = _scan_arrays(cursor)
        names = _read_names(cursor, len(arrays))
    except ParamsError:
        if cursor.sparse is None:
            raise
        # A damaged file hardly has a valid storage type: it is one that this reader can't follow.
        raise _sparse(cursor.source, *cursor.sparse) from None
    _refuse_sparse(cursor.source, arrays, names)
    _refuse_zeros(cursor, arrays, names)
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
    Errors of `file` are passed on as they are.
    """
    np_shape = parameters.np_shape or any(array.ndim == 0 for array in parameters.values())
    file.write(struct.pack("<8sQQ", _MAGIC, 0, len(parameters)))
    for array in parameters.values():
        file.write(array_header(array, np_shape))
        file.write(byte_view(array).data)
    names = [] if parameters.is_list else [parameters.stored_name(name) for name in parameters]
    file.write(_U64.pack(len(names)))
    for name in names:
        raw = name.encode("utf-8", "surrogateescape")
        file.write(_U64.pack(len(raw)) + raw)


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
        return ByteCursor(_map(Path(path)), path)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ParamsError(f"{path}: can't be read: {reason}") from error


def _map(path: Path) -> memoryview:
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISFIFO(status.st_mode):
            return memoryview(file.read())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is not a regular file")
        if not status.st_size:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _scan_arrays(cursor: ByteCursor) -> list[StoredArray]:
    count = cursor.read_count("arrays", SMALLEST_ARRAY)
    arrays = []
    for position in range(count):
        cursor.where = f"array {position} (of {count}, from 0)"
        arrays.append(scan_array(cursor))
    return arrays


def _read_names(cursor: ByteCursor, wanted: int) -> list[str]:
    cursor.where = "names"
    start = cursor.offset
    count = cursor.read_count("names", _U64.size)
    if count not in (0, wanted):
        raise cursor.error(
            f"{count} names for {wanted} arrays; the file is damaged: copy or download it again",
            start,
        )
    names: list[str] = []
    for position in range(count):
        after = f", after {names[-1]!r}" if names else ""
        cursor.where = f"name {position} (of {count}, from 0{after})"
        (size,) = cursor.read(_U64, "the length of the name")
        offset = cursor.skip(size, "the name")
        raw = bytes(cursor.data[offset : offset + size])
        names.append(raw.decode("utf-8", "surrogateescape"))
    return names


def _refuse_sparse(source: str, arrays: Sequence[StoredArray], names: Sequence[str]) -> None:
    for position, array in enumerate(arrays):
        if array.storage is not Storage.DENSE:
            which = f"parameter {names[position]!r}" if names else f"array {position}"
            raise _sparse(source, which, array.storage.name.lower())


def _sparse(source: str, which: str, storage: str) -> ParamsError:
    return ParamsError(
        f"{source}: {which} is stored as {storage}, and only dense arrays are supported; convert "
        "it in MXNet with .tostype('default') and save it again"
    )


def _refuse_zeros(cursor: ByteCursor, arrays: Sequence[StoredArray], names: Sequence[str]) -> None:
    # Zeros read as legacy arrays without values, and then as the end of a list without names.
    if names or not arrays:
        return
    nothing = any(array.shape is None for array in arrays)
    following = bytes(cursor.data[cursor.offset : cursor.offset + mmap.PAGESIZE])
    if nothing or (following and not any(following)):
        raise ParamsError(
            f"{cursor.source}: the file is zeros where arrays or names should be, as an "
            "unfinished download leaves it; copy or download it again"
        )
