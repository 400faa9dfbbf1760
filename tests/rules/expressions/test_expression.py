"""What an expression tells of itself, and that nothing but its own errors ever comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from effort import at_most
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from graphpass.errors import ExpressionError, TextError
from graphpass.formats.python_text import parse_python
from graphpass.rules.expressions import (
    ARRAY_WORDS,
    NODE_WORDS,
    VALUE_WORDS,
    Scope,
    UnknownError,
    compile_expression,
    parse_expression,
)
from graphpass.rules.expressions.arithmetic import DTYPES
from graphpass.rules.expressions.compile import QUESTIONS
from graphpass.rules.expressions.functions import FUNCTIONS


@pytest.mark.parametrize(
    ("text", "names", "attributes"),
    [
        ("1", "", ""),
        ("out.axis == 1 and not out.fix_gamma", "out", "out.axis out.fix_gamma"),
        ("known(weight, bias)", "weight bias", ""),
        ("sqrt(sqrt)", "sqrt", ""),
        ("all(u.op == x.name for u in u.users if c)", "u x c", "u.users x.name"),
        ("x.node.op", "x", "x.node"),
        ("x.users[0].op", "x", "x.users"),
        ("`conv/0`.kernel", "conv/0", "conv/0.kernel"),
        ("any(any(u == v for v in w) for u in w)", "w", ""),
        ("(all(u for u in x), u)", "x u", ""),
    ],
)
def test_names_and_attributes(text: str, names: str, attributes: str) -> None:
    expression = parse_expression(text)
    assert expression.names == frozenset(names.split())
    found = {f"{name}.{attribute}" for name, attribute in expression.attributes}
    assert found == set(attributes.split())


def test_the_text_is_kept_on_one_line() -> None:
    assert parse_expression("  (a\n     + `b c`)  ").text == "a + `b c`"
    assert parse_expression("f√ == 1".replace("√", "é")).text == "fé == 1"
    assert repr(parse_expression("1 +  2")) == "<Expression 1 + 2>"


def test_an_expression_of_a_longer_text() -> None:
    text = parse_python("a = Op(x,\n  `k` = conv.kernel[0] + 1)", "replacement")
    statement = text.tree.body[0]
    node = statement.value.keywords[0].value  # type: ignore[attr-defined]
    assert compile_expression(node, text).text == "conv.kernel[0] + 1"
    wrong = parse_python("a = Op(k=[\n  lambda: 1])", "replacement")
    node = wrong.tree.body[0].value.keywords[0].value  # type: ignore[attr-defined]
    with pytest.raises(TextError, match=r"replacement:2:3: a lambda is not allowed here"):
        compile_expression(node, wrong)


def test_a_condition_must_be_true_or_false(scope: Scope) -> None:
    assert parse_expression("gamma[0] == 1").holds(scope) is True
    for text in ("()", "conv.num_inputs", "None", "conv.name", "1"):
        with pytest.raises(ExpressionError, match="a condition is True or False"):
            parse_expression(text).holds(scope)
    with pytest.raises(ExpressionError, match=r"rest is \(bn0_gamma, bn0_beta\), and a condition"):
        parse_expression("rest").holds(scope)
    with pytest.raises(ExpressionError, match="where: weight > 1: an array of shape"):
        parse_expression("weight > 1", "where").holds(scope)


def test_one_expression_serves_many_matches(scope: Scope, empty_scope: Scope) -> None:
    expression = parse_expression("conv.kernel == (3, 3) and known(weight)")
    assert expression.holds(scope) is True
    assert expression.holds(empty_scope) is False
    assert expression.holds(scope) is True


def test_everything_is_on_the_page() -> None:
    page = Path(__file__).parents[3] / "docs" / "expressions.md"
    parts = re.split(r"^## (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))

    def told(section: str) -> set[str]:
        cells = re.findall(r"^\| (`.*?) \| ", sections[section], re.MULTILINE)
        return {word for cell in cells for word in re.findall(r"`(?:conv\.)?(\w+)", cell)}

    assert told("Functions") == {*FUNCTIONS, *QUESTIONS}
    examples = {"conv", "kernel", "no_bias", "__lr_mult__"}
    assert told("Nodes") - examples == NODE_WORDS | ARRAY_WORDS
    assert told("Values") - {"weight"} - examples == VALUE_WORDS
    for dtype in DTYPES:
        assert f"`{dtype}`" in sections["Functions"]


NAMES = ["conv", "out", "x", "y", "weight", "gamma", "scale", "number", "pair", "rest", "bias", "u"]
WORDS = sorted(
    {*NODE_WORDS, *VALUE_WORDS, "kernel", "eps", "__lr_mult__", "__class__", "T", "items"}
)


def leaves() -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(NAMES),
        st.integers(-3, 40).map(str),
        st.sampled_from(
            ["None", "True", "0.5", "1e308", "'a'", "'float32'", "()", "2**24", "10**9"]
        ),
    )


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = "+ - * / // % ** @ < <= == != in is and or not_in".replace("not_in", "not\tin")
    functions = st.sampled_from(sorted([*FUNCTIONS, *QUESTIONS]))
    calls = st.lists(inner, max_size=3)
    return st.one_of(
        st.tuples(inner, st.sampled_from(operators.split(" ")), inner).map(
            lambda t: f"({' '.join(t)})"
        ),
        st.tuples(inner, st.sampled_from(WORDS)).map(lambda t: f"({t[0]}).{t[1]}"),
        st.tuples(inner, inner).map(lambda t: f"({t[0]})[{t[1]}]"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]})[{t[1]}:{t[2]}]"),
        st.tuples(functions, calls).map(lambda t: f"{t[0]}({', '.join(t[1])})"),
        st.tuples(functions, inner, inner, inner).map(
            lambda t: f"{t[0]}({t[1]} for u in {t[2]} if {t[3]})"
        ),
        st.tuples(functions, inner, inner).map(lambda t: f"{t[0]}({t[1]}, axis={t[2]})"),
        st.lists(inner, max_size=3).map(lambda items: f"({', '.join(items)},)" if items else "()"),
        inner.map(lambda text: f"(not {text})"),
        inner.map(lambda text: f"(-{text})"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    )


GROWN = st.recursive(leaves(), grown, max_leaves=14)
KEYWORDS = [
    *("for", "in", "if", "else", "not", "and", "or", "is", "lambda", "await", "yield", "**", "//"),
    *("==", "!=", ":=", "...", "é", "\u2028", "\x0c", "\x00", "1e9", "0x1", "__"),
]
TOKENS = st.lists(
    st.sampled_from(
        [*NAMES, *FUNCTIONS, *WORDS, *KEYWORDS, *"()[]{},.:=+-*/%@<>~^|&!;`'\"#\\\n\t 0123456789"]
    ),
    max_size=25,
)


def try_out(text: str, scope: Scope) -> None:
    """Do with a text what a rewrite does; let nothing but the errors of the language pass."""
    scope.limits.begin_match(10)
    try:
        expression = parse_expression(text)
    except TextError:
        return
    for act in (expression.evaluate, expression.holds, expression.why_not):
        try:
            with at_most(1_000_000):
                found = act(scope)
        except (ExpressionError, UnknownError) as error:
            assert len(str(error)) < 1000
        else:
            assert act is not expression.why_not or isinstance(found, str)


@settings(suppress_health_check=list(HealthCheck), max_examples=400)
@given(text=GROWN)
@example(text="sum(gamma for u in rest if u.size)")
@example(text="tuple(u for u in rest)[0].users")
@example(text="(conv.attrs)[number]")
def test_no_grown_text_breaks_out(text: str, scope: Scope) -> None:
    try_out(text, scope)


@settings(suppress_health_check=list(HealthCheck), max_examples=300)
@given(tokens=TOKENS)
def test_no_tokens_break_out(tokens: list[str], scope: Scope) -> None:
    try_out("".join(tokens), scope)
    try_out(" ".join(tokens), scope)
