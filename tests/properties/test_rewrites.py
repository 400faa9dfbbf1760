"""What rewrites promise, on random models, with real MXNet as the judge.

The rewrites are those of ``sound_rules.yaml``: each keeps every output at inference.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sound_rules as sound
from hypothesis import event, given, seed, settings
from hypothesis import strategies as st
from mxnet_judge import Judge

import graphpass
from graphpass import Model, Parameters, dumps, isomorphic
from graphpass.errors import GraphpassError
from graphpass.graph import Edit
from graphpass.rules import Matcher, load_pass
from graphpass.rules.rewrite.draft import Refusal
from graphpass.rules.rewrite.facts import Facts
from graphpass.rules.rewrite.fates import decide
from graphpass.testing import RunnableModel, models

FEW, SOME, MANY = 25, 60, 300


def snapshot(model: Model) -> tuple[Any, ...]:
    """Return everything that an undone pass must leave alone, arrays by identity."""
    graph = model.graph
    nodes = {
        key: (graph.op(key), graph.name(key), dict(graph.attrs(key)), graph.inputs(key))
        for key in graph.dag
    }
    control = {key: graph.control_dependencies(key) for key in graph.dag}
    named = {name: sorted(graph.named(name)) for _, name, _, _ in nodes.values()}
    arrays = {name: id(array) for name, array in model.parameters.items()}
    classes = {name: model.parameters.class_of(name) for name in model.parameters}
    return dumps(graph), nodes, control, named, graph.heads, arrays, classes


def firings(report: graphpass.Report) -> list[list[Any]]:
    """Return what a report says of every firing, rule by rule."""
    return [[firing.to_json() for firing in step.firings] for step in report.steps]


def names_fired(report: graphpass.Report) -> list[list[tuple[str, ...]]]:
    """Return the same without keys, which a file does not hold."""
    return [
        [
            (firing.root.name, *sorted(ref.name for ref in firing.removed), "->",
             *sorted(ref.name for ref in firing.added))
            for firing in step.firings
        ]
        for step in report.steps
    ]  # fmt: skip


def assert_close(after: Sequence[np.ndarray], before: Sequence[np.ndarray]) -> None:
    """Compare lists of arrays, each by the largest number in it."""
    assert len(after) == len(before)
    for ours, theirs in zip(after, before, strict=True):
        assert ours.shape == theirs.shape
        scale = 1 + np.abs(theirs).max(initial=0)
        np.testing.assert_allclose(ours / scale, theirs / scale, atol=2e-5)


def assert_whole(model: Model, inputs: Mapping[str, Any]) -> None:
    """Check that graph and parameters belong together."""
    graph = model.graph
    states = set(graph.auxiliary_states)
    assert len(graph) == len(graph.order())
    assert set(model.parameters) == {*graph.arguments, *states} - set(inputs)
    for name in model.parameters:
        assert model.parameters.class_of(name) == ("aux" if name in states else "arg"), name
    variables = [graph.name(key) for key in graph.order() if graph.is_variable(key)]
    assert len(variables) == len(set(variables))


def assert_fixpoint(rules: Sequence[dict[str, Any]], model: Model) -> None:
    """Check that no match is left that any of the rules would take."""
    index = Facts(model.graph, model.inputs)
    for rule in load_pass(list(rules)).bind(None).rules:
        rewrite = rule.operation.rewrite
        matcher = Matcher(rewrite.pattern, model.graph, facts=index)
        for key in model.graph.order():
            for match in matcher.assignments(key):
                with pytest.raises(Refusal):
                    decide(rewrite, match, index, model.parameters)


def check(judge: Judge, drawn: RunnableModel, rules: list[dict[str, Any]]) -> None:
    """Apply sound rules, and check all that holds whatever they are."""
    model, arrays = drawn.model, drawn.arrays()
    untouched, after = snapshot(model), model.copy()
    foretold = graphpass.apply(rules, model, dry_run=True)
    assert snapshot(model) == untouched

    report = graphpass.apply(rules, after)
    assert firings(report) == firings(foretold)
    assert report.delta == foretold.delta
    assert snapshot(model) == untouched
    event("fired" if any(firings(report)) else "did not fire")

    assert_whole(after, drawn.shapes)
    fed = {name: arrays[name] for name in after.inputs}
    assert_close(judge.outputs(after, fed), judge.outputs(model, arrays))
    assert [name.removesuffix("_output") for name in after.graph.outputs]

    assert_fixpoint(rules, after)
    settled = snapshot(after)
    assert not graphpass.apply(rules, after).changed
    assert snapshot(after) == settled
    assert_the_same_from_a_file(model, rules, report, after)


def assert_the_same_from_a_file(
    model: Model, rules: list[dict[str, Any]], report: graphpass.Report, after: Model
) -> None:
    """Check that keys, and whatever else a file does not hold, make no difference."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        loaded = graphpass.load(Path(folder) / "model")
        again = graphpass.apply(rules, loaded)
        assert names_fired(again) == names_fired(report)
        same = isomorphic(after, loaded, names=True, parameters=bool(model.parameters))
        assert same, same.difference
        assert dumps(loaded.graph) == dumps(after.graph)


# -- sound rules ---------------------------------------------------------------------------------


@pytest.mark.mxnet
@pytest.mark.parametrize("name", sound.RULES)
@settings(max_examples=FEW)
@given(data=st.data())
def test_a_sound_rule_keeps_the_outputs(judge: Judge, name: str, data: Any) -> None:
    drawn = data.draw(sound.hosts(name))
    check(judge, drawn, list(sound.RULES[name].rules))


