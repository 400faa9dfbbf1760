"""What `lint` says of one rewrite, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from graphpass.rules import load_pass
from graphpass.rules.lint.lint import RuleFinding, findings_of
from graphpass.rules.pass_rewrites import groups_of


def findings(match: str, replace: str, **options: Any) -> list[RuleFinding]:
    rule = {"match": match, "replace": replace, "id": "it", "tests": [], **options}
    loaded = load_pass([{"rewrite": rule}])
    [[member]] = groups_of(loaded)
    found = findings_of(member, loaded)
    return [each for each in found if each.code != "no-tests"]


FOREVER = (
    "it puts in what it matches, and so goes on for ever; narrow it with where:, or let it run "
    "once: true"
)


@pytest.mark.parametrize(
    ("match", "replace", "said"),
    [
        ("y = dot(x, w)", "y = relu(x)", "w is bound and never read; write _ in its place"),
        ("y = Concat(x, *rest)", "y = relu(x)",
         "rest is bound and never read; write *_ in its place"),
        ("y = FullyConnected(x, w, optional(b))", "y = dot(x, w)",
         "b is bound and never read; write _ in its place"),
        ("a, b = SliceChannel(x, num_outputs=2); y = relu(a)", "y = tanh(x)",
         "b is bound and never read; write _ in its place"),
        ("y = relu(x)", "y = `Relux`(x)",
         "MXNet 1.9.1 has no operator `Relux`; its inputs are taken as they come"),
        ("y = `Convolutionn`(x)", "y = relu(x)",
         "MXNet 1.9.1 has no operator `Convolutionn`; is Convolution meant?"),
        ("y = BatchNorm(x, param(g), _, param(m), _)", "y = dot(x, dot(g, m))",
         "input 3 of BatchNorm is an auxiliary state, never of kind param; write aux(m)"),
        ("y = dot(param(x), input(x))", "y = relu(x)",
         "x is to be param and input, which no value is; the pattern can never match"),
        ("y = Concat(a, b)", "y = Concat(a, b)", FOREVER),
        ("y = elemwise_add(a, b)", "y = elemwise_add(b, a)", FOREVER),
        ("y = relu(relu(x))", "y = relu(relu(x))", FOREVER),
        ("r = relu(_); y = tanh(r)", "y = tanh(r)", FOREVER),
("y = FullyConnected(x, w, optional(b))",
         "y = FullyConnected(x, w, b, num_hidden=3, no_bias=False)", FOREVER),
        ("y = (relu | tanh)(x)", "y = relu(x)", FOREVER),
        ("y = Activation(x, act_type='relu')", "y = Activation(x, act_type='relu')", FOREVER),
        ("y = add_n(a, *rest)", "y = add_n(a, *rest)", FOREVER),
        ("a = relu(x); b = tanh(x); return a, b", "return relu(x), tanh(x)", FOREVER),
    ],
)  # fmt: skip
def test_what_is_said(match: str, replace: str, said: str) -> None:
    assert [each.message for each in findings(match, replace)] == [said]


@pytest.mark.parametrize(
    ("where", "severity", "said"),
    [
        ("1 < 2", "warning", "1 < 2 holds at every match; take it out"),
        ("1 > 2", "error", "1 > 2 holds at no match, so the rewrite never fires"),
    ],
)
def test_constant_conditions(where: str, severity: str, said: str) -> None:
    [found] = findings("y = relu(x)", "y = tanh(x)", where=["y.name != 'a'", where])
    assert (found.severity, found.message, found.place) == (
        severity, said, "rule 1 (rewrite), where.1"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("match", "replace"),
    [
        ("y = relu(x)", "y = relu(x)"),
        ("y = Dropout(x)", "y = Dropout(x, **y.attrs)"),
        ("r = tanh(_); y = Dropout(r)", "y = Dropout(r, **y.attrs)"),
    ],
)
def test_what_is_as_it_was_goes_on_whatever_the_condition(match: str, replace: str) -> None:
    assert [each.message for each in findings(match, replace, where="y.name != 'a'")] == [FOREVER]


def test_an_unused_let() -> None:
    [found] = findings("y = relu(x)", "y = tanh(x)", let={"two": "2", "one": "1", "sum": "one + 1"},
                       where=["sum > 0"])  # fmt: skip
    assert str(found) == (
        "rule 1 (rewrite), let.two: warning: it: two is computed and never read; take it out"
    )


@pytest.mark.parametrize(
    ("match", "replace", "options"),
    [
        ("y = relu(x)", "y = tanh(x)", {}),
        ("y = dot(x, w)", "y = relu(x)", {"where": "known(w)"}),
        ("y = dot(x, w)", "y = relu(x)", {"let": {"u": "w"}, "where": "u.ndim == 2"}),
        ("y = dot(x, x)", "y = tanh(_zeros())", {}),
        ("y = dot(x, w); distinct(x, w)", "y = relu(x)", {}),
        ("a, b = SliceChannel(x, num_outputs=2)", "a, b = SliceChannel(x, num_outputs=2, axis=0)",
         {"where": "a.node.axis == 1"}),
        ("y = dot(param(x), const(x))", "y = relu(x)", {}),
        ("y = BatchNorm(x, _, _, aux(m), _)", "y = dot(x, m)", {}),
        # what it puts in may not be what it matches
        ("y = relu(x)", "y = tanh(relu(x))", {}),
        ("y = dot(x, x)", "y = dot(x, relu(x))", {}),
        ("y = relu(param(x))", "y = relu(tanh(x))", {}),
        ("y = Activation(x, act_type='relu')", "y = Activation(x, act_type='tanh')", {}),
        ("r = relu(x); y = elemwise_add(r, b)",
         "r2 = relu(x); y = elemwise_add(r2, dot(r2, b))", {}),
        ("y = elemwise_sub(a, b)", "y = elemwise_sub(b, a)", {"where": "a.name == 'x'"}),
        # it needs no end where it runs once, or where a condition ends it
        ("y = relu(x)", "y = relu(x)", {"once": True}),
        ("y = dot(x, w)", "y = dot(x, v)",
         {"let": {"v": "w / max(w)"}, "where": "any(w > 1)"}),
    ],
)  # fmt: skip
def test_nothing_to_say(match: str, replace: str, options: dict[str, Any]) -> None:
    assert findings(match, replace, **options) == []


def test_places_of_a_file(tmp_path: Any) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "graphpass: 1\nrules:\n- rewrite:\n    match: |\n      r = relu(x)\n      y = dot(r, w)\n"
        "    replace: y = `Convolutionn`(r)\n"
    )
    loaded = load_pass(file)
    [[member]] = groups_of(loaded)
    places = [each.place.rpartition("p.yaml")[2] for each in findings_of(member, loaded)]
    assert places == [":5:16", ":6:18", ":7:18", ":4:5"]
