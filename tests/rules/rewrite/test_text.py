"""Pattern texts: what each says, and what is wrong with the others."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from effort import at_most

from graphpass.errors import GraphpassError, TextError
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    OptionalOperand,
    Part,
    Produced,
    Rest,
    Restricted,
    print_pattern,
)
from graphpass.rules.rewrite.text import parse_pattern

X = NamedValue("x")


def part(*operands: Any, op: str = "relu", names: tuple[str | None, ...] = (), **more: Any) -> Part:
    """Return a part that says this; what follows from it is left to the parser."""
    said = {"attributes": (), "maybe": False, "visible_outputs": None, "shared": False, **more}
    operators = tuple(op.split(" | "))
    return Part(0, names, "", operators, (), operands=operands, interior=False, **said)


def a(output: int = 0) -> Produced:
    return Produced(0, output)


MEANINGS: dict[str, list[Part]] = {
    "relu(x)": [part(X)],
    "relu(_)": [part(Anything())],
    "relu(`_`)": [part(NamedValue("_"))],
    "relu(`conv/0.$1`)": [part(NamedValue("conv/0.$1"))],
    "relu(`a\\`b\\\\\\n`)": [part(NamedValue("a`b\\\n"))],
    "tanh(relu(x))": [part(X), part(a(), op="tanh")],
    "elemwise_add(x, x)": [part(X, X, op="elemwise_add")],
    "concat(x, *xs)": [part(X, Rest("xs"), op="concat")],
    "concat(*_)": [part(Rest(None), op="concat")],
    "dot(param(w), const(_))": [
        part(Restricted("param", "w"), Restricted("const", None), op="dot")
    ],
    "dot(aux(m), input(x))": [part(Restricted("aux", "m"), Restricted("input", "x"), op="dot")],
    "Convolution(x, _, optional(b), kernel=[1, 1])": [
        part(
            *(X, Anything(), OptionalOperand(NamedValue("b"))),
            op="Convolution",
            attributes=(("kernel", (1, 1)),),
        )
    ],
    "(Dropout | identity)(x)": [part(X, op="Dropout | identity")],
    "tanh(maybe(Dropout)(relu(x)))": [
        part(X),
        part(a(), op="Dropout", maybe=True),
        part(Produced(1, 0), op="tanh"),
    ],
    "`vendor op`(x, `odd key`=-1.5)": [part(X, op="vendor op", attributes=(("odd key", -1.5),))],
    "`param`(x)": [part(X, op="param")],
    "a = relu(x)": [part(X, names=("a",))],
    "a = relu(x)\nreturn a[0]": [part(X, names=("a",))],
    "a, _ = SliceChannel(x)": [part(X, op="SliceChannel", names=("a", None), visible_outputs=2)],
    "a, = relu(x)": [part(X, names=("a",), visible_outputs=1)],
    "a = relu(x); b = tanh(a); shared(a); distinct(x, b)": [
        part(X, names=("a",), shared=True),
        part(a(), op="tanh", names=("b",)),
    ],
    "a = relu(x)\nb = tanh(x)\nreturn b, a": [
        part(X, names=("a",)),
        part(X, op="tanh", names=("b",)),
    ],
    "s = SliceChannel(x); dot(s[1], tanh(s))": [
        part(X, op="SliceChannel", names=("s",)),
        part(a(), op="tanh"),
        part(a(1), Produced(1, 0), op="dot"),
    ],
}

ROOTS: dict[str, list[tuple[int, int, bool]]] = {
    "relu(x)": [(0, 0, True)],
    "a = relu(x)": [(0, 0, True)],
    "a = relu(x)\nreturn a[0]": [(0, 0, False)],
    "a, b = SliceChannel(x)": [(0, 0, False), (0, 1, False)],
    "a, b = SliceChannel(x); return b": [(0, 1, False)],
    "s = SliceChannel(x); return s[1], s[0]": [(0, 1, False), (0, 0, False)],
    "a = relu(x)\nb = tanh(x)\nreturn b, a": [(1, 0, True), (0, 0, True)],
    "a = relu(x)\nb = tanh(a)": [(1, 0, True)],
}
"""What they return: an output of an operator, and whether all of it."""


@pytest.mark.parametrize("text", MEANINGS)
def test_what_a_text_means(text: str) -> None:
    pattern = parse_pattern(text)
    for index, (found, meant) in enumerate(zip(pattern.parts, MEANINGS[text], strict=True)):
        same = {"label": found.label, "ops": found.ops, "interior": found.interior}
        assert found == replace(meant, index=index, **same)
    assert parse_pattern(print_pattern(pattern)) == pattern


@pytest.mark.parametrize("text", ROOTS)
def test_what_a_text_returns(text: str) -> None:
    pattern = parse_pattern(text)
    returned = [(each.value.part, each.value.output, each.whole) for each in pattern.roots]
    assert returned == ROOTS[text]
    assert parse_pattern(print_pattern(pattern)) == pattern


def test_what_a_text_says_of_its_names() -> None:
    text = "a = relu(x); b = tanh(a, optional(w), *xs); shared(a); distinct(x, b)"
    pattern = parse_pattern(text.replace("tanh", "`Op`").replace("*xs", "_"))
    assert pattern.distinct == (("x", "b"),)
    assert list(pattern.all_names) == ["a", "b", "x", "w"]
    assert pattern.optional == {"w"}
    assert pattern.root_names == ("b",)
    assert parse_pattern("concat(x, *xs)").rests == ("xs",)


def test_lines_may_be_indented_alike_and_hold_comments() -> None:
    text = "\n    a = relu(x)  # `not a name\n\n    b = tanh(a)\n"
    assert parse_pattern(text) == parse_pattern("a = relu(x)\nb = tanh(a)")


def test_marks_count_characters_from_one() -> None:
    pattern = parse_pattern("  a = relu(`é`)\n  tanh(a)")
    first, second = pattern.parts
    assert (first.line, first.mark, second.mark) == ((1, 3), (1, 7), (2, 3))
    assert first.operands[0].mark == (1, 12)


REFUSED: dict[str, tuple[int, int, str]] = {
    "y = rlu(x)": (1, 5, "MXNet 1.9.1 has no operator 'rlu'; nearest: relu"),
    "y = LeakyReLU(x, slop=1)\n": (1, 18, "LeakyReLU has no attribute 'slop'; nearest: slope"),
    "Convolution(x, w, kernal=(1, 1))": (1, 19, "no attribute 'kernal'; nearest: kernel"),
    "Activation(x, act_type='relo')": (1, 15, "nearest: relu"),
    "Convolution(x, w, kernel='a')": (1, 19, "is not a Shape(tuple)"),
    "Convolution(x, w, b, no_bias=True)": (
        1,
        1,
        "Convolution has 2 inputs (data, weight, bias) with these attributes, but the pattern "
        "gives 3",
    ),
    "y = relu(x, z)": (1, 5, "relu has 1 input (data), but the pattern gives 2"),
    "a = BatchNorm(*_)\nreturn a[3]": (2, 8, "BatchNorm has no output 3; its last one is 2"),
    "a, b, c = SliceChannel(x, num_outputs=2)": (
        1,
        1,
        "SliceChannel has 2 visible outputs, but 3 are named",
    ),
    "a = relu(x)\nb = tanh(x)": (1, 1, "a is not used; read it in another line, or return it too"),
    "relu(x)\ntanh(x)": (1, 1, "nothing uses this operator; give it a name and return it"),
    "relu(a)\na = tanh(x)": (1, 1, "nothing uses this operator"),
    "b = relu(a)\na = tanh(b)": (2, 1, "a is read on line 1, before it is bound; bind it first"),
    "a = relu(x)\na = tanh(a)": (2, 1, "a is bound already"),
    "a, a = SliceChannel(x)": (1, 4, "a is bound already"),
    "_ = relu(x)": (1, 1, "_ names nothing"),
    "first = relu(x)\nreturn frist": (2, 8, "frist is no node of the pattern; nearest: first"),
    "a = relu(x)\nreturn x": (2, 8, "x is no node of the pattern"),
    "a = relu(x)\nreturn relu(a)": (2, 8, "a pattern returns names"),
    "a = relu(x)\nreturn a\nb = tanh(a)": (3, 1, "nothing may follow"),
    "a = relu(data)\ndistinct(dat, a)": (2, 10, "dat is no value of the pattern so far; nearest"),
    "a = relu(x)\ndistinct(a)": (2, 1, "distinct takes two values or more"),
    "a = relu(x)\nshared(a)": (2, 8, "a is returned, so it may be used outside anyway"),
    "a = relu(x)\nb = tanh(a)\nshared(x)": (3, 8, "x is no node of the pattern"),
    "a, b = SliceChannel(x)\nreturn a[0]": (2, 8, "a is one output already"),
    "a = relu(x)\ny = tanh(param(a))": (2, 16, "a is a node of the pattern"),
    "concat(xs, *xs)": (1, 12, "xs stands for one value"),
    "concat(*xs, xs)": (1, 13, "xs stands for several values; write *xs"),
    "a = concat(*xs)\nxs = relu(a)": (2, 1, "xs stands for several values already"),
    "concat(*a, *b)": (1, 12, "only one operand can stand for the remaining inputs"),
    "add_n(*a, optional(b))": (1, 11, "leave out optional"),
    "relu(optional(optional(x)))": (1, 6, "optional takes one operand"),
    "relu(param(tanh(x)))": (1, 12, "param takes the name of a value: param(x)"),
    "relu(maybe(x))": (1, 6, "write what the operator reads too: maybe(Op)(x)"),
    "relu(shared(x))": (1, 6, "shared(…) is a line of its own"),
    "maybe(Dropout)(x)": (1, 1, "this may be absent, and then nothing of the pattern is left"),
    "a = maybe(relu)(x)\nb = tanh(a[1])": (
        2,
        10,
        "a may be absent, so it has no output but the first",
    ),
    "tanh(maybe(relu)(*_))": (1, 6, "stands for its first input; name that"),
    "a = relu(x)\nb = tanh(z)\nreturn a, b": (3, 11, "b shares no value with the roots before it"),
    "relu(x.y)": (1, 6, "a dot after a name is no operand"),
    "relu(x + y)": (1, 6, "arithmetic is no operand"),
    "relu(x)(y)": (1, 1, "an operator is written as Op(x), (A | B)(x) or maybe(Op)(x)"),
    "relu(3)": (1, 6, "3 is no operand"),
    "relu(x, **k)": (1, 9, "one by one"),
    "relu(x, `k`=y)": (1, 13, 'for a text write "y"'),
    "relu(x, `k`=1e999)": (1, 13, "the number is too large; write it as a text"),
    "relu(x, `k`={})": (1, 13, "a dictionary is no value of an attribute"),
    "relu(x, k=1, k=2)": (1, 14, "k"),
    "x": (1, 1, "only an operator makes a line"),
    "import os": (1, 1, "a line of a pattern is"),
    "relu(x": (1, 5, "Python can't read this: '(' was never closed"),
    "relu(`x)": (1, 6, "a name in backquotes has to end on its line"),
    "relu(a`x`)": (1, 7, "a name in backquotes has to stand by itself"),
    "relu(`\\q`)": (1, 7, "in backquotes, \\ stands before"),
    "relu(\x00)": (1, 6, "this character can't stand in a text; write it as \\x00"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_and_where(text: str) -> None:
    line, column, reason = REFUSED[text]
    with pytest.raises(TextError) as caught:
        parse_pattern(text)
    error = caught.value
    assert (error.line, error.column) == (line, column), str(error)
    assert reason in error.reason
    shown = text.split("\n")[line - 1].replace("\x00", " ")
    message = f"pattern:{line}:{column}: {error.reason}\n{shown}\n{' ' * (column - 1)}^"
    assert str(error) == message


@pytest.mark.parametrize("text", ["", "# nothing", "   \n  ", "distinct"])
def test_a_text_without_an_operator(text: str) -> None:
    with pytest.raises(TextError, match=r"no operator to match|only an operator"):
        parse_pattern(text)


def test_a_long_line_is_shown_in_part() -> None:
    with pytest.raises(TextError) as caught:
        parse_pattern(f"relu({'x' * 300}.y)")
    assert max(map(len, str(caught.value).splitlines())) <= 120


HOSTILE = [
    "relu(" * 2000,
    "relu(" * 40 + "x" + ")" * 40,
    "relu(" * 60 + "x" + ")" * 60,
    "a" + "|a" * 4000,
    "(relu" + " | relu" * 1000 + ")(x)",
    "-" * 9000 + "1",
    "relu(x, k=" + "-" * 5000 + "1)",
    "a" + ".b" * 4000,
    "a" + "()" * 4000,
    "a" + "[1]" * 3000,
    "not " * 2000 + "a",
    "lambda:" * 1400 + "1",
    "a" + "**a" * 3000,
    "~" * 9000,
    "relu(x, `k`=" + "9" * 9000 + ")",
    "relu(x, `k`=0x" + "f" * 9000 + ")",
    "relu(x, `k`=1e" + "9" * 4000 + ")",
    "relu(x, `k`='" + "\\N{DIGIT ONE}" * 700 + "')",
    "relu([y for y in x])",
    "relu((y := x))",
    "relu(__import__('os').system('false'))",
    "relu(().__class__.__base__)",
    "relu(f'{x}')",
    "relu(b'x')",
    "relu(1j)",
    "relu(...)",
    "relu(x if x else x)",
    "relu(await x)",
    "relu(yield)",
    "async def f(): pass",
    "class relu: pass",
    "del x",
    "a = b = relu(x)",
    "a += relu(x)",
    "a: int = relu(x)",
    "a[0] = relu(x)",
    "*a, b = SliceChannel(x)",
    "() = relu(x)",
    "return",
    "global relu",
    "\ud800",
    "relu(`\\ud800`)\r\n\x0c",
    "x" * 20_000,
    "\n" * 2000,
    "`" * 9000,
    "'" * 9000,
    "\\" * 9000,
    "relu(x, mode='\\d')",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_text_is_read_or_refused(text: str, recwarn: pytest.WarningsRecorder) -> None:
    with at_most(1_000_000), suppress(GraphpassError):
        parse_pattern(text)
    assert not recwarn.list


@pytest.mark.parametrize("seed", range(10))
def test_a_broken_text_is_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    texts = [*MEANINGS, *REFUSED]
    pieces = ["(", ")", "[", "]", "`", "'", '"', "\\", "\n", "*", "|", "=", ",", "_", " ", ":="]
    pieces += ["\t", "é", "\ud800", "#", "1", "-", "relu", "maybe(", "optional(", "return ", "x"]
    for _ in range(400):
        text = dice.choice(texts)
        for _ in range(dice.randint(1, 4)):
            start = dice.randint(0, len(text))
            stop = min(len(text), start + dice.choice([0, 0, 1, 3]))
            text = text[:start] + dice.choice(["", *pieces]) + text[stop:]
        try:
            pattern = parse_pattern(text)
        except GraphpassError:
            continue
        assert parse_pattern(print_pattern(pattern)) == pattern


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a, b = SliceChannel(x, num_outputs=100000000)", "pattern:1:8:"),
        ("s = SliceChannel(x, num_outputs=100000000); return s[1]", "pattern:1:5:"),
        ("SliceChannel(x, num_outputs=100000000)", "pattern:1:1:"),
    ],
)
def test_more_outputs_than_anyone_has_are_refused_with_their_place(text: str, place: str) -> None:
    with pytest.raises(TextError, match="num_outputs counts 100000000") as caught:
        parse_pattern(text)
    assert place in str(caught.value)


@pytest.mark.parametrize("listed", ["x, x", "x, w, x", "r, r"])
def test_distinct_names_each_value_once(listed: str) -> None:
    with pytest.raises(TextError, match="stands in distinct twice, and no value is another than"):
        parse_pattern(f"r = relu(x); y = dot(r, w); distinct({listed})")
