"""The calls into MXNet 1.9.1, on plain data, so that a child process can make them too."""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphpass.errors import BackendError

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["Inferred", "RunRequest", "RunResult", "call", "call_quietly"]


_NO_HALF = "FP16 gemm on cpu not implemented"

_NO_HALF_HINT = " Ask for single precision (in Python single_precision=True)"

_ASSUMED = ("float32", "float16", "float64")
"""Dtypes that inputs may be of, in the order of likelihood."""


@dataclass(frozen=True, slots=True)
class Inferred:
    """What MXNet infers; None stands for what it can't."""

    shapes: list[tuple[int, ...] | None]
    """Shape of every visible output of every node, in saved order."""

    dtypes: dict[str, str]
    """Name of an argument or auxiliary state to its dtype."""

    problem: str
    """What stopped the inference of shapes, or empty."""

    dtype_problem: str
    """What stopped the inference of dtypes, or empty."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A graph and what to run it on."""

    symbol: str
    """Symbol JSON; no two variables have one name."""

    np_shape: bool
    """Whether dimensions of 0 mean empty."""

    constants: Mapping[str, Array]
    """Values of variables that are the same in every run."""

    feeds: Sequence[Mapping[str, Array]]
    """For each run, the values of the other variables."""

    training: bool
    """Whether operators behave as in training."""

    head_gradients: Sequence[Sequence[Array]]
    """For each run, the gradient of each head; empty for ones."""

    wanted: Collection[str]
    """Names of the arguments whose gradients are wanted; empty for no backward pass."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run computed."""

    outputs: list[Array]
    """One array for each head."""

    auxiliary_states: dict[str, Array]
    """Values after the run."""

    gradients: dict[str, Array]
    """Gradients of the arguments that were wanted."""


def call(name: str, *arguments: Any) -> Any:
    """Make one of the calls, with the subgraph backend off.

    Raises
    ------
    BackendError
        If MXNet is missing, or refuses.
    """
    with _no_subgraph_backend():
        mx = _import_mxnet()
        try:
            return _CALLS[name](mx, *arguments)
        # MXNet raises anything from KeyError to its own MXNetError.
        except Exception as error:
            reason = _reason(error)
            hint = _NO_HALF_HINT if _NO_HALF in reason else ""
            raise BackendError(f"MXNet {mx.__version__} says: {reason}{hint}") from None


def call_quietly(name: str, *arguments: Any) -> Any:
    """Make one of the calls, and let nothing that it prints reach the terminal."""
    with _quiet():
        return call(name, *arguments)


def _version(mx: Any) -> str:
    return f"MXNet {mx.__version__}"


def _infer(
    mx: Any,
    symbol: str,
    np_shape: bool,
    shapes: Mapping[str, tuple[int, ...]],
    dtypes: Mapping[str, str],
    indices: Collection[str],
) -> Inferred:
    with mx.util.np_shape(np_shape):
        loaded = mx.sym.load_json(symbol)
        found: Sequence[tuple[int, ...] | None] = ()
        problem = ""
        try:
            _, found, _ = loaded.get_internals().infer_shape_partial(**shapes)
        except mx.MXNetError as error:
            problem = _reason(error)
        types, dtype_problem = _infer_dtypes(mx, loaded, dtypes, indices)
        unknown = (None,) if np_shape else (None, ())
        return Inferred(
            shapes=[None if shape in unknown else shape for shape in found or ()],
            dtypes=types,
            problem=problem,
            dtype_problem=dtype_problem,
        )


def _infer_dtypes(
    mx: Any, symbol: Any, dtypes: Mapping[str, str], indices: Collection[str]
) -> tuple[dict[str, str], str]:
    """Return the dtypes of the variables, by trial where they do not follow from those known.

    Where none fit, return those known, and what MXNet says.

    MXNet infers dtypes from the data on, so a network of which only the weights are known has
    none. The inputs are assumed to be of one dtype, the first under which nothing contradicts:
    first indices and labels apart, in single precision, as half precision can't count far.
    """
    arguments = symbol.list_arguments()
    names = [*arguments, *symbol.list_auxiliary_states()]
    known = {name: dtype for name, dtype in dtypes.items() if dtype != "bfloat16"}
    data = [name for name in arguments if name not in indices]
    problem = ""
    for assumed in (
        {},
        *({**dict.fromkeys(indices, "float32"), **dict.fromkeys(data, t)} for t in _ASSUMED),
        *(dict.fromkeys(arguments, t) for t in _ASSUMED),
    ):
        try:
            types, _, states = symbol.infer_type_partial(**{**assumed, **known})
        except mx.MXNetError as error:
            problem = problem or _reason(error)
            continue
        if types is not None and (assumed or None not in types):
            pairs = zip(names, [*types, *states], strict=True)
            return {name: _dtype_name(dtype) for name, dtype in pairs if dtype is not None}, ""
    return dict(known), problem


