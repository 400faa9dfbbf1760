"""Texts from strangers: one clear error, no traceback, no hang."""

from __future__ import annotations

import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from effort import at_most
from hypothesis import given, settings
from hypothesis import strategies as st

import graphpass
from graphpass import GraphpassError, dumps, loads
from graphpass.errors import TextError
from graphpass.formats.text import parse_graph, print_graph
from graphpass.testing import symbol_texts

FIXTURES = sorted((Path(__file__).parents[2] / "fixtures").glob("*-symbol.json"))

HOSTILE = {
    "attribute access": ("x = a.b()", "an operator is called by its name"),
    "call of a call": ("x = f()()", "an operator is called by its name"),
    "lambda": ("x = (lambda: 1)()", "an operator is called by its name"),
    "lambda value": ("x = lambda: 1", "a lambda is no call"),
    "list comprehension": ("x = [y for y in z]", "a comprehension is no call"),
    "generator": ("x = relu(y for y in z)", "a comprehension is no value"),
    "f-string": ('x = f"{a}"', "an f-string is no call"),
    "f-string name": ('x = variable(name=f"{a}")', "an f-string is no name"),
    "f-string value": ('x = variable(a=f"{a!r:>{b}}")', "an f-string is no value"),
    "walrus": ("x = relu((y := variable()))", "an assignment inside an expression is no value"),
    "stars": ("x = relu(*y)", "a star is no value"),
    "star target": ("*x, y = variable(), variable()", "a star can't be given a value"),
    "import": ("import os", "an import is no statement"),
    "import from": ("from os import *", "an import is no statement"),
    "dunder": ("x = __import__('os')", "MXNet 1.9.1 has no operator '__import__'"),
    "eval": ("x = eval('1')", "MXNet 1.9.1 has no operator 'eval'"),
    "class": ("class A: pass", "a class is no statement"),
    "decorator": ("@a\ndef f():\n    return", "a block is written def NAME()"),
    "default": ("def f(x=print(1)):\n    return", "a block is written def NAME()"),
    "annotation": ("x: print(1) = variable()", "an annotation is no statement"),
    "loop": ("while 1: pass", "Python's While is no statement"),
    "await": ("x = await y", "await is no call"),
    "yield": ("x = yield", "Python's Yield is no call"),
    "condition": ("x = a if b else c", "a condition is no call"),
    "augmented": ("x += relu(x)", "an assignment such as += is no statement"),
    "delete": ("del x", "Python's Delete is no statement"),
    "bytes": ("x = variable(a=b'a')", "b'a' is no value of an attribute"),
    "complex": ("x = variable(a=1j)", "1j is no value of an attribute"),
    "ellipsis": ("x = variable(a=...)", "Ellipsis is no value of an attribute"),
    "dictionary": ("x = variable(a={})", "a dictionary is no value of an attribute"),
    "huge product": ("x = variable(a='a' * 10**10)", "arithmetic is no value of an attribute"),
    "huge power": ("x = variable(a=9**9**9)", "arithmetic is no value of an attribute"),
    "huge number": (f"x = variable(a={'9' * 1_000_000})", "the number is too long"),
    "split number": (f"x = variable(a={'9_' * 1_000_000}9)", "the number is too long"),
    "hexadecimal": (f"x = variable(a=0x{'f' * 1_000_000})", "the number is too large"),
    "infinite": ("x = variable(a=1e999)", "the number is too large; write it as a text"),
    "brackets": (f"x = {'(' * 100_000}", "brackets are nested deeper than 50"),
    "calls inside": (f"x = {'f(' * 1000}{')' * 1000}", "brackets are nested deeper than 50"),
    "dots": (f"x = a{'.b' * 100_000}", "it is nested too deep"),
    "sums": (f"x = 1{'+1' * 100_000}", "it is nested too deep"),
    "sums on lines": (f"x = (1{chr(10)}{'+1' * 100_000})", "it is nested too deep"),
    "commented sums": (f"x = (1{'+#,=' + chr(10) + '1'}{'+1' * 60})", "arithmetic is no call"),
    "calls after": (f"x = f{'()' * 100_000}", "it is nested too deep"),
    "calls on lines": ("x = (f" + "()#=\n" * 100 + ")", "an operator is called by its name"),
    "indices after": (f"x = f{'[0]' * 100_000}", "it is nested too deep"),
    "signs": (f"x = variable(a={'-' * 100_000}1)", "it is nested too deep"),
    "nots": (f"x = {'not ' * 100_000}1", "it is nested too deep"),
    "conditions": (f"x = {'1 if 1 else ' * 100_000}1", "it is nested too deep"),
    "lambdas": (f"x = {'lambda:' * 100_000}1", "it is nested too deep"),
    "indentation": ("".join(f"{' ' * i}if 1:\n" for i in range(200)), "too many levels of indent"),
    "not closed": ("x = variable(\nreturn x", "'(' was never closed"),
    "no string end": ("x = variable(a='b\nreturn x", "a text in quotes has to end on its line"),
    "no text end": ("x = '''a\n" + "\\'''\n" * 100_000, "a text in quotes has to end"),
    "no name end": ("`x = variable()", "a name in backquotes has to end on its line"),
    "names adjoin": ("`x``y` = variable()", "a name in backquotes has to stand by itself"),
    "name in a word": ("x`y` = variable()", "a name in backquotes has to stand by itself"),
    "unknown escape": ("`\\q` = variable()", "in backquotes, \\ stands before"),
    "large escape": ("`\\U00110000` = variable()", "in backquotes, \\ stands before"),
    "escape in a text": ("x = variable(a='\\q')", "Python can't read this: "),
    "NUL": ("x = variable()\0", "this character can't stand in a text; write it as \\x00"),
    "surrogate": ("x = '\udc80'", "this character can't stand in a text; write it as \\udc80"),
    "statements": ("a = b\n" * 200_000, "a name is no call of an operator"),
    "many names": (f"x = {'`a` ' * 50_000}", "Python can't read this"),
    "blank": ("\n \t" * 300_000, "the text ends without"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_texts_give_one_clear_error_at_once(what: str) -> None:
    text, reason = HOSTILE[what]
    with warnings.catch_warnings(), at_most(12_000_000):
        warnings.simplefilter("error")
        with pytest.raises(TextError, match=re.escape(reason)) as refused:
            parse_graph(text)
    assert len(str(refused.value)) < 1000
    assert str(refused.value).endswith("^")


def test_chains_do_not_crash_the_process() -> None:
    chains = {".": "a.b", "+": "1+1", "()": "f()", "[0]": "a[0]", "-": "-1", "{}": "a{}"}
    program = (
        "from graphpass.formats.text import parse_graph\n"
        f"for link in {list(chains)!r}:\n"
        "    for head in ('x = a', 'x = (1', 'x = [f(', 'return a', 'x = variable(a='):\n"
        "        try:\n"
        "            parse_graph(head + (link + 'b') * 50_000)\n"
        "        except ValueError:\n"
        "            pass\n"
        "        try:\n"
        "            parse_graph(head + (link + chr(10)) * 50_000)\n"
        "        except ValueError:\n"
        "            pass\n"
    )
    folder = str(Path(graphpass.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": folder}, check=False, timeout=300
    )
    assert done.returncode == 0


def test_a_long_list_is_no_long_expression() -> None:
    values = ", ".join(["-0.5"] * 5000)
    names = ", ".join(["`größe ()`"] * 5000)
    name = "größe" * 100
    graph = parse_graph(
        f"`größe ()` = variable(a=({values}))\n{name} = Concat({names}, num_args=5000, dim=0)\n"
        f"return {name}"
    )
    assert len(graph.inputs(graph.heads[0].node)) == 5000


_PATCHES = (
    "", "(", ")", "[", "]", "{", "}", "=", ",", ".", ":", ";", "`", "``", "'", '"', "'''", "\\",
    "\n", "    ", "#", "-", "*", "**", "+", "@", "|", "1", "0x", "1e999", "99999999999", "x", "_",
    "None", "def ", "def f():\n", "return ", "return", "if 1:", "lambda: ", "f'{x}'", "[0]",
    "[0, 1]", "[-1]", "()", "name=", "after=[", "outputs=9", "subgraphs=[", "variable()", "`\\x`",
    "\0", "\udc80", "é", "\r", "\t", "\f", ":=", " if ", " for x in ", "not ", "...",
)  # fmt: skip


def broken(text: str, data: st.DataObject) -> str:
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        patch = data.draw(st.sampled_from(_PATCHES))
        text = text[:position] + patch + text[position + length :]
    return text


def assert_read_or_refused(text: str) -> None:
    try:
        graph = parse_graph(text)
    except GraphpassError as error:
        if isinstance(error, TextError):
            assert error.line is not None and error.column is not None
            assert error.line <= text.count("\n") + text.count("\r") + 1
        return
    try:
        saved = dumps(graph)
    except GraphpassError:  # such as a NUL, which no file can hold
        return
    assert dumps(parse_graph(print_graph(graph))) == saved


@settings(max_examples=2000)
@given(text=symbol_texts(max_nodes=5), data=st.data())
def test_a_broken_text_is_refused_or_read_and_nothing_else(text: str, data: st.DataObject) -> None:
    try:
        graph = loads(text)
    except GraphpassError:
        return
    assert_read_or_refused(broken(print_graph(graph), data))


@settings(max_examples=1000)
@given(path=st.sampled_from(FIXTURES), data=st.data())
def test_a_broken_fixture_is_refused_or_read_and_nothing_else(
    path: Path, data: st.DataObject
) -> None:
    assert_read_or_refused(broken(print_graph(loads(path.read_bytes())), data))


@settings(max_examples=500)
@given(st.lists(st.sampled_from(_PATCHES), max_size=30).map("".join))
def test_any_text_is_refused_or_read(text: str) -> None:
    assert_read_or_refused(text)
