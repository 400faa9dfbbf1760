"""The structural difference: what it reports, and how it reads."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from graphpass import Entry, Graph, Model, Parameters, diff

Build = Callable[..., Graph]

NET = [
    ("data", "null"),
    ("w", "null"),
    ("conv", "Convolution", {"kernel": "(3,3)", "num_filter": "8", "no_bias": "1"}, ["data", "w"]),
    ("act", "Activation", {"act_type": "relu"}, ["conv"]),
    ("pool", "Pooling", {"kernel": "(2, 2)"}, ["act"]),
]


def test_equal_graphs(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    found = diff(a, a.copy())
    assert found.equal
    assert str(found) == "equal: 5 nodes"
    assert found.parameters is None


def test_spelling_is_no_difference(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = a.copy()
    with b.edit() as edit:
        edit.set_attrs(
            2, {"kernel": "[3, 3]", "num_filter": "8", "no_bias": "True", "stride": "()"}
        )
        edit.set_attrs(1, {"num_filter": "8"})
    assert diff(a, b).equal


def test_attributes_are_reported_as_values(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = a.copy()
    with b.edit() as edit:
        edit.update_attrs(2, {"kernel": "(5, 5)", "__lr_mult__": "2"})
        edit.update_attrs(4, {"pool_type": "avg"})
    assert str(diff(a, b)).splitlines() == [
        "Convolution 'conv' (#2): __lr_mult__ absent -> '2', kernel (3, 3) -> (5, 5)",
        "Pooling 'pool' (#4): pool_type 'max' -> 'avg'",
    ]


def test_an_inserted_node(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = a.copy()
    with b.edit() as edit:
        drop = edit.add_node("Dropout", "drop", inputs=[Entry(3)])
        edit.set_input(4, 0, Entry(drop))
    assert str(diff(a, b)).splitlines() == [
        "only in B: Dropout 'drop' (#5)",
        "Pooling 'pool' (#4): input 0 act_output -> drop_output",
    ]
    assert str(diff(b, a)).splitlines() == [
        "only in A: Dropout 'drop' (#5)",
        "Pooling 'pool' (#4): input 0 drop_output -> act_output",
    ]


def test_renamed_nodes(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = a.copy()
    with b.edit() as edit:
        edit.rename(2, "stem")
    assert str(diff(a, b)) == "Convolution 'conv' (#2): renamed 'stem'"


def test_swapped_names_are_two_renamings_not_rewirings(build: Build) -> None:
    rows = [("x", "null"), ("y", "null"), ("p", "tanh", {}, ["x"]), ("q", "relu", {}, ["x"])]
    a = build(*rows, ("s", "elemwise_sub", {}, ["p", "y"]), heads=["s", "q"])
    b = a.copy()
    with b.edit() as edit:
        edit.rename(0, "tmp")
        edit.rename(1, "x")
        edit.rename(0, "y")
    assert str(diff(a, b)).splitlines() == [
        "variable 'x' (#0): renamed 'y'",
        "variable 'y' (#1): renamed 'x'",
    ]


def test_swapped_inputs_are_a_rewiring_not_renamings(build: Build) -> None:
    towers = [
        ("x", "null"),
        ("y", "null"),
        ("fx", "relu", {}, ["x"]),
        ("fy", "relu", {}, ["y"]),
        ("gx", "relu", {}, ["fx"]),
        ("gy", "relu", {}, ["fy"]),
    ]
    a = build(*towers, ("s", "elemwise_sub", {}, ["gx", "gy"]), heads=["s"])
    b = build(*towers, ("s", "elemwise_sub", {}, ["gy", "gx"]), heads=["s"])
    assert str(diff(a, b)) == (
        "elemwise_sub 's' (#6): input 0 gx_output -> gy_output, input 1 gy_output -> gx_output"
    )


def test_a_changed_operator(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = a.copy()
    with b.edit() as edit:
        edit.set_op(3, "LeakyReLU")
        edit.set_attrs(3, {"act_type": "leaky", "slope": "0.1"})
    found = diff(a, b)
    assert str(found) == (
        "Activation 'act' (#3): operator Activation -> LeakyReLU, act_type 'relu' -> 'leaky', "
        "slope absent -> 0.10000000149011612"
    )
    assert found.graph.changed[0].attributes["act_type"] == ("'relu'", "'leaky'")


def test_heads(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = build(*NET, heads=["conv", "pool"])
    assert str(diff(a, b)).splitlines() == [
        "head 0: pool_output -> conv_output",
        "head 1: nothing -> pool_output",
    ]


def test_control_dependencies(build: Build) -> None:
    a = build(*NET, heads=["pool"])
    b = a.copy()
    with b.edit() as edit:
        edit.set_inputs(3, b.inputs(3), control=[0])
    assert str(diff(a, b)) == ("Activation 'act' (#3): control dependency 0 nothing -> data")


def test_subgraphs(build: Build) -> None:
    inner = build(("s", "null"), ("r", "relu", {}, ["s"]), heads=["r"])
    other = build(("s", "null"), ("r", "tanh", {}, ["s"]), heads=["r"])
    a = build(("x", "null"), ("f", "NoSuchLoop", {}, ["x"]), heads=["f"])
    b = a.copy()
    with a.edit() as edit:
        edit.set_subgraphs(1, [inner, inner.copy()])
    with b.edit() as edit:
        edit.set_subgraphs(1, [inner.copy(), other])
    found = diff(a, b)
    assert not found.equal
    assert str(found) == ("subgraph 1 of NoSuchLoop 'f' (#1): relu 'r' (#1): operator relu -> tanh")
    with b.edit() as edit:
        edit.set_subgraphs(1, [])
    assert str(diff(a, b)) == "NoSuchLoop 'f' (#1): number of subgraphs 2 -> 0"


def test_parameters_follow_renamed_variables(build: Build) -> None:
    a = Model(build(*NET, heads=["pool"]), Parameters({"w": np.ones(3, "f4"), "old": np.ones(1)}))
    b = a.copy()
    with b.edit() as edit:
        edit.rename(1, "v")
        b.parameters.rename({"w": "v"})
    found = diff(a, b)
    assert str(found) == "variable 'w' (#1): renamed 'v'"
    assert found.parameters is not None
    assert found.parameters.equal
    b.parameters["v"] = np.zeros(3, "f4")
    del b.parameters["old"]
    assert str(diff(a, b)).splitlines()[1:] == [
        "parameter only in A: 'old': (1,) float64",
        "parameter 'w', in B 'v': (3,) float32, max abs 1, max rel 1, 3 of 3 values differ",
    ]


def test_equal_models_tell_both_counts(build: Build) -> None:
    a = Model(build(*NET, heads=["pool"]), Parameters({"w": np.ones(3, "f4")}))
    assert str(diff(a, a.copy())) == "equal: 5 nodes, 1 parameters"


def test_json_is_plain(build: Build) -> None:
    a = Model(build(*NET, heads=["pool"]), Parameters({"w": np.ones(3, "f4")}))
    b = Model(build(*NET[:4], heads=["act"]), Parameters({"w": np.zeros(3, "f4")}))
    plain = json.loads(json.dumps(diff(a, b).to_json(), allow_nan=False))
    assert plain["equal"] is False
    assert plain["only_in_a"] == [{"key": 4, "op": "Pooling", "name": "pool"}]
    assert plain["heads"] == [{"position": 0, "a": "pool_output", "b": "act_output"}]
    assert plain["parameters"]["changed"][0]["names"] == ["w", "w"]
    assert json.loads(json.dumps(diff(a, a).to_json()))["equal"] is True


def test_the_same_graphs_give_the_same_text(build: Build) -> None:
    a, b = build(*NET, heads=["pool"]), build(*NET[:3], heads=["conv"])
    assert str(diff(a, b)) == str(diff(a.copy(), b.copy()))
