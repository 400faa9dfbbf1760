"""What MXNet holds in memory: its symbols and arrays, taken over and given back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphpass.errors import BackendError, UsageError
from graphpass.formats.ndarray_binary import BFLOAT16, MXNET_BFLOAT16
from graphpass.formats.parameters import ParameterClass, Parameters
from graphpass.formats.sparse import SparseArray

__all__ = ["arrays_for_mxnet", "import_mxnet", "parameters_of", "symbol_text"]


def import_mxnet() -> Any:
    """Return MXNet. Raises `BackendError` where it is not installed."""
    try:
        import mxnet
    except ImportError as error:
        raise BackendError(f"MXNet can't be imported: {error}") from None
    return mxnet


def symbol_text(symbol: Any) -> str:
    """Return the JSON of an MXNet symbol, with the casts of mixed precision left in.

    Raises
    ------
    UsageError
        If it is no symbol.
    """
    if not hasattr(symbol, "tojson"):
        raise UsageError(f"{type(symbol).__name__} is no symbol of MXNet")
    text: str = symbol.tojson(remove_amp_cast=False)
    return text


def parameters_of(
    arguments: Mapping[str, Any] | None, states: Mapping[str, Any] | None
) -> Parameters:
    """Return parameters with copies of MXNet's arrays; sparse ones stay sparse.

    Raises
    ------
    ParamsError
        If one is of a type that no file holds, or a name stands in both.
    """
    parameters = Parameters()
    classes: tuple[ParameterClass, ...] = ("arg", "aux")
    for class_, arrays in zip(classes, (arguments, states), strict=True):
        for name, array in (arrays or {}).items():
            if name in parameters:
                raise UsageError(f"{name!r} is both an argument and an auxiliary state")
            parameters.set(name, _of_mxnet(array), class_)
    parameters.np_shape = () in parameters.shapes.values()
    return parameters


def _of_mxnet(array: Any) -> Any:
    storage = getattr(array, "stype", "default")
    if storage == "default":
        return array.asnumpy() if hasattr(array, "asnumpy") else array
    indices = [array.indptr, array.indices] if storage == "csr" else [array.indices]
    parts = tuple([each.asnumpy() for each in indices])
    return SparseArray(storage, tuple(array.shape), array.data.asnumpy(), parts)


def arrays_for_mxnet(parameters: Parameters, mx: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return arrays of MXNet on the CPU: those of arguments, and those of auxiliary states."""
    found: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    for name in parameters:
        array = parameters.stored(name)
        if isinstance(array, SparseArray):
            values, indices = array.values, array.indices
            if array.storage == "csr":
                starts, columns = indices
                made = mx.nd.sparse.csr_matrix(
                    (values, columns, starts), shape=array.shape, dtype=array.dtype
                )
            else:
                made = mx.nd.sparse.row_sparse_array(
                    (values, indices[0]), shape=array.shape, dtype=array.dtype
                )
        else:
            value: np.ndarray[Any, Any] = array
            if array.dtype == BFLOAT16:
                value = array.view(MXNET_BFLOAT16)
            made = mx.nd.array(value, ctx=mx.cpu(), dtype=value.dtype)
        found[parameters.class_of(name) == "aux"][name] = made
    return found
