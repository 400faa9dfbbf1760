"""A traced function says what the equal text says, and is refused word for word."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import random_patterns

from graphpass.errors import OperationError, TextError
from graphpass.ops import find, operator_names
from graphpass.rules import parse_pattern, print_pattern
from graphpass.rules.rewrite.pattern import (
    Anything,
    NamedValue,
    OptionalOperand,
    Part,
    Pattern,
    Produced,
    Rest,
    Restricted,
)
from graphpass.rules.rewrite.python_pattern import PatternOp, trace

HERE = Path(__file__).name

EQUAL: dict[str, Callable[..., Any]] = {
    "relu(relu(x))": lambda op, x: op.relu(op.relu(x)),
    "y = relu(x)": lambda op, x: op.relu(x).named("y"),
    "elemwise_add(x, x)": lambda op, x: op.elemwise_add(x, x),
    "elemwise_add(_, _)": lambda op, _: op.elemwise_add(_, _),
    "relu(_)": lambda op: op.relu(op.anything),
    "Convolution(x, w, kernel=(3, 3), layout='NHWC', no_bias=True)": lambda op, x, w: (
        op.Convolution(x, w, kernel=[np.int64(3), 3], layout="NHWC", no_bias=True)
    ),
    "Convolution(x, param(w), optional(b))": lambda op, x, w, b: op.Convolution(
        x, op.param(w), op.optional(b)
    ),
    "BatchNorm(input(x), const(_), _, aux(m), aux(_))": lambda op, x, m: op.BatchNorm(
        op.input(x), op.const(), op.anything, op.aux(m), op.aux(op.anything)
    ),
    "Concat(x, *xs)": lambda op, x, *xs: op.Concat(x, *xs),
    "Concat(*ys)": lambda op: op.Concat(op.rest("ys")),
    "Concat(*_)": lambda op, *_: op.Concat(*_),
    "(Dropout | identity)(x)": lambda op, x: op.any_of("Dropout", "identity")(x),
    "relu(maybe(Dropout | `vendor.Op`)(x))": lambda op, x: op.relu(
        op.maybe(op.Dropout, op["vendor.Op"])(x)
    ),
    "_plus_scalar(x, scalar=-1)": lambda op, x: op._plus_scalar(x, scalar=-1),
    "a = relu(x); elemwise_add(a, tanh(a))": lambda op, x: (
        [op.elemwise_add(a, op.tanh(a)) for a in [op.relu(x).named("a")]]
    ),
    "s = SliceChannel(x); dot(s, tanh(s[1]))": lambda op, x: (
        [op.dot(s, op.tanh(s[1])) for s in [op.SliceChannel(x).named("s")]]
    ),
    "a, b = SliceChannel(x); dot(a, tanh(b))": lambda op, x: (
        [op.dot(a, op.tanh(b)) for a, b in [op.SliceChannel(x).outputs("a", "b")]]
    ),
    "_, b = SliceChannel(x); tanh(b)": lambda op, x: op.tanh(
        op.SliceChannel(x).outputs(None, "b")[1]
    ),
    "s = SliceChannel(x); return s[1]": lambda op, x: op.SliceChannel(x).named("s")[1],
    "a = relu(x); b = tanh(x); distinct(a, x); return a, b": lambda op, x: next(
        (a, b)
        for a, b in [(op.relu(x).named("a"), op.tanh(x).named("b"))]
        if op.distinct(a, x) is None
    ),
    "a = relu(x); y = tanh(a); shared(a)": lambda op, x: [
        op.tanh(a).named("y") for a in [op.relu(x).named("a")] if op.shared(a) is None
    ],
}


@pytest.mark.parametrize("text", EQUAL)
def test_a_function_says_what_the_equal_text_says(text: str) -> None:
    wanted = parse_pattern(text)
    assert trace(EQUAL[text]) == wanted
    assert print_pattern(trace(EQUAL[text])) == print_pattern(wanted)


def test_nodes_that_need_a_name_and_have_none_get_one() -> None:
    def repeated(op: Any, x: Any, relu1: Any) -> Any:
        r = op.relu(x)
        return op.elemwise_add(r, op.tanh(r)), op.elemwise_mul(r, relu1)

    assert print_pattern(trace(repeated)) == (
        "relu2 = relu(x)\n"
        "elemwise_add1 = elemwise_add(relu2, tanh(relu2))\n"
        "elemwise_mul1 = elemwise_mul(relu2, relu1)\n"
        "return elemwise_add1, elemwise_mul1"
    )


def test_outputs_are_unpacked_where_their_number_is_certain() -> None:
    def unpacked(op: Any, x: Any) -> Any:
        a, b = op.SliceChannel(x, num_outputs=2)
        return op.dot(b, a)

    def named(op: Any, x: Any) -> Any:
        a, b = op.SliceChannel(x, num_outputs=2).named("s")
        return op.dot(b, a)

    assert print_pattern(trace(unpacked)) == (
        "slicechannel1, slicechannel2 = SliceChannel(x, num_outputs=2)\n"
        "dot(slicechannel2, slicechannel1)"
    )
    assert print_pattern(trace(named)) == ("s = SliceChannel(x, num_outputs=2)\ndot(s[1], s)")


# -- random patterns -------------------------------------------------------------------------------


def as_python(pattern: Pattern) -> str:
    """Write a pattern as a function, by its parts."""

    def operand(each: Any) -> str:
        if isinstance(each, Produced):
            return output(pattern.parts[each.part], each.output)
        if isinstance(each, OptionalOperand):
            return f"op.optional({operand(each.operand)})"
        if isinstance(each, Restricted):
            return f"op.{each.kind}({each.name or ''})"
        if isinstance(each, Rest):
            return f"op.rest({each.name!r})"
        return "op.anything" if isinstance(each, Anything) else each.name

    def output(part: Part, number: int) -> str:
        if not part.names:
            return call(part)
        if part.visible_outputs is not None:
            return part.names[number] or ""
        return f"{part.names[0]}[{number}]" if number else part.names[0] or ""

    def call(part: Part) -> str:
        word = "maybe" if part.maybe else "any_of"
        function = f"op.{word}({', '.join(map(repr, part.operators))})"
        arguments = [operand(one) for one in part.operands]
        arguments += [f"{name}={value!r}" for name, value in part.attributes]
        return f"{function}({', '.join(arguments)})"

    lines = [f"def pattern({', '.join(['op', *sorted(pattern.values)])}):"]
    for part in pattern.parts:
        if part.names:
            targets = ", ".join(name or "_" for name in part.names)
            how = "named" if part.visible_outputs is None else "outputs"
            lines.append(f"    {targets} = {call(part)}.{how}({', '.join(map(repr, part.names))})")
    lines += [f"    op.shared({part.names[0]})" for part in pattern.parts if part.shared]
    lines += [f"    op.distinct({', '.join(names)})" for names in pattern.distinct]
    roots = [
        f"{operand(root.value)}{'' if root.whole or name or root.value.output else '[0]'}"
        for root, name in zip(pattern.roots, pattern.root_names, strict=True)
    ]
    lines.append(f"    return {', '.join(roots)}")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(8))
def test_random_patterns_are_traced_as_they_are_parsed(seed: int) -> None:
    dice = random.Random(seed)
    told = 0
    while told < 60:
        model = random_patterns.random_model(dice, dice.randint(2, 9))
        text = random_patterns.random_pattern(dice, model)
        try:
            wanted = parse_pattern(text)
        except TextError:
            continue
        if _shares_an_output(wanted):
            continue
        code = as_python(wanted)
        space: dict[str, Any] = {}
        exec(code, space)
        assert trace(space["pattern"]) == wanted, code
        told += 1


def _shares_an_output(pattern: Pattern) -> bool:
    """Return whether `shared` names an output: a function shares the node."""
    return any(part.shared and part.visible_outputs is not None for part in pattern.parts)


# -- refusals --------------------------------------------------------------------------------------


def nothing(op, x):
    op.relu(x)


def bool_of(op, x):
    return op.relu(x) if x else op.tanh(x)


def deep(op, x):
    for _ in range(60):
        x = op.relu(x)
    return x


def late(op, x):
    return op.tanh(op.Pooling(x, axis=3))


WRONG: list[tuple[Callable[..., Any], str]] = [
    (lambda op, x: op.Convlution(x),
     "MXNet 1.9.1 has no operator 'Convlution'; nearest: Convolution, Convolution_v1, "
     "Deconvolution; one that it does not know is written op['Convlution']"),
    (lambda op, x: op.maybe("Dropot")(x),
     "MXNet 1.9.1 has no operator 'Dropot'; nearest: Dropout, crop, Crop; one that it "
     "does not know is written op['Dropot']"),
    (lambda op, x: op.Convolution(x, x, kernal=(3, 3)),
     "Convolution has no attribute 'kernal'; nearest: kernel"),
    (lambda op, x: op.relu(x, x), "relu has 1 input (data), but the pattern gives 2"),
    (lambda op, x: op.relu(3), "3 is no operand; write a value, or an operator that computes one"),
    (lambda op, *xs: op.Concat(xs),
     "an operator reads values one by one; spread several with a *, as in *xs"),
    (lambda op, x: op.dot(x, x, transpose_a=x),
     "transpose_a=a value of the pattern is no attribute value; write a number, a text, True, "
     "False, None or a tuple of them, and give inputs without a keyword"),
    (lambda op, x, y: op.relu(x), "y is not used; read it in an operator, or leave it out"),
    (lambda op, x: [op.tanh(x), op.relu(x)][1],
     "tanh is not used; read it in another operator, or return it too"),
    (lambda op, x: [op.tanh(x).named("t"), op.relu(x)][1],
     "t is not used; read it in another line, or return it too"),
    (lambda op, x: op.relu(x).named("x"), "x stands for a value already"),
    (lambda op, x: op.relu(op.tanh(x).named("a")).named("a"),
     "a is bound already"),
    (lambda op, x: op.relu(x).named("a").named("b"), "it is called a already"),
    (lambda op, x: op.relu(x).named(""), "'' is no name; write a text, such as 'conv'"),
    (lambda op, x: op.Concat(x, op.rest("x")),
     "x stands for one value; choose another name for several"),
    (lambda op, x: x, "a pattern returns operators, or their outputs, not a value"),
    (lambda op, x: [], "there is no operator to match; return one, as in op.relu(x)"),
    (nothing, "it returns nothing; return the operator that is to be matched"),
    (lambda op, x: op.maybe("Dropout")(x),
     "this may be absent, and then nothing of the pattern is left to find; let an operator that "
     "is always there read it"),
    (lambda op, x: op.SliceChannel(x).outputs("a", "b") and op.relu(x),
     "a, b is not used; read it in another line, or return it too"),
    (lambda op, x: op.SliceChannel(x).outputs(2) and op.relu(x),
     "SliceChannel is not used; read it in another operator, or return it too"),
    (lambda op, x: op.SliceChannel(x, num_outputs=3).outputs(2),
     "SliceChannel has 3 visible outputs, but 2 are named"),
    (lambda op, x: op.dot(*op.SliceChannel(x).named("s").outputs(2)),
     "it is called s; write s[1], or name its outputs only"),
    (lambda op, x: [op.tanh(s[2]) for s in [op.SliceChannel(x)] if s.outputs(2)],
     "output 2 is none of the 2 that are unpacked"),
    (lambda op, x: [s[2] for s in [op.SliceChannel(x)] if s.outputs(2)],
     "output 2 is none of the 2 that are unpacked"),
    (lambda op, x: op.distinct(x, x) or op.relu(x),
     "x stands in distinct twice, and no value is another than itself; name each once"),
    (lambda op, x: [s for s in [op.SliceChannel(x)] if s.outputs(2)],
     "the node is unpacked; return its outputs, not the node"),
    (lambda op, x: op.tanh(op.SliceChannel(x)["a"]),
     "an output is numbered from 0 on, as in node[1], not 'a'"),
    (lambda op, x: op.distinct(x, op.SliceChannel(x)[1]) or op.relu(x),
     "SliceChannel is not used; read it in another operator, or return it too"),
    (lambda op, x: [op.tanh(s[1]) for s in [op.SliceChannel(x)] if not op.distinct(x, s[1])],
     "distinct takes nodes and outputs that are unpacked; write .outputs(2)"),
    (lambda op, x: op.dot(*op.SliceChannel(x)),
     "how many outputs SliceChannel has is not certain here; write .outputs(2)"),
    (lambda op, x: op.relu(op.optional(op.optional(x))),
     "optional takes one operand: optional(b)"),
    (lambda op, x: op.relu(op.param(op.tanh(x))),
     "param takes a value that the function is given: op.param(x)"),
    (lambda op, x: op.distinct(x) or op.relu(x), "distinct takes two values or more"),
    (lambda op, x: op.shared(x) or op.relu(x), "shared takes operators of the pattern"),
    (lambda op, x: op.relu(x.grad),
     "what a pattern stands for has no 'grad' before there is a match; ask in a function for "
     "`where`"),
    (bool_of,
     "a pattern function runs once, before there is a match, and can't branch on what it "
     "matches; ask in a function for `where`"),
    (deep,
     "operators are nested deeper than 50; give one in between a name"),
    (lambda op, x=1: op.relu(x),
     "x is no value that a match could give; a pattern function takes op, values without a "
     "default, and *xs"),
    (lambda: None, "a pattern function takes op first, then the values that it matches"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_a_function_that_says_no_pattern_is_refused(case: int) -> None:
    function, reason = WRONG[case]
    with pytest.raises(TextError) as caught:
        trace(function)
    assert caught.value.reason == reason


def test_an_error_has_the_line_of_the_function() -> None:
    with pytest.raises(TextError) as caught:
        trace(late)
    line = late.__code__.co_firstlineno + 1
    assert caught.value.line == line
    assert str(caught.value) == f"{HERE}:{line}: late: Pooling has no attribute 'axis'"


def test_values_of_another_pattern_are_refused() -> None:
    kept: list[Any] = []
    trace(lambda op, x: kept.append(x) or op.relu(x))
    with pytest.raises(TextError) as caught:
        trace(lambda op, x: op.dot(x, kept[0]))
    assert caught.value.reason == "this is a value of another pattern"


def test_what_a_function_raises_is_told_with_its_place() -> None:
    def divides(op: Any, x: Any) -> Any:
        return op.relu(x, axis=1 / 0)

    with pytest.raises(OperationError) as caught:
        trace(divides)
    line = divides.__code__.co_firstlineno + 1
    assert str(caught.value) == (
        f"the pattern divides ({HERE}:{line}) raises ZeroDivisionError: division by zero"
    )
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_no_operator_is_called_like_a_word_of_op() -> None:
    words = {word for word in vars(PatternOp) if not word.startswith("_")}
    assert {"any_of", "maybe", "rest"} <= words
    assert not words & set(operator_names())
    assert find("relu") is not None


def test_the_parts_of_the_property_are_drawn() -> None:
    drawn = parse_pattern("a = relu(x)\nb, _ = SliceChannel(a)\ntanh(b)")
    assert as_python(drawn) == (
        "def pattern(op, x):\n"
        "    a = op.any_of('relu')(x).named('a')\n"
        "    b, _ = op.any_of('SliceChannel')(a).outputs('b', None)\n"
        "    return op.any_of('tanh')(b)"
    )
    assert drawn.parts[0].operands == (NamedValue("x"),)
