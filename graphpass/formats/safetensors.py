"""Hugging Face's safetensors: a JSON header with a place for each array, then the arrays.

A u64 gives the length of the header, an object from name to ``dtype``, ``shape`` and
``data_offsets``, which count from the end of the header; ``__metadata__`` may hold texts. Source:
``README.md`` of huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
import os
import struct
from typing import Annotated, Any

import msgspec
import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.ndarray_binary import BFLOAT16, ByteCursor, byte_view
from graphpass.formats.npz import printable_name
from graphpass.formats.parameters import Parameters, split_name
from graphpass.formats.saving import atomic_write

__all__ = ["export_safetensors", "looks_like_safetensors", "read_safetensors"]

_DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": BFLOAT16,
    "I64": np.dtype("<i8"), "I32": np.dtype("<i4"), "I16": np.dtype("<i2"), "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"), "U32": np.dtype("<u4"), "U16": np.dtype("<u2"), "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}

_Natural = Annotated[int, msgspec.Meta(ge=0)]


class _Tensor(msgspec.Struct, forbid_unknown_fields=True):
    dtype: str
    shape: Annotated[list[_Natural], msgspec.Meta(max_length=32)]
    data_offsets: tuple[_Natural, _Natural]


def looks_like_safetensors(data: memoryview) -> bool:
    """Return whether bytes begin with the length of a header and an object."""
    return bytes(data[8:9]) == b"{" and int.from_bytes(data[:8], "little") <= len(data) - 8


def read_safetensors(data: memoryview, source: str) -> Parameters:
    """Return the parameters of a safetensors file, over its bytes, which are not copied.

    Raises
    ------
    ParamsError
        If it is malformed, or holds two arrays for one variable.
    """
    cursor = ByteCursor(data, source)
    (size,) = cursor.read("<Q", "the length of the header")
    start = cursor.skip(size, "the header")
    try:
        header = msgspec.json.decode(bytes(data[start : start + size]), type=dict[str, Any])
        header.pop("__metadata__", None)
        places = msgspec.convert(header, dict[str, _Tensor])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise cursor.error(f"it is not as safetensors has it: {error}; get it again", 8) from None
    parameters = Parameters()
    for stored_name, place in places.items():
        cursor.where = f"array {stored_name!r}"
        dtype, (begin, end) = _DTYPES.get(place.dtype), place.data_offsets
        if dtype is None:
            raise cursor.error(f"MXNet has no arrays of the type {place.dtype}; convert it", start)
        if end - begin != math.prod(place.shape) * dtype.itemsize:
            raise cursor.error(
                f"{place.dtype} values of shape {tuple(place.shape)} do not take the "
                f"{end - begin} bytes from {begin} to {end}; the file is damaged", start
            )  # fmt: skip
        cursor.offset = start + size + begin
        offset = cursor.skip(end - begin, "its values")
        class_, name = split_name(stored_name)
        if name in parameters:
            raise cursor.error(f"it is a second array for the variable {name!r}; remove one")
        array: np.ndarray[Any, Any] = np.ndarray(place.shape, dtype, buffer=data, offset=offset)
        parameters.set(name, array, class_)
    return parameters


def export_safetensors(
    parameters: Parameters, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    r"""Write `parameters` as a safetensors file, keys as in the ``.params`` file.

    Bytes of names that are not UTF-8, and zero bytes, are spelled ``\xff``.

    Raises
    ------
    SaveError
        If the file can't be written, or is there already.
    ParamsError
        If an array is sparse, which the format does not have.
    """
    if parameters.storages:
        name, storage = next(iter(parameters.storages.items()))
        raise ParamsError(
            f"parameter {name!r} is stored as {storage}, which a safetensors file can't hold; make "
            "it dense: --dense, in Python parameters.densify()"
        )
    places: dict[str, Any] = {}
    end = 0
    for name, array in parameters.items():
        begin, end = end, end + array.nbytes
        places[printable_name(parameters.stored_name(name))] = {
            "dtype": _NAMES[array.dtype], "shape": array.shape, "data_offsets": (begin, end)
        }  # fmt: skip
    header = json.dumps(places, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # so that the arrays are aligned
    with atomic_write(path, overwrite=overwrite) as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for array in parameters.values():
            file.write(byte_view(array).data)
