"""What random symbol texts hold: every feature that is promised occurs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings

import graphpass
from graphpass.errors import CycleError, SymbolError
from graphpass.testing import VERSIONS, symbol_texts
from graphpass.testing.symbols import _OPERATORS as OPERATORS

SEARCH = settings(database=None, max_examples=2000, derandomize=True, phases=[Phase.generate])
SHRINK = settings(database=None, max_examples=3000)


def parsed(text: str) -> Any:
    tree, _ = json.JSONDecoder(strict=False).raw_decode(text)
    return tree


def some_node(test: Callable[[Any], object]) -> Callable[[Any], bool]:
    return lambda tree: any(test(node) for node in tree["nodes"])


def reached(tree: Any) -> set[int]:
    found: set[int] = set()
    pending = [head[0] for head in tree["heads"]]
    while pending:
        key = pending.pop()
        if key not in found:
            found.add(key)
            node = tree["nodes"][key]
            pending += [entry[0] for entry in node["inputs"]] + node.get("control_deps", [])
    return found


FEATURES: dict[str, Callable[[Any], object]] = {
    "no version": lambda tree: "attrs" not in tree,
    "the newest version": lambda tree: tree.get("attrs", {}).get("mxnet_version") == ["int", 20000],
    "a negative version": lambda tree: tree.get("attrs", {}).get("mxnet_version") == ["int", -5],
    "other graph attributes": lambda tree: len(tree.get("attrs", ())) > 1,
    "no nodes": lambda tree: not tree["nodes"],
    "no heads": lambda tree: tree["nodes"] and not tree["heads"],
    "the same head twice": lambda tree: len(set(map(tuple, tree["heads"]))) < len(tree["heads"]),
    "a hidden output as head": lambda tree: any(head[1] == 2 for head in tree["heads"]),
    "dead nodes": lambda tree: len(reached(tree)) < len(tree["nodes"]),
    "wrong node_row_ptr": lambda tree: tree.get("node_row_ptr") == [7, 7, 0],
    "no node_row_ptr": lambda tree: "node_row_ptr" not in tree,
    "partial arg_nodes": lambda tree: len(tree["arg_nodes"]) == 0 < len(tree["nodes"]),
    "a repeated arg node": lambda tree: len(set(tree["arg_nodes"])) < len(tree["arg_nodes"]),
    "attr": some_node(lambda node: node.get("attr")),
    "attrs": some_node(lambda node: node.get("attrs") and "attr" not in node),
    "param": some_node(lambda node: node.get("param") and "attrs" not in node),
    "param and attr": some_node(lambda node: node.get("param") and node.get("attr")),
    "attr and attrs": some_node(lambda node: "attr" in node and "attrs" in node),
    "entries of two numbers": some_node(lambda node: any(len(e) == 2 for e in node["inputs"])),
    "a stamp": some_node(lambda node: any(len(e) == 3 and e[2] for e in node["inputs"])),
    "entries of two and three numbers": some_node(
        lambda node: {len(entry) for entry in node["inputs"]} == {2, 3}
    ),
    "an alias": some_node(lambda node: node["op"] == "split"),
    "no inputs at all": some_node(lambda node: node["op"] == "Convolution" and not node["inputs"]),
    "too many inputs": some_node(lambda node: node["op"] == "relu" and len(node["inputs"]) == 2),
    "missing auxiliary states": some_node(
        lambda node: node["op"] == "BatchNorm" and len(node["inputs"]) == 3
    ),
    "a variable with inputs": some_node(lambda node: node["op"] == "null" and node["inputs"]),
    "an empty name": some_node(lambda node: node["name"] == ""),
    "a repeated name": lambda tree: (
        len({node["name"] for node in tree["nodes"]}) < len(tree["nodes"])
    ),
    "control dependencies": some_node(lambda node: node.get("control_deps")),
    "a subgraph": some_node(lambda node: node.get("subgraphs")),
    "a hidden key": some_node(lambda node: "ctx_group" in node.get("attr", ())),
    "a hint on an operator": some_node(lambda node: "weight_lr_mult" in node.get("attr", ())),
    "use before definition": lambda tree: any(
        entry[0] > key for key, node in enumerate(tree["nodes"]) for entry in node["inputs"]
    ),
}


@pytest.fixture(scope="module")
def trees() -> list[Any]:
    """Some thousand random symbols, parsed."""
    found: list[Any] = []

    @SEARCH
    @given(text=symbol_texts())
    def collect(text: str) -> None:
        found.append(parsed(text))

    collect()
    return found


@pytest.mark.parametrize("feature", FEATURES)
def test_draws(trees: list[Any], feature: str) -> None:
    assert any(FEATURES[feature](tree) for tree in trees)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.spellings[0])
def test_draws_the_operator(trees: list[Any], operator: Any) -> None:
    assert any(node["op"] in operator.spellings for tree in trees for node in tree["nodes"])


def test_shrinks_to_an_empty_symbol() -> None:
    plainest = find(symbol_texts(), lambda text: True, settings=SHRINK)
    assert parsed(plainest)["nodes"] == []


def test_shrinks_to_the_node_that_matters() -> None:
    def holds(text: str) -> bool:
        return any(node["op"] == "BatchNorm" for node in parsed(text)["nodes"])

    tree = parsed(find(symbol_texts(max_nodes=4), holds, settings=SHRINK))
    assert len(tree["nodes"]) == 2


@given(text=symbol_texts())
def test_uses_only_what_exists(text: str) -> None:
    tree = parsed(text)
    outputs = {name: operator.outputs for operator in OPERATORS for name in operator.spellings}
    for entry in [*tree["heads"], *(entry for node in tree["nodes"] for entry in node["inputs"])]:
        source = tree["nodes"][entry[0]]
        assert entry[1] < outputs.get(source["op"], 1)


@given(text=symbol_texts(versions=(10901,)))
def test_never_leaves_out_an_input_that_is_written_to(text: str) -> None:
    try:
        graphpass.loads(text)
    except SymbolError as error:
        assert "mutates" not in str(error)


@given(text=symbol_texts())
def test_draws_no_cycle(text: str) -> None:
    try:
        graphpass.loads(text)
    except (SymbolError, CycleError) as error:
        assert not isinstance(error, CycleError)


@given(text=symbol_texts(versions=(None, 800), max_nodes=3))
def test_keeps_to_its_options(text: str) -> None:
    tree = parsed(text)
    assert len(tree["nodes"]) <= 3
    assert tree.get("attrs", {"mxnet_version": ["int", 800]})["mxnet_version"] == ["int", 800]


def test_versions_differ() -> None:
    assert len(set(VERSIONS)) == len(VERSIONS)
