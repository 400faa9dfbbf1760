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
from typing import TYPE_CHECKING, Any, TypeAlias

import ml_dtypes
import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.sparse import DenseView, SparseArray

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "BFLOAT16",
    "MXNET_BFLOAT16",
    "SMALLEST_ARRAY",
    "STORAGES",
    "AnyArray",
    "Array",
    "ByteCursor",
    "StoredArray",
    "array_header",
    "byte_view",
    "code_of_dtype",
    "dtype_of_code",
    "is_newer",
    "scan_array",
    "storable",
]

Array: TypeAlias = "npt.NDArray[Any]"

AnyArray: TypeAlias = "Array | SparseArray"
"""An array as a file holds it."""

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
"""The upper half of a float32."""

MXNET_BFLOAT16 = np.dtype([("bfloat16", "<u2")])
"""The type that MXNet's ``asnumpy`` gives it."""

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

_DEVICE_BYTES = 8

STORAGES = ("dense", "row_sparse", "csr")
"""By storage type, which is also the number of auxiliary arrays."""


class ByteCursor:
    """Walks over the bytes of a file that nobody trusts, and refuses to leave them.

    Attributes
    ----------
    data : memoryview
        The whole file, often a memory map. Only what `read` asks for is touched.
    source : str
        What the bytes are called in errors, most often the path of the file.
    offset : int
        The position.
    where : str
        The part of the file that is being read, for errors.
    hint : str
        What errors add.
    """

    __slots__ = ("data", "hint", "offset", "source", "where")

    def __init__(self, data: memoryview, source: str) -> None:
        self.data = data
        self.offset = 0
        self.source = source
        self.where = "header"
        self.hint = ""

    def read(self, layout: str, what: str) -> tuple[Any, ...]:
        """Unpack little-endian values, in the words of `struct`, and move behind them."""
        return struct.unpack_from(layout, self.data, self.skip(struct.calcsize(layout), what))

    def read_count(self, what: str, smallest: int) -> int:
        """Read the u64 number of `what` that follow, each of at least `smallest` bytes."""
        start = self.offset
        (count,) = self.read("<Q", f"the number of {what}")
        left = len(self.data) - self.offset
        if count * smallest > left:
            raise self.error(
                f"{count} {what} take at least {count * smallest} bytes, but only {left} follow; "
                "the file is truncated or damaged: copy or download it again",
                start,
            )
        return int(count)

    def skip(self, size: int, what: str) -> int:
        """Move behind the next `size` bytes, which are `what`, and return where they start."""
        start = self.offset
        missing = start + size - len(self.data)
        if missing > 0:
            raise self.error(
                f"{what} should take {size} bytes, but the file ends {missing} bytes too early, "
                f"at byte {len(self.data)}; it is truncated or damaged: copy or download it again"
            )
        self.offset += size
        return start

    def error(self, problem: str, offset: int | None = None) -> ParamsError:
        """Return an error that says where in the file `problem` is, and what `hint` adds."""
        at = self.offset if offset is None else offset
        return ParamsError(f"{self.source}: byte {at}, {self.where}: {problem}{self.hint}")


@dataclass(frozen=True, slots=True)
class StoredArray:
    """Where an array lies in the file, and what it is."""

    np_shape: bool
    """Whether it is of version V3, where a rank of 0 means a scalar."""

    shape: tuple[int, ...] | None
    """Its dimensions; None if it was saved without a value."""

    dtype: np.dtype[Any] = _DTYPES[0]
    """The NumPy type of its values."""

    offset: int = 0
    """Byte of the file at which its values start."""

    storage: str = "dense"
    """One of `STORAGES`."""

    parts: tuple[StoredArray, ...] = ()
    """Of a sparse array the values, then the indices."""

    def view(self, data: memoryview) -> AnyArray:
        """Return the values as an array over `data`, which is not read.

        Raises
        ------
        ParamsError
            If the parts of a sparse array do not fit together.
        """
        if self.shape is None:
            raise ValueError("an array saved without a value has none to look at")
        if self.parts:
            values, *indices = [np.asarray(part.view(data)) for part in self.parts]
            return SparseArray(self.storage, self.shape, values, tuple(indices))
        array: Array = np.ndarray(self.shape, self.dtype, buffer=data, offset=self.offset)
        return array


def scan_array(cursor: ByteCursor) -> StoredArray:
    """Read the header of the array at `cursor` and step over its values.

    Raises
    ------
    ParamsError
        If the array is malformed or does not fit into the file.
    """
    start = cursor.offset
    (version,) = cursor.read("<I", "the version")
    num_aux = 0  # the further arrays of a sparse one
    stored: tuple[int, ...] | None = None
    if version in (_V2, _V3):
        at = cursor.offset
        (num_aux,) = cursor.read("<i", "the storage type")
        if num_aux not in range(len(STORAGES)):
            raise cursor.error(f"storage type {num_aux} is unknown; the file is damaged", at)
        if num_aux:
            if version == _V3:
                raise cursor.error(
                    f"storage type {num_aux} can't stand in a V3 array, always dense", at
                )
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
        return StoredArray(version == _V3, None, storage=STORAGES[num_aux])

    cursor.skip(_DEVICE_BYTES, "the device")
    dtype = _read_dtype(cursor)
    if not num_aux:
        offset = _skip_values(cursor, shape, dtype)
        return StoredArray(version == _V3, shape, dtype, offset)
    aux = [(_read_dtype(cursor), _read_shape(cursor, version)) for _ in range(num_aux)]
    parts = tuple(
        StoredArray(False, extents, kind, _skip_values(cursor, extents, kind))
        for kind, extents in [(dtype, stored), *aux]
    )
    return StoredArray(False, shape, dtype, parts[0].offset, STORAGES[num_aux], parts)


