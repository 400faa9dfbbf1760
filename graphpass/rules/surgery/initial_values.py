"""Values of new parameters, as a rule describes them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from graphpass.errors import OperationError, suggestion
from graphpass.formats.ndarray_binary import Array
from graphpass.rules.surgery.regular_files import check_regular

__all__ = ["initial_value"]

_MAX_BYTES = 2**33
"""The largest array that a rule may make."""

_OPTIONS = ("shape", "init", "scale", "value", "seed", "dtype", "file")
_INITS = ("zeros", "ones", "normal", "uniform", "constant")
_SCALES = {"normal": 0.01, "uniform": 0.07}
"""Standard deviation and half width that MXNet's ``Normal`` and ``Uniform`` have by default."""


def initial_value(description: Any, what: str, folder: Path) -> Array:
    """Return the array that a rule describes.

    Parameters
    ----------
    description : mapping or array
        ``{shape: [8, 3], init: normal, scale: 0.01, seed: 7, dtype: float32}``,
        ``{value: 127.5, shape: [1]}``, ``{value: [1, 2]}``, ``{file: weight.npy}``, or the array.
    what : str
        How messages call it.
    folder : Path
        Where a relative path starts.

    Raises
    ------
    OperationError
        If an option is unknown, missing or has no meaning, a file can't be read, or the array
        would be larger than 8 GiB.

    Notes
    -----
    The same description gives the same array: the seed is 0 if none is given.
    """
    if isinstance(description, np.ndarray):
        return description
    if not isinstance(description, Mapping):
        raise OperationError(
            f"{what}: {description!r} describes no array; write {{shape: [...], init: zeros}} or "
            "{file: array.npy}"
        )
    for option in description:
        if option not in _OPTIONS:
            raise OperationError(
                f"{what} has no option {option!r}{suggestion(str(option), _OPTIONS)}; "
                f"it has {', '.join(_OPTIONS)}"
            )
    if "file" in description:
        return _read(folder / str(description["file"]), what)
    try:
        dtype = np.dtype(description.get("dtype", "float32"))
    except TypeError:
        raise OperationError(
            f"{what}: {description['dtype']!r} is no type; write float32, float16, int32, …"
        ) from None
    try:
        return _made(description, dtype, what)
    except OperationError:
        raise
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise OperationError(f"{what}: {error}") from None


def _read(path: Path, what: str) -> Array:
    try:
        check_regular(path)
        found = np.load(path, allow_pickle=False)
    except OSError as error:
        raise OperationError(f"{what}: {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, BadZipFile, MemoryError) as error:
        raise OperationError(f"{what}: {path} is no .npy file: {error}") from None
    if not isinstance(found, np.ndarray):
        raise OperationError(f"{what}: {path} holds several arrays; save the one as .npy")
    return found


def _made(description: Mapping[str, Any], dtype: np.dtype[Any], what: str) -> Array:
    init = description.get("init", "constant" if "value" in description else None)
    if init not in _INITS:
        raise OperationError(
            f"{what}: init can't be {init!r}{suggestion(str(init), _INITS)}; "
            f"it is one of {', '.join(_INITS)}"
        )
    if init == "constant":
        return _constant(description, dtype, what)
    shape = _shape(description, dtype, what)
    if init == "zeros":
        return np.zeros(shape, dtype)
    if init == "ones":
        return np.ones(shape, dtype)
    scale = float(description.get("scale", _SCALES[init]))
    random = np.random.default_rng(description.get("seed", 0))
    if init == "normal":
        return np.asarray(random.normal(0, scale, shape), dtype)
    return np.asarray(random.uniform(-scale, scale, shape), dtype)


def _shape(description: Mapping[str, Any], dtype: np.dtype[Any], what: str) -> tuple[int, ...]:
    shape = description.get("shape")
    if not isinstance(shape, list | tuple) or not all(
        type(size) is int and size >= 0 for size in shape
    ):
        raise OperationError(f"{what} needs a shape, such as shape: [10, 512]; {shape!r} is none")
    # A size of 0 counts as 1, so that no other one is beyond what NumPy can take.
    size = max(dtype.itemsize, 1) * math.prod(max(size, 1) for size in shape)
    if size > _MAX_BYTES:
        raise OperationError(
            f"{what}: an array of that shape and of {dtype} is larger than 8 GiB; write a smaller "
            "shape, or save the array and write {file: array.npy}"
        )
    return tuple(shape)


def _constant(description: Mapping[str, Any], dtype: np.dtype[Any], what: str) -> Array:
    if "value" not in description:
        raise OperationError(f"{what}: init: constant needs a value, such as value: 0.25")
    try:
        value = np.asarray(description["value"], dtype)
    except (TypeError, ValueError, OverflowError):
        raise OperationError(
            f"{what}: the value is no array of {dtype}; write a number, or numbers in lists of "
            "equal length"
        ) from None
    if "shape" not in description:
        return value
    return np.array(np.broadcast_to(value, _shape(description, dtype, what)))
