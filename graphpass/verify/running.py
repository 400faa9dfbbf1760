"""Runs of two models on the same values."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphpass.graph import Graph
from graphpass.verify.backend import Backend, Run, blamed
from graphpass.verify.domains import is_limited
from graphpass.verify.feeding import Feeding

if TYPE_CHECKING:
    from graphpass.formats.ndarray_binary import Array

__all__ = ["HeadGradients", "backend_or_mxnet", "run_both"]

HeadGradients = tuple[list[list["Array"]], list[list["Array"]]]
"""For A and for B, for each run, the gradient of each head."""

_DECIMALS = ("bfloat16", "float16", "float32", "float64")


@contextmanager
def backend_or_mxnet(backend: Backend | None, *, isolated: bool) -> Iterator[Backend]:
    """Give the backend, or MXNet for as long as the block lasts."""
    if backend is not None:
        yield backend
        return
    from graphpass.verify.backend_mxnet import MXNetBackend

    with MXNetBackend(isolated=isolated) as judge:
        yield judge


def run_both(
    backend: Backend,
    graphs: tuple[Graph, Graph],
    feeding: Feeding,
    runs: int,
    *,
    training: bool,
    backward: bool = False,
    head_gradients: HeadGradients | None = None,
) -> list[tuple[Run, Run]]:
    """Run A and B on the values of each run, forward or backward as well.

    Raises
    ------
    BackendError
        Saying which of the two can't be run.
    """
    feeds = [feeding.run(number) for number in range(runs)]
    found: list[list[Run]] = []
    for side, (label, graph) in enumerate(zip("AB", graphs, strict=True)):
        if side and feeding.computed:
            feeds = [_with_computed(*pair, feeding) for pair in zip(feeds, found[0], strict=True)]
        with blamed(label):
            results = backend.run(
                graph,
                feeding.constants[side],
                [feed[side] for feed in feeds],
                training=training,
                gradients_of=_differentiable(graph, feeding, side) if backward else (),
                head_gradients=head_gradients[side] if head_gradients is not None else (),
            )
        found.append(results)
    return list(zip(*found, strict=True))


def _with_computed(
    feed: tuple[dict[int, Array], dict[int, Array]], run: Run, feeding: Feeding
) -> tuple[dict[int, Array], dict[int, Array]]:
    """Give the inputs of B what A has computed for them."""
    from graphpass.verify.dtypes import cast

    values = {
        key: cast(run.outputs[position], feeding.dtypes[key])
        for key, position in feeding.computed.items()
    }
    return feed[0], {**feed[1], **values}


def _differentiable(graph: Graph, feeding: Feeding, side: int) -> list[int]:
    """Return the arguments that have gradients: decimals that are no indices, labels or lengths."""
    from graphpass.formats.ndarray_binary import dtype_name

    dtypes = {key: dtype_name(value.dtype) for key, value in feeding.constants[side].items()}
    dtypes.update((key, source.dtype) for key, source in feeding.sources[side].items())
    if side:
        dtypes.update(feeding.dtypes)
    return [
        key
        for key in graph.variable_keys().arguments
        if dtypes[key] in _DECIMALS and not is_limited(graph, key)
    ]
