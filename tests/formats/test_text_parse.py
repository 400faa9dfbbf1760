"""What the text form means, and what its errors say."""

from __future__ import annotations

import doctest
import importlib

import pytest

from graphpass import dumps, loads
from graphpass.errors import TextError
from graphpass.formats.text import parse_graph
from graphpass.graph import Entry


def refusal(text: str) -> str:
    with pytest.raises(TextError) as refused:
        parse_graph(text)
    return str(refused.value)


# -- what is read ----------------------------------------------------------------------------------


def test_names_for_several_outputs() -> None:
    graph = parse_graph(
        "x = variable()\nleft, right = SliceChannel(x, num_outputs=3)\nreturn right, left"
    )
    split = graph.named("left")[0]
    assert graph.heads == (Entry(split, 1), Entry(split, 0))
    assert not graph.named("right")


def test_an_operator_that_holds_several_outputs_and_has_another_name() -> None:
    graph = parse_graph(
        'x = variable()\na, b = SliceChannel(x, num_outputs=2, name="split")\nreturn a, b'
    )
    assert graph.outputs == ["split_output0", "split_output1"]


def test_names_for_outputs_tell_how_many_an_unknown_operator_has() -> None:
    graph = parse_graph("x = variable()\na, b, c = `Mine`(x)\nreturn a")
    assert graph.signature(graph.named("a")[0]).num_outputs == 3
    assert '"node_row_ptr": [0, 1, 4]' in dumps(graph)


def test_operators_inside_calls_are_named_as_mxnet_names_them() -> None:
    graph = parse_graph(
        "relu1 = variable()\ny = relu(relu(relu(relu1)))\nreturn relu(y), FullyConnected("
        'y, relu1, num_hidden=2, no_bias=True, name="fc")'
    )
    assert [node.name for node in graph] == ["relu1", "relu0", "relu2", "y", "relu3", "fc"]


def test_aliases_are_read_as_what_they_stand_for() -> None:
    graph = parse_graph("x = variable()\nreturn concat(x, x, num_args=2, name='c')")
    assert [node.op for node in graph] == ["null", "Concat"]


def test_comments_blank_lines_indentation_and_line_breaks() -> None:
    text = """

        # a comment with `one backquote and a ( bracket
        x = variable()  # ' "

        y = Concat(x,   # first
            x, \\
            num_args=2); z = relu(y)
        return (z,
                y)
    """
    graph = parse_graph(text)
    assert graph.outputs == ["z_output", "y_output"]
    assert dumps(parse_graph(text.replace("\n", "\r\n"))) == dumps(graph)
    assert dumps(parse_graph("\ufeff" + text.replace("\n", "\r"))) == dumps(graph)


def test_what_the_heads_do_not_reach_is_left_out() -> None:
    graph = parse_graph("x, unused = variable(), variable()\ny = relu(unused)\nreturn x")
    assert [node.name for node in graph] == ["x"]
    assert len(graph) == 1


def test_backquotes_take_an_operator_as_it_is() -> None:
    graph = parse_graph("x = variable()\ny = `Convolution`(x, colour='red')\nreturn y")
    assert graph.node(graph.heads[0].node).attrs == {"colour": "red"}


def test_stamps_follow_the_mutations_in_saved_order() -> None:
    graph = parse_graph(
        "x, g, m, v = variable(), variable(), variable(), variable()\n"
        "b0 = BatchNorm(x, g, g, m, v)\n"
        "b1 = BatchNorm(b0, g, g, m, v)\n"
        "s = Custom(b1, m, m[0, 4], op_type='mine')\n"
        "return s"
    )
    stamps = {node.name: [entry.version for entry in node.inputs] for node in graph}
    assert stamps["b0"] == [0, 0, 0, 1, 1]
    assert stamps["b1"] == [0, 0, 0, 2, 2]
    assert stamps["s"] == [0, 0, 4]
    assert graph.auxiliary_states == loads(dumps(graph)).auxiliary_states == ["m", "v"]


def test_each_block_has_names_and_stamps_of_its_own() -> None:
    graph = parse_graph(
        "x, s = variable(), variable()\n"
        "def first():\n"
        "    x, g, m, v = variable(), variable(), variable(), variable()\n"
        "    b = BatchNorm(x, g, g, m, v)\n"
        "    return b\n"
        "def second():\n"
        "    x = variable()\n"
        "    return x\n"
        "y = `loops`(x, s, subgraphs=[first, second])\n"
        "return y"
    )
    first, second = graph.subgraphs(graph.named("y")[0])
    assert first.auxiliary_states == ["m", "v"]
    assert [entry.version for entry in first.inputs(first.named("b")[0])] == [0, 0, 0, 1, 1]
    assert second.arguments == ["x"]


