"""``optimize-for-inference`` on real networks, with random statistics, judged by real MXNet."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mxnet_judge import Judge

import graphpass
from graphpass import Model, Parameters, load
from graphpass.errors import GraphpassError

FOLDERS = ("trained", "versions", "wild", "zoo")
BATCH_NORM = "BatchNorm"
TOLERANCE = 1e-4


def shapes_on_record(corpus: Path, folder: str) -> dict[Path, dict[str, tuple[int, ...]]]:
    """Return the shapes of the inputs of every symbol that has them on record, or a guess."""
    known = {
        corpus / "zoo" / each["file"]: each["inputs"]
        for each in json.loads((corpus / "zoo" / "index.json").read_text())
    }
    found = {}
    for path in sorted((corpus / folder).rglob("*.json")):
        if path.name == "index.json" or path.name.endswith(".meta.json"):
            continue
        meta = path.with_name(path.name.replace("-symbol.json", ".meta.json"))
        if path not in known and meta.exists() and meta != path:
            known[path] = json.loads(meta.read_text()).get("inputs") or []
        guess = [{"name": "data", "shape": (1, 3, 224, 224)}]
        found[path] = {each["name"]: tuple(each["shape"]) for each in known.get(path, guess)}
    return found


def draw(mx: Any, graph: Any, inputs: dict[str, tuple[int, ...]]) -> tuple[Any, Any] | None:
    """Return parameters and inputs drawn at random, or None where MXNet infers no shapes."""
    symbol = mx.sym.load_json(graphpass.dumps(graph))
    names = symbol.list_arguments()
    given = {name: shape for name, shape in inputs.items() if name in names}
    try:
        shapes, _, states = symbol.infer_shape(**given)
        dtypes, _, _ = symbol.infer_type(**dict.fromkeys(given, np.float32))
    except Exception:
        return None
    if not shapes or any(dtype != np.float32 for dtype in dtypes):
        return None
    numbers = np.random.default_rng(zlib.crc32(names[-1].encode()))
    labels = {name for name in names if name.endswith("label")}
    parameters, fed = Parameters(), {}
    for name, shape in zip(names, shapes, strict=True):
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        array = numbers.standard_normal(shape) / fan_in**0.5
        if name.endswith("gamma"):
            array = numbers.choice([1.0, -0.7, 1e-4, 1.3, 0.4], shape)
        if name in given or name in labels:
            fed[name] = numbers.standard_normal(shape).astype("float32")
        else:
            parameters[name] = np.asarray(array, "float32")
    for name, shape in zip(symbol.list_auxiliary_states(), states, strict=True):
        positive = name.endswith("var")
        array = numbers.uniform(0.3, 2, shape) if positive else numbers.normal(0, 0.3, shape)
        parameters.set(name, np.asarray(array, "float32"), "aux")
    return parameters, fed


def errors(found: list[Any], expected: list[Any]) -> list[float]:
    """Return the largest error of each output, relative to its largest number."""
    result = []
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        scale = np.abs(theirs).max(initial=0) or 1
        result.append(float(np.abs(ours - theirs).max(initial=0) / scale))
    return result


def nudged(model: Model) -> Model:
    """Return the model with every weight moved by about one unit in the last place."""
    numbers = np.random.default_rng(0)
    other = model.copy()
    for name in [name for name in other.parameters if name.endswith("weight")]:
        weight = np.array(other.parameters[name])
        step = 1 + numbers.choice([-1, 1], weight.shape) * 1.2e-7
        other.parameters[name] = (weight * step).astype("float32")
    return other


def left_behind(model: Model) -> Iterator[str]:
    """Yield the BatchNorms that read a Convolution with a stored weight and no other user."""
    graph = model.graph
    uses = Counter(entry.node for key in graph.order() for entry in graph.inputs(key)) + Counter(
        entry.node for entry in graph.heads
    )
    for key in graph.order():
        if graph.op(key) == BATCH_NORM and not graph.node(key).attributes["output_mean_var"]:
            read = graph.inputs(key)[0].node
            if graph.op(read) == "Convolution" and uses[read] == 1:
                weight = graph.inputs(read)[1].node
                if graph.is_variable(weight):
                    yield graph.name(key)


@pytest.mark.slow
@pytest.mark.mxnet
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("folder", FOLDERS)
def test_real_networks_keep_their_outputs(corpus: Path, mx: Any, judge: Judge, folder: str) -> None:
    compared, failed, blind = 0, {}, {}
    for path, inputs in shapes_on_record(corpus, folder).items():
        name = str(path.relative_to(corpus))
        try:
            graph = load(path).graph
            found = draw(mx, graph, inputs)
            if found is None:
                continue
            parameters, fed = found
            before = Model(graph, parameters)
            expected = judge.outputs(before, fed)
            if any(not np.array_equal(a, b, equal_nan=True)
                   for a, b in zip(expected, judge.outputs(before, fed), strict=True)):  # fmt: skip
                continue  # it draws random numbers
        except (GraphpassError, mx.MXNetError):
            continue
        after = before.copy()
        graphpass.apply("optimize-for-inference", after)
        remaining = [each for each in left_behind(after)]
        if remaining:
            failed[name] = f"BatchNorms remain: {remaining[:3]}"
        got = judge.outputs(after, {each: fed[each] for each in after.inputs})
        wrong = {n for n, error in enumerate(errors(got, expected)) if not error < TOLERANCE}
        if wrong:
            # Proposals are sorted and suppressed: where rounding in the model as it was moves an
            # output as far, that output can tell nothing of a pass, right or wrong.
            control = errors(judge.outputs(nudged(before), fed), expected)
            unjudged = {n for n in wrong if not control[n] < TOLERANCE}
            print(
                f"{name}: outputs {sorted(unjudged)} can't be judged; the model itself moves them"
            )
            blind[name] = sorted(unjudged)
            if wrong - unjudged:
                failed[name] = f"outputs {sorted(wrong - unjudged)} differ"
        compared += 1
        print(f"{name}: {len(before.graph)} -> {len(after.graph)} nodes {failed.get(name, '')}")
    print(f"{folder}: {compared} networks compared, {len(failed)} fail; not judged: {blind}")
    assert not failed
    assert compared
