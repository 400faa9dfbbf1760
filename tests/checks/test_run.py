"""Every kind of finding, on a model that has it and one that has not, in Python and by command."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from check_cases import CASES, Case, source
from effort import at_most
from hypothesis import given, reject, settings

import graphpass
from graphpass.checks.run import CHECKS
from graphpass.cli import main
from graphpass.cli.options import parse_shapes
from graphpass.errors import GraphpassError, UsageError
from graphpass.testing import RunnableModel, models, symbol_texts

NAMED = [
    pytest.param(code, case, id=f"{code}-{number}")
    for code, cases in CASES.items()
    for number, case in enumerate(cases)
]


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as left:
        main(["check", *arguments, "--json"])
    return int(left.value.code or 0), json.loads(capsys.readouterr().out)


def test_every_kind_has_a_case() -> None:
    # A save that was interrupted is no fault of a model; tests of saves look for it.
    assert set(CASES) == {check.code for check in CHECKS} - {"unfinished-save"}


@pytest.mark.parametrize(("code", "case"), NAMED)
def test_what_is_wrong_is_found(tmp_path: Path, code: str, case: Case) -> None:
    model = graphpass.load(case.faulty.save(tmp_path, "m"))
    report = graphpass.check(model, parse_shapes(case.inputs))
    found = [finding for finding in report if finding.code == code]
    assert found, str(report)
    assert found[0].severity == case.severity
    assert case.says in found[0].reason
    assert (found[0].nodes[0].name if found[0].nodes else None) == case.node
    assert "\n" not in str(found[0])


@pytest.mark.parametrize(("code", "case"), NAMED)
def test_what_is_right_is_left_alone(tmp_path: Path, code: str, case: Case) -> None:
    model = graphpass.load(case.sound.save(tmp_path, "m"))
    report = graphpass.check(model, parse_shapes(case.inputs))
    assert code not in {finding.code for finding in report}, str(report)


@pytest.mark.parametrize(("code", "case"), NAMED)
def test_the_command_says_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str, case: Case
) -> None:
    prefix = case.faulty.save(tmp_path, "m")
    shapes = list(chain.from_iterable(("--input", text) for text in case.inputs))
    status, facts = command(capsys, prefix, *shapes)
    report = graphpass.check(graphpass.load(prefix), parse_shapes(case.inputs))
    assert facts == json.loads(json.dumps(report.to_json())) | {"passed": status == 0}
    assert status == int(any(each["severity"] == "error" for each in facts["findings"]))
    assert command(capsys, prefix, *shapes, "--strict")[0] == 1
    assert code in {each["code"] for each in facts["findings"]}


def test_errors_come_first() -> None:
    model = source(
        "x, w = variable(), variable()\nd = Dropout(x)\ny = FullyConnected(d, w, num_hidden=2, "
        "no_bias=True)\nreturn y",
        w=(3, 3),
    ).model()
    assert [finding.severity for finding in graphpass.check(model)] == ["error", "warning"]


def test_an_input_that_is_none_is_refused() -> None:
    model = source("data = variable()\ny = relu(data)\nreturn y").model()
    with pytest.raises(UsageError, match="no input 'dta'; nearest: data"):
        graphpass.check(model, {"dta": (1, 3)})


def test_a_sound_model_has_no_findings_and_the_report_is_false() -> None:
    report = graphpass.check(source("x = variable()\ny = relu(x)\nreturn y").model())
    assert not report
    assert not report.fails(strict=True)
    assert str(report) == "0 errors, 0 warnings"


def test_the_inside_of_control_flow_is_looked_at() -> None:
    model = source(
        "def body():\n"
        "    a, b = variable(), variable()\n"
        "    d = Dropout(a)\n"
        "    s = elemwise_add(d, b)\n"
        "    return d, s\n"
        "x, h = variable(), variable()\n"
        "loop = _foreach(x, h, subgraphs=[body], num_args=3, num_outputs=2, num_out_data=1,\n"
        "    in_data_locs=(0,), in_state_locs=(1,), remain_locs=())\n"
        "return loop[0]\n"
    ).model()
    [finding] = graphpass.check(model)
    assert str(finding.nodes[0]) == "Dropout 'd' (#2) inside loop"


def chain_of(length: int) -> graphpass.Model:
    lines = [
        "x = variable()",
        *(f"n{i} = relu({f'n{i - 1}' if i else 'x'})" for i in range(length)),
    ]
    return source("\n".join([*lines, f"return n{length - 1}"])).model()


def test_time_is_linear() -> None:
    for length in (1_000, 10_000):
        model = chain_of(length)
        with at_most(300 * length):
            graphpass.check(model, {"x": (1, 3)})


def test_no_file_of_the_corpus_breaks_it(corpus: Path) -> None:
    looked_at = 0
    for path in sorted(corpus.rglob("*-symbol.json")):
        try:
            model = graphpass.load(path)
        except GraphpassError:
            continue
        report = graphpass.check(model)
        json.dumps(report.to_json())
        looked_at += 1
    assert looked_at > 100


@settings(max_examples=60)
@given(drawn=models(max_operators=8))
def test_a_model_that_runs_has_no_errors(drawn: RunnableModel) -> None:
    report = graphpass.check(drawn.model, drawn.shapes)
    errors = [str(finding) for finding in report if finding.severity == "error"]
    assert not errors
    assert not graphpass.check(drawn.model).fails()


@settings(max_examples=100)
@given(text=symbol_texts())
def test_no_symbol_breaks_it(text: str) -> None:
    try:
        graph = graphpass.loads(text)
    except GraphpassError:
        reject()
    report = graphpass.check(graphpass.Model(graph))
    json.dumps(report.to_json())
    assert len(str(report).splitlines()) >= 1
