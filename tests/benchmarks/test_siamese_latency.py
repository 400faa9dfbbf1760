"""Latency of towers on tied weights: one after the other, or as one trunk on their joined batch.

    pytest -m benchmark tests/benchmarks/test_siamese_latency.py -s

Each network runs in a process of its own with two threads. All variants of a network run in that
process, towers and trunk next to each other, in an order that is drawn anew in each round: only
ratios within one run say anything, and those only on a machine that does nothing else.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from children import ROOT, THREADS, run_python

import graphpass
from graphpass import Model

pytestmark = [pytest.mark.benchmark, pytest.mark.mxnet]


CASES = [
    ("resnet50_v1", 2),
    ("mobilenet1.0", 2),
    ("densenet121", 2),
    ("resnet50_v1", 3),
]
"""Networks, and how many towers."""

ROUNDS = 13
TOLERANCE = 1e-4

PAIRS = {"as exported": ("NONE", False), "fused by MXNet": ("MKLDNN", False),
         "optimised and fused": ("MKLDNN", True)}  # fmt: skip
"""How both run: with MXNet's own fusion or not, and after ``optimize-for-inference`` or not."""


@pytest.mark.parametrize(("network", "count"), CASES)
def test_latency(network: str, count: int, tmp_path: Path) -> None:
    run_python(str(ROOT / "fixtures" / "make.py"), "zoo", network, "--out", str(tmp_path))
    found = json.loads(run_python(__file__, str(tmp_path / network), str(count)).splitlines()[-1])
    operators = found["operators"]
    print(f"\n{network}, {count} towers of batch 1, {THREADS} threads, "
          f"load {os.getloadavg()[0]:.1f}: {operators[0]} -> {operators[1]} operators")  # fmt: skip
    for name in PAIRS:
        told = found[name]
        print(f"  {name:<20} {told['towers'] * 1e3:6.0f} -> {told['trunk'] * 1e3:4.0f} ms, "
              f"{told['faster']:.2f} times as fast (half of the rounds within {told['low']:.2f} to "
              f"{told['high']:.2f}), "
              f"max error {told['error']:.0e}")  # fmt: skip
        assert told["error"] < TOLERANCE


def towers(one: Model, count: int) -> Model:
    """Return so many towers on one set of weights."""
    model = one.copy()
    (head,) = model.graph.outputs
    for number in range(2, count + 1):
        clone = {"from": "data", "to": head, "prefix": f"tower{number}_"}
        graphpass.apply([{"clone": clone}], model)
    return model


def batched(model: Model) -> Model:
    """Return the model with one trunk: the weights and the trunk are there once."""
    after = model.copy()
    graphpass.apply("batch-branches", after)
    assert after.graph.outputs == model.graph.outputs
    assert list(after.parameters) == list(model.parameters)
    before = Counter(node.op for node in model.graph if not node.is_variable)
    operators = Counter(node.op for node in after.graph if not node.is_variable)
    for op, number in before.items():
        if op not in ("Concat", "SliceChannel", "_copy"):
            assert operators[op] * len(model.inputs) == number, op
    return after


class Runner:
    """A model, bound and ready to run."""

    def __init__(self, mx: Any, model: Model, data: list[Any], backend: str) -> None:
        symbol = mx.sym.load_json(graphpass.dumps(model.graph))
        arrays = {name: mx.nd.array(value) for name, value in model.parameters.items()}
        arrays |= dict(zip(model.inputs, data, strict=True))
        os.environ["MXNET_SUBGRAPH_BACKEND"] = backend
        self._executor = symbol.bind(
            mx.cpu(),
            {name: arrays[name] for name in symbol.list_arguments()},
            aux_states={name: arrays[name] for name in symbol.list_auxiliary_states()},
            grad_req="null",
        )
        os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"

    def __call__(self) -> list[np.ndarray]:
        return [output.asnumpy() for output in self._executor.forward(is_train=False)]

    def seconds(self) -> float:
        """Return the time of one run, straight after one that is not timed."""
        self()
        start = time.perf_counter()
        self()
        return time.perf_counter() - start


def measure(prefix: str, count: int) -> dict[str, Any]:
    """Return what was measured of each pair."""
    import mxnet as mx

    one = graphpass.load(prefix)
    plain = towers(one, count)
    graphpass.apply("optimize-for-inference", one)
    optimised = towers(one, count)
    models = {False: (plain, batched(plain)), True: (optimised, batched(optimised))}
    numbers = np.random.default_rng(0)
    data = [mx.nd.array(numbers.standard_normal((1, 3, 224, 224))) for _ in range(count)]
    runners = {
        (name, which): Runner(mx, model, data, backend)
        for name, (backend, optimise) in PAIRS.items()
        for which, model in zip(("towers", "trunk"), models[optimise], strict=True)
    }
    expected = runners["as exported", "towers"]()
    scale = max(np.abs(each).max() for each in expected)
    times: dict[tuple[str, str], list[float]] = {each: [] for each in runners}
    pairs, sides, dice = list(PAIRS), ["towers", "trunk"], random.Random(0)
    for _ in range(ROUNDS):
        dice.shuffle(pairs)
        for name in pairs:
            dice.shuffle(sides)
            for side in sides:
                times[name, side].append(runners[name, side].seconds())
    found: dict[str, Any] = {
        "operators": [sum(not node.is_variable for node in model.graph) for model in models[False]]
    }
    for name in PAIRS:
        both = [times[name, which] for which in ("towers", "trunk")]
        low, faster, high = statistics.quantiles(
            [tower / trunk for tower, trunk in zip(*both, strict=True)], n=4
        )
        outputs = zip(runners[name, "trunk"](), expected, strict=True)
        found[name] = {
            "towers": statistics.median(both[0]),
            "trunk": statistics.median(both[1]),
            "faster": faster,
            "low": low,
            "high": high,
            "error": float(max(np.abs(one - other).max() for one, other in outputs) / scale),
        }
    return found


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
