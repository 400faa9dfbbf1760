"""Writes ONNX files, arrays straight from where they are mapped.

Everything but the numbers of the initializers is built with the classes of the ``onnx`` package.
Those come last in the file: in Protocol Buffers the fields of a message may stand in any order, and
a message may be written in parts (protobuf.dev/programming-guides/encoding), so that no array is
ever copied whole. The bytes are the same each time.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from graphpass.errors import BackendError, SaveError
from graphpass.ops.onnx import DTYPES

__all__ = ["Initializer", "OnnxFile", "external_name", "import_onnx", "write_onnx"]

IR_VERSION = 9
"""ONNX Runtime before 1.18 refuses 10."""

EXTERNAL_FROM = 1_500_000_000
"""Bytes of initializers from which on they go to a file of their own: a message ends at 2 GiB."""

_SMALL = 1024
"""Bytes of an initializer that stays in the file itself."""

_ALIGNMENT = 64
_CHUNK = 2**24
"""Bytes that are copied at a time."""

_GRAPH, _INITIALIZER, _RAW_DATA = 7, 5, 9
"""Numbers of `ModelProto.graph`, `GraphProto.initializer` and `TensorProto.raw_data`."""


@dataclass(frozen=True, slots=True)
class Initializer:
    """A stored value."""

    name: str
    dtype: str
    array: Any

    @property
    def nbytes(self) -> int:
        """How many bytes its numbers take."""
        return int(self.array.nbytes)


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """What a file is to hold."""

    graph: Any
    """A ``GraphProto`` without initializers."""

    initializers: Sequence[Initializer]
    opsets: Mapping[str, int]
    """Domain -> version; empty for ONNX's own."""

    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """How many bytes the numbers of all initializers take."""
        return sum(each.nbytes for each in self.initializers)

    @property
    def is_large(self) -> bool:
        """Whether its initializers have to go to a file of their own."""
        return self.nbytes >= EXTERNAL_FROM


def import_onnx() -> Any:
    """Return the ``onnx`` package.

    Raises
    ------
    BackendError
        If it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise BackendError(
            "the package onnx is needed to write ONNX and is not installed; "
            "pip install 'graphpass[onnx]'"
        ) from None
    return onnx


def external_name(path: Path) -> str:
    """Return the name of the file beside an ONNX file that has its initializers."""
    return f"{path.name}.data"


def write_onnx(content: OnnxFile, file: BinaryIO, data: BinaryIO | None, location: str) -> None:
    """Write a model.

    Parameters
    ----------
    content : OnnxFile
        What to write.
    file : BinaryIO
        Where the model goes.
    data : BinaryIO or None
        Where initializers over a kilobyte go; None to keep them in the model.
    location : str
        Name of the file that `data` becomes.

    Raises
    ------
    SaveError
        If it does not fit into one file.

    Notes
    -----
    Linear in the bytes; 16 MiB of memory besides the graph.
    """
    onnx = import_onnx()
    model = onnx.ModelProto(ir_version=IR_VERSION, producer_name="graphpass")
    for domain, version in sorted(content.opsets.items()):
        model.opset_import.append(onnx.OperatorSetIdProto(domain=domain, version=version))
    for key, text in sorted(content.metadata.items()):
        model.metadata_props.append(onnx.StringStringEntryProto(key=key, value=text))
    tensors: list[tuple[bytes, Initializer | None]] = []
    offset = 0
    for each in content.initializers:
        proto = onnx.TensorProto(
            name=each.name, data_type=DTYPES[each.dtype], dims=each.array.shape
        )
        inside: Initializer | None = each
        if data is not None and each.nbytes >= _SMALL:
            offset += -offset % _ALIGNMENT
            proto.data_location = onnx.TensorProto.EXTERNAL
            for key, value in (("location", location), ("offset", offset), ("length", each.nbytes)):
                proto.external_data.append(onnx.StringStringEntryProto(key=key, value=str(value)))
            data.write(b"\0" * (offset - data.tell()))
            for chunk in _bytes_of(each.array):
                data.write(chunk)
            offset += each.nbytes
            inside = None
        tensors.append((proto.SerializeToString(deterministic=True), inside))
    head = content.graph.SerializeToString(deterministic=True)
    sizes = [_tensor_size(*each) for each in tensors]
    body = len(head) + sum(len(_key(_INITIALIZER, size)) + size for size in sizes)
    if body >= 2**31:
        raise SaveError(
            f"the model takes {body:,} bytes, and an ONNX file holds 2 GiB; write its initializers "
            "to a file of their own (--external-data)"
        )
    file.write(model.SerializeToString(deterministic=True))
    file.write(_key(_GRAPH, body))
    file.write(head)
    for (proto, inside), size in zip(tensors, sizes, strict=True):
        file.write(_key(_INITIALIZER, size))
        file.write(proto)
        if inside is not None:
            file.write(_key(_RAW_DATA, inside.nbytes))
            for chunk in _bytes_of(inside.array):
                file.write(chunk)


def _tensor_size(proto: bytes, inside: Initializer | None) -> int:
    raw = 0 if inside is None else len(_key(_RAW_DATA, inside.nbytes)) + inside.nbytes
    return len(proto) + raw


def _key(number: int, size: int) -> bytes:
    """Return how a field begins that holds so many bytes: its number and wire type 2, the size."""
    return _varint(number << 3 | 2) + _varint(size)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _bytes_of(array: Any) -> Iterator[Any]:
    """Yield the numbers of an array in C order and little endian, some at a time."""
    found = np.asarray(array)
    if sys.byteorder == "big":
        found = found.astype(found.dtype.newbyteorder("<"))
    if found.flags.c_contiguous:
        flat = found.reshape(-1).view(np.uint8) if found.size else found
        for start in range(0, flat.nbytes, _CHUNK):
            yield flat[start : start + _CHUNK].data
        return
    rows = max(1, _CHUNK * len(found) // max(found.nbytes, 1)) if found.ndim else 1
    for start in range(0, len(found), rows):
        yield np.ascontiguousarray(found[start : start + rows]).tobytes()


def digest(*parts: bytes) -> str:
    """Return a hash of what a model was made of."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()