@pytest.mark.parametrize("between", [" ", "   ", " \\\n ", "\t"])
def test_a_block_may_have_any_name(between: str) -> None:
    graph = parse_graph(
        f"é = variable(); x = relu(é)\ndef{between}`ü b`():\n    y = variable()\n    return y\n"
        "z = `loops`(x, subgraphs=[`ü b`])\nreturn z"
    )
    (inner,) = graph.subgraphs(graph.named("z")[0])
    assert inner.arguments == ["y"]


def test_underscores_are_names_of_their_own() -> None:
    graph = parse_graph("__ = variable()\n`a b` = relu(__)\n___ = tanh(`a b`)\nreturn ___")
    assert [node.name for node in graph] == ["__", "a b", "___"]


@pytest.mark.parametrize("module", ["text", "text_print", "python_text"])
def test_docstrings(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"graphpass.formats.{module}")).failed == 0


# -- errors ----------------------------------------------------------------------------------------


def test_an_error_says_where_what_and_what_is_near() -> None:
    text = "data = variable()\n`conv/0`, y = variable(), Convolutoin(data, kernel=(3, 3))\nreturn y"
    with pytest.raises(TextError) as refused:
        parse_graph(text)
    error = refused.value
    assert (error.line, error.column) == (2, 27)
    assert str(error) == (
        "text:2:27: MXNet 1.9.1 has no operator 'Convolutoin'; nearest: Convolution, "
        "Convolution_v1, Deconvolution; one that it does not know is written in backquotes\n"
        "`conv/0`, y = variable(), Convolutoin(data, kernel=(3, 3))\n"
        "                          ^"
    )


X = "x = variable()\n"