def _read_shape(cursor: ByteCursor, version: int) -> tuple[int, ...] | None:
    """Read a rank and i64 dimensions; None where V3 says that they are not known."""
    start = cursor.offset
    (ndim,) = cursor.read("<i", "the number of dimensions")
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
    return cursor.read(f"<{ndim}{code}", "the dimensions")


def _read_dtype(cursor: ByteCursor) -> np.dtype[Any]:
    start = cursor.offset
    (code,) = cursor.read("<i", "the dtype code")
    if code not in _DTYPES:
        raise cursor.error(f"dtype code {code} is unknown; the file is damaged", start)
    return _DTYPES[code]


def _skip_values(cursor: ByteCursor, shape: tuple[int, ...] | None, dtype: np.dtype[Any]) -> int:
    if shape is None:
        raise cursor.error("a sparse array lacks a shape; the file is damaged")
    if math.prod(dim for dim in shape if dim) * dtype.itemsize > sys.maxsize:
        raise cursor.error(f"shape {shape} is larger than any memory; the file is damaged")
    size = math.prod(shape) * dtype.itemsize
    return cursor.skip(size, f"{dtype} values of shape {shape}")


def storable(value: npt.ArrayLike | SparseArray, what: str) -> AnyArray:
    """Return `value` as a read-only, contiguous, little-endian array of a dtype MXNet has.

    It is shared, not copied, where it needs no conversion; what is sparse, or was made dense by
    `SparseArray.dense`, stays sparse. Errors call it `what`.

    Raises
    ------
    ParamsError
        If a ``.params`` file can't hold its dtype or its number of dimensions.
    """
    if type(value) is np.ndarray and value.dtype in _CODES and value.ndim <= _MAX_NDIM:
        flags = value.flags
        if flags.c_contiguous and not flags.writeable:
            return value
    if type(value) is DenseView and value.sparse is not None:
        value = value.sparse
    if isinstance(value, SparseArray):
        return value
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ParamsError(f"{what} is not an array: {error}") from error
    if array.dtype == MXNET_BFLOAT16:
        array = array.view(BFLOAT16)
    little = BFLOAT16 if array.dtype == BFLOAT16 else array.dtype.newbyteorder("<")
    if little not in _CODES:
        raise ParamsError(
            f"{what} is an array of {array.dtype}, which a .params file can't hold; convert it "
            "to bool, an integer of 8 to 64 bits, bfloat16, float16, float32 or float64"
        )
    if array.ndim > _MAX_NDIM:
        raise ParamsError(f"{what} has {array.ndim} dimensions; the most is {_MAX_NDIM}")
    view: Array = np.asarray(array, dtype=little, order="C").view()
    view.flags.writeable = False
    return view


def is_newer(dtype: np.dtype[Any]) -> bool:
    """Return whether a dtype is one of MXNet 2.0, which MXNet 1.9.1 refuses to load."""
    return _CODES[dtype] in _NEWER


def code_of_dtype(dtype: np.dtype[Any]) -> int:
    """Return MXNet's number of a dtype."""
    return _CODES[dtype]


def dtype_of_code(code: int) -> np.dtype[Any] | None:
    """Return the NumPy type of a dtype code, as files and ``__dtype__`` hints have it, or None."""
    return _DTYPES.get(code)


def array_header(array: AnyArray, np_shape: bool) -> bytes:
    """Return the bytes that MXNet 1.9.1 writes before the values of an array on the CPU.

    The version is V3 or V2, which has no scalars: a rank of 0 means "no value" there. Only V2 has
    sparse arrays.
    """

    def shape(part: AnyArray) -> bytes:
        return struct.pack(f"<i{len(part.shape)}q", len(part.shape), *part.shape)

    def dtype(part: AnyArray) -> bytes:
        return struct.pack("<i", _CODES[part.dtype])

    head = struct.pack("<I", _V3 if np_shape else _V2)
    device = struct.pack("<ii", _CPU, _DEVICE_ID)
    if not isinstance(array, SparseArray):
        return head + struct.pack("<i", 0) + shape(array) + device + dtype(array)
    head += struct.pack("<i", STORAGES.index(array.storage)) + shape(array.values)
    aux = b"".join([dtype(part) + shape(part) for part in array.indices])
    return head + shape(array) + device + dtype(array) + aux


def byte_view(array: Array) -> npt.NDArray[np.uint8]:
    """Return the bytes of a contiguous `array` as a flat array over the same memory."""
    return np.asarray(array).reshape(-1).view(np.uint8)
