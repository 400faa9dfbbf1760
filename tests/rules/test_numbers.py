"""No reader takes a number that is wider than what it is for, or a fraction for a whole number."""

from __future__ import annotations

from typing import Any

import pytest

import graphpass
from graphpass.errors import GraphpassError, PassFileError, TextError, UsageError
from graphpass.formats.text import parse_graph
from graphpass.formats.text_print import print_graph
from graphpass.graph import Graph
from graphpass.rules import load_pass, parse_pattern, parse_setting
from graphpass.rules.expressions import Scope, parse_expression
from graphpass.rules.rewrite.facts import Facts

WIDE = ["9" * 5000, "9" * 50, str(2**63), f"-{2**63}", "0x" + "f" * 17, "1e999", "-1e999"]
WIDEST = 2**63 - 1

BY_YAML = {
    "expect": "{{rewrite: {{match: y = relu(x), replace: x, expect: {}}}}}",
    "budget": "{{budget: {}, rules: [{{prefix: a_}}]}}",
    "parameters": "{{parameters: {{a: {}}}, rules: [{{prefix: a_}}]}}",
    "output": "{{set: {{heads: [{{node: x, output: {}}}]}}}}",
}


@pytest.mark.parametrize("number", WIDE, ids=lambda each: each[:8])
@pytest.mark.parametrize("where", BY_YAML)
def test_pass_files(where: str, number: str) -> None:
    with pytest.raises(PassFileError, match=r"wider than 64 bits|larger than any") as caught:
        load_pass(BY_YAML[where].format(number))
    assert "^" in str(caught.value)


@pytest.mark.parametrize("number", ["1.0", "2.5", "1e3", ".inf", ".nan", "true"])
@pytest.mark.parametrize("where", ["expect", "budget", "output"])
def test_a_fraction_is_no_whole_number(where: str, number: str) -> None:
    with pytest.raises(PassFileError):
        load_pass(BY_YAML[where].format(number))


@pytest.mark.parametrize("number", WIDE, ids=lambda each: each[:8])
def test_settings(number: str) -> None:
    with pytest.raises(UsageError, match=r"--set cut: the (integer is wider|number is larger)"):
        parse_setting(f"cut={number}")
    assert parse_setting(f"cut='{number}'") == ("cut", number)


def test_the_widest_are_read() -> None:
    assert parse_setting(f"a={WIDEST}") == ("a", WIDEST)
    assert parse_setting("a=-.inf") == ("a", float("-inf"))
    assert parse_expression(f"-{WIDEST}").evaluate(Scope(Facts(Graph()), {})) == -WIDEST


@pytest.mark.parametrize("value", [2**63, -(10**30), 10**6000], ids=["2**63", "10**30", "10**6000"])
def test_numbers_from_python(value: int) -> None:
    with pytest.raises(PassFileError, match=r"rule 1 .*an integer is wider than 64 bits"):
        load_pass([{"insert": {"op": "relu", "at": "x", "attrs": {"a": value}}}])
    with pytest.raises(PassFileError, match="wider than 64 bits"):
        load_pass({"parameters": {"a": 1}, "rules": [{"prefix": "a"}]}).bind({"a": value})


@pytest.mark.parametrize("number", WIDE, ids=lambda each: each[:8])
@pytest.mark.parametrize(
    "text", ["x[{}]", "relu(x, k={})", "relu(x, k=(1, {}))", "variable(__shape__=({}, 1))"]
)
def test_graph_texts(text: str, number: str) -> None:
    with pytest.raises(TextError):
        parse_graph(f"x = variable()\nreturn {text.format(number)}")


def test_a_text_of_digits_stays_one() -> None:
    given = parse_graph(f'x = variable(a="{"9" * 50}"); return x')
    assert print_graph(parse_graph(print_graph(given))) == print_graph(given)


@pytest.mark.parametrize("number", WIDE, ids=lambda each: each[:8])
@pytest.mark.parametrize("text", ["{}", "(1, {})", "range({})", "zeros(({},))", "x[{}]"])
def test_expressions(text: str, number: str) -> None:
    with pytest.raises(GraphpassError):
        parse_expression(text.format(number)).evaluate(Scope(Facts(Graph()), {}))
    with pytest.raises(GraphpassError):
        parse_pattern(f"y = FullyConnected(x, num_hidden={number})")


@pytest.mark.parametrize(
    "text",
    [
        f"{WIDEST} + 1",
        f"-{WIDEST} - 2",
        "2 ** 63",
        f"{WIDEST} * 2",
        "int(1e30)",
        f"sum((1, {WIDEST}))",
    ],
)
def test_what_expressions_compute_stays_within(text: str) -> None:
    with pytest.raises(GraphpassError, match=r"larger than 2\*\*63 - 1"):
        parse_expression(text).evaluate(Scope(Facts(Graph()), {}))


@pytest.mark.parametrize(
    "epoch", [-1, 10**9, 10**5000, 1.0, "1"], ids=["-", "10", "5,000", "f", "t"]
)
def test_epochs(epoch: Any, tmp_path: Any) -> None:
    model = graphpass.Model(parse_graph("x = variable(); return relu(x)"))
    with pytest.raises(UsageError, match="epoch"):
        model.save(tmp_path / "m", epoch)
    with pytest.raises(UsageError, match="epoch"):
        graphpass.load(tmp_path / "m", epoch)
