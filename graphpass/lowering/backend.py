"""ONNX Runtime as a backend: runs graphs as they are lowered, where there is no MXNet."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np

from graphpass.errors import BackendError, GraphpassError
from graphpass.formats.onnx import write_onnx
from graphpass.formats.parameters import Parameters
from graphpass.graph import Entry, Graph
from graphpass.lowering.driver import lower
from graphpass.lowering.files import onnx_file, shipped_lowerings
from graphpass.lowering.shapes import GivenInputs
from graphpass.model import Model
from graphpass.rules.rewrite.lowering import Lowering
from graphpass.shapes import infer
from graphpass.verify.backend import Computed, Inferred

__all__ = ["OnnxBackend", "open_session", "run_session", "runtime_name"]


def open_session(source: str | PathLike[str] | bytes) -> Any:
    """Return a session of ONNX Runtime for a file or its bytes, on one thread of the CPU.

    Raises
    ------
    BackendError
        If ONNX Runtime is not installed, or refuses the model.
    """
    try:
        import onnxruntime
    except ImportError:
        raise BackendError(
            "ONNX Runtime is needed to run an ONNX file and is not installed; "
            "pip install 'graphpass[onnx]'"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    given = source if isinstance(source, bytes) else fspath(source)
    try:
        return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BackendError(f"ONNX Runtime refuses the model: {_first_line(error)}") from None


def run_session(session: Any, values: Mapping[str, Any]) -> list[Any]:
    """Return what a session computes; values that it does not ask for are left out.

    Raises
    ------
    BackendError
        If it can't be run.
    """
    asked = {each.name for each in session.get_inputs()}
    try:
        found: list[Any] = session.run(None, {k: v for k, v in values.items() if k in asked})
    except Exception as error:
        raise BackendError(f"ONNX Runtime can't run the model: {_first_line(error)}") from None
    return found


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:400]


def runtime_name() -> str:
    """Return name and version of ONNX Runtime, for reports.

    Raises
    ------
    BackendError
        If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise BackendError("ONNX Runtime is not installed; pip install 'graphpass[onnx]'") from None
    return f"ONNX Runtime {onnxruntime.__version__}"


class OnnxBackend:
    """Runs graphs on ONNX Runtime, each as it is lowered.

    Parameters
    ----------
    lowerings : sequence of Lowering, optional
        Those that are tried before the shipped ones.
    """

    def __init__(self, lowerings: Sequence[Lowering] = ()) -> None:
        self._lowerings = [*lowerings, *shipped_lowerings()]

    capabilities: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name and version, for reports."""
        return f"{runtime_name()}, as lowered to ONNX"

    def infer(
        self, graph: Graph, shapes: Mapping[int, tuple[int, ...]], dtypes: Mapping[int, str]
    ) -> Inferred:
        """See `Backend.infer`."""
        renamed, names = _renamed(graph)
        found = infer(
            renamed,
            {names[key]: shape for key, shape in shapes.items()},
            {names[key]: dtype for key, dtype in dtypes.items()},
        )
        known: dict[Entry, tuple[int, ...]] = {}
        for key in graph.order():
            for output in range(graph.signature(key).num_visible_outputs):
                shape = found.shape(Entry(key, output))
                if shape is not None:
                    known[Entry(key, output)] = tuple([extent or 0 for extent in shape])
        types = {key: found.dtype(Entry(key)) or "float32" for key in names}
        conflicts = [f"{each.op} {each.name!r}: {each.message}" for each in found.conflicts]
        return Inferred(known, types, conflicts[0] if conflicts else "")

    def run(
        self,
        graph: Graph,
        constants: Mapping[int, Any],
        feeds: Sequence[Mapping[int, Any]],
        *,
        training: bool = False,
        gradients_of: Collection[int] = (),
        head_gradients: Sequence[Sequence[Any]] = (),
    ) -> list[Computed]:
        """See `Backend.run`. There are no gradients, and nothing is trained."""
        if training or gradients_of:
            raise BackendError("ONNX Runtime runs inference only; gradients need MXNet")
        renamed, names = _renamed(graph)
        stored = Parameters(
            {names[key]: np.asarray(array) for key, array in constants.items() if key in names}
        )
        model = Model(renamed, stored)
        found, sessions = [], {}
        for feed in feeds:
            moved = {key: array for key, array in feed.items() if key in constants}
            if moved:  # weights may have been folded, so that these are another model
                found += self.run(graph, {**constants, **moved}, [_without(feed, moved)])
                continue
            values = {names[key]: np.asarray(array) for key, array in feed.items() if key in names}
            asked = tuple([(name, each.shape, each.dtype.name) for name, each in values.items()])
            if asked not in sessions:
                sessions[asked] = self._session(model, asked)
            found.append(Computed(run_session(sessions[asked], values)))
        return found

    def _session(self, model: Model, asked: Sequence[tuple[str, tuple[int, ...], str]]) -> Any:
        given = GivenInputs(
            {name: shape for name, shape, _ in asked}, {name: dtype for name, _, dtype in asked}
        )
        try:
            lowered = lower(model, self._lowerings, given)
        except GraphpassError as error:
            raise BackendError(str(error)) from error
        file = io.BytesIO()
        write_onnx(onnx_file(lowered, model, ()), file, None, "")
        return open_session(file.getvalue())


def _without(feed: Mapping[int, Any], keys: Collection[int]) -> dict[int, Any]:
    return {key: array for key, array in feed.items() if key not in keys}


def _renamed(graph: Graph) -> tuple[Graph, dict[int, str]]:
    """Return the graph with variables called by their keys, as names may repeat."""
    renamed = graph.copy()
    names = {key: f"v{key}" for key in graph.order() if graph.is_variable(key)}
    with renamed.edit() as edit:
        edit.rename_all(names)
    return renamed, names
