"""What is parsed prints as a text that is parsed as the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from graphpass.errors import TextError
from graphpass.formats.python_text import quoted_name
from graphpass.rules.rewrite.pattern import WORDS, print_pattern
from graphpass.rules.rewrite.text import parse_pattern

NAMES = st.one_of(
    st.sampled_from(["x", "y", "w", "in", "_", "conv/0", "a`b", "é", "ﬁ", "", "\\", "\n", "param"]),
    st.text(max_size=4),
)
OPERATORS = st.sampled_from(
    ["Custom", "add_n", "concat", "_npi_add", "`odd op`", "`lambda`", *(f"`{w}`" for w in WORDS)]
)
CONSTANTS = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**64), 2**64),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
    ),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)


class Lines:
    """The lines of a random pattern under construction."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.bound: list[str] = []

    def name(self) -> str:
        name = self.draw(NAMES)
        return "`_`" if name == "_" else quoted_name(name)

    def value(self) -> str:
        return self.draw(st.sampled_from(["_", "v", "w", "`odd/v`"]))

    def operand(self, depth: int) -> str:
        kind = self.draw(st.integers(0, 7))
        if kind == 0 and self.bound:
            name = self.draw(st.sampled_from(self.bound))
            return self.draw(st.sampled_from([name, f"{name}[0]"]))
        if kind == 1:
            return (
                f"{self.draw(st.sampled_from(['param', 'aux', 'input', 'const']))}({self.value()})"
            )
        if kind == 2:
            return f"optional({self.value()})"
        if kind > 4 and depth:
            return self.call(depth - 1)
        return self.value()

    def call(self, depth: int) -> str:
        operators = " | ".join(self.draw(st.lists(OPERATORS, min_size=1, max_size=3)))
        wrap = self.draw(st.sampled_from(["({})", "({})", "maybe({})"]))
        first = self.draw(st.sampled_from(["v", "relu(w)"]))
        operands = [first, *(self.operand(depth) for _ in range(self.draw(st.integers(0, 2))))]
        if not any("optional" in operand for operand in operands) and self.draw(st.booleans()):
            operands.append(self.draw(st.sampled_from(["*_", "*rest"])))
        asked = self.draw(st.dictionaries(NAMES, CONSTANTS, max_size=2))
        attributes = [f"{quoted_name(key)}={value!r}" for key, value in asked.items()]
        return f"{wrap.format(operators)}({', '.join([*operands, *attributes])})"


@st.composite
def pattern_texts(draw: st.DrawFn) -> str:
    writer = Lines(draw)
    for number in range(draw(st.integers(0, 3))):
        name = writer.name() if draw(st.booleans()) else f"n{number}"
        writer.lines.append(f"{name} = {writer.call(2)}")
        writer.bound.append(name)
    writer.lines.append(f"last = relu({', '.join(writer.bound) or 'v'})".replace("relu", "Custom"))
    if writer.bound and draw(st.booleans()):
        writer.lines.append(f"shared({draw(st.sampled_from(writer.bound))})")
    if draw(st.booleans()):
        writer.lines.append("distinct(v, last)")
    if draw(st.booleans()):
        writer.lines.append(f"return {', '.join(['last', *writer.bound])}")
    return "\n".join(writer.lines)


READ = {"texts": 0, "read": 0}


@given(text=pattern_texts())
def test_printing_and_parsing_are_inverse(text: str) -> None:
    READ["texts"] += 1
    try:
        pattern = parse_pattern(text)
    except TextError:
        return
    READ["read"] += 1
    printed = print_pattern(pattern)
    assert parse_pattern(printed) == pattern
    assert print_pattern(parse_pattern(printed)) == printed


def test_enough_of_the_texts_were_patterns() -> None:
    assert READ["texts"] == 0 or READ["read"] > READ["texts"] / 10
