"""Shapes of all values, against MXNet's own inference."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from chains import convolution_chain, dense_chain, zoo_text
from speed import TABLE, Peer

import graphpass
from graphpass.shapes import infer

pytestmark = [pytest.mark.benchmark, pytest.mark.mxnet]

IMAGE = (1, 3, 224, 224)


def test_infer(mx: ModuleType) -> None:
    texts = {
        "resnet152": (zoo_text(mx, "resnet152_v1"), IMAGE),
        "densenet121": (zoo_text(mx, "densenet121"), IMAGE),
        "convolutions, 100,000 nodes": (convolution_chain(100_000), (1, 3, 16, 16)),
        "chain, 10,000 nodes": (dense_chain(10_000), (8, 128)),
        "chain, 100,000 nodes": (dense_chain(100_000), (8, 128)),
        "chain, 1,000,000 nodes": (dense_chain(1_000_000), (8, 128)),
    }
    figures = {}
    for size, (text, shape) in texts.items():

        def ours(text: str = text, shape: tuple[int, ...] = shape) -> Callable[[], object]:
            graph = graphpass.loads(text)

            def job() -> Callable[[], object]:
                found = infer(graph, {"data": shape})
                return lambda: [found.shape(head) for head in graph.heads]

            return job

        def theirs(text: str = text, shape: tuple[int, ...] = shape) -> Callable[[], object]:
            symbol = mx.sym.load_json(text)

            def job() -> Callable[[], object]:
                _, found, _ = symbol.infer_shape(data=shape)
                return lambda: found

            return job

        count = text.count('"op":')
        rounds = 3 if count > 500_000 else 7
        peer = Peer("MXNet's infer_shape", theirs, 3)
        figures[size] = TABLE.race("shapes of all values", size, ours, peer, count=count,
                                   rounds=rounds)  # fmt: skip
    chains = {size: found for name, found in figures.items() for size in [name.partition(", ")[2]]
              if name.startswith("chain")}  # fmt: skip
    TABLE.growth("shapes, for each node", chains)