MISTAKES = [
    ("", "1:1", "the text ends without: return NAME"),
    (f"{X}y = relu(x)\n", "2:12", "the text ends without: return NAME"),
    ("return x", "1:8", "nothing above is called 'x'; a variable is declared by"),
    ("conv0 = variable()\nreturn conv1", "2:8", "called 'conv1'; nearest: conv0; a variable"),
    (f"{X}return `ä`, x, y", "2:8", "nothing above is called 'ä'"),
    (f"{X}x = relu(x)\nreturn x", "2:1", "'x' has a meaning since line 1"),
    (f"{X}return x\ny = relu(x)", "3:1", "nothing may follow the return"),
    (f"{X}a = b = relu(x)", "2:5", "a statement has one ="),
    (f"{X}relu(x)", "2:1", "an expression without a name is no statement"),
    (f"{X}y = x", "2:5", "a name is no call of an operator"),
    (f"{X}a, b = relu(x), relu(x), relu(x)", "2:8", "2 names, but 3 values"),
    (f"{X}a, b = relu(x)", "2:8", "relu 'a' has 1 output, so there is no output 1"),
    (f"{X}x[0] = relu(x)", "2:1", "an index can't be given a value"),
    ("a, b = variable()", "1:8", "variable 'a' has 1 output"),
    (f"{X}return x[1]", "2:8", "variable 'x' has 1 output, so there is no output 1"),
    (f"{X}return x[-1]", "2:10", "an index is an output, or an output and a version stamp"),
    (f"{X}return x[0, 1, 2]", "2:10", "expected a whole number; an index is an output"),
    (f"{X}return x[0:1]", "2:10", "expected a whole number; an index is an output"),
    (f"{X}return x[4294967296, 0]", "2:10", "expected a whole number; an index is an output"),
    (f"{X}a, b = SliceChannel(x, num_outputs=2)\nreturn b[0]", "3:8", "stands for one output"),
    (f"{X}s = SliceChannel(x, num_outputs=2)\nreturn s[2, 0]", "3:8", "no output 2"),
    (f"{X}y = null()", "2:5", "a variable is declared by NAME = variable()"),
    (f"{X}y = relu(variable())", "2:10", "a variable needs a name"),
    (f"{X}y = relu(x, slop=1, slop=2)", "2:21", "'slop' is given twice"),
    (f"{X}y = LeakyReLU(x, slop=0.1)", "2:18", "no attribute 'slop'; nearest: slope"),
    (f"{X}y = LeakyReLU(x, slope='a')", "2:18", "attribute slope='a' is not a float"),
    (f"{X}y = LeakyReLU(x, act_type=rrelu)", "2:27", 'for a text write "rrelu"'),
    (f"{X}y = LeakyReLU(x, slope=relu(x))", "2:24", "a call is no value of an attribute"),
    (f"{X}y = LeakyReLU(x, slope=1 + 1)", "2:24", "arithmetic is no value of an attribute"),
    (f"{X}y = Activation(x)", "2:5", "Activation needs the attribute act_type"),
    (f"{X}y = dot(x)", "2:5", "dot takes 2 inputs (lhs, rhs) under its attributes, but is given 1"),
    (f"{X}y = `SliceChannel`(x)", "2:5", "SliceChannel needs the attribute num_outputs"),
    (f"{X}y = relu(x, outputs=2)", "2:21", "the outputs of relu follow from its attributes"),
    (f"{X}y = `Mine`(x, outputs=0)", "2:23", "an operator has one output at least"),
    (f"{X}y = `Mine`(x, outputs=2000000)", "2:23", "more than 1000000 outputs in all"),
    (f"{X}y = `Mine`(x)\nreturn y[4000000000]", "3:8", "more than 1000000 outputs in all"),
    (f"{X}y = relu(x, after=x)", "2:19", "write after=[NAME, …]"),
    (f"{X}y = relu(x, after=[1])", "2:20", "1 is no name; write after=[NAME, …]"),
    (f"{X}y = relu(relu(x)[0])", "2:10", "a call has no outputs; name it first"),
    (f"{X}y = relu(x, after=[z])", "2:20", "nothing above is called 'z'"),
    (f"{X}y = relu(x, name=3)", "2:18", "3 is no name"),
    (f"{X}y = relu(x, **x)", "2:13", "write every attribute"),
    (f"{X}y = `f`(x, subgraphs=[body])", "2:23", "there is no block 'body' left"),
    ("def f():\n    return\nreturn", "1:1", "no operator runs the block 'f'"),
    ("def f():\n    x = variable()\nreturn", "1:1", "the block 'f' ends without: return NAME"),
    ("def f():\n    return\ndef f():\n    return", "3:1", "there is a block 'f' already"),
    ("def f(x):\n    return x", "1:1", "a block is written def NAME(): and takes nothing"),
    (f"{X}def f():\n    return x", "3:12", "nothing above is called 'x'"),
    (f"{X}y = `BatchNorm`(x)\nreturn y", "2:5", "BatchNorm mutates its input 4 but is given 1"),
    (f"{X}y = `_CachedOp`(x, subgraph='{{')\nreturn y", "2:5", "the text ends too early"),
]


@pytest.mark.parametrize(("text", "place", "reason"), MISTAKES, ids=[m[0] for m in MISTAKES])
def test_a_mistake(text: str, place: str, reason: str) -> None:
    message = refusal(text)
    assert message.startswith(f"text:{place}: ")
    assert reason in message
    line, column = map(int, place.split(":"))
    *_, shown, caret = message.split("\n")
    assert shown == (text.split("\n")[line - 1] if text else "")
    assert caret == " " * (column - 1) + "^"


def test_a_mistake_in_a_block_inside_a_block() -> None:
    message = refusal(
        "x = variable()\n"
        "def outer():\n"
        "    def inner():\n"
        "        y = variable()\n"
        "        `ü` = `BatchNorm`(y)\n"
        "        return `ü`\n"
        "    z = `f`(subgraphs=[inner])\n"
        "    return z\n"
        "w = `f`(x, subgraphs=[outer])\n"
        "return w"
    )
    assert message.startswith("text:5:15: BatchNorm mutates")


def test_blocks_are_not_nested_without_end() -> None:
    text = "return"
    for depth in range(80):
        indented = "\n".join(f" {line}" for line in text.splitlines())
        text = f"def f{depth}():\n{indented}\ny = `g`(subgraphs=[f{depth}])\nreturn y"
    assert "subgraphs are nested more than 64 deep" in refusal(text)


def test_the_place_in_an_indented_text() -> None:
    assert refusal("\n    x = variable()\n    return x, `ü`, zz").endswith(
        "\n    return x, `ü`, zz\n              ^"
    )


def test_long_names_are_cut_in_messages() -> None:
    assert len(refusal(f"x = variable()\nreturn {'y' * 100_000}")) < 400
