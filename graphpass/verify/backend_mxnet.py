"""MXNet 1.9.1 as the judge: shape inference and runs, in this process or in one of its own.

Below, the calls into MXNet are functions of plain data, so that a child process can make them.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import IO, TYPE_CHECKING, Any

from graphpass.errors import BackendError, GraphpassError
from graphpass.formats.symbol_write import dumps
from graphpass.graph import Entry, Graph
from graphpass.verify.backend import Backend, Computed, Inferred
from graphpass.verify.inputs import is_limited

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["Child", "MXNetBackend", "call", "call_quietly", "chosen_backend", "serve"]


@contextmanager
def chosen_backend(backend: Backend | None, *, isolated: bool) -> Iterator[Backend]:
    """Give the backend, or for as long as the block lasts MXNet.

    Where MXNet is not installed and ONNX Runtime is, it is that, which stands above this room and
    says in its name that models are equal as lowered to ONNX.
    """
    if backend is None and not _is_installed("mxnet") and _is_installed("onnxruntime"):
        backend = import_module("graphpass.lowering.backend").OnnxBackend()
    if backend is not None:
        yield backend
        return
    with MXNetBackend(isolated=isolated) as judge:
        yield judge


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ImportError:
        return False
    except Exception:  # it is there and broken, which importing it tells
        return True


class MXNetBackend:
    """Runs graphs on real MXNet, on the CPU.

    Use it in a ``with`` block: the child process ends with it.

    Parameters
    ----------
    isolated : bool
        Whether MXNet runs in a child process. MXNet reads past its arrays on some malformed graphs
        and ends the process; the child turns that into a `BackendError`.

    Notes
    -----
    The subgraph backend is off, whatever ``MXNET_SUBGRAPH_BACKEND`` says: the default one of MXNet
    1.7 to 1.9 returns wrong values where a fused output is also a head. Variables are renamed for
    MXNet, so names that repeat, are empty or hold odd bytes need no care.
    """

    def __init__(self, *, isolated: bool = False) -> None:
        self._child = Child() if isolated else None

    def __enter__(self) -> MXNetBackend:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.close()

    def _call(self, name: str, *arguments: Any) -> Any:
        make = call_quietly if self._child is None else self._child.call
        return make(name, *arguments)

    @property
    def name(self) -> str:
        """Name and version, for reports."""
        version: str = self._call("version")
        return version

    capabilities = frozenset({"training", "gradients"})

    def infer(
        self, graph: Graph, shapes: Mapping[int, tuple[int, ...]], dtypes: Mapping[int, str]
    ) -> Inferred:
        """See `Backend.infer`."""
        entries = [
            Entry(key, output)
            for key in graph.order()
            for output in range(graph.signature(key).num_visible_outputs)
        ]
        arguments = graph.variable_keys().arguments
        indices = [key for key in arguments if key not in dtypes and is_limited(graph, key)]
        plain = {key: tuple(shape) for key, shape in shapes.items()}
        found: Inferred = self._call(
            "infer", *_symbol(graph), entries, plain, dict(dtypes), indices
        )
        return found

    def run(
        self,
        graph: Graph,
        constants: Mapping[int, Array],
        feeds: Sequence[Mapping[int, Array]],
        *,
        training: bool = False,
        gradients_of: Collection[int] = (),
        head_gradients: Sequence[Sequence[Array]] = (),
    ) -> list[Computed]:
        """See `Backend.run`."""
        from graphpass.verify.arrays import total

        slopes = []
        for gradients in head_gradients:
            # Where a value is a head several times, the backward pass takes the last gradient only.
            same: dict[tuple[int, int], list[Array]] = {}
            for head, gradient in zip(graph.heads, gradients, strict=True):
                same.setdefault(head[:2], []).append(gradient)
            slopes.append([total(same[head[:2]]) for head in graph.heads])
        settings = (training, list(gradients_of), slopes)
        found: list[Computed] = self._call(
            "run", *_symbol(graph), dict(constants), feeds, *settings
        )
        return found


def _symbol(graph: Graph) -> tuple[str, bool]:
    """Return the symbol JSON, variables called by their keys, and whether 0 means empty in it."""
    np_shape = graph.origin is not None and graph.origin.np_shape
    renamed = graph.copy()
    with renamed.edit() as edit:
        for key in renamed.all_keys:
            if renamed.is_variable(key):
                edit.rename(key, variable_name(key))
    # MXNet takes UTF-8 only; operators' names serve its messages and nothing else.
    return dumps(renamed, np_shape=np_shape).encode("utf-8", "replace").decode(), np_shape


def call(name: str, *arguments: Any) -> Any:
    """Make one of the calls, ``version``, ``infer`` or ``run``, with the subgraph backend off.

    Raises
    ------
    BackendError
        If MXNet is missing, or refuses.
    """
    variable = "MXNET_SUBGRAPH_BACKEND"  # MXNet reads it anew at each bind
    before = os.environ.get(variable)
    os.environ[variable] = "NONE"
    try:
        mx = _import_mxnet()
        try:
            return _CALLS[name](mx, *arguments)
        # MXNet raises anything from KeyError to its own MXNetError.
        except Exception as error:
            reason = _reason(error)
            if "FP16 gemm on cpu not implemented" in reason:
                reason += " Ask for single precision (in Python single_precision=True)"
            raise BackendError(f"MXNet {mx.__version__} says: {reason}") from None
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before


def call_quietly(name: str, *arguments: Any) -> Any:
    """Make one of the calls, and let nothing that MXNet's C++ code prints reach the terminal."""
    sys.stderr.flush()
    saved = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(name, *arguments)
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


