"""``set``: attributes, hints, heads."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from graphpass import dumps
from graphpass.errors import AttributeValueError, OperationError, SelectorError

NET = """
    conv = Convolution(data, w, kernel=(3, 3), num_filter=4, no_bias=True)
    drop = Dropout(conv, p=0.5)
    fc = FullyConnected(drop, v, num_hidden=2, no_bias=True)
    return fc
"""


def hints_of(variable: Any) -> dict[str, str]:
    """What MXNet writes for a variable."""
    attrs: dict[str, str] = json.loads(variable.tojson())["nodes"][0]["attrs"]
    return attrs


@pytest.fixture
def model(net):
    return net(NET, w=(4, 3, 3, 3), v=(2, 4))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, 1], "(1, 1)"),
        ("(1,1)", "(1,1)"),
        ([2, 2], "(2, 2)"),
    ],
)
def test_shapes_are_printed_as_mxnet_prints_them(model, perform, value, text: str) -> None:
    done = perform(model, "set", {"select": "conv", "attrs": {"pad": value}})
    assert done.summary == "set 'pad' of 1 node"
    assert model.graph.attrs(model.graph.named("conv")[0])["pad"] == text


@pytest.mark.parametrize(
    ("attrs", "after"),
    [
        ({"p": 0.1}, {"p": "0.1"}),
        ({"p": None}, {}),
        ({"mode": "always"}, {"p": "0.5", "mode": "always"}),
        ({"cudnn_off": True}, {"p": "0.5", "cudnn_off": "True"}),
        ({"__ctx_group__": "gpu0"}, {"p": "0.5", "__ctx_group__": "gpu0"}),
        ({"axes": [1]}, {"p": "0.5", "axes": "(1,)"}),
    ],
)
def test_attributes(model, perform, attrs, after: dict[str, str]) -> None:
    perform(model, "set", {"select": "op:Dropout", "attrs": attrs})
    assert model.graph.attrs(model.graph.named("drop")[0]) == after


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"select": "fc", "attrs": {"num_hiden": 3}},
            "FullyConnected 'fc' (#5): FullyConnected has no attribute 'num_hiden'; "
            "nearest: num_hidden",
        ),
        (
            {"select": "fc", "attrs": {"num_hidden": None}},
            "FullyConnected 'fc' (#5): FullyConnected needs the attribute num_hidden",
        ),
        (
            {"select": "drop", "attrs": {"mode": "never"}},
            "Dropout 'drop' (#3): Dropout: attribute mode='never' is not one of always, training",
        ),
        (
            {"select": ["drop", "conv"], "attrs": {"kernel": [1, 1]}},
            "Dropout 'drop' (#3): Dropout has no attribute 'kernel'",
        ),
    ],
)
def test_what_mxnet_would_refuse_is_refused(model, refused, options, message: str) -> None:
    assert refused(model, "set", options, AttributeValueError).startswith(message)


def test_an_unknown_operator_takes_anything(net, perform) -> None:
    model = net("x = NoSuchOperator(data)\nreturn x")
    perform(model, "set", {"select": "x", "attrs": {"anything": "1"}})
    assert model.graph.attrs(1) == {"anything": "1"}


def test_hints_are_for_variables(model, refused) -> None:
    said = refused(model, "set", {"select": "conv", "lr_mult": 0.1}, SelectorError)
    assert said == "no variable is called 'conv'; nearest: v" or said.startswith("no variable is")


@pytest.mark.mxnet
def test_hints_are_spelt_as_mxnet_spells_them(net, perform, mx: ModuleType) -> None:
    hints = {
        "shape": [1, 3, 8, 8],
        "dtype": "float16",
        "lr_mult": 0.1,
        "wd_mult": 2,
        "init": ["xavier", {"magnitude": 2}],
        "storage_type": "row_sparse",
    }
    model = net("r = relu(data)\nreturn r")
    perform(model, "set", {"select": "data", **hints})
    variable = mx.sym.var(
        "data",
        shape=(1, 3, 8, 8),
        dtype="float16",
        lr_mult=0.1,
        wd_mult=2,
        init='["xavier", {"magnitude": 2}]',
        stype="row_sparse",
    )
    assert model.graph.attrs(0) == hints_of(variable)


@pytest.mark.mxnet
@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"]
)
def test_codes_of_types_are_those_of_mxnet(net, perform, mx: ModuleType, dtype: str) -> None:
    model = net("r = relu(data)\nreturn r")
    perform(model, "set", {"select": "data", "dtype": dtype})
    assert model.graph.attrs(0) == hints_of(mx.sym.var("data", dtype=dtype))


@pytest.mark.mxnet
@pytest.mark.parametrize("storage_type", ["default", "row_sparse", "csr"])
def test_codes_of_storage_types(net, perform, mx: ModuleType, storage_type: str) -> None:
    model = net("r = relu(data)\nreturn r")
    perform(model, "set", {"select": "data", "storage_type": storage_type})
    assert model.graph.attrs(0) == hints_of(mx.sym.var("data", stype=storage_type))


def test_hints_and_attributes_together(net, perform) -> None:
    model = net("r = relu(data)\nreturn r")
    perform(model, "set", {"select": "data", "lr_mult": 1, "attrs": {"__force_mirroring__": True}})
    assert model.graph.attrs(0) == {"__lr_mult__": "1", "__force_mirroring__": "True"}


def test_heads(model, perform, same_net) -> None:
    done = perform(model, "set", {"heads": ["drop", "conv_output", "conv"]})
    assert done.summary == "the graph returns 'drop_output', 'conv_output', 'conv_output'"
    same_net(
        model,
        """
        conv = Convolution(data, w, kernel=(3, 3), num_filter=4, no_bias=True)
        drop = Dropout(conv, p=0.5)
        return drop, conv, conv
        """,
    )
    assert list(model.parameters) == ["w"]


def test_attributes_and_heads_at_once(model, perform) -> None:
    done = perform(model, "set", {"select": "drop", "attrs": {"p": 0}, "heads": "drop"})
    assert done.summary == "set 'p' of 1 node; the graph returns 'drop_output'"


def test_selecting_nothing_may_be_fine(model, perform) -> None:
    before = dumps(model.graph)
    done = perform(model, "set", {"select": "op:relu", "attrs": {"a": "b"}, "optional": True})
    assert done.summary == "set 'a' of 0 nodes"
    assert dumps(model.graph) == before


@pytest.mark.mxnet
def test_mxnet_loads_what_was_set(model, perform, mx: ModuleType) -> None:
    perform(model, "set", {"select": "conv", "attrs": {"pad": [1, 1], "layout": "NCHW"}})
    text = dumps(model.graph)
    assert mx.sym.load_json(text).tojson(remove_amp_cast=False) == text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select": "data", "lr_mult": float("nan")}, "lr_mult can't be nan, which is no finite"),
        ({"select": "data", "wd_mult": float("-inf")}, "wd_mult can't be -inf, which is no finite"),
        ({"select": "op:BatchNorm", "attrs": {"eps": float("inf")}}, "write the text 'inf'"),
        ({"select": "data", "shape": [1] * 33}, "there are at most 32 dimensions"),
        ({"select": "data", "shape": [2**40, 2**40]}, "and 2^63 elements"),
    ],
)
def test_what_no_value_can_be(net, refused, options, message: str) -> None:
    model = net("bn = BatchNorm(data, gamma, beta, mean, var)\nreturn bn")
    assert message in refused(model, "set", options, OperationError)


def test_a_batch_size_is_left_open_in_the_hints_of_inputs(net, perform) -> None:
    hints = {
        "data": {"__shape__": "(8, 3)", "__dtype__": "0"},
        "steps": {"__shape__": "(5, 8, 3)", "__layout__": "TNC"},
        "w": {"__shape__": "(8, 3)"},
        "other": {"__shape__": "(3, 8)"},
        "plain": {},
    }
    model = net("y = Concat(data, steps, w, other, plain, num_args=5)\nreturn y", hints, w=(8, 3))
    done = perform(model, "set", {"select": "glob:*", "free": 8})
    assert done.summary == "left the batch size open in 2 shape hints ('data', 'steps')"
    found = {node.name: node.attrs.get("__shape__") for node in model.graph if node.is_variable}
    assert found == {
        "data": "(0, 3)", "steps": "(5, 0, 3)", "w": "(8, 3)", "other": "(3, 8)", "plain": None
    }  # fmt: skip


def test_a_batch_size_and_hints_at_once(net, perform) -> None:
    model = net("y = relu(data)\nreturn y", {"data": {"__shape__": "(8, 3)"}})
    done = perform(model, "set", {"select": "data", "dtype": "int32", "free": 8})
    assert done.summary == (
        "set '__dtype__' of 1 node; left the batch size open in 1 shape hint ('data')"
    )


SCALED = {"data": {"__shape__": "(1, 4, 6, 6)"}, "w": {"__shape__": "(1, 4, 1, 1)"}}
OPEN = {"data": "(0, 4, 6, 6)", "w": "(0, 4, 1, 1)"}


@pytest.mark.parametrize(
    ("stored", "named", "freed"),
    [
        ((), (), ["data"]),
        ((), ("data",), ["data"]),
        ((), ("data", "w"), ["data", "w"]),
        ((), ("w",), ["w"]),
        (("w",), (), ["data"]),
        (("v",), (), ["data", "w"]),
    ],
)
def test_without_parameters_a_batch_size_is_left_open_only_in_what_is_fed(
    net, perform, stored: tuple[str, ...], named: tuple[str, ...], freed: list[str]
) -> None:
    values = {"w": (1, 4, 1, 1), "v": (1, 4, 6, 6)}
    model = net(
        "y = broadcast_mul(data, w)\nz = broadcast_add(y, v)\nreturn z",
        SCALED,
        **{name: values[name] for name in stored},
    )
    done = perform(
        model,
        "set",
        {"select": "glob:*", "free": 1},
        shapes={name: (1, 4, None, None) for name in named},
    )
    hints = {node.name: node.attrs["__shape__"] for node in model.graph if node.name in SCALED}
    assert hints == {
        name: OPEN[name] if name in freed else SCALED[name]["__shape__"] for name in SCALED
    }
    left = [name for name in SCALED if name not in (*freed, *stored)]
    assert [name in note for name in left for note in done.notes] == [True] * len(left)
    assert len(done.notes) == bool(left)
