"""One array inside a ``.params`` file: its header, its values, and its four versions.

Layouts are those of ``NDArray::Save`` and ``NDArray::Load`` in apache/mxnet
``src/ndarray/ndarray.cc``. All fields are little endian, without padding:

======  ===========================  ======================================================
first   version                      then
======  ===========================  ======================================================
< 2^31  legacy, MXNet <= 0.10        the value is the rank; u32 dims
...C8   V1, MXNet 0.11               i32 rank, i64 dims
...C9   V2, MXNet 0.12 and later     i32 storage type, [storage shape,] i32 rank, i64 dims
...CA   V3, the same in np_shape     as V2, always dense; rank 0 is a scalar
======  ===========================  ======================================================

then i32 device type, i32 device id, i32 dtype code, [dtype and shape of each auxiliary array,]
the values, [the auxiliary arrays]. What stands in brackets is there in sparse arrays only.
"""

from __future__ import annotations

import math
import struct
import sys
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.byte_cursor import ByteCursor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "BFLOAT16",
    "SMALLEST_ARRAY",
    "Array",
    "Storage",
    "StoredArray",
    "array_header",
    "byte_view",
    "code_of_dtype",
    "dtype_name",
    "dtype_of_code",
    "is_newer",
    "scan_array",
    "storable",
]

Array: TypeAlias = "npt.NDArray[Any]"

BFLOAT16 = np.dtype([("bfloat16", "<u2")])
"""The upper half of a float32, in the structured type that MXNet's ``asnumpy`` gives it."""

SMALLEST_ARRAY = 4
"""Bytes of the shortest array there is: a legacy rank of 0."""

_V1, _V2, _V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
_MAX_NDIM = 32
_MAX_LEGACY_RANK = 2**31
_CPU, _DEVICE_ID = 1, 0

_DTYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype("<f4"),
    1: np.dtype("<f8"),
    2: np.dtype("<f2"),
    3: np.dtype("u1"),
    4: np.dtype("<i4"),
    5: np.dtype("i1"),
    6: np.dtype("<i8"),
    7: np.dtype("?"),
    8: np.dtype("<i2"),
    9: np.dtype("<u2"),
    10: np.dtype("<u4"),
    11: np.dtype("<u8"),
    12: BFLOAT16,
}
_CODES = {dtype: code for code, dtype in _DTYPES.items()}

_NEWER = frozenset({8, 9, 10, 11})
"""Codes of MXNet 2.0. MXNet 1.9.1 names them but refuses to load them."""

_SCALAR_HINT = (
    ". It may be the fault of {}, which has no dimensions: outside np_shape, MXNet 1.9.1 writes a "
    "scalar so and can't load it again; give it the shape (1,), or save it inside np_shape"
)

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_DEVICE_BYTES = 8


class Storage(IntEnum):
    """How an array's values are laid out."""

    DENSE = 0
    ROW_SPARSE = 1
    CSR = 2


_AUX_ARRAYS = {Storage.DENSE: 0, Storage.ROW_SPARSE: 1, Storage.CSR: 2}


@dataclass(frozen=True, slots=True)
class StoredArray:
    """Where an array lies in the file, and what it is."""

    np_shape: bool
    """Whether it is of version V3, where a rank of 0 means a scalar."""
    storage: Storage
    """Dense, or one of the sparse layouts."""
    shape: tuple[int, ...] | None
    """Its dimensions; None if it was saved without a value."""
    dtype: np.dtype[Any] = _DTYPES[0]
    """The NumPy type of its values."""
    offset: int = 0
    """Byte of the file at which its values start."""

    def view(self, data: memoryview) -> Array:
        """Return the values as an array over `data`, which is not read."""
        if self.shape is None:
            raise ValueError("an array saved without a value has none to look at")
        array: Array = np.ndarray(self.shape, self.dtype, buffer=data, offset=self.offset)
        return array


def scan_array(cursor: ByteCursor) -> StoredArray:
    """Read the header of the array at `cursor` and step over its values.

    Parameters
    ----------
    cursor
        Stands at the first byte of an array, and behind the last one afterwards.

    Raises
    ------
    ParamsError
        If the array is malformed or does not fit into the file.
    """
    start = cursor.offset
    (version,) = cursor.read(_U32, "the version")
    storage = Storage.DENSE
    stored: tuple[int, ...] | None = None
    if version in (_V2, _V3):
        storage = _read_storage(cursor, version)
        if storage is not Storage.DENSE:
            stored = _read_shape(cursor, version)
    elif version != _V1 and version >= _MAX_LEGACY_RANK:
        raise cursor.error(f"0x{version:08X} is no version of an array; the file is damaged", start)

    if version < _MAX_LEGACY_RANK:
        shape: tuple[int, ...] | None = _read_dims(cursor, version, "I", start)
    else:
        shape = _read_shape(cursor, version)
    if shape is None or (shape == () and version != _V3):
        if version == _V2:
            cursor.hint = _SCALAR_HINT.format(cursor.where)
        return StoredArray(version == _V3, storage, None)

    cursor.skip(_DEVICE_BYTES, "the device")
    dtype = _read_dtype(cursor)
    aux = [(_read_dtype(cursor), _read_shape(cursor, version)) for _ in range(_AUX_ARRAYS[storage])]
    offset = _skip_values(cursor, shape if storage is Storage.DENSE else stored, dtype)
    for aux_dtype, aux_shape in aux:
        _skip_values(cursor, aux_shape, aux_dtype)
    return StoredArray(version == _V3, storage, shape, dtype, offset)


