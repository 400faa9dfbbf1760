from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphpass.errors import TextError
from graphpass.formats.python_text import MAX_LENGTH, parse_python, quoted_name


def names(text: str) -> list[str]:
    parsed = parse_python(text, "text")
    found = []
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.Name):
            quoted = parsed.backquoted(node)
            found.append(node.id if quoted is None else quoted)
    return found


@given(name=st.text(max_size=8))
def test_any_name_is_read_back(name: str) -> None:
    assert names(quoted_name(name)) == [name]
    assert names(f"  (\n  {quoted_name(name)},)") == [name]


@given(name=st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp"]), max_size=4))
def test_odd_characters_are_read_back(name: str) -> None:
    assert quoted_name(name).isprintable()
    assert names(quoted_name(name)) == [name]


def test_backquotes_in_texts_and_comments_are_no_names() -> None:
    assert names("x = '`a`' \"`b\" '''`\n`''' # `c`\n") == ["x"]


def test_places_count_characters() -> None:
    parsed = parse_python("   é = `a-b`\n   `ü/` = 1", "text")
    targets = [node for node in ast.walk(parsed.tree) if isinstance(node, ast.Name)]
    places = {parsed.backquoted(node): parsed.place(node) for node in targets}
    assert places == {None: (1, 4), "a-b": (1, 8), "ü/": (2, 4)}


def test_a_long_text_is_refused() -> None:
    with pytest.raises(TextError, match="more than a pattern may have"):
        parse_python("x" * (MAX_LENGTH + 1), "pattern")


def test_an_error_has_its_place() -> None:
    with pytest.raises(TextError) as caught:
        parse_python("x = 1\ny = (", "pattern")
    assert str(caught.value).startswith("pattern:2:5: Python can't read this")
    assert str(caught.value).endswith("\ny = (\n    ^")
    assert (caught.value.line, caught.value.column) == (2, 5)
