"""Latency of a forward pass: as exported, optimised, fused by MXNet's own oneDNN backend, both.

    pytest -m benchmark tests/benchmarks/test_deploy_latency.py -s

Each network runs in a process of its own with two threads, so that threads are counted alike
whatever the caller's environment says. All variants of a network run in that process, in an order
that is drawn anew in each round: only ratios within one run say anything, machines are noisy.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import ROOT, THREADS, run_python

import graphpass
from graphpass import Model

pytestmark = [pytest.mark.benchmark, pytest.mark.mxnet]


NETWORKS = ("resnet50_v1", "mobilenet1.0", "densenet121")

ROUNDS = {1: 41, 8: 15}
"""Batch size -> how often each variant is timed."""


VARIANTS = ("plain", "optimised", "fused", "both", "at bind")
"""What is timed. `plain` is the export; `optimised` went through ``optimize-for-inference``;
`fused` through ``optimize_for("MKLDNN")``; `both` through the one and then the other; `at bind` is
the export as MXNet binds it where nobody sets ``MXNET_SUBGRAPH_BACKEND``."""

TOLERANCE = 1e-4


@pytest.mark.parametrize("batch", ROUNDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_latency(network: str, batch: int, tmp_path: Path) -> None:
    run_python(str(ROOT / "fixtures" / "make.py"), "zoo", network, "--out", str(tmp_path))
    found = json.loads(run_python(__file__, str(tmp_path / network), str(batch)).splitlines()[-1])
    print(f"\n{network}, batch {batch}, {THREADS} threads, load {os.getloadavg()[0]:.1f}: "
          f"plain {found['plain']['median'] * 1e3:.0f} ms")  # fmt: skip
    for variant in VARIANTS:
        told = found[variant]
        faster = f"{told['faster']:.2f} times as fast"
        spread = f"half of the rounds {told['low']:.2f} to {told['high']:.2f}"
        print(f"  {variant:<10} {told['operators']:4} operators, {faster}; {spread}; "
              f"max error {told['error']:.0e}")  # fmt: skip
    assert all(told["error"] < TOLERANCE for told in found.values())


class Runner:
    """A model, bound and ready to run."""

    def __init__(self, mx: Any, model: Model, data: Any, *, fuse: bool, at_bind: bool) -> None:
        symbol = mx.sym.load_json(graphpass.dumps(model.graph))
        arrays = {name: mx.nd.array(value) for name, value in model.parameters.items()}
        arrays["data"] = data
        arguments = {name: arrays[name] for name in symbol.list_arguments()}
        states = {name: arrays[name] for name in symbol.list_auxiliary_states()}
        if fuse:
            symbol = symbol.optimize_for("MKLDNN", arguments, states)
        tree = json.loads(symbol.tojson(remove_amp_cast=False))
        self.operators = sum(node["op"] != "null" for node in tree["nodes"])
        if at_bind:
            del os.environ["MXNET_SUBGRAPH_BACKEND"]
        self._executor = symbol.bind(mx.cpu(), arguments, grad_req="null", aux_states=states)
        os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

    def __call__(self) -> np.ndarray:
        (output,) = self._executor.forward(is_train=False)
        result: np.ndarray = output.asnumpy()
        return result

    def seconds(self) -> float:
        """Return the time of one run, straight after one that is not timed."""
        self()
        start = time.perf_counter()
        self()
        return time.perf_counter() - start


def measure(prefix: str, batch: int) -> dict[str, Mapping[str, float]]:
    """Return what was measured of each variant."""
    os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
    import mxnet as mx

    plain = graphpass.load(prefix)
    optimised = plain.copy()
    graphpass.apply("optimize-for-inference", optimised)
    numbers = np.random.default_rng(0)
    data = mx.nd.array(numbers.standard_normal((batch, 3, 224, 224)))
    runners = {
        "plain": Runner(mx, plain, data, fuse=False, at_bind=False),
        "optimised": Runner(mx, optimised, data, fuse=False, at_bind=False),
        "fused": Runner(mx, plain, data, fuse=True, at_bind=False),
        "both": Runner(mx, optimised, data, fuse=True, at_bind=False),
        "at bind": Runner(mx, plain, data, fuse=False, at_bind=True),
    }
    expected = runners["plain"]()
    scale = np.abs(expected).max()
    errors = {name: np.abs(run() - expected).max() / scale for name, run in runners.items()}
    times: dict[str, list[float]] = {name: [] for name in runners}
    order, dice = list(runners), random.Random(0)
    for _ in range(ROUNDS[batch]):
        dice.shuffle(order)
        for name in order:
            times[name].append(runners[name].seconds())
    found = {}
    for name, taken in times.items():
        ratios = [first / own for first, own in zip(times["plain"], taken, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        found[name] = {
            "operators": runners[name].operators,
            "median": statistics.median(taken),
            "faster": middle,
            "low": low,
            "high": high,
            "error": float(errors[name]),
        }
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
