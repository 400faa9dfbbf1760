"""What `verify` says of shipped passes and of planted faults on the networks of a corpus.

    python tests/support/proofs.py CORPUS [--networks TEXT] [--most GIGA] [--faults N] [--seed N]

prints what is not as it should be and a summary: every shipped pass must be accepted, and no fault
may be called equal. Each network has a process of its own, since MXNet ends its own on some graphs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real_networks import FOLDERS, Network, draw, networks

import graphpass
from graphpass import Entry, Model
from graphpass.errors import BackendError, GraphpassError
from graphpass.ops.meaning import is_commutative
from graphpass.passes import shipped_names
from graphpass.shapes import infer, multiply_adds

__all__ = ["FAULTS", "Proofs", "chosen", "judge", "plant", "proofs"]

Array = NDArray[Any]


@dataclass
class Proofs:
    """What was said of one network."""

    name: str
    left_out: str = ""
    passes: dict[str, str] = field(default_factory=dict)
    """Shipped pass that changed it -> verdict."""

    shares: dict[str, float] = field(default_factory=dict)
    """The same -> largest error of an output over what is tolerated."""

    faults: dict[str, str] = field(default_factory=dict)
    """Fault -> verdict, ``refused`` where MXNet does not run it."""

    told: dict[str, str] = field(default_factory=dict)
    """What `verify` says where it is not as it should be."""


# -- planted faults --------------------------------------------------------------------------------


def _weights(model: Model, least: int = 1) -> list[str]:
    read = {model.graph.name(key) for key in model.graph.order() if model.graph.is_variable(key)}
    return [
        name for name, value in model.parameters.items()
        if name in read and value.dtype == "float32" and value.size >= least and np.any(value)
    ]  # fmt: skip


def _operators(model: Model, wanted: Callable[[Any], bool]) -> list[int]:
    graph = model.graph
    return [key for key in graph.order() if not graph.is_variable(key) and wanted(graph.node(key))]


def _has(*names: str) -> Callable[[Any], bool]:
    def wanted(node: Any) -> bool:
        with contextlib.suppress(GraphpassError):
            return any(name in node.attributes for name in names)
        return False

    return wanted


def _scaled(model: Model, dice: np.random.Generator) -> str:
    name = dice.choice(_weights(model))
    model.parameters[name] = np.asarray(model.parameters[name]) * np.float32(1.01)
    return f"{name} * 1.01"


def _channels(model: Model, dice: np.random.Generator) -> str:
    names = [name for name in _weights(model) if model.parameters[name].ndim > 1]
    name = dice.choice([name for name in names if max(model.parameters[name].shape[:2]) > 1])
    value = np.asarray(model.parameters[name])
    axis = int(dice.choice([axis for axis in (0, 1) if value.shape[axis] > 1]))
    model.parameters[name] = np.roll(value, 1, axis)
    return f"{name} rolled along {axis}"


def _eps(model: Model, dice: np.random.Generator) -> str:
    key = int(dice.choice(_operators(model, _has("eps"))))
    eps = model.graph.node(key).attributes["eps"]
    return _set(model, key, eps=1e-3 if eps < 5e-4 else eps * 5)


def _axis(model: Model, dice: np.random.Generator) -> str:
    def whole(node: Any) -> bool:
        name = "dim" if node.op == "Concat" else "axis"
        return _has(name)(node) and isinstance(node.attributes[name], int)

    key = int(dice.choice(_operators(model, whole)))
    name = "dim" if model.graph.op(key) == "Concat" else "axis"
    axis = model.graph.node(key).attributes[name]
    return _set(model, key, **{name: int(dice.choice([i for i in (0, 1, 2) if i != axis]))})


def _stride(model: Model, dice: np.random.Generator) -> str:
    wanted = _operators(
        model, lambda node: node.op in ("Convolution", "Pooling") and "kernel" in node.attrs
    )
    key = int(dice.choice(wanted))
    attributes = model.graph.node(key).attributes
    rank = len(attributes["kernel"])
    stride = attributes["stride"] or (1,) * rank
    return _set(model, key, stride=tuple(2 if size == 1 else 1 for size in stride))


def _operands(model: Model, dice: np.random.Generator) -> str:
    graph = model.graph

    def wanted(node: Any) -> bool:
        read = graph.inputs(node.key)
        names = graph.signature(node.key).input_names
        ordered = node.op in ("Concat", "dot", "batch_dot", "stack") or "sub" in node.op
        ordered = ordered or "div" in node.op or "power" in node.op
        return (
            ordered and len(read) > 1 and not is_commutative(node.op)
            and read[0] != read[1] and names is not None
        )  # fmt: skip

    key = int(dice.choice(_operators(model, wanted)))
    first, second = graph.inputs(key)[:2]
    with graph.edit() as edit:
        edit.set_input(key, 0, second)
        edit.set_input(key, 1, first)
    return f"{graph.op(key)} {graph.name(key)}: operands swapped"


def _bias(model: Model, dice: np.random.Generator) -> str:
    graph = model.graph

    def wanted(node: Any) -> bool:
        if node.op not in ("Convolution", "FullyConnected") or node.attributes["no_bias"]:
            return False
        read = graph.inputs(node.key)
        value = model.parameters.get(graph.name(read[2].node)) if len(read) == 3 else None
        return value is not None and bool(np.any(value))

    key = int(dice.choice(_operators(model, wanted)))
    with graph.edit() as edit:
        edit.set_inputs(key, graph.inputs(key)[:2])
        edit.update_attrs(key, {"no_bias": "True"})
    return f"{graph.name(key)} without bias"


def _set(model: Model, key: int, **attributes: Any) -> str:
    with model.graph.edit() as edit:
        edit.update_attrs(key, {name: str(value) for name, value in attributes.items()})
    return f"{model.graph.op(key)} {model.graph.name(key)}: {attributes}"


FAULTS = {
    "weight": _scaled,
    "channels": _channels,
    "eps": _eps,
    "axis": _axis,
    "stride": _stride,
    "operands": _operands,
    "bias": _bias,
}


def plant(
    model: Model, seed: int, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Model, str] | None:
    """Return a model with one fault, and what it is; None where it has nothing for that kind.

    A stride at which a layer still has one place to go to, and an axis that is called otherwise
    and is the same, are no faults.
    """
    dice = np.random.default_rng(seed)
    kind = list(FAULTS)[seed % len(FAULTS)]
    other = model.copy()
    try:
        what = f"{kind}: {FAULTS[kind](other, dice)}"
    except (ValueError, GraphpassError):
        return None
    if kind not in ("stride", "axis"):
        return other, what
    found, former = (
        infer(each.graph, {**each.parameters.shapes, **shapes}) for each in (other, model)
    )
    for key in model.graph.order():
        old, new = model.graph.node(key), other.graph.node(key)
        if old.attrs == new.attrs:
            continue
        if kind == "stride":
            return None if found.shape(Entry(key)) == former.shape(Entry(key)) else (other, what)
        name = "dim" if old.op == "Concat" else "axis"
        rank = len(former.shape(Entry(key)) or ()) or 1
        same = (old.attributes[name] - new.attributes[name]) % rank == 0
        return None if same else (other, what)
    return None


# -- one network -----------------------------------------------------------------------------------


def examine(network: Network, faults: int, seed: int) -> Proofs:
    """Apply every shipped pass, plant faults, and ask `verify`, in this process."""
    found = Proofs(network.name)
    try:
        loaded = graphpass.load(network.path)
        before, inputs = draw(loaded, network)
    except (GraphpassError, KeyError, ValueError, AssertionError) as error:
        found.left_out = str(error).splitlines()[0][:200]
        return found
    shapes = {name: value.shape for name, value in inputs.items()}
    try:
        itself = graphpass.verify(before, before.copy(), inputs=shapes)
    except GraphpassError as error:
        found.left_out = str(error).splitlines()[0][:200]
        return found
    if any(value.random for value in itself.outputs):
        found.left_out = "its outputs are random"
        return found
    number = zlib.crc32(network.name.encode()) % 1000 * 1000 + seed
    judge(found, before, shapes, range(number, number + faults))
    return found


def judge(
    found: Proofs, before: Model, shapes: Mapping[str, tuple[int, ...]], seeds: Iterable[int]
) -> None:
    """Note what `verify` says of a model after each shipped pass, and after each planted fault."""
    for name in shipped_names():
        after = before.copy()
        try:
            report = graphpass.apply(name, after)
        except GraphpassError as error:
            found.told[f"{name} refused"] = str(error)[:300]
            continue
        if not report.changed:
            continue
        try:
            proof = graphpass.verify(before, after, inputs=shapes, lineage=report.lineage)
        except GraphpassError as error:
            found.passes[name] = "error"
            found.told[name] = str(error)[:600]
            continue
        found.passes[name] = proof.verdict
        values = [each.comparison for each in proof.outputs if each.comparison is not None]
        found.shares[name] = max((each.beyond for each in values), default=0.0)
        if not proof:
            found.told[name] = str(proof)[:1500]
    for seed in seeds:
        planted = plant(before, seed, shapes)
        if planted is None:
            continue
        other, what = planted
        try:
            proof = graphpass.verify(before, other, inputs=shapes)
        except (BackendError, GraphpassError) as error:
            found.faults[what] = "refused"
            if not isinstance(error, BackendError):
                found.told[what] = str(error)[:300]
            continue
        found.faults[what] = proof.verdict
        if proof:
            found.told[what] = str(proof)[:1500]


def proofs(
    corpus: Path, network: Network, *, faults: int, seed: int = 0, seconds: int = 900
) -> Proofs:
    """Return what is said of a network, worked out in a child process."""
    environment = {**os.environ, "MXNET_SUBGRAPH_BACKEND": "NONE", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(Path(graphpass.__file__).parents[1])
    command = [sys.executable, "-W", "ignore", __file__, str(corpus), "--one", network.name]
    command += ["--faults", str(faults), "--seed", str(seed)]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Proofs(network.name, f"takes more than {seconds} s")
    if done.returncode < 0:
        return Proofs(network.name, f"MXNet ends its process with signal {-done.returncode}")
    if done.returncode:
        raise RuntimeError(f"{network.name}: {done.stderr[-3000:]}")
    return Proofs(**json.loads(done.stdout.splitlines()[-1]))


def giga(network: Network) -> float:
    """Return how many thousand million multiply-adds a network takes, about; 0 if unknown."""
    try:
        graph = graphpass.load(network.path).graph
        return (multiply_adds(graph, infer(graph, network.inferable)) or 0) / 1e9
    except GraphpassError:
        return 0.0


def chosen(corpus: Path, text: str, most: float) -> Iterator[Network]:
    """Yield the networks whose names hold a text and that are not too large."""
    for folder in FOLDERS:
        for network in networks(corpus, folder):
            if text in network.name and giga(network) <= most:
                yield network


def main(arguments: Sequence[str]) -> None:
    """Print what is said of the networks of a corpus."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--networks", default="", help="those whose names hold this")
    parser.add_argument("--most", type=float, default=1.0, help="thousand million multiply-adds")
    parser.add_argument("--faults", type=int, default=7, help="faults for each network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        named = {each.name: each for each in networks(options.corpus, options.one.split("/")[0])}
        with contextlib.redirect_stdout(sys.stderr):
            found = examine(named[options.one], options.faults, options.seed)
        print(json.dumps(asdict(found)))
        return
    passes: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    shares: list[tuple[float, str]] = []
    for network in chosen(options.corpus, options.networks, options.most):
        found = proofs(options.corpus, network, faults=options.faults, seed=options.seed)
        passes.update(found.passes.values())
        faults.update(found.faults.values())
        shares += [(share, f"{found.name} {name}") for name, share in found.shares.items()]
        told = "".join(f"\n  {what}: {text}" for what, text in found.told.items())
        print(f"{found.name}: {found.left_out or dict(Counter(found.passes.values()))}, "
              f"{dict(Counter(found.faults.values()))}{told}", flush=True)  # fmt: skip
    print(f"passes {dict(passes)}; faults {dict(faults)}")
    print("largest errors over what is tolerated:", sorted(shares)[-20:])


if __name__ == "__main__":
    main(sys.argv[1:])
