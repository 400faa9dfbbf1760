"""MXNet 1.9.1 as the judge: shape inference and runs, in this process or in one of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graphpass.formats.symbol_write import dumps
from graphpass.graph import Entry, Graph
from graphpass.verify.backend import Backend, Computed, Inferred
from graphpass.verify.mxnet_calls import Child, call_quietly, variable_name
from graphpass.verify.ranges import is_limited

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["MXNetBackend", "backend_or_mxnet"]


@contextmanager
def backend_or_mxnet(backend: Backend | None, *, isolated: bool) -> Iterator[Backend]:
    """Give the backend, or MXNet for as long as the block lasts."""
    if backend is not None:
        yield backend
        return
    with MXNetBackend(isolated=isolated) as judge:
        yield judge


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
