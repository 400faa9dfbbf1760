"""Commands that are ended at any moment leave the old pair or the new one, and nothing else.

Commands run in forked processes, whole, from their arguments to their exit codes. The default tier
ends 60 of them by small saves; the slow tier ends ``GRAPHPASS_ENDED_SAVES`` per cent of 1,000 by
SIGKILL and 200 each by SIGTERM, SIGINT, a full disk and a second writer, of saves of 50 kB, 20 MB
and 200 MB. What is drawn follows from the seed in the name of the test.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from faults import contents

import graphpass
from graphpass.cli.app import main
from graphpass.formats import saving
from graphpass.formats.parameters import Parameters
from graphpass.formats.text import parse_graph
from graphpass.model import Model

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")

SIZES = {"50 kB": 50_000, "20 MB": 20_000_000, "200 MB": 200_000_000}
WAYS = ("fresh", "over a pair", "in place")

DOUBLE = """
graphpass: 1
rules:
- rewrite:
    id: double
    once: true
    match: out = FullyConnected(x, weight, bias)
    where: known(weight)
    let: {half: weight / 2}
    replace: |
      s = _mul_scalar(x, scalar=2.0)
      out = FullyConnected(s, half, bias, **out.attrs)
"""
"""Not idempotent: applied twice, weights are a quarter."""

TEXT = """
x, w, b, rest = variable(), variable(), variable(), variable()
y = FullyConnected(x, w, b, num_hidden=4)
return y, rest
"""

Pair = dict[str, bytes]


def command(model: str, out: str) -> list[str]:
    return ["apply", "double.yaml", model, "-o", out, "--overwrite"]


class Lab:
    """A folder with a model of some size, and what commands make of it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.rest = {"double.yaml": DOUBLE.encode()}
        rest = np.random.default_rng(size).integers(0, 2**31, size // 4, np.int32)
        values = {"w": np.ones((4, 4), "f4"), "b": np.zeros(4, "f4"), "rest": rest}
        old = Model(parse_graph(TEXT), Parameters(values))
        self.old = self._files(old)
        graphpass.apply([{"prefix": "other_"}], old)
        self.other = self._files(old)
        self.put(self.old)
        started = time.monotonic()
        assert self.run(command("m", "m")) == 0
        self.seconds = time.monotonic() - started
        self.new = self.pair()
        self.put(self.other)
        assert self.run(command("m", "m")) == 0
        self.new_of_other = self.pair()

    def _files(self, model: Model) -> Pair:
        model.save(self.folder / "m", overwrite=True)
        return self.pair()

    def pair(self) -> Pair:
        """Return all that is in the folder but for the pass and the model ``from``."""
        found = contents(self.folder)
        return {name: found[name] for name in found if name not in self.rest and name[:4] != "from"}

    def put(self, pair: Pair, prefix: str = "m") -> None:
        for name, data in {**pair, **self.rest}.items():
            (self.folder / name.replace("m-", f"{prefix}-", 1)).write_bytes(data)

    def clear(self) -> None:
        for path in self.folder.iterdir():
            path.unlink()

    def start(self, arguments: list[str], limit: int | None = None) -> int:
        """Start a command; `limit` is how large files may become, as on a full disk."""
        child = os.fork()
        if child:
            return child
        try:
            os.chdir(self.folder)
            nothing = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nothing, stream)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            saving.WRITTEN.clear()
            if limit is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            main(arguments)
        except SystemExit as left:
            os._exit(int(left.code or 0))
        finally:
            os._exit(99)

    def run(self, arguments: list[str], limit: int | None = None) -> int:
        return ended(self.start(arguments, limit))

    def end(self, kind: str, draw: random.Random) -> str:
        """End one command, and say what became of the pair."""
        way = draw.choice(WAYS)
        before = {"fresh": {}, "over a pair": self.other, "in place": self.old}[way]
        self.clear()
        self.put(before)
        self.put(self.old, "from")
        run = command("m" if way == "in place" else "from", "m")
        if kind == "two writers":
            return self._two(way, run, draw.uniform(-0.2, 0.2))
        if kind == "full disk":
            size = max(map(len, self.new.values()))
            code = self.run(run, draw.randrange(size + size // 10))
        else:
            child = self.start(run)
            if draw.random() < 0.5:
                time.sleep(draw.random() * self.seconds)
            else:
                self._wait_for_record(child)
                time.sleep(draw.random() * draw.choice([0.001, 0.01, 0.1]))
            os.kill(child, getattr(signal, kind))
            code = ended(child)
        if kind != "SIGKILL":
            assert code in (0, 2, 128 + signal.SIGINT, 128 + signal.SIGTERM, -signal.SIGTERM)
            # A signal before the command has begun to listen ends the process, with nothing done.
        self.run(["check", "from"])
        found = self.pair()
        assert found in (before, self.new), (way, sorted(found))
        assert code != 0 or found == self.new
        if way == "in place" and found == before:
            assert self.run(run) == 0
            assert self.pair() == self.new
        return f"{way}: {'new' if found == self.new else 'old'}"

    def _two(self, way: str, run: list[str], lead: float) -> str:
        rival = ["apply", "{prefix: other_}", "from", "-o", "m", "--overwrite"]
        children = []
        for each in (run, rival) if lead > 0 else (rival, run):
            children.append(self.start(each))
            time.sleep(abs(lead))
        assert [ended(child) for child in children] == [0, 0]
        found = self.pair()
        late = [self.new_of_other] if way == "in place" else []  # it read what the other wrote
        assert found in (self.new, self.other, *late), (way, sorted(found))
        return f"{way}: {'first' if found == self.new else 'second'}"

    def _wait_for_record(self, child: int) -> None:
        deadline = time.monotonic() + 10
        while not any(self.folder.glob(".graphpass-*.save")) and time.monotonic() < deadline:
            if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                return


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


KINDS = {"SIGKILL": 1000, "SIGTERM": 200, "SIGINT": 200, "full disk": 200, "two writers": 200}


@pytest.mark.parametrize("seed", range(1))
def test_sixty_commands_are_ended(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    lab = Lab(tmp_path, SIZES["50 kB"])
    counted = [lab.end(kind, draw) for kind in KINDS for _ in range(12)]
    assert any("old" in each for each in counted)
    assert any("new" in each for each in counted)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("size", "share"), [("50 kB", 0.6), ("20 MB", 0.3), ("200 MB", 0.1)])
def test_many_commands_are_ended(tmp_path: Path, kind: str, size: str, share: float) -> None:
    draw = random.Random(f"{kind} {size}")
    lab = Lab(tmp_path, SIZES[size])
    per_cent = float(os.environ.get("GRAPHPASS_ENDED_SAVES", "100"))
    counted: dict[str, int] = {}
    for _ in range(max(1, round(KINDS[kind] * share * per_cent / 100))):
        outcome = lab.end(kind, draw)
        counted[outcome] = counted.get(outcome, 0) + 1
    print(f"{kind}, {size}: {counted}")
