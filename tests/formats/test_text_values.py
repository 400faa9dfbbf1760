"""Attribute texts as values: only where nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphpass.formats.python_text import quoted_name
from graphpass.formats.text import parse_graph
from graphpass.formats.text_print import printed_key, printed_text
from graphpass.ops import format_value


@pytest.mark.parametrize(
    "text",
    [
        "0", "8", "-3", "0.5", "-0.0", "1e-05", "1.5e+20", "1e+16", "True", "False", "None", "()",
        "(3,)", "(3, 3)", "(0.5, -1)", "[]", "[1]", "[1, 2]", "((1, 1), (2, 2))", "[(1,), None]",
        "(None, 3)", "123456789012345678",
    ],
)  # fmt: skip
def test_a_text_that_its_value_gives_back_is_printed_as_the_value(text: str) -> None:
    assert printed_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1L", "(3,3)", "(3)", "( 3, 3)", "(3, 3", "[3, 3)", "(3, 3,)", "[3,]", "03", "+3",
        "-0", "1.", ".5", "0.50", "1e5", "1E-05", "1e-5", "1_0", "0x10", "inf", "nan", "1e999",
        "true", "relu", "1j", "(1L, 1L)", "((((1,),),),)", "9" * 101, '["zero", {}]', "'a'",
        "True\n", "\uff13", "1 ",
    ],
)  # fmt: skip
def test_any_other_text_is_printed_in_quotes(text: str) -> None:
    assert printed_text(text)[0] in "\"'"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("relu", '"relu"'),
        ('["zero", {}]', """'["zero", {}]'"""),
        ("it's", '''"it's"'''),
        ("a\\b\n\x1b\udc80", '"a\\\\b\\n\\x1b\\udc80"'),
        ("'\"", "'\\'\"'"),
    ],
)
def test_quotes(text: str, printed: str) -> None:
    assert printed_text(text) == printed


_NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False))
_VALUES = st.one_of(
    _NUMBERS,
    st.lists(st.one_of(_NUMBERS, st.lists(_NUMBERS).map(tuple))).map(tuple),
    st.lists(_NUMBERS),
)


@given(
    text=st.one_of(st.text(), st.text("0123456789.,-+eE()[] LNoneTru"), _VALUES.map(format_value))
)
@example(text="1e-05")
def test_every_text_comes_back(text: str) -> None:
    graph = parse_graph(f"x = variable(a={printed_text(text)})\nreturn x")
    assert graph.attrs(0) == {"a": text}


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("(3,3)", "(3, 3)"),
        ("[1,(2,)]", "[1, (2,)]"),
        ("1E-5", "1e-05"),
        ("0x10", "16"),
        ("1_000", "1000"),
        ("-1", "-1"),
        ("-0.5", "-0.5"),
        ("None", "None"),
        ("'a' \"b\"", "ab"),
        ("'''a\nb'''", "a\nb"),
    ],
)
def test_a_value_stands_for_what_the_front_end_of_mxnet_writes(written: str, text: str) -> None:
    assert parse_graph(f"x = variable(a={written})\nreturn x").attrs(0) == {"a": text}


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("conv0", "conv0"),
        ("größe", "größe"),
        ("", "``"),
        ("a b", "`a b`"),
        ("in", "`in`"),
        ("None", "`None`"),
        ("__debug__", "`__debug__`"),
        ("0", "`0`"),
        ("ª", "`ª`"),
        ("\ua66e1", "\ua66e1"),
        ("a`\\\n\x00\udc80", "`a\\`\\\\\\n\\x00\\udc80`"),
    ],
)
def test_names(name: str, printed: str) -> None:
    assert quoted_name(name) == printed


def test_attributes_that_are_called_like_the_keywords_of_the_form() -> None:
    for key in ("name", "after", "outputs", "subgraphs"):
        assert printed_key(key) == f"`{key}`"
    assert printed_key("kernel") == "kernel"