# -- the calls -------------------------------------------------------------------------------------


def variable_name(key: int) -> str:
    """Return what a variable is called for MXNet, whatever it is called in the graph."""
    return f"variable{key}"


def _key(name: str) -> int:
    return int(name.removeprefix("variable"))


def _named(values: Mapping[int, Any]) -> dict[str, Any]:
    return {variable_name(key): value for key, value in values.items()}


def _infer(
    mx: Any,
    symbol: str,
    np_shape: bool,
    entries: Sequence[Entry],
    shapes: Mapping[int, tuple[int, ...]],
    dtypes: Mapping[int, str],
    indices: Collection[int],
) -> Inferred:
    """Infer over a symbol; `entries` are the visible outputs of its nodes, in saved order."""
    with mx.util.np_shape(np_shape):
        loaded = mx.sym.load_json(symbol)
        found: Sequence[tuple[int, ...] | None] = ()
        problem = ""
        try:
            _, inferred, _ = loaded.get_internals().infer_shape_partial(**_named(shapes))
            found = inferred or ()
        except mx.MXNetError as error:
            problem = _reason(error)
        types, dtype_problem = _infer_dtypes(mx, loaded, _named(dtypes), indices)
        # Operators of other libraries may show more outputs than their files tell.
        pairs = zip(entries, found, strict=True) if len(entries) == len(found) else ()
        return Inferred(
            shapes={entry: shape for entry, shape in pairs if shape or (np_shape and shape == ())},
            dtypes={_key(name): dtype for name, dtype in types.items()},
            problem=problem,
            dtype_problem=dtype_problem,
        )


_ASSUMED = ("float32", "float16", "float64")
"""Dtypes that inputs may be of, in the order of likelihood."""


