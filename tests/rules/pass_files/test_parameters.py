"""Parameters of a pass are filled into texts and keys."""

from __future__ import annotations

import pytest
from effort import at_most

from graphpass.errors import PassFileError
from graphpass.rules.pass_files.parameters import locate, substitute
from graphpass.rules.pass_files.yaml_text import Mark, PassText, from_python, parse_yaml

VALUES = {"cut": "fc1", "count": 3, "kernel": [3, 3], "on": True, "nothing": None}


def fill(value: object, values: dict[str, object] | None = VALUES) -> object:
    return substitute(from_python(value, PassText(), ()), values, PassText(), ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plain", "plain"),
        ("${cut}", "fc1"),
        ("${count}", 3),
        ("${kernel}", [3, 3]),
        ("${on}", True),
        ("${nothing}", None),
        ("${cut}_output", "fc1_output"),
        ("a${cut}b${count}c", "afc1b3c"),
        ("$${cut}", "${cut}"),
        ("$${", "${"),
        ("a $${b} ${cut}", "a ${b} fc1"),
        ("$cut {cut} $", "$cut {cut} $"),
        (["${count}", {"a": "${cut}"}], [3, {"a": "fc1"}]),
        ({"${cut}_weight": 1}, {"fc1_weight": 1}),
    ],
)
def test_placeholders_are_replaced(text: object, value: object) -> None:
    assert fill(text) == value


def test_without_values_texts_stay() -> None:
    assert fill({"a": "${cut}"}, None) == {"a": "${cut}"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "${cot}",
            "there is no parameter 'cot'; nearest: count, cut; "
            "write $${ where no parameter is meant",
        ),
        (
            "${zzz}",
            "there is no parameter 'zzz'; the pass has cut, count, kernel, on, nothing; "
            "write $${ where no parameter is meant",
        ),
        ("${cut", "${cut is never closed; write $${ where no parameter is meant"),
        ("a${nothing}", "the parameter 'nothing' has no value; give it one: --set nothing=..."),
        ("a${kernel}", "the parameter 'kernel' is a collection and can't stand inside a text"),
        ({"${count}": 1}, "${count} is no text here but 3"),
        ({"fc1": 1, "${cut}": 2}, "the key 'fc1' stands here twice"),
    ],
)
def test_refusals(text: object, message: str) -> None:
    with pytest.raises(PassFileError) as caught:
        fill(text)
    assert str(caught.value) == f"the pass: {message}"


def test_an_unknown_parameter_has_a_caret() -> None:
    text = "a: [x, '${y}']"
    source = PassText("p.yaml", [text])
    with pytest.raises(PassFileError) as caught:
        substitute(parse_yaml(text, source), {}, source, ())
    assert str(caught.value) == (
        "p.yaml:1:8: there is no parameter 'y'; the pass declares none; "
        f"write $${{ where no parameter is meant\n{text}\n       ^"
    )


def test_values_are_found_again_under_keys_that_were_filled_in() -> None:
    text = "a: {'${cut}_weight': {b: [x, y]}}"
    tree = parse_yaml(text, PassText("p.yaml", [text]))
    assert locate(tree, ("a", "fc1_weight"), VALUES) == (Mark(1, 5), Mark(1, 22))
    assert locate(tree, ("a", "fc1_weight", "b", 1), VALUES) == (Mark(1, 30), Mark(1, 30))
    assert locate(tree, ("a", "fc1_weight", "nowhere"), VALUES) == (Mark(1, 5), Mark(1, 22))


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    text = "\n".join(lines)
    source = PassText("p.yaml", lines)
    refusal = "more than 300000 values; do aliases or parameters expand too far"
    with at_most(20_000_000), pytest.raises(PassFileError, match=refusal):
        substitute(parse_yaml(text, source), {}, source, ())


def test_aliases_that_nest_too_deep_are_refused() -> None:
    lines = ["- &a0 [x]"] + [f"- &a{i} [[[[[[[*a{i - 1}]]]]]]]" for i in range(1, 300)]
    source = PassText("p.yaml", lines)
    with pytest.raises(PassFileError, match="do aliases or parameters expand too far"):
        substitute(parse_yaml("\n".join(lines), source), {}, source, ())


@pytest.mark.parametrize("text", ["${long}${long}", ["${long}", "${long}"], ["x${long}"] * 2])
def test_what_placeholders_become_is_bounded(text: object) -> None:
    values: dict[str, object] = {"long": "x" * 6_000_000}
    assert fill("${long}", values) == values["long"]
    with pytest.raises(PassFileError, match="more than 10000000 characters come from"):
        fill(text, values)


def test_texts_without_placeholders_are_not_counted() -> None:
    assert fill(["x" * 6_000_000] * 2) == ["x" * 6_000_000] * 2


def test_uses_of_a_collection_are_counted() -> None:
    values: dict[str, object] = {"names": {"a": ["x"] * 100_000}}
    assert fill(["${names}"] * 2, values) == [values["names"]] * 2
    with pytest.raises(PassFileError, match="do aliases or parameters expand too far"):
        fill(["${names}"] * 3, values)
