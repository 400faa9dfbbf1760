"""Every shipped pass on random models that hold what it is about, with real MXNet as the judge."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pass_hosts
import pytest
from hypothesis import event, given, seed, settings
from hypothesis import strategies as st

import graphpass
from graphpass import Model, dumps
from graphpass.rules import load_pass
from graphpass.rules.operations.rewrite import RewriteOperation
from graphpass.testing import RunnableModel


def assert_whole(model: Model, inputs: Any) -> None:
    """Check that graph and parameters belong together."""
    states = set(model.graph.auxiliary_states)
    assert set(model.parameters) == {*model.graph.arguments, *states} - set(inputs)
    for name in model.parameters:
        assert model.parameters.class_of(name) == ("aux" if name in states else "arg"), name


def check(judge: Any, name: str, drawn: RunnableModel, *, is_shaped: bool) -> None:
    """Apply a pass; the outputs stay, and it finds nothing more to do."""
    arrays, after = drawn.arrays(), drawn.model.copy()
    report = graphpass.apply(name, after, inputs=drawn.shapes if is_shaped else None)
    event("changed" if report.changed else "did not apply")
    assert_whole(after, drawn.shapes)
    before = judge.outputs(drawn.model, arrays)
    found = judge.outputs(after, {each: arrays[each] for each in after.inputs})
    assert len(found) == len(before)
    for ours, theirs in zip(found, before, strict=True):
        assert ours.shape == theirs.shape
        assert ours.dtype == theirs.dtype
        scale = 1 + np.abs(theirs).max(initial=0)
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=2e-5)
    settled = dumps(after.graph)
    shapes = {each: drawn.shapes[each] for each in after.inputs} if is_shaped else None
    assert not graphpass.apply(name, after, inputs=shapes).changed
    assert dumps(after.graph) == settled


@pytest.mark.mxnet
@pytest.mark.parametrize("name", pass_hosts.PASSES)
@settings(max_examples=25)
@given(data=st.data())
def test_a_pass_keeps_the_outputs(judge: Any, name: str, data: Any) -> None:
    check(judge, name, data.draw(pass_hosts.hosts(name)), is_shaped=data.draw(st.booleans()))


@pytest.mark.slow
@pytest.mark.mxnet
@pytest.mark.parametrize("name", pass_hosts.PASSES)
@settings(max_examples=1000)
@given(data=st.data())
def test_a_pass_keeps_the_outputs_of_large_models(judge: Any, name: str, data: Any) -> None:
    drawn = data.draw(pass_hosts.hosts(name, max_operators=20))
    check(judge, name, drawn, is_shaped=data.draw(st.booleans()))


@pytest.mark.parametrize("name", [name for name in pass_hosts.PASSES if "optimize" not in name])
def test_every_rewrite_fires_on_some_model(name: str) -> None:
    wanted = {
        rule.id
        for rule in load_pass(name).rules
        if isinstance(rule.operation, RewriteOperation)
        and not rule.operation.rewrite.refuses
        # Models are drawn without NumPy mode; the tests in the file fire these.
        and not str(rule.id).startswith("numpy-")
    }
    fired: Counter[str | None] = Counter()

    @settings(max_examples=30, database=None)
    @given(drawn=pass_hosts.hosts(name))
    def count(drawn: RunnableModel) -> None:
        report = graphpass.apply(name, drawn.model, inputs=drawn.shapes)
        fired.update(firing.rule for step in report.steps for firing in step.firings)

    for start in range(10):
        seed(start)(count)()
        if wanted <= set(fired):
            return
    raise AssertionError(f"never fired: {wanted - set(fired)}; fired: {fired}")