def _infer_dtypes(
    mx: Any, symbol: Any, dtypes: Mapping[str, str], indices: Collection[int]
) -> tuple[dict[str, str], str]:
    """Return the dtypes of the variables, by trial where they do not follow from those known.

    Where none fit, return those known, and what MXNet says.

    MXNet infers dtypes from the data on, so a network of which only the weights are known has
    none. The inputs are assumed to be of one dtype, the first under which nothing contradicts:
    first indices and labels apart, in single precision, as half precision can't count far.
    """
    import numpy as np

    from graphpass.formats.ndarray_binary import MXNET_BFLOAT16

    arguments = symbol.list_arguments()
    names = [*arguments, *symbol.list_auxiliary_states()]
    known = {name: dtype for name, dtype in dtypes.items() if dtype != "bfloat16"}
    counted = dict.fromkeys(map(variable_name, indices), "float32")
    data = [name for name in arguments if name not in counted]
    problem = ""
    for assumed in (
        {},
        *({**counted, **dict.fromkeys(data, dtype)} for dtype in _ASSUMED),
        *(dict.fromkeys(arguments, dtype) for dtype in _ASSUMED),
    ):
        try:
            types, _, states = symbol.infer_type_partial(**{**assumed, **known})
        except mx.MXNetError as error:
            problem = problem or _reason(error)
            continue
        if types is not None and (assumed or None not in types):
            pairs = zip(names, [*types, *states], strict=True)
            return {
                name: "bfloat16" if np.dtype(each) == MXNET_BFLOAT16 else np.dtype(each).name
                for name, each in pairs
                if each
            }, ""
    return dict(known), problem


def _run(
    mx: Any,
    symbol: str,
    np_shape: bool,
    constants: Mapping[int, Array],
    feeds: Sequence[Mapping[int, Array]],
    training: bool,
    wanted: Collection[int],
    head_gradients: Sequence[Sequence[Array]],
) -> list[Computed]:
    """Run a symbol once for each feed, as `Backend.run` says."""
    from graphpass.formats.ndarray_binary import BFLOAT16, MXNET_BFLOAT16

    def to_mxnet(value: Array) -> Any:
        if value.dtype == BFLOAT16:
            value = value.view(MXNET_BFLOAT16)
        return mx.nd.array(value, ctx=mx.cpu(), dtype=value.dtype)

    def to_numpy(array: Any) -> Array:
        value: Array = array.asnumpy()
        return value.view(BFLOAT16) if value.dtype == MXNET_BFLOAT16 else value

    def run(values: Mapping[str, Any], slopes: Sequence[Array] | None) -> Computed:
        _soil_memory()
        arguments = {name: values[name] for name in loaded.list_arguments()}
        # A run in training writes to its auxiliary states, and the next one starts anew.
        states = {name: values[name].copy() for name in loaded.list_auxiliary_states()}
        gradients = {
            name: mx.nd.zeros(arguments[name].shape, dtype=arguments[name].dtype)
            for name in map(variable_name, wanted)
        }
        modes = {name: "write" if name in gradients else "null" for name in arguments}
        executor = loaded.bind(
            mx.cpu(), arguments, args_grad=gradients or None, grad_req=modes, aux_states=states
        )
        executor.forward(is_train=training)
        outputs = [to_numpy(output) for output in executor.outputs]
        if gradients:
            if slopes is None:
                given = [mx.nd.ones(each.shape, dtype=each.dtype) for each in executor.outputs]
            else:
                given = list(map(to_mxnet, slopes))
            executor.backward(given, is_train=training)
        # Reading an auxiliary state does not wait for the operator that is writing to it.
        mx.nd.waitall()
        return Computed(
            outputs=outputs,
            auxiliary_states={_key(name): to_numpy(value) for name, value in states.items()},
            gradients={_key(name): to_numpy(value) for name, value in gradients.items()},
        )

    with mx.util.np_shape(np_shape):
        loaded = mx.sym.load_json(symbol)
        stored = {name: to_mxnet(value) for name, value in _named(constants).items()}
        try:
            return [
                run(
                    {**stored, **{name: to_mxnet(value) for name, value in _named(feed).items()}},
                    head_gradients[number] if head_gradients else None,
                )
                for number, feed in enumerate(feeds)
            ]
        finally:
            _soil_memory(clean=True)


_RUNS_BEGUN = count()
_M_PERTURB = -6
"""What ``mallopt`` of the GNU C library calls the byte that memory is filled with."""


