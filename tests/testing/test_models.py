"""What random models hold. That MXNet runs them all is tested in ``tests/properties``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings

import graphpass
from graphpass.errors import UsageError
from graphpass.graph import Graph
from graphpass.testing import OPERATORS, RunnableModel, models
from graphpass.testing.draws import ODD_NAMES

SEARCH = settings(database=None, max_examples=1200, derandomize=True, phases=[Phase.generate])
SHRINK = settings(database=None)


def operators(graph: Graph) -> list[int]:
    return [key for key in graph.order() if not graph.is_variable(key)]


def some_operator(test: Callable[[Graph, int], object]) -> Callable[[RunnableModel], bool]:
    def holds(drawn: RunnableModel) -> bool:
        graph = drawn.model.graph
        return any(test(graph, key) for key in operators(graph))

    return holds


def names_of(drawn: RunnableModel) -> list[str]:
    graph = drawn.model.graph
    return [graph.name(key) for key in operators(graph)]


def variables(drawn: RunnableModel) -> list[int]:
    graph = drawn.model.graph
    return [key for key in graph.order() if graph.is_variable(key)]


def is_shared(drawn: RunnableModel, key: int) -> bool:
    graph = drawn.model.graph
    stored = graph.name(key) in drawn.model.parameters
    return stored and len({use.node for use in graph.uses(key)}) > 1


def has_twins(drawn: RunnableModel) -> bool:
    arrays = [(array.shape, array.tobytes()) for array in drawn.model.parameters.values()]
    return len(set(arrays)) < len(arrays)


def leaves_an_output_unused(graph: Graph, key: int) -> bool:
    used = {graph.inputs(use.node)[use.slot].output for use in graph.uses(key)}
    used |= {head.output for head in graph.heads if head.node == key}
    return graph.op(key) == "SliceChannel" and len(used) < graph.signature(key).num_outputs


def shares_statistics(drawn: RunnableModel) -> bool:
    graph = drawn.model.graph
    return any(len(graph.uses(key)) > 1 for key in graph.variable_keys().auxiliary_states)


FEATURES: dict[str, Callable[[RunnableModel], object]] = {
    "a shared weight": lambda drawn: any(is_shared(drawn, key) for key in variables(drawn)),
    "equal parameters": has_twins,
    "shared statistics": shares_statistics,
    "x + x": some_operator(
        lambda graph, key: (
            graph.op(key) == "elemwise_add" and graph.inputs(key)[0] == graph.inputs(key)[1]
        )
    ),
    "an unused output": some_operator(leaves_an_output_unused),
    "a second output": some_operator(
        lambda graph, key: any(entry.output == 1 for entry in graph.inputs(key))
    ),
    "grouped convolution": some_operator(lambda graph, key: "num_group" in graph.attrs(key)),
    "control dependencies": some_operator(lambda graph, key: graph.control_dependencies(key)),
    "several heads": lambda drawn: len(drawn.model.graph.heads) > 1,
    "the same head twice": lambda drawn: (
        len(set(drawn.model.graph.heads)) < len(drawn.model.graph.heads)
    ),
    "a variable as head": lambda drawn: any(
        drawn.model.graph.is_variable(head.node) for head in drawn.model.graph.heads
    ),
    "a second output as head": lambda drawn: any(h.output == 1 for h in drawn.model.graph.heads),
    "several inputs": lambda drawn: len(drawn.shapes) > 1,
    "indices": lambda drawn: drawn.bounds,
    "odd names of operators": lambda drawn: set(names_of(drawn)) & set(ODD_NAMES),
    "odd names of variables": lambda drawn: set(drawn.model.graph.arguments) & set(ODD_NAMES),
    "an operator without name": lambda drawn: "" in names_of(drawn),
    "operators of one name": lambda drawn: len(set(names_of(drawn))) < len(names_of(drawn)),
    "an operator called like a variable": lambda drawn: (
        set(names_of(drawn)) & set(drawn.model.graph.arguments)
    ),
    "hints": lambda drawn: any(
        "__lr_mult__" in drawn.model.graph.attrs(key) for key in variables(drawn)
    ),
    "a gamma that is negative": lambda drawn: any(
        name.endswith("gamma") and (array < 0).any()
        for name, array in drawn.model.parameters.items()
    ),
    "fix_gamma by default": some_operator(
        lambda graph, key: graph.op(key) == "BatchNorm" and "fix_gamma" not in graph.attrs(key)
    ),
}


@pytest.fixture(scope="module")
def drawn_models() -> list[RunnableModel]:
    """Some thousand random models."""
    found: list[RunnableModel] = []

    @SEARCH
    @given(drawn=models())
    def collect(drawn: RunnableModel) -> None:
        found.append(drawn)

    collect()
    return found


@pytest.mark.parametrize("feature", FEATURES)
def test_draws(drawn_models: list[RunnableModel], feature: str) -> None:
    assert any(FEATURES[feature](drawn) for drawn in drawn_models)


@pytest.mark.parametrize("op", OPERATORS)
def test_draws_the_operator(drawn_models: list[RunnableModel], op: str) -> None:
    has_it = some_operator(lambda graph, key: graph.op(key) == op)
    assert any(map(has_it, drawn_models))


def test_shrinks_to_one_operator() -> None:
    drawn = find(models(), lambda drawn: True, settings=SHRINK)
    assert [drawn.model.graph.op(key) for key in drawn.model.graph.order()] == ["null", "relu"]
    assert drawn.model.graph.arguments == ["data"]
    assert drawn.shapes == {"data": (2, 3, 4, 4)}


@given(drawn=models(odd_names=False, max_heads=1))
def test_keeps_to_plain_names_and_one_head(drawn: RunnableModel) -> None:
    graph = drawn.model.graph
    assert len(graph.heads) == 1
    names = names_of(drawn)
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in [*names, *graph.arguments])


@given(drawn=models(operators=("relu", "BatchNorm")))
def test_keeps_to_the_operators(drawn: RunnableModel) -> None:
    graph = drawn.model.graph
    assert {graph.op(key) for key in operators(graph)} <= {"relu", "BatchNorm"}


@given(drawn=models(dtypes=("float16", "float64")))
def test_keeps_to_the_types(drawn: RunnableModel) -> None:
    assert drawn.dtype in ("float16", "float64")
    for array in [*drawn.model.parameters.values(), *drawn.arrays().values()]:
        assert array.dtype == drawn.dtype


def test_refuses_an_operator_that_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="no operator 'Convolutoin'; nearest: Convolution"):
        models(operators=["Convolutoin"]).example()


@given(drawn=models())
def test_is_complete(drawn: RunnableModel) -> None:
    graph, parameters = drawn.model.graph, drawn.model.parameters
    states = graph.auxiliary_states
    assert len(graph) == len(graph.order())
    assert {*graph.arguments, *states} == {*parameters, *drawn.shapes}
    assert [name for name in parameters if parameters.class_of(name) == "aux"] == [
        name for name in parameters if name in states
    ]
    assert set(drawn.model.inputs) == set(drawn.shapes)
    assert graphpass.dumps(graphpass.loads(graphpass.dumps(graph))) == graphpass.dumps(graph)


@given(drawn=models())
def test_inputs_are_seeded(drawn: RunnableModel) -> None:
    first, again, other = drawn.arrays(1), drawn.arrays(1), drawn.arrays(2)
    assert first.keys() == drawn.shapes.keys()
    for name, array in first.items():
        assert array.shape == drawn.shapes[name]
        np.testing.assert_array_equal(array, again[name])
        if name in drawn.bounds:
            assert (array == array.astype(int)).all()
            assert array.min() >= 0
            assert array.max() < drawn.bounds[name]
        else:
            assert not np.array_equal(array, other[name])
