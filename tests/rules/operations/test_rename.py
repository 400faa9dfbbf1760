"""``rename``: one node, a map, a table, a template; all at once."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphpass
from graphpass.errors import OperationError, SelectorError
from graphpass.testing import models

NET = """
    fc1 = FullyConnected(data, fc1_weight, fc1_bias, num_hidden=4)
    relu1 = Activation(fc1, act_type="relu")
    fc2 = FullyConnected(relu1, fc2_weight, fc2_bias, num_hidden=2)
    return fc2
"""
SHAPES = {"fc1_weight": (4, 3), "fc1_bias": (4,), "fc2_weight": (2, 4), "fc2_bias": (2,)}


@pytest.fixture
def model(net):
    return net(NET, **SHAPES)


def test_one_node(model, perform) -> None:
    done = perform(model, "rename", {"from": "data", "to": "left/*.$0"})
    assert done.summary == "renamed 1 variable"
    assert model.inputs == ["left/*.$0"]


def test_a_parameter_follows_its_variable_and_keeps_its_class(net, perform) -> None:
    model = net(
        "bn = BatchNorm(data, gamma, beta, mean, var)\nreturn bn",
        **dict.fromkeys(("gamma", "beta", "mean", "var"), (3,)),
    )
    mean = model.parameters["mean"]
    done = perform(model, "rename", {"map": {"mean": "running_mean", "gamma": "g"}})
    assert done.summary == "renamed 2 variables, 2 parameters"
    assert list(model.parameters) == ["g", "beta", "running_mean", "var"]
    assert model.parameters["running_mean"] is mean
    assert model.parameters.class_of("running_mean") == "aux"


def test_names_are_swapped(model, perform) -> None:
    before = dict(model.parameters)
    perform(
        model,
        "rename",
        {
            "map": {
                "fc1_weight": "fc2_weight",
                "fc2_weight": "fc1_weight",
                "fc1": "fc2",
                "fc2": "fc1",
            }
        },
    )
    assert model.parameters["fc2_weight"] is before["fc1_weight"]
    assert model.parameters["fc1_weight"] is before["fc2_weight"]
    assert model.graph.outputs == ["fc1_output"]


def test_a_map_may_name_keys(model, perform) -> None:
    key = model.graph.named("relu1")[0]
    perform(model, "rename", {"map": {f"id:{key}": "act"}})
    assert model.graph.name(key) == "act"


@pytest.mark.parametrize("header", ["", "from,to\n", "Old , New\n", "\n\nfrom,to\n"])
def test_a_table(model, perform, tmp_path, header: str) -> None:
    table = f'\ufeff{header}data,x\n\n"fc1_weight","a,b"\r\n'
    (tmp_path / "names.csv").write_text(table, encoding="utf-8", newline="")
    perform(model, "rename", {"map": "names.csv"}, folder=tmp_path)
    assert model.graph.arguments[:2] == ["x", "a,b"]


def test_a_node_may_be_called_like_a_header(net, perform, tmp_path) -> None:
    model = net("r = relu(old)\nreturn r")
    (tmp_path / "names.csv").write_text("old,new\n")
    perform(model, "rename", {"map": "names.csv"}, folder=tmp_path)
    assert model.inputs == ["new"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"data,x,y\n", "names.csv:1: a row has the old name and the new one, but this is"),
        (b"data\n", "names.csv:1: a row has the old name and the new one, but this is ['data']"),
        (b"data,\n", "names.csv:1: a row has the old name and the new one"),
        (b"data,x\n\ndata,y\n", "names.csv:3: 'data' stands here and in line 1"),
        (b"\xff,x\n", "names.csv: the table of names can't be read: 'utf-8' codec"),
        (b'"data,x', "names.csv: the table of names can't be read: unexpected end of data"),
        (None, "names.csv: the table of names can't be read: No such file or directory"),
    ],
)
def test_tables_that_are_refused(
    model, refused, tmp_path, data: bytes | None, message: str
) -> None:
    if data is not None:
        (tmp_path / "names.csv").write_bytes(data)
    said = refused(model, "rename", {"map": "names.csv"}, OperationError, folder=tmp_path)
    assert said.startswith(f"{tmp_path}/{message}")


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (
            {"select": "glob:*_weight", "to": "tower_{name}"},
            ["data", "tower_fc1_weight", "fc1_bias", "tower_fc2_weight", "fc2_bias"],
        ),
        (
            {"select": r"regex:fc(\d)_(?P<what>.*)", "to": r"layer\1/\g<what>"},
            ["data", "layer1/weight", "layer1/bias", "layer2/weight", "layer2/bias"],
        ),
        (
            {"select": [r"regex:fc1_(.*)", "fc2_bias"], "to": r"{name}x"},
            ["data", "fc1_weightx", "fc1_biasx", "fc2_weight", "fc2_biasx"],
        ),
        (
            {"select": "glob:fc1*", "to": "{name}_{name}", "kind": "variables"},
            ["data", "fc1_weight_fc1_weight", "fc1_bias_fc1_bias", "fc2_weight", "fc2_bias"],
        ),
        (
            {"select": "data", "to": r"a\1"},
            [r"a\1", "fc1_weight", "fc1_bias", "fc2_weight", "fc2_bias"],
        ),
    ],
)
def test_templates(model, perform, options, arguments: list[str]) -> None:
    perform(model, "rename", options)
    assert model.graph.arguments == arguments


def test_a_group_is_no_template_of_its_own(net, perform) -> None:
    model = net("r = relu(data)\nreturn r")
    perform(model, "rename", {"from": "data", "to": r"a\1{name}"})
    perform(model, "rename", {"select": r"regex:a(.*)", "to": r"<\1|{name}>"})
    assert model.inputs == [r"<\1{name}|a\1{name}>"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"from": "fc1_weight", "to": "fc1_bias"},
            OperationError,
            "variable 'fc1_bias' (#2) and variable 'fc1_weight' (#1) would both be called "
            "'fc1_bias'; choose another name, or rename both in one rule",
        ),
        (
            {"map": {"fc1_weight": "x", "fc1_bias": "x"}},
            OperationError,
            "variable 'fc1_weight' (#1) and variable 'fc1_bias' (#2) would both be called 'x'; "
            "choose another name, or rename both in one rule",
        ),
        (
            {"from": "relu1", "to": "fc1"},
            OperationError,
            "FullyConnected 'fc1' (#3) and Activation 'relu1' (#4) would both be called 'fc1'; "
            "choose another name, or rename both in one rule",
        ),
        (
            {"select": "glob:fc1*", "to": "same"},
            OperationError,
            "the template 'same' names both variable 'fc1_weight' (#1) and variable 'fc1_bias' "
            "(#2) 'same'; tell them apart by {name} or a group",
        ),
        (
            {"select": "fc1", "to": "{nmae}"},
            OperationError,
            "the template '{nmae}' has a field {nmae}; there is only {name}",
        ),
        (
            {"select": r"regex:fc1_(.*)", "to": r"x\2"},
            OperationError,
            r"the template `x\2` does not fit regex:fc1_(.*), which has 1 group: "
            "invalid group reference 2 at position 2",
        ),
        (
            {"select": r"regex:fc1_(.*)", "to": r"x\g<y>"},
            OperationError,
            r"the template `x\g<y>` does not fit regex:fc1_(.*), which has 1 group: "
            "unknown group name 'y'",
        ),
        ({"from": "fc3", "to": "x"}, SelectorError, "no node is called 'fc3'; nearest: fc2, fc1"),
        ({"map": {"fc1": "a", "id:3": "b"}}, OperationError,
         "FullyConnected 'fc1' (#3) would be called both 'a' and 'b'"),
    ],
)  # fmt: skip
def test_refusals(model, refused, options, error, message: str) -> None:
    assert refused(model, "rename", options, error).startswith(message)


def test_several_nodes_of_one_name_have_to_be_told_apart(net, refused) -> None:
    model = net("a = relu(data)\nb = relu(a)\nreturn b")
    with model.graph.edit() as edit:
        edit.rename(model.graph.named("b")[0], "a")
    assert refused(model, "rename", {"from": "a", "to": "x"}, SelectorError) == (
        "'a' selects 2 nodes where one is meant; choose: id:1 (relu 'a'), id:2 (relu 'a')"
    )


def test_operators_that_shared_a_name_may_go_on_sharing_one(net, perform) -> None:
    model = net("a = relu(data)\nb = relu(a)\nreturn b")
    with model.graph.edit() as edit:
        edit.rename(model.graph.named("b")[0], "a")
    perform(model, "rename", {"select": "a", "to": "x"})
    assert len(model.graph.named("x")) == 2


def test_an_operator_may_be_called_like_a_variable(model, perform) -> None:
    perform(model, "rename", {"from": "fc1", "to": "fc1_weight"})
    assert len(model.graph.named("fc1_weight")) == 2
    perform(model, "rename", {"from": "fc1_weight", "kind": "operators", "to": "fc1"})
    assert model.graph.arguments[1] == "fc1_weight"


def test_what_is_missing_may_be_passed_over(model, perform) -> None:
    perform(model, "rename", {"map": {"label": "x", "data": "y"}, "optional": True})
    assert model.inputs == ["y"]
    done = perform(model, "rename", {"select": "glob:nothing*", "to": "x", "optional": True})
    assert done.summary == "renamed nothing"


def test_an_array_that_no_variable_uses(model, perform, refused) -> None:
    model.parameters["0.weight"] = model.parameters["fc1_weight"]
    assert refused(model, "rename", {"from": "fc1_weight", "to": "0.weight"}, OperationError) == (
        "variable 'fc1_weight' (#1) can't be called '0.weight': the parameters hold an array of "
        "that name, which no variable uses; `prune` drops it"
    )
    done = perform(model, "rename", {"from": "data", "to": "0.weight"})
    assert done.notes == [
        "the array '0.weight', which no variable used, is now the value of a variable"
    ]
    assert model.inputs == []


def test_a_node_that_is_not_reached_still_owns_its_name(model, refused) -> None:
    with model.graph.edit() as edit:
        edit.add_variable("x")
    said = refused(model, "rename", {"from": "data", "to": "x"}, OperationError)
    assert said.endswith("the heads do not reach the one that has the name: `prune` drops it")


def test_two_variables_of_one_name_share_the_array(net, perform) -> None:
    model = net("a = relu(w)\nb = relu(v)\nc = elemwise_add(a, b)\nreturn c", w=(2,))
    graph = model.graph
    variable = graph.named("v")[0]
    graph._put(variable, "name", "w")
    done = perform(model, "rename", {"from": f"id:{variable}", "to": "v"})
    assert list(model.parameters) == ["w", "v"]
    assert np.shares_memory(model.parameters["v"], model.parameters["w"])
    assert done.notes == ["the variables 'w' and 'v' had one name, and share the array still"]


def test_two_variables_of_one_name_named_apart(net, perform) -> None:
    model = net("a = relu(w)\nb = relu(v)\nc = elemwise_add(a, b)\nreturn c", w=(2,))
    graph = model.graph
    first, second = graph.named("w")[0], graph.named("v")[0]
    graph._put(second, "name", "w")
    done = perform(model, "rename", {"map": {f"id:{first}": "x", f"id:{second}": "y"}})
    assert done.summary == "renamed 2 variables, 2 parameters"
    assert list(model.parameters) == ["x", "y"]
    assert np.shares_memory(model.parameters["x"], model.parameters["y"])


@given(st.data())
def test_renaming_is_an_isomorphism(data: st.DataObject) -> None:
    model = data.draw(models(max_operators=6)).model
    graph, before = model.graph, model.copy()
    variables = list(dict.fromkeys([*graph.arguments, *graph.auxiliary_states]))
    shuffled = data.draw(st.permutations(variables))
    pairs = {old: new for old, new in zip(variables, shuffled, strict=True) if new}
    keys = {
        f"id:{key}": pairs[graph.name(key)].replace("${", "$${")
        for key in graph.order()
        if graph.is_variable(key) and graph.name(key) in pairs
    }
    graphpass.apply([{"rename": {"map": keys}}], model)
    assert [pairs.get(name, name) for name in before.graph.arguments] == graph.arguments
    for name in before.parameters:
        renamed = pairs.get(name, name)
        assert model.parameters[renamed] is before.parameters[name]
        assert model.parameters.class_of(renamed) == before.parameters.class_of(name)


def test_old_names_in_a_table_are_exact(net, perform, tmp_path) -> None:
    model = net('r = elemwise_add("glob:x", x)\nreturn r')
    (tmp_path / "names.csv").write_text("glob:x,y\n")
    perform(model, "rename", {"map": "names.csv"}, folder=tmp_path)
    assert model.inputs == ["y", "x"]


def test_a_table_is_a_regular_file_of_moderate_size(model, refused, tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(2**26 + 1)
    for path, reason in (
        ("/dev/zero", "not a regular file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "pipe.csv", "not a regular file"),
        (tmp_path / "large.csv", "it has 67108865 bytes, and no more than 67108864 are read"),
    ):
        said = refused(model, "rename", {"map": str(path)}, OperationError)
        assert said == f"{path}: the table of names can't be read: {reason}"
