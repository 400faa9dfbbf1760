"""What ``optimize-for-inference`` makes of a real network, judged by MXNet in a process of its own.

    python tests/support/real_findings.py CORPUS NETWORK

prints the finding about one network as JSON. MXNet ends its process on some graphs, and keeps
memory, so `find` runs that in a child.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mxnet_judge import Judge
from numpy.typing import NDArray
from real_controls import (
    TOLERANCE,
    SameDecisions,
    defined,
    errors,
    fed,
    moved,
    moved_by_rounding,
    tolerance,
)
from real_networks import Network, draw, networks

import graphpass
from graphpass import Model
from graphpass.errors import GraphpassError
from graphpass.rules.report.report import Report, Step
from graphpass.shapes import infer, multiply_adds
from graphpass.verify.result import random_sources

__all__ = ["Finding", "Refusal", "Size", "find"]

Array = NDArray[Any]

PASS = "optimize-for-inference"

_RUNS = "the original runs"
"""What a child says once only the pass can be at fault."""

_STIR = 0.02
"""What every parameter is moved by, relative to it, to see whether the outputs can tell."""

_NOT_NEAR = frozenset({"operator", "attribute", "operand", "kind", "inputs", "output", "reader"})
"""Codes of misses at which the network does not have what a rule is about."""

_DEFINING = frozenset({"drop-transpose", "drop-repeated-cast"})
"""Rules whose condition says what they are about, so that missing it is no refusal."""


@dataclass(frozen=True)
class Size:
    """A model in numbers."""

    nodes: int
    operators: int
    parameters: int
    multiply_adds: int | None


_NOTHING = Size(0, 0, 0, None)


@dataclass(frozen=True)
class Refusal:
    """A rule whose pattern was there and that did not apply."""

    rule: str
    part: str
    """What failed, as the rule writes it."""
    reason: str
    """Of the first node."""
    count: int


@dataclass(frozen=True)
class Finding:
    """What came of one network; only `name` and `left_out` if it can't be compared."""

    name: str

    left_out: str = ""
    """Why it was not compared."""

    inputs: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Shapes that the inputs were given, labels included."""

    before: Size = _NOTHING
    after: Size = _NOTHING

    errors: Sequence[float] = ()
    """Of each output, relative to its largest number."""

    tolerances: Sequence[float] = ()

    control: Sequence[float] = ()
    """As `errors`, of the network itself with every parameter moved in its last places; empty where
    no error asks for it."""

    same_decisions: Sequence[float] = ()
    """As `errors`, of the columns of what is sorted or compared and of the outputs, where the
    operators that do so hand on what the original decided; empty where there are none."""

    tells: float = 0.0
    """As the largest of `errors` and `same_decisions`, of the network itself with every parameter
    moved by 2 %."""

    norms: Mapping[str, int] = field(default_factory=dict)
    """How many BatchNorms remain, by the operator they read."""

    behind: Sequence[str] = ()
    """BatchNorms that remain behind a Convolution that nothing else reads."""

    refusals: Sequence[Refusal] = ()

    @property
    def decided_by_rounding(self) -> list[int]:
        """Outputs that rounding moves in the network as it was; `same_decisions` tells of them."""
        if not self.same_decisions:
            return []
        return [n for n in self._moved if not self.control[n] < self.tolerances[n]]

    @property
    def wrong(self) -> list[int]:
        """Outputs that the pass changed."""
        return [n for n in self._moved if n not in self.decided_by_rounding]

    @property
    def differs(self) -> bool:
        """Whether the pass changed an output, or what decides on one."""
        return bool(self.wrong) or not all(error < TOLERANCE for error in self.same_decisions)

    @property
    def _moved(self) -> list[int]:
        pairs = zip(self.errors, self.tolerances, strict=True)
        return [n for n, (error, tolerance) in enumerate(pairs) if not error < tolerance]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> Finding:
        tree = json.loads(text)
        tree |= {part: Size(**tree[part]) for part in ("before", "after")}
        tree["refusals"] = [Refusal(**each) for each in tree["refusals"]]
        return cls(**tree)


def find(corpus: Path, network: Network, seconds: int = 3600) -> Finding:
    """Return what comes of a network, worked out in a child process."""
    environment = {**os.environ, "MXNET_SUBGRAPH_BACKEND": "NONE", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(Path(graphpass.__file__).parents[1])
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", __file__, str(corpus), network.name],
            env=environment, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Finding(network.name, f"takes more than {seconds} s")
    if done.returncode < 0 and _RUNS not in done.stderr:
        return Finding(network.name, f"MXNet ends its process with signal {-done.returncode}")
    assert done.returncode == 0, f"{network.name}: {done.stderr}"
    return Finding.of_json(done.stdout.splitlines()[-1])


def examine(network: Network) -> Finding:
    """Return what comes of a network, worked out in this process."""
    import mxnet as mx

    judge = Judge(mx)
    try:
        loaded = graphpass.load(network.path)
        graph = loaded.graph
        random = random_sources(graph, training=False)
        drawn = {graph.op(random[head.node]) for head in graph.heads if head.node in random}
        if drawn:
            return Finding(network.name, f"its outputs are drawn by {', '.join(sorted(drawn))}")
        origin = graph.origin
        numpy_shapes = mx.util.np_shape(origin is not None and origin.np_shape)
        with numpy_shapes:
            before, inputs = draw(loaded, network)
            original = defined(before)
            expected = judge.outputs(original, inputs)
    except (GraphpassError, mx.MXNetError, AssertionError, KeyError, ValueError) as error:
        return Finding(network.name, _first_line(error))
    print(_RUNS, file=sys.stderr, flush=True)
    after = before.copy()
    report = graphpass.apply(PASS, after)
    with numpy_shapes:
        result = defined(after)
        found = errors(judge.outputs(result, fed(result, inputs)), expected)
        tolerances = [tolerance(output) for output in expected]
        stir = moved(original, _STIR)
        stirred = errors(judge.outputs(stir, inputs), expected)
        compared = SameDecisions.of(judge, original, result, inputs)
        same_decisions: list[float] = []
        if compared is not None:
            same_decisions = compared.errors(result)
            stirred += compared.errors(stir)
        control: list[float] = []
        if any(not error < most for error, most in zip(found, tolerances, strict=True)):
            distance = max(same_decisions, default=0.0)
            control = moved_by_rounding(judge, original, inputs, expected, compared, distance)
    shapes = {name: value.shape for name, value in inputs.items()}
    return Finding(
        network.name,
        inputs=shapes,
        before=_size(before, shapes),
        after=_size(after, shapes),
        errors=found,
        tolerances=tolerances,
        control=control,
        same_decisions=same_decisions,
        tells=max(stirred, default=0.0),
        norms=_norms(after),
        behind=list(_left_behind(after)),
        refusals=list(_refusals(report)),
    )


def _first_line(error: Exception) -> str:
    """Return what an error says, without C++ stack and source positions."""
    text = str(error).split("Stack trace")[0].split("MXNetError: ")[-1]
    text = re.sub(r"Traceback \(most recent call last\):|File \"[^\"]*\", line \d+", "", text)
    text = re.sub(r"\[\d\d:\d\d:\d\d\] \S+: ", "", text).strip()
    text = text.split("; give it")[0].removeprefix("A: ")
    return text.splitlines()[0] if text else type(error).__name__


def _size(model: Model, inputs: Mapping[str, tuple[int, ...]]) -> Size:
    graph = model.graph
    keys = graph.order()
    shapes = {name: array.shape for name, array in model.parameters.items()}
    dtypes = {name: str(array.dtype) for name, array in model.parameters.items()}
    read = {name: shape for name, shape in inputs.items() if name in graph.arguments}
    inference = infer(graph, {**shapes, **read}, dtypes)
    return Size(
        nodes=len(keys),
        operators=sum(not graph.is_variable(key) for key in keys),
        parameters=len(model.parameters),
        multiply_adds=multiply_adds(graph, inference),
    )


def _norms(model: Model) -> dict[str, int]:
    graph = model.graph
    read = (
        graph.op(graph.inputs(key)[0].node) for key in graph.order() if graph.op(key) == "BatchNorm"
    )
    return dict(sorted(Counter("input" if op == "null" else op for op in read).items()))


def _left_behind(model: Model) -> Iterator[str]:
    """Yield the BatchNorms that read a Convolution with a stored weight and no other user."""
    graph = model.graph
    uses = Counter(entry.node for key in graph.order() for entry in graph.inputs(key))
    uses.update(entry.node for entry in graph.heads)
    for key in graph.order():
        if graph.op(key) == "BatchNorm" and not graph.node(key).attributes["output_mean_var"]:
            read = graph.inputs(key)[0].node
            if graph.op(read) == "Convolution" and uses[read] == 1:
                yield graph.name(key)


def _refusals(report: Report) -> Iterator[Refusal]:
    last = {step.id: step for step in _rewrites(report.steps) if step.id}
    for rule, step in sorted(last.items()):
        for miss in step.near_misses:
            if miss.code not in _NOT_NEAR and rule not in _DEFINING:
                yield Refusal(rule, miss.what, miss.reason, miss.count)


def _rewrites(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        if step.keyword == "rewrite":
            yield step
        yield from _rewrites(step.steps)


def main(arguments: Sequence[str]) -> None:
    """Print the finding about one network; nothing that MXNet says comes after it."""
    corpus, name = Path(arguments[0]), arguments[1]
    named = {each.name: each for each in networks(corpus, name.partition("/")[0])}
    with contextlib.redirect_stdout(sys.stderr):
        finding = examine(named[name])
    print(finding.to_json())


if __name__ == "__main__":
    main(sys.argv[1:])
