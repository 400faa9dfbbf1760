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
        (b"data,x,y\n", "names.csv:1: a row has the old name and the new one, both not empty"),
        (
            b"data\n",
            "names.csv:1: a row has the old name and the new one, both not empty; this has 1 ",
        ),
        (b"data,\n", "names.csv:1: a row has the old name and the new one"),
        (b"data,x\n\ndata,y\n", "names.csv:3: its old name stands in line 1 already"),
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
            "the template '{nmae}' has a field {nmae}; nearest: name; there are {name}, {op}, "
            "{user}, {input}, {index}, {unique}",
        ),
        (
            {"select": r"regex:fc1_(.*)", "to": r"x\2"},
            OperationError,
            r"the template `x\2` does not fit regex:fc1_(.*), which has 1 group: "
            r"there is no group \2",
        ),
        (
            {"select": r"regex:fc1_(.*)", "to": r"x\g<y>"},
            OperationError,
            r"the template `x\g<y>` does not fit regex:fc1_(.*), which has 1 group: "
            r"there is no group \g<y>",
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


# -- numbers, and names that repeat ---------------------------------------------------------------

UNIQUE = {"select": "glob:*", "repeated": True, "to": "{name}{unique}"}


def names_of(model) -> list[str]:
    return [model.graph.name(key) for key in model.graph.order()]


def renamed(perform, text: str, rule) -> tuple[list[str], list[str]]:
    from graphpass.formats.text import parse_graph

    model = graphpass.Model(parse_graph(text))
    perform(model, "rename", rule)
    assert perform(model, "rename", rule).summary == "renamed nothing"
    return names_of(model), model.graph.outputs


def test_repeated_names_are_told_apart_and_the_first_keeps_its_own(perform) -> None:
    names, outputs = renamed(
        perform,
        """
        x = variable()
        a = relu(x, name="_plus0")
        b = relu(a, name="_plus0_1")
        c = relu(b, name="_plus0")
        d = relu(c, name="_plus0")
        return relu(d, name="y")
        """,
        UNIQUE,
    )
    assert names == ["x", "_plus0", "_plus0_1", "_plus0_2", "_plus0_3", "y"]
    assert outputs == ["y_output"]


def test_a_variable_has_the_better_claim(perform) -> None:
    names, outputs = renamed(
        perform,
        """
        x = variable()
        a = relu(x, name="w")
        b = relu(a, name="w")
        w = variable()
        y = broadcast_add(b, w, name="x")
        z = tanh(y, name="w")
        return z
        """,
        UNIQUE,
    )
    assert names == ["x", "w_1", "w_2", "w", "x_1", "w_3"]
    assert outputs == ["w_3_output"]


def test_a_head_keeps_its_name_before_what_is_none(perform) -> None:
    names, outputs = renamed(
        perform,
        'x = variable(); a = relu(x, name="out"); return tanh(a, name="out")',
        UNIQUE,
    )
    assert names == ["x", "out_1", "out"]
    assert outputs == ["out_output"]


def test_of_two_heads_of_one_name_the_first_keeps_it(perform) -> None:
    names, outputs = renamed(
        perform,
        'x = variable(); b = tanh(x, name="a"); return b, relu(b, name="a"), b',
        UNIQUE,
    )
    assert names == ["x", "a", "a_1"]
    assert outputs == ["a_output", "a_1_output", "a_output"]


def test_heads_whose_outputs_have_one_name(perform) -> None:
    names, outputs = renamed(perform, "a_output = variable(); return relu(a_output, name='a'), "
                             "a_output", UNIQUE)  # fmt: skip
    assert names == ["a_output", "a_1"]
    assert outputs == ["a_1_output", "a_output"]


def test_what_is_not_selected_keeps_its_name(perform) -> None:
    names, _ = renamed(
        perform,
        'x = variable(); a = relu(x, name="x"); b = tanh(a, name="x"); return sin(b)',
        {"select": "op:tanh", "repeated": True, "to": "{op}_of_{name}"},
    )
    assert names == ["x", "x", "tanh_of_x", "sin0"]


def test_namesakes_go_on_sharing_their_array(namesakes, perform) -> None:
    model = namesakes("y = elemwise_add(w, v)\nreturn y", "w", "v")
    model.parameters["w"] = np.ones(3, "float32")
    done = perform(model, "rename", UNIQUE)
    assert model.graph.arguments == ["w", "w_1"]
    assert model.parameters["w_1"] is model.parameters["w"]
    assert done.notes == ["the variables 'w' and 'w_1' had one name, and share the array still"]


def test_operators_are_numbered_by_what_they_run(perform) -> None:
    names, _ = renamed(
        perform,
        """
        x, w = variable(), variable()
        a = Convolution(x, w, kernel=(1, 1), num_filter=2, no_bias=True, name="conv1")
        b = Activation(a, act_type="relu")
        c = Convolution(b, w, kernel=(1, 1), num_filter=2, no_bias=True, name="conv0")
        d = _plus_scalar(c, scalar=1)
        return d
        """,
        {"select": "glob:*", "kind": "operators", "to": "{op}{index}"},
    )
    assert names == ["x", "w", "conv0", "act0", "conv1", "plus_scalar0"]


def test_numbers_pass_over_names_that_stay(perform) -> None:
    names, _ = renamed(
        perform,
        'x = variable(); a = relu(x, name="f1"); b = tanh(a, name="f0"); return tanh(b, name="c")',
        {"select": "op:tanh", "to": "f{index}"},
    )
    assert names == ["x", "f1", "f0", "f2"]


def test_parameters_are_named_by_their_first_reader(net, perform) -> None:
    model = net(
        """
        fc1 = FullyConnected(data, u, v, num_hidden=4)
        fc2 = FullyConnected(fc1, u, num_hidden=4, no_bias=True)
        bn = BatchNorm(fc2, g, b, m, s)
        y = broadcast_add(bn, label)
        return y
        """,
        **{"u": (4, 4), "v": (4,), **dict.fromkeys("gbms", (4,))},
    )
    perform(
        model,
        "rename",
        {"select": "glob:*", "kind": "parameters", "to": "{user}_{input}{unique}"},
    )
    assert model.graph.arguments == [
        "data", "fc1_weight", "fc1_bias", "bn_gamma", "bn_beta", "label"
    ]  # fmt: skip
    assert model.graph.auxiliary_states == ["bn_moving_mean", "bn_moving_var"]
    assert set(model.parameters) == {*model.graph.arguments, *model.graph.auxiliary_states} - {
        "data",
        "label",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "{op}"}, "the template '{op}' has {op}, which is for operators, and selects "
         "variable 'data' (#0); say `kind: operators`"),
        ({"to": "{user}"}, "the template '{user}' has {user}, which is for variables, and selects "
         "FullyConnected 'fc1' (#3); say `kind: variables`"),
        ({"to": "{index}{unique}"}, "the template '{index}{unique}' has both {index} and "
         "{unique}; one of them is enough"),
    ],
)  # fmt: skip
def test_fields_that_do_not_fit(model, refused, options, message: str) -> None:
    rule = {"select": "glob:*" if "{user}" not in options["to"] else "op:FullyConnected", **options}
    assert refused(model, "rename", rule, OperationError) == message


