"""A character of a YAML text is found in the file, in whatever style the text is written."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from graphpass.errors import PassFileError
from graphpass.rules.pass_files.yaml_text import PassText, parse_yaml, place_in_scalar

MARKER = "§"

pieces = st.lists(
    st.sampled_from(["a", "b:", "(", "''", '\\"', "\\", "\\n", "\\x41", "\\u00e9", "\\\\", "#", "é",
                     " ", "  ", "\t", "\n", "\n\n", "\n  ", "\n    ", "\\\n", "\r\n"]),
    max_size=14,
)  # fmt: skip
openings = st.sampled_from(
    ["- ", "- &name ", "- &name # why\n  ", "- &name\n\n  ", "- - ", "-\n  "]
)
headers = st.sampled_from(["|", ">", "|-", ">+", "| # why", ">2", "|1-"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a list of one text, with the marker in it; most are YAML."""
    before, after = ["".join(draw(pieces)) for _ in range(2)]
    inner = f"{before}{MARKER}{after}"
    style = draw(st.sampled_from(["plain", "'", '"', "block"]))
    opening = draw(openings)
    if style == "plain":
        return f"{opening}a{inner}\n"
    if style != "block":
        return f"{opening}{style}{inner}{style} # end\n"
    indent = draw(st.sampled_from(["  ", "   ", "     "]))
    indented = "\n".join(f"{indent}{line}" for line in inner.splitlines())
    return f"{opening}{draw(headers)}\n{draw(st.sampled_from(['', indent]))}\n{indented}\n- b\n"


@given(files())
def test_a_character_stands_where_the_file_has_it(text: str) -> None:
    lines = text.splitlines()
    try:
        tree = parse_yaml(text, PassText("a", lines))
    except PassFileError:
        assume(False)
    while isinstance(tree.value, tuple):
        tree = tree.value[0]
    assume(isinstance(tree.value, str) and MARKER in tree.value)
    assert isinstance(tree.value, str)
    assert tree.mark is not None
    found = place_in_scalar(lines, tree.mark, tree.value, tree.value.index(MARKER))
    assert found == next(
        (number, line.index(MARKER) + 1) for number, line in enumerate(lines, 1) if MARKER in line
    )


@pytest.mark.parametrize(
    ("written", "text", "place"),
    [
        ("x = a", "x = a", (1, 6)),
        ("'x'' ' # why", "x' ", (1, 6)),
        ('"x\\n"', "x\n", (1, 5)),
        ("|\n  x\n  y\n", "x\ny\n", (3, 4)),
        (">-\n  x\n  y\n", "x y", (3, 4)),
        ("x\n  y", "x y", (2, 4)),
    ],
)
def test_the_end_of_a_text(written: str, text: str, place: tuple[int, int]) -> None:
    assert place_in_scalar(written.splitlines(), (1, 1), text, len(text)) == place


def test_the_end_of_a_line_stands_on_its_line() -> None:
    for written in ("x\n\n  y", "'x\n\n  y'", ">\n  x\n\n  y", "|\n  x\n  y"):
        lines = written.splitlines()
        line, column = place_in_scalar(lines, (1, 1), "x\ny", 1) or (0, 0)
        assert lines[line - 1][: column - 1].endswith("x")


@pytest.mark.parametrize(
    "written", ["other", "'text", "|", ">\n  te xt", '"\\x74 ext"', "&a # why"]
)
def test_what_does_not_begin_there_is_not_found(written: str) -> None:
    assert place_in_scalar(written.splitlines(), (1, 1), "text, here", 8) is None
