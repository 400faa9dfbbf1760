"""Passes from files, shipped names, inline text and Python; and any junk in their place."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphpass.errors import GraphpassError, PassFileError, UsageError
from graphpass.rules import Pass, Rule, load_pass, parse_setting
from graphpass.rules.limits import MAX_BYTES
from graphpass.rules.operations.rename import Rename
from graphpass.rules.operations.set import Set
from graphpass.rules.pass_files.loading import shipped_text

TEXT = """\
graphpass: 1
name: left
description: Renames the input.
parameters: {new: left_data, kernel: [3, 3]}
rules:
  - rename: {from: data, to: "${new}"}
  - id: kernels
    note: All of them.
    set:
      select: op:Convolution
      attrs: {kernel: "${kernel}"}
"""


@pytest.fixture
def write(tmp_path: Path):
    def to_file(text: str | bytes, name: str = "left.yaml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return to_file


def refusal(source: object) -> str:
    with pytest.raises(GraphpassError) as caught:
        load_pass(source)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_file(write) -> None:
    path = write(TEXT)
    loaded = load_pass(path)
    assert (loaded.name, loaded.description) == ("left", "Renames the input.")
    assert loaded.parameters == {"new": "left_data", "kernel": [3, 3]}
    assert loaded.folder == path.parent
    assert loaded.rules == (
        Rule(1, Rename(from_="data", to="left_data"), None, f"{path}:6"),
        Rule(2, Set(select="op:Convolution", attrs={"kernel": [3, 3]}), "kernels", f"{path}:9"),
    )
    assert [rule.label for rule in loaded.rules] == [
        f"{path}:6: rule 1 (rename)",
        f"{path}:9: rule 2 (set kernels)",
    ]
    assert load_pass(str(path)) == loaded


def test_json_is_yaml_and_a_byte_order_mark_is_no_part_of_it(write) -> None:
    path = write('\ufeff{"graphpass": 1, "rules": [{"prune": null}]}', "a.json")
    assert load_pass(path).name == "a"


def test_parameters_are_bound(write) -> None:
    loaded = load_pass(write(TEXT))
    bound = loaded.bind({"new": "x"})
    assert bound.rules[0].operation == Rename(from_="data", to="x")
    assert bound.parameters == {"new": "x", "kernel": [3, 3]}
    assert loaded.rules[0].operation == Rename(from_="data", to="left_data")
    assert loaded.bind({}) is loaded


def test_binding_an_unknown_parameter_is_refused(write) -> None:
    with pytest.raises(UsageError) as caught:
        load_pass(write(TEXT)).bind({"nwe": "x"})
    assert str(caught.value) == (
        "the pass left has no parameter 'nwe'; nearest: new; it has new, kernel"
    )


def test_a_value_that_makes_no_sense_is_refused_with_its_place(write) -> None:
    path = write(TEXT)
    with pytest.raises(PassFileError) as caught:
        load_pass(path).bind({"new": 3})
    assert str(caught.value) == (
        f'{path}:6:30: 3 is not a text\n  - rename: {{from: data, to: "${{new}}"}}\n{" " * 29}^'
    )


def test_an_option_without_a_value_is_not_given() -> None:
    loaded = load_pass(
        {"parameters": {"kind": None}, "rules": [{"prefix": {"prefix": "a", "kind": "${kind}"}}]}
    )
    assert loaded.rules == load_pass([{"prefix": "a"}]).rules


@pytest.mark.parametrize(
    "source",
    [
        "{rename: {from: a, to: b}}",
        "[{rename: {from: a, to: b}}]",
        "{rules: [{rename: {from: a, to: b}}]}",
        "{graphpass: 1, rules: [{rename: {from: a, to: b}}]}",
        {"rename": {"from": "a", "to": "b"}},
        [{"rename": {"from": "a", "to": "b"}}],
        ({"rename": {"from": "a", "to": "b"}},),
        {"graphpass": 1, "rules": [{"rename": {"from": "a", "to": "b"}}]},
    ],
)
def test_short_forms(source: object) -> None:
    (rule,) = load_pass(source).rules  # type: ignore[arg-type]
    assert rule.operation == Rename(from_="a", to="b")


def test_a_pass_is_itself() -> None:
    loaded = Pass("empty", ())
    assert load_pass(loaded) is loaded


def test_a_shipped_name_comes_before_a_file_of_that_name(write, monkeypatch) -> None:
    monkeypatch.chdir(write("junk", "siamese").parent)
    assert load_pass("siamese").identity == "shipped siamese"


def test_a_path_from_a_folder(write) -> None:
    path = write(TEXT, "deeper/left.yaml")
    assert load_pass("left.yaml", folder=path.parent).identity == str(path.resolve())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1: a pass file is a mapping that begins with `graphpass: 1`"),
        ("- a", "1:1: a pass file is a mapping that begins with `graphpass: 1`\n- a\n^"),
        (
            "a: b",
            "1:1: a graphpass pass has no 'a'; it has graphpass, name, description, parameters, "
            "budget, target, rules, tests\na: b\n^",
        ),
        ("rules: []", "1:1: a graphpass pass needs graphpass\nrules: []\n^"),
        (
            "graphpass: 2\nrules: []",
            "1:12: 2 is not the version of the language, 1\ngraphpass: 2\n           ^",
        ),
        (
            "graphpass: 1\nrules:\n- rename: {form: data, to: x}",
            "3:12: rename has no 'form'; nearest: from; it has from, to, map, select, repeated, "
            "kind, optional\n- rename: {form: data, to: x}\n           ^",
        ),
        (
            "graphpass: 1\nrules:\n- renam: {from: data, to: x}\n- rename: 3",
            "3:3: a rule has no 'renam'; nearest: rename, remove; it has id, note, batch, clone,",
        ),
        (b"graphpass: 1\nname: \xff", "2: byte 19 is not UTF-8; a pass is YAML text in UTF-8"),
        (
            b"#" * (MAX_BYTES + 1),
            " larger than a pass may be (1048576 bytes); put a long rename map in a CSV file",
        ),
    ],
)
def test_refusals_name_the_place(write, text: str | bytes, message: str) -> None:
    path = write(text)
    assert refusal(path).startswith(f"{path}:{message}")


def test_missing_files(write, tmp_path) -> None:
    path = write(TEXT)
    assert refusal(str(path.with_name("lefd.yaml"))) == (
        f"{tmp_path}/lefd.yaml: there is no such file; nearest: left.yaml"
    )
    assert refusal(tmp_path / "no" / "left.yaml") == (
        f"{tmp_path}/no/left.yaml: there is no such file, nor its folder"
    )
    assert refusal(tmp_path) == f"{tmp_path}: a folder; name a pass file"
    assert refusal("siames").startswith("there is no pass 'siames'; nearest: siamese")
    assert "there is no" in refusal("a\0b.yaml")


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("a=b", ("a", "b")),
        ("a=3", ("a", 3)),
        ("a=1e-3", ("a", 0.001)),
        ("a=true", ("a", True)),
        ("a=", ("a", None)),
        ("a=b=c", ("a", "b=c")),
        ("a=*b # c: d", ("a", "*b # c: d")),
        ("a=[3, x]", ("a", [3, "x"])),
        ("a='3'", ("a", "3")),
        ("a={b: 1}", ("a", {"b": 1})),
    ],
)
def test_settings(text: str, setting: tuple[str, object]) -> None:
    assert parse_setting(text) == setting


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "'a' sets nothing; write NAME=VALUE, such as prefix=b_"),
        ("=a", "'=a' sets nothing; write NAME=VALUE, such as prefix=b_"),
        ("a=[1", "a:1:3: not YAML: while parsing a flow sequence"),
    ],
)
def test_settings_that_are_none(text: str, message: str) -> None:
    with pytest.raises(GraphpassError) as caught:
        parse_setting(text)
    assert str(caught.value).startswith(message)


# -- junk ------------------------------------------------------------------------------------------


def loads_or_refuses(path: Path) -> None:
    try:
        load_pass(path)
    except GraphpassError as error:
        assert str(error)


SAMPLES = [
    TEXT,
    shipped_text("siamese"),
    "graphpass: 1\nrules: [&a {prefix: x}, *a, {expect: {nodes: '>1'}}]",
]
PIECES = [
    *"[]{}:,&*!|>'\"%@`#?-\n\t \x00\x85\ufeff\U0001f600$",
    "${", "}", "$${", "<<: ", "!!python/object ", "!<x> ", "%YAML 9.9\n", "%TAG ! x\n", "---\n",
    "...\n", "&a ", "*a", "? ", "rules:", "rename", "null", ".inf", "0x", "9" * 5000, "\\u",
    '"\\ud800"', "- " * 40,
]  # fmt: skip


@given(seed=st.integers(0, 2**32), sample=st.sampled_from(SAMPLES))
@settings(max_examples=200)
def test_mutated_files_load_or_are_refused(tmp_path_factory, seed: int, sample: str) -> None:
    dice = random.Random(seed)
    path = tmp_path_factory.getbasetemp() / "mutated.yaml"
    for _ in range(10):
        text = sample
        for _ in range(dice.randint(1, 5)):
            start = dice.randint(0, len(text))
            end = start + dice.choice((0, 0, 1, 2, 10, 60))
            text = text[:start] + dice.choice(PIECES) + text[end:]
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        loads_or_refuses(path)


@given(st.binary(max_size=60))
def test_binary_junk_is_refused(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "junk.yaml"
    path.write_bytes(data)
    with pytest.raises(PassFileError):
        load_pass(path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.sampled_from(["a", "", "${x}", "op:x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["from", "to", "map", "select", "glob", "attrs", "shape", "nodes", "a"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


KEYS = ["rename", "prefix", "set", "expect", "prune", "use", "id", "clone"]


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), json_values, max_size=2), max_size=3))
def test_python_junk_loads_or_is_refused(rules: list[dict[str, object]]) -> None:
    try:
        load_pass(rules)
    except GraphpassError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("abc", "a whole number (1 if nothing is set), not 'abc'"),
        (1.5, "a whole number (1 if nothing is set), not 1.5"),
        (True, "a whole number (1 if nothing is set), not True"),
    ],
)
def test_a_parameter_that_is_a_number_takes_numbers(value: object, said: str) -> None:
    loaded = load_pass({"name": "mine", "parameters": {"n": 1, "x": 0.5, "t": None}, "rules": []})
    with pytest.raises(UsageError) as caught:
        loaded.bind({"n": value})
    assert str(caught.value) == f"the parameter n of the pass mine is {said}"
    assert loaded.bind({"n": 2, "x": 1, "t": "any"}).parameters == {"n": 2, "x": 1, "t": "any"}


def test_all_that_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    text = """\
graphpass: 1
nme: x
parameters: {a: 1}
rules:
- prefx: a
- prefix: "${b}"
- rewrite:
    match: y = Convolution(x, w)
    let: {v: w * y.num_fitler, u: v + z}
    where:
    - y.kernl == (1, 1)
    - v.shape == 3 and q == 2
    replace: y = Convolution(x, w, **y.attrs, kernel=y.krnl)
- rename: {from: a}
- use: {pass: [], repeat: 1}
"""
    path = tmp_path / "many.yaml"
    path.write_text(text)
    with pytest.raises(PassFileError) as caught:
        load_pass(path)
    said = str(caught.value)
    places = re.findall(r"many.yaml:(\d+:\d+): ", said)
    assert places == [
        "2:1",
        "5:3",
        "6:11",
        "9:18",
        "9:39",
        "11:7",
        "12:24",
        "13:54",
        "14:11",
        "15:15",
    ]
    assert "Convolution has no attribute 'krnl'; nearest: kernel" in said
    assert said.count("^") == len(places)


def test_no_more_errors_are_told_than_anybody_reads() -> None:
    with pytest.raises(PassFileError) as caught:
        load_pass([{"prefx": "a"}] * 50)
    assert str(caught.value).count("a rule has no 'prefx'") == 20
    assert str(caught.value).endswith("\nand 30 more errors")
