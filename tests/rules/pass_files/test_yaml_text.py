"""YAML text becomes values with places, and nothing else: no objects, no bombs, no overflow."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pytest
from effort import at_most
from hypothesis import given
from hypothesis import strategies as st

from graphpass.errors import PassFileError
from graphpass.rules.limits import MAX_BYTES
from graphpass.rules.pass_files.loading import shipped_names, shipped_text
from graphpass.rules.pass_files.yaml_text import (
    Located,
    Mark,
    PassText,
    parse_yaml,
    plain_scalar,
)


def parse(text: str) -> Located:
    return parse_yaml(text, PassText("a.yaml", text.splitlines()))


def plain(tree: Located) -> object:
    if isinstance(tree.value, tuple):
        return [plain(item) for item in tree.value]
    if isinstance(tree.value, Mapping):
        return {key: plain(member.value) for key, member in tree.value.items()}
    return tree.value


def places(tree: Located) -> object:
    """Return where everything stands, but what is left empty."""
    if isinstance(tree.value, tuple):
        return tree.mark, [places(item) for item in tree.value]
    if isinstance(tree.value, Mapping):
        members = tree.value.items()
        return tree.mark, {key: (each.mark, places(each.value)) for key, each in members}
    return tree.mark if tree.value is not None else None


@pytest.mark.parametrize("name", shipped_names())
def test_both_parsers_read_the_same_in_a_shipped_pass(name: str) -> None:
    text = shipped_text(name)
    found = parse_yaml(text, PassText(name, text.splitlines()), shipped=True)
    assert plain(found) == plain(parse(text))
    assert places(found) == places(parse(text))


def refusal(text: str) -> str:
    with pytest.raises(PassFileError) as caught:
        parse(text)
    return str(caught.value)


def test_every_value_and_key_knows_its_place() -> None:
    tree = parse("a: 1\nb:\n  - x\n  - {c: y}\n")
    assert isinstance(tree.value, Mapping)
    assert tree.value["b"].mark == Mark(2, 1)
    listed = tree.value["b"].value
    assert isinstance(listed.value, tuple)
    assert [item.mark for item in listed.value] == [Mark(3, 5), Mark(4, 5)]
    inner = listed.value[1].value
    assert isinstance(inner, Mapping)
    assert (inner["c"].mark, inner["c"].value.mark) == (Mark(4, 6), Mark(4, 9))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("12", 12),
        ("-12", -12),
        ("+3", 3),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("1e-5", 1e-5),
        (".5", 0.5),
        ("3.", 3.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("2024-01-31", "2024-01-31"),
        ("12:30:45", "12:30:45"),
        (">=1", ">=1"),
        ("(3, 3)", "(3, 3)"),
        ("=", "="),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = plain_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(plain_scalar(".NaN"))  # type: ignore[arg-type]


def test_a_number_of_many_digits_does_not_hang() -> None:
    for text in ("9" * 100_000, "0." + "9" * 100_000 + "e400"):
        with pytest.raises(ValueError, match=r"wider than 64 bits|larger than any"):
            plain_scalar(text)


def test_quoted_scalars_and_keys_are_texts() -> None:
    assert plain(parse("{'1': '2', 3: \"true\", null: 4}")) == {"1": "2", "3": "true", "null": 4}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**63, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abc \t\n\"'\\é"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab:c"), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_json_means_the_same(value: object) -> None:
    assert plain(parse(json.dumps(value))) == value


def test_aliases_stand_for_the_value_and_its_place() -> None:
    tree = parse("[&a {b: c}, *a]")
    assert isinstance(tree.value, tuple)
    assert tree.value[1] is tree.value[0]


def test_an_alias_bomb_costs_nothing_here() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    with at_most(12_000_000):
        parse("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "!!python/object/apply:os.system [ls]",
            "a.yaml:1:1: the tag !!python/object/apply:os.system is not read: a pass is data; "
            "remove it\n!!python/object/apply:os.system [ls]\n^",
        ),
        ("a: !x 1", "a.yaml:1:4: the tag !x is not read: a pass is data; remove it\na: !x 1\n   ^"),
        ("a: 1\na: 2", "a.yaml:2:1: the key 'a' stands here twice (line 1)\na: 2\n^"),
        ("[*x]", "a.yaml:1:2: there is no anchor &x before this alias\n[*x]\n ^"),
        ("&x [*x]", "a.yaml:1:5: *x stands inside &x itself\n&x [*x]\n    ^"),
        (
            "a: 1\n---\nb: 2",
            "a.yaml:2:1: a second document begins here; a pass is one document\n---\n^",
        ),
        ("? [a]\n: b", "a.yaml:1:3: a collection can't be a key; write a text\n? [a]\n  ^"),
        (
            "{a: &x b, *x : c}",
            "a.yaml:1:11: an alias can't be a key; write a text\n{a: &x b, *x : c}\n          ^",
        ),
        (
            "a:\n\tb: 1",
            "a.yaml:2:1: not YAML: a tab can't stand here; YAML indents with spaces\n b: 1\n^",
        ),
        ("a: \x00", "a.yaml:1:4: the character '\\x00' is not allowed in YAML text\na:\n   ^"),
        (
            "[" * 40,
            "a.yaml:1:33: collections are nested deeper than 32\n"
            + "[" * 40
            + "\n"
            + " " * 32
            + "^",
        ),
        (
            "x" * (MAX_BYTES + 1),
            "a.yaml: 1048577 characters are more than a pass may have (1048576); "
            "put a long rename map in a CSV file",
        ),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_refusals(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[1, 2", "a.yaml:1:"),
        ("a: b: c", "a.yaml:1:5"),
        ("a: 'b", "a.yaml:1:"),
        ("a: %", "a.yaml:1:4"),
    ],
)
def test_syntax_errors_have_a_place_and_a_caret(text: str, place: str) -> None:
    message = refusal(text)
    assert message.startswith(place)
    assert ": not YAML: " in message
    assert message.endswith("^")


def test_deep_nesting_does_not_hang() -> None:
    with at_most(12_000_000):
        assert "nested deeper" in refusal("[" * 500_000)
        assert "nested deeper" in refusal("{a: " * 200_000)
        assert "nested deeper" in refusal("- " * 400_000 + "x")
