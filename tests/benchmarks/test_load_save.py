"""Symbols read and written against MXNet's own C++, the memory that takes, and isomorphism."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from chains import dense_chain, lstm, zoo_text
from children import run_python
from speed import TABLE, Peer, Row

import graphpass

pytestmark = [pytest.mark.benchmark, pytest.mark.mxnet]

TEXTS: dict[str, tuple[Callable[[ModuleType], str], int, float]] = {
    "resnet152": (lambda mx: zoo_text(mx, "resnet152_v1"), 40, 0.5),
    "densenet121": (lambda mx: zoo_text(mx, "densenet121"), 40, 0.5),
    "LSTM, 10,000 nodes": (lambda mx: lstm(mx, 700), 15, 0.85),
    "LSTM, 100,000 nodes": (lambda mx: lstm(mx, 7000), 5, 0.65),
    "chain, 10,000 nodes": (lambda mx: dense_chain(10_000), 15, 0.65),
    "chain, 100,000 nodes": (lambda mx: dense_chain(100_000), 5, 0.5),
    "chain, 1,000,000 nodes": (lambda mx: dense_chain(1_000_000), 3, 0.6),
}
"""Name of a symbol -> what makes it, how many rounds, the share of MXNet's time to reach."""


def test_load_and_save(mx: ModuleType) -> None:
    figures = {}
    for name, (build, rounds, at_most) in TEXTS.items():
        text = mx.sym.load_json(build(mx)).tojson(remove_amp_cast=False)
        raw = text.encode()
        count = text.count('"op":')

        def theirs(text: str = text) -> Callable[[], str]:
            return lambda: mx.sym.load_json(text).tojson(remove_amp_cast=False)

        def ours(raw: bytes = raw) -> Callable[[], str]:
            return lambda: graphpass.dumps(graphpass.loads(raw))

        figures[name] = TABLE.race(
            "load and save", name, ours, Peer("MXNet's C++", theirs, at_most), count=count,
            rounds=rounds,
        )  # fmt: skip
    chains = {size: found for name, found in figures.items() for size in [name.partition(", ")[2]]
              if name.startswith("chain")}  # fmt: skip
    TABLE.growth("load and save, for each node", chains)


MEMORY = """
import graphpass

def peak():  # of this program: getrusage counts what its parent had as well
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmHWM'))

raw = open({path}, 'rb').read()
before = peak()
graph = graphpass.loads(raw)
loaded = peak()
graphpass.dumps(graph)
print(before, loaded, peak())
"""


def test_memory(mx: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "chain.json"
    path.write_text(mx.sym.load_json(dense_chain(1_000_000)).tojson(remove_amp_cast=False))
    source = MEMORY.replace("{path}", repr(str(path)))
    before, loaded, saved = map(int, run_python("-c", source).split())
    size = "chain, 1,000,000 nodes"
    for job, peak, at_most in [("load", loaded, 1.2), ("load and save", saved, 1.8)]:
        found = (peak - before) / 2**20
        TABLE.add(Row(f"peak memory over the text, {job}", size, found, "GB", at_most=at_most))


ISOMORPHISM = """
import gc, time
import graphpass
from chains import dense_chain

raw = dense_chain({length}).encode()
first, second = graphpass.loads(raw), graphpass.loads(raw)
gc.collect()
start = time.process_time()
assert graphpass.isomorphic(first, second)
print(time.process_time() - start)
"""


def test_isomorphism() -> None:
    figures = {}
    for size, length in {"100,000 nodes": 100_000, "1,000,000 nodes": 1_000_000}.items():
        seconds = float(run_python("-c", ISOMORPHISM.replace("{length}", str(length))))
        figures[size] = seconds / length * 1e6
    TABLE.add(Row("isomorphism of two graphs", "1,000,000 nodes", seconds, "s", at_most=6))
    TABLE.growth("isomorphism, for each node", figures)
