"""What no graph has that a pattern asks for."""

from __future__ import annotations

import pytest

from graphpass.rules import load_pass
from graphpass.rules.lint.lint import RuleFinding, findings_of
from graphpass.rules.pass_rewrites import groups_of


def impossibilities(pattern: str) -> list[RuleFinding]:
    loaded = load_pass([{"rewrite": {"match": f"y = {pattern}", "replace": "y = _zeros()"}}])
    [[member]] = groups_of(loaded)
    return [each for each in findings_of(member, loaded) if each.code == "never-matches"]


@pytest.mark.parametrize(
    ("pattern", "severity", "said"),
    [
        ("Convolution(x, *_, kernel=(1, 1, 1, 1))", "error",
         "no Convolution has these attributes, as MXNet asks for kernel.ndim=1,2,3; "
         "the pattern can never match"),
        ("(Convolution | Convolution_v1)(x, *_, kernel=(1,))", "warning",
         "no Convolution_v1 has these attributes, as MXNet asks for kernel.ndim=2,3; leave it out"),
        ("Pooling(x, global_pool=False, kernel=())", "error",
         "no Pooling has these attributes, as MXNet asks for global_pool=True|kernel.ndim=1,2,3; "
         "the pattern can never match"),
        ("relu(dot(aux(v), input(v)))", "error",
         "v is to be aux and input, which no value is; the pattern can never match"),
        ("BatchNorm(_, _, _, const(_), _)", "error",
         "input 3 of BatchNorm is an auxiliary state, never of kind const; write aux(_)"),
    ],
)  # fmt: skip
def test_said(pattern: str, severity: str, said: str) -> None:
    [found] = impossibilities(pattern)
    assert (found.severity, found.message) == (severity, said)


@pytest.mark.parametrize(
    "pattern",
    [
        "Convolution(x, *_, kernel=(1, 1))",
        "Pooling(x, global_pool=True, kernel=())",
        "Pooling(x, kernel=())",
        "dot(param(v), const(v))",
        "BatchNorm(_, param(g), _, aux(m), aux(v))",
        "BatchNorm(*_)",
        "`Vendor`(param(v), aux(w), odd=1)",
    ],
)
def test_possible(pattern: str) -> None:
    assert impossibilities(pattern) == []