def _read_storage(cursor: ByteCursor, version: int) -> Storage:
    start = cursor.offset
    (code,) = cursor.read(_I32, "the storage type")
    if code not in tuple(Storage):
        raise cursor.error(f"storage type {code} is unknown; the file is damaged", start)
    if code != Storage.DENSE and version == _V3:
        raise cursor.error(f"storage type {code} can't stand in a V3 array, always dense", start)
    if code != Storage.DENSE and cursor.sparse is None:
        cursor.sparse = cursor.where, Storage(code).name.lower()
    return Storage(code)


def _read_shape(cursor: ByteCursor, version: int) -> tuple[int, ...] | None:
    """Read a rank and i64 dimensions; None where V3 says that they are not known."""
    start = cursor.offset
    (ndim,) = cursor.read(_I32, "the number of dimensions")
    if ndim == -1 and version == _V3:
        return None
    dims = _read_dims(cursor, ndim, "q", start)
    lowest = min(dims, default=0)
    if lowest < 0 and not (lowest == -1 and version == _V3):
        raise cursor.error(f"shape {dims} has a negative dimension; the file is damaged", start)
    return dims if lowest >= 0 else None


def _read_dims(cursor: ByteCursor, ndim: int, code: str, start: int) -> tuple[int, ...]:
    if not 0 <= ndim <= _MAX_NDIM:
        raise cursor.error(
            f"an array of {ndim} dimensions can't be; the most is {_MAX_NDIM}. The file is damaged",
            start,
        )
    return cursor.read(struct.Struct(f"<{ndim}{code}"), "the dimensions")


def _read_dtype(cursor: ByteCursor) -> np.dtype[Any]:
    start = cursor.offset
    (code,) = cursor.read(_I32, "the dtype code")
    if code not in _DTYPES:
        raise cursor.error(f"dtype code {code} is unknown; the file is damaged", start)
    return _DTYPES[code]


def _skip_values(cursor: ByteCursor, shape: tuple[int, ...] | None, dtype: np.dtype[Any]) -> int:
    if shape is None:
        raise cursor.error("a sparse array lacks a shape; the file is damaged")
    if math.prod(dim for dim in shape if dim) * dtype.itemsize > sys.maxsize:
        raise cursor.error(f"shape {shape} is larger than any memory; the file is damaged")
    name = "bfloat16" if dtype == BFLOAT16 else dtype.name
    return cursor.skip(math.prod(shape) * dtype.itemsize, f"{name} values of shape {shape}")


def storable(value: npt.ArrayLike, what: str) -> Array:
    """Return `value` as a read-only, contiguous, little-endian array of a dtype MXNet has.

    Parameters
    ----------
    value
        An array or what NumPy makes one of. Shared, not copied, where it needs no conversion.
    what
        What `value` is, for the error.

    Raises
    ------
    ParamsError
        If a ``.params`` file can't hold its dtype or its number of dimensions.
    """
    if type(value) is np.ndarray and value.dtype in _CODES and value.ndim <= _MAX_NDIM:
        flags = value.flags
        if flags.c_contiguous and not flags.writeable:
            return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ParamsError(f"{what} is not an array: {error}") from error
    little = array.dtype.newbyteorder("<")
    if little not in _CODES:
        raise ParamsError(
            f"{what} is an array of {array.dtype}, which a .params file can't hold; convert it "
            "to bool, an integer of 8 to 64 bits, float16, float32, float64, or MXNet's "
            f"bfloat16 ({BFLOAT16})"
        )
    if array.ndim > _MAX_NDIM:
        raise ParamsError(f"{what} has {array.ndim} dimensions; the most is {_MAX_NDIM}")
    view: Array = np.asarray(array, dtype=little, order="C").view()
    view.flags.writeable = False
    return view


def is_newer(dtype: np.dtype[Any]) -> bool:
    """Return whether a dtype is one of MXNet 2.0, which MXNet 1.9.1 refuses to load."""
    return _CODES[dtype] in _NEWER


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return MXNet's name of a dtype."""
    return "bfloat16" if dtype == BFLOAT16 else dtype.name


def code_of_dtype(dtype: np.dtype[Any]) -> int:
    """Return MXNet's number of a dtype."""
    return _CODES[dtype]


def dtype_of_code(code: int) -> np.dtype[Any] | None:
    """Return the NumPy type of a dtype code, as files and ``__dtype__`` hints have it, or None."""
    return _DTYPES.get(code)


def array_header(array: Array, np_shape: bool) -> bytes:
    """Return the bytes that MXNet 1.9.1 writes before the values of a dense array on the CPU.

    Parameters
    ----------
    array
        As `storable` returns it.
    np_shape
        Write version V3 rather than V2. V2 has no scalars: a rank of 0 means "no value" there.
    """
    return struct.pack(
        f"<Iii{array.ndim}qiii",
        _V3 if np_shape else _V2,
        Storage.DENSE,
        array.ndim,
        *array.shape,
        _CPU,
        _DEVICE_ID,
        _CODES[array.dtype],
    )


def byte_view(array: Array) -> npt.NDArray[np.uint8]:
    """Return the bytes of a contiguous `array` as a flat array over the same memory."""
    return array.reshape(-1).view(np.uint8)
