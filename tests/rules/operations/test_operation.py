"""Operations are made from what stands behind their keyword."""

from __future__ import annotations

import json

import pytest

from graphpass import Model, Parameters, loads
from graphpass.errors import PassFileError, UsageError
from graphpass.rules.operations import OPERATIONS, operation_class
from graphpass.rules.operations.operation import Run
from graphpass.rules.operations.remove import Prune
from graphpass.rules.operations.rename import Prefix, Rename
from graphpass.rules.operations.use import UsePasses
from graphpass.rules.pass_files.loading import load_pass


@pytest.mark.parametrize("keyword", OPERATIONS)
def test_a_keyword_is_found_and_the_class_knows_it(keyword: str) -> None:
    made = operation_class(keyword)
    assert made.keyword == keyword
    assert made.shorthand is None or made.shorthand in made.options()


def test_an_unknown_keyword() -> None:
    with pytest.raises(UsageError, match=r"^there is no operation 'renam'; nearest: rename"):
        operation_class("renam")


def test_options_are_spelt_as_in_files() -> None:
    assert Rename.options() == ["from", "to", "map", "select", "repeated", "kind", "optional"]
    assert Rename.from_value({"from": "a", "to": "b"}) == Rename(from_="a", to="b")
    assert UsePasses.from_value({"pass": "x"}) == UsePasses.from_value("x") == UsePasses(pass_="x")


def test_nothing_means_defaults() -> None:
    assert Prune.from_value(None) == Prune()


@pytest.mark.parametrize(
    ("operation", "value", "message"),
    [
        (Rename, "a", "rename takes options: from, to, map, select, repeated, kind, optional"),
        (Rename, {"form": "a"}, "rename has no option 'form'; nearest: from; it has from, to,"),
        (Prefix, {"keep": "a"}, "prefix needs the option 'prefix'"),
    ],
)
def test_refusals(operation, value: object, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        operation.from_value(value)
    assert str(caught.value).startswith(message)


def test_orphans_take_their_parameters_along(mlp) -> None:
    model = mlp()
    run = Run(model)
    with model.edit() as edit:
        edit.set_heads([entry for entry in model.graph.inputs(9)])
        run.drop_orphans(edit)
    assert "fc2_weight" not in model.parameters
    assert len(model.graph) == len(model.graph.order()) == 9


def test_an_orphan_leaves_the_array_to_a_variable_of_its_name() -> None:
    nodes = [
        {"op": "null", "name": "w", "inputs": []},
        {"op": "null", "name": "w", "inputs": []},
        {"op": "relu", "name": "a", "inputs": [[0, 0, 0]]},
        {"op": "relu", "name": "b", "inputs": [[1, 0, 0]]},
    ]
    symbol = {"nodes": nodes, "arg_nodes": [0, 1], "heads": [[2, 0, 0], [3, 0, 0]]}
    model = Model(loads(json.dumps(symbol)), Parameters({"w": [1.0]}))
    run = Run(model)
    with model.edit() as edit:
        edit.set_heads(model.graph.heads[:1])
        run.drop_orphans(edit)
    assert run.variables("w") == [0]
    assert "w" in model.parameters


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"clone": {}}, "needs one of prefix, name"),
        ({"clone": {"prefix": "b_", "name": "{name}_b"}}, "takes one of prefix and name"),
        ({"clone": {"prefix": "b_", "share": "parameter"}}, "one of parameters, copy, nothing"),
        ({"merge": {"model": "m", "heads": "our"}}, "nearest: ours"),
        ({"merge": {"model": "m", "prefix_mode": "everything"}}, "clash or all"),
        ({"insert": {"op": "relu", "name": "r"}}, "needs one of after, before, inputs"),
        ({"insert": {"op": "relu", "name": "r", "after": "x", "before": "y"}}, "after and before"),
        (
            {"insert": {"op": "relu", "name": "r", "inputs": "x", "heads": "first"}},
            "append or replace",
        ),
    ],
)
def test_the_schema_refuses_options_that_make_no_sense(rule: dict, message: str) -> None:
    with pytest.raises(PassFileError, match=message):
        load_pass([rule])