def _run(mx: Any, request: RunRequest) -> list[RunResult]:
    with mx.util.np_shape(request.np_shape):
        symbol = mx.sym.load_json(request.symbol)
        constants = {name: _to_mxnet(mx, value) for name, value in request.constants.items()}
        return [
            _run_once(mx, symbol, constants, feed, request, run)
            for run, feed in enumerate(request.feeds)
        ]


def _run_once(
    mx: Any,
    symbol: Any,
    constants: Mapping[str, Any],
    feed: Mapping[str, Array],
    request: RunRequest,
    run: int,
) -> RunResult:
    values = {**constants, **{name: _to_mxnet(mx, value) for name, value in feed.items()}}
    arguments = {name: values[name] for name in symbol.list_arguments()}
    # A run in training writes to its auxiliary states, and the next one starts anew.
    states = {name: values[name].copy() for name in symbol.list_auxiliary_states()}
    gradients = {
        name: mx.nd.zeros(arguments[name].shape, dtype=arguments[name].dtype)
        for name in request.wanted
    }
    modes = {name: "write" if name in gradients else "null" for name in arguments}
    executor = symbol.bind(
        mx.cpu(), arguments, args_grad=gradients or None, grad_req=modes, aux_states=states
    )
    executor.forward(is_train=request.training)
    outputs = [output.asnumpy() for output in executor.outputs]
    if gradients:
        slopes = [mx.nd.ones(output.shape, dtype=output.dtype) for output in executor.outputs]
        if request.head_gradients:
            slopes = [_to_mxnet(mx, slope) for slope in request.head_gradients[run]]
        executor.backward(slopes, is_train=request.training)
    # Reading an auxiliary state does not wait for the operator that is writing to it.
    mx.nd.waitall()
    return RunResult(
        outputs=outputs,
        auxiliary_states={name: value.asnumpy() for name, value in states.items()},
        gradients={name: value.asnumpy() for name, value in gradients.items()},
    )


_CALLS: Mapping[str, Callable[..., Any]] = {"version": _version, "infer": _infer, "run": _run}


def _to_mxnet(mx: Any, value: Array) -> Any:
    return mx.nd.array(value, ctx=mx.cpu(), dtype=value.dtype)


def _dtype_name(dtype: Any) -> str:
    import numpy as np

    from graphpass.formats.ndarray_binary import dtype_name

    return dtype_name(np.dtype(dtype))


def _import_mxnet() -> Any:
    try:
        import mxnet
    except ModuleNotFoundError as error:
        if error.name != "mxnet":
            raise BackendError(_broken(error)) from None
        raise BackendError(
            "MXNet is not installed, and outputs are compared on it; "
            "pip install 'graphpass[mxnet]' in a Python older than 3.12"
        ) from None
    except Exception as error:
        raise BackendError(_broken(error)) from None
    return mxnet


def _broken(error: Exception) -> str:
    return (
        f"MXNet is installed, but importing it fails: {type(error).__name__}: {error}; "
        "MXNet 1.9.1 needs Python older than 3.12 and numpy older than 1.24, which "
        "pip install 'graphpass[mxnet]' brings"
    )


def _reason(error: Exception) -> str:
    """Return what an exception of MXNet says, without C++ stack and source positions."""
    text = str(error)
    if isinstance(error, KeyError):
        return f"{text} is missing"
    text = text.split("Stack trace")[0].split("MXNetError: ")[-1]
    text = re.sub(r"Traceback \(most recent call last\):|File \"[^\"]*\", line \d+", "", text)
    text = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", text)
    return " ".join(text.split())[:600] or type(error).__name__


@contextmanager
def _no_subgraph_backend() -> Iterator[None]:
    """Switch off what MXNet decides anew at each bind, and put it back."""
    name = "MXNET_SUBGRAPH_BACKEND"
    before = os.environ.get(name)
    os.environ[name] = "NONE"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Send what MXNet's C++ code prints on standard error nowhere."""
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)
