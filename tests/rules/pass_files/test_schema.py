"""The JSON Schema is the one authority on the shape of a pass."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from graphpass.rules.operations import OPERATIONS, operation_class
from graphpass.rules.pass_files.loading import shipped_names, shipped_text
from graphpass.rules.pass_files.schema import SchemaFault, _fits, pass_schema, schema_faults


def whole(*rules: object) -> dict[str, object]:
    return {"graphpass": 1, "rules": list(rules)}


def subschemas(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for value in schema.values():
            yield from subschemas(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from subschemas(value)


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(pass_schema())


def test_rules_have_the_operations_of_the_registry() -> None:
    rule = pass_schema()["$defs"]["rule"]
    assert rule["properties"].keys() - {"id", "note"} == OPERATIONS.keys()
    assert [branch["required"] for branch in rule["oneOf"]] == [[name] for name in OPERATIONS]


@pytest.mark.parametrize("keyword", OPERATIONS)
def test_schema_and_operation_have_the_same_options(keyword: str) -> None:
    schema = pass_schema()["$defs"][keyword]
    branches = [schema, *schema.get("anyOf", ())]
    (mapping,) = [branch for branch in branches if "properties" in branch]
    assert mapping["additionalProperties"] is False
    own = [each for each in operation_class(keyword).options() if each != "target"]  # of the pass
    assert sorted(mapping["properties"]) == sorted(own)


@pytest.mark.parametrize("keyword", OPERATIONS)
def test_a_shorthand_is_an_alternative_of_the_schema(keyword: str) -> None:
    schema = pass_schema()["$defs"][keyword]
    assert ("anyOf" in schema and "properties" not in schema) == (
        operation_class(keyword).shorthand is not None
    )


def test_everything_that_a_message_may_name_has_a_title() -> None:
    for schema in subschemas(pass_schema()):
        if {"enum", "pattern", "anyOf"} & schema.keys() and "required" not in str(
            schema.get("anyOf")
        ):
            described = "title" in schema or schema.get("type") == "string"
            assert described, schema


def test_a_good_pass_has_no_faults() -> None:
    assert schema_faults(whole({"rename": {"from": "a", "to": "b"}, "id": "x", "note": "y"})) == []


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        (
            {"rename": {"form": "a", "to": "b"}},
            ("rename", "form"),
            "rename has no 'form'; nearest: from; it has from, to, map, select, repeated, kind, "
            "optional",
        ),
        (
            {"rename": {"from": "a"}},
            ("rename",),
            "rename needs one of from+to, map, select+to; it has from",
        ),
        (
            {"rename": {"from": "a", "select": "b", "to": "c"}},
            ("rename",),
            "rename takes one of from+to and select+to, but has both",
        ),
        (
            {"rename": {"map": {"a": "b"}, "to": "c"}},
            ("rename", "to"),
            "'to' has no meaning here: the map holds the new names",
        ),
        ({"rename": {"map": {"a": 3}}}, ("rename", "map", "a"), "3 is not a text"),
        ({"rename": {"map": {"a": ""}}}, ("rename", "map", "a"), "this is empty; write a text"),
        (
            {"rename": {"map": 3}},
            ("rename", "map"),
            "3 is not a mapping of old names to new names, or the path of a CSV file with two "
            "columns",
        ),
        (
            {"rename": {"from": {"glb": "a*"}, "to": "b"}},
            ("rename", "from", "glb"),
            "from has no 'glb'; nearest: glob; it has name, glob, regex, op, id",
        ),
        (
            {"rename": {"from": "a", "to": "b", "kind": "variable"}},
            ("rename", "kind"),
            '"variable" is not one of both, variables, operators, parameters; nearest: variables',
        ),
        (
            {"rename": ["a", "b"]},
            ("rename",),
            '["a", "b"] is not a mapping with the options of rename',
        ),
        (
            {"prefix": ["a"]},
            ("prefix",),
            '["a"] is not a prefix, or a mapping with the options of prefix',
        ),
        (
            {"prefix": {"prefx": "a_"}},
            ("prefix", "prefx"),
            "prefix has no 'prefx'; nearest: prefix; it has prefix, select, kind, keep, optional",
        ),
        ({"prefix": {"keep": "a"}}, ("prefix",), "prefix needs prefix"),
        (
            {"extract": {"outputs": {"a": "b"}}},
            ("extract", "outputs", "a"),
            "outputs has no 'a'; it has name, glob, regex, op, id",
        ),
        (
            {"extract": {"inputs": 3}},
            ("extract", "inputs"),
            "3 is not a list of values, or a mapping of values to the names of their variables",
        ),
        (
            {"tie": {"varables": ["a", "b"]}},
            ("tie", "varables"),
            "tie has no 'varables'; nearest: variables; it has variables, into, keep, equal",
        ),
        (
            {"remove": {"select": "a", "input": [1]}},
            ("remove", "input"),
            "[1] is not an input: its slot, counted from 0, or its name, such as data",
        ),
        (
            {"expect": {"unchanged_outputs": {"map": {}}}},
            ("expect", "unchanged_outputs", "map"),
            "map needs at least one entry",
        ),
        (
            {"expect": {"nodes": ">>1"}},
            ("expect", "nodes"),
            '">>1" is not a count, such as 2 or ">=1"',
        ),
        ({"expect": {"nodes": -1}}, ("expect", "nodes"), '-1 is not a count, such as 2 or ">=1"'),
        (
            {"expect": {"parameters": {"a": "x"}}},
            ("expect", "parameters", "a"),
            '"x" is not a count, such as 2 or ">=1"',
        ),
        (
            {"expect": {}},
            ("expect",),
            "expect needs at least one of arguments, auxiliary_states, inputs, outputs, "
            "parameters, operators, nodes, heads, unchanged_outputs",
        ),
        ({"set": {"shape": [1]}}, ("set",), "set with 'shape' needs select"),
        ({"prune": {"nodes": "yes"}}, ("prune", "nodes"), '"yes" is not true or false'),
        (
            {"renam": {}},
            ("renam",),
            "a rule has no 'renam'; nearest: rename, remove; it has id, note, "
            + ", ".join(OPERATIONS),
        ),
        (
            {"prune": {}, "prefix": "a"},
            (),
            "a rule takes one of prefix and prune, but has both",
        ),
        ({}, (), "a rule needs one of " + ", ".join(OPERATIONS)),
        (3, (), "3 is not a rule"),
    ],
)
def test_faults_in_words(rule: object, path: tuple[str, ...], message: str) -> None:
    faults = schema_faults(whole({"prune": None}, rule))
    assert [(fault.path, fault.message) for fault in faults] == [(("rules", 1, *path), message)]


@pytest.mark.parametrize(
    ("tree", "fault"),
    [
        (
            {"graphpass": 2, "rules": []},
            SchemaFault(("graphpass",), "2 is not the version of the language, 1"),
        ),
        ({"graphpass": 1}, SchemaFault((), "a graphpass pass needs rules")),
        ({"graphpass": 1, "rules": 3}, SchemaFault(("rules",), "3 is not a list of rules")),
        (
            {"graphpass": 1, "rules": [], "parameters": {"a b": 1}},
            SchemaFault(
                ("parameters", "a b"),
                '"a b" is not a parameter name: letters, digits, _ and -',
                key=True,
            ),
        ),
        (
            {"graphpass": 1, "ruels": []},
            SchemaFault(
                ("ruels",),
                "a graphpass pass has no 'ruels'; nearest: rules; "
                "it has graphpass, name, description, parameters, budget, target, rules, tests",
                key=True,
            ),
        ),
    ],
)
def test_faults_of_the_pass_itself(tree: object, fault: SchemaFault) -> None:
    assert schema_faults(tree) == [fault]


def test_long_values_are_cut() -> None:
    (fault,) = schema_faults(whole({"prefix": ["x" * 500]}))
    assert len(fault.message) < 150


PLAIN = [
    *(YAML(typ="safe", pure=True).load(shipped_text(name)) for name in shipped_names()),
    whole(
        {"rename": {"map": {"a": "b"}, "optional": True}},
        {"rename": {"select": {"glob": "a*"}, "to": "b", "repeated": 2}},
        {"set": {"select": "a", "attrs": {"b": 1, "c": [1, "d"]}, "init": ["Xavier", {}]}},
        {"tie": {"equal": True}},
        {"insert": {"operator": "relu", "after": "a", "parameters": {"w": {"value": [1.5]}}}},
        {"expect": {"arguments": {"a": ">=1"}, "parameters": {"b": [1, 2]}, "heads": 3}},
        {"extract": {"outputs": ["a"], "inputs": {"b": None}}},
        {"prune": None},
    ),
]

OTHERS: list[Any] = [None, True, 0, 1, -1, 1.5, "", "x", [], ["x"], [1, "x"], {}, {"x": 1}]


def places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with every key of it."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from places(tree[key])


def test_what_plainly_fits_is_what_jsonschema_accepts() -> None:
    dice, judge = random.Random(0), Draft202012Validator(pass_schema())
    accepted = 0
    for _ in range(1_000):
        tree = copy.deepcopy(dice.choice(PLAIN))
        if len(tree["rules"]) > 2:
            tree["rules"] = dice.sample(tree["rules"], 2)
        container, key = dice.choice(list(places(tree)))
        other = copy.deepcopy(dice.choice(OTHERS))
        match dice.randrange(3):
            case 0:
                container[key] = other
            case 1 if isinstance(container, dict):
                container[dice.choice(["x", "to", "map", "into", "shape"])] = other
            case _:
                del container[key]
        accepted += judge.is_valid(tree)
        assert _fits(tree, pass_schema()) == judge.is_valid(tree), tree
    assert 100 < accepted < 900
