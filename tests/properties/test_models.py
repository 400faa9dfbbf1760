"""What operations promise, on random models, with real MXNet as the judge."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from mxnet_judge import Judge

import graphpass
from graphpass import Entry, Graph, Model, dumps, isomorphic
from graphpass.errors import ExpectationError
from graphpass.testing import OPERATORS, RunnableModel, models, rules

Arrays = Mapping[str, np.ndarray]

FEW, SOME, MANY = 100, 250, 600

SMOOTH = [op for op in OPERATORS if op != "Dropout"]
"""Operators that compute the same in every training step."""


def apply(model: Model, *chosen: dict[str, Any]) -> graphpass.Report:
    """Apply some rules to a model, in place."""
    return graphpass.apply(list(chosen), model)


def assert_equal(after: Sequence[np.ndarray], before: Sequence[np.ndarray]) -> None:
    """Compare lists of arrays up to what a different memory layout may change."""
    assert len(after) == len(before)
    for ours, theirs in zip(after, before, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def assert_classes(model: Model) -> None:
    """Check that a parameter is stored as what its variable is."""
    states = set(model.graph.auxiliary_states)
    for name in model.parameters:
        assert model.parameters.class_of(name) == ("aux" if name in states else "arg"), name


def snapshot(model: Model) -> tuple[Any, ...]:
    """Return everything that an undone pass must leave alone."""
    graph = model.graph
    nodes = {
        key: (graph.op(key), graph.name(key), dict(graph.attrs(key)), graph.inputs(key))
        for key in graph.dag
    }
    control = {key: graph.control_dependencies(key) for key in graph.dag}
    arrays = {name: (a.dtype, a.shape, a.tobytes()) for name, a in model.parameters.items()}
    return dumps(graph), nodes, control, graph.heads, arrays


def some_head_gradients(outputs: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    numbers = np.random.default_rng(seed)
    return [numbers.standard_normal(array.shape).astype(array.dtype) for array in outputs]


def by_key(entry: Entry) -> str:
    """Name a value by key: names may repeat."""
    return f"id:{entry.node}:{entry.output}"


def escaped(name: str) -> str:
    """Return a name as a pass spells it, where ``${`` begins a parameter."""
    return name.replace("${", "$${")


def merge(ours: Model, theirs: Model, **options: Any) -> Model:
    """Return a model of two, by way of a file."""
    merged = ours.copy()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save(Path(folder) / "theirs")
        apply(merged, {"merge": {"model": f"{folder}/theirs", **options}})
    return merged


# -- the strategy itself -------------------------------------------------------------------------


@pytest.mark.mxnet
@settings(max_examples=MANY)
@given(drawn=models(max_operators=14, dtypes=("float32", "float32", "float64")))
def test_mxnet_runs_every_model(judge: Judge, drawn: RunnableModel) -> None:
    outputs = judge.outputs(drawn.model, drawn.arrays())
    assert len(outputs) == len(drawn.model.graph.heads)
    assert all(np.isfinite(array).all() for array in outputs)
    assert all(np.abs(array).max() < 1e4 for array in outputs)
    assert set(drawn.model.inputs) == set(drawn.shapes)
    event(f"{len(drawn.model.graph.order()) // 8 * 8} nodes or more")


# -- files ---------------------------------------------------------------------------------------


@settings(max_examples=SOME)
@given(drawn=models(dtypes=("float32", "float64", "float16")))
def test_saving_what_was_loaded_changes_nothing(drawn: RunnableModel) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first = drawn.model.save(Path(folder) / "first", epoch=3)
        loaded = graphpass.load(Path(folder) / "first")
        second = loaded.save(Path(folder) / "second", epoch=3)
        assert first.symbol.read_bytes() == second.symbol.read_bytes()
        assert (first.params is None) == (second.params is None)
        if first.params is not None:
            assert first.params.read_bytes() == second.params.read_bytes()
        assert loaded.parameters == drawn.model.parameters
        assert isomorphic(drawn.model, loaded, names=True, parameters=True, versions=True)


@pytest.mark.mxnet
@settings(max_examples=FEW)
@given(drawn=models())
def test_mxnet_loads_what_was_saved(mx: Any, judge: Judge, drawn: RunnableModel) -> None:
    assume(drawn.model.parameters)
    with tempfile.TemporaryDirectory() as folder:
        prefix = Path(folder) / "model"
        drawn.model.save(prefix)
        symbol, arguments, states = mx.model.load_checkpoint(str(prefix), 0)
    assert symbol.tojson(remove_amp_cast=False) == dumps(drawn.model.graph)
    assert states.keys() == set(drawn.model.graph.auxiliary_states)
    for name, array in {**arguments, **states}.items():
        np.testing.assert_array_equal(array.asnumpy(), drawn.model.parameters[name])
    assert len(arguments) + len(states) == len(drawn.model.parameters)


# -- operations ----------------------------------------------------------------------------------


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(drawn=models(), data=st.data())
def test_renaming_is_an_isomorphism(judge: Judge, drawn: RunnableModel, data: Any) -> None:
    after = drawn.model.copy()
    inputs = {name: name for name in drawn.shapes}
    for _ in range(data.draw(st.integers(1, 3))):
        promised = data.draw(rules(after, operations=("rename", "prefix")))
        apply(after, promised.rule)
        inputs = {new: inputs[old] for new, old in promised.inputs.items()}
    mapping = isomorphic(drawn.model, after)
    assert mapping, mapping.difference
    arrays = drawn.arrays()
    assert_equal(
        judge.outputs(after, {new: arrays[old] for new, old in inputs.items()}),
        judge.outputs(drawn.model, arrays),
    )
    for key, twin in mapping.mapping.items():
        array = drawn.model.parameters.get(drawn.model.graph.name(key))
        if drawn.model.graph.is_variable(key) and array is not None:
            np.testing.assert_array_equal(after.parameters[after.graph.name(twin)], array)


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(drawn=models(operators=SMOOTH, max_operators=8), seed=st.integers(0, 99))
def test_a_clone_on_shared_weights_adds_its_gradient(
    judge: Judge, drawn: RunnableModel, seed: int
) -> None:
    assume(drawn.shapes and is_plain_in_training(drawn.model.graph))
    after = drawn.model.copy()
    apply(after, {"clone": {"prefix": "right of ", "share": "parameters"}})
    assert after.parameters == drawn.model.parameters
    assert_last_part(after, drawn.model)

    one, two = drawn.arrays(seed), drawn.arrays(seed + 1)
    ours, theirs, found = three_gradients(judge, drawn, after, one, two)
    wanted = {}
    for name in ours:
        if name in drawn.shapes:
            wanted[name], wanted[f"right of {name}"] = ours[name], theirs[name]
        else:
            wanted[name] = ours[name] + theirs[name]
    assert_gradients(found, wanted)


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(drawn=models(operators=SMOOTH, max_operators=8), seed=st.integers(0, 99))
def test_a_clone_on_copies_has_its_own_gradient(
    judge: Judge, drawn: RunnableModel, seed: int
) -> None:
    assume(drawn.shapes and is_plain_in_training(drawn.model.graph))
    after = drawn.model.copy()
    apply(after, {"clone": {"prefix": "right of ", "share": "copy"}})
    assert len(after.parameters) == 2 * len(drawn.model.parameters)
    assert_last_part(after, drawn.model)

    one, two = drawn.arrays(seed), drawn.arrays(seed + 1)
    ours, theirs, found = three_gradients(judge, drawn, after, one, two)
    assert_gradients(
        found, {**ours, **{f"right of {name}": array for name, array in theirs.items()}}
    )


def assert_last_part(whole: Model, part: Model) -> None:
    """Check that the last heads of a model compute what another model does, node for node."""
    alone = whole.copy()
    heads = whole.graph.heads[-len(part.graph.heads) :]
    apply(alone, {"extract": {"outputs": [by_key(head) for head in heads]}})
    same = isomorphic(part, alone, parameters=True)
    assert same, same.difference


def is_plain_in_training(graph: Graph) -> bool:
    """Return whether gradients are those of the heads alone, each a value of its own.

    Of a value that is a head twice, as a variable would be in the clone, MXNet takes the gradient
    of the last head only. And where a BatchNorm reads the statistics that another one updates, what
    it computes depends on who ran before.
    """
    distinct = len({head[:2] for head in graph.heads}) == len(graph.heads)
    variables = any(graph.is_variable(head.node) for head in graph.heads)
    states = graph.variable_keys().auxiliary_states
    return distinct and not variables and all(len(graph.uses(key)) == 1 for key in states)


def three_gradients(
    judge: Judge, drawn: RunnableModel, after: Model, one: Arrays, two: Arrays
) -> tuple[Arrays, Arrays, Arrays]:
    """Return the gradients of a model on two sets of inputs, and of its clone on both at once."""
    both = {**one, **{f"right of {name}": array for name, array in two.items()}}
    left, right = judge.outputs(drawn.model, one), judge.outputs(drawn.model, two)
    assert_equal(judge.outputs(after, both), [*left, *right])
    # MXNet has no gradient for the indices of an Embedding.
    without = [*drawn.bounds, *(f"right of {name}" for name in drawn.bounds)]
    pull, push = some_head_gradients(left, 1), some_head_gradients(right, 2)
    return (
        judge.gradients(drawn.model, one, pull, without=without),
        judge.gradients(drawn.model, two, push, without=without),
        judge.gradients(after, both, [*pull, *push], without=without),
    )


def assert_gradients(found: Arrays, wanted: Arrays) -> None:
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        scale = 1 + np.abs(array).max(initial=0)
        np.testing.assert_allclose(found[name] / scale, array / scale, atol=2e-4, err_msg=name)


@settings(max_examples=SOME)
@given(drawn=models(), data=st.data())
def test_tying_undoes_untying(drawn: RunnableModel, data: Any) -> None:
    before = drawn.model
    if not shared_variables(before.graph):
        assume(before.parameters and drawn.shapes)
        apply(before, {"clone": {"prefix": "right of ", "share": "parameters"}})
    graph = before.graph
    shared = shared_variables(graph)
    assume(shared)
    key = data.draw(st.sampled_from(shared))
    name = graph.name(key)
    readers = len({use.node for use in graph.uses(key)})
    names = [f"untied {index}" for index in range(readers)]
    after = before.copy()
    apply(after, {"untie": {"variable": f"id:{key}", "names": names}})
    stored = name in before.parameters
    assert len(after.parameters) == len(before.parameters) + stored * (readers - 1)
    assert len(after.graph) == len(graph) + readers - 1
    assert not isomorphic(before, after)
    apply(after, {"tie": {"variables": names, "into": escaped(name)}})
    assert_same_model(before, after)


def shared_variables(graph: Graph) -> list[int]:
    """Return the variables that several operators read."""
    return [
        key
        for key in graph.order()
        if graph.is_variable(key) and len({use.node for use in graph.uses(key)}) > 1
    ]


@settings(max_examples=SOME)
@given(drawn=models(), data=st.data())
def test_untying_undoes_tying(drawn: RunnableModel, data: Any) -> None:
    before = drawn.model
    assume(drawn.shapes and before.parameters)
    apply(before, {"clone": {"prefix": "twin of ", "share": "copy"}})
    graph = before.graph
    pairs = [
        (name, f"twin of {name}")
        for name in before.parameters
        if f"twin of {name}" in before.parameters
        and all(
            len(graph.uses(key)) == 1 and key not in {head.node for head in graph.heads}
            for each in (name, f"twin of {name}")
            for key in graph.named(each)
            if graph.is_variable(key)
        )
    ]
    assume(pairs)
    pair = data.draw(st.sampled_from(pairs))
    names = [escaped(name) for name in pair]
    after = before.copy()
    apply(after, {"tie": {"variables": [{"name": name} for name in names]}})
    assert len(after.parameters) == len(before.parameters) - 1
    assert not isomorphic(before, after)
    apply(after, {"untie": {"variable": {"name": names[0]}, "names": names}})
    assert_same_model(before, after)


def assert_same_model(before: Model, after: Model) -> None:
    same = isomorphic(before, after, names=True, parameters=True)
    assert same, same.difference
    assert after.parameters == before.parameters
    assert after.graph.arguments == before.graph.arguments
    assert after.graph.outputs == before.graph.outputs


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(drawn=models(max_operators=12), data=st.data())
def test_a_cut_model_joins_again(judge: Judge, drawn: RunnableModel, data: Any) -> None:
    graph = drawn.model.graph
    operators = [key for key in graph.order() if not graph.is_variable(key)]
    below = set(operators[: data.draw(st.integers(0, len(operators) - 1))])
    cuts = cut_values(graph, below)
    assume(cuts)
    inputs = inputs_above(drawn.model, below)

    bottom, top = drawn.model.copy(), drawn.model.copy()
    apply(bottom, {"extract": {"outputs": [by_key(entry) for entry in cuts]}})
    named = {by_key(entry): f"cut {index}" for index, entry in enumerate(cuts)}
    named |= {f"id:{key}": escaped(graph.name(key)) for key in inputs}
    apply(top, {"extract": {"inputs": named}})

    arrays = drawn.arrays()
    wanted = judge.outputs(drawn.model, arrays)
    values = judge.outputs(bottom, {name: arrays[name] for name in bottom.inputs})
    fed = {f"cut {index}": value for index, value in enumerate(values)}
    fed |= {graph.name(key): arrays[graph.name(key)] for key in inputs}
    assert_equal(judge.outputs(top, fed), wanted)

    share = [graph.name(key) for key in inputs if graph.name(key) in bottom.inputs]
    joined = merge(
        bottom,
        top,
        prefix="top of ",
        share=[escaped(name) for name in share],
        connect={f"cut {i}": by_key(head) for i, head in enumerate(bottom.graph.heads)},
        heads="theirs",
    )
    assert set(joined.inputs) == set(drawn.shapes)
    assert_equal(judge.outputs(joined, arrays), wanted)


def cut_values(graph: Graph, below: set[int]) -> list[Entry]:
    """Return the values of some operators that others, or the heads, use."""
    found: dict[tuple[int, int], None] = {}
    for key in graph.order():
        if key not in below:
            found.update((entry[:2], None) for entry in graph.inputs(key) if entry.node in below)
            assume(not set(graph.control_dependencies(key)) & below)
    found.update((head[:2], None) for head in graph.heads if head.node in below)
    return [Entry(*value) for value in found]


def inputs_above(model: Model, below: set[int]) -> list[int]:
    """Return the inputs that operators outside `below`, or the heads, read."""
    graph = model.graph
    above = [key for key in graph.order() if key not in below]
    read = {head.node for head in graph.heads}
    for key in above:
        read |= {entry.node for entry in graph.inputs(key)}
        read |= set(graph.control_dependencies(key))
    return [
        key
        for key in graph.order()
        if graph.is_variable(key) and key in read and graph.name(key) in model.inputs
    ]


@pytest.mark.mxnet
@settings(max_examples=SOME)
@given(ours=models(max_operators=6), theirs=models(max_operators=6), everything=st.booleans())
def test_merged_models_keep_their_outputs(
    judge: Judge, ours: RunnableModel, theirs: RunnableModel, everything: bool
) -> None:
    one, two = ours.arrays(1), theirs.arrays(2)
    wanted = [*judge.outputs(ours.model, one), *judge.outputs(theirs.model, two)]
    mode = "all" if everything else "clash"
    merged = merge(ours.model, theirs.model, prefix="b of ", prefix_mode=mode)
    new = [name for name in merged.inputs if name not in one]
    assert len(new) == len(two)
    fed = {**one, **dict(zip(new, (two[name] for name in theirs.model.inputs), strict=True))}
    assert_equal(judge.outputs(merged, fed), wanted)
    assert len(merged.parameters) == len(ours.model.parameters) + len(theirs.model.parameters)
    assert_classes(merged)
    assert_last_part(merged, theirs.model)


# -- passes --------------------------------------------------------------------------------------


@pytest.mark.mxnet
@settings(max_examples=MANY)
@given(drawn=models(), data=st.data())
def test_rules_keep_what_they_promise(judge: Judge, drawn: RunnableModel, data: Any) -> None:
    check_promises(judge, drawn, data, most=4)


def check_promises(judge: Judge, drawn: RunnableModel, data: Any, *, most: int) -> None:
    """Apply random rules one by one, and compare the model with what each of them promised."""
    model, arrays = drawn.model, drawn.arrays()
    wanted = judge.outputs(model, arrays)
    inputs = {name: name for name in drawn.shapes}
    for _ in range(data.draw(st.integers(1, most))):
        promised = data.draw(rules(model))
        event(next(iter(promised.rule)))
        before = model.copy()
        apply(model, promised.rule)
        assert set(model.inputs) == promised.inputs.keys()
        assert len(model.parameters) == promised.parameters
        assert_classes(model)
        assert not promised.isomorphic or isomorphic(before, model)
        inputs = {new: inputs[old] for new, old in promised.inputs.items()}
        wanted = [wanted[head] for head in promised.heads]
        fed = {new: arrays[old] for new, old in inputs.items()}
        assert_equal(judge.outputs(model, fed), wanted)


@pytest.mark.slow
@pytest.mark.mxnet
@settings(max_examples=20 * MANY)
@given(drawn=models(max_operators=40, max_heads=6), data=st.data())
def test_many_rules_keep_what_they_promise(judge: Judge, drawn: RunnableModel, data: Any) -> None:
    check_promises(judge, drawn, data, most=12)


@settings(max_examples=SOME)
@given(drawn=models(), data=st.data())
def test_a_pass_that_fails_leaves_the_model_alone(drawn: RunnableModel, data: Any) -> None:
    model = drawn.model
    before = snapshot(model)
    trial, chosen = model.copy(), []
    for _ in range(data.draw(st.integers(1, 4))):
        promised = data.draw(rules(trial))
        apply(trial, promised.rule)
        chosen.append(promised.rule)
    with pytest.raises(ExpectationError):
        apply(model, *chosen, {"expect": {"nodes": 0}})
    assert snapshot(model) == before


@settings(max_examples=SOME)
@given(drawn=models(), data=st.data())
def test_a_dry_run_says_what_a_run_does(drawn: RunnableModel, data: Any) -> None:
    model, after = drawn.model, drawn.model.copy()
    before = snapshot(model)
    promised = data.draw(rules(model))
    foretold = graphpass.apply([promised.rule], model, dry_run=True)
    assert snapshot(model) == before
    done = graphpass.apply([promised.rule], after)
    assert foretold.delta == done.delta
    assert done.changed == (snapshot(after) != before)


IDEMPOTENT: tuple[list[dict[str, Any]], ...] = (
    [{"prune": {}}],
    [{"extract": {}}],
    [{"remove": {"select": "op:Dropout", "optional": True}}],
    [{"remove": {"select": ["op:_copy", "op:BlockGrad", "op:MakeLoss"], "optional": True}}],
    [{"set": {"select": {"glob": "*"}, "attrs": {"__mood__": "calm"}}}],
    [{"substitute": {"select": "op:relu", "op": "Activation", "attrs": {"act_type": "relu"}}}],
)


@settings(max_examples=SOME)
@given(drawn=models(), chosen=st.sampled_from(IDEMPOTENT))
def test_a_second_run_changes_nothing(drawn: RunnableModel, chosen: list[dict[str, Any]]) -> None:
    model = drawn.model
    if "substitute" in chosen[0]:
        chosen = [{"substitute": {**chosen[0]["substitute"], "optional": True}}]
    graphpass.apply(chosen, model)
    before = snapshot(model)
    report = graphpass.apply(chosen, model)
    assert snapshot(model) == before
    assert not report.changed