def _soil_memory(*, clean: bool = False) -> None:
    """Fill memory that is asked for with another byte than in the run before, or no longer.

    What an operator leaves unwritten, such as rows of a ``_while_loop`` behind the last step, is
    another number in each run then, and so can be told from what a model computes.
    """
    byte = 0 if clean else 1 + next(_RUNS_BEGUN) * 37 % 255
    with suppress(OSError, AttributeError, TypeError):  # another C library fills no memory
        ctypes.CDLL(None).mallopt(_M_PERTURB, byte)


_CALLS: Mapping[str, Callable[..., Any]] = {
    "version": lambda mx: f"MXNet {mx.__version__}",
    "infer": _infer,
    "run": _run,
}


# -- MXNet as it is --------------------------------------------------------------------------------


def _import_mxnet() -> Any:
    try:
        import mxnet
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == "mxnet":
            raise BackendError(
                "MXNet is not installed, and outputs are compared on it; "
                "pip install 'graphpass[mxnet]' in a Python older than 3.12, or "
                "'graphpass[onnx]' to compare on ONNX Runtime"
            ) from None
        raise BackendError(
            f"MXNet is installed, but importing it fails: {type(error).__name__}: {error}; "
            "MXNet 1.9.1 needs Python older than 3.12 and numpy older than 1.24, which "
            "pip install 'graphpass[mxnet]' brings"
        ) from None
    return mxnet


def _reason(error: Exception) -> str:
    """Return what an exception of MXNet says, without C++ stack and source positions."""
    text = str(error)
    if isinstance(error, KeyError):
        return f"{text} is missing"
    text = text.split("Stack trace")[0].split("MXNetError: ")[-1]
    text = re.sub(r"Traceback \(most recent call last\):|File \"[^\"]*\", line \d+", "", text)
    text = re.sub(r"\[\d\d:\d\d:\d\d\] \S+:\d+: ", "", text)
    return " ".join(text.split())[:600] or type(error).__name__


# -- a process of its own --------------------------------------------------------------------------


_SECONDS_TO_END = 5


class Child:
    """Makes the calls in a child process, which starts at the first one.

    If a call ends the process, it raises a `BackendError`, and the next call starts another one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._printed: IO[bytes] | None = None

    def call(self, name: str, *arguments: Any) -> Any:
        """Make a call in the child and return its result.

        Raises
        ------
        BackendError
            As the call itself, and if the process ends in it.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((name, arguments), process.stdin, protocol=5)
            process.stdin.flush()
            failed, value = pickle.load(process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            raise BackendError(
                f"the process that runs MXNet ended ({self._end_of(process)}); MXNet checks little "
                "of what it is given, so the graph may be malformed: see what `graphpass check` "
                "says of it"
            ) from None
        if failed:
            raise BackendError(value)
        return value

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                # What is left in the buffer has no reader any more.
                try:
                    pipe.close()
                except OSError:
                    continue
        process.kill()
        process.wait()
        if self._printed is not None:
            self._printed.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._printed = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {__name__} import serve; serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._printed,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return self._process

    def _end_of(self, process: subprocess.Popen[bytes]) -> str:
        """Return how the process ended. MXNet itself catches signals and exits with 255."""
        try:
            code = process.wait(timeout=_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            code = 0
        printed: list[str] = []
        if self._printed is not None:
            self._printed.seek(0)
            printed = self._printed.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        for line in printed:
            if "Segmentation fault" in line or "Bus error" in line or "Fatal Error" in line:
                return line.strip()
        if code < 0:
            try:
                return signal.Signals(-code).name
            except ValueError:
                return f"signal {-code}"
        return printed[-1].strip() if printed else f"exit code {code}"


def serve() -> None:
    """Answer calls from standard input until it ends, whatever is printed meanwhile."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    while True:
        try:
            name, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = (False, call(name, *arguments))
        except GraphpassError as error:
            answer = (True, str(error))
        pickle.dump(answer, answers, protocol=5)
        answers.flush()
