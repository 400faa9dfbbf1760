"""Malformed symbols: each refused with place and remedy, or read as MXNet reads it.

The numbers are those of the table of malformed input in ``docs/format-symbol-json.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

import graphpass
from graphpass.errors import CycleError, GraphpassError, SymbolError

Tree = dict[str, Any]


def good() -> Tree:
    """Return a symbol with a bit of everything, as parsed JSON."""
    null = {"op": "null", "inputs": []}
    states = ["gamma", "beta", "moving_mean", "moving_var"]
    return {
        "nodes": [
            {**null, "name": "data"},
            {**null, "name": "w", "attrs": {"__shape__": "(2, 3)"}},
            {
                "op": "FullyConnected",
                "name": "fc",
                "attrs": {"num_hidden": "2", "no_bias": "True"},
                "inputs": [[0, 0, 0], [1, 0, 0]],
            },
            *({**null, "name": f"bn_{name}"} for name in states),
            {
                "op": "BatchNorm",
                "name": "bn",
                "inputs": [[2, 0, 0], [3, 0, 0], [4, 0, 0], [5, 0, 1], [6, 0, 1]],
            },
            {"op": "relu", "name": "r", "inputs": [[7, 0, 0]]},
        ],
        "arg_nodes": [0, 1, 3, 4, 5, 6],
        "node_row_ptr": [0, 1, 2, 3, 4, 5, 6, 7, 10, 11],
        "heads": [[8, 0, 0]],
        "attrs": {"mxnet_version": ["int", 10901]},
    }


def edit(change: Callable[[Tree], object]) -> str:
    tree = good()
    change(tree)
    return json.dumps(tree)


def test_the_symbol_that_is_broken_below_is_whole() -> None:
    graph = graphpass.loads(edit(lambda tree: None))
    assert graph.arguments == ["data", "w", "bn_gamma", "bn_beta"]
    assert graph.auxiliary_states == ["bn_moving_mean", "bn_moving_var"]


TEXT = edit(lambda tree: None)

REFUSED: dict[str, tuple[str | bytes, str]] = {
    "1 no nodes": (edit(lambda t: t.pop("nodes")), "the top level: the key 'nodes' is missing"),
    "1 no arg_nodes": (edit(lambda t: t.pop("arg_nodes")), "the key 'arg_nodes' is missing"),
    "1 no heads": (edit(lambda t: t.pop("heads")), "the key 'heads' is missing"),
    "3 unknown graph key": (
        edit(lambda t: t.update(head=[])),
        "the top level: the key 'head' is unknown; nearest: heads; remove it",
    ),
    "3 unknown node key": (
        edit(lambda t: t["nodes"][2].update(comment="x")),
        "nodes[2] (node 'fc'): the key 'comment' is unknown",
    ),
    "4 no op": (edit(lambda t: t["nodes"][2].pop("op")), "nodes[2] (node 'fc'): the key 'op'"),
    "4 no name": (edit(lambda t: t["nodes"][2].pop("name")), "nodes[2]: the key 'name'"),
    "4 no inputs": (edit(lambda t: t["nodes"][0].pop("inputs")), "nodes[0] (node 'data'): the key"),
    "5 one number": (
        edit(lambda t: t["nodes"][8].update(inputs=[[7]])),
        "nodes[8].inputs[0] (node 'r'): [7] has 1 elements; an entry is [node id, output index]",
    ),
    "5 four numbers": (
        edit(lambda t: t.update(heads=[[8, 0, 0, 0]])),
        "heads[0]: [8, 0, 0, 0] has 4 elements; an entry is [node id, output index]",
    ),
    "5 heads is a number": (edit(lambda t: t.update(heads=3)), "heads: 3 is not a list"),
    "7 node id out of range": (
        edit(lambda t: t["nodes"][8].update(inputs=[[99, 0, 0]])),
        "nodes[8].inputs[0]: node 99 does not exist (the file has 9)",
    ),
    "7 negative node id": (
        edit(lambda t: t["nodes"][8].update(inputs=[[-1, 0, 0]])),
        "nodes[8].inputs[0][0] (node 'r'): -1 is negative; ids and indices count from 0",
    ),
    "7 huge node id": (
        edit(lambda t: t["nodes"][8].update(inputs=[[2**32 - 1, 0, 0]])),
        "node 4294967295 does not exist",
    ),
    "7 fraction": (
        edit(lambda t: t["nodes"][8].update(inputs=[[7.0, 0, 0]])),
        "nodes[8].inputs[0][0]: expected `int`, got `float`",
    ),
    "7 head out of range": (
        edit(lambda t: t.update(heads=[[9, 0, 0]])),
        "heads[0]: node 9 does not exist (the file has 9)",
    ),
    "8 head output out of range": (
        edit(lambda t: t.update(heads=[[7, 3, 0]])),
        "heads[0]: BatchNorm 'bn' (node 7) has 3 outputs, so there is no output 3",
    ),
    "8 input output out of range": (
        edit(lambda t: t["nodes"][8].update(inputs=[[2, 1, 0]])),
        "nodes[8].inputs[0]: FullyConnected 'fc' (node 2) has 1 output, so there is no output 1",
    ),
    "8 an unknown operator with two thousand million outputs": (
        edit(lambda t: (t["nodes"][7].update(op="Vendor"), t.update(heads=[[7, 2 * 10**9, 0]]))),
        "heads[0]: no operator has an output 2000000000",
    ),
    "10 arg_nodes to an operator": (
        edit(lambda t: t.update(arg_nodes=[2])),
        "arg_nodes[0]: node 2 ('fc') is an operator (FullyConnected), not a variable",
    ),
    "10 arg_nodes out of range": (
        edit(lambda t: t.update(arg_nodes=[44])),
        "arg_nodes[0]: node 44 does not exist",
    ),
    "12 graph attribute of type float": (
        edit(lambda t: t.update(attrs={"x": ["float", 1.0]})),
        "attrs.x: a graph attribute of type 'float' is unknown",
    ),
    "12 a fraction for a whole number": (
        edit(lambda t: t.update(attrs={"x": ["list_int", [1, 1.5]]})),
        "attrs.x: [1, 1.5] is no list_int of MXNet",
    ),
    "a source id of 32 bits and no sign": (
        edit(lambda t: t["nodes"][8].update(backward_source_id=2**31)),
        "nodes[8].backward_source_id (node 'r'): 2147483648 is wider than the 32 bits",
    ),
    "12 untyped graph attribute": (edit(lambda t: t.update(attrs={"x": 1})), "attrs.x"),
    "12 version is a string": (
        edit(lambda t: t.update(attrs={"mxnet_version": ["str", "10901"]})),
        'attrs.mxnet_version: expected ["int", number]',
    ),
    "15 self loop": (edit(lambda t: t["nodes"][8].update(inputs=[[8, 0, 0]])), "cycle: r -> r"),
    "16 cycle": (
        edit(lambda t: t["nodes"][2].update(inputs=[[8, 0, 0], [1, 0, 0]])),
        "fc -> bn -> r -> fc",
    ),
    "19 bad value": (
        edit(lambda t: t["nodes"][2].update(attrs={"num_hidden": "abc", "no_bias": "True"})),
        "nodes[2] (node 'fc'): FullyConnected: attribute num_hidden='abc'",
    ),
    "19 unknown attribute is read, not written": (
        edit(lambda t: t["nodes"][2]["attrs"].update(no_biass="1")),
        "FullyConnected 'fc': MXNet 1.9.1 has no attribute 'no_biass' of FullyConnected",
    ),
    "19 missing attribute": (
        edit(lambda t: t["nodes"][2].update(attrs={"no_bias": "True"})),
        "num_hidden",
    ),
    "22 control_deps out of range": (
        edit(lambda t: t["nodes"][8].update(control_deps=[77])),
        "nodes[8].control_deps[0]: node 77 does not exist",
    ),
    "24 a key twice": (
        TEXT.replace('"name": "fc"', '"name": "fc", "name": "fd"'),
        "nodes[2] (node 'fd'): the key 'name' stands twice",
    ),
    "24 an attribute twice": (
        TEXT.replace('"num_hidden": "2"', '"num_hidden": "2", "num_hidden": "3"'),
        "nodes[2].attrs: the key 'num_hidden' stands twice",
    ),
    "25 attribute is a number": (
        edit(lambda t: t["nodes"][2]["attrs"].update(num_hidden=2)),
        "nodes[2].attrs.num_hidden (node 'fc'): 2 is not a string, for example \"2\"",
    ),
    "25 attrs is null": (
        edit(lambda t: t["nodes"][2].update(attrs=None)),
        "nodes[2].attrs (node 'fc'): null is not an object",
    ),
    "26 half a character": (TEXT.replace('"fc"', '"f\\ud800c"'), "is half a character"),
    "27 raw newline": (TEXT.replace('"fc"', '"f\nc"'), "a line break inside a string"),
    "29 cut short": (TEXT[:-40], "the file is cut short"),
    "29 cut after a value": (TEXT[: TEXT.index('"heads"')] + '"heads": [[8, 0, 0]', "cut short"),
    "30 trailing comma": (TEXT[:-1] + ",}", "not JSON"),
    "30 comment": ("// symbol\n" + TEXT, "line 1, column 1: not JSON"),
    "30 single quotes": (TEXT.replace('"', "'"), "not JSON"),
    "31 empty": ("", "the file is empty"),
    "32 empty object": ("{}", "the key 'nodes' is missing"),
    "32 a list": ("[]", "[] is not an object"),
    "32 null": ("null", "null is not an object"),
    "33 BatchNorm without inputs": (
        edit(lambda t: t["nodes"][7].update(inputs=[])),
        "nodes[7] (node 'bn'): BatchNorm mutates its input 4 but is given 0 inputs",
    ),
    "34 BatchNorm with three inputs": (
        edit(lambda t: t["nodes"][7].update(inputs=[[2, 0, 0], [3, 0, 0], [4, 0, 0]])),
        "connect all 5 inputs (data, gamma, beta, moving_mean, moving_var)",
    ),
    "a graph attribute of 33 bits": (
        edit(lambda t: t.update(attrs={"mxnet_version": ["int", 2**31]})),
        "attrs.mxnet_version: 2147483648 is no int of MXNet, whose integers have 32 bits",
    ),
    "37 deep subgraphs": ("nested", "nodes[8]: subgraphs are nested more than 64 deep"),
    "39 brackets": ("[" * 20_000, "nested too deep"),
    "not a symbol: HTML": ("<!DOCTYPE html><html>", "an HTML or XML page"),
    "not a symbol: Git LFS": ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    "not a symbol: parameters": (b"\x12\x01" + b"\0" * 30, "is it the .params file?"),
    "not a symbol: UTF-16": ("{}".encode("utf-16"), "UTF-16"),
    "NaN": (edit(lambda t: t.update(arg_nodes=[float("nan")])), "NaN"),
    "NUL in a name": (
        TEXT.replace('"fc"', '"f\\u0000c"'),
        "nodes[2] (node 'f\\x00c'): a NUL character",
    ),
}


def _nested(depth: int) -> str:
    tree = good()
    for _ in range(depth):
        outer = good()
        del tree["attrs"]
        outer["nodes"][8]["subgraphs"] = [tree]
        tree = outer
    return json.dumps(tree)


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_place_and_remedy(case: str) -> None:
    data, message = REFUSED[case]
    data = _nested(100) if data == "nested" else data
    with pytest.raises((SymbolError, CycleError)) as caught:
        graphpass.dumps(graphpass.loads(data))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


ACCEPTED: dict[str, tuple[str | bytes, str]] = {
    "6 versions of heads and inputs are kept": (
        edit(lambda t: t.update(heads=[[8, 0, 7]])),
        '"heads": [[8, 0, 7]]',
    ),
    "9 arg_nodes empty": (
        edit(lambda t: t.update(arg_nodes=[])),
        '"arg_nodes": [0, 1, 3, 4, 5, 6]',
    ),
    "9 arg_nodes partial and twice": (edit(lambda t: t.update(arg_nodes=[1, 1])), "[0, 1, 3"),
    "11 node_row_ptr nonsense": (edit(lambda t: t.update(node_row_ptr=[9, 9])), "7, 10, 11"),
    "11 node_row_ptr that gives an unknown operator too many outputs": (
        edit(
            lambda t: (
                t["nodes"][8].update(op="Vendor"),
                t.update(node_row_ptr=[*range(9), 2 * 10**9]),
            )
        ),
        '"op": "Vendor"',
    ),
    "11 node_row_ptr missing": (edit(lambda t: t.pop("node_row_ptr")), '"node_row_ptr"'),
    "13 a newer version": (
        edit(lambda t: t.update(attrs={"mxnet_version": ["int", 20000]})),
        "10901",
    ),
    "13 a negative version": (
        edit(lambda t: t.update(attrs={"mxnet_version": ["int", -5]})),
        "10901",
    ),
    "17 unknown operator": (edit(lambda t: t["nodes"][8].update(op="Swish")), '"op": "Swish"'),
    "18 bad attribute where no head reaches": (
        edit(lambda t: (t["nodes"][8].update(attrs={"x": "y"}), t.update(heads=[[7, 0, 0]]))),
        '"heads": [[7, 0, 0]]',
    ),
    "20 two variables of one name": (edit(lambda t: t["nodes"][1].update(name="data")), '"data"'),
    "21 a variable with inputs": (
        edit(lambda t: t["nodes"][1].update(inputs=[[0, 0, 0]])),
        '"inputs": [[0, 0, 0]]',
    ),
    "23 attr and attrs: the later one": (
        TEXT.replace('"attrs": {"num', '"attr": {"num_hidden": "9"}, "attrs": {"num'),
        '"num_hidden": "2"',
    ),
    "23 attrs and attr: the later one": (
        TEXT.replace(
            '"attrs": {"num_hidden": "2", "no_bias": "True"}',
            '"attrs": {"num_hidden": "9"}, "attr": {"num_hidden": "2", "no_bias": "True"}',
        ),
        '"num_hidden": "2"',
    ),
    "26 escapes that MXNet refuses": (TEXT.replace('"fc"', '"f\\u0063\\/"'), '"name": "fc/"'),
    "27 raw tab": (TEXT.replace('"fc"', '"f\tc"'), '"name": "f\\tc"'),
    "27 raw control character": (TEXT.replace('"fc"', '"f\x01c"'), '"name": "f\x01c"'),
    "28 trailing garbage": (TEXT + "}}} garbage", '"heads"'),
    "31 byte order mark": (b"\xef\xbb\xbf" + TEXT.encode(), '"heads"'),
    "bytes that are no UTF-8": (TEXT.encode().replace(b'"fc"', b'"f\xffc"'), "f\udcffc"),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_read_as_mxnet_reads_it(case: str) -> None:
    data, piece = ACCEPTED[case]
    text = graphpass.dumps(graphpass.loads(data))
    assert piece in text
    assert graphpass.dumps(graphpass.loads(text)) == text


def test_a_forward_reference_is_renumbered() -> None:
    tree = good()
    count = len(tree["nodes"])
    tree["nodes"].reverse()
    for node in tree["nodes"]:
        node["inputs"] = [[count - 1 - i, *rest] for i, *rest in node["inputs"]]
    tree["arg_nodes"] = []
    tree["heads"] = [[count - 1 - i, *rest] for i, *rest in tree["heads"]]
    assert graphpass.dumps(graphpass.loads(json.dumps(tree))) == graphpass.dumps(
        graphpass.loads(TEXT)
    )


def test_two_states_missing_from_an_old_file_take_their_hints() -> None:
    tree = good()
    tree["nodes"][7]["inputs"] = [[2, 0], [3, 0], [4, 0]]
    tree["nodes"][7]["attr"] = {"moving_mean_lr_mult": "3"}
    del tree["attrs"]
    graph = graphpass.loads(json.dumps(tree))
    assert graph.auxiliary_states == ["bn_moving_mean", "bn_moving_var"]
    (mean,) = graph.named("bn_moving_mean")
    assert graph.attrs(mean)["__lr_mult__"] == "3"
    assert graph.attrs(mean)["__init__"] == '["zero", {}]'


def test_an_attribute_name_that_no_reader_could_take_back_is_not_written() -> None:
    graph = graphpass.loads(edit(lambda t: t["nodes"][8].update(attrs={'a"b': "1"})))
    with pytest.raises(SymbolError, match="attribute name"):
        graphpass.dumps(graph)


@settings(max_examples=2000)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_never_breaks_the_reader(data: st.DataObject) -> None:
    raw = bytearray(TEXT.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        length = data.draw(st.sampled_from([0, 1, 1, 1, 3, 40]))
        new = data.draw(
            st.sampled_from([b"", b"0", b"9", b'"', b"{", b"]", b",", b"\xff", b"-1", b"null"])
        )
        raw[at : at + length] = new
    try:
        text = graphpass.dumps(graphpass.loads(bytes(raw)))
    except GraphpassError as error:
        assert str(error)
    else:
        assert graphpass.dumps(graphpass.loads(text)) == text
