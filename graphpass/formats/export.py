"""Parameters for tools that read neither MXNet's format nor MXNet's types."""

from __future__ import annotations

import os
import zipfile

import numpy as np

from graphpass.errors import ParamsError
from graphpass.formats.files import atomic_write
from graphpass.formats.ndarray_binary import BFLOAT16
from graphpass.formats.parameters import Parameters

__all__ = ["export_npz", "is_npz"]

_MAX_MEMBER_NAME = 65535


def export_npz(parameters: Parameters, path: str | os.PathLike[str]) -> None:
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
        The file to write, which is replaced as a whole or not at all.

    Raises
    ------
    SaveError
        If the file can't be written.
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
    members = {_member_name(parameters.stored_name(name)): name for name in parameters}
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for member, name in members.items():
            array = parameters[name]
            if array.dtype == BFLOAT16:
                array = array.view(np.uint16)
            with archive.open(zipfile.ZipInfo(member), "w", force_zip64=True) as stream:
                np.save(stream, array, allow_pickle=False)


def is_npz(path: str | os.PathLike[str]) -> bool:
    """Return whether a regular file is what `export_npz` or ``numpy.savez`` writes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def _member_name(stored_name: str) -> str:
    raw = stored_name.encode("utf-8", "surrogateescape")
    name = raw.decode("utf-8", "backslashreplace").replace("\0", r"\x00") + ".npy"
    if len(name.encode()) > _MAX_MEMBER_NAME:
        raise ParamsError(
            f"the parameter name {stored_name[:60]!r}... of {len(raw)} bytes is longer than the "
            f"{_MAX_MEMBER_NAME} that a zip file allows; rename it first"
        )
    return name
