from __future__ import annotations

import json

from hypothesis import find, given, settings

import graphpass
from graphpass.graph import Entry, Graph
from graphpass.testing.names import ATTRIBUTE_KEYS, ATTRIBUTE_TEXTS, NODE_NAMES, ODD_NAMES

SEARCH = settings(database=None, max_examples=2000)


@given(name=NODE_NAMES, key=ATTRIBUTE_KEYS, text=ATTRIBUTE_TEXTS)
def test_a_symbol_can_hold_what_is_drawn(name: str, key: str, text: str) -> None:
    graph = Graph()
    with graph.edit() as edit:
        edit.set_heads([Entry(edit.add_variable(name, {key: text}))])
    written = graphpass.dumps(graph)
    (node,) = json.loads(written, strict=False)["nodes"]
    assert node["name"] == name
    assert node["attrs"] == {key: text}
    assert graphpass.dumps(graphpass.loads(written)) == written


def test_odd_names_differ() -> None:
    assert len(set(ODD_NAMES)) == len(ODD_NAMES)


def test_plain_odd_empty_and_arbitrary_names_are_drawn() -> None:
    assert find(NODE_NAMES, lambda name: True, settings=SEARCH) == "data"
    assert find(NODE_NAMES, lambda name: name == "", settings=SEARCH) == ""
    assert find(NODE_NAMES, lambda name: name in ODD_NAMES, settings=SEARCH)
    assert find(NODE_NAMES, lambda name: any(ord(each) < 32 for each in name), settings=SEARCH)
