"""Load and save of a symbol, against MXNet's own C++ in the same run.

    pytest -m benchmark tests/benchmarks -s

Times are CPU times, taken in turns; only the ratio says anything, machines are noisy.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable
from types import ModuleType

import pytest

import graphpass

pytestmark = [pytest.mark.benchmark, pytest.mark.mxnet]


def chain(mx: ModuleType, length: int) -> str:
    """Return a chain of FullyConnected and Activation with `length` nodes, as MXNet prints it."""
    nodes: list[dict[str, object]] = [{"op": "null", "name": "data", "inputs": []}]
    last = 0
    for number in range(length // 4):
        at = len(nodes)
        hidden = {"num_hidden": "128"}
        nodes += [
            {"op": "null", "name": f"fc{number}_weight", "attrs": hidden, "inputs": []},
            {"op": "null", "name": f"fc{number}_bias", "attrs": hidden, "inputs": []},
            {
                "op": "FullyConnected",
                "name": f"fc{number}",
                "attrs": hidden,
                "inputs": [[last, 0, 0], [at, 0, 0], [at + 1, 0, 0]],
            },
            {
                "op": "Activation",
                "name": f"relu{number}",
                "attrs": {"act_type": "relu"},
                "inputs": [[at + 2, 0, 0]],
            },
        ]
        last = at + 3
    version = {"mxnet_version": ["int", 10901]}
    tree = {"nodes": nodes, "arg_nodes": [], "heads": [[last, 0, 0]], "attrs": version}
    text: str = mx.sym.load_json(json.dumps(tree)).tojson(remove_amp_cast=False)
    return text


def resnet152(mx: ModuleType, length: int) -> str:
    """Return the model zoo's resnet152_v1, which has about 1,400 nodes whatever `length`."""
    net = mx.gluon.model_zoo.vision.get_model("resnet152_v1", pretrained=False)
    text: str = net(mx.sym.var("data")).tojson(remove_amp_cast=False)
    return text


def take_turns(rounds: int, jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median CPU seconds of each job, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            start = time.process_time()
            result = job()
            times[name].append(time.process_time() - start)
            del result
    return {name: statistics.median(values) for name, values in times.items()}


@pytest.mark.parametrize(
    ("build", "length", "rounds"),
    [(resnet152, 1_400, 40), (chain, 10_000, 20), (chain, 100_000, 7)],
    ids=["resnet152", "chain 10,000", "chain 100,000"],
)
def test_load_and_save(
    mx: ModuleType, build: Callable[[ModuleType, int], str], length: int, rounds: int
) -> None:
    text = build(mx, length)
    raw = text.encode()
    assert graphpass.dumps(graphpass.loads(raw)) == text
    times = take_turns(
        rounds,
        {
            "MXNet": lambda: mx.sym.load_json(text).tojson(),
            "MXNet, AMP casts kept": lambda: mx.sym.load_json(text).tojson(remove_amp_cast=False),
            "graphpass": lambda: graphpass.dumps(graphpass.loads(raw)),
            "graphpass, load only": lambda: graphpass.loads(raw),
        },
    )
    count = text.count('"op":')
    print(f"\nload and save, {count} nodes, CPU µs a node:")
    for name, seconds in times.items():
        print(f"  {name:<22} {seconds / count * 1e6:6.2f}")
    print(f"  graphpass is {times['MXNet'] / times['graphpass']:.2f} times as fast as MXNet's C++")
