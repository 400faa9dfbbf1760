"""What is said of near misses, one for each kind of condition, word for word."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from near_miss_cases import CASES, Case

from graphpass import Model, Parameters
from graphpass.formats.text import parse_graph
from graphpass.rules import explain, parse_pattern
from graphpass.rules.rewrite.match import CODES
from graphpass.rules.rewrite.rewrite import parse_rewrite


def subject_of(case: Case) -> Any:
    if case.replace is None:
        return parse_pattern(case.match)
    return parse_rewrite(case.match, case.replace, id="r", **case.options)


def model_of(case: Case) -> Model:
    arrays = {
        name: np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)
        for name, shape in case.shapes.items()
    }
    return Model(parse_graph(case.graph), Parameters(arrays))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.at}")
def test_what_is_said_word_for_word(case: Case) -> None:
    answer = explain(subject_of(case), model_of(case), case.at)
    assert not answer
    assert str(answer) == case.said.strip("\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.at}")
def test_a_near_miss_has_the_same_reason(case: Case) -> None:
    answer = explain(subject_of(case), model_of(case))
    near = [each for each in answer.near_misses if each.root.name == case.at]
    if case.said.count("✓") + case.said.count("✗") == 1 and not near:
        assert answer.lacking  # no node has the operator that the pattern begins with
        return
    (found,) = near
    assert (found.code, found.count) == (case.code, 1)
    failing = next(line for line in case.said.splitlines() if "✗" in line)
    assert found.what == failing.split("✗ ")[1][: len(found.what)]


def test_every_kind_of_condition_has_a_case() -> None:
    stages = {"where", "let", "replace", "outputs", "control", "subgraph", "error"}
    assert {case.code for case in CASES} == {*CODES, *stages}
