"""Order stamps of auxiliary states."""

from __future__ import annotations

import json

import pytest

from graphpass import dumps, loads
from graphpass.rules.operations.region import restamp

NET = """
    one = BatchNorm(data, g, b, m, v)
    seen = relu(m)
    two = BatchNorm(one, g, b, m, v)
    last = relu(v)
    return seen, two, last, m
"""


def stamps(graph) -> dict[str, list[int]]:
    return {
        graph.name(key): [entry.version for entry in graph.inputs(key)]
        for key in graph.order()
        if graph.inputs(key)
    }


WANTED = {"one": [0, 0, 0, 1, 1], "two": [0, 0, 0, 2, 2], "seen": [0], "last": [2]}


def test_mutations_count_and_readers_take_the_count(net) -> None:
    graph = net(NET).graph
    symbol = json.loads(dumps(graph))
    for node in symbol["nodes"]:
        node["inputs"] = [[*entry[:2], 7 * bool(entry[2])] for entry in node["inputs"]]
    graph = loads(json.dumps(symbol))
    with graph.edit() as edit:
        restamp(graph, edit, graph.variable_keys().auxiliary_states)
    assert stamps(graph) == WANTED


def test_a_file_without_stamps_gets_none(net) -> None:
    symbol = json.loads(dumps(net(NET).graph))
    for node in symbol["nodes"]:
        node["inputs"] = [[*entry[:2], 0] for entry in node["inputs"]]
    graph = loads(json.dumps(symbol))
    before = dumps(graph)
    with graph.edit() as edit:
        restamp(graph, edit, graph.variable_keys().auxiliary_states)
    assert dumps(graph) == before


@pytest.mark.mxnet
def test_mxnet_composes_these_stamps(mx) -> None:
    data, g, b, m, v = map(mx.sym.var, ["data", "g", "b", "m", "v"])
    seen = mx.sym.relu(m, name="seen")
    one = mx.sym.BatchNorm(data, g, b, m, v, name="one")
    two = mx.sym.BatchNorm(one, g, b, m, v, name="two")
    last = mx.sym.relu(v, name="last")
    graph = loads(mx.sym.Group([seen, two, last, m]).tojson(remove_amp_cast=False))
    assert stamps(graph) == WANTED
    before = dumps(graph)
    with graph.edit() as edit:
        restamp(graph, edit, graph.variable_keys().auxiliary_states)
    assert dumps(graph) == before