def draw_rules(data: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """Draw some sound rules in any order; next to each other, so they run together."""
    names = data.draw(st.permutations(sorted(sound.RULES)))[: data.draw(st.integers(1, 6))]
    return names, [rule for name in names for rule in sound.RULES[name].rules]


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(data=st.data())
def test_sound_rules_together_keep_the_outputs(judge: Judge, data: Any) -> None:
    names, rules = draw_rules(data)
    check(judge, data.draw(sound.hosts(*names)), rules)


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(drawn=models(max_operators=14), data=st.data())
def test_sound_rules_keep_the_outputs_of_any_model(
    judge: Judge, drawn: RunnableModel, data: Any
) -> None:
    check(judge, drawn, draw_rules(data)[1])


@pytest.mark.slow
@pytest.mark.mxnet
@settings(max_examples=20 * MANY)
@given(data=st.data())
def test_sound_rules_keep_the_outputs_of_large_models(judge: Judge, data: Any) -> None:
    names, rules = draw_rules(data)
    large = models(max_operators=40, max_heads=5)
    drawn = data.draw(st.one_of(sound.hosts(*names, max_operators=30), large))
    check(judge, drawn, rules)


def test_every_sound_rule_fires_on_some_model() -> None:
    fired: dict[str, int] = dict.fromkeys(sound.RULES, 0)

    @settings(max_examples=40, database=None, derandomize=True)
    @given(data=st.data())
    def count(data: Any, name: str) -> None:
        model = data.draw(sound.hosts(name)).model
        report = graphpass.apply(list(sound.RULES[name].rules), model)
        fired[name] += any(firings(report))

    for name in sound.RULES:
        count(name=name)
    assert min(fired.values()) >= 1, fired


# -- failures ------------------------------------------------------------------------------------

FAILING: dict[str, dict[str, Any]] = {
    "arity": {"match": "y = {op}(*xs)", "replace": "y = Convolution(*xs, *xs, *xs, *xs, "
              "kernel=(1, 1), num_filter=1)"},
    "attribute": {"match": "y = {op}(x, *_)", "replace": "y = Dropout(x, p=7)"},
    "name": {"match": "y = {op}(x, *_)", "replace": "y = relu(x, name='data')"},
    "expression": {"match": "y = {op}(x, *_)", "where": "1 / 0 > 0", "replace": "x"},
    "no array": {"match": "y = {op}(x, *_)", "let": {"w": "1"},
                 "replace": "y = elemwise_add(x, w)"},
    "expectation": {"match": "y = {op}(x, *_)", "where": "False", "replace": "x"},
    "runaway": {"match": "y = {op}(*xs)", "replace": "return relu({op}(*xs, **y.attrs))"},
}  # fmt: skip


@settings(max_examples=SOME)
@given(data=st.data(), fault=st.sampled_from(sorted(FAILING)))
def test_a_rule_that_fails_leaves_the_model_alone(data: Any, fault: str) -> None:
    names, rules = draw_rules(data)
    model = data.draw(sound.hosts(*names)).model
    trial = model.copy()
    graphpass.apply(rules, trial)
    operators = [node.op for node in trial.graph if node.op != "null"]
    if not operators or "data" not in trial.graph.arguments:
        return
    op = data.draw(st.sampled_from(operators))
    failing = {
        key: text.replace("{op}", op) if isinstance(text, str) else text
        for key, text in FAILING[fault].items()
    }
    failing["expect"] = 10**6  # where it is refused rather than wrong
    before = snapshot(model)
    with pytest.raises(GraphpassError) as caught:
        graphpass.apply([*rules, {"rewrite": {**failing, "group": "last"}}], model)
    event(type(caught.value).__name__)
    assert snapshot(model) == before


class Interruption(BaseException):
    """Comes in the middle of a firing."""


BUSY = ("fold-norm-into-convolution", "dense-to-dot", "merge-two-products", "drop-dropout")
"""Rules that among them do all that a firing may do."""

STEPS = {
    "a turned root or a new node": (Edit, "put"),
    "redirected users": (Edit, "redirect_all"),
    "replaced users": (Edit, "replace_nodes"),
    "removed nodes": (Edit, "remove_nodes"),
    "a stored value": (Parameters, "set"),
    "dropped values": (Parameters, "drop"),
}


@pytest.mark.parametrize("step", STEPS)
def test_an_interrupted_firing_leaves_the_model_alone(step: str) -> None:
    owner, method = STEPS[step]
    original = getattr(owner, method)
    rules = [rule for name in BUSY for rule in sound.RULES[name].rules]
    interruptions = 0

    @settings(max_examples=2 * FEW)
    @given(drawn=sound.hosts(*BUSY), left=st.integers(0, 2))
    def leaves_it_alone(drawn: RunnableModel, left: int) -> None:
        nonlocal interruptions
        model, before = drawn.model, snapshot(drawn.model)

        def interrupted(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            found = original(*arguments, **options)
            if left == 0:
                raise Interruption
            left -= 1
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(owner, method, interrupted)
            try:
                graphpass.apply(rules, model)
            except Interruption:
                interruptions += 1
                patch.undo()
                assert snapshot(model) == before

    leaves_it_alone()
    rounds = iter(range(20))
    while not interruptions:  # some steps are rare
        seed(next(rounds))(leaves_it_alone)()


# -- once ----------------------------------------------------------------------------------------


@settings(max_examples=SOME)
@given(drawn=models(operators=["relu", "tanh", "elemwise_add", "Dropout"]))
def test_once_fires_as_often_as_there_are_matches(drawn: RunnableModel) -> None:
    model = drawn.model
    count = sum(node.op == "relu" for node in model.graph)
    rewrite = {"match": "y = relu(x)", "replace": "y = relu(tanh(relu(x)))", "once": True}
    report = graphpass.apply([{"rewrite": rewrite}], model)
    assert len(report.steps[0].firings) == count
    assert sum(node.op == "relu" for node in model.graph) == 2 * count
