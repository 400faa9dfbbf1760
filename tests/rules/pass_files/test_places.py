"""Places in error messages: file and caret, or the rule of a Python list."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphpass.errors import PassFileError
from graphpass.rules.pass_files.loading import load_pass
from graphpass.rules.pass_files.yaml_text import KeyValue, Located, Mark, PassText, from_python

TEXT = PassText("siamese.yaml", ["rules:", "  - renam: {from: a}"])


def test_an_error_shows_place_line_and_caret() -> None:
    error = TEXT.error(Mark(2, 5), "no such operation")
    assert str(error) == "siamese.yaml:2:5: no such operation\n  - renam: {from: a}\n    ^"


def test_the_caret_of_a_long_line_stays_in_view() -> None:
    line = "x" * 300 + "HERE" + "y" * 300
    _, shown, caret = str(PassText("a", [line]).error(Mark(1, 301), "wrong")).split("\n")
    assert len(shown) <= 100
    assert shown[caret.index("^") :].startswith("HERE")


def test_tabs_and_control_characters_do_not_move_the_caret() -> None:
    _, shown, caret = str(PassText("a", ["\ta\x1b[31m: HERE"]).error(Mark(1, 10), "wrong")).split(
        "\n"
    )
    assert shown[caret.index("^") :] == "HERE"
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ((), "the pass"),
        (("parameters", "x"), "the pass"),
        (("rules", 1), "rule 2"),
        (("rules", 1, "rename"), "rule 2 (rename)"),
        (("rules", 1, "rename", "map", "a"), "rule 2 (rename), map.a"),
        (("rules", 1, 0, 0), "rule 2"),
    ],
)
def test_rules_from_python_are_placed_by_number(path: tuple[str | int, ...], place: str) -> None:
    assert str(PassText().error(None, "wrong", path)) == f"{place}: wrong"


def test_python_values_are_taken_over() -> None:
    assert from_python({"a": (1, [True, None])}, PassText(), ()) == Located(
        {"a": KeyValue(None, Located((Located(1), Located((Located(True), Located(None))))))}
    )


def test_a_collection_that_holds_itself_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(PassFileError, match="nested deeper than 32"):
        from_python(endless, PassText(), ("rules",))


def test_a_shared_collection_is_taken_over_once() -> None:
    nested: object = "x"
    for _ in range(25):
        nested = [nested] * 10
    from_python(nested, PassText(), ())


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{1: "a"}], "rule 1: the key 1 is no text; write '1'"),
        ([{"a": {1, 2}}], "rule 1 (a): {1, 2} is a set; a rule holds texts, numbers and lists"),
        ([b"x"], "rule 1: b'x' is a bytes; a rule holds texts, numbers and lists"),
    ],
)
def test_what_no_file_can_hold_is_refused(value: object, message: str) -> None:
    with pytest.raises(PassFileError) as caught:
        from_python(value, PassText(), ("rules",))
    assert str(caught.value) == message


PARAMETERS = """graphpass: 1
parameters:
  operator: LeakyReLU
  lines: "a = relu(x)\\nb = relu(a)"
  foo: foo(x)
  foos: [y.ndim == 2, y.ndim == foo(y)]
rules:
- rewrite:
"""


@pytest.mark.parametrize(
    "option",
    [
        "match: y = relu(foo(x))",
        "match: y = relu(\n      foo(x))",
        'match: "y = relu(\\\n      foo(x))"',
        "match: >\n\n      y = relu(\n      foo(x))",
        "match: >\n      y = relu(\n        foo(x))",
        'match: "y = \\x72elu(foo(x))"',
        "match: 'y = Activation(x, act_type=''relu'', foo=1)'",
        "match: |\n      y = relu(x)\n      z = foo(y)",
        "match: |\r\n      y = relu(x)\r\n      z = foo(y)",
        "match: |2\n        y = relu(x)\n        z = foo(y)",
        "where:\n    - |2-\n       y.ndim == foo(y)",
        "where:\n    - y.ndim == 2\n    - y.ndim ==\n      foo(y)",
        "match: &pattern 'y = foo(x)'",
        "match: &pattern |\n      y = foo(x)",
        "match: &pattern # why\n      y = foo(x)",
        "let: {a: '1', b: foo(1)}",
        "replace: LeakyReLU(x,\n\n      foo=1)",
        "match: y = ${operator}(x, a='$${', b=foo(x))",
        "match: |\n      y = ${operator}(x)\n      z = ${operator}(foo(y))",
        "match: |\n      ${lines}\n      y = foo(b)",
        "match: y = ${foo}",
        "match: ${foo}",
        "where: ['y.ndim == 2', '${foo}']",
        "where: ${foos}",
    ],
)
def test_the_caret_is_below_the_fault(option: str, tmp_path: Path) -> None:
    options = {"match": "match: y = relu(x)", "replace": "replace: y = tanh(x)"}
    options[option.partition(":")[0]] = option
    path = tmp_path / "a.yaml"
    path.write_bytes((PARAMETERS + "".join(f"    {each}\n" for each in options.values())).encode())
    with pytest.raises(PassFileError) as caught:
        load_pass(path)
    _, line, caret = str(caught.value).split("\n")
    assert line[caret.index("^") :].startswith(("foo", "${foo"))
