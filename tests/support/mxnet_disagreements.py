"""Damaged symbols that graphpass and MXNet 1.9.1 answer differently, counted by kind.

``python tests/support/mxnet_disagreements.py 5000 0`` gives both so many symbols of
`fuzzed_files.damaged_symbol`, from a seed on, and prints the table of
``docs/format-symbol-json.md``. MXNet runs in child processes, since it dies of some.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections import Counter
from typing import Any, NamedTuple

from fuzzed_files import damaged_symbol

import graphpass
from graphpass.errors import GraphpassError

__all__ = ["KNOWN", "disagreements", "table"]

_CHILD = r"""
import os, struct, sys, tempfile
os.environ.setdefault("MXNET_SUBGRAPH_BACKEND", "NONE")
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
import mxnet as mx
while True:
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        break
    text = sys.stdin.buffer.read(struct.unpack("<I", head)[0])
    try:
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(text)
            file.flush()
            symbol = mx.sym.load(file.name)  # load_json takes UTF-8 alone
        symbol.list_arguments(), symbol.list_outputs()
        answer = b"+" + symbol.tojson(remove_amp_cast=False).encode("utf-8", "surrogateescape")
    except Exception as error:
        lines = [line for line in str(error).splitlines() if line.strip()]
        answer = b"-" + (lines[-1] if lines else type(error).__name__).encode("utf-8", "replace")
    answers.write(struct.pack("<I", len(answer)) + answer)
    answers.flush()
"""


class Mxnet:
    """MXNet in a process of its own, which is started anew when it has died."""

    def __init__(self) -> None:
        self._child: Any = None

    def answer(self, data: bytes) -> str:
        """Return ``+`` and the JSON that MXNet makes of it, ``-`` and why not, or ``died``."""
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-c", _CHILD],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        try:
            self._child.stdin.write(len(data).to_bytes(4, "little") + data)
            self._child.stdin.flush()
            size = int.from_bytes(self._child.stdout.read(4), "little")
            found = self._child.stdout.read(size)
        except BrokenPipeError:
            found = b""
        if not found:
            self.close()
            return "died"
        return str(found.decode("utf-8", "surrogateescape"))

    def close(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None


def _ours(data: bytes) -> str:
    try:
        return "+" + graphpass.dumps(graphpass.loads(data))
    except GraphpassError as error:
        return f"-{error}"


class Kind(NamedTuple):
    """One way in which the two differ."""

    ours: str
    """What graphpass answers, as a pattern; ``+`` for reading, ``-`` and its words for refusing."""

    theirs: str
    """What MXNet does: ``+``, ``-`` and its words, or ``died``."""

    what: str
    right: str


_UNSIGNED = (
    "graphpass: MXNet reads -1 as 4294967295, and then memory that is not the file's, or dies"
)

KNOWN: tuple[Kind, ...] = (
    Kind(r"\+", "-.*is not registered", "an operator that MXNet 1.9.1 does not have",
         "both: graphpass carries it, says so in `check`, and MXNet can't run it"),
    Kind(r"\+", "-.*`op_type` is missing", "a Custom operator that does not name its Python class",
         "both: graphpass carries custom operators as they are, and MXNet can't run it"),
    Kind(r"\+", r"-.*unknown string escape \\u", "a `\\u` escape, which is JSON",
         "graphpass: other tools write it"),
    Kind(r"\+", "-.*codec can't decode", "bytes in a name that are not UTF-8",
         "graphpass: MXNet reads the file, and its Python can't list the name"),
    Kind("-.*is negative", r"\+|died", "a negative id, index or pointer", _UNSIGNED),
    Kind("-.*the graph has a cycle", r"\+|died", "a cycle",
         "graphpass: MXNet loads it, and fails when it is used"),
    Kind("-.*(so there is no|no operator has an) output", r"\+|died",
         "an output that the operator does not have",
         "graphpass: MXNet loads it, and fails or dies when it is used"),
    Kind("-.*mutates its input .* MXNet crashes", r"\+|died",
         "an operator without the auxiliary states that it mutates",
         "graphpass: MXNet loads it, and fails or dies when it is used"),
    Kind("-.*NUL character", r"\+", "a NUL character in a name or an attribute",
         "graphpass: MXNet cuts the text there, in what it hands out"),
    Kind("-.*(not JSON|ends too early|nested too deep)", r"\+",
         "text that is not JSON, such as `000`, a form feed or no last bracket",
         "graphpass: the file is damaged"),
    Kind("-.*stands twice", r"\+", "a key that stands twice",
         "graphpass: MXNet takes the last one without a word"),
    Kind(r"\+", "-.*any container is empty.*CachedOp", "a `_CachedOp` without its graph",
         "both: graphpass carries it as it is, and MXNet can't run it"),
    Kind(r'\+.*"__lr_mult__"', "died", "an old file with a hint for an input that is not there",
         "graphpass: it adds the input, as MXNet does for operators without hints"),
    Kind(r'\+.*"_foreach"', r'\+.*_data\d+"', "a `_foreach` without its inputs, and no version",
         "graphpass: MXNet takes the file for one of 0.8, which had no loops, and invents inputs"),
    Kind("-attrs.is_np_shape: expected", r"\+", "`is_np_shape` of another type than int",
         "graphpass: MXNet takes the file for one that is not in that mode"),
)  # fmt: skip
"""Every kind that was ever met."""


def kind_of(ours: str, theirs: str) -> str | None:
    """Name how two answers differ; None if they don't."""
    if ours[0] == theirs[0] == "-" or ours == theirs:
        return None
    for kind in KNOWN:
        if re.match(kind.ours, ours, re.DOTALL) and re.match(kind.theirs, theirs, re.DOTALL):
            return kind.what
    return f"unknown: graphpass {ours[:200]!r}, MXNet {theirs[:200]!r}"


def disagreements(inputs: int, first: int) -> Counter[str]:
    """Return how often the two differ, by kind."""
    mxnet, found = Mxnet(), Counter[str]()
    try:
        for seed in range(first, first + inputs):
            data = damaged_symbol(random.Random(f"symbols {seed}"))
            kind = kind_of(_ours(data), mxnet.answer(data))
            if kind is not None:
                found[kind if kind[:8] != "unknown:" else f"{kind}, seed {seed}"] += 1
    finally:
        mxnet.close()
    return found


def table(inputs: int, found: Counter[str]) -> str:
    """Return the table of the page."""
    lines = ["| what the file holds | times | who is right |", "|---|---|---|"]
    lines += [
        f"| {kind.what} | {found[kind.what]} | {kind.right} |"
        for kind in sorted(KNOWN, key=lambda kind: -found[kind.what])
    ]
    lines += [f"| {what} | {times} | |" for what, times in found.items() if what[:8] == "unknown:"]
    lines.append(f"| together, of {inputs:,} | {found.total()} | |")
    return "\n".join(lines)


if __name__ == "__main__":
    number, first = map(int, sys.argv[1:])
    print(table(number, disagreements(number, first)))
