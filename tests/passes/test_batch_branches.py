"""``batch-branches`` and its inverse, on towers of random models, with real MXNet as the judge."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

import graphpass
from graphpass import Model, dumps, load
from graphpass.errors import OperationError
from graphpass.testing import RunnableModel, models

FIXTURES = Path(__file__).parents[2] / "fixtures"

PREFIXES = ("second/", "third/")


def residual_towers(count: int) -> Model:
    """Return so many towers on the weights of a small residual network."""
    model = load(FIXTURES / "residual")
    (head,) = model.graph.outputs
    for prefix in PREFIXES[: count - 1]:
        graphpass.apply([{"clone": {"from": "data", "to": head, "prefix": prefix}}], model)
    return model


def operators(model: Model) -> Counter[str]:
    return Counter(node.op for node in model.graph if not node.is_variable)


@pytest.mark.mxnet
@pytest.mark.parametrize("count", [2, 3])
def test_weights_and_trunk_are_there_once(judge: Any, count: int) -> None:
    before, one = residual_towers(count), load(FIXTURES / "residual")
    after = before.copy()
    assert graphpass.apply("batch-branches", after).changed
    assert list(after.parameters) == list(before.parameters) == list(one.parameters)
    added = {"Concat": 1, "SliceChannel": 1, "_copy": count}
    assert operators(after) == operators(one) + Counter(added)
    assert after.graph.outputs == before.graph.outputs
    numbers = np.random.default_rng(0)
    inputs = {name: numbers.normal(size=(2, 3, 8, 8)).astype("float32") for name in before.inputs}
    wanted, found = judge.outputs(before, inputs), judge.outputs(after, inputs)
    for first, second in zip(found, wanted, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["batch-branches", "unbatch-branches"])
def test_a_second_run_changes_nothing(name: str) -> None:
    model = residual_towers(3)
    if name == "unbatch-branches":
        graphpass.apply("batch-branches", model)
    assert graphpass.apply(name, model).changed
    settled = dumps(model.graph)
    assert not graphpass.apply(name, model).changed
    assert dumps(model.graph) == settled


def test_branches_may_be_named_and_end_earlier() -> None:
    model = residual_towers(3)
    chosen = {"from": [["data"], ["third/data"]], "to": "flatten0"}
    graphpass.apply("batch-branches", model, set=chosen)
    assert operators(model)["Convolution"] == 4
    assert operators(model)["FullyConnected"] == 3


def test_a_model_in_training_is_refused_for_its_statistics() -> None:
    with pytest.raises(OperationError, match=r"BatchNorm 'bn0'.*over all samples of the batch"):
        graphpass.apply("batch-branches", residual_towers(2), purpose="training")


def towers(drawn: RunnableModel, count: int) -> Model:
    """Return so many towers on the weights of a random model."""
    model = drawn.model.copy()
    heads = [
        head for head in dict.fromkeys(model.graph.heads) if not model.graph.is_variable(head.node)
    ]
    assume(heads and model.inputs)
    with model.edit() as edit:
        edit.set_heads(heads)
        edit.sweep()
    values = [f"id:{head.node}:{head.output}" for head in heads]
    for prefix in PREFIXES[: count - 1]:
        inputs = [f"id:{key}" for name in drawn.shapes for key in model.graph.named(name)]
        inputs = [each for each in inputs if model.graph.reaches(int(each[3:]))]
        graphpass.apply([{"clone": {"from": inputs, "to": values, "prefix": prefix}}], model)
    return model


def arrays(drawn: RunnableModel, model: Model) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for number, prefix in enumerate(("", *PREFIXES)):
        for name, array in drawn.arrays(number).items():
            found[f"{prefix}{name}"] = array
    return {name: found[name] for name in model.inputs}


def reads_statistics(model: Model) -> bool:
    """Return whether mean or variance of a BatchNorm, which no sample changes, is used."""
    graph = model.graph
    used = [*graph.heads, *(entry for node in graph for entry in node.inputs)]
    return any(entry.output and graph.op(entry.node) == "BatchNorm" for entry in used)


def check(judge: Any, drawn: RunnableModel, count: int) -> str:
    """Batch the towers and undo it; return what happened."""
    before = towers(drawn, count)
    after = before.copy()
    starts = [[name for name in before.inputs if name.startswith(prefix)] for prefix in PREFIXES][
        : count - 1
    ]
    first = [name.removeprefix(PREFIXES[0]) for name in starts[0]]
    try:
        graphpass.apply([{"batch": [first, *starts]}], after)
    except OperationError as error:
        assert "can't run on several batches at once" in str(error), error
        return "refused"
    assert len(after.graph.outputs) == len(before.graph.outputs)
    assert list(after.parameters) == list(before.parameters)
    inputs = arrays(drawn, before)
    wanted, found = judge.outputs(before, inputs), judge.outputs(after, inputs)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        scale = 1 + np.abs(other).max(initial=0)
        np.testing.assert_allclose(one / scale, other / scale, atol=2e-5)
    if reads_statistics(before):
        return "batched for good"  # what is the same in all branches is not split, and stays one
    parted = after.copy()
    graphpass.apply("unbatch-branches", parted)
    same = graphpass.isomorphic(before, parted, parameters=True, versions=True)
    assert same, f"{same}\n{dumps(parted.graph)}"
    saved = len(list(before.graph)) - len(list(after.graph))
    return "batched much" if saved > 0 else "batched"


@pytest.mark.mxnet
def test_random_towers(judge: Any) -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=80)
    @given(drawn=models(max_operators=12, odd_names=False), count=st.integers(2, 3))
    def run(drawn: RunnableModel, count: int) -> None:
        what = check(judge, drawn, count)
        event(what)
        seen[what] += 1

    for _ in range(4):  # draws come in clumps: go on until both have been seen
        run()
        if seen["batched much"] >= 3 <= seen["refused"]:
            return
    pytest.fail(f"too little is drawn of one kind: {seen}")


@pytest.mark.slow
@pytest.mark.mxnet
@settings(max_examples=2000)
@given(drawn=models(max_operators=20, odd_names=False), count=st.integers(2, 3))
def test_large_random_towers(judge: Any, drawn: RunnableModel, count: int) -> None:
    event(check(judge, drawn, count))
