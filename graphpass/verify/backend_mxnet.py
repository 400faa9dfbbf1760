"""MXNet 1.9.1 as the judge: shape inference and runs, in this process or in one of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from graphpass.formats.symbol_write import dumps
from graphpass.graph import Entry, Graph
from graphpass.verify.backend import Inference, Run
from graphpass.verify.child import Child
from graphpass.verify.domains import is_limited
from graphpass.verify.mxnet_calls import Inferred, RunRequest, RunResult, call_quietly

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["MXNetBackend"]


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

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._child is not None:
            self._child.close()

    @property
    def name(self) -> str:
        """Name and version, for reports."""
        version: str = self._call("version")
        return version

    def infer(
        self, graph: Graph, shapes: Mapping[int, tuple[int, ...]], dtypes: Mapping[int, str]
    ) -> Inference:
        """See `Backend.infer`."""
        found: Inferred = self._call(
            "infer",
            _symbol(graph),
            _np_shape(graph),
            {_alias(key): tuple(shape) for key, shape in shapes.items()},
            {_alias(key): dtype for key, dtype in dtypes.items()},
            [_alias(key) for key in _indices(graph) if key not in dtypes],
        )
        entries = [
            Entry(key, output)
            for key in graph.order()
            for output in range(graph.signature(key).num_visible_outputs)
        ]
        # Operators of other libraries may show more outputs than their files tell.
        if len(entries) != len(found.shapes):
            entries = []
        pairs = zip(entries, found.shapes, strict=False)
        return Inference(
            shapes={entry: shape for entry, shape in pairs if shape is not None},
            dtypes={_key(name): dtype for name, dtype in found.dtypes.items()},
            problem=found.problem,
            dtype_problem=found.dtype_problem,
        )

    def run(
        self,
        graph: Graph,
        constants: Mapping[int, Array],
        feeds: Sequence[Mapping[int, Array]],
        *,
        training: bool = False,
        gradients_of: Collection[int] = (),
        head_gradients: Sequence[Sequence[Array]] = (),
    ) -> list[Run]:
        """See `Backend.run`."""
        request = RunRequest(
            symbol=_symbol(graph),
            np_shape=_np_shape(graph),
            constants=_aliased(constants),
            feeds=[_aliased(feed) for feed in feeds],
            training=training,
            head_gradients=[_summed(graph.heads, gradients) for gradients in head_gradients],
            wanted=[_alias(key) for key in gradients_of],
        )
        found: list[RunResult] = self._call("run", request)
        return [
            Run(
                outputs=run.outputs,
                auxiliary_states=_by_key(run.auxiliary_states),
                gradients=_by_key(run.gradients),
            )
            for run in found
        ]

    def _call(self, name: str, *arguments: Any) -> Any:
        if self._child is not None:
            return self._child.call(name, *arguments)
        return call_quietly(name, *arguments)


def _symbol(graph: Graph) -> str:
    """Return the symbol JSON with variables called by their keys."""
    renamed = graph.copy()
    with renamed.edit() as edit:
        for key in renamed.all_keys:
            if renamed.is_variable(key):
                edit.rename(key, _alias(key))
    # MXNet takes UTF-8 only; operators' names serve its messages and nothing else.
    return dumps(renamed, np_shape=_np_shape(graph)).encode("utf-8", "replace").decode()


def _summed(heads: Sequence[Entry], gradients: Sequence[Array]) -> list[Array]:
    """Return the gradients of heads, each as the sum over all heads that are the same value.

    Where a value is a head several times, MXNet's backward pass takes the gradient of the last.
    """
    from graphpass.verify.dtypes import total

    same: dict[tuple[int, int], list[Array]] = {}
    for head, gradient in zip(heads, gradients, strict=True):
        same.setdefault(head[:2], []).append(gradient)
    return [total(same[head[:2]]) for head in heads]


def _indices(graph: Graph) -> list[int]:
    """Return the arguments that are read as indices, labels, lengths and the like."""
    return [key for key in graph.variable_keys().arguments if is_limited(graph, key)]


def _np_shape(graph: Graph) -> bool:
    return graph.origin is not None and graph.origin.np_shape


def _alias(key: int) -> str:
    return f"variable{key}"


def _key(alias: str) -> int:
    return int(alias.removeprefix("variable"))


def _aliased(values: Mapping[int, Array]) -> dict[str, Array]:
    return {_alias(key): value for key, value in values.items()}


def _by_key(values: Mapping[str, Array]) -> dict[int, Array]:
    return {_key(alias): value for alias, value in values.items()}