def test_a_variable_that_nothing_reads_has_no_user(net, refused) -> None:
    model = net("return x")
    message = refused(model, "rename", {"select": "x", "to": "{user}_{input}"}, OperationError)
    assert message.endswith("has {user}, and no operator reads variable 'x' (#0)")


def test_a_variable_that_nothing_reads_may_be_passed_over(net, perform) -> None:
    model = net("y = relu(w)\nreturn y, v", w=(2,), v=(2,))
    rule = {"select": "glob:*", "kind": "parameters", "to": "{user}_{input}", "optional": True}
    assert perform(model, "rename", rule).summary == "renamed 1 variable, 1 parameter"
    assert model.graph.arguments == ["y_data", "v"]


def test_many_names_of_one_base(perform) -> None:
    lines = ["x = variable()", 'a0 = relu(x, name="r")']
    lines += [f'a{n} = relu(a{n - 1}, name="r")' for n in range(1, 3000)]
    names, outputs = renamed(perform, "\n".join([*lines, "return a2999"]), UNIQUE)
    assert len(set(names)) == 3001
    assert outputs == ["r_output"]


@given(models(max_operators=8))
def test_unique_names_are_unique(drawn) -> None:
    model = drawn.model.copy()
    variables = list(map(model.graph.name, model.graph.variable_keys().arguments))
    graphpass.apply("unique-names", model)
    names = names_of(model)
    assert len(set(names)) == len(names)
    assert list(map(model.graph.name, model.graph.variable_keys().arguments)) == variables
    heads = {
        head[:2]: name for head, name in zip(model.graph.heads, model.graph.outputs, strict=True)
    }
    assert len(set(heads.values())) == len(heads)
    assert graphpass.isomorphic(model.graph, drawn.model.graph)
    assert not graphpass.apply("unique-names", model).changed


@given(models(max_operators=8))
def test_canonical_names_depend_on_the_structure_alone(drawn) -> None:
    one, other = drawn.model.copy(), drawn.model.copy()
    graphpass.apply({"rename": {"select": "glob:*", "kind": "operators", "optional": True,
                                "to": "other{index}"}}, other)  # fmt: skip
    graphpass.apply("canonical-names", one)
    graphpass.apply("canonical-names", other)
    assert graphpass.dumps(one.graph) == graphpass.dumps(other.graph)
    assert not graphpass.apply("canonical-names", one).changed
